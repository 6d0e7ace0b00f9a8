//! The order throttle: a token bucket on event time.

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

const MINUTE_MICROS: i128 = 60_000_000;

impl Throttle {
    pub(super) fn new(rate_per_minute: u64, burst: u64) -> Self {
        let burst = i128::from(burst) * MINUTE_MICROS;
        let rate_per_minute = i128::from(rate_per_minute);
        Self { rate_per_minute, burst, tokens: burst, at: Timestamp::default() }
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
