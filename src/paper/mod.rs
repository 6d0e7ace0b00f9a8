//! The paper venue: fills our orders in memory against the books of a tape or a live feed.
//!
//! A taker walks the levels that stand when the order arrives, which is `latency` after it was decided, and
//! pays the market's fee. What a strategy took is gone for that strategy until the level changes, also seen
//! from the other outcome's book (buying yes at 0.46 and selling no at 0.54 take the same shares). Strategies
//! do not take from each other: each trades against the market as it was recorded, so that the failure of one
//! changes no fill of another. A resting order is filled when the book comes to stand on its other side, or
//! when somebody trades through it, at its own price and without a fee.

mod account;
mod taken;

pub use account::Account;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::book::{OrderBook, reaches};
use crate::event::{Kind, MarketEvent, Trade};
use crate::fees::FeeSchedule;
use crate::intent::{Intent, TimeInForce};
use crate::kernel::Order;
use crate::market::{ConditionId, Market, Outcome, Side};
use crate::order::{ClientOrderId, DoneCause, Fill, Liquidity, OrderEvent, StrategyId};
use crate::order::{Origin, Submission, Update};
use crate::price::{Price, Size};
use crate::time::Timestamp;
use taken::Taken;

/// A venue in memory. It learns of the world by events and of time by being told.
#[derive(Debug, Default)]
pub struct PaperVenue {
    latency: Duration,
    markets: BTreeMap<ConditionId, Listing>,
    in_flight: BTreeMap<(Timestamp, ClientOrderId), Message>,
    resting: BTreeMap<ClientOrderId, Working>,
    taken: Taken,
    accounts: BTreeMap<StrategyId, Account>,
}

/// A market with its newest books.
#[derive(Debug)]
struct Listing {
    market: Arc<Market>,
    books: [Option<Arc<OrderBook>>; 2],
}

/// What is on its way to the venue.
#[derive(Debug)]
enum Message {
    Place(Intent),
    Cancel,
}

/// Shares that meet an order.
#[derive(Clone, Copy, Debug)]
struct Match {
    price: Price,
    size: Size,
    liquidity: Liquidity,
}

/// An order that the venue works on.
#[derive(Debug)]
struct Working {
    intent: Intent,
    filled: Size,
    fills: u32,
}

impl PaperVenue {
    /// Returns a venue that every order reaches after this time.
    #[must_use]
    pub fn new(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    /// Lets a strategy hold shares that it bought elsewhere; they cost nothing here.
    pub fn endow(&mut self, strategy: &StrategyId, leg: (ConditionId, Outcome), size: Size) {
        self.accounts.entry(strategy.clone()).or_default().endow(leg, size);
    }

    /// Sends an order on its way.
    pub fn submit(&mut self, order: &Order) {
        let due = order.at() + self.latency;
        self.in_flight.insert((due, order.id().clone()), Message::Place(*order.intent()));
    }

    /// Sends the cancel of an order on its way.
    pub fn cancel(&mut self, id: &ClientOrderId, at: Timestamp) {
        let due = at + self.latency;
        // A cancel never overtakes its order: at the same instant the order arrives first.
        let due = self
            .in_flight
            .keys()
            .filter(|(_, placed)| placed == id)
            .map(|(at, _)| *at)
            .fold(due, Timestamp::max);
        let due = due + Duration::from_micros(1);
        self.in_flight.insert((due, id.clone()), Message::Cancel);
    }

    /// Returns when the next order arrives.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.in_flight.keys().next().map(|(due, _)| *due)
    }

    /// Lets everything arrive that is due at `now`, in the order of time and then of name.
    pub fn advance(&mut self, now: Timestamp, events: &mut Vec<OrderEvent>) {
        while let Some(entry) = self.in_flight.first_entry() {
            if now < entry.key().0 {
                return;
            }
            let ((at, id), message) = entry.remove_entry();
            match message {
                Message::Place(intent) => self.place(at, &id, intent, events),
                Message::Cancel => self.end(at, &id, DoneCause::Cancelled, events),
            }
        }
    }

