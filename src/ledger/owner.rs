//! The accounts of one owner: postings that must sum to zero before they are made, and after.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accounts::{Gain, Money, Overflow, Shares};
use super::journal::{Folded, Line, Settlement, Stage};
use super::order::{Slot, Tied};
use crate::market::{ConditionId, Outcome};
use crate::order::{ClientOrderId, Fill};
use crate::price::Usdc;

/// All accounts of one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) money: Money,
    pub(super) gain: Gain,
    /// Fills booked, those that failed not counted.
    pub(super) fills: u64,
    pub(super) markets: BTreeMap<ConditionId, MarketBook>,
    /// Fees and rebates that belong to no fill, each once, by reference: below zero for a fee.
    pub(super) notes: BTreeMap<Arc<str>, Note>,
    /// What the markets came to whose journals were put away.
    pub(super) archive: Archive,
}

/// What is kept of a market whose journal was put away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Archive {
    pub(super) money: Money,
    pub(super) gain: Gain,
    pub(super) fills: u64,
}

/// A sum beside fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Note {
    /// Paid.
    Fee(Usdc),
    /// Got back.
    Rebate(Usdc),
}

/// One owner's accounts of one market.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarketBook {
    /// What happened, in the order it was told.
    pub(super) lines: Vec<Line>,
    pub(super) settled: Option<Settlement>,
    /// What of the journal is in the accounts.
    pub(super) folded: Folded,
    /// The accounts of the shares: the journal's, and what open orders tie up.
    pub(super) shares: [Shares; 2],
    /// The orders that were recorded of this market.
    pub(super) orders: Vec<ClientOrderId>,
    /// The number of the posting that changed it last.
    pub(super) touched: u64,
}

/// A change of a journal.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// None: only what an order ties up changes.
    Nothing,
    /// One more line.
    Append(Line),
    /// One line less.
    Pop,
    /// A fill came further.
    Stage(usize, Stage),
    /// Another line in the place of one.
    Replace(usize, Box<Line>),
    /// The market paid, or has not.
    Settle(Option<Settlement>),
}

/// What an order tied up before, and what it ties up after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ties {
    pub(super) outcome: Outcome,
    pub(super) before: Tied,
    pub(super) after: Tied,
}

/// What came of an edit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edited {
    /// Whether more lines wait than before.
    pub(super) waits: bool,
    /// The number of the journal's last line.
    pub(super) line: usize,
}

/// Changes of an owner's accounts that are made together or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) money: Money,
    pub(super) gain: Gain,
    pub(super) shares: [Shares; 2],
}

/// Why a posting was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A sum is too large.
    Overflow,
    /// The accounts of an asset would not sum to zero.
    Broken(Asset, i128),
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    /// USDC.
    Usdc,
    /// Shares of an outcome.
    Shares(Outcome),
    /// USDC once more, from the side of what was made: cash and the cost of shares less what was realised.
    Worth,
}

impl From<Overflow> for Refused {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl Note {
    pub(super) fn posting(self) -> Posting {
        let (money, realised) = match self {
            Self::Fee(amount) => {
                let micros = amount.micros();
                (Money { cash: -micros, fees: micros, ..Money::default() }, -micros)
            }
            Self::Rebate(amount) => {
                let micros = amount.micros();
                (Money { cash: micros, rebates: -micros, ..Money::default() }, micros)
            }
        };
        Posting { money, gain: Gain { realised, ..Gain::default() }, ..Posting::default() }
    }
}

impl Posting {
    /// Returns the posting that brings the accounts from one state of a journal to another.
    pub(super) fn between(before: &Folded, after: &Folded) -> Result<Self, Overflow> {
        let ([yes, no], [yes_after, no_after]) = (&before.shares, &after.shares);
        Ok(Self {
            money: after.money.less(&before.money)?,
            gain: after.gain.less(&before.gain)?,
            shares: [yes_after.less(yes)?, no_after.less(no)?],
        })
    }

