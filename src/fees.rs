//! Fees: what a taker pays for a fill.

use serde::{Deserialize, Serialize};

use crate::price::{MICROS, OutOfRange, Price, Rounding, Size, Usdc, divide, narrow};

/// A market's fee: `shares × rate × (p·(1−p))^exponent`, in USDC, for takers only.
///
/// Source: the venue's fee page (2026-08-24) and the `fd {r, e, to}` of its market answer. The result is
/// rounded half up to 5 decimals (whether the venue rounds half up or down is not verified).
///
/// ```
/// use ploy::fees::FeeSchedule;
/// let crypto = FeeSchedule::new("0.07".parse()?, 1)?;
/// let fee = crypto.taker_fee("100".parse()?, "0.50".parse()?);
/// assert_eq!(fee.to_string(), "1.75");
/// # Ok::<(), ploy::price::OutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told")]
pub struct FeeSchedule {
    rate: Usdc,
    exponent: u8,
}

/// A schedule as it is read, before its ranges are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    rate: Usdc,
    exponent: u8,
}

impl TryFrom<Told> for FeeSchedule {
    type Error = OutOfRange;
    fn try_from(Told { rate, exponent }: Told) -> Result<Self, OutOfRange> {
        Self::new(rate, exponent)
    }
}

impl FeeSchedule {
    /// No fee at all.
    pub const FREE: Self = Self { rate: Usdc::ZERO, exponent: 1 };

    /// Returns the schedule with this rate (a fraction, 0 to 1) and exponent (0 to 4).
    ///
    /// # Errors
    /// When either is outside its range.
    pub fn new(rate: Usdc, exponent: u8) -> Result<Self, OutOfRange> {
        if (0..=MICROS).contains(&rate.micros()) && exponent <= 4 {
            Ok(Self { rate, exponent })
        } else {
            Err(OutOfRange::Amount(format!("{rate} with exponent {exponent}")))
        }
    }

    /// Returns the fee of a taker for `size` shares at `price`, in USDC; never negative, and at least
    /// 0.00001 where anything is charged at all.
    #[must_use]
    pub fn taker_fee(self, size: Size, price: Price) -> Usdc {
        if self.rate == Usdc::ZERO || size.is_zero() {
            return Usdc::ZERO;
        }
        // p·(1−p) in millionths of a millionth is at most 2.5e11; the running value is cut to 1e-15 USDC
        // between factors, so that no product passes i128.
        let spread = i128::from(price.micros()) * i128::from(MICROS - price.micros());
        let mut fee = i128::from(size.micros()) * i128::from(self.rate.micros()) * 1_000;
        for _ in 0..self.exponent {
            fee = fee * spread / 1_000_000_000_000;
        }
        let hundred_thousandths = divide(fee, 10_000_000_000, Rounding::HalfUp).max(1);
        Usdc::from_micros(narrow(hundred_thousandths * 10)).unwrap_or(Usdc::MAX)
    }

    /// Returns the fee of a taker for one share at `price`, in USDC.
    #[must_use]
    pub fn per_share(self, price: Price) -> Usdc {
        // A thousand shares are counted, so that rounding to 5 decimals does not distort one.
        let thousand = Size::from_micros(1_000 * MICROS).unwrap_or_default();
        self.taker_fee(thousand, price).per_share(thousand, Rounding::Up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rate: &str, exponent: u8, shares: &str, price: &str, expected: &str) {
        let fees = FeeSchedule::new(rate.parse().unwrap(), exponent).unwrap();
        let fee = fees.taker_fee(shares.parse().unwrap(), price.parse().unwrap());
        assert_eq!(fee.to_string(), expected, "{rate} {exponent} {shares} {price}");
    }

    #[test]
    fn the_fee_is_that_of_the_venues_page() {
        check("0.07", 1, "100", "0.5", "1.75");
        check("0.07", 1, "100", "0.95", "0.3325");
        check("0.05", 1, "100", "0.5", "1.25");
        check("0", 1, "100", "0.5", "0");
    }

    #[test]
    fn a_schedule_that_is_read_is_within_its_range() {
        let read = |text| serde_json::from_str::<FeeSchedule>(text);
        let largest = FeeSchedule::new("1".parse().unwrap(), 4).unwrap();
        assert_eq!(read(r#"{"rate":"1","exponent":4}"#).unwrap(), largest);
        for bad in [r#"{"rate":"1.1","exponent":1}"#, r#"{"rate":"0.07","exponent":5}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(r#"{"rate":"0.07","exponent":1,"more":1}"#).is_err());
    }

    #[test]
    fn the_older_curve_with_exponent_two_is_computed_too() {
        // 0.25 · (p(1−p))² is .015625 at .50 and .002025 at .10, a share.
        check("0.25", 2, "1", "0.5", "0.01563");
        check("0.25", 2, "1000", "0.5", "15.625");
        check("0.25", 2, "1000", "0.1", "2.025");
    }

    #[test]
    fn a_charged_fee_is_at_least_a_hundred_thousandth() {
        check("0.0001", 1, "0.01", "0.5", "0.00001");
    }

    #[test]
    fn the_fee_of_one_share_is_not_distorted_by_rounding() {
        let fees = FeeSchedule::new("0.07".parse().unwrap(), 1).unwrap();
        assert_eq!(fees.per_share("0.45".parse().unwrap()).to_string(), "0.017325");
    }
}
