//! What happened to one owner's shares of one market, in the order it was told, and what that comes to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accounts::{Gain, Money, Overflow, Shares};
use crate::market::{Outcome, Side};
use crate::order::Fill;
use crate::price::{Rounding, Size, Usdc};

/// How far a fill has come at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Matched; it may still fail.
    Matched,
    /// Final.
    Confirmed,
    /// It never took place.
    Failed,
}

/// What a market pays at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settlement {
    /// What one share of yes and of no pays, in USDC: 1 and 0, 0 and 1, or 0.5 and 0.5. Each is 0 to 1.
    Paid([Usdc; 2]),
    /// The market is annulled: what the shares held cost is given back.
    Void,
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Line {
    /// Shares changed hands.
    Fill { fill: Fill, stage: Stage },
    /// Cash became pairs.
    Split { reference: Arc<str>, size: Size },
    /// Pairs became cash.
    Merge { reference: Arc<str>, size: Size },
    /// The fill that stood here turned out to be somebody's: it stands in that journal now.
    Moved,
}

/// What a journal comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Folded {
    pub(super) money: Money,
    pub(super) gain: Gain,
    /// What the shares of yes and of no cost.
    pub(super) costs: [i64; 2],
    pub(super) shares: [Shares; 2],
    /// Lines that cannot be booked yet: they give away more than is owned.
    pub(super) waiting: u64,
}

/// What one line does: to money, to one outcome's cost and shares or to both.
struct Change {
    money: Money,
    gain: Gain,
    costs: [i64; 2],
    shares: [Shares; 2],
}

impl Line {
    /// Returns the name of a split or a merge.
    pub(super) fn reference(&self) -> Option<&str> {
        match self {
            Self::Split { reference, .. } | Self::Merge { reference, .. } => Some(reference),
            Self::Fill { .. } | Self::Moved => None,
        }
    }
}

impl Folded {
    /// Returns what a whole journal comes to. A line that gives away more than is owned waits until enough has come;
    /// a settlement counts last, whenever it was told.
    pub(super) fn of(lines: &[Line], settled: Option<Settlement>) -> Result<Self, Overflow> {
        let mut sum = Self::default();
        let mut waiting: Vec<&Line> = Vec::new();
        for line in lines {
            match sum.step(line)? {
                None => waiting.push(line),
                Some(next) => {
                    sum = next;
                    sum.retry(&mut waiting)?;
                }
            }
        }
        sum.waiting = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        match settled {
            None => Ok(sum),
            Some(settlement) => sum.settle(settlement),
        }
    }

    /// Returns the sum with one more line; nothing where it gives away more than is owned.
    pub(super) fn step(&self, line: &Line) -> Result<Option<Self>, Overflow> {
        let change = match line {
            Line::Moved | Line::Fill { stage: Stage::Failed, .. } => return Ok(Some(*self)),
            Line::Fill { fill, stage: stage @ (Stage::Matched | Stage::Confirmed) } => {
                match (fill.side, stage) {
                    (Side::Sell, _) => self.sold(fill)?,
                    (Side::Buy, Stage::Matched) => Some(bought(fill, expected(fill.size))?),
                    (Side::Buy, _) => Some(bought(fill, taken(fill.size.micros()))?),
                }
            }
            Line::Split { size, .. } => Some(split(*size)),
            Line::Merge { size, .. } => self.merged(*size)?,
        };
        change.map(|change| self.with(&change)).transpose()
    }

    /// Returns the sum after a matched fill was confirmed.
    pub(super) fn confirm(&self, fill: &Fill) -> Result<Self, Overflow> {
        let mut sum = *self;
        if fill.side == Side::Buy {
            let size = fill.size.micros();
            let moved = Shares { provisional: -size, confirmed: size, ..Shares::default() };
            let shares = fill.outcome.of_mut(&mut sum.shares);
            *shares = shares.plus(&moved)?;
        }
        Ok(sum)
    }

    /// Books what waited and can be booked now, the oldest first.
    fn retry(&mut self, waiting: &mut Vec<&Line>) -> Result<(), Overflow> {
        let mut at = 0;
        while let Some(line) = waiting.get(at) {
            match self.step(line)? {
                None => at += 1,
                Some(next) => {
                    *self = next;
                    waiting.remove(at);
                    at = 0;
                }
            }
        }
        Ok(())
    }

    fn sold(&self, fill: &Fill) -> Result<Option<Change>, Overflow> {
        let Some(cost) = self.cost_of(fill.outcome, fill.size) else { return Ok(None) };
        let (size, fee) = (fill.size.micros(), fill.fee.micros());
        let got = fill.price.notional(fill.size, Rounding::Down).micros();
        let in_hand = got.checked_sub(fee).ok_or(Overflow)?;
        let realised = in_hand.checked_sub(cost).ok_or(Overflow)?;
        Ok(Some(Change {
            money: Money { cash: in_hand, traded: -got, fees: fee, ..Money::default() },
            gain: Gain { cost: -cost, realised, volume: got },
            costs: only(fill.outcome, -cost),
            shares: only(fill.outcome, given(size)),
        }))
    }

