//! What is shown of the ledger: an owner's accounts as amounts, its shares by their state, and the whole account.

use std::collections::BTreeMap;

use super::accounts::{Gain, Money, Overflow, Shares};
use super::owner::Book;
use super::{Ledger, LedgerError, Owner};
use crate::market::{ConditionId, Outcome};
use crate::price::{Price, Rounding, Size, Usdc};

/// The accounts of an owner, or of all together, in USDC from a start of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Free to spend: what came in less what went out, less what is reserved.
    pub cash: Usdc,
    /// Tied up by open buys.
    pub reserved: Usdc,
    /// What the shares held cost, fees included.
    pub cost: Usdc,
    /// Profit or loss of what was sold, settled or merged, with fees and rebates.
    pub realised: Usdc,
    /// Fees paid, already in the above.
    pub fees: Usdc,
    /// Rebates got, already in the above.
    pub rebates: Usdc,
    /// What settlements brought.
    pub payouts: Usdc,
    /// What was paid for shares less what was got for them, without fees.
    pub traded: Usdc,
    /// What splits took less what merges gave.
    pub converted: Usdc,
    /// Price × size of all fills.
    pub volume: Usdc,
    /// Fills booked; those that failed do not count.
    pub fills: u64,
}

/// The shares of one outcome of a market that an owner has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// What open buys may still bring; not owned yet.
    pub pending: Size,
    /// Owned: bought and matched, not confirmed. It may still fail.
    pub provisional: Size,
    /// Owned and confirmed, and no open sell has a claim on it.
    pub sellable: Size,
    /// Owned, and an open sell has a claim on it.
    pub offered: Size,
    /// All that is owned.
    pub owned: Size,
    /// Of what is owned, that which makes a pair with the other outcome: one USDC a pair, whatever happens.
    pub locked: Size,
    /// What the shares owned cost, fees included, in USDC.
    pub cost: Usdc,
}

impl Account {
    /// Returns what all accounts sum to, the venue's side included, in millionths of a USDC: zero, or they are
    /// broken.
    #[must_use]
    pub fn sum_micros(&self) -> i128 {
        let Self { cash, reserved, traded, fees, rebates, payouts, converted, .. } = self;
        let taken = [*cash, *reserved, *traded, *fees, *converted];
        let given = [*rebates, *payouts];
        let sum = |amounts: &[Usdc]| -> i128 {
            amounts.iter().map(|amount| i128::from(amount.micros())).sum()
        };
        sum(&taken) - sum(&given)
    }

    fn new(money: &Money, gain: &Gain, fills: u64) -> Self {
        Self {
            cash: usdc(money.cash),
            reserved: usdc(money.reserved),
            cost: usdc(gain.cost),
            realised: usdc(gain.realised),
            fees: usdc(money.fees),
            rebates: usdc(-money.rebates),
            payouts: usdc(-money.payouts),
            traded: usdc(money.traded),
            converted: usdc(money.converted),
            volume: usdc(gain.volume),
            fills,
        }
    }
}

impl Holding {
    fn new(shares: &Shares, pairs: i64, cost: i64) -> Self {
        let owned = shares.owned();
        Self {
            pending: size(shares.pending),
            provisional: size(shares.provisional),
            // What was sold before its purchase was confirmed is missing here until it is.
            sellable: size(shares.confirmed),
            offered: size(shares.offered),
            owned: size(owned),
            locked: size(pairs.min(owned)),
            cost: usdc(cost),
        }
    }

    /// Returns what a share owned cost on the average, in USDC; zero where none is.
    #[must_use]
    pub fn average(&self) -> Usdc {
        self.cost.per_share(self.owned, Rounding::HalfUp)
    }

    /// Returns what the shares would bring beyond their cost, in USDC: pairs one USDC each, the rest at this price;
    /// without a price nobody would buy it. The pair's other half brings nothing here.
    #[must_use]
    pub fn unrealised(&self, bid: Option<Price>) -> Usdc {
        let rest = self.owned.saturating_sub(self.locked);
        let singles = bid.map(|bid| bid.notional(rest, Rounding::Down)).unwrap_or_default();
        // Half of each pair stands with either outcome.
        singles + usdc(self.locked.micros() / 2) - self.cost
    }
}

