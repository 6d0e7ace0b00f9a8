//! Fan-out: books of 20 tokens, published to strategies that all want all of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actors::bus::Ticket;
use actors::bus::event::{EventBus, Mailbox};
use ploy::book::{Level, OrderBook};
use ploy::event::{Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::order::StrategyId;
use ploy::price::{Price, Size};
use ploy::strategy::Subscription;
use ploy::time::Timestamp;

/// Markets with two tokens each.
const MARKETS: u8 = 10;
/// How long readers rest between two reads.
const REST: Duration = Duration::from_millis(1);

/// A bus with its subscribers, and where the next book goes.
pub(crate) struct FanOut {
    bus: EventBus,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    bids: Vec<Level>,
    asks: Vec<Level>,
    published: u64,
}

/// Reads every mailbox now and then, on a thread of its own, until dropped.
pub(crate) struct Readers {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FanOut {
    /// Returns a bus on which so many strategies want all markets.
    pub(crate) fn new(strategies: u32) -> Self {
        let bus = EventBus::default();
        let subscription =
            Subscription { slug_prefixes: vec!["bench-".to_owned()], symbols: Vec::new() };
        let mailboxes = (0..strategies)
            .map(|number| {
                let id: StrategyId = format!("s{number}").parse().expect("an id");
                bus.subscribe(&id, subscription.clone(), &BTreeSet::new(), &Ticket::none())
            })
            .collect();
        for number in 0..MARKETS {
            let event = MarketEvent { at: at(0), kind: Kind::Market(Arc::new(market(number))) };
            bus.publish(&event, &Ticket::none());
        }
        let (bids, asks) = levels();
        Self { bus, mailboxes, bids, asks, published: 0 }
    }

    /// Publishes the next token's book: a new one of 20 and 20 levels each time, as a feed makes them.
    pub(crate) fn publish(&mut self) {
        let token = u8::try_from(self.published % u64::from(2 * MARKETS)).unwrap_or(0);
        let at = at(self.published);
        let outcome = if token % 2 == 0 { Outcome::Yes } else { Outcome::No };
        let book = Arc::new(OrderBook::new(at, self.bids.clone(), self.asks.clone()));
        let kind = Kind::Book { market: market_id(token / 2), outcome, book };
        self.bus.publish(&MarketEvent { at, kind }, &Ticket::none());
        self.published += 1;
    }
}

impl Readers {
    /// Begins to read.
    pub(crate) fn start(mailboxes: Vec<Arc<Mailbox>>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                mailboxes.iter().for_each(|mailbox| drop(mailbox.take()));
                thread::sleep(REST);
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("reading does not fail");
        }
    }
}

/// Returns the instant so many microseconds after the beginning.
pub(crate) fn at(micros: u64) -> Timestamp {
    Timestamp::from_millis(1_790_586_000_000) + Duration::from_micros(micros)
}

/// Returns the id of a market.
pub(crate) const fn market_id(number: u8) -> ConditionId {
    let mut bytes = [0xab; 32];
    bytes[0] = number;
    ConditionId::from_bytes(bytes)
}

/// Returns 20 bids below and 20 asks above 0.50, best first.
pub(crate) fn levels() -> (Vec<Level>, Vec<Level>) {
    let bids = (1..=20).map(|step| level(50 - step, 100 + step)).collect();
    let asks = (1..=20).map(|step| level(50 + step, 200 + step)).collect();
    (bids, asks)
}

/// Returns so many shares at so many cents.
pub(crate) fn level(cents: u32, shares: u32) -> Level {
    let price = Price::from_micros(i64::from(cents) * 10_000).expect("between 0 and 1");
    Level { price, size: Size::from_micros(i64::from(shares) * 1_000_000).expect("a size") }
}

fn market(number: u8) -> Market {
    Market {
        id: market_id(number),
        slug: format!("bench-{number}").into(),
        question: "up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: Size::ZERO,
        fees: FeeSchedule::FREE,
        opens_at: at(0),
        closes_at: at(u64::from(u32::MAX)),
        strike_usd: None,
        event: None,
    }
}
