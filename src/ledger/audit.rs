//! The full check: all accounts are added up anew from the facts and compared; and what the facts leave open.

use std::collections::BTreeMap;

use super::accounts::{Gain, Money, Overflow, Shares};
use super::journal::{Folded, Line, Stage};
use super::order::Order;
use super::owner::{Archive, Book, MarketBook, Refused, balanced};
use super::{Ledger, LedgerError, Owner};
use crate::market::{ConditionId, Outcome};
use crate::order::ClientOrderId;
use crate::price::Size;

/// Something that adds up, and yet should not be: later facts may put it right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// More was sold or merged than is owned.
    #[error(
        "{lines} sales or merges of {market} by {owner} wait: they give away more than is owned"
    )]
    Oversold {
        /// Who sold.
        owner: Owner,
        /// The market.
        market: ConditionId,
        /// How many lines of its journal wait.
        lines: u64,
    },
    /// More of an order was filled than it asked for.
    #[error("order {order} asked for {size} shares, {filled} were filled")]
    Overfilled {
        /// The order.
        order: ClientOrderId,
        /// What it asked for.
        size: Size,
        /// What was filled.
        filled: Size,
    },
    /// Fills were told of an order that no strategy is known to have sent.
    #[error("{fills} fills of order {order} belong to nobody: no such order was recorded")]
    Unattributed {
        /// The order.
        order: ClientOrderId,
        /// How many.
        fills: usize,
    },
}

impl Ledger {
    /// Adds up all accounts anew from the facts.
    ///
    /// # Errors
    /// The first sum that is not zero, or the first account that is not what its facts come to.
    pub fn audit(&self) -> Result<(), LedgerError> {
        let mut ties: BTreeMap<(&Owner, ConditionId), ([Shares; 2], Money)> = BTreeMap::new();
        let owners: BTreeMap<_, _> =
            self.books.keys().map(|owner| (owner.clone(), owner)).collect();
        for (id, order) in &self.orders {
            let Some(terms) = &order.terms else { continue };
            let name = Owner::Strategy(id.strategy.clone());
            if terms.order != *id {
                return Err(differs(&name, format!("order {id} is kept as {}", terms.order)));
            }
            let Some(owner) = owners.get(&name).copied() else {
                return Err(differs(&name, format!("order {id} has no accounts")));
            };
            let tied = order.tied(order.filled);
            let (shares, money) = ties.entry((owner, terms.market)).or_default();
            let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
            let of_outcome = terms.outcome.of_mut(shares);
            *of_outcome = of_outcome.plus(&tied.shares).map_err(overflow)?;
            *money = money.plus(&tied.money).map_err(overflow)?;
        }
        for (owner, book) in &self.books {
            let tied = |market| ties.get(&(owner, market)).copied().unwrap_or_default();
            book.audit(owner, tied)?;
        }
        self.orders.iter().try_for_each(|(id, order)| self.audit_fills(id, order))
    }

    /// Returns what should not be though it adds up: sales of more than is owned, orders filled beyond their size,
    /// fills of nobody's order.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let oversold = self.books.iter().flat_map(|(owner, book)| {
            let waiting = book.markets.iter().filter(|(_, market)| market.folded.waiting != 0);
            waiting.map(|(market, at)| Finding::Oversold {
                owner: owner.clone(),
                market: *market,
                lines: at.folded.waiting,
            })
        });
        oversold.chain(self.orders.iter().filter_map(|(id, order)| order.finding(id)))
    }

    /// Checks that an order knows the fills that its owner's journals have.
    fn audit_fills(&self, id: &ClientOrderId, order: &Order) -> Result<(), LedgerError> {
        let owner = match order.terms {
            Some(_) => Owner::Strategy(id.strategy.clone()),
            None => Owner::Unattributed,
        };
        let book = self.books.get(&owner);
        let mut filled = 0_i128;
        for (number, slot) in &order.fills {
            match book.and_then(|book| book.fill(slot)) {
                Some((fill, _)) if (&fill.order, fill.number) != (id, *number) => {
                    return Err(differs(&owner, format!("fill {number} of order {id}")));
                }
                Some((_, Stage::Failed)) => {}
                Some((fill, Stage::Matched | Stage::Confirmed)) => {
                    filled += i128::from(fill.size.micros());
                }
                None => return Err(differs(&owner, format!("fill {number} of order {id}"))),
            }
        }
        if filled != i128::from(order.filled) {
            return Err(differs(&owner, format!("the shares filled of order {id}")));
        }
        Ok(())
    }
}

