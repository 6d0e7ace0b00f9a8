//! Playing a record again: the same inputs to strategies built from the same settings, compared with what is recorded.
//!
//! Nothing of the service is needed. Memory stays within one line of a file and the strategies themselves.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ploy::kernel::{Effect, Input, Kernel};
use ploy::order::StrategyId;
use ploy::record::{self, Decoder, Fault, Header, Line};

use super::build::Build;
use super::fault::RecordError;
use super::files;
use super::report::Report;
use super::seat::Seat;
use crate::adapters::tape::lines::{LineError, Lines};

/// One input of one strategy, played.
#[derive(Debug)]
pub struct Step<'a> {
    /// The number of its line in the run.
    pub n: u64,
    /// Whose it is.
    pub strategy: &'a StrategyId,
    /// What was taken in.
    pub input: &'a Input,
    /// What came of it.
    pub effects: &'a [Effect],
    /// The strategy after it.
    pub kernel: &'a Kernel,
}

/// What was played, and what the strategies are after it.
#[derive(Debug)]
pub struct Played {
    /// How it compares with the record.
    pub report: Report,
    /// Those strategies that live at the end.
    pub kernels: BTreeMap<StrategyId, Kernel>,
}

/// Returns the files of each run in a folder, runs and files in their order; a file is a run of its own.
///
/// # Errors
/// When the folder cannot be read, or has no file of a record.
pub fn runs(path: &Path) -> Result<Vec<Vec<PathBuf>>, RecordError> {
    if !path.is_dir() {
        return Ok(vec![vec![path.to_owned()]]);
    }
    let failed = |source| RecordError::Folder { path: path.to_owned(), source };
    let mut runs: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files::list(path).map_err(failed)? {
        runs.entry(file.run).or_default().push(file.path);
    }
    if runs.is_empty() {
        return Err(RecordError::Empty(path.to_owned()));
    }
    Ok(runs.into_values().collect())
}

/// Tells whether a file says in its first line that it is a part of a record.
///
/// # Errors
/// When the file cannot be read.
pub fn is_record(file: &Path) -> Result<bool, RecordError> {
    let mut lines = Lines::open(file)?;
    Ok(lines.next_line()?.is_some_and(|line| record::is_record(line.text)))
}

/// Returns what a file of a record says in its first line.
///
/// # Errors
/// When the file cannot be read, or is no file of a record.
pub fn header(file: &Path) -> Result<Header, RecordError> {
    let mut lines = Lines::open(file)?;
    match lines.next_line()? {
        Some(line) => Decoder::default().header(line.text).map_err(fault(file)),
        None => Err(fault(file)(Fault::NoHeader("the file is empty".to_owned()))),
    }
}

/// Plays files of one run in their order. `see` is shown every input that is played, with what came of it; when it
/// breaks, no more is played.
///
/// A strategy is played from its first start or checkpoint in these files on; where one is missing (files that were
/// deleted, a file that was cut off, inputs that were lost) from its next one on.
///
/// # Errors
/// When a file cannot be read, is no part of a record, or holds what this program does not understand. A file that
/// was cut off is none: what is there is played, and the report says that its end is missing.
pub fn play(
    files: &[PathBuf],
    build: &Build<'_>,
    see: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
) -> Result<Played, RecordError> {
    let mut player = Player { build, see, seats: BTreeMap::new(), report: None, last: None };
    for path in files {
        if player.file(path)?.is_break() {
            break;
        }
    }
    Ok(player.finish())
}

struct Player<'a> {
    build: &'a Build<'a>,
    see: &'a mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
    seats: BTreeMap<StrategyId, Seat>,
    report: Option<Report>,
    /// The number of the file played last, when it was whole.
    last: Option<u32>,
}

