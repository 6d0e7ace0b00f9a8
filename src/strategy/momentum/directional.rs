//! The directional signal: the chance that the price ends above the strike, and what a share is worth by it.

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{MICROS, Price, Usdc};

use super::config::Settlement;
use super::normal;

/// The span of the standard deviations in the settings.
const SIGMA_SPAN: Duration = Duration::from_secs(900);
/// The span of the mean that decides a [`Settlement::Twap60`] market.
const TWAP_SPAN: Duration = Duration::from_secs(60);
/// By how much that mean is nearer than its end: its last minute carries a third of the variance of a minute.
const TWAP_SHIFT: Duration = Duration::from_secs(40);

/// Returns for how long the price can still move that decides, when so much is left until the close.
///
/// Within the last minute a part of the mean is fixed already, which is not reckoned with: `left` is returned,
/// and the settings do not let such a market be entered unless they are told to.
pub(super) fn open_span(settlement: Settlement, left: Duration) -> Duration {
    match settlement {
        Settlement::Twap60 if TWAP_SPAN <= left => left - TWAP_SHIFT,
        Settlement::Twap60 | Settlement::Spot => left,
    }
}

/// Returns the chance that the price ends above the strike, to the nearest millionth:
/// Φ( ln(spot ÷ strike) ÷ (sigma · √(span ÷ 900 s)) ), where `sigma` is the standard deviation over 15 minutes,
/// whatever the market's window is. When nothing can move any more, it is one from the strike on.
#[expect(clippy::float_arithmetic, reason = "signal mathematics; it ends in a millionth")]
pub(super) fn chance_up(spot: Usdc, strike: Usdc, sigma: Frac, span: Duration) -> Frac {
    if span.is_zero() {
        return Frac::from_micros(if strike <= spot { MICROS } else { 0 });
    }
    if sigma.micros() <= 0 {
        return Frac::from_micros(MICROS / 2);
    }
    let sigma = float(sigma.micros()) / float(MICROS);
    let spread = sigma * libm::sqrt(span.as_secs_f64() / SIGMA_SPAN.as_secs_f64());
    let distance = libm::log(float(spot.micros()) / float(strike.micros()));
    nearest(normal::cumulative(distance / spread))
}

/// Returns what a share is worth above what it costs, in USDC: chance − ask − fee − reserve.
pub(super) fn value(chance: Frac, ask: Price, fee: Usdc, reserve: Usdc) -> Usdc {
    Usdc::from_micros(chance.micros() - ask.micros()).unwrap_or_default() - fee - reserve
}

#[expect(clippy::as_conversions, reason = "exact up to 9000 million million of a millionth")]
const fn float(micros: i64) -> f64 {
    micros as f64
}

/// Returns a chance of 0 to 1 to the nearest millionth, halves up.
#[expect(clippy::float_arithmetic, reason = "the named rounding at the end of the mathematics")]
#[expect(
    clippy::as_conversions,
    reason = "0 to a million fits, and what is not a number becomes 0"
)]
fn nearest(chance: f64) -> Frac {
    Frac::from_micros(libm::round(chance * 1e6) as i64)
}
