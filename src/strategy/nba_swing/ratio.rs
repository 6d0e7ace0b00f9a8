//! Ratios of exact amounts in millionths, rounded so that holding them against a limit stays exact.

use crate::price::MICROS;

/// Returns `part ÷ whole` in millionths, rounded down: it is below a limit when the true ratio is, and only then.
pub(super) fn floor(part: i64, whole: i64) -> i64 {
    let ratio = (i128::from(part) * i128::from(MICROS)).div_euclid(i128::from(whole.max(1)));
    i64::try_from(ratio).unwrap_or(if ratio < 0 { i64::MIN + 1 } else { i64::MAX })
}

/// Returns `part ÷ whole` in millionths, rounded up: it is above a limit when the true ratio is, and only then.
pub(super) fn ceil(part: i64, whole: i64) -> i64 {
    -floor(-part, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_rounded_away_from_the_limit_it_must_not_meet() {
        assert_eq!((floor(1, 3), ceil(1, 3)), (333_333, 333_334));
        assert_eq!((floor(-1, 3), ceil(-1, 3)), (-333_334, -333_333));
        assert_eq!((floor(1, 4), ceil(1, 4)), (250_000, 250_000));
    }

    #[test]
    fn a_ratio_too_large_to_count_is_the_largest() {
        assert_eq!((floor(i64::MAX, 1), ceil(i64::MAX, 0)), (i64::MAX, i64::MAX));
        assert!(floor(-i64::MAX, 1) < -1);
    }
}
