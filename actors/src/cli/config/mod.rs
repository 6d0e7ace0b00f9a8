//! `ploy config`: checks, compares, explains and begins files of settings; asks a service where one is meant.

mod ask;
mod caret;
mod files;
mod plan;
pub mod rollout;
mod said;

pub use ask::ConfigAsk;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use ploy::config::{self, Applies, Change, Fault, Form, Origin, Preset, Rules, Setting, Stated};
use serde_json::json;

use self::files::{Read, loaded, read_service, read_strategy, strategy_files};
use super::args::Server;
use super::form::Output;

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read a folder of settings, or one file, and point at every fault
    Check(Check),
    /// What one file of a strategy says otherwise than another, and what the change needs
    Diff(Diff),
    /// What a strategy's file means: every setting with its value, also the defaults
    Show(Show),
    /// What a setting means: unit, range, default, and what a change needs
    Explain(Explain),
    /// A commented file for a new strategy
    New(New),
    /// The JSON Schema of the files, for editors
    Schema(Schema),
    /// Ask a service that runs.
    #[command(flatten)]
    Ask(ConfigAsk),
    /// Ask a service about a version on its way.
    #[command(flatten)]
    Rollout(rollout::RolloutCommand),
}

/// What is to be checked.
#[derive(Debug, Args)]
pub struct Check {
    /// A folder with ploy.toml and strategies/, or one file
    #[arg(default_value = "config", value_name = "PATH")]
    path: PathBuf,
}

/// Which files are to be compared.
#[derive(Debug, Args)]
pub struct Diff {
    /// The older file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The newer file
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Which file is to be shown.
#[derive(Debug, Args)]
pub struct Show {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Which setting is to be explained.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its name, or a part of it, with or without its section, such as risk.drawdown
    #[arg(value_name = "KEY")]
    key: String,
}

/// What the new strategy is to be.
#[derive(Debug, Args)]
pub struct New {
    /// By which rules it trades
    #[arg(value_enum)]
    kind: NewKind,
    /// Write the file here instead of to the terminal; a file that is there is never overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Rules for a new strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewKind {
    /// One cheap leg now, its hedge later
    SplitArbLegged,
    /// Both legs at once
    SplitArbSimultaneous,
    /// By the chance that the price ends above the strike
    Momentum,
    /// By momentum, sold by rules
    MomentumPredictive,
    /// By momentum, held to resolution
    MomentumConfirmatory,
    /// Shares of a team while its game is played
    NbaSwing,
    /// Fails on purpose, for fire drills
    Drill,
}

/// Which schema is wanted.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which file
    #[arg(value_enum)]
    file: SchemaOf,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// ploy.toml, the file of the service
    Service,
    /// The file of a strategy
    Strategy,
}

