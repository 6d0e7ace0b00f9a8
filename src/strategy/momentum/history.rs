//! The recent prices of one underlying, kept by time: momentum and volatility are read from them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::numbers::Frac;
use crate::price::{Rounding, Usdc, divide, narrow};
use crate::time::Timestamp;

/// Prices of one underlying, oldest first, each at a later instant than the one before.
///
/// However fast prices come, all of the last [`KEPT`] are here, and the newest one before: a count of prices
/// would hold a minute of a slow underlying and seconds of a fast one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Sample>", try_from = "Vec<Sample>")]
pub(super) struct History {
    samples: VecDeque<Sample>,
}

/// The price of an underlying at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    /// In USD, above zero.
    pub(super) price: Usdc,
}

/// The prices are not above zero, or not each later than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a history is of prices above zero, each later than the one before")]
pub(super) struct NoHistory;

/// How far back the momentum looks, and from when on a history is long enough to decide on.
pub(super) const REACH: Duration = Duration::from_secs(60);
/// How long prices are kept: a market that is announced a minute late still finds the price at its opening.
const KEPT: Duration = Duration::from_secs(120);
/// The spans of the momentum with their weights in tenths.
const WEIGHTS: [(Duration, i128); 3] =
    [(Duration::from_secs(10), 2), (Duration::from_secs(30), 3), (REACH, 5)];
/// The least number of prices in all, and of those within reach, that a volatility is read from.
const VOLATILITY_SAMPLES_MIN: [usize; 2] = [10, 5];
/// One, in the units in which moves are added up: a millionth of a millionth.
const ONE: i128 = 1_000_000_000_000;

impl History {
    /// Takes in a price. One that is older than the newest changes nothing; one of the same instant corrects it.
    pub(super) fn add(&mut self, at: Timestamp, price: Usdc) {
        if price <= Usdc::ZERO {
            return;
        }
        match self.samples.back_mut() {
            Some(newest) if at < newest.at => return,
            Some(newest) if at == newest.at => newest.price = price,
            Some(_) | None => self.samples.push_back(Sample { at, price }),
        }
        let oldest = at - KEPT;
        while self.samples.get(1).is_some_and(|second| second.at <= oldest) {
            self.samples.pop_front();
        }
    }

    /// Returns the newest price.
    pub(super) fn newest(&self) -> Option<Sample> {
        self.samples.back().copied()
    }

    /// Returns how far back it reaches at `now`.
    pub(super) fn reach(&self, now: Timestamp) -> Duration {
        self.samples.front().map_or(Duration::ZERO, |oldest| now.since(oldest.at))
    }

    /// Returns the first price from `from` on. Nothing where it came later than `within`, or where no price
    /// before it is here: there may have been an earlier one then.
    pub(super) fn first_since(&self, from: Timestamp, within: Duration) -> Option<Usdc> {
        let place = self.samples.partition_point(|sample| sample.at < from);
        let first = self.samples.get(place)?;
        let is_first = place != 0 || first.at == from;
        (is_first && first.at.since(from) <= within).then_some(first.price)
    }

    /// Returns the weighted relative move up to the newest price: 0.2 of that over 10 s, 0.3 of that over
    /// 30 s and 0.5 of that over 60 s, to the nearest millionth. Nothing where one of those prices is not
    /// known, or was older than `age_max` even then.
    pub(super) fn momentum(&self, now: Timestamp, age_max: Duration) -> Option<Frac> {
        let newest = self.newest()?.price;
        let mut tenths = 0;
        for (span, weight) in WEIGHTS {
            tenths += weight * change(self.before(now - span, age_max)?, newest);
        }
        Some(Frac::from_micros(narrow(divide(tenths, 10 * ONE / 1_000_000, Rounding::HalfUp))))
    }

    /// Returns the standard deviation of the relative moves from price to price within reach, in millionths
    /// of a millionth; nothing where there are too few.
    pub(super) fn volatility(&self, now: Timestamp) -> Option<i128> {
        let [in_all, within] = VOLATILITY_SAMPLES_MIN;
        let from = now - REACH;
        let skipped = self.samples.partition_point(|sample| sample.at < from);
        if self.samples.len() < in_all || self.samples.len() - skipped < within {
            return None;
        }
        let prices = || self.samples.iter().skip(skipped).map(|sample| sample.price);
        let (mut count, mut sum, mut squares) = (0_i128, 0_i128, 0_i128);
        for (from, to) in prices().zip(prices().skip(1)) {
            let step = change(from, to);
            (count, sum, squares) = (count + 1, sum + step, squares + step * step);
        }
        Some(divide((count * squares - sum * sum).isqrt(), count, Rounding::HalfUp))
    }

    /// Returns the last price at or before `at`, unless it was older than `age_max` then.
    fn before(&self, at: Timestamp, age_max: Duration) -> Option<Usdc> {
        let place = self.samples.partition_point(|sample| sample.at <= at).checked_sub(1)?;
        let last = self.samples.get(place)?;
        (at.since(last.at) <= age_max).then_some(last.price)
    }
}

impl From<History> for Vec<Sample> {
    fn from(history: History) -> Self {
        history.samples.into()
    }
}

impl TryFrom<Vec<Sample>> for History {
    type Error = NoHistory;
    fn try_from(samples: Vec<Sample>) -> Result<Self, NoHistory> {
        let is_sound = samples.iter().all(|sample| Usdc::ZERO < sample.price)
            && samples.is_sorted_by(|a, b| a.at < b.at);
        is_sound.then(|| Self { samples: samples.into() }).ok_or(NoHistory)
    }
}

/// Returns the relative move, in millionths of a millionth; one beyond 100 % counts as that, so that no sum of
/// squares passes its type.
fn change(from: Usdc, to: Usdc) -> i128 {
    let (from, to) = (i128::from(from.micros()), i128::from(to.micros()));
    divide((to - from) * ONE, from, Rounding::HalfUp).clamp(-ONE, ONE)
}
