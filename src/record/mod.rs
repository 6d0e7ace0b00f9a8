//! The record: what the kernels of a running service consumed, one JSON object a line; text in, values out, and back.
//!
//! A record is a row of files of one run. Each file stands alone: before a strategy's first input in it stands
//! how the strategy was then, so that playing can begin with any file. `docs/record.md` describes it.

mod kinds;
mod line;
mod mark;

pub use kinds::{CommandNote, End, Fact, Gap, PhaseNote, Recall, Saved, Start};
pub use mark::{Mark, NoMark};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::line::{LineIn, LineOut};
use crate::kernel::Input;
use crate::order::StrategyId;
use crate::status::Mode;
use crate::time::Timestamp;

/// The version that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;
/// How the first line of a record names its format.
pub const FORMAT: &str = "ploy-record";

/// The first line of a file: which run it belongs to, and where it stands among the files of that run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`FORMAT`].
    pub tape: String,
    /// Always [`VERSION`].
    pub version: u32,
    /// The id of the run.
    pub run: String,
    /// Whether orders were paper or real.
    pub mode: Mode,
    /// The version of the program that wrote it.
    pub program: String,
    /// The number of the file within the run, from 1.
    pub file: u32,
    /// The newest instant that was known when the file was begun.
    pub from: Timestamp,
}

/// One line after the header.
#[derive(Clone, Debug)]
pub enum Line {
    /// A strategy was built anew.
    Start(Box<Start>),
    /// It was told something that an earlier incarnation had done.
    Recall(Recall),
    /// Kernels took something in.
    Input {
        /// Whose, each with the mark of the decisions that it had taken before this input.
        to: BTreeMap<StrategyId, Mark>,
        /// What.
        input: Input,
    },
    /// How a strategy was between two of its inputs.
    Checkpoint(Box<Saved>),
    /// An incarnation came to its end.
    End(Box<End>),
    /// Inputs of a strategy are missing here.
    Gap(Gap),
    /// Somebody asked for something. Nothing follows from it here; it is there to be read.
    Command(CommandNote),
    /// A strategy moved to another phase. Nothing follows from it here; it is there to be read.
    Phase(PhaseNote),
    /// The last line of a file; a file without it was cut off.
    Close {
        /// The number of lines between the header and this one.
        lines: u64,
    },
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first line is no header.
    #[error("line 1: not the header of a record ({0})")]
    NoHeader(String),
    /// A version that this program does not read.
    #[error("line 1: record version {0} is not readable: this program reads version {VERSION}")]
    Version(u32),
    /// A line that says nothing that is known.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The count in the last line is not the number of lines.
    #[error("line {line}: the file says it has {said} lines, {read} were read")]
    Count {
        /// Its number, from 1.
        line: u64,
        /// What the last line says.
        said: u64,
        /// What was read.
        read: u64,
    },
    /// A line after the last one.
    #[error("line {line}: there is more after the end of the file's record")]
    AfterEnd {
        /// Its number, from 1.
        line: u64,
    },
    /// No last line: the file was cut off.
    #[error("cut off after line {line}: the closing line is missing")]
    CutOff {
        /// The number of the last line that is there.
        line: u64,
    },
}

/// Reads one file line by line, and holds it to its rules: a header first, numbers that rise, an end.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    line: u64,
    n: u64,
    ended: bool,
}

impl Header {
    /// Returns the header of a file of this run.
    #[must_use]
    pub fn new(run: String, mode: Mode, program: String, file: u32, from: Timestamp) -> Self {
        Self { tape: FORMAT.to_owned(), version: VERSION, run, mode, program, file, from }
    }
}

impl Decoder {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it is no header of a record, or of a version that this program does not read.
    pub fn header(&mut self, text: &str) -> Result<Header, Fault> {
        #[derive(Deserialize)]
        struct Probe {
            tape: String,
            version: u32,
        }
        let unfit = |error: serde_json::Error| Fault::NoHeader(short(&error.to_string()));
        self.line = 1;
        let probe: Probe = serde_json::from_str(text).map_err(unfit)?;
        if probe.tape != FORMAT {
            return Err(Fault::NoHeader(format!("a tape of `{}`", short(&probe.tape))));
        }
        if probe.version != VERSION {
            return Err(Fault::Version(probe.version));
        }
        serde_json::from_str(text).map_err(unfit)
    }

    /// Reads the next line. Returns its number in the sequence of the run, and what it says.
    ///
    /// # Errors
    /// When it breaks a rule of the format; the fault names its number in the file.
    pub fn line(&mut self, text: &str) -> Result<(u64, Line), Fault> {
        self.line += 1;
        let line = self.line;
        if self.ended {
            return Err(Fault::AfterEnd { line });
        }
        let unfit = |problem: String| Fault::Line { line, problem: short(&problem) };
        let read: LineIn = serde_json::from_str(text).map_err(|error| unfit(error.to_string()))?;
        let n = read.n;
        if n <= self.n {
            return Err(unfit(format!("its number {n} does not follow {}", self.n)));
        }
        let what = read.what().map_err(unfit)?;
        if let Line::Close { lines: said } = &what {
            self.ended = true;
            let (said, read) = (*said, line - 2);
            if said != read {
                return Err(Fault::Count { line, said, read });
            }
        }
        self.n = n;
        Ok((n, what))
    }

    /// Says that there are no more lines.
    ///
    /// # Errors
    /// When the closing line has not been read: the file was cut off.
    pub const fn finish(&self) -> Result<(), Fault> {
        if self.ended { Ok(()) } else { Err(Fault::CutOff { line: self.line }) }
    }

    /// Returns the number of the line read last, from 1.
    #[must_use]
    pub const fn line_number(&self) -> u64 {
        self.line
    }
}

/// Returns the instant of what was taken in.
#[must_use]
pub const fn instant(input: &Input) -> Timestamp {
    match input {
        Input::Market(event) => event.at,
        Input::Order(event) => event.at,
        Input::Timer(at) | Input::Gate { at, .. } | Input::Release { at } => *at,
    }
}

/// Tells whether the first line of a file says that it is a record, of whatever version.
#[must_use]
pub fn is_record(first_line: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        tape: String,
    }
    serde_json::from_str::<Probe>(first_line).is_ok_and(|probe| probe.tape == FORMAT)
}

/// Writes the first line.
#[must_use]
pub fn encode_header(header: &Header) -> String {
    serde_json::to_string(header).expect("a header is plain strings and numbers")
}

/// Writes a line with its number in the sequence of the run.
#[must_use]
pub fn encode(n: u64, line: &Line) -> String {
    match line {
        Line::Input { to, input } => encode_input(n, to, &encode_body(input)),
        Line::Start(_)
        | Line::Recall(_)
        | Line::Checkpoint(_)
        | Line::End(_)
        | Line::Gap(_)
        | Line::Command(_)
        | Line::Phase(_)
        | Line::Close { .. } => {
            serde_json::to_string(&LineOut::of(n, line)).expect("a line is plain maps and strings")
        }
    }
}

/// Writes what was taken in, as it stands in a line: for several lines where several strategies took in the same.
#[must_use]
pub fn encode_body(input: &Input) -> String {
    line::body(input)
}

/// Writes a line of what strategies took in, from what [`encode_body`] wrote.
#[must_use]
pub fn encode_input(n: u64, to: &BTreeMap<StrategyId, Mark>, body: &str) -> String {
    let to = serde_json::to_string(to).expect("names and marks are plain strings");
    format!("{{\"n\":{n},\"to\":{to},{body}}}")
}

/// Errors quote what was read; a broken file must not fill the log.
fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests;