/// Runs a command and tells how it went: 0 when all is well, 1 when it failed or a file has faults, 5 when two
/// files differ; where a service is asked, as all that ask one.
#[must_use]
pub fn run(command: &ConfigCommand, server: &Server) -> ExitCode {
    let found = match command {
        ConfigCommand::Rollout(command) => return rollout::run(server, command),
        ConfigCommand::Ask(command) => return ask::run(command, server),
        ConfigCommand::Check(_) | ConfigCommand::Diff(_) | ConfigCommand::Show(_) => {
            answer(command, server.output, &mut io::stdout().lock())
        }
        ConfigCommand::Explain(_) | ConfigCommand::New(_) | ConfigCommand::Schema(_) => {
            answer(command, server.output, &mut io::stdout().lock())
        }
    };
    match found {
        Ok(Found::Fine) => ExitCode::SUCCESS,
        Ok(Found::Faults) => ExitCode::FAILURE,
        Ok(Found::Differences) => super::Exit::Different.into(),
        Err(error) => {
            super::output::talk(&format!("ploy: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Fine,
    Faults,
    Differences,
}

fn answer(command: &ConfigCommand, output: Output, out: &mut impl Write) -> anyhow::Result<Found> {
    let (found, text) = match command {
        ConfigCommand::Check(command) => check(&command.path, output)?,
        ConfigCommand::Diff(command) => diff(&command.old, &command.new, output)?,
        ConfigCommand::Show(command) => (Found::Fine, show(&command.file, output)?),
        ConfigCommand::Explain(command) => (Found::Fine, explain(&command.key)?),
        ConfigCommand::New(command) => (Found::Fine, new(command)?),
        ConfigCommand::Schema(command) => {
            let schema = match command.file {
                SchemaOf::Service => config::service_schema(),
                SchemaOf::Strategy => config::strategy_schema(),
            };
            (Found::Fine, format!("{schema:#}\n"))
        }
        ConfigCommand::Ask(_) | ConfigCommand::Rollout(_) => {
            bail!("a service is asked for this")
        }
    };
    match out.write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(found),
        written => written.context("write the answer").map(|()| found),
    }
}

fn check(path: &Path, output: Output) -> anyhow::Result<(Found, String)> {
    let mut files = Vec::new();
    if path.is_dir() {
        files.push(read_service(&path.join("ploy.toml"))?);
        for file in strategy_files(&path.join("strategies"))? {
            files.push(read_strategy(&file)?.0);
        }
    } else if path.file_name().is_some_and(|name| name == "ploy.toml") {
        files.push(read_service(path)?);
    } else {
        files.push(read_strategy(path)?.0);
    }
    let faults: Vec<&Fault> = files.iter().flat_map(|file| &file.faults).collect();
    let found = if faults.is_empty() { Found::Fine } else { Found::Faults };
    let text = match output {
        Output::Json => {
            let faults: Vec<_> = faults.iter().map(|fault| fault_json(fault)).collect();
            format!("{:#}\n", json!({"files": files.len(), "faults": faults}))
        }
        Output::Text => files.iter().map(checked).collect(),
    };
    Ok((found, text))
}

fn checked(file: &Read) -> String {
    if file.faults.is_empty() {
        return format!("{}: fine\n", file.path.display());
    }
    file.faults.iter().map(|fault| caret::point(fault, &file.text)).collect()
}

fn fault_json(fault: &Fault) -> serde_json::Value {
    let Fault { file, line, column, key, problem, hint } = fault;
    json!({
        "file": file, "line": line, "column": column, "key": key, "problem": problem, "hint": hint,
    })
}

fn diff(old: &Path, new: &Path, output: Output) -> anyhow::Result<(Found, String)> {
    let (old, new) = (loaded(old)?, loaded(new)?);
    let changes = config::changes(&old.stated, &new.stated);
    let found = if changes.is_empty() { Found::Fine } else { Found::Differences };
    let text = match output {
        Output::Json => {
            let all: Vec<_> = changes.iter().map(change_json).collect();
            let needs = config::needs(&changes).map(Applies::name);
            format!("{:#}\n", json!({"changes": all, "needs": needs}))
        }
        Output::Text => told(&changes),
    };
    Ok((found, text))
}

fn told(changes: &[Change]) -> String {
    let Some(needs) = config::needs(changes) else {
        return "no difference: both files mean the same\n".to_owned();
    };
    let mut text = String::new();
    for change in changes {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "not there".to_owned());
        let Change { section, key, from, to, applies } = change;
        let (from, to, class) = (side(from), side(to), applies.name());
        text.push_str(&format!("{section}.{key}: {from} -> {to}  ({class})\n"));
    }
    text + match needs {
        Applies::Live => "the running strategy can take this over\n",
        Applies::Restart => "this needs a restart of the strategy; its positions stay\n",
    }
}

fn change_json(change: &Change) -> serde_json::Value {
    json!({
        "setting": format!("{}.{}", change.section, change.key),
        "from": change.from,
        "to": change.to,
        "applies": change.applies.name(),
    })
}

fn show(file: &Path, output: Output) -> anyhow::Result<String> {
    let config = loaded(file)?;
    Ok(match output {
        Output::Json => {
            let all: Vec<_> = config.stated.iter().map(stated_json).collect();
            let (kind, variant) = (config.kind.name(), config.kind.variant());
            let head = json!({
                "id": config.id.as_str(), "kind": kind, "variant": variant,
                "version": config.version, "settings": all,
            });
            format!("{head:#}\n")
        }
        Output::Text => {
            let mut text = format!("# version {}\n", config.version);
            let mut section = "";
            for stated in &config.stated {
                if stated.section != section {
                    section = stated.section;
                    text.push_str(&format!("\n[{section}]\n"));
                }
                let origin = match stated.origin {
                    Origin::File => "",
                    Origin::Default => "  # default",
                };
                text.push_str(&format!("{} = {}{origin}\n", stated.key, stated.value));
            }
            text
        }
    })
}

fn stated_json(stated: &Stated) -> serde_json::Value {
    json!({
        "setting": format!("{}.{}", stated.section, stated.key),
        "value": stated.value,
        "default": stated.origin == Origin::Default,
        "applies": stated.applies.name(),
    })
}

fn explain(key: &str) -> anyhow::Result<String> {
    let mut told: Vec<(String, Setting, Vec<String>)> = Vec::new();
    for form in Form::ALL {
        let whose = match form {
            Form::Service => "ploy.toml".to_owned(),
            Form::Strategy(rules) => rules.title(),
        };
        for section in config::settings(form) {
            for setting in section.settings {
                let name = format!("{}.{}", section.name, setting.key);
                if !name.contains(key) {
                    continue;
                }
                match told.iter_mut().find(|(other, same, _)| *other == name && same == setting) {
                    Some((.., all)) => all.push(whose.clone()),
                    None => told.push((name, *setting, vec![whose.clone()])),
                }
            }
        }
    }
    if told.is_empty() {
        bail!("no setting is called {key:?}; `ploy config new <kind>` lists all of a kind");
    }
    let paragraph = |(name, setting, whose): &(String, Setting, Vec<String>)| {
        let needed = match setting.default {
            Preset::Required => "\n  it must be stated",
            Preset::Value(_) | Preset::Derived(_) => "",
        };
        let explained = config::explained(setting);
        format!("{name}\n  of {}\n  {explained}{needed}\n", whose.join(", "))
    };
    Ok(told.iter().map(paragraph).collect::<Vec<_>>().join("\n"))
}

fn new(command: &New) -> anyhow::Result<String> {
    let text = config::new_file(rules(command.kind));
    let Some(path) = &command.out else { return Ok(text) };
    let mut file = fs::File::create_new(path)
        .with_context(|| format!("begin {}: is it there already?", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    Ok(format!("{}: set its limits, then `enabled`\n", path.display()))
}

fn rules(kind: NewKind) -> Rules {
    use ploy::strategy::{momentum::config::Mode, split_arb::Style};
    match kind {
        NewKind::SplitArbLegged => Rules::SplitArb(Style::Legged),
        NewKind::SplitArbSimultaneous => Rules::SplitArb(Style::Simultaneous),
        NewKind::Momentum => Rules::Momentum(Mode::Directional),
        NewKind::MomentumPredictive => Rules::Momentum(Mode::Predictive),
        NewKind::MomentumConfirmatory => Rules::Momentum(Mode::Confirmatory),
        NewKind::NbaSwing => Rules::NbaSwing,
        NewKind::Drill => Rules::Drill,
    }
}

#[cfg(test)]
mod tests;
