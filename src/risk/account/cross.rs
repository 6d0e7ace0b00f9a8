//! Which two orders could trade with each other: what one wallet must not do with itself.

use crate::intent::{Intent, TimeInForce};
use crate::market::{Outcome, Side};
use crate::price::Price;

/// Tells whether two orders could trade with each other. A purchase of no at 0.40 is a sale of yes at 0.60: the venue
/// makes a pair of two purchases that pay one USDC together, and burns a pair for two sales that ask no more. Only what
/// rests can be met: of two orders that both end at once neither waits for the other.
pub(super) fn crosses(one: &Intent, other: &Intent) -> bool {
    let rests = [one, other].iter().any(|intent| intent.time_in_force == TimeInForce::Gtc);
    let ((side, price), (other_side, other_price)) = (on_yes(one), on_yes(other));
    let meets = match (side, other_side) {
        (Side::Buy, Side::Sell) => other_price <= price,
        (Side::Sell, Side::Buy) => price <= other_price,
        (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => false,
    };
    one.market == other.market && rests && meets
}

/// Returns what an order is on the book of yes.
pub(super) const fn on_yes(intent: &Intent) -> (Side, Price) {
    match (intent.outcome, intent.side) {
        (Outcome::Yes, side) => (side, intent.limit),
        (Outcome::No, Side::Buy) => (Side::Sell, intent.limit.complement()),
        (Outcome::No, Side::Sell) => (Side::Buy, intent.limit.complement()),
    }
}
