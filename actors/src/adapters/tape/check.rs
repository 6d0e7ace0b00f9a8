//! The check: reads a tape to its end and reports what is on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ploy::book::OrderBook;
use ploy::event::{Kind, MarketEvent};
use ploy::market::ConditionId;
use ploy::price::Usdc;
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;
use serde::Serialize;

use super::TapeError;
use super::{merged, reader};

/// What is on a tape that was read to its end without a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TapeReport {
    /// The file.
    pub path: String,
    /// What the tape says about itself.
    pub header: Header,
    /// The number of events.
    pub events: u64,
    /// The number of events of each kind that is there, by its name on the tape.
    pub counts: BTreeMap<&'static str, u64>,
    /// The instant of the first event, where there is one.
    pub first: Option<Timestamp>,
    /// The instant of the last event, where there is one.
    pub last: Option<Timestamp>,
    /// The markets, in the order in which they appear.
    pub markets: Vec<MarketReport>,
    /// What is no fault and still odd: a header that is not true, a book of a market that was not introduced.
    pub remarks: Vec<String>,
}

/// What a tape holds about one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketReport {
    /// The market's id.
    pub id: ConditionId,
    /// Its short name; empty where the tape does not introduce it.
    pub slug: Arc<str>,
    /// The number of its books, of both outcomes.
    pub books: u64,
    /// The number of its books whose best bid is not below their best ask, which no matching engine leaves.
    pub books_crossed: u64,
    /// The number of its trades.
    pub trades: u64,
    /// The instant of its first book, where there is one.
    pub first_book: Option<Timestamp>,
    /// The instant of its last book, where there is one.
    pub last_book: Option<Timestamp>,
    /// The longest time between two of its books that follow each other, in milliseconds, rounded down.
    pub longest_gap_ms: u64,
    /// What a share of yes and of no paid, in USDC, where the tape tells.
    pub payouts: Option<[Usdc; 2]>,
}

/// Reads a tape to its end.
///
/// # Errors
/// The first fault that is found.
pub fn check(path: &Path) -> Result<TapeReport, TapeError> {
    let mut tape = reader::open(path)?;
    let mut tally = Tally::default();
    while let Some(event) = tape.next_event()? {
        tally.add(&event);
    }
    let header = tape.header().clone();
    Ok(TapeReport {
        path: path.display().to_string(),
        events: tape.events(),
        remarks: tally.remarks(&header),
        header,
        counts: tally.counts,
        first: tally.first,
        last: tally.last,
        markets: tally.markets,
    })
}

/// What tapes come to when they are played as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Together {
    /// The number of tapes.
    pub tapes: usize,
    /// Whether the books were recorded or modelled; modelled where those of any tape are.
    pub books: Books,
    /// The number of events.
    pub events: u64,
    /// The instant of the first event, where there is one.
    pub first: Option<Timestamp>,
    /// The instant of the last event, where there is one.
    pub last: Option<Timestamp>,
    /// The number of markets.
    pub markets: usize,
}

/// Reads several tapes to their end as one, as they would be played.
///
/// # Errors
/// The first fault that is found, also one that only shows where tapes meet.
pub fn together(paths: &[PathBuf]) -> Result<Together, TapeError> {
    let (headers, mut tapes) = merged::open(paths)?;
    let mut tally = Tally::default();
    while let Some(event) = tapes.next_event()? {
        tally.add(&event);
    }
    Ok(Together {
        tapes: headers.len(),
        books: headers.iter().map(|header| header.books).fold(Books::None, Books::and),
        events: tapes.events(),
        first: tally.first,
        last: tally.last,
        markets: tally.markets.len(),
    })
}

/// Returns the name of an event's kind on a tape.
#[must_use]
pub const fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Market(_) => "market",
        Kind::Book { .. } => "book",
        Kind::Trade(_) => "trade",
        Kind::Spot { .. } => "spot",
        Kind::Game(_) => "game",
        Kind::Tick { .. } => "tick",
        Kind::Resolved { .. } => "resolved",
        Kind::Feed { .. } => "feed",
        Kind::Gap { .. } => "gap",
    }
}

