//! What each strategy has taken out of the recorded books: it is not there a second time.

use std::collections::BTreeMap;

use crate::book::{Level, OrderBook};
use crate::intent::Intent;
use crate::market::{ConditionId, Outcome, Side};
use crate::order::StrategyId;
use crate::price::{Price, Size};

/// Shares taken by market, strategy and level. Both outcomes' books are one book seen from two sides, so a
/// level is named as the book of yes shows it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    markets: BTreeMap<ConditionId, BTreeMap<(Place, StrategyId), Bite>>,
}

/// A level in the book of yes: its asks (`Sell`) or bids (`Buy`), and the price.
type Place = (Side, Price);

/// What was taken of a level, and how large it was shown then.
#[derive(Debug)]
struct Bite {
    size: Size,
    shown: Option<Size>,
}

impl Taken {
    /// Notes that a strategy took shares at a price.
    pub(super) fn take(
        &mut self,
        strategy: &StrategyId,
        intent: &Intent,
        price: Price,
        size: Size,
    ) {
        let place = place(intent.outcome, against(intent.side), price);
        let bites = self.markets.entry(intent.market).or_default();
        let bite = bites
            .entry((place, strategy.clone()))
            .or_insert(Bite { size: Size::ZERO, shown: None });
        bite.size += size;
    }

    /// Returns what a strategy has taken at a price.
    pub(super) fn of(&self, strategy: &StrategyId, intent: &Intent, price: Price) -> Size {
        let place = place(intent.outcome, against(intent.side), price);
        self.markets
            .get(&intent.market)
            .and_then(|bites| bites.get(&(place, strategy.clone())))
            .map_or(Size::ZERO, |bite| bite.size)
    }

    /// Takes in a new book: a level that is shown with another size than before is a new one, and all of it
    /// is there. The first book after a bite tells the size to compare with.
    pub(super) fn refresh(&mut self, market: ConditionId, outcome: Outcome, book: &OrderBook) {
        let Some(bites) = self.markets.get_mut(&market) else {
            return;
        };
        bites.retain(|(place, _), bite| {
            let (side, price) = seen_from(outcome, *place);
            let levels = match side {
                Side::Buy => book.bids(),
                Side::Sell => book.asks(),
            };
            let shown = levels
                .iter()
                .find(|level| level.price == price)
                .map_or(Size::ZERO, |level: &Level| level.size);
            *bite.shown.get_or_insert(shown) == shown && !shown.is_zero()
        });
        if bites.is_empty() {
            self.markets.remove(&market);
        }
    }

    /// Forgets a settled market.
    pub(super) fn forget(&mut self, market: ConditionId) {
        self.markets.remove(&market);
    }
}

/// Returns the side of the book that a taker meets: a buyer meets asks.
const fn against(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// Names a level of an outcome's book as the book of yes shows it.
const fn place(outcome: Outcome, side: Side, price: Price) -> Place {
    match outcome {
        Outcome::Yes => (side, price),
        Outcome::No => (against(side), price.complement()),
    }
}

/// Names a level of the book of yes as an outcome's book shows it; the same step back and forth.
const fn seen_from(outcome: Outcome, (side, price): Place) -> Place {
    place(outcome, side, price)
}
