//! `ploy config` where a service is asked: read now, plan, set, apply, history, rollback.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ploy::config::{self, Fault};
use ploy::order::StrategyId;
use ploy::status::SystemStatus;
use reqwest::Method;
use serde_json::{Value, json};

use super::caret;
use super::plan::{self, Plan, Standing, Wanted, change_line};
use super::said::{SHORT, became, short, told, words_of};
use crate::api::error::Code;
use crate::cli::args::Server;
use crate::cli::client::{Answer, Body, Client, Failure};
use crate::cli::form::Output;
use crate::cli::output::{answer, talk};
use crate::cli::{Exit, shape};
use crate::ports::Page;
use crate::ports::config::{Became, FileState, HistoryRecord, Reloaded, Updated};

/// What can be done with the settings of a service.
#[derive(Debug, Subcommand)]
pub enum ConfigAsk {
    /// Have the service read its folder of strategies now, and say what came of each file
    Reload,
    /// What a folder of settings would change: per setting, live or restart or blocked, and which limits move
    Plan(Plan),
    /// Change settings of a strategy in its file; its comments stay
    Set(Set),
    /// Put a file in the place of a strategy's file, or make a new strategy of it
    Apply(Apply),
    /// What became of a strategy's settings: each version, since when and until when, and who asked
    History(History),
    /// Go back to an older version of a strategy's settings
    Rollback(Rollback),
}

/// Which settings are to be changed.
#[derive(Debug, Args)]
pub struct Set {
    /// The strategy
    id: StrategyId,
    /// Settings with their values: `risk.order_burst=5`, `settings.market_prefixes=btc-,eth-`
    #[arg(value_name = "KEY=VALUE", value_parser = pair, required_unless_present = "default")]
    pairs: Vec<(String, String)>,
    /// A setting that is to be left to its default; several times for several
    #[arg(long, value_name = "KEY")]
    default: Vec<String>,
    /// How it is changed.
    #[command(flatten)]
    how: How,
}

/// Which file is to be applied.
#[derive(Debug, Args)]
pub struct Apply {
    /// The file; its stem is the strategy's id
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How it is changed.
    #[command(flatten)]
    how: How,
}

/// To which version to go back.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The strategy
    id: StrategyId,
    /// The version, or so many of its first digits as are needed
    #[arg(value_name = "VERSION", value_parser = digits)]
    version: String,
    /// How it is changed.
    #[command(flatten)]
    how: How,
}

