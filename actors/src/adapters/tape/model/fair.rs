//! Fair values: the chance that an underlying ends above its strike, and that the home team wins.
//!
//! Floating point by the crate `libm`, which is plain arithmetic: every machine gets the same millionth.

use std::time::Duration;

use ploy::price::Usdc;

/// The span of the deviations of an underlying.
const SIGMA_SPAN_S: u32 = 900;
/// By how many points the difference of two teams' scores varies over a whole game: its standard deviation.
pub(super) const GAME_SIGMA_POINTS: u16 = 12;
/// By how many points the home team is expected to win.
pub(super) const HOME_POINTS: u16 = 2;
/// The four quarters of a game, in seconds.
pub(super) const GAME_S: u16 = 4 * 12 * 60;
/// The deviation of the points in the last second of a game, so that a lead is never the end before it.
const LAST_POINTS: f64 = 0.5;

/// Returns the chance, in millionths, that a price ends at or above the strike when so much is left:
/// Φ(ln(spot ÷ strike) ÷ (σ·√(left ÷ 900 s))), with σ in millionths for 15 minutes.
#[expect(clippy::float_arithmetic, reason = "the mathematics of a model; it ends in a millionth")]
pub(super) fn chance_above(spot: Usdc, strike: Usdc, sigma: u32, left: Duration) -> i64 {
    if left.is_zero() || sigma == 0 {
        return if strike <= spot { 1_000_000 } else { 0 };
    }
    let distance = libm::log(float(spot.micros()) / float(strike.micros()));
    let spread = f64::from(sigma) / 1e6 * libm::sqrt(left.as_secs_f64() / f64::from(SIGMA_SPAN_S));
    millionths(cumulative(distance / spread))
}

/// Returns the chance, in millionths, that the home team wins with this lead when so many seconds are left:
/// Φ((lead + 2 · left) ÷ √(12² · left + 0.5²)), with the time left as a part of 48 minutes.
#[expect(clippy::float_arithmetic, reason = "the mathematics of a model; it ends in a millionth")]
pub(super) fn chance_home(lead: i32, left_s: u16) -> i64 {
    let left = f64::from(left_s) / f64::from(GAME_S);
    let sigma = f64::from(GAME_SIGMA_POINTS);
    let spread = libm::sqrt(sigma * sigma * left + LAST_POINTS * LAST_POINTS);
    millionths(cumulative((f64::from(lead) + f64::from(HOME_POINTS) * left) / spread))
}

/// Φ, the distribution function of the standard normal.
#[expect(clippy::float_arithmetic, reason = "the mathematics of a model")]
fn cumulative(x: f64) -> f64 {
    libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2) / 2.0
}

#[expect(clippy::as_conversions, reason = "exact up to 9000 million million of a millionth")]
const fn float(micros: i64) -> f64 {
    micros as f64
}

#[expect(clippy::float_arithmetic, reason = "the named rounding at the end of the mathematics")]
#[expect(
    clippy::as_conversions,
    reason = "0 to a million fits, and what is not a number becomes 0"
)]
fn millionths(chance: f64) -> i64 {
    libm::round(chance * 1e6) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(spot: &str, strike: &str, sigma: u32, left_s: u64) -> i64 {
        let (spot, strike) = (spot.parse().unwrap(), strike.parse().unwrap());
        chance_above(spot, strike, sigma, Duration::from_secs(left_s))
    }

    #[test]
    fn a_price_at_its_strike_is_even_and_one_deviation_above_is_the_table_of_the_normal() {
        assert_eq!(above("64000", "64000", 1_000, 300), 500_000);
        // One deviation of 0.1 % over 15 minutes is a price of 64000 · e^0.001.
        assert_eq!(above("64064.032011", "64000", 1_000, 900), 841_345);
        assert_eq!(above("64064.032011", "64000", 1_000, 225), 977_250);
        assert_eq!(above("64000", "64064.032011", 1_000, 900), 158_655);
        assert_eq!(above("64000", "64000", 1_000, 0), 1_000_000);
        assert_eq!(above("63999.999999", "64000", 1_000, 0), 0);
    }

    #[test]
    fn a_lead_counts_more_the_less_is_left() {
        assert_eq!(chance_home(0, GAME_S), 566_127);
        assert_eq!(chance_home(0, 0), 500_000);
        let leads: Vec<i64> =
            [GAME_S, 1_440, 300, 30, 0].iter().map(|left| chance_home(6, *left)).collect();
        assert!(leads.is_sorted(), "{leads:?}");
        assert_eq!(leads.last(), Some(&1_000_000));
    }
}