    fn merged(&self, size: Size) -> Result<Option<Change>, Overflow> {
        let (Some(yes), Some(no)) =
            (self.cost_of(Outcome::Yes, size), self.cost_of(Outcome::No, size))
        else {
            return Ok(None);
        };
        let micros = size.micros();
        let cost = yes.checked_add(no).ok_or(Overflow)?;
        let realised = micros.checked_sub(cost).ok_or(Overflow)?;
        Ok(Some(Change {
            money: Money { cash: micros, converted: -micros, ..Money::default() },
            gain: Gain { cost: -cost, realised, volume: 0 },
            costs: [-yes, -no],
            shares: [given(micros); 2],
        }))
    }

    /// Returns what so many shares of an outcome cost on the average; nothing where fewer are owned.
    fn cost_of(&self, outcome: Outcome, size: Size) -> Option<i64> {
        let owned = Size::from_micros(outcome.of(&self.shares).owned()).ok()?;
        let cost = Usdc::from_micros(*outcome.of(&self.costs)).ok()?;
        (size <= owned).then(|| cost.prorate(size, owned).micros())
    }

    fn settle(&self, settlement: Settlement) -> Result<Self, Overflow> {
        let mut sum = *self;
        for outcome in Outcome::BOTH {
            let cost = *outcome.of(&sum.costs);
            let owned = outcome.of(&sum.shares).owned();
            let pays = match settlement {
                Settlement::Void => cost,
                Settlement::Paid(payouts) => {
                    let size = Size::from_micros(owned).map_err(|_too_many| Overflow)?;
                    outcome.of(&payouts).times(size, Rounding::Down).micros()
                }
            };
            let shares = *outcome.of(&sum.shares);
            let gone = Shares {
                provisional: -shares.provisional,
                confirmed: -shares.confirmed,
                venue: owned,
                ..Shares::default()
            };
            let realised = pays.checked_sub(cost).ok_or(Overflow)?;
            sum = sum.with(&Change {
                money: Money { cash: pays, payouts: -pays, ..Money::default() },
                gain: Gain { cost: -cost, realised, volume: 0 },
                costs: only(outcome, -cost),
                shares: only(outcome, gone),
            })?;
        }
        Ok(sum)
    }

    fn with(&self, change: &Change) -> Result<Self, Overflow> {
        let [yes, no] = &self.shares;
        let [yes_change, no_change] = &change.shares;
        let [yes_cost, no_cost] = self.costs;
        let [yes_more, no_more] = change.costs;
        Ok(Self {
            money: self.money.plus(&change.money)?,
            gain: self.gain.plus(&change.gain)?,
            costs: [
                yes_cost.checked_add(yes_more).ok_or(Overflow)?,
                no_cost.checked_add(no_more).ok_or(Overflow)?,
            ],
            shares: [yes.plus(yes_change)?, no.plus(no_change)?],
            waiting: self.waiting,
        })
    }
}

fn bought(fill: &Fill, shares: Shares) -> Result<Change, Overflow> {
    let fee = fill.fee.micros();
    let paid = fill.price.notional(fill.size, Rounding::Up).micros();
    let volume = fill.price.notional(fill.size, Rounding::Down).micros();
    let cost = paid.checked_add(fee).ok_or(Overflow)?;
    Ok(Change {
        money: Money { cash: -cost, traded: paid, fees: fee, ..Money::default() },
        gain: Gain { cost, realised: 0, volume },
        costs: only(fill.outcome, cost),
        shares: only(fill.outcome, shares),
    })
}

/// A pair costs one USDC; its shares carry half of it each, and yes the odd millionth.
fn split(size: Size) -> Change {
    let micros = size.micros();
    let half = micros / 2;
    Change {
        money: Money { cash: -micros, converted: micros, ..Money::default() },
        gain: Gain { cost: micros, realised: 0, volume: 0 },
        costs: [micros - half, half],
        shares: [taken(micros); 2],
    }
}

fn expected(size: Size) -> Shares {
    Shares { provisional: size.micros(), venue: -size.micros(), ..Shares::default() }
}

fn taken(size: i64) -> Shares {
    Shares { confirmed: size, venue: -size, ..Shares::default() }
}

fn given(size: i64) -> Shares {
    taken(-size)
}

/// Returns a pair with this in the place of the outcome.
fn only<T: Default>(outcome: Outcome, value: T) -> [T; 2] {
    match outcome {
        Outcome::Yes => [value, T::default()],
        Outcome::No => [T::default(), value],
    }
}