/// Tells whether the best bid is not below the best ask, which no matching engine leaves standing.
pub(super) fn is_crossed(book: &OrderBook) -> bool {
    match (book.best_bid(), book.best_ask()) {
        (Some(bid), Some(ask)) => ask.price <= bid.price,
        (Some(_) | None, None) | (None, Some(_)) => false,
    }
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Tally {
    counts: BTreeMap<&'static str, u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    markets: Vec<MarketReport>,
    places: BTreeMap<ConditionId, usize>,
    strangers: BTreeSet<ConditionId>,
}

impl Tally {
    fn add(&mut self, event: &MarketEvent) {
        *self.counts.entry(name(&event.kind)).or_default() += 1;
        self.first.get_or_insert(event.at);
        self.last = Some(event.at);
        let Some(id) = event.market() else { return };
        let is_known = self.places.contains_key(&id);
        let is_introduction = matches!(event.kind, Kind::Market(_));
        if !is_known && !is_introduction {
            self.strangers.insert(id);
        }
        let next = self.markets.len();
        let place = *self.places.entry(id).or_insert(next);
        if place == next {
            self.markets.push(MarketReport::new(id));
        }
        if let Some(market) = self.markets.get_mut(place) {
            market.add(event);
        }
    }

    fn remarks(&self, header: &Header) -> Vec<String> {
        let mut remarks = Vec::new();
        let ends =
            [("from", header.from, "first", self.first), ("to", header.to, "last", self.last)];
        for (word, said, which, seen) in ends {
            if let Some(seen) = seen.filter(|&seen| seen != said) {
                remarks.push(format!(
                    "the header says `{word}` {said}, the {which} event is of {seen}"
                ));
            }
        }
        match (header.books, self.counts.contains_key("book")) {
            (Books::None, true) => remarks.push("the header says no books, and there are".into()),
            (Books::Recorded | Books::Modelled, false) => {
                remarks.push("the header says books, and there are none".into());
            }
            (Books::None, false) | (Books::Recorded | Books::Modelled, true) => {}
        }
        let crossed: u64 = self.markets.iter().map(|market| market.books_crossed).sum();
        if crossed != 0 {
            remarks.push(format!("books whose best bid is not below their best ask: {crossed}"));
        }
        for id in &self.strangers {
            remarks.push(format!("events of {id} come before its `market` line"));
        }
        remarks
    }
}

impl MarketReport {
    fn new(id: ConditionId) -> Self {
        Self {
            id,
            slug: Arc::default(),
            books: 0,
            books_crossed: 0,
            trades: 0,
            first_book: None,
            last_book: None,
            longest_gap_ms: 0,
            payouts: None,
        }
    }

    fn add(&mut self, event: &MarketEvent) {
        match &event.kind {
            Kind::Market(market) => self.slug = Arc::clone(&market.slug),
            Kind::Book { book, .. } => {
                let before = self.last_book.unwrap_or(event.at);
                let gap_ms = u64::try_from(event.at.since(before).as_millis()).unwrap_or(u64::MAX);
                self.books += 1;
                self.books_crossed += u64::from(is_crossed(book));
                self.first_book.get_or_insert(event.at);
                self.last_book = Some(event.at);
                self.longest_gap_ms = self.longest_gap_ms.max(gap_ms);
            }
            Kind::Trade(_) => self.trades += 1,
            Kind::Resolved { payouts, .. } => self.payouts = Some(*payouts),
            Kind::Spot { .. }
            | Kind::Game(_)
            | Kind::Tick { .. }
            | Kind::Feed { .. }
            | Kind::Gap { .. } => {}
        }
    }
}

impl fmt::Display for TapeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { version, title, source, licence, books, notes, .. } = &self.header;
        let books = word(*books);
        writeln!(f, "{}: a whole tape of version {version}", self.path)?;
        writeln!(f, "title    {title}")?;
        writeln!(f, "source   {source}")?;
        writeln!(f, "licence  {licence}")?;
        writeln!(f, "books    {books}")?;
        for note in notes {
            writeln!(f, "note     {note}")?;
        }
        write!(f, "events   {}", self.events)?;
        for (kind, count) in &self.counts {
            write!(f, ", {kind} {count}")?;
        }
        writeln!(f)?;
        for (word, at) in [("first", self.first), ("last", self.last)] {
            if let Some(at) = at {
                writeln!(f, "{word:<8} {at}")?;
            }
        }
        if !self.markets.is_empty() {
            writeln!(
                f,
                "\n{:<28} {:>7} {:>7}  {:<28} {:<28} {:>12}  PAYS",
                "MARKET", "BOOKS", "TRADES", "FIRST BOOK", "LAST BOOK", "LONGEST GAP"
            )?;
        }
        for market in &self.markets {
            writeln!(f, "{market}")?;
        }
        for remark in &self.remarks {
            writeln!(f, "remark   {remark}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (books, events, markets) = (word(self.books), self.events, self.markets);
        write!(
            f,
            "{} tapes as one: books {books}, markets {markets}, events {events}",
            self.tapes
        )?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            write!(f, ", from {first} to {last}")?;
        }
        writeln!(f)
    }
}

const fn word(books: Books) -> &'static str {
    match books {
        Books::Recorded => "recorded",
        Books::Modelled => "modelled",
        Books::None => "none",
    }
}

impl fmt::Display for MarketReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.slug.is_empty() {
            write!(f, "{:<28}", self.id)?;
        } else {
            write!(f, "{:<28}", self.slug)?;
        }
        let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let (first, last) = (time(self.first_book), time(self.last_book));
        let gap = format!("{}.{:03} s", self.longest_gap_ms / 1000, self.longest_gap_ms % 1000);
        write!(f, " {:>7} {:>7}  {first:<28} {last:<28} {gap:>12}  ", self.books, self.trades)?;
        match self.payouts {
            Some([yes, no]) => write!(f, "yes {yes}, no {no}"),
            None => write!(f, "not settled"),
        }
    }
}
