//! The ledger: what the account and each strategy own, owe and made, booked twice over so that it adds up.
//!
//! Facts go in: an order was recorded, a fill was told, a market paid. Each moves several accounts at once, and all
//! moves of a fact sum to zero, in USDC and in the shares of each outcome: what a strategy gets, the venue's side
//! gives. The same facts make the same balances in whatever order and however often they are told; only what shares
//! cost on the average follows the order of the fills.
//!
//! ```
//! # use ploy::ledger::{Booked, Event, Ledger, Owner, Stage};
//! # use ploy::order::{Fill, Liquidity};
//! # fn fill() -> Fill {
//! #     serde_json::from_str(r#"{"number": 1, "order": "a:1", "outcome": "yes", "side": "buy",
//! #         "market": "0x0707070707070707070707070707070707070707070707070707070707070707",
//! #         "price": "0.4", "size": "10", "fee": "0.1", "liquidity": "taker",
//! #         "at": "2026-09-28T09:00:00Z"}"#).unwrap()
//! # }
//! let mut ledger = Ledger::default();
//! let told = Event::Filled { fill: fill(), stage: Stage::Confirmed };
//! assert_eq!(ledger.book(&told), Ok(Booked::Unattributed)); // nobody sent such an order
//! assert_eq!(ledger.book(&told), Ok(Booked::Duplicate));
//! let account = ledger.account(&Owner::Unattributed).unwrap();
//! assert_eq!((account.cash.to_string(), account.cost.to_string()), ("-4.1".into(), "4.1".into()));
//! assert_eq!(ledger.audit(), Ok(()));
//! ```

mod accounts;
mod audit;
mod event;
mod journal;
mod order;
mod owner;
mod saved;
mod shown;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::market::ConditionId;
use crate::order::{ClientOrderId, Fill};
use crate::price::Usdc;
use journal::Line;
use order::{Order, Slot};
use owner::{Book, Edit, Note, Refused, Ties};

pub use audit::Finding;
pub use event::{Booked, Event, LedgerError, Owner};
pub use journal::{Settlement, Stage};
pub use order::Terms;
pub use owner::Asset;
pub use shown::{AccountStatus, HoldingStatus, LedgerStatus};
pub use view::{Account, Holding, SumOf};

/// All accounts, with the facts that they were made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    orders: BTreeMap<ClientOrderId, Order>,
    books: BTreeMap<Owner, Book>,
    /// Facts booked.
    postings: u64,
}

impl Ledger {
    /// Books a fact, once.
    ///
    /// # Errors
    /// When it contradicts what was told before, or does not add up. Nothing is booked of it then.
    pub fn book(&mut self, event: &Event) -> Result<Booked, LedgerError> {
        let booked = match event {
            Event::Recorded(terms) => self.recorded(terms),
            Event::Over { order } => self.over(order),
            Event::Filled { fill, stage } => self.filled(fill, *stage),
            Event::Fee { owner, reference, amount } => {
                self.noted(owner, reference, Note::Fee(*amount))
            }
            Event::Rebate { owner, reference, amount } => {
                self.noted(owner, reference, Note::Rebate(*amount))
            }
            Event::Settled { owner, market, settlement } => {
                self.settled(owner, *market, *settlement)
            }
            Event::Split { owner, market, reference, size } => {
                let line = Line::Split { reference: Arc::clone(reference), size: *size };
                self.converted(owner, *market, line)
            }
            Event::Merge { owner, market, reference, size } => {
                let line = Line::Merge { reference: Arc::clone(reference), size: *size };
                self.converted(owner, *market, line)
            }
        }?;
        if booked != Booked::Duplicate {
            self.postings = self.postings.saturating_add(1);
        }
        Ok(booked)
    }

