//! In which order things happen in a replay, what holds whatever happens, and what outlives a kernel.

mod checkpoint;
mod laws;
mod order;
mod properties;
mod world;

use std::sync::{Arc, Mutex};

use super::*;
use crate::book::{Level, OrderBook};
use crate::event::{Kind, Trade};
use crate::fees::FeeSchedule;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::kernel::Memory;
use crate::market::{ConditionId, Market, Outcome, Side, TickSize};
use crate::open_orders::OpenOrder;
use crate::order::{ClientOrderId, Fill};
use crate::price::{Price, Size, Usdc};
use crate::risk::{DayLimits, EntryLimits, GroupLimits, Limits, SendLimits};
use crate::strategy::{Look, Saved, Strategy, Subscription, View};

const MARKETS: [ConditionId; 2] =
    [ConditionId::from_bytes([1; 32]), ConditionId::from_bytes([2; 32])];
const LATENCY: Duration = Duration::from_millis(250);

fn limits() -> Limits {
    Limits {
        market_exposure_max_usdc: usdc("40"),
        strategy_exposure_max_usdc: usdc("60"),
        open_orders_max: 2,
        order_rate_per_minute: 60,
        order_burst: 20,
        loss_streak_max: 4,
        loss_streak_cooldown: Duration::from_secs(2),
        drawdown_max_usdc: usdc("50"),
        entry: EntryLimits::PRESET,
        day: DayLimits::PRESET,
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    }
}

fn market(id: ConditionId) -> MarketEvent {
    let market = Market {
        id,
        slug: Arc::from("m"),
        question: Arc::from("q"),
        outcomes: [Arc::from("Up"), Arc::from("Down")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: size(5),
        fees: FeeSchedule::new(usdc("0.07"), 1).unwrap(),
        opens_at: Timestamp::UNIX_EPOCH,
        closes_at: Timestamp::UNIX_EPOCH,
        strike_usd: None,
        event: None,
    };
    MarketEvent { at: Timestamp::UNIX_EPOCH, kind: Kind::Market(Arc::new(market)) }
}

/// Returns a book with one bid and one ask, each in cents and shares.
fn book(
    at: Timestamp,
    place: (ConditionId, Outcome),
    bid: (i64, i64),
    ask: (i64, i64),
) -> MarketEvent {
    let level =
        |(cents, shares): (i64, i64)| vec![Level { price: price(cents), size: size(shares) }];
    let book = Arc::new(OrderBook::new(at, level(bid), level(ask)));
    MarketEvent { at, kind: Kind::Book { market: place.0, outcome: place.1, book } }
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn price(cents: i64) -> Price {
    Price::from_micros(cents * 10_000).unwrap()
}

fn size(shares: i64) -> Size {
    Size::from_micros(shares * 1_000_000).unwrap()
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}