impl Player<'_> {
    fn file(&mut self, path: &Path) -> Result<ControlFlow<()>, RecordError> {
        let mut lines = Lines::open(path)?;
        let mut decoder = Decoder::default();
        let header = match lines.next_line() {
            Ok(Some(line)) => decoder.header(line.text).map_err(fault(path))?,
            Ok(None) => return Err(fault(path)(Fault::NoHeader("the file is empty".to_owned()))),
            // A file that was begun in the last moment: nothing of it is there.
            Err(error @ LineError::CutOff { .. }) => {
                self.cut_off(error.to_string());
                return Ok(ControlFlow::Continue(()));
            }
            Err(error) => return Err(error.into()),
        };
        self.header(path, &header)?;
        loop {
            let line = match lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error @ LineError::CutOff { .. }) => {
                    self.cut_off(error.to_string());
                    return Ok(ControlFlow::Continue(()));
                }
                Err(error) => return Err(error.into()),
            };
            let is_open = line.is_open;
            match decoder.line(line.text) {
                Ok((n, line)) => {
                    if self.line(n, line)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err(Fault::Line { .. }) if is_open => break,
                Err(other) => return Err(fault(path)(other)),
            }
        }
        match decoder.finish() {
            Ok(()) => self.last = Some(header.file),
            Err(missing) => self.cut_off(format!("{}: {missing}", path.display())),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn header(&mut self, path: &Path, header: &Header) -> Result<(), RecordError> {
        let report = self.report.get_or_insert_with(|| Report {
            run: header.run.clone(),
            program: header.program.clone(),
            ..Report::default()
        });
        if report.run != header.run {
            let (expected, found) = (report.run.clone(), header.run.clone());
            return Err(RecordError::OtherRun { path: path.to_owned(), expected, found });
        }
        report.files += 1;
        // Between the last file and this one something may be missing, or the last one has no end.
        if self.last.is_none_or(|last| last.checked_add(1) != Some(header.file)) {
            self.seats.values_mut().for_each(Seat::lose);
        }
        Ok(())
    }

    /// Notes that a file has no end: what strategies took in after it is not known.
    fn cut_off(&mut self, place: String) {
        self.last = None;
        self.report.get_or_insert_default().cut_off.push(place);
    }

    fn line(&mut self, n: u64, line: Line) -> Result<ControlFlow<()>, RecordError> {
        if let Some(report) = &mut self.report {
            report.lines += 1;
        }
        match line {
            Line::Input { to, input } => {
                if let Some(report) = &mut self.report {
                    report.to = report.to.max(Some(record::instant(&input)));
                }
                for (strategy, mark) in to {
                    let seat = self.seats.entry(strategy.clone()).or_default();
                    let Some((kernel, effects)) = seat.input(n, mark, &input) else { continue };
                    let step = Step { n, strategy: &strategy, input: &input, effects, kernel };
                    if (self.see)(&step).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Line::Start(start) => {
                let seat = self.seats.entry(start.strategy.clone()).or_default();
                seat.start(n, *start, self.build)?;
            }
            Line::Recall(recall) => {
                if let Some(seat) = self.seats.get_mut(&recall.strategy) {
                    seat.recall(&recall.fact);
                }
            }
            Line::Checkpoint(saved) => {
                let seat = self.seats.entry(saved.strategy.clone()).or_default();
                seat.checkpoint(n, *saved, self.build)?;
            }
            Line::End(end) => {
                if let Some(seat) = self.seats.get_mut(&end.strategy) {
                    seat.end(n, &end);
                }
            }
            Line::Gap(gap) => {
                if let Some(seat) = self.seats.get_mut(&gap.strategy) {
                    seat.lose();
                }
            }
            Line::Command(_) | Line::Phase(_) | Line::Close { .. } => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self) -> Played {
        let mut report = self.report.unwrap_or_default();
        let mut kernels = BTreeMap::new();
        for (id, seat) in self.seats {
            let (one, kernel) = seat.finish();
            report.strategies.insert(id.clone(), one);
            kernels.extend(kernel.map(|kernel| (id, kernel)));
        }
        Played { report, kernels }
    }
}

fn fault(path: &Path) -> impl FnOnce(Fault) -> RecordError {
    let path = path.to_owned();
    |fault| RecordError::Fault { path, fault }
}
