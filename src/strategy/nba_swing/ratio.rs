//! Ratios of exact amounts, rounded so that holding them against a limit stays exact.

use crate::numbers::Frac;
use crate::price::MICROS;

/// Returns `part ÷ whole`, rounded down: it is below a limit when the true ratio is, and only then.
pub(super) fn floor(part: i64, whole: i64) -> Frac {
    let ratio = (i128::from(part) * i128::from(MICROS)).div_euclid(i128::from(whole.max(1)));
    let most = i128::from(i64::MAX);
    Frac::from_micros(i64::try_from(ratio.clamp(-most, most)).unwrap_or_default())
}

/// Returns `part ÷ whole`, rounded up: it is above a limit when the true ratio is, and only then.
pub(super) fn ceil(part: i64, whole: i64) -> Frac {
    Frac::from_micros(-floor(-part, whole).micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks both roundings, in millionths.
    fn check(part: i64, whole: i64, expected: [i64; 2]) {
        let found = [floor(part, whole), ceil(part, whole)].map(Frac::micros);
        assert_eq!(found, expected, "{part} / {whole}");
    }

    #[test]
    fn a_ratio_is_rounded_away_from_the_limit_it_must_not_meet() {
        check(1, 3, [333_333, 333_334]);
        check(-1, 3, [-333_334, -333_333]);
        check(1, 4, [250_000, 250_000]);
    }

    #[test]
    fn a_ratio_too_large_to_count_is_the_largest() {
        check(i64::MAX, 1, [i64::MAX; 2]);
        check(-i64::MAX, 0, [-i64::MAX; 2]);
    }
}
