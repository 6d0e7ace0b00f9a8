//! `ploy record`: plays what a service recorded again, and tells whether the same comes of it.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::Exit;
use super::args::Output;
use crate::panics;
use crate::record::replay::{self, Played};
use crate::record::report::Report;

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
        let Played { report, .. } = replay::play(&files, &replay::known, see)?;
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
