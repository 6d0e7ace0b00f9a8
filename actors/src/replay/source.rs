//! Where events come from: one tape or several, each read ahead by a thread of its own, merged by time.

use std::path::{Path, PathBuf};

use ploy::event::MarketEvent;
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::adapters::tape::lines::Lines;
use crate::adapters::tape::{TapeError, reader};
use crate::ports::FeedItem;

/// Events taken at once: a reader is waited for once for all of them, not for each.
const TAKE_MAX: usize = 256;

/// Why there are no events.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No tape was named.
    #[error("no tape to replay")]
    Nothing,
    /// A tape cannot be played.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A tape broke while it was played; the text names it and the line.
    #[error("{0}")]
    Broken(String),
    /// The record of a service.
    #[error(
        "{}: this is the record of a service, and only tapes of markets can be replayed", .0.display()
    )]
    Record(PathBuf),
    /// A tape of somebody else.
    #[error("{}: a tape of `{kind}`, and only tapes of `ploy` can be replayed", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        kind: String,
    },
}

/// The events of all tapes in the order of time; at the same instant, those of the tape that was named first come
/// first.
#[derive(Debug)]
pub(super) struct Source {
    tapes: Vec<Ahead>,
    headers: Vec<Header>,
}

/// A tape that is read ahead, with what was taken of it.
#[derive(Debug)]
struct Ahead {
    items: mpsc::Receiver<FeedItem>,
    taken: std::vec::IntoIter<FeedItem>,
    next: Option<MarketEvent>,
    is_over: bool,
}

impl Source {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let (mut tapes, mut headers) = (Vec::new(), Vec::new());
        for path in paths {
            // This is the place where another kind of tape is told apart and opened in its own way.
            match kind(path)?.as_deref() {
                Some("ploy-record") => return Err(SourceError::Record(path.clone())),
                // What has no kind is refused by the reader, which says why.
                Some("ploy") | None => {
                    let (header, items) = reader::spawn(path, reader::READ_AHEAD)?;
                    headers.push(header);
                    tapes.push(Ahead::new(items));
                }
                Some(other) => {
                    let kind = other.chars().take(40).collect();
                    return Err(SourceError::Kind { path: path.clone(), kind });
                }
            }
        }
        if tapes.is_empty() { Err(SourceError::Nothing) } else { Ok(Self { tapes, headers }) }
    }

    /// Returns the next events; none at the end.
    pub(super) fn take(&mut self) -> Result<Vec<MarketEvent>, SourceError> {
        let mut events = Vec::with_capacity(TAKE_MAX);
        while events.len() < TAKE_MAX {
            let mut first: Option<(Timestamp, usize)> = None;
            for (place, tape) in self.tapes.iter_mut().enumerate() {
                if let Some(at) = tape.at()? {
                    first = Some(first.map_or((at, place), |first| first.min((at, place))));
                }
            }
            let tape = first.and_then(|(_, place)| self.tapes.get_mut(place));
            let Some(event) = tape.and_then(|tape| tape.next.take()) else { break };
            events.push(event);
        }
        Ok(events)
    }

    pub(super) fn headers(&self) -> &[Header] {
        &self.headers
    }

    pub(super) fn span(&self) -> (Timestamp, Timestamp) {
        let from = self.headers.iter().map(|header| header.from).min();
        let to = self.headers.iter().map(|header| header.to).max();
        (from.unwrap_or_default(), to.unwrap_or_default())
    }

    pub(super) fn title(&self) -> String {
        let titles: Vec<&str> = self.headers.iter().map(|header| header.title.as_str()).collect();
        titles.join(" + ")
    }

    pub(super) fn books(&self) -> Books {
        super::books(&self.headers)
    }
}

impl Ahead {
    fn new(items: mpsc::Receiver<FeedItem>) -> Self {
        Self { items, taken: Vec::new().into_iter(), next: None, is_over: false }
    }

    /// Returns the instant of the next event, or nothing at the end.
    fn at(&mut self) -> Result<Option<Timestamp>, SourceError> {
        if self.next.is_none() && !self.is_over {
            self.next = self.advance()?;
        }
        Ok(self.next.as_ref().map(|event| event.at))
    }

    fn advance(&mut self) -> Result<Option<MarketEvent>, SourceError> {
        let item = match self.taken.next() {
            Some(item) => Some(item),
            None => {
                let mut batch = Vec::with_capacity(TAKE_MAX);
                self.items.blocking_recv_many(&mut batch, TAKE_MAX);
                self.taken = batch.into_iter();
                self.taken.next()
            }
        };
        self.is_over = !matches!(item, Some(FeedItem::Event(_)));
        match item {
            Some(FeedItem::Event(event)) => Ok(Some(event)),
            Some(FeedItem::End { .. }) => Ok(None),
            Some(FeedItem::Broken(why)) => Err(SourceError::Broken(why)),
            None => Err(SourceError::Broken("the thread that read the tape has ended".to_owned())),
        }
    }
}

/// Returns what a tape says it is, where its first line says so.
fn kind(path: &Path) -> Result<Option<String>, SourceError> {
    #[derive(Deserialize)]
    struct Probe {
        tape: String,
    }
    let mut lines = Lines::open(path).map_err(TapeError::from)?;
    let line = lines.next_line().map_err(TapeError::from)?;
    let probe = line.and_then(|line| serde_json::from_str::<Probe>(line.text).ok());
    Ok(probe.map(|probe| probe.tape))
}
