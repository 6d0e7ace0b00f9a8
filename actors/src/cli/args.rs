//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand};
use ploy::config::Speed;
use ploy::order::StrategyId;
use reqwest::Url;

use super::form::Output;
use super::why::WhyArgs;

/// Runs and supervises trading strategies for prediction markets.
#[derive(Debug, Parser)]
#[command(name = "ploy", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  ploy run                       play the tapes of ploy.toml against every strategy
  ploy run --speed max --exit-at-end
                                 the same, as fast as it goes, and end with a report
  ploy replay                    the same without a service, and faster
  ploy compare a.toml b.toml     what another setting would have changed, and why
  ploy status                    one line a strategy, and what is wrong
  ploy why split_arb_legged      why it trades, or why it does not")]
pub struct Args {
    /// Where the service is and how answers are written.
    #[command(flatten)]
    pub server: Server,
    /// What is to be done.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Where the service is and how answers are written.
#[derive(Clone, Debug, Arguments)]
pub struct Server {
    /// Address of the service that is asked
    #[arg(long, global = true, env = "PLOY_URL", value_parser = url)]
    #[arg(default_value = "http://127.0.0.1:8080", hide_env_values = true)]
    pub url: Url,
    /// How answers are written
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Output,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the service: play a tape against the strategies, and answer on the API
    Run(RunArgs),
    /// Play tapes to strategies without a service, as fast as the machine
    Replay(crate::cli::replay::ReplayArgs),
    /// Show what another setting would have decided, and what it would have come to
    Compare(crate::cli::compare::CompareArgs),
    /// Make tapes from raw recordings and models, and check them
    #[command(subcommand)]
    Tape(crate::cli::tape::TapeCommand),
    /// Check, compare, explain and begin files of settings; change those of a service
    #[command(subcommand)]
    Config(crate::cli::config::ConfigCommand),
    /// Play again what a service recorded of the inputs of its strategies
    #[command(subcommand)]
    Record(crate::cli::record::RecordCommand),
    /// Check, move, export, back up and prune the store
    Db(crate::cli::db::DbCommand),
    /// Who did what, and whether that was touched since
    Audit(crate::cli::audit::AuditCommand),
    /// Ask a service that runs.
    #[command(flatten)]
    Client(ClientVerb),
}

/// What a service that runs can be asked.
#[derive(Clone, Debug, Subcommand)]
pub enum ClientVerb {
    /// One line a strategy, and one sentence that says what is wrong
    Status(StatusArgs),
    /// List the strategies with their settings
    Strategies,
    /// Run a strategy that is stopped
    Start(StrategyArgs),
    /// End a strategy; its positions stay as they are
    Stop(StrategyArgs),
    /// End a strategy and run it again
    Restart(StrategyArgs),
    /// Let a strategy go on that is halted, paused or held back by its breaker; or, with --all, end a halt of all
    Resume(ResumeArgs),
    /// Halt all strategies at once: no entry leaves any more, exits do; `resume --all` ends it
    Halt(HaltArgs),
    /// Hold back the orders of one strategy, or of all: it runs on, and its exits leave
    Pause(PauseArgs),
    /// What to do about a service that starts no strategy because it was started too often
    #[command(subcommand)]
    SafeMode(SafeModeCommand),
    /// What the account and each strategy own, owe and made, and whether it adds up
    Ledger(LedgerArgs),
    /// Why a strategy trades or not, how an order or a decision came about, what was done at a time
    Why(WhyArgs),
    /// Whether the service can do its work, one check a line
    Health,
}

/// What can be done about safe mode.
#[derive(Clone, Debug, Subcommand)]
pub enum SafeModeCommand {
    /// Leave it: the strategies that are wanted start
    Leave(LeaveArgs),
}

/// What `ploy safe-mode leave` is told.
#[derive(Clone, Debug, Arguments)]
pub struct LeaveArgs {
    /// Why the service may trade again, for the audit
    #[arg(long, value_name = "WHY")]
    pub reason: String,
}

/// What `ploy run` is told.
#[derive(Clone, Debug, Arguments)]
pub struct RunArgs {
    /// Folder with ploy.toml and strategies/, a file a strategy
    #[arg(long, env = "PLOY_CONFIG", default_value = "config", value_name = "DIR")]
    pub config: PathBuf,
    /// Tape to play, plain or gzipped, instead of those in ploy.toml; several times for several as one
    #[arg(long, value_name = "FILE")]
    pub tape: Vec<PathBuf>,
    /// How fast event time runs, instead of the speed in ploy.toml: max, or a multiple such as 60x
    #[arg(long)]
    pub speed: Option<Speed>,
    /// Folder of the database ploy.db, instead of the place in ploy.toml
    #[arg(long, env = "PLOY_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Database file, instead of the place in ploy.toml
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub store: Option<PathBuf>,
    /// Address of the API, instead of the one in ploy.toml; port 0 lets the machine choose
    #[arg(long, env = "PLOY_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Another name, with its port, by which the API may be asked; needed where others can reach the address
    #[arg(long, env = "PLOY_ALLOW_HOST", value_delimiter = ',', value_name = "NAME:PORT")]
    pub allow_host: Vec<String>,
    /// Begin a new run, also where the last one of these tapes was not played to its end
    #[arg(long)]
    pub new_run: bool,
    /// End when the tape ends, instead of answering on
    #[arg(long)]
    pub exit_at_end: bool,
    /// Do not draw the live view, also not on a terminal
    #[arg(long)]
    pub no_view: bool,
}

/// What `ploy status` is told.
#[derive(Clone, Copy, Debug, Arguments)]
pub struct StatusArgs {
    /// Show it again every second until Ctrl-C
    #[arg(short, long, conflicts_with = "check")]
    pub watch: bool,
    /// Exit with 10 when something is wrong
    #[arg(long)]
    pub check: bool,
}

/// Who wants something of the gates.
#[derive(Clone, Debug, Arguments)]
pub struct By {
    /// Who asks, as it stands in the audit
    #[arg(long, value_name = "NAME", default_value = "cli")]
    pub actor: String,
}

/// What `ploy halt` is told.
#[derive(Clone, Debug, Arguments)]
pub struct HaltArgs {
    /// Why: it stands in status, log and audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who asks.
    #[command(flatten)]
    pub by: By,
}

/// What `ploy resume` is told.
#[derive(Clone, Debug, Arguments)]
pub struct ResumeArgs {
    /// Which strategy
    #[arg(required_unless_present = "all")]
    pub id: Option<StrategyId>,
    /// End the halt of all strategies, and the pause of all; pauses of single ones stay
    #[arg(long, conflicts_with = "id", requires = "reason")]
    pub all: bool,
    /// Why: it stands in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who asks.
    #[command(flatten)]
    pub by: By,
}

/// What `ploy pause` is told.
#[derive(Clone, Debug, Arguments)]
pub struct PauseArgs {
    /// Which strategy
    #[arg(required_unless_present = "all")]
    pub id: Option<StrategyId>,
    /// All strategies, also those that come later
    #[arg(long, conflicts_with = "id")]
    pub all: bool,
    /// Hold back exits and hedges too
    #[arg(long)]
    pub closed: bool,
    /// Why: it stands in status, log and audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who asks.
    #[command(flatten)]
    pub by: By,
}

/// What `ploy ledger` is told.
#[derive(Clone, Debug, Arguments)]
pub struct LedgerArgs {
    /// Only this strategy's accounts, with its shares by their state
    pub id: Option<StrategyId>,
}

/// Which strategy is meant.
#[derive(Clone, Debug, Arguments)]
pub struct StrategyArgs {
    /// Its id: the stem of its file
    pub id: StrategyId,
}

/// Reads the address of a service. Its path, where there is one, ends with a slash afterwards.
fn url(text: &str) -> Result<Url, String> {
    let mut url: Url = text.parse().map_err(|error| format!("{error}"))?;
    if url.scheme() != "http" || !url.has_host() {
        return Err("an address such as http://127.0.0.1:8080 is expected".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Args, ErrorKind> {
        Args::try_parse_from(line.split(' ')).map_err(|error| error.kind())
    }

    fn run(line: &str) -> RunArgs {
        match parse(line).unwrap().verb {
            Verb::Run(run) => run,
            verb @ (Verb::Replay(_)
            | Verb::Compare(_)
            | Verb::Tape(_)
            | Verb::Config(_)
            | Verb::Record(_)
            | Verb::Db(_)
            | Verb::Audit(_)
            | Verb::Client(_)) => {
                panic!("{verb:?} is not `run`")
            }
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_run_needs_nothing_and_takes_everything() {
        let plain = run("ploy run");
        assert_eq!(plain.config, PathBuf::from("config"));
        assert_eq!((plain.store, plain.speed, plain.listen), (None, None, None));
        let full = run("ploy run --config c --tape t.gz --tape u.gz --speed 60x --store s.db \
             --listen 127.0.0.1:0 --exit-at-end --output json --no-view --allow-host a:1,b:2");
        assert_eq!(full.speed.unwrap().to_string(), "60x");
        assert_eq!(full.tape, ["t.gz", "u.gz"].map(PathBuf::from));
        assert_eq!(full.store, Some(PathBuf::from("s.db")));
        assert_eq!(full.allow_host, ["a:1", "b:2"]);
        assert!(full.exit_at_end && full.no_view);
    }

    #[test]
    fn output_and_address_stand_before_or_behind_the_verb() {
        for line in [
            "ploy -o json --url http://localhost:9 status",
            "ploy status -o json --url http://localhost:9",
        ] {
            let args = parse(line).unwrap();
            assert_eq!(args.server.output, Output::Json);
            assert_eq!(args.server.url.as_str(), "http://localhost:9/");
        }
        assert_eq!(parse("ploy status -o table").unwrap().server.output, Output::Text);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |line, kind| assert_eq!(parse(line).err(), Some(kind), "{line}");
        check("ploy run --speed 0x", ErrorKind::ValueValidation);
        check("ploy run --speed fast", ErrorKind::ValueValidation);
        check("ploy run --speed 60", ErrorKind::ValueValidation);
        check("ploy run --store s.db --data d", ErrorKind::ArgumentConflict);
        check("ploy start", ErrorKind::MissingRequiredArgument);
        check("ploy start Not/An/Id", ErrorKind::ValueValidation);
        check("ploy --url https://a status", ErrorKind::ValueValidation);
        check("ploy --url nonsense status", ErrorKind::ValueValidation);
        check("ploy status --watch --check", ErrorKind::ArgumentConflict);
        check("ploy why", ErrorKind::MissingRequiredArgument);
        check("ploy why a/b", ErrorKind::ValueValidation);
        check("ploy why a --at noon", ErrorKind::ValueValidation);
        check("ploy why a/1 --run a&b", ErrorKind::ValueValidation);
        check("ploy halt", ErrorKind::MissingRequiredArgument);
        check("ploy resume", ErrorKind::MissingRequiredArgument);
        check("ploy resume --all", ErrorKind::MissingRequiredArgument);
        check("ploy resume a --all --reason r", ErrorKind::ArgumentConflict);
        check("ploy pause a", ErrorKind::MissingRequiredArgument);
        check("ploy pause --reason r", ErrorKind::MissingRequiredArgument);
        check("ploy dance", ErrorKind::InvalidSubcommand);
    }
}
