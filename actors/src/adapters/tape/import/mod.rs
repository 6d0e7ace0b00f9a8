//! The import: raw recordings of order books and their markets become a tape.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ploy::book::OrderBook;
use ploy::event::{Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Outcome, TickSize};
use ploy::price::{OutOfRange, Price, Usdc};
use ploy::tape::{Books, Header, VERSION};
use ploy::time::Timestamp;
use serde::Serialize;

use self::facts::Facts;
use self::raw::{RawBook, RawMarket};
use super::TapeError;
use super::lines::{LineError, Lines};
use super::writer::{Effort, TapeWriter};

mod facts;
mod raw;

/// The rate of the venue's fee for crypto markets, a fraction.
pub const FEE_RATE: &str = "0.07";
/// Its exponent.
pub const FEE_EXPONENT: u8 = 1;
/// Where the shipped sample comes from.
pub const SOURCE: &str = "Resolved Markets, resolvedkit 0.1.0 sample data, PyPI";
/// What may be done with it.
pub const LICENCE: &str = "CC BY 4.0";

/// What the raw files do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The rate of the taker's fee, a fraction of 0 to 1.
    pub fee_rate: Usdc,
    /// Its exponent, 0 to 4.
    pub fee_exponent: u8,
    /// Where the data comes from, for the header.
    pub source: String,
    /// What may be done with it, for the header.
    pub licence: String,
}

/// What an import made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of events on the tape.
    pub events: u64,
    /// The number of markets.
    pub markets: usize,
    /// The number of books.
    pub books: usize,
    /// The number of changes of a price step.
    pub ticks: usize,
    /// The instant of the first event.
    pub from: Timestamp,
    /// The instant of the last event.
    pub to: Timestamp,
    /// The sizes with more than six decimals, which were rounded to the nearest millionth of a share.
    pub sizes_rounded: u64,
    /// The markets without any book, which are not on the tape.
    pub left_out: Vec<Arc<str>>,
}

