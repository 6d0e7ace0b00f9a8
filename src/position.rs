//! The portfolio of one strategy: what fills made of it, what it cost, what it brought, how far it fell.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::market::{ConditionId, Outcome, Side};
use crate::order::{ClientOrderId, Fill};
use crate::price::{Price, Rounding, Size, Usdc};
use crate::time::Timestamp;

/// Shares of one outcome and what they cost, fees included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The shares held.
    pub size: Size,
    /// What they cost, fees included, in USDC.
    pub cost: Usdc,
}

/// All that one strategy holds and has made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Portfolio {
    markets: BTreeMap<ConditionId, Holding>,
    cash: Usdc,
    fees: Usdc,
    realised: Usdc,
    volume: Usdc,
    peak: Usdc,
    drawdown_max: Usdc,
    seen: BTreeMap<ConditionId, BTreeSet<(ClientOrderId, u32)>>,
    /// What an earlier incarnation knew of markets whose fills are still to be told.
    remembered: BTreeMap<ConditionId, [Mark; 2]>,
}

/// What a portfolio remembers beside its fills: the equity's peak, its worst fall, the bids told last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valuation {
    #[serde(deserialize_with = "moderate")]
    peak: Usdc,
    #[serde(deserialize_with = "moderate")]
    drawdown_max: Usdc,
    marks: BTreeMap<ConditionId, [Mark; 2]>,
}

/// Both outcomes of one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holding {
    positions: [Position; 2],
    realised: Usdc,
    marks: [Mark; 2],
}

/// What one share of an outcome could be sold for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    /// No book has told it yet.
    #[default]
    Unknown,
    /// The newest book's best bid, if there is one.
    Bid(Option<Price>),
    /// Nobody bids; the last bid still counts for a while.
    Kept {
        /// The last bid.
        bid: Price,
        /// From when on it counts no more.
        until: Timestamp,
    },
}

/// What a change of a portfolio came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// It was booked. A market that is flat again tells what it made all together.
    Once {
        /// Profit or loss of the whole round in this market, when nothing is held of it any more.
        round: Option<Usdc>,
    },
    /// It was known already and changes nothing.
    Duplicate,
}

/// A sell of more than is held: the books are broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fill} sells {sold} shares of {market}, {held} are held")]
pub struct Oversold {
    /// The order.
    pub fill: ClientOrderId,
    /// The market.
    pub market: ConditionId,
    /// What was sold.
    pub sold: Size,
    /// What was held.
    pub held: Size,
}

impl Portfolio {
    /// Returns a portfolio without fills that goes on from what an earlier one knew.
    #[must_use]
    pub fn after(valuation: Valuation) -> Self {
        let Valuation { peak, drawdown_max, marks: remembered } = valuation;
        Self { peak, drawdown_max, remembered, ..Self::default() }
    }

    /// Returns what the next portfolio must know beside the fills.
    #[must_use]
    pub fn valuation(&self) -> Valuation {
        let marks = self.markets.iter().map(|(market, holding)| (*market, holding.marks));
        let Self { peak, drawdown_max, .. } = *self;
        Valuation { peak, drawdown_max, marks: marks.collect() }
    }

    /// Books a fill.
    ///
    /// # Errors
    /// When it sells more than is held.
    pub fn book(&mut self, fill: &Fill) -> Result<Booked, Oversold> {
        let known = self.seen.entry(fill.market).or_default();
        if !known.insert((fill.order.clone(), fill.number)) {
            return Ok(Booked::Duplicate);
        }
        let holding = self.markets.entry(fill.market).or_insert_with(|| Holding {
            marks: self.remembered.remove(&fill.market).unwrap_or_default(),
            ..Holding::default()
        });
        let position = fill.outcome.of_mut(&mut holding.positions);
        match fill.side {
            Side::Buy => {
                let paid = fill.price.notional(fill.size, Rounding::Up) + fill.fee;
                position.size += fill.size;
                position.cost += paid;
                self.cash -= paid;
            }
            Side::Sell => {
                if position.size < fill.size {
                    return Err(Oversold {
                        fill: fill.order.clone(),
                        market: fill.market,
                        sold: fill.size,
                        held: position.size,
                    });
                }
                let got = fill.price.notional(fill.size, Rounding::Down) - fill.fee;
                let cost = position.cost.prorate(fill.size, position.size);
                position.size -= fill.size;
                position.cost -= cost;
                holding.realised += got - cost;
                self.realised += got - cost;
                self.cash += got;
            }
        }
        self.fees += fill.fee;
        self.volume += fill.price.notional(fill.size, Rounding::Down);
        Ok(Booked::Once { round: self.close_if_flat(fill.market) })
    }

