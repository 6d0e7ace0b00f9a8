//! Tapes: recordings in files, gzip or plain, read and written a line at a time. `docs/tape.md` describes them.
//!
//! What a line may hold is `ploy::tape`; here are the files: how one is opened, read ahead, written so that a
//! crash leaves no half of it, checked, and made from raw recordings.

pub mod check;
pub mod import;
pub mod lines;
pub mod merged;
pub mod model;
pub mod reader;
mod unpack;
pub mod writer;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ploy::tape::Fault;

use self::lines::LineError;

/// Why a tape cannot be read or written. Every message names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// There is no such tape.
    #[error(
        "{path}: there is no such tape; the shipped ones are in config/tapes, and `ploy tape import` and `ploy tape model` make new ones"
    )]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// No lines can be had from the file.
    #[error(transparent)]
    Lines(LineError),
    /// The lines are no tape, or break a rule of the format.
    #[error("{path}: {fault}")]
    Fault {
        /// The file.
        path: PathBuf,
        /// The rule, with the number of the line.
        fault: Fault,
    },
    /// The tape could not be written.
    #[error("{path}: the tape could not be written ({step})")]
    Write {
        /// The tape under its final name.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// No tape was named.
    #[error("no tape is named, and at least one is needed")]
    NoneGiven,
    /// A tape is to be played twice at once.
    #[error("{path}: this tape is given twice, also as {other}")]
    Twice {
        /// The file.
        path: PathBuf,
        /// How it was given before.
        other: PathBuf,
    },
    /// Two tapes contradict each other.
    #[error(
        "{path}: the market {market} has another `{what}` here than in {other}; they cannot be played together"
    )]
    Conflict {
        /// The tape that announced it later.
        path: PathBuf,
        /// The tape that announced it before.
        other: PathBuf,
        /// The market, by its short name.
        market: Arc<str>,
        /// In what they differ, by its name on a tape.
        what: &'static str,
    },
    /// The thread that reads ahead could not be started.
    #[error("the thread that reads the tapes could not be started")]
    Thread {
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl TapeError {
    /// Returns the message with all its causes, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl From<LineError> for TapeError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::NotFound { path } => Self::NotFound { path },
            other @ (LineError::Directory { .. }
            | LineError::CutOff { .. }
            | LineError::Read { .. }
            | LineError::TooLong { .. }
            | LineError::NotText { .. }) => Self::Lines(other),
        }
    }
}

#[cfg(test)]
mod merged_tests;
#[cfg(test)]
mod tests;
