//! A position in one market: what fills made of it, and the highest price that is known of it since.

use serde::{Deserialize, Serialize};

use crate::market::{Outcome, Side};
use crate::numbers::Frac;
use crate::order::Fill;
use crate::price::{Price, Rounding, Size, Usdc};

use super::ratio;

/// Shares of one outcome that are held, and the round that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holding {
    outcome: Outcome,
    size: Size,
    /// The shares bought in this round, sold ones included.
    bought: Size,
    /// Price × size of what was bought; fees are not in it.
    paid: Usdc,
    #[serde(deserialize_with = "Option::deserialize")]
    high: Option<Price>,
}

impl Holding {
    /// Returns what a fill makes of a holding, or of none. What is left below a hundredth of a share can never be
    /// sold and is none.
    pub(super) fn after(holding: Option<Self>, fill: &Fill) -> Option<Self> {
        let paid = fill.price.notional(fill.size, Rounding::HalfUp);
        let after = match (holding, fill.side) {
            (None, Side::Buy) => {
                Self { outcome: fill.outcome, size: fill.size, bought: fill.size, paid, high: None }
            }
            (None, Side::Sell) => return None,
            // Nothing of the other outcome is bought while one is held.
            (Some(held), Side::Buy | Side::Sell) if held.outcome != fill.outcome => held,
            (Some(held), Side::Buy) => Self {
                size: held.size + fill.size,
                bought: held.bought + fill.size,
                paid: held.paid + paid,
                ..held
            },
            // A price that was paid for shares is one that they have had.
            (Some(held), Side::Sell) => {
                Self { size: held.size.saturating_sub(fill.size), ..held }.risen_to(fill.price)
            }
        };
        (!after.size.floor_to_cents().is_zero()).then_some(after)
    }

    /// Returns the holding after its price was seen.
    ///
    /// Fills are told again after a restart, quotes are not: a peak that was only quoted, and never sold at, is
    /// lost then. The peak is the entry price again, or the price of a partial exit, or a quote after the restart,
    /// whichever is highest; so the trailing stop may come later than without the restart, never earlier.
    pub(super) fn risen_to(self, price: Price) -> Self {
        Self { high: self.high.max(Some(price)), ..self }
    }

    /// Returns whose shares they are.
    pub(super) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the shares held.
    pub(super) const fn size(&self) -> Size {
        self.size
    }

    /// Returns what fraction of the shares bought is still held, rounded up.
    pub(super) fn held(&self) -> Frac {
        ratio::ceil(self.size.micros(), self.bought.micros())
    }

    /// Returns what a share cost, without fees, to the nearest millionth.
    pub(super) fn entry(&self) -> Usdc {
        self.paid.per_share(self.bought, Rounding::HalfUp)
    }

    /// Returns the highest price since the entry, which is where it begins.
    pub(super) fn peak(&self) -> Usdc {
        self.high.map_or(self.entry(), |high| self.entry().max(high.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::ConditionId;
    use crate::order::Liquidity;
    use crate::time::Timestamp;

    fn fill(deal: &str) -> Fill {
        let (what, price) = deal.split_once(" at ").unwrap();
        let [side, size, outcome] = what.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{deal}")
        };
        Fill {
            number: 1,
            order: "a:1".parse().unwrap(),
            market: ConditionId::from_bytes([1; 32]),
            outcome: if outcome == "yes" { Outcome::Yes } else { Outcome::No },
            side: if side == "buy" { Side::Buy } else { Side::Sell },
            price: price.parse().unwrap(),
            size: size.parse().unwrap(),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at: Timestamp::default(),
        }
    }

    fn after(deals: &[&str]) -> Option<Holding> {
        deals.iter().fold(None, |holding, deal| Holding::after(holding, &fill(deal)))
    }

    fn check(deals: &[&str], expected: Option<&str>) {
        let text = after(deals).map(|held| {
            let part = held.held();
            let (entry, peak) = (held.entry(), held.peak());
            format!("{} {} at {entry}, peak {peak}, held {part}", held.size, held.outcome)
        });
        assert_eq!(text.as_deref(), expected, "{deals:?}");
    }

    #[test]
    fn fills_make_a_holding_and_its_peak_begins_at_the_entry() {
        check(&[], None);
        check(&["buy 10 no at 0.4"], Some("10 no at 0.4, peak 0.4, held 1"));
        check(
            &["buy 10 yes at 0.4", "buy 30 yes at 0.5"],
            Some("40 yes at 0.475, peak 0.475, held 1"),
        );
        check(&["buy 10 yes at 0.4", "sell 10 yes at 0.5"], None);
        check(&["buy 10.005 yes at 0.4", "sell 10 yes at 0.5"], None);
        check(
            &["buy 10.01 yes at 0.4", "sell 10 yes at 0.5"],
            Some("0.01 yes at 0.4, peak 0.5, held 0.001"),
        );
        check(&["sell 10 yes at 0.5"], None);
        check(&["buy 10 yes at 0.4", "buy 9 no at 0.5"], Some("10 yes at 0.4, peak 0.4, held 1"));
    }

    #[test]
    fn what_was_sold_tells_of_a_peak_and_leaves_the_entry_as_it_was() {
        let half = ["buy 10 yes at 0.4", "sell 5 yes at 0.6"];
        check(&half, Some("5 yes at 0.4, peak 0.6, held 0.5"));
        check(
            &["buy 10 yes at 0.4", "sell 5 yes at 0.3"],
            Some("5 yes at 0.4, peak 0.4, held 0.5"),
        );
    }

    #[test]
    fn a_peak_only_rises() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let held = after(&["buy 10 yes at 0.4"]).unwrap().risen_to(price("0.3"));
        assert_eq!(held.peak().to_string(), "0.4");
        let held = held.risen_to(price("0.7")).risen_to(price("0.5"));
        assert_eq!(held.peak().to_string(), "0.7");
    }
}