impl Order {
    fn finding(&self, id: &ClientOrderId) -> Option<Finding> {
        match &self.terms {
            None if self.fills.is_empty() => None,
            None => Some(Finding::Unattributed { order: id.clone(), fills: self.fills.len() }),
            Some(terms) if terms.size.micros() < self.filled => Some(Finding::Overfilled {
                order: id.clone(),
                size: terms.size,
                filled: Size::from_micros(self.filled).unwrap_or(Size::MAX),
            }),
            Some(_) => None,
        }
    }
}

impl Book {
    fn audit(
        &self,
        owner: &Owner,
        tied: impl Fn(ConditionId) -> ([Shares; 2], Money),
    ) -> Result<(), LedgerError> {
        let (mut money, mut gain, mut fills) = self.archived();
        for (market, at) in &self.markets {
            let (shares, reserved) = tied(*market);
            let folded = at.audit(owner, *market, &shares)?;
            let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
            let add = || -> Result<(Money, Gain), Overflow> {
                let money = money.plus(&folded.money)?.plus(&reserved)?;
                Ok((money, gain.plus(&folded.gain)?))
            };
            (money, gain) = add().map_err(overflow)?;
            fills = fills.saturating_add(at.fills());
        }
        for note in self.notes.values() {
            let posting = note.posting();
            let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
            money = money.plus(&posting.money).map_err(overflow)?;
            gain = gain.plus(&posting.gain).map_err(overflow)?;
        }
        balanced(&self.money, &self.gain, &[]).map_err(|why| why.of(owner))?;
        if (money, gain) != (self.money, self.gain) {
            return Err(differs(owner, "cash, costs or what was made".to_owned()));
        }
        if fills != self.fills {
            return Err(differs(owner, "the number of fills".to_owned()));
        }
        Ok(())
    }

    fn archived(&self) -> (Money, Gain, u64) {
        let Archive { money, gain, fills } = self.archive;
        (money, gain, fills)
    }
}

impl MarketBook {
    /// Returns how many fills took place, as far as is known.
    pub(super) fn fills(&self) -> u64 {
        let fills = self.lines.iter().filter(|line| line.counts()).count();
        u64::try_from(fills).unwrap_or(u64::MAX)
    }

    /// Adds up the journal anew; with what open orders tie up it must be what the accounts say.
    fn audit(
        &self,
        owner: &Owner,
        market: ConditionId,
        tied: &[Shares; 2],
    ) -> Result<Folded, LedgerError> {
        let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
        let folded = Folded::of(&self.lines, self.settled).map_err(overflow)?;
        if folded != self.folded {
            return Err(differs(owner, format!("the journal of {market}")));
        }
        let none = (Money::default(), Gain::default());
        balanced(&none.0, &none.1, &self.shares).map_err(|why: Refused| why.of(owner))?;
        for outcome in Outcome::BOTH {
            let sum = outcome.of(&folded.shares).plus(outcome.of(tied)).map_err(overflow)?;
            if sum != *outcome.of(&self.shares) {
                return Err(differs(owner, format!("the {} shares of {market}", outcome.name())));
            }
        }
        Ok(folded)
    }
}

impl Line {
    /// Tells whether it is a fill that took place, as far as is known.
    fn counts(&self) -> bool {
        match self {
            Self::Fill { stage, .. } => *stage != Stage::Failed,
            Self::Split { .. } | Self::Merge { .. } | Self::Moved => false,
        }
    }
}

fn differs(owner: &Owner, what: String) -> LedgerError {
    LedgerError::Differs { owner: owner.clone(), what }
}