/// How a file is changed.
#[derive(Debug, Args)]
pub(super) struct How {
    /// The version that you looked at: the change is refused where it is another by now
    #[arg(long, value_name = "VERSION", value_parser = digits)]
    base: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Whose history is wanted.
#[derive(Debug, Args)]
pub struct History {
    /// The strategy
    id: StrategyId,
    /// How many lines at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Asks the service, writes what it says, and returns how the program ends: 5 where a plan has something to do or
/// a change is based on another version.
pub(super) fn run(command: &ConfigAsk, server: &Server) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let said = match runtime {
        Ok(runtime) => runtime.block_on(ask(command, server)),
        Err(error) => Err(anyhow::Error::new(error).context("start")),
    };
    let exit =
        said.and_then(|(exit, text)| answer(&text).map(|_| exit).context("write the answer"));
    exit.unwrap_or_else(|error| {
        talk(&format!("error: {error:#}"));
        error.downcast_ref::<Failure>().map_or(Exit::Failed, Failure::exit)
    })
    .into()
}

/// Returns what the service says, and how the program is to end.
pub(super) async fn ask(command: &ConfigAsk, server: &Server) -> anyhow::Result<(Exit, String)> {
    let (client, output) = (Client::new(&server.url)?, server.output);
    match command {
        ConfigAsk::Reload => reload(&client, output).await,
        ConfigAsk::Plan(args) => planned(args, &client, output).await,
        ConfigAsk::Set(args) => set(args, &client, output).await,
        ConfigAsk::Apply(args) => apply(args, &client, output).await,
        ConfigAsk::Rollback(args) => rollback(args, &client, output).await,
        ConfigAsk::History(args) => history(args, &client, output).await,
    }
}

async fn reload(client: &Client, output: Output) -> anyhow::Result<(Exit, String)> {
    let body = Body::Json(json!({"actor": "cli"}));
    let told: Answer<Reloaded> =
        client.change(Method::POST, "v1/config/reload", None, body).await?;
    let is_faulty =
        told.value.strategies.iter().any(|found| matches!(found.became, Became::Faulty { .. }));
    let line = |found: &crate::ports::config::Found| {
        format!("{}: {}\n", found.strategy, became(&found.became))
    };
    let text = || told.value.strategies.iter().map(line).collect();
    let exit = if is_faulty { Exit::Failed } else { Exit::Done };
    Ok((exit, shape(output, &told.json, text)))
}

async fn planned(args: &Plan, client: &Client, output: Output) -> anyhow::Result<(Exit, String)> {
    let wanted = plan::wanted(&args.path)?;
    let standings = match &args.against {
        Some(folder) => plan::against(folder)?,
        None => standings(client, &wanted).await?,
    };
    let items = plan::plan(standings, wanted);
    let exit = if plan::is_nothing(&items) { Exit::Done } else { Exit::Different };
    let text = || plan::to_text(&items);
    Ok((exit, shape(output, &plan::to_json(&items), text)))
}

/// Returns what is in force of every strategy of the service, and of those that are wanted.
async fn standings(
    client: &Client,
    wanted: &Wanted,
) -> anyhow::Result<BTreeMap<StrategyId, Standing>> {
    let status: Answer<SystemStatus> = client.get("v1/status").await?;
    let mut held: BTreeMap<StrategyId, Vec<String>> = BTreeMap::new();
    for one in status.value.strategies {
        let markets = one.kernel.positions.into_iter().map(|position| position.market);
        held.insert(one.id, markets.collect());
    }
    // One that was added a moment ago is not in the snapshot yet.
    for new in &wanted.files {
        held.entry(new.id.clone()).or_default();
    }
    let mut standings = BTreeMap::new();
    for (id, held) in held {
        let told = match file(client, &id).await {
            Err(Failure::Refused(problem)) if problem.code == Code::UnknownStrategy => continue,
            told => told?,
        };
        let text = told.json.pointer("/in_force/text").and_then(Value::as_str).unwrap_or_default();
        let read = config::strategy("what is in force", id.clone(), text);
        let other = |faults: Vec<Fault>| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            anyhow::anyhow!("this program reads settings otherwise than the service: {first}")
        };
        let is_removed = told.value.text.is_none();
        standings.insert(id, Standing { config: read.map_err(other)?, held, is_removed });
    }
    Ok(standings)
}

async fn set(args: &Set, client: &Client, output: Output) -> anyhow::Result<(Exit, String)> {
    let file = file(client, &args.id).await?;
    let mut all: Vec<(String, Option<String>)> =
        args.pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    all.extend(args.default.iter().map(|key| (key.clone(), None)));
    // What the file would say is only needed to point at faults of it.
    let text = file.json.get("text").and_then(Value::as_str).unwrap_or_default();
    let text = config::edited("", text, &all).unwrap_or_else(|_faults| text.to_owned());
    let named: serde_json::Map<String, Value> = all
        .into_iter()
        .map(|(key, value)| (key, value.map_or(Value::Null, Value::String)))
        .collect();
    let path = format!("v1/strategies/{}/config", args.id);
    let change = Change {
        id: &args.id,
        method: Method::PATCH,
        path: &path,
        base: Some(args.how.base.clone().unwrap_or(file.value.version)),
        text,
        body: Body::Json(json!({"set": named, "actor": "cli"})),
    };
    change.send(client, args.how.dry_run, output).await
}

async fn apply(args: &Apply, client: &Client, output: Output) -> anyhow::Result<(Exit, String)> {
    let text =
        fs::read_to_string(&args.file).with_context(|| format!("read {}", args.file.display()))?;
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let id: StrategyId = stem.unwrap_or_default().parse()?;
    let base = match (&args.how.base, file(client, &id).await) {
        (Some(base), _) => Some(base.clone()),
        (None, Ok(file)) => file.value.text.is_some().then_some(file.value.version),
        (None, Err(Failure::Refused(problem))) if problem.code == Code::UnknownStrategy => None,
        (None, Err(failure)) => return Err(failure.into()),
    };
    let path = format!("v1/strategies/{id}/config");
    let body = Body::Text(text.clone());
    let change = Change { id: &id, method: Method::PUT, path: &path, base, text, body };
    change.send(client, args.how.dry_run, output).await
}