    fn recorded(&mut self, terms: &Terms) -> Result<Booked, LedgerError> {
        let order = self.orders.entry(terms.order.clone()).or_default();
        if let Some(known) = &order.terms {
            return match known == terms {
                true => Ok(Booked::Duplicate),
                false => Err(LedgerError::Contradiction(format!("order {}", terms.order))),
            };
        }
        let owner = Owner::Strategy(terms.order.strategy.clone());
        if let Some(other) = self.books.get(&Owner::Unattributed).and_then(|nobody| {
            let told = order.fills.values().filter_map(|slot| nobody.fill(slot));
            told.map(|(fill, _)| fill).find(|fill| !terms.fits(fill))
        }) {
            return Err(contradiction(other));
        }
        let mut next = Order { terms: Some(terms.clone()), ..Order::default() };
        next.over = order.over;
        let strays = std::mem::take(&mut order.fills);
        let place = (terms.market, self.postings);
        let ties = Ties { outcome: terms.outcome, before: order.tied(0), after: next.tied(0) };
        let book = book_of(&mut self.books, &owner);
        book.edit(place, Edit::Nothing, Some(&ties)).map_err(|why| why.of(&owner))?;
        let orders = book.markets.entry(terms.market).or_default();
        orders.orders.push(terms.order.clone());
        *order = next;
        for slot in strays.into_values() {
            self.adopt(slot)?;
        }
        Ok(Booked::Once)
    }

    /// Takes a fill out of nobody's journal and books it for the strategy that turned out to have sent the order.
    fn adopt(&mut self, slot: Slot) -> Result<(), LedgerError> {
        let owner = Owner::Unattributed;
        let book = book_of(&mut self.books, &owner);
        let Some((fill, stage)) = book.fill(&slot) else { return Ok(()) };
        let (fill, stage) = (fill.clone(), stage);
        let edit = Edit::Replace(slot.line, Box::new(Line::Moved));
        let place = (slot.market, self.postings);
        book.edit(place, edit, None).map_err(|why| why.of(&owner))?;
        if stage != Stage::Failed {
            book.fills = book.fills.saturating_sub(1);
        }
        self.filled(&fill, stage).map(|_booked| ())
    }

    fn over(&mut self, id: &ClientOrderId) -> Result<Booked, LedgerError> {
        let order = self.orders.entry(id.clone()).or_default();
        if order.over {
            return Ok(Booked::Duplicate);
        }
        let before = order.tied(order.filled);
        order.over = true;
        let Some(terms) = &order.terms else { return Ok(Booked::Unattributed) };
        let ties = Ties { outcome: terms.outcome, before, after: order.tied(order.filled) };
        let owner = Owner::Strategy(id.strategy.clone());
        let place = (terms.market, self.postings);
        let edited = book_of(&mut self.books, &owner).edit(place, Edit::Nothing, Some(&ties));
        match edited {
            Ok(_) => Ok(Booked::Once),
            Err(why) => {
                order.over = false;
                Err(why.of(&owner))
            }
        }
    }

    fn filled(&mut self, fill: &Fill, stage: Stage) -> Result<Booked, LedgerError> {
        let order = self.orders.entry(fill.order.clone()).or_default();
        let owner = match &order.terms {
            Some(terms) if !terms.fits(fill) => return Err(contradiction(fill)),
            Some(_) => Owner::Strategy(fill.order.strategy.clone()),
            None => Owner::Unattributed,
        };
        let book = book_of(&mut self.books, &owner);
        let known = match order.fills.get(&fill.number) {
            None => None,
            Some(slot) => match book.fill(slot) {
                Some((known, stage)) if same(known, fill) => Some((*slot, stage)),
                Some(_) | None => return Err(contradiction(fill)),
            },
        };
        let (edit, change) = match (known, stage) {
            (None, Stage::Failed) => (append(fill, stage), 0),
            (None, Stage::Matched | Stage::Confirmed) => (append(fill, stage), 1),
            (Some((slot, Stage::Matched)), Stage::Confirmed) => (Edit::Stage(slot.line, stage), 0),
            (Some((slot, Stage::Matched)), Stage::Failed) => (Edit::Stage(slot.line, stage), -1),
            (Some((_, Stage::Confirmed)), Stage::Failed) => return Err(failed_late(fill)),
            (Some((_, Stage::Failed)), Stage::Confirmed) => return Err(confirmed_late(fill)),
            (Some(_), Stage::Matched | Stage::Confirmed | Stage::Failed) => {
                return Ok(Booked::Duplicate);
            }
        };
        let overflow = || LedgerError::Overflow(owner.clone());
        let filled = order.filled.checked_add(change * fill.size.micros()).ok_or_else(overflow)?;
        let fills = book.fills.checked_add_signed(change).ok_or_else(overflow)?;
        let (before, after) = (order.tied(order.filled), order.tied(filled));
        let ties = Ties { outcome: fill.outcome, before, after };
        let place = (fill.market, self.postings);
        let edited = book.edit(place, edit, Some(&ties)).map_err(|why| why.of(&owner))?;
        if known.is_none() {
            order.fills.insert(fill.number, Slot { market: fill.market, line: edited.line });
        }
        (order.filled, book.fills) = (filled, fills);
        Ok(match owner {
            _ if edited.waits => Booked::Waiting,
            Owner::Strategy(_) => Booked::Once,
            Owner::Unattributed => Booked::Unattributed,
        })
    }

