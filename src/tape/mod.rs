//! The tape: our recording format, one JSON object a line; text in, events out, and back. `docs/tape.md` describes it.

pub(crate) mod line;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::line::{EndLine, LineIn, LineOut};
use crate::event::MarketEvent;
use crate::time::Timestamp;

/// The version that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// The first line of a tape: what it holds, where it comes from, what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always `ploy`.
    pub tape: String,
    /// Always [`VERSION`].
    pub version: u32,
    /// What it is, in one line.
    pub title: String,
    /// Where the data comes from.
    pub source: String,
    /// What may be done with it.
    pub licence: String,
    /// Whether the books were recorded or modelled.
    pub books: Books,
    /// The instant of the first event.
    pub from: Timestamp,
    /// The instant of the last event.
    pub to: Timestamp,
    /// What a reader must know: conversions, assumptions.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Where the books of a tape come from. Shown wherever results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Books {
    /// Seen on the venue.
    Recorded,
    /// Made around a fair value: results say little about real depth.
    Modelled,
    /// The tape has no books.
    None,
}

impl Books {
    /// Returns what the books of both are together: modelled where any are, else recorded where any are.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Modelled, _) | (_, Self::Modelled) => Self::Modelled,
            (Self::Recorded, _) | (_, Self::Recorded) => Self::Recorded,
            (Self::None, Self::None) => Self::None,
        }
    }
}

/// One line after the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Something that happened.
    Event(MarketEvent),
    /// The last line; a tape without it was cut off.
    End {
        /// The number of events before it.
        events: u64,
    },
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first line is no header.
    #[error("line 1: not the header of a tape ({0})")]
    NoHeader(String),
    /// A version that this program does not read.
    #[error("line 1: tape version {0} is not readable: this program reads version {VERSION}")]
    Version(u32),
    /// A line that is no event.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// An event earlier than the one before it.
    #[error("line {line}: time runs backwards, {at} after {before}")]
    Backwards {
        /// Its number, from 1.
        line: u64,
        /// Its instant.
        at: Timestamp,
        /// The instant of the event before it.
        before: Timestamp,
    },
    /// The count in the last line is not the number of events.
    #[error("line {line}: the tape says it has {said} events, {read} were read")]
    Count {
        /// Its number, from 1.
        line: u64,
        /// What the last line says.
        said: u64,
        /// What was read.
        read: u64,
    },
    /// A line after the last one.
    #[error("line {line}: there is more after the end of the tape")]
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

/// Reads a tape line by line, and holds it to its rules: a header first, time forward, an end.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    line: u64,
    events: u64,
    last: Timestamp,
    ended: bool,
}