async fn rollback(
    args: &Rollback,
    client: &Client,
    output: Output,
) -> anyhow::Result<(Exit, String)> {
    let base = match &args.how.base {
        Some(base) => base.clone(),
        None => file(client, &args.id).await?.value.version,
    };
    let path = format!("v1/strategies/{}/config/rollback", args.id);
    let body = Body::Json(json!({"version": args.version, "actor": "cli"}));
    let (method, text) = (Method::POST, String::new());
    let change = Change { id: &args.id, method, path: &path, base: Some(base), text, body };
    change.send(client, args.how.dry_run, output).await
}

async fn history(
    args: &History,
    client: &Client,
    output: Output,
) -> anyhow::Result<(Exit, String)> {
    let path = format!("v1/strategies/{}/config/history?limit={}", args.id, args.limit);
    let page: Answer<Page<HistoryRecord>> = client.get(&path).await?;
    let text = || {
        let mut text: String = page.value.items.iter().map(line).collect();
        if page.value.items.is_empty() {
            text = format!("nothing is known of {}\n", args.id);
        } else if page.value.next.is_some() {
            text.push_str("there is more before: --limit\n");
        }
        text
    };
    let exit = if page.value.items.is_empty() { Exit::NotFound } else { Exit::Done };
    Ok((exit, shape(output, &page.json, text)))
}

fn line(record: &HistoryRecord) -> String {
    let version = record.version.as_deref().map_or("-".to_owned(), short);
    let event = record.event.replace('_', " ");
    let until = record.until.map(|until| format!("  (until {until})")).unwrap_or_default();
    let HistoryRecord { actor, what, .. } = record;
    let at = record.at.to_string();
    format!("{at:<27}  {event:<11}  {version:<SHORT$}  {actor}: {what}{until}\n")
}

async fn file(client: &Client, id: &StrategyId) -> Result<Answer<FileState>, Failure> {
    client.get(&format!("v1/strategies/{id}/config")).await
}

/// A change of a file, as it is sent.
struct Change<'a> {
    id: &'a StrategyId,
    method: Method,
    path: &'a str,
    /// The version on which it is based; none where the file is to be new.
    base: Option<String>,
    /// What the file would say, to point at its faults.
    text: String,
    body: Body,
}

impl Change<'_> {
    async fn send(
        self,
        client: &Client,
        is_dry: bool,
        output: Output,
    ) -> anyhow::Result<(Exit, String)> {
        let path = format!("{}?actor=cli&dry_run={is_dry}", self.path);
        let base = self
            .base
            .as_deref()
            .map_or(("If-None-Match", "*".to_owned()), |base| ("If-Match", format!("\"{base}\"")));
        let sent: Result<Answer<Updated>, Failure> =
            client.change(self.method, &path, Some(base), self.body).await;
        match sent {
            Ok(updated) => {
                let is_faulty = matches!(updated.value.became, Some(Became::Faulty { .. }));
                let exit = if is_faulty { Exit::Failed } else { Exit::Done };
                Ok((exit, shape(output, &updated.json, || told(&updated.value))))
            }
            Err(Failure::Refused(problem)) => {
                for fault in problem.facts.faults.clone().unwrap_or_default() {
                    talk(&caret::point(&words_of(fault.into()), &self.text));
                }
                if let (Some(base), Some(current)) = (&problem.facts.base, &problem.facts.current) {
                    talk(&since(client, self.id, base, current).await);
                }
                Err(Failure::Refused(problem).into())
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Returns what has changed since a version, as far as the store knows it.
async fn since(client: &Client, id: &StrategyId, base: &str, current: &str) -> String {
    let path = format!("v1/strategies/{id}/config/rollback?dry_run=true");
    let body = Body::Json(json!({"version": base}));
    let known = Some(("If-Match", format!("\"{current}\"")));
    let back: Result<Answer<Updated>, Failure> =
        client.change(Method::POST, &path, known, body).await;
    let Ok(back) = back else {
        return format!("what has changed since {} is not known", short(base));
    };
    let mut text = format!("changed since {}:\n", short(base));
    for mut change in back.value.changes {
        // Asked the other way round: what going back would change.
        std::mem::swap(&mut change.from, &mut change.to);
        change.limit = None;
        let _infallible = writeln!(text, "  {}", change_line(&change));
    }
    text
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| "a setting and its value are expected: risk.order_burst=5".to_owned())?;
    if key.trim().is_empty() {
        return Err("the name of the setting is missing before `=`".to_owned());
    }
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn digits(text: &str) -> Result<String, String> {
    let is_version = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let wrong = || "a version, or its first digits: 0 to 9 and a to f".to_owned();
    is_version.then(|| text.to_ascii_lowercase()).ok_or_else(wrong)
}
