//! `ploy config compare|promote|discard`: asks a service about a version of settings on its way.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ploy::order::StrategyId;
use serde_json::{Value, json};

use super::super::args::Server;
use super::super::client::{Client, Failure};
use super::super::{Exit, Said, failed, output, shape, written};
use crate::words;

/// What a service can be asked about a version on its way.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// How the version in shadow decides otherwise than the one in force
    Compare(Compare),
    /// Put the version in shadow in force, or end the trial of the one in force well
    Promote(Decide),
    /// Set the version in shadow aside, or roll the one on trial back
    Discard(Decide),
}

/// Which strategy is meant.
#[derive(Debug, Args)]
pub struct Compare {
    /// Its id: the stem of its file
    id: StrategyId,
}

/// What is decided, and why.
#[derive(Debug, Args)]
pub struct Decide {
    /// The strategy's id: the stem of its file
    id: StrategyId,
    /// Why, for the audit
    #[arg(long)]
    reason: Option<String>,
    /// Who decides, for the audit
    #[arg(long, default_value = "cli")]
    actor: String,
}

/// Asks the service and writes what it says: 0 when done, 3 where there is no such strategy, 4 where no version of it
/// is on its way.
#[must_use]
pub fn run(server: &Server, command: &RolloutCommand) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(ask(server, command)).into(),
        Err(error) => {
            output::talk(&format!("ploy: start: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn ask(server: &Server, command: &RolloutCommand) -> Exit {
    match said(server, command).await {
        Ok(said) => written(&said),
        Err(failure) => failed(&failure, None),
    }
}

async fn said(server: &Server, command: &RolloutCommand) -> Result<Said, Failure> {
    let client = Client::new(&server.url)?;
    let json = match command {
        RolloutCommand::Compare(Compare { id }) => {
            client.get::<Value>(&format!("v1/strategies/{id}/shadow")).await?.json
        }
        RolloutCommand::Promote(decide) => decided(&client, "promote", decide).await?,
        RolloutCommand::Discard(decide) => decided(&client, "discard", decide).await?,
    };
    let text = || match command {
        RolloutCommand::Compare(_) => compared(&json),
        RolloutCommand::Promote(_) => told(&json, "promoted"),
        RolloutCommand::Discard(_) => told(&json, "discarded"),
    };
    let mut said = Said::new(shape(server.output, &json, text), Exit::Done);
    if !matches!(command, RolloutCommand::Compare(_)) {
        said.hint = Some("see what came of it: `ploy status`".to_owned());
    }
    Ok(said)
}

async fn decided(client: &Client, verb: &str, decide: &Decide) -> Result<Value, Failure> {
    let Decide { id, reason, actor } = decide;
    let body = json!({"actor": actor, "reason": reason});
    Ok(client.post::<Value>(&format!("v1/strategies/{id}/{verb}"), &body).await?.json)
}

/// Returns the comparison for people, line by line without what could command a terminal.
fn compared(json: &Value) -> String {
    let comparison = json.get("comparison").unwrap_or(&Value::Null);
    let (version, good) = (field(comparison, "version"), field(comparison, "good"));
    let since = field(comparison, "since");
    let text = comparison.get("text").and_then(Value::as_str).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(words::plain).collect();
    format!("version {version} in shadow of {good} since {since}\n\n{}\n", lines.join("\n"))
}

fn field(json: &Value, name: &str) -> String {
    words::plain(json.get(name).and_then(Value::as_str).unwrap_or("-"))
}

fn told(json: &Value, what: &str) -> String {
    format!("{}: version {} {what}\n", field(json, "strategy"), field(json, "version"))
}
