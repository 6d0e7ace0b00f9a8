//! `ploy db`: looks after the store by hand; no service is asked.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use ploy::time::Timestamp;
use serde_json::{Value, json};

use super::form::Output;
use super::{Exit, output};
use crate::settings;
use crate::store::Location;
use crate::store::admin::{self, Format, Moved, OldAudit};

/// Which store, and what is to be done with it.
#[derive(Debug, Args)]
pub struct DbCommand {
    /// Folder with ploy.toml, which says where the store is
    #[arg(long, global = true, env = "PLOY_CONFIG", default_value = "config", value_name = "DIR")]
    pub config: PathBuf,
    /// Database file, instead of the store of `PLOY_STORE_URL` or ploy.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// What is to be done.
    #[command(subcommand)]
    pub verb: DbVerb,
}

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Look whether it is whole, while a service runs or not; exit with 10 when something is wrong
    Check,
    /// Bring its schema up to date, making it where it is missing
    Migrate,
    /// Take every row of a database file into the store, which must hold none: so SQLite moves to PostgreSQL
    Import(ImportArgs),
    /// Write every table as a text file
    Export(ExportArgs),
    /// Copy it, while a service runs or not, into a database file that is itself a store
    Backup(BackupArgs),
    /// Delete decisions, errors, phases and trips of old runs; orders, fills and settlements stay
    Prune(PruneArgs),
}

/// What is moved.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The database file
    #[arg(value_name = "FILE")]
    pub from: PathBuf,
}

/// What is written, and where.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder of the files; it is made where it is missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// How rows are written
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A line with the names, then a line a row
    #[default]
    Csv,
    /// A JSON object a line
    Jsonl,
}

/// Where the copy goes.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The new file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// What is deleted.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Of the runs that began before this time, never of the newest
    #[arg(long, value_name = "TIME")]
    pub before: Timestamp,
    /// Also the rows of the audit chain that were written before it; what is left can be checked as before
    #[arg(long)]
    pub audit: bool,
}

/// Does it, and writes what came of it.
///
/// # Errors
/// When the store cannot be found or used, or the answer not be written.
pub(super) fn run(command: &DbCommand, format: Output) -> anyhow::Result<Exit> {
    let location = settings::location(&command.config, command.store.as_deref())?;
    let (json, text, exit) = match &command.verb {
        DbVerb::Check => check(&location)?,
        DbVerb::Migrate => {
            let version = admin::migrate(&location)?;
            let json = json!({"place": location.to_string(), "version": version});
            (json, format!("{location} has migration {version}\n"), Exit::Done)
        }
        DbVerb::Import(args) => {
            let moved = admin::import(&Location::File(args.from.clone()), &location)?;
            tables(&moved, &format!("{location}: every row is there, counts and sums agree"))
        }
        DbVerb::Export(args) => {
            let format = match args.format {
                ExportFormat::Csv => Format::Csv,
                ExportFormat::Jsonl => Format::Jsonl,
            };
            let written = admin::export(&location, &args.folder, format)?;
            let ending = format.ending();
            tables(&written, &format!("one .{ending} file a table in {}", args.folder.display()))
        }
        DbVerb::Backup(args) => {
            let copied = admin::backup(&location, &args.file)?;
            tables(&copied, &format!("{}: counts and sums agree", args.file.display()))
        }
        DbVerb::Prune(args) => {
            let pruned = admin::prune(
                &location,
                args.before,
                if args.audit { OldAudit::Delete } else { OldAudit::Keep },
            )?;
            tables(&pruned, &format!("deleted from {location}"))
        }
    };
    let text = match format {
        Output::Text => text,
        Output::Json => format!("{json:#}\n"),
    };
    output::answer(&text).context("write the answer")?;
    Ok(exit)
}

fn check(location: &Location) -> anyhow::Result<(Value, String, Exit)> {
    let health = admin::check(location)?;
    let mut text = format!("{}, migration {}\n", health.place, health.version);
    for (table, rows) in &health.rows {
        let _infallible = writeln!(text, "{table:<16} {rows:>12}");
    }
    for fault in &health.faults {
        let _infallible = writeln!(text, "WRONG: {fault}");
    }
    let exit = if health.faults.is_empty() { Exit::Done } else { Exit::Unhealthy };
    if exit == Exit::Done {
        text.push_str("nothing is wrong\n");
    }
    let rows: Vec<Value> =
        health.rows.iter().map(|(table, rows)| json!({"table": table, "rows": rows})).collect();
    let json = json!({
        "place": health.place, "version": health.version, "tables": rows, "faults": health.faults,
    });
    Ok((json, text, exit))
}

fn tables(moved: &[Moved], end: &str) -> (Value, String, Exit) {
    let mut text = String::new();
    for Moved { table, rows } in moved {
        let _infallible = writeln!(text, "{table:<16} {rows:>12}");
    }
    let _infallible = writeln!(text, "{end}");
    let rows: Vec<Value> =
        moved.iter().map(|Moved { table, rows }| json!({"table": table, "rows": rows})).collect();
    (json!({"tables": rows}), text, Exit::Done)
}
