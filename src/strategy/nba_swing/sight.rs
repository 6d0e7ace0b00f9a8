//! What one look at one market has before it, and the gates that entries and exits share.

use std::ops::ControlFlow;

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{Outcome, Side};
use crate::numbers::Numbers;
use crate::open_orders::OpenOrders;
use crate::price::{Price, Size, Usdc};
use crate::strategy::{Look, MarketState};
use crate::time::Timestamp;

use super::config::Config;
use super::fixture::Fixture;
use super::flow::Flow;
use super::game::{Scene, Seen};
use super::stage::Stage;
use crate::strategy::retry::Retry;

/// What one look has before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    pub(super) config: &'a Config,
    pub(super) state: &'a MarketState,
    pub(super) now: Timestamp,
    pub(super) orders: &'a OpenOrders,
    pub(super) scene: Scene<'a>,
    pub(super) fixture: Option<Fixture>,
    pub(super) flow: &'a Flow,
    pub(super) stage: Stage,
    pub(super) feeds_down: u64,
    /// When an order to buy yes or no last ended without all its shares.
    pub(super) spent: [Option<Timestamp>; 2],
    pub(super) exited_at: Option<Timestamp>,
    pub(super) retry: Option<Retry>,
}

impl<'a> Sight<'a> {
    /// Returns the look that ended here.
    pub(super) fn no(&self, reason: Reason, numbers: Numbers) -> Look {
        Look::no(self.state.market.id, reason, numbers)
    }

    /// Returns the look that ends in an order, or in `price_limit` where the price grid has no such price.
    pub(super) fn order(
        &self,
        purpose: Purpose,
        (outcome, size): (Outcome, Size),
        price: Price,
        numbers: Numbers,
    ) -> Look {
        let side = match purpose {
            Purpose::Entry | Purpose::Hedge => Side::Buy,
            Purpose::Exit => Side::Sell,
        };
        let Some(limit) = self.state.tick.limit(price, side) else {
            let tick = Usdc::from_micros(i64::from(self.state.tick.micros())).unwrap_or_default();
            let numbers = Numbers::none().with("price", price).with("tick", tick);
            return self.no(Reason::PriceLimit, numbers);
        };
        let market = self.state.market.id;
        let time_in_force = TimeInForce::Fak;
        let intent = Intent { market, outcome, side, limit, size, time_in_force, purpose };
        Look::intent(intent, numbers)
    }

    /// Goes on unless an order of this market is outstanding.
    pub(super) fn nothing_pending(&self) -> ControlFlow<Look> {
        let open = self.orders.of_market(self.state.market.id).count();
        if open == 0 {
            return ControlFlow::Continue(());
        }
        let open = u64::try_from(open).unwrap_or(u64::MAX);
        let numbers = Numbers::none().with("open_orders", open);
        ControlFlow::Break(self.no(Reason::PendingOrder, numbers))
    }

    /// Returns the game, where it is being played and its state is not too old.
    pub(super) fn playing(&self) -> ControlFlow<Look, &'a Seen> {
        let look = match self.scene {
            Scene::Playing(seen) => return ControlFlow::Continue(seen),
            Scene::Unknown => self.no(Reason::NoGame, Numbers::none()),
            Scene::Stale(age) => {
                let numbers = Numbers::none().with("age", age);
                let numbers = numbers.with("game_age_max", self.config.game_age_max);
                self.no(Reason::StaleGame, numbers)
            }
            Scene::NotPlaying | Scene::Over => self.no(Reason::NotInPlay, Numbers::none()),
        };
        ControlFlow::Break(look)
    }

    /// Returns the book of an outcome, unless it is missing, too old or crossed.
    pub(super) fn sound(&self, outcome: Outcome) -> ControlFlow<Look, &'a OrderBook> {
        let age_max = self.config.book_age_max;
        let Some(book) = self.state.book(outcome) else {
            return ControlFlow::Break(self.no(Reason::StaleBook, Numbers::none()));
        };
        if book.is_stale(self.now, age_max) {
            let age = self.now.since(book.at());
            let numbers = Numbers::none().with("age", age).with("book_age_max", age_max);
            return ControlFlow::Break(self.no(Reason::StaleBook, numbers));
        }
        match (book.best_bid(), book.best_ask()) {
            (Some(bid), Some(ask)) if book.is_crossed() => {
                let numbers = Numbers::none().with("bid", bid.price).with("ask", ask.price);
                ControlFlow::Break(self.no(Reason::CrossedBook, numbers))
            }
            (Some(_) | None, Some(_) | None) => ControlFlow::Continue(book),
        }
    }

    /// Goes on unless the last buy of an outcome ended short, and its book is no newer than that end.
    pub(super) fn unspent(&self, outcome: Outcome, ask: Price) -> ControlFlow<Look> {
        match (outcome.of(&self.spent), self.state.book(outcome)) {
            (Some(ended), Some(book)) if book.at() <= *ended => {
                let (age, since_end) = (self.now.since(book.at()), self.now.since(*ended));
                let numbers = Numbers::none().with("ask", ask).with("age", age);
                let numbers = numbers.with("since_end", since_end);
                ControlFlow::Break(self.no(Reason::SpentBook, numbers))
            }
            (Some(_) | None, Some(_) | None) => ControlFlow::Continue(()),
        }
    }

    /// Goes on unless an exit failed and its time has not come again.
    pub(super) fn may_retry(&self) -> ControlFlow<Look> {
        match self.retry.and_then(|retry| retry.too_early(self.now)) {
            Some(numbers) => ControlFlow::Break(self.no(Reason::ExitBackoff, numbers)),
            None => ControlFlow::Continue(()),
        }
    }
}

/// Returns the one look that a row of gates ended in.
pub(super) fn end(look: ControlFlow<Look, Look>) -> Look {
    match look {
        ControlFlow::Break(look) | ControlFlow::Continue(look) => look,
    }
}