impl Ledger {
    /// Returns the accounts of an owner, where it has any.
    #[must_use]
    pub fn account(&self, owner: &Owner) -> Option<Account> {
        self.books.get(owner).map(Book::account)
    }

    /// Returns the accounts of every owner.
    pub fn accounts(&self) -> impl Iterator<Item = (&Owner, Account)> {
        self.books.iter().map(|(owner, book)| (owner, book.account()))
    }

    /// Returns the accounts of all owners together.
    ///
    /// # Errors
    /// When a sum passes the largest amount.
    pub fn total(&self) -> Result<Account, LedgerError> {
        let (mut money, mut gain, mut fills) = (Money::default(), Gain::default(), 0_u64);
        for (owner, book) in &self.books {
            let overflow = |_: Overflow| LedgerError::Overflow(owner.clone());
            money = money.plus(&book.money).map_err(overflow)?;
            gain = gain.plus(&book.gain).map_err(overflow)?;
            fills = fills.saturating_add(book.fills);
        }
        Ok(Account::new(&money, &gain, fills))
    }

    /// Returns the shares of an owner by market, yes and no; markets in which nothing is owned or expected are left
    /// out.
    pub fn holdings(&self, owner: &Owner) -> impl Iterator<Item = (ConditionId, [Holding; 2])> {
        let markets = self.books.get(owner).into_iter().flat_map(|book| &book.markets);
        markets
            .filter(|(_, market)| market.shares != [Shares::default(); 2])
            .map(|(id, market)| {
                let [yes, no] = &market.shares;
                let pairs = yes.owned().min(no.owned());
                let [yes_cost, no_cost] = market.folded.costs;
                (*id, [Holding::new(yes, pairs, yes_cost), Holding::new(no, pairs, no_cost)])
            })
            .filter(|(_, holdings)| holdings.iter().any(Holding::is_some))
    }

    /// Returns the shares of one outcome that an owner has.
    #[must_use]
    pub fn holding(&self, owner: &Owner, market: ConditionId, outcome: Outcome) -> Holding {
        let book = self.books.get(owner);
        let Some(market) = book.and_then(|book| book.markets.get(&market)) else {
            return Holding::default();
        };
        let [yes, no] = &market.shares;
        let pairs = yes.owned().min(no.owned());
        Holding::new(outcome.of(&market.shares), pairs, *outcome.of(&market.folded.costs))
    }

    /// Returns what the accounts of each asset sum to over all owners, the venue's side included, in millionths. Zero,
    /// or they are broken.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<SumOf, i128> {
        let mut sums: BTreeMap<SumOf, i128> = BTreeMap::new();
        for book in self.books.values() {
            *sums.entry(SumOf::Usdc).or_default() += book.money.sum();
            for (market, at) in &book.markets {
                for outcome in Outcome::BOTH {
                    let sum = sums.entry(SumOf::Shares(*market, outcome)).or_default();
                    *sum += outcome.of(&at.shares).sum();
                }
            }
        }
        sums
    }
}

/// An asset of the whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SumOf {
    /// USDC.
    Usdc,
    /// The shares of an outcome of a market.
    Shares(ConditionId, Outcome),
}

impl Holding {
    fn is_some(&self) -> bool {
        !(self.owned.is_zero() && self.pending.is_zero() && self.provisional.is_zero())
    }
}

impl Book {
    fn account(&self) -> Account {
        Account::new(&self.money, &self.gain, self.fills)
    }
}

/// Returns the amount of an account, which is never larger than the largest amount.
fn usdc(micros: i64) -> Usdc {
    Usdc::from_micros(micros).unwrap_or(Usdc::MAX)
}

/// Returns the shares of an account; none where it is below zero.
fn size(micros: i64) -> Size {
    Size::from_micros(micros.max(0)).unwrap_or(Size::MAX)
}
