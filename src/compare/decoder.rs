//! Reading a decisions file: a header first, time forward, an end; what breaks a rule is named with its line.

use serde::Deserialize;

use super::line::{Decided, Line, Verdict};
use crate::time::Timestamp;

/// The version that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first line is no header.
    #[error("line 1: not the first line of a decisions file ({0})")]
    NoHeader(String),
    /// A version that this program does not read.
    #[error("line 1: version {0} is not readable: this program reads version {VERSION}")]
    Version(u32),
    /// A line that is none of ours.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// No last line, or one that counts other lines than there are.
    #[error(
        "cut off after line {line}: the closing line is missing or does not count what is there"
    )]
    CutOff {
        /// The number of the last line that is there.
        line: u64,
    },
}

/// Reads a decisions file line by line, and holds it to its rules: a header first, time forward, an end.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    line: u64,
    last: Timestamp,
    ended: bool,
}

impl Decoder {
    /// Reads the next line, the first one included.
    ///
    /// # Errors
    /// When it breaks a rule of the format; the fault names its number.
    pub fn line(&mut self, text: &str) -> Result<Line, Fault> {
        self.line += 1;
        let number = self.line;
        let bad = |problem: String| {
            let problem = problem.chars().take(200).collect();
            if number == 1 {
                Fault::NoHeader(problem)
            } else {
                Fault::Line { line: number, problem }
            }
        };
        if number == 1 {
            self.version(text)?;
        }
        let line: Line = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        match &line {
            Line::Decisions(_) if number == 1 => return Ok(line),
            Line::Decisions(_) => return Err(bad("a second first line".to_owned())),
            Line::Decision(_)
            | Line::Fill(_)
            | Line::Done(_)
            | Line::Settled(_)
            | Line::Risk(_)
            | Line::End(_)
                if number == 1 =>
            {
                return Err(bad("the header is missing".to_owned()));
            }
            Line::Decision(decided) => check(decided).map_err(|what| bad(what.to_owned()))?,
            Line::End(end) if end.lines + 1 != number => {
                return Err(Fault::CutOff { line: number });
            }
            Line::Fill(_) | Line::Done(_) | Line::Settled(_) | Line::Risk(_) | Line::End(_) => {}
        }
        if self.ended {
            return Err(bad("there is more after the end".to_owned()));
        }
        self.ended = matches!(line, Line::End(_));
        if let Some(at) = line.at() {
            if at < self.last {
                return Err(bad(format!("time runs backwards, {at} after {}", self.last)));
            }
            self.last = at;
        }
        Ok(line)
    }

    /// Says that there are no more lines.
    ///
    /// # Errors
    /// When the closing line has not been read: the file was cut off.
    pub const fn finish(&self) -> Result<(), Fault> {
        if self.ended { Ok(()) } else { Err(Fault::CutOff { line: self.line }) }
    }

    /// Refuses another version before anything else is looked at.
    fn version(&self, text: &str) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Probe {
            decisions: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let probe: Probe = serde_json::from_str(text)
            .map_err(|error| Fault::NoHeader(error.to_string().chars().take(200).collect()))?;
        match probe.decisions.version {
            VERSION => Ok(()),
            other => Err(Fault::Version(other)),
        }
    }
}

/// Refuses a decision whose parts do not belong together.
const fn check(decided: &Decided) -> Result<(), &'static str> {
    match (decided.verdict, &decided.intent, &decided.reason, &decided.rule) {
        (Verdict::Order, Some(_), None, None)
        | (Verdict::Rejected, Some(_), None, Some(_))
        | (Verdict::No, None, Some(_), None) => Ok(()),
        (Verdict::Order | Verdict::Rejected | Verdict::No, _, _, _) => {
            Err("the verdict does not fit what stands beside it")
        }
    }
}
