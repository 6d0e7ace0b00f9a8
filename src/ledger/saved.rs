//! The ledger written down and read again, and journals that are put away: what is read is not trusted.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::accounts::Overflow;
use super::journal::{Line, Stage};
use super::order::Order;
use super::owner::{Book, MarketBook};
use super::{Ledger, LedgerError, Owner};
use crate::market::ConditionId;
use crate::order::ClientOrderId;

/// The ledger as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    orders: BTreeMap<ClientOrderId, Order>,
    books: BTreeMap<Owner, Book>,
    postings: u64,
}

#[derive(Serialize)]
struct Borrowed<'a> {
    orders: &'a BTreeMap<ClientOrderId, Order>,
    books: &'a BTreeMap<Owner, Book>,
    postings: u64,
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { orders, books, postings } = self;
        Borrowed { orders, books, postings: *postings }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ledger {
    /// Reads a ledger and audits it: one that does not add up is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved { orders, books, postings } = Saved::deserialize(deserializer)?;
        let ledger = Self { orders, books, postings };
        ledger.audit().map_err(D::Error::custom)?;
        Ok(ledger)
    }
}

impl Ledger {
    /// Returns how many journals are kept: one a market of an owner.
    #[must_use]
    pub fn journals(&self) -> usize {
        self.books.values().map(|book| book.markets.len()).sum()
    }

    /// Puts away the journals that were changed longest ago, until at most so many are kept. Only those go in which
    /// nothing is owned or expected any more and every fill is final; what they came to stays in the accounts. A fill
    /// that is told of one afterwards is nobody's, and shown.
    ///
    /// # Errors
    /// When a sum passes the largest amount. The journal stays then.
    pub fn put_away(&mut self, keep: usize) -> Result<(), LedgerError> {
        let mut over = self.journals().saturating_sub(keep);
        if over == 0 {
            return Ok(());
        }
        let mut idle: Vec<(u64, Owner, ConditionId)> = Vec::new();
        for (owner, book) in &self.books {
            if *owner == Owner::Unattributed {
                continue; // what belongs to nobody stays to be seen
            }
            let done = book.markets.iter().filter(|(_, at)| at.is_done() && !self.waits(at));
            idle.extend(done.map(|(market, at)| (at.touched, owner.clone(), *market)));
        }
        idle.sort();
        for (_, owner, market) in idle {
            if over == 0 {
                break;
            }
            let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
            let Some(book) = self.books.get_mut(&owner) else { continue };
            let orders = book.put_away(market).map_err(overflow)?;
            for order in orders {
                self.orders.remove(&order);
            }
            over -= 1;
        }
        Ok(())
    }

    /// Tells whether an order of the market may still be filled.
    fn waits(&self, at: &MarketBook) -> bool {
        at.orders.iter().any(|id| self.orders.get(id).is_some_and(|order| !order.over))
    }
}

impl Book {
    /// Adds what a market came to to the archive. Returns its orders.
    fn put_away(&mut self, market: ConditionId) -> Result<Vec<ClientOrderId>, Overflow> {
        let Some(at) = self.markets.get(&market) else { return Ok(Vec::new()) };
        let fills = self.archive.fills.saturating_add(at.fills());
        let money = self.archive.money.plus(&at.folded.money)?;
        let gain = self.archive.gain.plus(&at.folded.gain)?;
        (self.archive.money, self.archive.gain) = (money, gain);
        self.archive.fills = fills;
        Ok(self.markets.remove(&market).map(|at| at.orders).unwrap_or_default())
    }
}

impl MarketBook {
    /// Tells whether nothing is owned and nothing can change any more, as far as is known.
    fn is_done(&self) -> bool {
        let is_empty = self.shares.iter().all(|shares| shares.owned() == 0 && shares.pending == 0);
        is_empty && self.folded.waiting == 0 && self.lines.iter().all(Line::is_final)
    }
}

impl Line {
    fn is_final(&self) -> bool {
        match self {
            Self::Fill { stage, .. } => *stage != Stage::Matched,
            Self::Split { .. } | Self::Merge { .. } | Self::Moved => true,
        }
    }
}
