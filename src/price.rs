//! Money and shares: integers of a millionth, valid from the moment they exist, with named rounding.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths in one: the unit of every amount here.
pub const MICROS: i64 = 1_000_000;

/// Price of one outcome share, in millionths of a USDC per share. Always strictly between 0 and 1 USDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u32);

/// Shares, in millionths of a share. Never negative, at most [`Size::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Cash, in millionths of a USDC. Negative where it is owed or lost; its magnitude is at most [`Usdc::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usdc(i64);

/// Why text or a number is no valid amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfRange {
    /// Not a decimal number.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// More than six decimals: it would have to be rounded.
    #[error("`{0}` has more than six decimals")]
    TooFine(String),
    /// A price that is not strictly between 0 and 1 USDC.
    #[error("price {0} is not between 0 and 1")]
    Price(String),
    /// A size that is negative or too large to count.
    #[error("size {0} is negative or above the largest size")]
    Size(String),
    /// An amount too large to count.
    #[error("amount {0} is too large")]
    Amount(String),
}

/// Which way an inexact result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero.
    Down,
    /// Away from zero.
    Up,
    /// To the nearest, halves away from zero.
    HalfUp,
}

impl Price {
    /// The smallest price: a millionth of a USDC.
    pub const MIN: Self = Self(1);
    /// The largest price: a millionth below one USDC.
    pub const MAX: Self = Self(999_999);
    /// A hundredth of a USDC.
    pub const CENT: Self = Self(10_000);

    /// Returns the price of `micros` millionths.
    ///
    /// # Errors
    /// When it is not strictly between 0 and 1 USDC.
    pub fn from_micros(micros: i64) -> Result<Self, OutOfRange> {
        match u32::try_from(micros) {
            Ok(value) if (Self::MIN.0..=Self::MAX.0).contains(&value) => Ok(Self(value)),
            Ok(_) | Err(_) => Err(OutOfRange::Price(decimal(micros))),
        }
    }

    /// Returns the price in millionths of a USDC.
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::from(self.0)
    }

    /// Returns what the other outcome costs when both together cost one USDC.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(1_000_000 - self.0)
    }

    /// Returns the largest multiple of `tick` (millionths) not above this price, or nothing below one tick.
    #[must_use]
    pub fn round_down(self, tick: u32) -> Option<Self> {
        let floor = self.0.checked_div(tick)? * tick;
        Self::from_micros(i64::from(floor)).ok()
    }

    /// Returns the smallest multiple of `tick` (millionths) not below this price, or nothing at one USDC.
    #[must_use]
    pub fn round_up(self, tick: u32) -> Option<Self> {
        if tick == 0 {
            return None;
        }
        Self::from_micros(i64::from(self.0.div_ceil(tick) * tick)).ok()
    }

    /// Returns price × `size`, in USDC, rounded to a millionth as said.
    #[must_use]
    pub fn notional(self, size: Size, rounding: Rounding) -> Usdc {
        let product = i128::from(self.0) * i128::from(size.0);
        Usdc(narrow(divide(product, i128::from(MICROS), rounding)))
    }
}

impl Size {
    /// No share.
    pub const ZERO: Self = Self(0);
    /// The smallest size: no share.
    const MIN: Self = Self(0);
    /// A hundredth of a share.
    pub const CENT: Self = Self(10_000);
    /// A thousand shares.
    pub const THOUSAND: Self = Self(1_000_000_000);
    /// A thousand million shares: far above any market, far below overflow.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// Returns the size of `micros` millionths of a share.
    ///
    /// # Errors
    /// When it is negative or above [`Size::MAX`].
    pub fn from_micros(micros: i64) -> Result<Self, OutOfRange> {
        match u64::try_from(micros) {
            Ok(value) if value <= Self::MAX.0 => Ok(Self(value)),
            Ok(_) | Err(_) => Err(OutOfRange::Size(decimal(micros))),
        }
    }

    /// Returns the size in millionths of a share.
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0).expect("a size is at most Size::MAX, which fits")
    }

    /// Tells whether there is no share.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns this size cut down to two decimals, which is what the venue accepts.
    #[must_use]
    pub const fn floor_to_cents(self) -> Self {
        Self(self.0 / 10_000 * 10_000)
    }

    /// Returns the difference, or zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the largest size whose notional at `price` is at most `amount`; zero for a negative amount.
    #[must_use]
    pub fn affordable(amount: Usdc, price: Price) -> Self {
        let shares = i128::from(amount.0.max(0)) * i128::from(MICROS) / i128::from(price.0);
        Self(u64::try_from(shares).unwrap_or(Self::MAX.0).min(Self::MAX.0))
    }
}