    /// Takes in an event: books move, resting orders may be filled, settled markets pay out.
    pub fn on_event(&mut self, event: &MarketEvent, events: &mut Vec<OrderEvent>) {
        match &event.kind {
            Kind::Market(market) => {
                let listing = Listing { market: Arc::clone(market), books: [None, None] };
                self.markets.entry(market.id).or_insert(listing);
            }
            Kind::Book { market, outcome, book } => {
                let Some(listing) = self.markets.get_mut(market) else {
                    return;
                };
                self.taken.refresh(*market, *outcome, book);
                *outcome.of_mut(&mut listing.books) = Some(Arc::clone(book));
                self.fill_resting(event.at, (*market, *outcome), None, events);
            }
            Kind::Trade(trade) => {
                self.fill_resting(event.at, (trade.market, trade.outcome), Some(trade), events);
            }
            Kind::Resolved { market, payouts } => {
                self.markets.remove(market);
                self.taken.forget(*market);
                let open = |working: &Working| working.intent.market == *market;
                let ids = self.resting.iter().filter(|(_, w)| open(w)).map(|(id, _)| id.clone());
                for id in ids.collect::<Vec<_>>() {
                    self.end(event.at, &id, DoneCause::Resolved, events);
                }
                self.accounts.values_mut().for_each(|account| account.settle(*market, *payouts));
            }
            Kind::Spot { .. } | Kind::Game(_) | Kind::Tick { .. } => {}
            Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
    }

    /// Returns a strategy's account as the venue keeps it, from a start of zero.
    #[must_use]
    pub fn account(&self, strategy: &StrategyId) -> Account {
        self.accounts.get(strategy).cloned().unwrap_or_default()
    }

    fn place(
        &mut self,
        at: Timestamp,
        id: &ClientOrderId,
        intent: Intent,
        events: &mut Vec<OrderEvent>,
    ) {
        let mut tell = |update| {
            events.push(OrderEvent { at, order: id.clone(), update });
        };
        if !self.markets.contains_key(&intent.market) {
            let reason = "no book exists for this market: it is not known, or settled".to_owned();
            tell(Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }));
            return;
        }
        if intent.side == Side::Sell && self.sellable(id, &intent) < intent.size {
            let reason = "not enough balance: fewer shares are held".to_owned();
            tell(Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }));
            return;
        }
        tell(Update::Submitted(Submission::Accepted));
        let levels = self.reachable(id, &intent);
        let total: Size = levels.iter().map(|(_, size)| *size).sum();
        let mut working = Working { intent, filled: Size::ZERO, fills: 0 };
        let kill = intent.time_in_force == TimeInForce::Fok && total < intent.size;
        if !kill {
            for (price, size) in levels {
                let size = size.min(intent.size - working.filled);
                if size.is_zero() {
                    break;
                }
                self.taken.take(&id.strategy, &intent, price, size);
                let met = Match { price, size, liquidity: Liquidity::Taker };
                events.push(self.fill(at, id, &mut working, met));
            }
        }
        let rests = intent.time_in_force == TimeInForce::Gtc && working.filled < intent.size;
        let cause =
            if working.filled == intent.size { DoneCause::Filled } else { DoneCause::Unmatched };
        self.resting.insert(id.clone(), working);
        if !rests {
            self.end(at, id, cause, events);
        }
    }

    /// Returns the levels that an arriving order may take, best first, less what its strategy took of them.
    fn reachable(&self, id: &ClientOrderId, intent: &Intent) -> Vec<(Price, Size)> {
        let Some(listing) = self.markets.get(&intent.market) else {
            return Vec::new();
        };
        let Some(book) = intent.outcome.of(&listing.books) else {
            return Vec::new();
        };
        book.against(intent.side)
            .iter()
            .take_while(|level| reaches(intent.side, level.price, intent.limit))
            .map(|level| {
                let taken = self.taken.of(&id.strategy, intent, level.price);
                (level.price, level.size.saturating_sub(taken))
            })
            .filter(|(_, size)| !size.is_zero())
            .collect()
    }

    /// Takes up to `wanted` shares out of the levels that a resting order has met. Returns how many there were.
    fn take(&mut self, id: &ClientOrderId, intent: &Intent, wanted: Size) -> Size {
        let mut got = Size::ZERO;
        for (price, size) in self.reachable(id, intent) {
            let size = size.min(wanted - got);
            if !size.is_zero() {
                self.taken.take(&id.strategy, intent, price, size);
                got += size;
            }
        }
        got
    }

    fn sellable(&self, id: &ClientOrderId, intent: &Intent) -> Size {
        let held = self.account(&id.strategy).shares(intent.market, intent.outcome);
        let resting: Size = self
            .resting
            .iter()
            .filter(|(other, working)| {
                other.strategy == id.strategy
                    && working.intent.market == intent.market
                    && working.intent.outcome == intent.outcome
                    && working.intent.side == Side::Sell
            })
            .map(|(_, working)| working.intent.size - working.filled)
            .sum();
        held.saturating_sub(resting)
    }

    fn fill(
        &mut self,
        at: Timestamp,
        id: &ClientOrderId,
        working: &mut Working,
        Match { price, size, liquidity }: Match,
    ) -> OrderEvent {
        let Intent { market, outcome, side, .. } = working.intent;
        let fees = match liquidity {
            Liquidity::Taker => self.markets.get(&market).map(|listing| listing.market.fees),
            Liquidity::Maker => None,
        };
        let fee = fees.unwrap_or(FeeSchedule::FREE).taker_fee(size, price);
        working.filled += size;
        working.fills += 1;
        let number = working.fills;
        let order = id.clone();
        let fill = Fill { number, order, market, outcome, side, price, size, fee, liquidity, at };
        self.accounts.entry(id.strategy.clone()).or_default().book(&fill);
        OrderEvent { at, order: id.clone(), update: Update::Filled(fill) }
    }

    /// Fills resting orders of an outcome that its newest book, or a trade, has reached.
    fn fill_resting(
        &mut self,
        at: Timestamp,
        leg: (ConditionId, Outcome),
        trade: Option<&Trade>,
        events: &mut Vec<OrderEvent>,
    ) {
        let of_leg = |intent: &Intent| (intent.market, intent.outcome) == leg;
        let ids = self.resting.iter().filter(|(_, working)| of_leg(&working.intent));
        for id in ids.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let Some(mut working) = self.resting.remove(&id) else {
                continue;
            };
            let wanted = working.intent.size - working.filled;
            let size = match trade {
                Some(trade) => wanted.min(through(&working.intent, trade)),
                None => self.take(&id, &working.intent, wanted),
            };
            if !size.is_zero() {
                let price = working.intent.limit;
                let met = Match { price, size, liquidity: Liquidity::Maker };
                events.push(self.fill(at, &id, &mut working, met));
            }
            let full = working.filled == working.intent.size;
            self.resting.insert(id.clone(), working);
            if full {
                self.end(at, &id, DoneCause::Filled, events);
            }
        }
    }

    fn end(
        &mut self,
        at: Timestamp,
        id: &ClientOrderId,
        cause: DoneCause,
        events: &mut Vec<OrderEvent>,
    ) {
        // A cancel that comes too late finds nothing: the order's end has been told already.
        let Some(working) = self.resting.remove(id) else {
            return;
        };
        let unfilled = working.intent.size - working.filled;
        let update = Update::Done { unfilled, cause };
        events.push(OrderEvent { at, order: id.clone(), update });
    }
}

/// Returns how much of a trade would have met a resting order: all where it went through its price, none at
/// its price, since others may have stood before it.
fn through(intent: &Intent, trade: &Trade) -> Size {
    let met = match intent.side {
        Side::Buy => trade.price < intent.limit,
        Side::Sell => intent.limit < trade.price,
    };
    if met { trade.size } else { Size::ZERO }
}

#[cfg(test)]
mod tests;
