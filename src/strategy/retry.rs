//! Retry: an exit that failed is tried again, each time after twice the wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::numbers::Numbers;
use crate::time::Timestamp;

/// The longest wait before a failed exit is tried again: what nobody buys is offered twice a minute.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// An exit that failed, and when it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    /// How many tries have failed.
    attempt: u32,
    at: Timestamp,
}

impl Retry {
    /// Returns the retry after an exit that failed now; `before` is the one that it was. The first wait is `wait`, each
    /// further one twice as long, up to 30 s.
    pub(super) fn after(before: Option<Self>, now: Timestamp, wait: Duration) -> Self {
        let failed = before.map_or(0, |retry| retry.attempt);
        let wait = wait.saturating_mul(2_u32.saturating_pow(failed)).min(WAIT_MAX);
        Self { attempt: failed.saturating_add(1), at: now + wait }
    }

    /// Returns when it is tried again.
    pub(super) const fn at(self) -> Timestamp {
        self.at
    }

    /// Returns the numbers of a look that comes too early; nothing where its time has come.
    pub(super) fn too_early(self, now: Timestamp) -> Option<Numbers> {
        let wait = self.at.since(now);
        let numbers =
            || Numbers::none().with("attempt", u64::from(self.attempt)).with("wait", wait);
        (now < self.at).then(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_half_a_minute() {
        let now = Timestamp::from_micros(1_000_000);
        let second = Duration::from_secs(1);
        let mut retry = None;
        let mut waits = Vec::new();
        for _ in 0..40 {
            let next = Retry::after(retry, now, second);
            waits.push(next.at().since(now).as_secs());
            retry = Some(next);
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits[39], 30);
    }

    #[test]
    fn its_own_instant_is_not_too_early() {
        let now = Timestamp::from_micros(5_000_000);
        let retry = Retry::after(None, now, Duration::from_millis(200));
        assert_eq!(retry.too_early(now).unwrap().to_string(), "attempt 1, wait 0.2s");
        assert_eq!(retry.too_early(retry.at()), None);
    }
}
