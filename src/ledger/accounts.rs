//! The accounts of the ledger: columns of millionths that are added as one, checked, and that sum to zero.

use serde::{Deserialize, Serialize};

use crate::price::{Size, Usdc};

/// A sum is larger than any account can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sum passes the largest amount of an account")]
pub(super) struct Overflow;

/// Defines a row of accounts in one unit, with checked arithmetic over all of them.
macro_rules! accounts {
    ($(#[$doc:meta])* $name:ident up to $max:expr, { $($(#[$about:meta])* $field:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$about])* pub(super) $field: i64,)+
        }

        impl $name {
            /// Returns both rows added, account by account.
            pub(super) fn plus(&self, other: &Self) -> Result<Self, Overflow> {
                Ok(Self { $($field: within(self.$field.checked_add(other.$field), $max)?,)+ })
            }

            /// Returns this row less the other, account by account.
            pub(super) fn less(&self, other: &Self) -> Result<Self, Overflow> {
                Ok(Self { $($field: within(self.$field.checked_sub(other.$field), $max)?,)+ })
            }
        }
    };
}

accounts! {
    /// What one owner's USDC did, in millionths. What came from or went to the venue stands with the opposite sign
    /// in the account of its kind, so that all together are zero.
    Money up to Usdc::MAX.micros(), {
        /// Free to spend, from a start of zero.
        cash,
        /// Tied up by open buys, at their limits.
        reserved,
        /// The venue's side of trades: what was paid for shares less what was got for them, without fees.
        traded,
        /// The venue's side of fees.
        fees,
        /// The venue's side of rebates: below zero, they came in.
        rebates,
        /// The venue's side of settlements: below zero, they came in.
        payouts,
        /// The venue's side of pairs: what splits took less what merges gave.
        converted,
    }
}

accounts! {
    /// What the shares cost and what was made, in millionths of a USDC.
    Gain up to Usdc::MAX.micros(), {
        /// What the shares held cost, fees included.
        cost,
        /// Profit or loss of all that was sold, settled or merged, with fees and rebates.
        realised,
        /// Price × size of all fills.
        volume,
    }
}

accounts! {
    /// What happened to the shares of one outcome of a market, in millionths. All together are zero.
    Shares up to Size::MAX.micros(), {
        /// What open buys may still bring.
        pending,
        /// Bought, matched, not confirmed.
        provisional,
        /// Bought and confirmed, less what was sold or is offered.
        confirmed,
        /// Tied up by open sells.
        offered,
        /// The venue's side.
        venue,
    }
}

impl Money {
    /// Returns the sum of all accounts.
    pub(super) fn sum(&self) -> i128 {
        let Self { cash, reserved, traded, fees, rebates, payouts, converted } = *self;
        [cash, reserved, traded, fees, rebates, payouts, converted].map(i128::from).iter().sum()
    }
}

impl Shares {
    /// Returns the sum of all accounts.
    pub(super) fn sum(&self) -> i128 {
        let Self { pending, provisional, confirmed, offered, venue } = *self;
        [pending, provisional, confirmed, offered, venue].map(i128::from).iter().sum()
    }

    /// Returns the shares that belong to the owner, in whatever state.
    pub(super) fn owned(&self) -> i64 {
        // Three accounts of at most Size::MAX each are far from the end of the range.
        self.provisional + self.confirmed + self.offered
    }
}

fn within(sum: Option<i64>, max: i64) -> Result<i64, Overflow> {
    sum.filter(|sum| (-max..=max).contains(sum)).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_holds_up_to_its_largest_amount_and_not_a_millionth_more() {
        let most = Money { cash: Usdc::MAX.micros(), ..Money::default() };
        let one = Money { cash: 1, ..Money::default() };
        assert_eq!(most.plus(&one), Err(Overflow));
        assert_eq!(most.less(&one).map(|money| money.cash), Ok(Usdc::MAX.micros() - 1));
        let least = Money { cash: -Usdc::MAX.micros(), ..Money::default() };
        assert_eq!(least.less(&one), Err(Overflow));
        let most = Shares { venue: Size::MAX.micros(), ..Shares::default() };
        assert_eq!(most.plus(&Shares { venue: 1, ..Shares::default() }), Err(Overflow));
    }
}