impl Usdc {
    /// No cash.
    pub const ZERO: Self = Self(0);
    /// A million million USDC: far above any account, far below overflow.
    pub const MAX: Self = Self(1_000_000_000_000_000_000);
    /// The deepest debt.
    const MIN: Self = Self(-1_000_000_000_000_000_000);

    /// Returns an amount that is written in the source; one out of range is no program.
    pub(crate) const fn literal(micros: i64) -> Self {
        assert!(Self::MIN.0 <= micros && micros <= Self::MAX.0, "an amount is within Usdc::MAX");
        Self(micros)
    }

    /// Returns the amount of `micros` millionths of a USDC.
    ///
    /// # Errors
    /// When its magnitude is above [`Usdc::MAX`].
    pub fn from_micros(micros: i64) -> Result<Self, OutOfRange> {
        if micros.unsigned_abs() <= Self::MAX.0.unsigned_abs() {
            Ok(Self(micros))
        } else {
            Err(OutOfRange::Amount(decimal(micros)))
        }
    }

    /// Returns the amount in millionths of a USDC.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the sum.
    ///
    /// # Errors
    /// When it passes [`Usdc::MAX`] in magnitude.
    pub fn checked_add(self, other: Self) -> Result<Self, OutOfRange> {
        Self::from_micros(self.0 + other.0)
    }

    /// Returns this amount as a price of one share.
    ///
    /// # Errors
    /// When it is not strictly between 0 and 1 USDC.
    pub fn to_price(self) -> Result<Price, OutOfRange> {
        Price::from_micros(self.0)
    }

    /// Returns this amount × `size` (a sum a share turned into a sum), rounded as said.
    #[must_use]
    pub fn times(self, size: Size, rounding: Rounding) -> Self {
        let product = i128::from(self.0) * i128::from(size.0);
        Self(narrow(divide(product, i128::from(MICROS), rounding)))
    }

    /// Returns this amount a share of `size`, rounded as said; zero for no share.
    #[must_use]
    pub fn per_share(self, size: Size, rounding: Rounding) -> Self {
        if size.is_zero() {
            return Self::ZERO;
        }
        let product = i128::from(self.0) * i128::from(MICROS);
        Self(narrow(divide(product, i128::from(size.0), rounding)))
    }

    /// Returns the share of this amount that `part` of `whole` carries, rounded toward zero; all of it when
    /// `part` is `whole`, so that nothing is left behind.
    #[must_use]
    pub fn prorate(self, part: Size, whole: Size) -> Self {
        if whole <= part {
            return self;
        }
        Self(narrow(i128::from(self.0) * i128::from(part.0) / i128::from(whole.0)))
    }
}

impl From<Price> for Usdc {
    fn from(price: Price) -> Self {
        Self(price.micros())
    }
}

macro_rules! checked_sum {
    ($type:ident, $what:literal) => {
        /// # Panics
        /// When the result is out of range: the books are broken, and going on would hide it.
        impl Add for $type {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                self.0
                    .checked_add(other.0)
                    .map(Self)
                    .filter(|sum| Self::MIN <= *sum && *sum <= Self::MAX)
                    .expect($what)
            }
        }
        /// # Panics
        /// When the result is out of range: the books are broken, and going on would hide it.
        impl Sub for $type {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.0
                    .checked_sub(other.0)
                    .map(Self)
                    .filter(|sum| Self::MIN <= *sum && *sum <= Self::MAX)
                    .expect($what)
            }
        }
        impl AddAssign for $type {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl SubAssign for $type {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl std::iter::Sum for $type {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::default(), |sum, item| sum + item)
            }
        }
    };
}
checked_sum!(Size, "a size stays between zero and Size::MAX");
checked_sum!(Usdc, "an amount stays within Usdc::MAX");

