//! Speed: how fast a tape's time runs beside the wall's.

use std::fmt;
use std::str::FromStr;

use crate::price::{MICROS, decimal, parse_micros};

/// How fast a tape is played. Written `max`, `60x`, `0.5x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speed {
    /// As fast as all that each event causes is settled.
    Max,
    /// So many thousandths of the recorded pace: 1000 is as recorded. From [`Speed::MIN`] to [`Speed::LARGEST`].
    Times(u32),
}

/// The text is no speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a speed: `max` or `0.1x` to `100000x` is expected, with at most three decimals"
)]
pub struct InvalidSpeed(String);

impl Speed {
    /// The recorded pace.
    pub const REAL: Self = Self::Times(1000);
    /// The slowest pace, in thousandths: a tenth of the recorded one.
    pub const MIN: u32 = 100;
    /// The fastest pace that is still timed, in thousandths.
    pub const LARGEST: u32 = 100_000_000;
}

impl FromStr for Speed {
    type Err = InvalidSpeed;
    fn from_str(text: &str) -> Result<Self, InvalidSpeed> {
        if text == "max" {
            return Ok(Self::Max);
        }
        text.strip_suffix('x')
            .and_then(|factor| parse_micros(factor).ok())
            .filter(|micros| micros % (MICROS / 1000) == 0)
            .and_then(|micros| u32::try_from(micros / (MICROS / 1000)).ok())
            .filter(|thousandths| (Self::MIN..=Self::LARGEST).contains(thousandths))
            .map(Self::Times)
            .ok_or_else(|| InvalidSpeed(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.pad("max"),
            Self::Times(thousandths) => {
                let micros = i64::from(*thousandths) * (MICROS / 1000);
                f.pad(&format!("{}x", decimal(micros)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_written_as_it_is_read() {
        for (text, speed) in [
            ("max", Speed::Max),
            ("1x", Speed::REAL),
            ("60x", Speed::Times(60_000)),
            ("0.5x", Speed::Times(500)),
            ("0.1x", Speed::Times(Speed::MIN)),
            ("100000x", Speed::Times(Speed::LARGEST)),
        ] {
            assert_eq!(text.parse(), Ok(speed));
            assert_eq!(speed.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_speed_is_refused() {
        for text in [
            "",
            "x",
            "60",
            "0x",
            "-1x",
            "0.099x",
            "100000.001x",
            "1.0005x",
            "fast",
            "Max",
            "1e3x",
            "99999999999x",
        ] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