    /// Books the settlement of a market: each share held pays what its outcome pays. Returns the cash that
    /// came in and the profit or loss of the round, or nothing where no share is held.
    pub fn settle(&mut self, market: ConditionId, payouts: [Usdc; 2]) -> Option<(Usdc, Usdc)> {
        self.seen.remove(&market);
        self.remembered.remove(&market);
        let mut holding = self.markets.remove(&market)?;
        if holding.positions.iter().all(|position| position.size.is_zero()) {
            return None;
        }
        let mut got = Usdc::ZERO;
        for (position, pays) in holding.positions.iter_mut().zip(payouts) {
            let cash = pays.times(position.size, Rounding::Down);
            holding.realised += cash - position.cost;
            self.realised += cash - position.cost;
            got += cash;
        }
        self.cash += got;
        Some((got, holding.realised))
    }

    /// Tells at which price the shares of an outcome could be sold now: the best bid, if there is one.
    /// Only holdings are marked; equity, its peak and the drawdown follow.
    pub fn mark(&mut self, market: ConditionId, outcome: Outcome, bid: Option<Price>) {
        if let Some(holding) = self.markets.get_mut(&market) {
            *outcome.of_mut(&mut holding.marks) = Mark::Bid(bid);
            self.watch_drawdown();
        }
    }

    /// Tells that nobody bids for the shares of an outcome: the last bid goes on to count until then. Where there was
    /// none they are worth nothing; an end that was told before stays.
    pub fn keep_mark(&mut self, market: ConditionId, outcome: Outcome, until: Timestamp) {
        if let Some(holding) = self.markets.get_mut(&market) {
            let mark = outcome.of_mut(&mut holding.marks);
            *mark = match *mark {
                Mark::Bid(Some(bid)) => Mark::Kept { bid, until },
                Mark::Bid(None) | Mark::Unknown => Mark::Bid(None),
                kept @ Mark::Kept { .. } => kept,
            };
            self.watch_drawdown();
        }
    }

    /// Lets go of every last bid that counts no more. Tells whether there was one.
    pub fn drop_marks(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        for mark in self.markets.values_mut().flat_map(|holding| &mut holding.marks) {
            if matches!(mark, Mark::Kept { until, .. } if *until <= now) {
                *mark = Mark::Bid(None);
                any = true;
            }
        }
        any
    }

    /// Returns when the next last bid counts no more, where one does now.
    #[must_use]
    pub fn marks_until(&self) -> Option<Timestamp> {
        let held = self.markets.values().filter(|holding| holding.is_held());
        held.flat_map(|holding| holding.marks).filter_map(Mark::until).min()
    }

    /// Returns the last bid of an outcome and until when it counts, where nobody bids now.
    #[must_use]
    pub fn kept_mark(&self, market: ConditionId, outcome: Outcome) -> Option<(Price, Timestamp)> {
        match *outcome.of(&self.markets.get(&market)?.marks) {
            Mark::Kept { bid, until } => Some((bid, until)),
            Mark::Unknown | Mark::Bid(_) => None,
        }
    }

    /// Notes the equity's new peak or its fall from it.
    pub fn watch_drawdown(&mut self) {
        let equity = self.equity();
        self.peak = self.peak.max(equity);
        self.drawdown_max = self.drawdown_max.max(self.peak - equity);
    }

    /// Returns what is held of an outcome.
    #[must_use]
    pub fn position(&self, market: ConditionId, outcome: Outcome) -> Position {
        self.markets.get(&market).map(|holding| *outcome.of(&holding.positions)).unwrap_or_default()
    }