    /// Returns the posting with one more that brings what an order ties up from one state to another.
    pub(super) fn retie(
        mut self,
        outcome: Outcome,
        before: &Tied,
        after: &Tied,
    ) -> Result<Self, Overflow> {
        self.money = self.money.plus(&after.money.less(&before.money)?)?;
        let shares = outcome.of_mut(&mut self.shares);
        *shares = shares.plus(&after.shares.less(&before.shares)?)?;
        Ok(self)
    }
}

impl Book {
    /// Changes the journal of a market and posts what that changes, and what an order ties up, in one: whole, or not
    /// at all. Returns how many more lines of the journal wait than before, and the number of its last line.
    pub(super) fn edit(
        &mut self,
        (market, number): (ConditionId, u64),
        edit: Edit,
        ties: Option<&Ties>,
    ) -> Result<Edited, Refused> {
        let Self { money, gain, markets, .. } = self;
        let at = markets.entry(market).or_default();
        let before = at.folded;
        let is_quiet = before.waiting == 0 && at.settled.is_none();
        let shortcut = edit.shortcut(at).filter(|_| is_quiet);
        let undo = at.apply(edit);
        let after = match shortcut {
            Some(after) => after,
            None => Folded::of(&at.lines, at.settled),
        };
        let posted = after.map_err(Refused::from).and_then(|after| {
            let mut posting = Posting::between(&before, &after)?;
            if let Some(Ties { outcome, before, after }) = ties {
                posting = posting.retie(*outcome, before, after)?;
            }
            posting.make(money, gain, Some(&mut at.shares)).map(|()| after)
        });
        match posted {
            Ok(after) => {
                at.folded = after;
                at.touched = number;
                let waits = before.waiting < after.waiting;
                Ok(Edited { waits, line: at.lines.len().saturating_sub(1) })
            }
            Err(refused) => {
                at.apply(undo);
                Err(refused)
            }
        }
    }

    /// Returns the fill of this place, and how far it has come.
    pub(super) fn fill(&self, slot: &Slot) -> Option<(&Fill, Stage)> {
        match self.markets.get(&slot.market)?.lines.get(slot.line)? {
            Line::Fill { fill, stage } => Some((fill, *stage)),
            Line::Split { .. } | Line::Merge { .. } | Line::Moved => None,
        }
    }