impl Decoder {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it is no header, or of a version that this program does not read.
    pub fn header(&mut self, text: &str) -> Result<Header, Fault> {
        #[derive(Deserialize)]
        struct Probe {
            tape: String,
            version: u32,
        }
        self.line = 1;
        let probe: Probe =
            serde_json::from_str(text).map_err(|e| Fault::NoHeader(short(&e.to_string())))?;
        if probe.tape != "ploy" {
            return Err(Fault::NoHeader(format!("a tape of `{}`", short(&probe.tape))));
        }
        if probe.version != VERSION {
            return Err(Fault::Version(probe.version));
        }
        serde_json::from_str(text).map_err(|e| Fault::NoHeader(short(&e.to_string())))
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// When it breaks a rule of the format; the fault names its number.
    pub fn line(&mut self, text: &str) -> Result<Item, Fault> {
        self.line += 1;
        let line = self.line;
        if self.ended {
            return Err(Fault::AfterEnd { line });
        }
        let parsed: LineIn = serde_json::from_str(text)
            .map_err(|e| Fault::Line { line, problem: short(&e.to_string()) })?;
        if let Some(EndLine { events: said }) = parsed.end {
            self.ended = true;
            let read = self.events;
            return if said == read {
                Ok(Item::End { events: read })
            } else {
                Err(Fault::Count { line, said, read })
            };
        }
        let event = parsed.event().map_err(|problem| Fault::Line { line, problem })?;
        if event.at < self.last {
            return Err(Fault::Backwards { line, at: event.at, before: self.last });
        }
        self.last = event.at;
        self.events += 1;
        Ok(Item::Event(event))
    }

    /// Says that there are no more lines.
    ///
    /// # Errors
    /// When the closing line has not been read: the tape was cut off.
    pub const fn finish(&self) -> Result<(), Fault> {
        if self.ended { Ok(()) } else { Err(Fault::CutOff { line: self.line }) }
    }

    /// Returns the number of the line read last, from 1.
    #[must_use]
    pub const fn line_number(&self) -> u64 {
        self.line
    }
}

/// Writes the first line.
#[must_use]
pub fn encode_header(header: &Header) -> String {
    serde_json::to_string(header).expect("a header is plain strings and numbers")
}

/// Returns what tells tapes from others: the SHA-256 of what each says of itself, in their order, as 64 hex digits.
#[must_use]
pub fn identity(headers: &[Header]) -> String {
    let mut digest = Sha256::new();
    for header in headers {
        digest.update(encode_header(header));
        digest.update("\n");
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes an event as a line.
#[must_use]
pub fn encode(event: &MarketEvent) -> String {
    serde_json::to_string(&LineOut::of(event)).expect("an event is plain strings and numbers")
}

/// Writes the closing line of a tape with so many events.
#[must_use]
pub fn encode_end(events: u64) -> String {
    format!(r#"{{"end":{{"events":{events}}}}}"#)
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"tape":"ploy","version":1,"title":"a","source":"b","licence":"c","books":"modelled","from":"2026-09-28T09:00:00Z","to":"2026-09-28T09:00:01Z","notes":[]}"#;
    const ID: &str = "0xabababababababababababababababababababababababababababababababab";

    fn decoder() -> Decoder {
        let mut decoder = Decoder::default();
        decoder.header(HEADER).unwrap();
        decoder
    }

    fn lines() -> Vec<String> {
        [
            r#""market":{"id":"ID","slug":"s","question":"q","outcomes":["Up","Down"],"tick":"0.01","min_size":"5","fees":{"rate":"0.07","exponent":1},"opens_at":"2026-09-28T09:00:00Z","closes_at":"2026-09-28T09:15:00Z"}"#,
            r#""book":{"m":"ID","o":"yes","b":[["0.49","514.99"]],"a":[["0.5","205"]]}"#,
            r#""trade":{"m":"ID","o":"no","side":"sell","p":"0.51","s":"7"}"#,
            r#""spot":{"symbol":"BTC","usd":"64000.12"}"#,
            r#""game":{"id":"1","league":"NBA","teams":["BKN","GSW"],"score":[10,12],"period":1,"clock_s":300,"is_final":false}"#,
            r#""tick":{"m":"ID","tick":"0.001"}"#,
            r#""resolved":{"m":"ID","pays":["1","0"]}"#,
            r#""feed":{"name":"books","state":"down"}"#,
            r#""gap":{"missed":3}"#,
        ]
        .iter()
        .map(|body| format!(r#"{{"t":1790586000000000,{}}}"#, body.replace("ID", ID)))
        .collect()
    }

    #[test]
    fn every_kind_of_event_is_written_as_it_is_read() {
        let mut decoder = decoder();
        for line in lines() {
            let Item::Event(event) = decoder.line(&line).unwrap() else { panic!("an event") };
            assert_eq!(encode(&event), line);
        }
        assert_eq!(decoder.line(&encode_end(9)), Ok(Item::End { events: 9 }));
        assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn books_are_modelled_together_where_any_are() {
        use Books::{Modelled, None, Recorded};
        let check = |one: Books, other: Books, both| {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} {other:?}");
        };
        check(Recorded, Recorded, Recorded);
        check(Recorded, None, Recorded);
        check(Recorded, Modelled, Modelled);
        check(None, Modelled, Modelled);
        check(None, None, None);
    }

    #[test]
    fn a_header_is_written_as_it_is_read() {
        let header = Decoder::default().header(HEADER).unwrap();
        assert_eq!(encode_header(&header), HEADER);
    }

    fn fault(line: &str) -> String {
        decoder().line(line).unwrap_err().to_string()
    }

    #[test]
    fn a_broken_line_is_named_by_its_number() {
        assert!(fault("{").starts_with("line 2: EOF"));
        assert_eq!(fault(r#"{"gap":{"missed":1}}"#), "line 2: the time `t` is missing");
        assert!(fault(r#"{"t":1,"guess":{}}"#).contains("unknown field `guess`"));
        assert!(fault(r#"{"t":1}"#).contains("nothing that happened"));
        assert!(fault(r#"{"t":-1,"gap":{"missed":1}}"#).contains("no microsecond"));
        let two = r#"{"t":1,"gap":{"missed":1},"spot":{"symbol":"A","usd":"1"}}"#;
        assert!(fault(two).contains("more than one event"));
        assert_eq!(fault(&encode_end(3)), "line 2: the tape says it has 3 events, 0 were read");
        let wild = r#"{"t":1,"book":{"m":"0x12","o":"yes","b":[],"a":[]}}"#;
        assert!(fault(wild).contains("not a condition id"));
    }

    #[test]
    fn time_only_runs_forward() {
        let mut decoder = decoder();
        decoder.line(r#"{"t":2,"gap":{"missed":1}}"#).unwrap();
        decoder.line(r#"{"t":2,"gap":{"missed":1}}"#).unwrap();
        let fault = decoder.line(r#"{"t":1,"gap":{"missed":1}}"#).unwrap_err();
        assert!(matches!(fault, Fault::Backwards { line: 4, .. }), "{fault}");
    }

    #[test]
    fn a_tape_has_an_end_and_nothing_after_it() {
        let mut decoder = decoder();
        assert_eq!(decoder.finish(), Err(Fault::CutOff { line: 1 }));
        decoder.line(&encode_end(0)).unwrap();
        assert_eq!(decoder.line(&encode_end(0)), Err(Fault::AfterEnd { line: 3 }));
    }

    #[test]
    fn other_formats_and_versions_are_refused_at_the_first_line() {
        let mut decoder = Decoder::default();
        assert!(matches!(decoder.header("not json"), Err(Fault::NoHeader(_))));
        assert!(matches!(
            decoder.header(r#"{"tape":"other","version":1}"#),
            Err(Fault::NoHeader(_))
        ));
        assert_eq!(decoder.header(r#"{"tape":"ploy","version":9}"#), Err(Fault::Version(9)));
    }
}