/// Why raw files cannot be imported. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such fee.
    #[error("the fee is outside its range")]
    Fees(#[source] OutOfRange),
    /// A raw file cannot be read.
    #[error(transparent)]
    Read(#[from] LineError),
    /// The file of markets is not as expected.
    #[error("{path}: {problem}")]
    Markets {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A line of the file of books is not as expected.
    #[error("{path}: line {line}: {problem}")]
    Book {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// There is no book in the file of books.
    #[error("{path}: there is no book in it")]
    NoBooks {
        /// The file.
        path: PathBuf,
    },
    /// The tape cannot be written.
    #[error(transparent)]
    Write(#[from] TapeError),
}

/// Makes a tape of the recordings of the data vendor Resolved Markets: `books` has a book a line, `markets` is the
/// list that their `m` counts in. All of it is held in memory, about a kilobyte a book.
///
/// # Errors
/// When a raw file cannot be read or is not as expected, or the tape cannot be written.
pub fn import_resolved_markets(
    books: &Path,
    markets: &Path,
    out: &Path,
    options: &Options,
) -> Result<Summary, ImportError> {
    let fees = FeeSchedule::new(options.fee_rate, options.fee_exponent);
    let fees = fees.map_err(ImportError::Fees)?;
    let markets = read_markets(markets)?;
    let snapshots = read_books(books, &markets)?;
    let (Some(first), Some(last)) = (snapshots.list.first(), snapshots.list.last()) else {
        let path = books.to_owned();
        return Err(ImportError::NoBooks { path });
    };
    let (from, last_book) = (first.book.at(), last.book.at());
    let facts = Facts::of(&snapshots);
    let tape = events(&markets, snapshots.list, fees);
    let to = tape.last().map_or(last_book, |event| event.at);
    let left_out = (0..)
        .zip(&markets)
        .filter(|(index, _)| !facts.markets.contains(index))
        .map(|(_, market)| Arc::clone(&market.slug))
        .collect();

    let header = Header {
        tape: "ploy".to_owned(),
        version: VERSION,
        title: facts.title(&markets),
        source: options.source.clone(),
        licence: options.licence.clone(),
        books: Books::Recorded,
        from,
        to,
        notes: facts.notes(options),
    };
    let mut writer = TapeWriter::create(out, &header, Effort::Best)?;
    for event in &tape {
        writer.write(event)?;
    }
    let count = |is: fn(&Kind) -> bool| tape.iter().filter(|event| is(&event.kind)).count();
    Ok(Summary {
        markets: count(|kind| matches!(kind, Kind::Market(_))),
        books: count(|kind| matches!(kind, Kind::Book { .. })),
        ticks: count(|kind| matches!(kind, Kind::Tick { .. })),
        events: writer.finish()?,
        from,
        to,
        sizes_rounded: facts.sizes_rounded,
        left_out,
    })
}

/// A raw book with the place of its market in the list.
#[derive(Debug)]
struct Snapshot {
    market: usize,
    outcome: Outcome,
    book: Arc<OrderBook>,
    tick: TickSize,
}

#[derive(Debug)]
struct Snapshots {
    /// By time; those of one instant in the order of the file.
    list: Vec<Snapshot>,
    sizes_rounded: u64,
}

fn read_markets(path: &Path) -> Result<Vec<RawMarket>, ImportError> {
    let text = fs::read_to_string(path).map_err(|source| LineError::of(path, 0, source))?;
    let failed = |problem| ImportError::Markets { path: path.to_owned(), problem };
    let markets: Vec<RawMarket> =
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let mut ids: BTreeMap<ConditionId, &str> = BTreeMap::new();
    for market in &markets {
        let place = |problem| failed(format!("market `{}`: {problem}", market.slug));
        market.check().map_err(place)?;
        if let Some(other) = ids.insert(market.market_id, &market.slug) {
            return Err(place(format!("has the id of `{other}`")));
        }
    }
    Ok(markets)
}

fn read_books(path: &Path, markets: &[RawMarket]) -> Result<Snapshots, ImportError> {
    let mut lines = Lines::open(path)?;
    let mut list = Vec::new();
    let mut sizes_rounded = 0;
    while let Some(line) = lines.next_line()? {
        let failed =
            |problem| ImportError::Book { path: path.to_owned(), line: line.number, problem };
        let raw: RawBook =
            serde_json::from_str(line.text).map_err(|error| failed(error.to_string()))?;
        if markets.len() <= raw.m {
            let count = markets.len();
            return Err(failed(format!(
                "market {} is asked for, there are {count}, counted from 0",
                raw.m
            )));
        }
        sizes_rounded += raw.sizes_rounded();
        let (market, outcome) = (raw.m, raw.outcome());
        let book = raw.book().map_err(failed)?;
        let tick = tick_of(&book).map_err(failed)?;
        list.push(Snapshot { market, outcome, book: Arc::new(book), tick });
    }
    list.sort_by_key(|snapshot| snapshot.book.at());
    Ok(Snapshots { list, sizes_rounded })
}

/// Returns the widest of the steps 0.01, 0.001 and 0.0001 on which all prices of the book lie.
fn tick_of(book: &OrderBook) -> Result<TickSize, String> {
    let prices = || book.bids().iter().chain(book.asks()).map(|level| level.price);
    for step in [10_000, 1_000, 100] {
        let is_on_grid = |price: Price| price.micros() % step == 0;
        if prices().all(is_on_grid) {
            return TickSize::from_micros(step).map_err(|error| error.to_string());
        }
    }
    Err("a price has more than four decimals, and the venue knows no such step".to_owned())
}

/// Lays everything out by time: a market before its first book, a finer step before the first book that shows it,
/// a resolution after everything else of its instant.
fn events(raw: &[RawMarket], list: Vec<Snapshot>, fees: FeeSchedule) -> Vec<MarketEvent> {
    let mut tape = Vec::with_capacity(list.len() + 3 * raw.len());
    let mut state: BTreeMap<usize, (TickSize, Timestamp)> = BTreeMap::new();
    for snapshot in list {
        let Some(market) = raw.get(snapshot.market) else {
            continue; // `read_books` refused it
        };
        let at = snapshot.book.at();
        let mut push = |kind| tape.push(MarketEvent { at, kind });
        let (tick, last) = state.entry(snapshot.market).or_insert_with(|| {
            push(Kind::Market(Arc::new(market.market(fees))));
            (RawMarket::TICK, at)
        });
        if snapshot.tick < *tick {
            *tick = snapshot.tick;
            let (market, tick) = (market.market_id, *tick);
            push(Kind::Tick { market, tick });
        }
        *last = at;
        push(Kind::Book {
            market: market.market_id,
            outcome: snapshot.outcome,
            book: snapshot.book,
        });
    }
    for (index, (_, last_book)) in state {
        let Some(market) = raw.get(index) else {
            continue;
        };
        tape.push(MarketEvent {
            at: market.closes_at().max(last_book),
            kind: Kind::Resolved { market: market.market_id, payouts: market.payouts() },
        });
    }
    tape.sort_by_key(|event| event.at);
    tape
}

impl Default for Options {
    /// Returns the venue's fee for crypto markets, and the words for the sample that is shipped.
    fn default() -> Self {
        Self {
            fee_rate: FEE_RATE.parse().expect("a plain number is an amount"),
            fee_exponent: FEE_EXPONENT,
            source: SOURCE.to_owned(),
            licence: LICENCE.to_owned(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} events from {} to {}: markets {}, books {}, changes of a price step {}",
            self.events, self.from, self.to, self.markets, self.books, self.ticks
        )?;
        if self.sizes_rounded != 0 {
            writeln!(f, "sizes rounded to a millionth: {}", self.sizes_rounded)?;
        }
        for slug in &self.left_out {
            writeln!(f, "left out, without any book: {slug}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
