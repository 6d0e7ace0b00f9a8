//! The tape that comes with the program, read once, and played on as if the day had gone on and on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::adapters::tape::reader;
use actors::settings::{self, Overrides, Settings};
use ploy::book::OrderBook;
use ploy::event::{Kind, MarketEvent, Trade};
use ploy::market::{ConditionId, Market};
use ploy::tape::Header;

/// Quiet between two rounds of a tape: longer than an order takes to the venue.
const BETWEEN: Duration = Duration::from_secs(60);

/// A tape in memory.
pub(crate) struct Tape {
    pub(crate) header: Header,
    pub(crate) events: Vec<MarketEvent>,
}

/// Returns the settings that come with the program, with a port of the system's choice, the recording alone and
/// the strategies that trade on it.
pub(crate) fn settings(store: PathBuf) -> Settings {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let overrides = Overrides {
        tapes: vec![folder.join("tapes/btc-15m-2026-09-28.jsonl.gz")],
        store: Some(store),
        location: None,
        speed: Some(ploy::config::Speed::Max),
        listen: Some("127.0.0.1:0".parse().expect("an address")),
        ..Overrides::default()
    };
    let mut settings = settings::load(&folder, overrides)
        .expect("the settings that come with the program are right");
    settings.strategies.retain(|strategy| strategy.kind.name() == "split_arb");
    settings
}

impl Tape {
    /// Returns the recording that comes with the program, its first tape.
    pub(crate) fn shipped() -> Self {
        let settings = settings(PathBuf::new());
        let first = settings.tapes.first().expect("a tape comes with the program");
        let tape = reader::open(first).expect("the tape is there");
        let header = tape.header().clone();
        let events = tape.collect::<Result<_, _>>().expect("the tape is whole");
        Self { header, events }
    }

    /// Returns round `round` of the tape: everything later, and about other markets. Round 0 is the tape itself.
    pub(crate) fn round(&self, round: u32) -> impl Iterator<Item = MarketEvent> {
        let shift = (self.header.to.since(self.header.from) + BETWEEN) * round;
        self.events.iter().map(move |event| later(event, shift, round))
    }
}

fn later(event: &MarketEvent, shift: Duration, round: u32) -> MarketEvent {
    let at = event.at + shift;
    let kind = match &event.kind {
        Kind::Market(market) => Kind::Market(Arc::new(Market {
            id: other(market.id, round),
            slug: format!("{}-{round}", market.slug).into(),
            opens_at: market.opens_at + shift,
            closes_at: market.closes_at + shift,
            ..market.as_ref().clone()
        })),
        Kind::Book { market, outcome, book } => {
            let (bids, asks) = (book.bids().to_vec(), book.asks().to_vec());
            let book = Arc::new(OrderBook::new(book.at() + shift, bids, asks));
            Kind::Book { market: other(*market, round), outcome: *outcome, book }
        }
        Kind::Tick { market, tick } => Kind::Tick { market: other(*market, round), tick: *tick },
        Kind::Resolved { market, payouts } => {
            Kind::Resolved { market: other(*market, round), payouts: *payouts }
        }
        Kind::Trade(trade) => Kind::Trade(Trade { market: other(trade.market, round), ..*trade }),
        Kind::Spot { .. } | Kind::Game(_) | Kind::Feed { .. } | Kind::Gap { .. } => {
            event.kind.clone()
        }
    };
    MarketEvent { at, kind }
}

/// Returns the id of the same market in another round.
fn other(id: ConditionId, round: u32) -> ConditionId {
    let mut bytes = *id.bytes();
    for (byte, mark) in bytes.iter_mut().rev().zip(round.to_le_bytes()) {
        *byte ^= mark;
    }
    ConditionId::from_bytes(bytes)
}