    /// Returns every holding that is not empty, by market and outcome.
    pub fn positions(&self) -> impl Iterator<Item = (ConditionId, Outcome, Position)> + '_ {
        self.markets.iter().flat_map(|(market, holding)| {
            Outcome::BOTH
                .into_iter()
                .map(|outcome| (*market, outcome, *outcome.of(&holding.positions)))
                .filter(|(_, _, position)| !position.size.is_zero())
        })
    }

    /// Tells whether any share of a market is held.
    #[must_use]
    pub fn is_held(&self, market: ConditionId) -> bool {
        self.markets.get(&market).is_some_and(Holding::is_held)
    }

    /// Returns every market that was traded and is not settled.
    pub fn markets(&self) -> impl Iterator<Item = ConditionId> + '_ {
        self.markets.keys().copied()
    }

    /// Returns what the shares would bring now: pairs one USDC each, the rest at the best bid (nothing where
    /// there is none), or at cost until a book has told one: a purchase is no loss, and neither is a restart.
    #[must_use]
    pub fn marked(&self) -> Usdc {
        self.markets.values().map(Holding::marked).sum()
    }

    /// Returns cash and marked shares, from a start of zero.
    #[must_use]
    pub fn equity(&self) -> Usdc {
        self.cash + self.marked()
    }

    /// Returns what came in less what went out, from a start of zero.
    #[must_use]
    pub const fn cash(&self) -> Usdc {
        self.cash
    }

    /// Returns the fees paid.
    #[must_use]
    pub const fn fees(&self) -> Usdc {
        self.fees
    }

    /// Returns the profit or loss of what was sold or settled, fees included.
    #[must_use]
    pub const fn realised(&self) -> Usdc {
        self.realised
    }

    /// Returns price × size of all fills.
    #[must_use]
    pub const fn volume(&self) -> Usdc {
        self.volume
    }

    /// Returns how far the equity is below its peak now.
    #[must_use]
    pub fn drawdown(&self) -> Usdc {
        self.peak - self.equity()
    }

    /// Returns the worst fall of the equity from a peak so far.
    #[must_use]
    pub const fn drawdown_max(&self) -> Usdc {
        self.drawdown_max
    }

    /// Tells whether all amounts together, whatever their signs, are far from the largest one: then no sum that
    /// is made of them passes it.
    fn adds_up(&self) -> bool {
        let Self { cash, fees, realised, volume, peak, drawdown_max, .. } = self;
        let own = [cash, fees, realised, volume, peak, drawdown_max].map(|amount| amount.micros());
        let held = self.markets.values().flat_map(|holding| {
            let [yes, no] = holding.positions;
            let amounts = [yes.cost, no.cost, holding.realised].map(Usdc::micros);
            amounts.into_iter().chain([yes.size, no.size].map(Size::micros))
        });
        let all: i128 = own.into_iter().chain(held).map(|micros| i128::from(micros).abs()).sum();
        all <= i128::from(Usdc::MAX.micros()) / 2
    }

    fn close_if_flat(&mut self, market: ConditionId) -> Option<Usdc> {
        let holding = self.markets.get_mut(&market)?;
        let flat = holding.positions.iter().all(|position| position.size.is_zero());
        flat.then(|| std::mem::take(&mut holding.realised))
    }
}

impl Serialize for Portfolio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Portfolio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let portfolio = Self::deserialize(deserializer)?;
        if portfolio.adds_up() {
            return Ok(portfolio);
        }
        Err(serde::de::Error::custom("the amounts of the portfolio are too large to be added up"))
    }
}

/// Reads an amount that is far from the largest one.
pub(crate) fn moderate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Usdc, D::Error> {
    let amount = Usdc::deserialize(deserializer)?;
    let too_large = || serde::de::Error::custom(format_args!("{amount} is too large an amount"));
    (amount.micros().abs() <= Usdc::MAX.micros() / 2).then_some(amount).ok_or_else(too_large)
}

impl Mark {
    const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Kept { until, .. } => Some(until),
            Self::Unknown | Self::Bid(_) => None,
        }
    }
}

impl Holding {
    fn is_held(&self) -> bool {
        self.positions.iter().any(|position| !position.size.is_zero())
    }

