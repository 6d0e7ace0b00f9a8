//! The ledger as the snapshot has it: every reader shows these lines and no others.

use serde::{Deserialize, Serialize};

use super::view::{Account, Holding};
use super::{Ledger, Owner, SumOf};
use crate::market::{ConditionId, Outcome};
use crate::price::{Size, Usdc};

/// The account's ledger at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// Why the accounts cannot be relied on, since it was first noticed; absent where all adds up.
    pub broken: Option<String>,
    /// The accounts of every owner, strategies by id, nobody's last.
    pub accounts: Vec<AccountStatus>,
    /// The accounts of all owners together.
    pub total: Option<AccountStatus>,
    /// What all accounts in USDC sum to, the venue's side included, in millionths: `0`, or they are broken.
    pub sum_micros: i64,
    /// Of how many outcomes the shares do not sum to zero: `0`, or they are broken.
    pub shares_off: u64,
}

/// The accounts of an owner at an instant, from a start of zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// A strategy's id, `(unattributed)`, or `(all)`.
    pub owner: String,
    /// Free to spend.
    pub cash_usdc: Usdc,
    /// Tied up by open buys, at their limits, without fees.
    pub reserved_usdc: Usdc,
    /// What the shares held cost, fees included.
    pub cost_usdc: Usdc,
    /// Profit or loss of what was sold, settled or merged, with fees and rebates.
    pub realised_usdc: Usdc,
    /// Profit or loss of what is held, as its strategy values it; absent for who values nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrealised_usdc: Option<Usdc>,
    /// Fees paid, already in the above.
    pub fees_usdc: Usdc,
    /// Rebates got, already in the above.
    pub rebates_usdc: Usdc,
    /// What settlements brought.
    pub payouts_usdc: Usdc,
    /// Fills booked.
    pub fills: u64,
    /// The shares owned or expected, by market and outcome.
    pub holdings: Vec<HoldingStatus>,
}

/// The shares of one outcome at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingStatus {
    /// The market's id.
    pub market_id: String,
    /// The outcome.
    pub outcome: Outcome,
    /// What open buys may still bring.
    pub pending: Size,
    /// Owned, not confirmed.
    pub provisional: Size,
    /// Owned, confirmed and not offered.
    pub sellable: Size,
    /// Owned and tied up by open sells.
    pub offered: Size,
    /// Of what is owned, that which makes a pair with the other outcome.
    pub locked: Size,
    /// What the shares owned cost, fees included.
    pub cost_usdc: Usdc,
}

impl LedgerStatus {
    /// Tells whether everything adds up, as far as is known.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.broken.is_none() && self.sum_micros == 0 && self.shares_off == 0
    }
}

impl Ledger {
    /// Returns what is shown of the ledger; whether it is broken is said by who watches over it.
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        let sums = self.sums();
        let usdc = sums.get(&SumOf::Usdc).copied().unwrap_or_default();
        let shares = sums.iter().filter(|(of, sum)| **of != SumOf::Usdc && **sum != 0).count();
        let accounts = self.accounts().map(|(owner, account)| AccountStatus {
            holdings: self.shown_holdings(owner),
            ..AccountStatus::new(owner.to_string(), &account)
        });
        LedgerStatus {
            broken: None,
            accounts: accounts.collect(),
            total: self.total().ok().map(|all| AccountStatus::new("(all)".to_owned(), &all)),
            sum_micros: i64::try_from(usdc).unwrap_or(i64::MAX),
            shares_off: u64::try_from(shares).unwrap_or(u64::MAX),
        }
    }

    fn shown_holdings(&self, owner: &Owner) -> Vec<HoldingStatus> {
        let holdings = self.holdings(owner).flat_map(|(market, of_both)| {
            Outcome::BOTH
                .into_iter()
                .zip(of_both)
                .filter(|(_, holding)| !(holding.owned.is_zero() && holding.pending.is_zero()))
                .map(move |(outcome, holding)| HoldingStatus::new(market, outcome, &holding))
        });
        holdings.collect()
    }
}

impl AccountStatus {
    fn new(owner: String, account: &Account) -> Self {
        Self {
            owner,
            cash_usdc: account.cash,
            reserved_usdc: account.reserved,
            cost_usdc: account.cost,
            realised_usdc: account.realised,
            unrealised_usdc: None,
            fees_usdc: account.fees,
            rebates_usdc: account.rebates,
            payouts_usdc: account.payouts,
            fills: account.fills,
            holdings: Vec::new(),
        }
    }
}

impl HoldingStatus {
    fn new(market: ConditionId, outcome: Outcome, holding: &Holding) -> Self {
        Self {
            market_id: market.to_string(),
            outcome,
            pending: holding.pending,
            provisional: holding.provisional,
            sellable: holding.sellable,
            offered: holding.offered,
            locked: holding.locked,
            cost_usdc: holding.cost,
        }
    }
}