    fn noted(
        &mut self,
        owner: &Owner,
        reference: &Arc<str>,
        note: Note,
    ) -> Result<Booked, LedgerError> {
        let book = book_of(&mut self.books, owner);
        match book.notes.get(reference) {
            Some(known) if *known == note => return Ok(Booked::Duplicate),
            Some(_) => return Err(LedgerError::Contradiction(format!("`{reference}`"))),
            None => {}
        }
        book.note(note).map_err(|why| why.of(owner))?;
        book.notes.insert(Arc::clone(reference), note);
        Ok(Booked::Once)
    }

    fn settled(
        &mut self,
        owner: &Owner,
        market: ConditionId,
        settlement: Settlement,
    ) -> Result<Booked, LedgerError> {
        if let Settlement::Paid(payouts) = settlement {
            let one = Usdc::literal(crate::price::MICROS);
            let wrong = payouts.into_iter().find(|pays| !(Usdc::ZERO..=one).contains(pays));
            if let Some(pays) = wrong {
                return Err(LedgerError::Payout { market, pays });
            }
        }
        let book = book_of(&mut self.books, owner);
        match book.markets.get(&market).and_then(|market| market.settled) {
            Some(known) if known == settlement => return Ok(Booked::Duplicate),
            Some(_) => {
                let what = format!("the settlement of {market} for {owner}");
                return Err(LedgerError::Contradiction(what));
            }
            None => {}
        }
        let place = (market, self.postings);
        book.edit(place, Edit::Settle(Some(settlement)), None).map_err(|why| why.of(owner))?;
        Ok(Booked::Once)
    }

    fn converted(
        &mut self,
        owner: &Owner,
        market: ConditionId,
        line: Line,
    ) -> Result<Booked, LedgerError> {
        let book = book_of(&mut self.books, owner);
        let lines = book.markets.get(&market).map(|market| market.lines.iter());
        let known = lines.into_iter().flatten().find(|known| known.reference() == line.reference());
        match known {
            Some(known) if *known == line => return Ok(Booked::Duplicate),
            Some(_) => {
                let what = line.reference().unwrap_or_default();
                return Err(LedgerError::Contradiction(format!("`{what}`")));
            }
            None => {}
        }
        let edited = book.edit((market, self.postings), Edit::Append(line), None);
        let edited = edited.map_err(|why| why.of(owner))?;
        Ok(if edited.waits { Booked::Waiting } else { Booked::Once })
    }
}

/// Returns the accounts of an owner; empty ones for who has none.
fn book_of<'a>(books: &'a mut BTreeMap<Owner, Book>, owner: &Owner) -> &'a mut Book {
    if !books.contains_key(owner) {
        books.insert(owner.clone(), Book::default());
    }
    books.get_mut(owner).expect("it was put there when it was missing")
}

fn append(fill: &Fill, stage: Stage) -> Edit {
    Edit::Append(Line::Fill { fill: fill.clone(), stage })
}

/// Tells whether both are the same fill: a venue may tell it again at another instant.
fn same(known: &Fill, told: &Fill) -> bool {
    let facts =
        |fill: &Fill| (fill.market, fill.outcome, fill.side, fill.price, fill.size, fill.fee);
    facts(known) == facts(told)
}

fn contradiction(fill: &Fill) -> LedgerError {
    LedgerError::Contradiction(format!("fill {} of order {}", fill.number, fill.order))
}

fn failed_late(fill: &Fill) -> LedgerError {
    LedgerError::FailedAfterConfirmed { order: fill.order.clone(), number: fill.number }
}

fn confirmed_late(fill: &Fill) -> LedgerError {
    LedgerError::ConfirmedAfterFailed { order: fill.order.clone(), number: fill.number }
}

impl Refused {
    fn of(self, owner: &Owner) -> LedgerError {
        match self {
            Self::Overflow => LedgerError::Overflow(owner.clone()),
            Self::Broken(asset, sum) => LedgerError::Broken { owner: owner.clone(), asset, sum },
        }
    }
}

#[cfg(test)]
mod tests;
