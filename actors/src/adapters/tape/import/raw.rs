//! The raw recordings, in the words of their source: what a line of books and an entry of markets say.

use std::borrow::Cow;
use std::sync::Arc;

use ploy::book::{Level, OrderBook};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::price::{MICROS, OutOfRange, Price, Size, Usdc};
use ploy::time::Timestamp;
use serde::{Deserialize, Deserializer};

/// An entry of the list of markets. What else the source tells is of no use here.
#[derive(Debug, Deserialize)]
pub(super) struct RawMarket {
    pub(super) market_id: ConditionId,
    pub(super) slug: Arc<str>,
    question: Arc<str>,
    start_ts: i64,
    end_ts: i64,
    outcome_up: Arc<str>,
    outcome_down: Arc<str>,
    payout_up: Payout,
    payout_down: Payout,
}

/// A line of books.
#[derive(Debug, Deserialize)]
pub(super) struct RawBook {
    pub(super) m: usize,
    t: i64,
    s: Which,
    b: Vec<Rung>,
    a: Vec<Rung>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Which {
    Up,
    Down,
}

#[derive(Debug, Deserialize)]
struct Rung(Price, RawSize);

/// A size that may carry the noise of a binary fraction: `5.5600000000000005`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RawSize {
    size: Size,
    is_rounded: bool,
}

/// What a share pays, written as a JSON number: `1.0`.
#[derive(Clone, Copy, Debug)]
struct Payout(Usdc);

impl RawMarket {
    /// The step of the venue's markets while no price is near 0 or 1.
    pub(super) const TICK: TickSize = TickSize::CENT;
    /// The venue's smallest order in shares.
    pub(super) const MIN_SIZE: &'static str = "5";

    pub(super) fn check(&self) -> Result<(), String> {
        instant(self.start_ts)?;
        instant(self.end_ts)?;
        if self.end_ts <= self.start_ts {
            return Err("it ends before it begins".to_owned());
        }
        let [up, down] = self.payouts().map(Usdc::micros);
        if up < 0 || down < 0 || up.checked_add(down) != Some(MICROS) {
            return Err("the two payouts are not shares of 1".to_owned());
        }
        Ok(())
    }

    pub(super) fn closes_at(&self) -> Timestamp {
        Timestamp::from_millis(self.end_ts)
    }

    pub(super) const fn payouts(&self) -> [Usdc; 2] {
        [self.payout_up.0, self.payout_down.0]
    }

    pub(super) fn market(&self, fees: FeeSchedule) -> Market {
        Market {
            id: self.market_id,
            slug: Arc::clone(&self.slug),
            question: Arc::clone(&self.question),
            outcomes: [Arc::clone(&self.outcome_up), Arc::clone(&self.outcome_down)],
            tokens: None,
            tick: Self::TICK,
            min_size: Self::MIN_SIZE.parse().expect("a plain number is a size"),
            fees,
            opens_at: Timestamp::from_millis(self.start_ts),
            closes_at: self.closes_at(),
            strike_usd: None,
            event: None,
        }
    }
}

impl RawBook {
    pub(super) const fn outcome(&self) -> Outcome {
        match self.s {
            Which::Up => Outcome::Yes,
            Which::Down => Outcome::No,
        }
    }

    /// Returns how many sizes were not exact.
    pub(super) fn sizes_rounded(&self) -> u64 {
        let rungs = self.b.iter().chain(&self.a);
        rungs.map(|Rung(_, raw)| u64::from(raw.is_rounded)).sum()
    }

    pub(super) fn book(self) -> Result<OrderBook, String> {
        let at = instant(self.t)?;
        let levels = |rungs: Vec<Rung>| -> Vec<Level> {
            let level = |Rung(price, RawSize { size, .. })| Level { price, size };
            rungs.into_iter().map(level).collect()
        };
        let (bids, asks) = (levels(self.b), levels(self.a));
        if bids.iter().chain(&asks).any(|level| level.size.is_zero()) {
            return Err("a level has no shares".to_owned());
        }
        let book = OrderBook::new(at, bids, asks);
        if !book.bids().is_sorted_by(|a, b| b.price < a.price)
            || !book.asks().is_sorted_by(|a, b| a.price < b.price)
        {
            return Err("a price comes twice on one side".to_owned());
        }
        Ok(book)
    }
}

fn instant(millis: i64) -> Result<Timestamp, String> {
    let at = Timestamp::from_millis(millis);
    if millis.checked_mul(1000) == Some(at.micros()) {
        Ok(at)
    } else {
        Err(format!("{millis} is no millisecond of the years 1970 to 9999"))
    }
}

impl<'de> Deserialize<'de> for RawSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        let Text(text) = Text::deserialize(deserializer)?;
        let (size, is_rounded) = match text.parse() {
            Ok(size) => (Ok(size), false),
            Err(OutOfRange::TooFine(_)) => (nearest(&text), true),
            Err(error) => (Err(error), false),
        };
        let size = size.map_err(serde::de::Error::custom)?;
        Ok(Self { size, is_rounded })
    }
}

/// Reads a size with too many decimals as the nearest millionth, halves up.
fn nearest(text: &str) -> Result<Size, OutOfRange> {
    let bad = || OutOfRange::NotANumber(text.chars().take(40).collect());
    let point = text.find('.').ok_or_else(bad)?;
    let (kept, rest) = text.split_at_checked(point + 7).ok_or_else(bad)?;
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let floor: Size = kept.parse()?;
    let up = rest.bytes().next().is_some_and(|digit| b'5' <= digit);
    Size::from_micros(floor.micros() + i64::from(up))
}

impl<'de> Deserialize<'de> for Payout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = serde_json::Number::deserialize(deserializer)?.to_string();
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, bool)>) {
        let raw: Result<RawSize, _> = serde_json::from_str(&format!("\"{text}\""));
        let seen = raw.map(|raw| (raw.size.to_string(), raw.is_rounded));
        let expected = expected.map(|(size, is_rounded)| (size.to_owned(), is_rounded));
        assert_eq!(seen.ok(), expected, "{text}");
    }

    #[test]
    fn the_noise_of_a_binary_fraction_is_rounded_away() {
        check("514.99", Some(("514.99", false)));
        check("5.5600000000000005", Some(("5.56", true)));
        check("1.5899999999999999", Some(("1.59", true)));
        check("0.9999999", Some(("1", true)));
        check("0.0000004", Some(("0", true)));
    }

    #[test]
    fn what_is_no_size_is_refused_however_long() {
        for bad in ["", "x", "-1", "-5.5600000000000005", "1.0000001x", "1.00000015€"] {
            check(bad, None);
        }
    }
}