impl Neg for Usdc {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

macro_rules! decimal_text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&decimal(self.micros()))
            }
        }
        impl FromStr for $type {
            type Err = OutOfRange;
            fn from_str(text: &str) -> Result<Self, OutOfRange> {
                Self::from_micros(parse_micros(text)?)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Text::deserialize(deserializer)?;
                text.0.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
decimal_text!(Price);
decimal_text!(Size);
decimal_text!(Usdc);

/// A string that is borrowed from the input wherever the format allows it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a decimal number as millionths.
///
/// # Errors
/// When it is no decimal number, is too large, or has more than six decimals.
pub fn parse_micros(text: &str) -> Result<i64, OutOfRange> {
    let bad = || OutOfRange::NotANumber(text.chars().take(40).collect());
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(bad());
    }
    let mut micros: i64 = 0;
    for byte in whole.bytes() {
        let digit = digit(byte).ok_or_else(bad)?;
        micros = micros.checked_mul(10).and_then(|m| m.checked_add(digit)).ok_or_else(bad)?;
    }
    let mut decimals = 0;
    for byte in fraction.bytes() {
        let digit = digit(byte).ok_or_else(bad)?;
        if decimals < 6 {
            micros = micros.checked_mul(10).and_then(|m| m.checked_add(digit)).ok_or_else(bad)?;
            decimals += 1;
        } else if digit != 0 {
            return Err(OutOfRange::TooFine(text.chars().take(40).collect()));
        }
    }
    for _ in decimals..6 {
        micros = micros.checked_mul(10).ok_or_else(bad)?;
    }
    Ok(if negative { -micros } else { micros })
}

/// Writes millionths as a decimal number, without needless zeros.
#[must_use]
pub fn decimal(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let magnitude = micros.unsigned_abs();
    let (whole, fraction) = (magnitude / 1_000_000, magnitude % 1_000_000);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:06}");
    text.trim_end_matches('0').to_owned()
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Divides, rounding as said. `by` is above zero.
pub(crate) fn divide(value: i128, by: i128, rounding: Rounding) -> i128 {
    let (quotient, rest) = (value / by, value % by);
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::HalfUp => by <= 2 * rest.abs(),
    };
    if away { quotient + value.signum() } else { quotient }
}

pub(crate) fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("a product of a price or a sum a share and a size fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Size {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_exact_both_ways() {
        for (text, micros) in
            [("0.46", 460_000), ("100", 100_000_000), ("-1.5", -1_500_000), ("0.000001", 1)]
        {
            assert_eq!(parse_micros(text), Ok(micros));
            assert_eq!(decimal(micros), text);
        }
        assert_eq!(parse_micros("0.4600000"), Ok(460_000));
        assert!(matches!(parse_micros("0.0000001"), Err(OutOfRange::TooFine(_))));
        for bad in ["", ".", "-", "1e5", "0x1", "1,5", " 1", "99999999999999999999"] {
            assert!(matches!(parse_micros(bad), Err(OutOfRange::NotANumber(_))), "{bad}");
        }
    }

    #[test]
    fn a_price_is_strictly_between_zero_and_one() {
        for bad in ["0", "1", "-0.1", "1.01"] {
            assert!(bad.parse::<Price>().is_err(), "{bad}");
        }
        assert_eq!("0.35".parse::<Price>().unwrap().complement().to_string(), "0.65");
    }

    #[test]
    fn a_price_is_rounded_to_the_tick_by_name() {
        let price: Price = "0.456".parse().unwrap();
        assert_eq!(price.round_down(10_000).unwrap().to_string(), "0.45");
        assert_eq!(price.round_up(10_000).unwrap().to_string(), "0.46");
        assert_eq!("0.005".parse::<Price>().unwrap().round_down(10_000), None);
        assert_eq!("0.995".parse::<Price>().unwrap().round_up(10_000), None);
    }

    #[test]
    fn an_inexact_product_goes_the_way_that_is_named() {
        let price: Price = "0.333333".parse().unwrap();
        let shares = size("0.1");
        assert_eq!(price.notional(shares, Rounding::Down).micros(), 33_333);
        assert_eq!(price.notional(shares, Rounding::Up).micros(), 33_334);
        assert_eq!(Usdc(-1_500_000).per_share(size("2"), Rounding::HalfUp), Usdc(-750_000));
        assert_eq!(divide(-5, 2, Rounding::HalfUp), -3);
    }

    #[test]
    fn all_of_an_amount_goes_with_all_of_the_shares() {
        let cost = Usdc(10_000_001);
        assert_eq!(cost.prorate(size("3"), size("3")), cost);
        assert_eq!(cost.prorate(size("1"), size("3")), Usdc(3_333_333));
    }

    #[test]
    #[should_panic(expected = "a size stays between zero and Size::MAX")]
    fn a_size_below_zero_stops_the_strategy() {
        let _ = size("1") - size("2");
    }

    #[test]
    fn affordable_shares_never_cost_more_than_the_amount() {
        let price: Price = "0.35".parse().unwrap();
        let shares = Size::affordable("10".parse().unwrap(), price);
        assert!(price.notional(shares, Rounding::Up) <= "10".parse().unwrap());
        assert_eq!(Size::affordable("-1".parse().unwrap(), price), Size::ZERO);
    }
}
