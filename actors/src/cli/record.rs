//! `ploy record`: plays what a service recorded again, and tells whether the same comes of it.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ploy::compare::line::{End, Line};

use super::form::Output;
use super::{Exit, output};
use crate::panics;
use crate::record::build::known;
use crate::record::replay::{self, Played};
use crate::record::report::Report;
use crate::replay::file::{FileError, Writer};
use crate::replay::recorded::{self, Wanted};

/// What can be done with records.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Play a record again: every decision must come out as it was taken
    Check(Check),
}

/// The record to check.
#[derive(Debug, Args)]
pub struct Check {
    /// Folder of a record, or files of one run in their order
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Runs a command and writes its answer to `out`.
///
/// # Errors
/// When the record cannot be read, or the answer not be written.
pub fn run(
    command: &RecordCommand,
    output: Output,
    out: &mut impl io::Write,
) -> anyhow::Result<Exit> {
    match command {
        RecordCommand::Check(check) => run_check(check, output, out),
    }
}

fn run_check(command: &Check, output: Output, out: &mut impl io::Write) -> anyhow::Result<Exit> {
    let runs = match command.paths.as_slice() {
        [one] => replay::runs(one)?,
        files => vec![files.to_vec()],
    };
    panics::hush();
    let mut reports: Vec<Report> = Vec::new();
    for files in runs {
        let see = &mut |_: &replay::Step<'_>| ControlFlow::Continue(());
        let Played { report, .. } = replay::play(&files, &known, see)?;
        reports.push(report);
    }
    match output {
        Output::Json => {
            let json =
                serde_json::to_string_pretty(&reports).context("write the report as JSON")?;
            writeln!(out, "{json}").context("write the answer")?;
        }
        Output::Text => {
            for report in &reports {
                write!(out, "{report}").context("write the answer")?;
            }
        }
    }
    let equal = reports.iter().all(Report::is_equal);
    Ok(if equal { Exit::Done } else { Exit::Unhealthy })
}

/// Returns the files of the one run whose record is named; nothing where tapes are named.
///
/// # Errors
/// When a file cannot be read, a folder holds several runs, or both are named at once.
pub(super) fn files(paths: &[PathBuf]) -> anyhow::Result<Option<Vec<PathBuf>>> {
    if let [folder] = paths
        && folder.is_dir()
    {
        let mut runs = replay::runs(folder)?;
        return match (runs.pop(), runs.len()) {
            (Some(files), 0) => Ok(Some(files)),
            (_, more) => bail!(
                "{} holds the records of {} runs: name the files of one of them",
                folder.display(),
                more + 1
            ),
        };
    }
    // What cannot be read is refused as a tape, in its words.
    let is_record = |path: &PathBuf| replay::is_record(path).unwrap_or(false);
    let records: Vec<bool> = paths.iter().map(is_record).collect();
    match (records.contains(&true), records.contains(&false)) {
        (true, true) => bail!("tapes and records cannot be played together"),
        (true, false) => Ok(Some(paths.to_vec())),
        (false, _) => Ok(None),
    }
}

/// What of a record is to be replayed.
#[derive(Debug)]
pub(super) struct Replayed<'a> {
    /// What is played and told.
    pub(super) wanted: Wanted,
    /// Where decisions are written.
    pub(super) decisions: Option<&'a Path>,
}

/// Replays a record as tapes are replayed: decisions to a file, a report, and whether all came out as recorded.
///
/// # Errors
/// When something cannot be read, played or written.
pub(super) fn replay(replayed: &Replayed<'_>, format: Output) -> anyhow::Result<Exit> {
    let Replayed { wanted, decisions } = replayed;
    panics::hush();
    let prepared = recorded::prepare(wanted)?;
    let mut writer = match decisions {
        Some(path) => Some(Writer::create(path, prepared.header.clone())?),
        None => None,
    };
    let tell = &mut |line: Line| writer.as_mut().map_or(Ok(()), |writer| writer.write(&line));
    let recorded = match recorded::play(wanted, &prepared, tell)? {
        Ok(recorded) => recorded,
        Err(FileError::Closed) => return Ok(Exit::Done),
        Err(error) => return Err(error.into()),
    };
    if let Some(mut writer) = writer.take() {
        let end = Line::End(End { lines: writer.lines(), ..recorded.end });
        match writer.write(&end).and_then(|()| writer.finish()) {
            Ok(()) | Err(FileError::Closed) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let text = match format {
        Output::Text => recorded.report.to_string(),
        Output::Json => {
            serde_json::to_string_pretty(&recorded.report).context("write the report as JSON")?
        }
    };
    if *decisions == Some(Path::new("-")) {
        output::talk(&text);
    } else {
        output::answer(&text).context("write the report")?;
    }
    Ok(if recorded.report.is_equal() { Exit::Done } else { Exit::Unhealthy })
}