    /// Makes a posting that belongs to no market.
    pub(super) fn note(&mut self, note: Note) -> Result<(), Refused> {
        note.posting().make(&mut self.money, &mut self.gain, None)
    }
}

impl Edit {
    /// Returns what the journal comes to after this edit where that need not be added up anew.
    fn shortcut(&self, at: &MarketBook) -> Option<Result<Folded, Overflow>> {
        match self {
            Self::Nothing => Some(Ok(at.folded)),
            Self::Append(line) => match at.folded.step(line) {
                Ok(Some(next)) => Some(Ok(next)),
                Ok(None) => Some(Ok(Folded { waiting: at.folded.waiting + 1, ..at.folded })),
                Err(overflow) => Some(Err(overflow)),
            },
            Self::Stage(line, Stage::Confirmed) => match at.lines.get(*line) {
                Some(Line::Fill { fill, stage: Stage::Matched }) => Some(at.folded.confirm(fill)),
                Some(Line::Fill { .. } | Line::Split { .. } | Line::Merge { .. } | Line::Moved)
                | None => None,
            },
            Self::Stage(_, Stage::Matched | Stage::Failed) => None,
            Self::Pop | Self::Replace(..) | Self::Settle(_) => None,
        }
    }
}

impl MarketBook {
    /// Changes the journal. Returns the edit that takes it back.
    fn apply(&mut self, edit: Edit) -> Edit {
        match edit {
            Edit::Nothing => Edit::Nothing,
            Edit::Append(line) => {
                self.lines.push(line);
                Edit::Pop
            }
            Edit::Pop => self.lines.pop().map_or(Edit::Nothing, Edit::Append),
            Edit::Stage(line, new) => match self.lines.get_mut(line) {
                Some(Line::Fill { stage, .. }) => Edit::Stage(line, std::mem::replace(stage, new)),
                Some(Line::Split { .. } | Line::Merge { .. } | Line::Moved) | None => Edit::Nothing,
            },
            Edit::Replace(line, new) => match self.lines.get_mut(line) {
                Some(old) => Edit::Replace(line, Box::new(std::mem::replace(old, *new))),
                None => Edit::Nothing,
            },
            Edit::Settle(settlement) => {
                Edit::Settle(std::mem::replace(&mut self.settled, settlement))
            }
        }
    }
}

impl Posting {
    /// Makes the posting: whole, or not at all. It sums to zero, and so do the accounts that it touched; a
    /// handful of additions says so.
    pub(super) fn make(
        &self,
        money: &mut Money,
        gain: &mut Gain,
        shares: Option<&mut [Shares; 2]>,
    ) -> Result<(), Refused> {
        balanced(&self.money, &self.gain, &self.shares)?;
        let new_money = money.plus(&self.money)?;
        let new_gain = gain.plus(&self.gain)?;
        balanced(&new_money, &new_gain, &[])?;
        if let Some(shares) = shares {
            let ([yes, no], [yes_more, no_more]) = (&*shares, &self.shares);
            let new_shares = [yes.plus(yes_more)?, no.plus(no_more)?];
            balanced(&Money::default(), &Gain::default(), &new_shares)?;
            *shares = new_shares;
        }
        (*money, *gain) = (new_money, new_gain);
        Ok(())
    }
}

/// Checks that the accounts of each asset sum to zero.
pub(super) fn balanced(money: &Money, gain: &Gain, shares: &[Shares]) -> Result<(), Refused> {
    let sum = money.sum();
    if sum != 0 {
        return Err(Refused::Broken(Asset::Usdc, sum));
    }
    let Money { cash, reserved, .. } = money;
    let held = i128::from(*cash) + i128::from(*reserved) + i128::from(gain.cost);
    let worth = held - i128::from(gain.realised);
    if worth != 0 {
        return Err(Refused::Broken(Asset::Worth, worth));
    }
    for (outcome, shares) in Outcome::BOTH.into_iter().zip(shares) {
        let sum = shares.sum();
        if sum != 0 {
            return Err(Refused::Broken(Asset::Shares(outcome), sum));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

    fn make(posting: &Posting, shares: &mut [Shares; 2]) -> Result<(), Refused> {
        let (mut money, mut gain) = (Money::default(), Gain::default());
        let made = posting.make(&mut money, &mut gain, Some(shares));
        assert!(made.is_ok() || (money, gain) == (Money::default(), Gain::default()));
        made
    }

    #[test]
    fn a_posting_that_does_not_sum_to_zero_is_refused_and_changes_nothing() {
        let mut none = [Shares::default(); 2];
        let cash = |cash| Money { cash, ..Money::default() };
        let lost = Posting { money: cash(5), ..Posting::default() };
        assert_eq!(make(&lost, &mut none), Err(Refused::Broken(Asset::Usdc, 5)));
        let unearned = Posting { money: Money { traded: -5, ..cash(5) }, ..Posting::default() };
        assert_eq!(make(&unearned, &mut none), Err(Refused::Broken(Asset::Worth, 5)));
        let made = Shares { confirmed: 3, ..Shares::default() };
        let shares = Posting { shares: [Shares::default(), made], ..Posting::default() };
        let no = Asset::Shares(Outcome::No);
        assert_eq!(make(&shares, &mut none), Err(Refused::Broken(no, 3)));
        assert_eq!(none, [Shares::default(); 2]);
    }

    #[test]
    fn accounts_that_were_broken_are_noticed_by_the_next_posting() {
        let (nothing, yes) = (Posting::default(), Asset::Shares(Outcome::Yes));
        let mut shares = [Shares { offered: 2, ..Shares::default() }; 2];
        assert_eq!(make(&nothing, &mut shares), Err(Refused::Broken(yes, 2)));
        let mut book = Book::default();
        book.money.cash = 1;
        let edited = book.edit((MARKET, 1), Edit::Nothing, None);
        assert_eq!(edited.unwrap_err(), Refused::Broken(Asset::Usdc, 1));
    }
}
