//! What came of playing a record again: per strategy the digests, and the first place where they differ.

use std::collections::BTreeMap;
use std::fmt;

use ploy::order::StrategyId;
use ploy::time::Timestamp;
use serde::Serialize;

/// What came of playing the files of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The run.
    pub run: String,
    /// The version of the program that recorded it.
    pub program: String,
    /// How many files were played.
    pub files: u64,
    /// How many lines they have after their headers.
    pub lines: u64,
    /// The instant of the newest input.
    pub to: Option<Timestamp>,
    /// Where a file was cut off; what is there was played.
    pub cut_off: Vec<String>,
    /// Each strategy.
    pub strategies: BTreeMap<StrategyId, StrategyReport>,
}

/// What came of playing one strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StrategyReport {
    /// Inputs played.
    pub inputs: u64,
    /// Inputs in the record that could not be played: how the strategy was before them is not known.
    pub skipped: u64,
    /// Inputs that the strategy took in and that are not in the record.
    pub missing: u64,
    /// Incarnations that were built.
    pub incarnations: u64,
    /// Checkpoints of the record that the strategy was equal to when it was played to them.
    pub checkpoints: u64,
    /// Ends of incarnations that came out as they are recorded.
    pub ends: u64,
    /// Decisions that it has taken at the end, of all incarnations, also those before the record.
    pub decisions: u64,
    /// The fingerprint of all of them; empty when nothing could be played.
    pub digest: String,
    /// The fingerprint that the record states last; absent where it states none.
    pub expected: Option<String>,
    /// What a reader should know of it.
    pub note: Option<String>,
    /// The first place where what was played is not what is recorded.
    pub difference: Option<Difference>,
}

/// A place where what was played is not what is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The number of the line after which all was still equal.
    pub after: u64,
    /// The number of the line at which it was seen.
    pub at: u64,
    /// What differs, for people.
    pub what: String,
}

impl Report {
    /// Tells whether everything that could be played came out as it is recorded.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.strategies.values().all(|strategy| strategy.difference.is_none())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, program, files, lines, .. } = self;
        write!(f, "run {run} of ploy {program}: {files} files, {lines} lines")?;
        if let Some(to) = self.to {
            write!(f, ", to {to}")?;
        }
        writeln!(f)?;
        for place in &self.cut_off {
            writeln!(f, "the end is missing: {place}")?;
        }
        for (id, strategy) in &self.strategies {
            write!(f, "{id}: {strategy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for StrategyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, decisions, incarnations, checkpoints, ends, .. } = self;
        match &self.difference {
            None if self.inputs == 0 && self.digest.is_empty() => write!(f, "nothing to play")?,
            None => write!(f, "equal")?,
            Some(_) => write!(f, "DIFFERENT")?,
        }
        writeln!(
            f,
            ": {inputs} inputs, {decisions} decisions, {incarnations} incarnations, {ends} ends and \
             {checkpoints} checkpoints as recorded"
        )?;
        if !self.digest.is_empty() {
            writeln!(f, "  digest   {}", self.digest)?;
        }
        if let Some(expected) = &self.expected {
            writeln!(f, "  recorded {expected}")?;
        }
        if 0 < self.skipped {
            writeln!(f, "  {} inputs come before the first known state of it", self.skipped)?;
        }
        if 0 < self.missing {
            writeln!(f, "  {} inputs are missing in the record", self.missing)?;
        }
        if let Some(note) = &self.note {
            writeln!(f, "  {note}")?;
        }
        if let Some(Difference { after, at, what }) = &self.difference {
            writeln!(f, "  first difference between n = {after} and n = {at}: {what}")?;
        }
        Ok(())
    }
}
