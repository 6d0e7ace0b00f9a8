//! What entries have used up: cooldowns, the day's count, and windows. Only fills are written here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::market::{ConditionId, Market};
use crate::order::{ClientOrderId, Fill};
use crate::price::{Rounding, Usdc};
use crate::time::Timestamp;

/// What was bought lately, by market, and how often on this day.
///
/// It follows from fills alone, so the fills of the past bring it back. Such a fill does not tell its
/// underlying nor when its market closes: until the market is seen it counts against every underlying and
/// every window, which holds an entry back for a while at worst, and never lets one too many pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    bought: BTreeMap<ConditionId, Bought>,
    day: Day,
}

/// A quarter of an hour in which markets close, counted from 1970: what moves in it moves together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Window(i64);

/// What was bought in one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bought {
    /// The newest fill.
    at: Timestamp,
    /// Price × size of all fills, in USDC.
    cost: Usdc,
    #[serde(deserialize_with = "Option::deserialize")]
    place: Option<Place>,
}

/// Where a market belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// Its underlying, by its place among the series.
    pub(super) series: usize,
    /// When it closes.
    pub(super) window: Window,
}

/// The entries that were filled on one day in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    number: i64,
    orders: BTreeSet<ClientOrderId>,
}

const WINDOW_MICROS: i64 = 900_000_000;
const DAY_MICROS: i64 = 86_400_000_000;
/// How long what was bought is kept at least: a quarter of an hour before its market closes, and the window.
const KEPT: Duration = Duration::from_secs(1800);

impl Window {
    /// Returns the window in which a market closes.
    pub(super) const fn of(market: &Market) -> Self {
        Self(market.closes_at.micros().div_euclid(WINDOW_MICROS))
    }

    fn is_over(self, now: Timestamp) -> bool {
        self < Self(now.micros().div_euclid(WINDOW_MICROS))
    }
}

impl Ledger {
    /// Notes a fill of an entry, and where its market belongs when that is known.
    pub(super) fn buy(&mut self, fill: &Fill, place: Option<Place>) {
        let new = Bought { at: fill.at, cost: Usdc::ZERO, place: None };
        let bought = self.bought.entry(fill.market).or_insert(new);
        bought.at = bought.at.max(fill.at);
        bought.cost += fill.price.notional(fill.size, Rounding::HalfUp);
        bought.place = bought.place.or(place);
        let number = day(fill.at);
        if self.day.number < number {
            self.day = Day { number, orders: BTreeSet::new() };
        }
        if self.day.number == number {
            self.day.orders.insert(fill.order.clone());
        }
    }

    /// Learns where a market belongs.
    pub(super) fn learn(&mut self, market: ConditionId, place: Place) {
        if let Some(bought) = self.bought.get_mut(&market) {
            bought.place = Some(place);
        }
    }

    /// Forgets what can bind no more.
    pub(super) fn forget_old(&mut self, now: Timestamp, cooldown: Duration) {
        let kept = KEPT.max(cooldown);
        self.bought.retain(|_, bought| {
            now.since(bought.at) <= kept
                || bought.place.is_some_and(|place| !place.window.is_over(now))
        });
    }

    /// Returns when an underlying was last entered.
    pub(super) fn last_entry(&self, series: usize) -> Option<Timestamp> {
        let belongs = |place: Place| place.series == series;
        self.bought.values().filter(|bought| bought.place.is_none_or(belongs)).map(|b| b.at).max()
    }

    /// Returns what was bought in a window, in USDC without fees; nothing where nothing was.
    pub(super) fn spent(&self, window: Window) -> Option<Usdc> {
        let belongs = |place: Place| place.window == window;
        let costs = self.bought.values().filter(|bought| bought.place.is_none_or(belongs));
        costs.map(|bought| bought.cost).reduce(|sum, cost| sum + cost)
    }

    /// Returns how many entries were filled on the day of `now`.
    pub(super) fn entries_today(&self, now: Timestamp) -> u64 {
        if day(now) != self.day.number {
            return 0;
        }
        u64::try_from(self.day.orders.len()).unwrap_or(u64::MAX)
    }
}

const fn day(at: Timestamp) -> i64 {
    at.micros().div_euclid(DAY_MICROS)
}
