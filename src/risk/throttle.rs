//! The order throttle: a token bucket on event time.

use serde::{Deserialize, Serialize};

use crate::intent::Purpose;
use crate::numbers::Value;
use crate::time::Timestamp;

use super::{Rejection, Rule};

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

    /// Takes one order's worth, or refuses.
    pub(super) fn take(&mut self, purpose: Purpose, now: Timestamp) -> Result<(), Rejection> {
        let passed = i128::from(now.micros() - self.at.micros()).max(0);
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.rate_per_minute).min(self.burst);
        let floor = if purpose.is_protective() { -self.burst } else { 0 };
        if self.tokens - MINUTE_MICROS < floor {
            let sent = (self.burst - self.tokens) / MINUTE_MICROS + 1;
            let used = Value::Count(u64::try_from(sent).unwrap_or(u64::MAX));
            let allowed = (self.burst - floor) / MINUTE_MICROS;
            let limit = Value::Count(u64::try_from(allowed).unwrap_or(u64::MAX));
            return Err(Rejection { rule: Rule::Throttle, used, limit, passing: None });
        }
        self.tokens -= MINUTE_MICROS;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Takes one order after the other, each so many milliseconds after the start: `+` passes, `-` does not.
    fn check(rate: u64, burst: u64, orders: &[(i64, Purpose)], expected: &str) {
        let mut throttle = Throttle::new(rate, burst);
        let begin = Timestamp::from_millis(1_000_000_000);
        let mut take = |millis: i64, purpose| {
            let span = Duration::from_millis(millis.unsigned_abs());
            let at = if millis < 0 { begin - span } else { begin + span };
            if throttle.take(purpose, at).is_ok() { '+' } else { '-' }
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
