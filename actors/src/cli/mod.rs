//! The command line: a verb works on files by itself, or asks a service that runs and writes what it says.

pub mod args;
pub mod audit;
mod client;
pub mod compare;
pub mod config;
pub mod db;
pub mod form;
mod gates;
mod ledger;
mod look;
mod output;
pub mod record;
pub mod replay;
mod status;
pub mod tape;
#[cfg(test)]
mod tests;
pub mod why;

use std::error::Error as _;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use ploy::command::Action;
use ploy::ledger::LedgerStatus;
use ploy::order::StrategyId;
use ploy::status::SystemStatus;
use serde_json::{Value, json};

use self::args::{ClientVerb, SafeModeCommand, Server, StatusArgs};
use self::client::{Answer, Client, Failure};
use self::form::Output;
use self::look::Look;
use self::output::Reader;
use crate::verdict::{Level, Verdict};

/// How often `ploy status --watch` asks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Works on tapes. Nothing runs for it.
#[must_use]
pub fn run_tape(command: tape::TapeCommand) -> ExitCode {
    match tape::run(command, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::talk(&format!("ploy: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Replays tapes. No service is asked, and nothing listens.
#[must_use]
pub fn run_replay(args: &replay::ReplayArgs, output: Output) -> ExitCode {
    ended(replay::run(args, output))
}

/// Compares two sides of a strategy. No service is asked, and nothing listens.
#[must_use]
pub fn run_compare(args: &compare::CompareArgs, output: Output) -> ExitCode {
    ended(compare::run(args, output))
}

fn ended(result: anyhow::Result<Exit>) -> ExitCode {
    result.map_or_else(
        |error| {
            output::talk(&format!("ploy: {error:#}"));
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}

/// Works on the store. Nothing runs for it.
#[must_use]
pub fn run_db(command: &db::DbCommand, output: Output) -> ExitCode {
    ended(db::run(command, output))
}

/// Reads the audit chain. Nothing runs for it.
#[must_use]
pub fn run_audit(command: &audit::AuditCommand, output: Output) -> ExitCode {
    ended(audit::run(command, output))
}

/// Works on records. Nothing runs for it.
#[must_use]
pub fn run_record(server: &Server, command: &record::RecordCommand) -> ExitCode {
    match record::run(command, server.output, &mut io::stdout().lock()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::talk(&format!("ploy: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// How the program ends, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked is done.
    Done,
    /// It failed.
    Failed,
    /// The command line asks for what cannot be.
    Usage,
    /// There is no such strategy.
    NotFound,
    /// The strategy's phase forbids it, what halted is still there, or nothing was to be changed.
    Refused,
    /// Two things that were compared differ.
    Different,
    /// No service answers.
    Unreachable,
    /// The service did not answer in time.
    TimedOut,
    /// The answer is there, and it says that something is wrong.
    Unhealthy,
    /// The service ended itself: a strategy burnt a thread, and nothing but the end of the process ends that.
    Hung,
}

impl Exit {
    /// Returns the number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Different => 5,
            Self::Unreachable => 6,
            Self::TimedOut => 8,
            Self::Unhealthy => 10,
            Self::Hung => 12,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What is written, and how the program ends.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// Goes to standard output.
    text: String,
    /// What a person might do next; goes to standard error.
    hint: Option<String>,
    exit: Exit,
}

/// Asks the service, writes what it says, and returns how the program ends.
#[must_use]
pub fn run_client(server: &Server, verb: &ClientVerb) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(connect(server, verb)),
        Err(error) => {
            output::talk(&format!("ploy: start: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn connect(server: &Server, verb: &ClientVerb) -> ExitCode {
    let look = Look::of_stdout();
    let exit = match Client::new(&server.url) {
        Err(failure) => failed(&failure, None),
        Ok(client) => match verb {
            ClientVerb::Status(StatusArgs { watch: true, .. }) => {
                watch(&client, server.output).await
            }
            ClientVerb::Status(_)
            | ClientVerb::Strategies
            | ClientVerb::Start(_)
            | ClientVerb::Stop(_)
            | ClientVerb::Restart(_)
            | ClientVerb::Resume(_)
            | ClientVerb::SafeMode(_)
            | ClientVerb::Halt(_)
            | ClientVerb::Pause(_)
            | ClientVerb::Why(_)
            | ClientVerb::Ledger(_)
            | ClientVerb::Health => match ask(&client, verb, server.output, look).await {
                Ok(said) => written(&said),
                Err(failure) => failed(&failure, subject(verb)),
            },
        },
    };
    exit.into()
}

/// Returns what is to be written.
async fn ask(
    client: &Client,
    verb: &ClientVerb,
    output: Output,
    look: Look,
) -> Result<Said, Failure> {
    match verb {
        ClientVerb::Status(args) => {
            let answer: Answer<SystemStatus> = client.get("v1/status").await?;
            let wrong = Verdict::of(&answer.value).level == Level::Wrong;
            let exit = if args.check && wrong { Exit::Unhealthy } else { Exit::Done };
            let text = || status::render(&answer.value, look);
            Ok(Said::new(shape(output, &answer.json, text), exit))
        }
        ClientVerb::Strategies => {
            let answer: Answer<SystemStatus> = client.get("v1/status").await?;
            let list = json!({
                "snapshot": answer.value.snapshot,
                "items": answer.json.get("strategies"),
            });
            let text = || status::list(&answer.value, look);
            Ok(Said::new(shape(output, &list, text), Exit::Done))
        }
        ClientVerb::Start(args) => command(client, Action::Start, &args.id, output).await,
        ClientVerb::Stop(args) => command(client, Action::Stop, &args.id, output).await,
        ClientVerb::Restart(args) => command(client, Action::Restart, &args.id, output).await,
        ClientVerb::SafeMode(SafeModeCommand::Leave(args)) => {
            let answer = client.leave_safe_mode(&args.reason).await?;
            let text = || "safe mode was left\n".to_owned();
            let mut said = Said::new(shape(output, &answer.json, text), Exit::Done);
            said.hint = Some("see what starts: `ploy status`".to_owned());
            Ok(said)
        }
        ClientVerb::Resume(args) => gates::resume(client, args, output).await,
        ClientVerb::Halt(args) => gates::halt(client, args, output).await,
        ClientVerb::Pause(args) => gates::pause(client, args, output).await,
        ClientVerb::Why(args) => why::explain(client, args, output, look).await,
        ClientVerb::Ledger(args) => {
            let answer: Answer<LedgerStatus> = client.get("v1/ledger").await?;
            let exit = if answer.value.is_sound() { Exit::Done } else { Exit::Unhealthy };
            let text = ledger::render(&answer.value, args.id.as_ref(), look)?;
            Ok(Said::new(shape(output, &answer.json, || text), exit))
        }
        ClientVerb::Health => {
            let (ready, checks) = client.ready().await?;
            let word = if ready { "ready" } else { "not ready" };
            let exit = if ready { Exit::Done } else { Exit::Failed };
            let json = json!({"ready": ready, "checks": checks});
            let text = || format!("{}\n{word}\n", checks.join("\n"));
            Ok(Said::new(shape(output, &json, text), exit))
        }
    }
}

async fn command(
    client: &Client,
    action: Action,
    id: &StrategyId,
    output: Output,
) -> Result<Said, Failure> {
    let answer = client.command(action, id).await?;
    let taken = &answer.value;
    let text = || format!("{}: {}\n", taken.strategy, taken.phase);
    let mut said = Said::new(shape(output, &answer.json, text), Exit::Done);
    said.hint = Some("see what came of it: `ploy status`".to_owned());
    Ok(said)
}

/// Shows the status again and again, until Ctrl-C or until nobody reads.
async fn watch(client: &Client, output: Output) -> Exit {
    let verb = ClientVerb::Status(StatusArgs { watch: true, check: false });
    let mut first = true;
    loop {
        match ask(client, &verb, output, Look::of_stdout()).await {
            Ok(said) => match output::answer(&framed(&said.text, output)) {
                Ok(Reader::There) => {}
                Ok(Reader::Gone) => return Exit::Done,
                Err(error) => return unwritten(&error),
            },
            Err(failure) if first => return failed(&failure, None),
            Err(failure) => output::talk(&chain(&failure)),
        }
        first = false;
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Exit::Done,
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
    }
}

/// On a terminal the new picture is drawn over the old one; into a pipe goes one answer after the other.
fn framed(text: &str, output: Output) -> String {
    match output {
        Output::Json => match serde_json::from_str::<Value>(text) {
            Ok(json) => json.to_string(),
            Err(_) => text.to_owned(),
        },
        Output::Text if io::stdout().is_terminal() => {
            let lines: Vec<String> = text.lines().map(|line| format!("{line}\u{1b}[K")).collect();
            format!("\u{1b}[H{}\u{1b}[J", lines.join("\n"))
        }
        Output::Text => format!("{text}\n"),
    }
}

fn written(said: &Said) -> Exit {
    if let Err(error) = output::answer(&said.text) {
        return unwritten(&error);
    }
    if let Some(hint) = &said.hint {
        output::talk(hint);
    }
    said.exit
}

fn unwritten(error: &io::Error) -> Exit {
    output::talk(&format!("error: the answer cannot be written: {error}"));
    Exit::Failed
}

fn failed(failure: &Failure, id: Option<&StrategyId>) -> Exit {
    output::talk(&format!("error: {}", chain(failure)));
    if let Some(id) = id {
        for verb in failure.instead() {
            output::talk(&format!("possible now: `ploy {verb} {id}`"));
        }
    }
    failure.exit()
}

/// Returns a failure with its causes, as far as they help.
fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    if matches!(failure, Failure::Request { .. }) {
        let mut cause = failure.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
    }
    text
}

fn subject(verb: &ClientVerb) -> Option<&StrategyId> {
    match verb {
        ClientVerb::Start(args) | ClientVerb::Stop(args) | ClientVerb::Restart(args) => {
            Some(&args.id)
        }
        ClientVerb::Resume(args) => args.id.as_ref(),
        ClientVerb::Pause(args) => args.id.as_ref(),
        ClientVerb::Why(args) => Some(args.what.strategy()),
        ClientVerb::Ledger(args) => args.id.as_ref(),
        ClientVerb::Status(_)
        | ClientVerb::Strategies
        | ClientVerb::SafeMode(_)
        | ClientVerb::Halt(_)
        | ClientVerb::Health => None,
    }
}

fn shape(output: Output, json: &Value, text: impl FnOnce() -> String) -> String {
    match output {
        Output::Text => text(),
        Output::Json => format!("{json:#}\n"),
    }
}

impl Said {
    const fn new(text: String, exit: Exit) -> Self {
        Self { text, hint: None, exit }
    }
}