    fn marked(&self) -> Usdc {
        let [yes, no] = self.positions;
        let pairs = yes.size.min(no.size);
        let singles: Usdc = self
            .positions
            .into_iter()
            .zip(self.marks)
            .map(|(position, mark)| {
                let rest = position.size - pairs;
                match mark {
                    Mark::Unknown => position.cost.prorate(rest, position.size),
                    Mark::Kept { bid, .. } => bid.notional(rest, Rounding::Down),
                    Mark::Bid(bid) => {
                        bid.map(|bid| bid.notional(rest, Rounding::Down)).unwrap_or_default()
                    }
                }
            })
            .sum();
        singles + Usdc::from_micros(pairs.micros()).unwrap_or(Usdc::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Liquidity;

    const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

    #[expect(clippy::too_many_arguments, reason = "a row of a table")]
    fn fill(number: u32, outcome: Outcome, side: Side, price: &str, size: &str, fee: &str) -> Fill {
        Fill {
            number,
            order: "a:1".parse().unwrap(),
            market: MARKET,
            outcome,
            side,
            price: price.parse().unwrap(),
            size: size.parse().unwrap(),
            fee: fee.parse().unwrap(),
            liquidity: Liquidity::Taker,
            at: Timestamp::default(),
        }
    }

    fn usdc(text: &str) -> Usdc {
        text.parse().unwrap()
    }

    #[test]
    fn a_fill_told_twice_is_booked_once() {
        let mut portfolio = Portfolio::default();
        let buy = fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0.1");
        assert_eq!(portfolio.book(&buy), Ok(Booked::Once { round: None }));
        assert_eq!(portfolio.book(&buy), Ok(Booked::Duplicate));
        assert_eq!(
            portfolio.position(MARKET, Outcome::Yes),
            Position { size: buy.size, cost: usdc("4.1") }
        );
        assert_eq!((portfolio.cash(), portfolio.fees()), (usdc("-4.1"), usdc("0.1")));
    }

    #[test]
    fn a_round_trip_makes_what_came_in_less_what_went_out() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0.1")).unwrap();
        let half = portfolio.book(&fill(2, Outcome::Yes, Side::Sell, "0.5", "5", "0")).unwrap();
        assert_eq!(half, Booked::Once { round: None });
        assert_eq!(portfolio.realised(), usdc("0.45"));
        let rest = portfolio.book(&fill(3, Outcome::Yes, Side::Sell, "0.3", "5", "0")).unwrap();
        assert_eq!(rest, Booked::Once { round: Some(usdc("-0.1")) });
        assert_eq!((portfolio.realised(), portfolio.cash()), (usdc("-0.1"), usdc("-0.1")));
        assert_eq!((portfolio.volume(), portfolio.fees()), (usdc("8"), usdc("0.1")));
        // The next round in the market begins at nothing.
        portfolio.book(&fill(4, Outcome::Yes, Side::Buy, "0.4", "10", "0")).unwrap();
        let next = portfolio.book(&fill(5, Outcome::Yes, Side::Sell, "0.5", "10", "0.2")).unwrap();
        assert_eq!(next, Booked::Once { round: Some(usdc("0.8")) });
    }

    #[test]
    fn what_is_held_is_told_by_market_and_outcome_with_its_cost() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.6", "10", "0.5")).unwrap();
        portfolio.book(&fill(2, Outcome::No, Side::Buy, "0.5", "4", "0")).unwrap();
        let second = fill(3, Outcome::No, Side::Buy, "0.3", "10", "0");
        let other = ConditionId::from_bytes([8; 32]);
        portfolio.book(&Fill { market: other, ..second }).unwrap();
        let held: Vec<_> = portfolio.positions().map(|(_, outcome, p)| (outcome, p.cost)).collect();
        let costs = [(Outcome::Yes, "6.5"), (Outcome::No, "2"), (Outcome::No, "3")];
        assert_eq!(held, costs.map(|(outcome, cost)| (outcome, usdc(cost))));
    }

