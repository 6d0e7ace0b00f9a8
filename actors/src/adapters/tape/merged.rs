//! Several tapes as one: their events by time, those of one instant in the order in which the tapes were given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ploy::event::{Kind, MarketEvent};
use ploy::market::{ConditionId, Market};
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;
use tokio::sync::mpsc;

use super::TapeError;
use super::reader::{self, Tape};
use crate::ports::FeedItem;

/// How many events are read ahead: enough that nobody waits for the disk, and about a MiB of full books.
pub const READ_AHEAD: usize = 1024;

/// Tapes that are being read as one. As an iterator it ends after the last event, or after the first fault.
///
/// It holds one line and one event of each tape, and the definition of each market that is not settled:
/// the length of the tapes makes no difference.
#[derive(Debug)]
pub struct Merged {
    tapes: Vec<Source>,
    /// The instant of each tape's next event, with the tape's place: the earliest first, and the first tape
    /// first at the same instant.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The tapes whose next event is to be read.
    due: Vec<usize>,
    /// The open markets, each with the tape that announced it last.
    markets: BTreeMap<ConditionId, (usize, Arc<Market>)>,
    events: u64,
    is_over: bool,
}

/// One of the tapes.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    tape: Tape,
    head: Option<MarketEvent>,
}

/// Opens tapes, gzip or plain, and reads their headers, which come in the order of `paths`.
///
/// # Errors
/// When there is no tape, one is given twice, or one cannot be opened as [`reader::open`] says.
pub fn open(paths: &[PathBuf]) -> Result<(Vec<Header>, Merged), TapeError> {
    if paths.is_empty() {
        return Err(TapeError::NoneGiven);
    }
    let mut seen: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    let mut tapes = Vec::with_capacity(paths.len());
    for path in paths {
        let tape = reader::open(path)?;
        // Where the system cannot tell what a path leads to, the path itself is compared.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if let Some(other) = seen.insert(place, path) {
            return Err(TapeError::Twice { path: path.clone(), other: other.to_owned() });
        }
        tapes.push(Source { path: path.clone(), tape, head: None });
    }
    let headers = tapes.iter().map(|source| source.tape.header().clone()).collect();
    let merged = Merged {
        heads: BinaryHeap::with_capacity(tapes.len()),
        due: (0..tapes.len()).rev().collect(),
        tapes,
        markets: BTreeMap::new(),
        events: 0,
        is_over: false,
    };
    Ok((headers, merged))
}

/// Opens tapes and starts a thread that reads them ahead by `capacity` events ([`READ_AHEAD`] is a good one; at
/// least 1). The thread ends at the end of the tapes, at a fault, or when the receiver is dropped.
///
/// # Errors
/// Those of [`open`], or when no thread can be started. Later faults come as [`FeedItem::Broken`].
pub fn spawn(
    paths: &[PathBuf],
    capacity: usize,
) -> Result<(Vec<Header>, mpsc::Receiver<FeedItem>), TapeError> {
    let (headers, merged) = open(paths)?;
    let (tx, rx) = mpsc::channel(capacity.max(1));
    thread::Builder::new()
        .name("tape".to_owned())
        .spawn(move || pump(merged, &tx))
        .map_err(|source| TapeError::Thread { source })?;
    Ok((headers, rx))
}

impl Merged {
    /// Returns how many events were read so far, of all tapes together.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Returns the next event, or nothing at the end. After a fault there is nothing more.
    ///
    /// # Errors
    /// When a tape breaks a rule of the format here, is damaged or was cut off, or says another thing of a
    /// market than another tape does. The message names the tape.
    pub fn next_event(&mut self) -> Result<Option<MarketEvent>, TapeError> {
        Ok(self.next_of()?.map(|(_, event)| event))
    }

    /// Returns how many markets it remembers.
    #[cfg(test)]
    pub(super) fn markets_open(&self) -> usize {
        self.markets.len()
    }

