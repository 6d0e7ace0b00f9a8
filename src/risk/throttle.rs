//! The order throttle: a token bucket on event time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::intent::Purpose;
use crate::time::Timestamp;

/// Orders refill at a steady rate up to a burst. Protective orders may overdraw by one burst, so that a busy
/// strategy can still get out.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    rate_per_minute: i128,
    burst: i128,
    /// Orders left, in units of an order × a minute in microseconds, so that refilling is exact.
    tokens: i128,
    at: Timestamp,
}

/// What is left of a throttle's orders, and as of when. Its rate and its burst are settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    tokens: i64,
    at: Timestamp,
}

/// How one more order would stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The orders sent and not yet made up for, with this one.
    pub(super) used: u64,
    /// How many there may be.
    pub(super) limit: u64,
    /// What is missing for one more, in units of an order × a minute in microseconds.
    lacking: i128,
    rate_per_minute: i128,
    /// From when on it is made up for.
    since: Timestamp,
}

const MINUTE_MICROS: i128 = 60_000_000;

impl Throttle {
    pub(super) fn new(rate_per_minute: u64, burst: u64) -> Self {
        let burst = i128::from(burst) * MINUTE_MICROS;
        let rate_per_minute = i128::from(rate_per_minute);
        Self { rate_per_minute, burst, tokens: burst, at: Timestamp::default() }
    }

    /// Returns what is left. More than nine thousand million orders are counted as so many.
    pub(super) fn level(&self) -> Level {
        let most = i128::from(i64::MAX);
        let tokens = i64::try_from(self.tokens.clamp(-most, most)).unwrap_or_default();
        Level { tokens, at: self.at }
    }

    /// Goes on from what was left.
    pub(super) fn go_on(&mut self, level: Level) {
        (self.tokens, self.at) = (i128::from(level.tokens), level.at);
    }

    /// Tells how an order of this purpose would stand now. Nothing is taken.
    pub(super) fn look(&self, purpose: Purpose, now: Timestamp) -> Look {
        let tokens = self.refilled(now);
        let floor = if purpose.is_protective() { -self.burst } else { 0 };
        let allowed = (self.burst - floor) / MINUTE_MICROS;
        let lacking = (MINUTE_MICROS + floor - tokens).max(0);
        Look {
            used: self.sent(tokens).saturating_add(1),
            limit: u64::try_from(allowed).unwrap_or(u64::MAX),
            lacking,
            rate_per_minute: self.rate_per_minute,
            since: self.at.max(now),
        }
    }

    /// Returns how many orders were sent and are not made up for now, and how many there may be.
    pub(super) fn level_of(&self, now: Timestamp) -> (u64, u64) {
        let burst = u64::try_from(self.burst / MINUTE_MICROS).unwrap_or(u64::MAX);
        (self.sent(self.refilled(now)), burst)
    }

    /// Returns how many orders these tokens are short of a burst. One that is made up for in part counts whole, so that
    /// what is refused is always said to be more than is allowed.
    fn sent(&self, tokens: i128) -> u64 {
        let short = self.burst - tokens + MINUTE_MICROS - 1;
        u64::try_from(short / MINUTE_MICROS).unwrap_or(u64::MAX)
    }

    /// Takes one order's worth.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.tokens = self.refilled(now) - MINUTE_MICROS;
        self.at = self.at.max(now);
    }

    fn refilled(&self, now: Timestamp) -> i128 {
        let passed = i128::from(now.micros() - self.at.micros()).max(0);
        (self.tokens + passed * self.rate_per_minute).min(self.burst)
    }
}

impl Look {
    /// Tells whether an order may be sent now.
    pub(super) const fn is_free(&self) -> bool {
        self.lacking == 0
    }

    /// Returns when one may be sent; nothing where none ever may.
    pub(super) fn free_at(&self) -> Option<Timestamp> {
        let short = (self.lacking % self.rate_per_minute.max(1)).signum();
        let micros = self.lacking.checked_div(self.rate_per_minute)? + short;
        u64::try_from(micros).ok().map(|micros| self.since + Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one order after the other, each so many milliseconds after the start: `+` passes, `-` does not.
    fn check(rate: u64, burst: u64, orders: &[(i64, Purpose)], expected: &str) {
        let mut throttle = Throttle::new(rate, burst);
        let begin = Timestamp::from_millis(1_000_000_000);
        let mut take = |millis: i64, purpose| {
            let span = Duration::from_millis(millis.unsigned_abs());
            let at = if millis < 0 { begin - span } else { begin + span };
            let look = throttle.look(purpose, at);
            let free_at = look.free_at().unwrap();
            assert!(throttle.look(purpose, free_at).is_free(), "{at} {purpose:?}");
            if look.is_free() {
                throttle.take(at);
                return '+';
            }
            '-'
        };
        let passed: String = orders.iter().map(|(at, purpose)| take(*at, *purpose)).collect();
        assert_eq!(passed, expected, "{rate} {burst} {orders:?}");
    }

    fn entries<const N: usize>(at: [i64; N]) -> [(i64, Purpose); N] {
        at.map(|at| (at, Purpose::Entry))
    }

    #[test]
    fn a_burst_passes_and_then_one_order_each_time_the_rate_allows() {
        check(60, 2, &entries([0, 0, 0]), "++-");
        check(60, 2, &entries([0, 0, 999, 1000, 1000]), "++-+-");
        // Seven a minute is one in 8571.43 ms: refilling is exact, so that none is lost or won by rounding.
        check(7, 2, &entries([0, 0, 8571, 8572, 17_142, 17_143]), "++-+-+");
    }

    #[test]
    fn an_order_that_was_refused_costs_nothing() {
        check(60, 1, &entries([0, 500, 999, 1000]), "+--+");
    }

    #[test]
    fn a_long_pause_saves_up_one_burst_and_no_more() {
        check(60, 2, &entries([0, 0, 3_600_000, 3_600_000, 3_600_000]), "++++-");
    }

    #[test]
    fn time_that_seems_to_run_back_gives_nothing() {
        check(60, 1, &entries([0, -5000, 0, 999, 1000]), "+---+");
    }

    #[test]
    fn protection_may_overdraw_by_one_burst_which_entries_pay_back() {
        let (entry, exit) = (Purpose::Entry, Purpose::Exit);
        check(60, 1, &[(0, entry), (0, exit), (0, exit), (0, Purpose::Hedge)], "++--");
        let paid_back = [(0, entry), (0, exit), (1000, entry), (1999, entry), (2000, entry)];
        check(60, 1, &paid_back, "++--+");
        // It does not have to wait until all is paid back.
        check(60, 1, &[(0, entry), (0, exit), (999, exit), (1000, exit)], "++-+");
    }
}