    #[test]
    fn a_pair_is_worth_one_whatever_comes() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0")).unwrap();
        portfolio.book(&fill(2, Outcome::No, Side::Buy, "0.5", "10", "0")).unwrap();
        assert_eq!(portfolio.equity(), usdc("1"));
        assert_eq!(portfolio.settle(MARKET, [usdc("1"), usdc("0")]), Some((usdc("10"), usdc("1"))));
        assert_eq!((portfolio.realised(), portfolio.positions().count()), (usdc("1"), 0));
        assert_eq!(portfolio.settle(MARKET, [usdc("1"), usdc("0")]), None);
    }

    #[test]
    fn a_drawn_market_pays_half() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::No, Side::Buy, "0.4", "10", "0")).unwrap();
        let settled = portfolio.settle(MARKET, [usdc("0.5"), usdc("0.5")]);
        assert_eq!(settled, Some((usdc("5"), usdc("1"))));
    }

    #[test]
    fn selling_more_than_is_held_breaks_the_books() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0")).unwrap();
        let sell = fill(2, Outcome::Yes, Side::Sell, "0.5", "11", "0");
        let oversold = portfolio.book(&sell).unwrap_err();
        assert_eq!((oversold.sold, oversold.held), (sell.size, "10".parse().unwrap()));
        // Exactly what is held may be sold.
        let all = fill(3, Outcome::Yes, Side::Sell, "0.5", "10", "0");
        assert_eq!(portfolio.book(&all), Ok(Booked::Once { round: Some(usdc("1")) }));
    }

    #[test]
    fn the_drawdown_is_the_fall_from_the_highest_equity() {
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0")).unwrap();
        portfolio.mark(MARKET, Outcome::Yes, Some("0.6".parse().unwrap()));
        portfolio.mark(MARKET, Outcome::Yes, Some("0.3".parse().unwrap()));
        assert_eq!((portfolio.drawdown(), portfolio.drawdown_max()), (usdc("3"), usdc("3")));
        portfolio.mark(MARKET, Outcome::Yes, Some("0.5".parse().unwrap()));
        assert_eq!((portfolio.drawdown(), portfolio.drawdown_max()), (usdc("1"), usdc("3")));
    }

    #[test]
    fn shares_count_at_cost_until_a_book_has_told_their_bid() {
        let other = ConditionId::from_bytes([8; 32]);
        let mut portfolio = Portfolio::default();
        portfolio.book(&fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0.1")).unwrap();
        let second = fill(2, Outcome::No, Side::Buy, "0.3", "10", "0");
        portfolio.book(&Fill { market: other, ..second }).unwrap();
        // A book of the one says nothing of the other, and neither purchase is a loss.
        portfolio.mark(other, Outcome::No, Some("0.2".parse().unwrap()));
        assert_eq!((portfolio.equity(), portfolio.drawdown_max()), (usdc("-1"), usdc("1")));
        // A pair is worth one; what is over counts at its part of the cost.
        portfolio.book(&fill(3, Outcome::No, Side::Buy, "0.5", "4", "0")).unwrap();
        assert_eq!(portfolio.marked(), usdc("4") + usdc("2.46") + usdc("2"));
        // A book without a bid tells that nobody wants them.
        portfolio.mark(MARKET, Outcome::Yes, None);
        assert_eq!(portfolio.marked(), usdc("4") + usdc("2"));
    }

    #[test]
    fn a_market_is_held_while_shares_are_and_known_until_it_is_settled() {
        let mut portfolio = Portfolio::default();
        let known = |portfolio: &Portfolio| portfolio.markets().collect::<Vec<_>>();
        assert!(!portfolio.is_held(MARKET) && known(&portfolio).is_empty());
        portfolio.book(&fill(1, Outcome::No, Side::Buy, "0.4", "10", "0")).unwrap();
        assert!(portfolio.is_held(MARKET));
        portfolio.book(&fill(2, Outcome::No, Side::Sell, "0.4", "10", "0")).unwrap();
        assert!(!portfolio.is_held(MARKET));
        assert_eq!(known(&portfolio), [MARKET]);
        portfolio.settle(MARKET, [usdc("1"), usdc("0")]);
        assert_eq!(known(&portfolio), []);
    }

    #[test]
    fn the_worst_fall_outlives_the_portfolio_that_met_it() {
        let buy = fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0");
        let mut portfolio = Portfolio::default();
        portfolio.book(&buy).unwrap();
        for bid in ["0.6", "0.3", "0.5"] {
            portfolio.mark(MARKET, Outcome::Yes, Some(bid.parse().unwrap()));
        }
        let mut next = Portfolio::after(portfolio.valuation());
        next.book(&buy).unwrap();
        assert_eq!((next.drawdown(), next.drawdown_max()), (usdc("1"), usdc("3")));
    }

    #[test]
    fn a_portfolio_that_comes_back_is_worth_what_it_was() {
        let buy = fill(1, Outcome::Yes, Side::Buy, "0.4", "10", "0.1");
        let mut portfolio = Portfolio::default();
        portfolio.book(&buy).unwrap();
        portfolio.mark(MARKET, Outcome::Yes, Some("0.9".parse().unwrap()));
        portfolio.mark(MARKET, Outcome::Yes, Some("0.8".parse().unwrap()));
        let mut next = Portfolio::after(portfolio.valuation());
        next.book(&buy).unwrap();
        next.watch_drawdown();
        assert_eq!((next.equity(), next.drawdown()), (usdc("3.9"), usdc("1")));
        assert_eq!(next.valuation(), portfolio.valuation());
        // What was known of a market is forgotten with its settlement, also when no fill came back.
        let mut settled = Portfolio::after(portfolio.valuation());
        assert_eq!(settled.settle(MARKET, [usdc("1"), usdc("0")]), None);
        settled.book(&buy).unwrap();
        assert_eq!(settled.equity(), Usdc::ZERO);
    }
}