    /// Returns the next event with where the books of its tape come from.
    fn next_of(&mut self) -> Result<Option<(Books, MarketEvent)>, TapeError> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.take();
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }

    fn take(&mut self) -> Result<Option<(Books, MarketEvent)>, TapeError> {
        while let Some(place) = self.due.pop() {
            if let Some(source) = self.tapes.get_mut(place) {
                source.head = source.tape.next_event()?;
                self.heads.extend(source.head.as_ref().map(|event| Reverse((event.at, place))));
            }
        }
        let Some(Reverse((_, place))) = self.heads.pop() else {
            return Ok(None);
        };
        let Some(source) = self.tapes.get_mut(place) else {
            return Ok(None);
        };
        let Some(event) = source.head.take() else {
            return Ok(None);
        };
        let books = source.tape.header().books;
        self.due.push(place);
        self.learn(place, &event)?;
        self.events += 1;
        Ok(Some((books, event)))
    }

    /// Holds what tapes say about the same market against each other. A market that is settled is forgotten.
    fn learn(&mut self, place: usize, event: &MarketEvent) -> Result<(), TapeError> {
        match &event.kind {
            Kind::Market(market) => {
                let before = self.markets.insert(market.id, (place, Arc::clone(market)));
                match before {
                    Some((other, known)) if other != place => differences(&known, market)
                        .map_err(|what| self.conflict(place, other, market, what)),
                    Some(_) | None => Ok(()),
                }
            }
            Kind::Resolved { market, .. } => {
                self.markets.remove(market);
                Ok(())
            }
            Kind::Book { .. } | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => Ok(()),
            Kind::Tick { .. } | Kind::Feed { .. } | Kind::Gap { .. } => Ok(()),
        }
    }

    fn conflict(
        &self,
        place: usize,
        other: usize,
        market: &Market,
        what: &'static str,
    ) -> TapeError {
        let path = |place: usize| {
            self.tapes.get(place).map(|source| source.path.clone()).unwrap_or_default()
        };
        let (path, other) = (path(place), path(other));
        TapeError::Conflict { path, other, market: Arc::clone(&market.slug), what }
    }
}

impl Iterator for Merged {
    type Item = Result<MarketEvent, TapeError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

/// Names the first thing that two definitions of a market contradict each other in. What one of them leaves out
/// contradicts nothing: not every source tells a strike or tokens.
fn differences(one: &Market, other: &Market) -> Result<(), &'static str> {
    fn clash<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
        one.zip(other).is_some_and(|(one, other)| one != other)
    }
    let clashes = [
        ("slug", one.slug != other.slug),
        ("question", one.question != other.question),
        ("outcomes", one.outcomes != other.outcomes),
        ("tokens", clash(one.tokens.as_ref(), other.tokens.as_ref())),
        ("tick", one.tick != other.tick),
        ("min_size", one.min_size != other.min_size),
        ("fees", one.fees != other.fees),
        ("opens_at", one.opens_at != other.opens_at),
        ("closes_at", one.closes_at != other.closes_at),
        ("strike_usd", clash(one.strike_usd.as_ref(), other.strike_usd.as_ref())),
    ];
    clashes.iter().find(|(_, differs)| *differs).map_or(Ok(()), |(what, _)| Err(what))
}

/// Sends the tapes into the channel until they end, break, or nobody receives any more. Before a market is
/// announced it says where its books come from, unless that is so already.
pub(super) fn pump(mut merged: Merged, tx: &mpsc::Sender<FeedItem>) {
    let mut said = None;
    loop {
        let (item, is_last) = match merged.next_of() {
            Ok(Some((books, event))) => {
                if matches!(event.kind, Kind::Market(_)) && said != Some(books) {
                    said = Some(books);
                    if tx.blocking_send(FeedItem::Books(books)).is_err() {
                        return;
                    }
                }
                (FeedItem::Event(event), false)
            }
            Ok(None) => {
                let events = merged.events();
                (FeedItem::End { events }, true)
            }
            Err(error) => (FeedItem::Broken(error.chain()), true),
        };
        // A receiver that left is no failure: the run was stopped.
        if tx.blocking_send(item).is_err() || is_last {
            return;
        }
    }
}
