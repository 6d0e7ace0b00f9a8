//! The momentum signal: its threshold, and what a share is worth at a momentum. Exact, without any float.

use crate::numbers::Frac;
use crate::price::{MICROS, Rounding, Usdc, divide, narrow};

/// Returns the least move that is a signal: `move_min` × volatility ÷ usual volatility, the ratio held within a
/// half and two. Where there is no volatility (in millionths of a millionth), `move_min` itself.
pub(super) fn threshold(move_min: Frac, volatility: Option<i128>, usual: Frac) -> Frac {
    let Some(volatility) = volatility else {
        return move_min;
    };
    let ratio = divide(volatility, i128::from(usual.micros()), Rounding::HalfUp);
    let one = i128::from(MICROS);
    let ratio = ratio.clamp(one / 2, one * 2);
    let product = i128::from(move_min.micros()) * ratio;
    Frac::from_micros(narrow(divide(product, one, Rounding::HalfUp)))
}

/// Returns what a share of the side that the momentum speaks for is worth, in USDC: 0.50 to 0.90.
pub(super) fn fair_value(momentum: Frac) -> Usdc {
    let move_ = momentum.abs().micros();
    let micros = match move_ {
        ..1_000 => 500_000 + 50 * move_,
        1_000..5_000 => 550_000 + 40 * (move_ - 1_000),
        5_000.. => 710_000 + 30 * (move_ - 5_000),
    };
    Usdc::from_micros(micros.min(900_000)).unwrap_or_default()
}

/// Returns how much a signal is to be trusted, 0 to 1: 0.4 for a move of 0.5 % and 0.6 for an edge of 0.15
/// USDC, and their parts. It is shown; nothing is decided by it.
pub(super) fn confidence(momentum: Frac, edge: Usdc) -> Frac {
    let by_move = (80 * momentum.abs().micros()).min(400_000);
    let by_edge = (4 * edge.micros()).min(600_000);
    Frac::from_micros(by_move + by_edge)
}
