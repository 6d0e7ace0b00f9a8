//! The budget of the process: too many starts that followed no orderly end lead to safe mode, in which nothing trades.

use std::time::Duration;

use crate::time::Timestamp;

/// How many starts are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessPolicy {
    /// The start of this number within the window leads to safe mode, from 2; the starts before it count when their
    /// processes did not end in good order.
    pub starts_max: u32,
    /// The sliding window in which starts count.
    pub window: Duration,
}

/// A start of the program, by the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub at: Timestamp,
    /// How it came to its end.
    pub end: End,
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to, or had played its tape, and all was written.
    Orderly,
    /// Nobody knows: it crashed, was killed, or could not go on.
    Unknown,
}

/// What earlier processes left about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Their starts, the newest first, back to the one in which a person left safe mode last.
    pub starts: Vec<Start>,
    /// Why the service is in safe mode still, where nobody has left it.
    pub safe_mode: Option<String>,
}

impl Default for ProcessPolicy {
    fn default() -> Self {
        Self { starts_max: 3, window: Duration::from_mins(10) }
    }
}

impl Past {
    /// Returns why a process that starts at `now` must not start any strategy; nothing where it may.
    ///
    /// A start that lies in the future, because the clock went back, is taken for as old as the one after it: it
    /// counts, and no longer than any other.
    #[must_use]
    pub fn safe_mode(&self, policy: &ProcessPolicy, now: Timestamp) -> Option<String> {
        if let Some(still) = &self.safe_mode {
            return Some(still.clone());
        }
        let mut after = now;
        let within = self.starts.iter().filter(|start| {
            after = after.min(start.at);
            start.end == End::Unknown && now.since(after) < policy.window
        });
        let starts = u32::try_from(within.count()).unwrap_or(u32::MAX).saturating_add(1);
        let minutes = policy.window.as_secs();
        (policy.starts_max <= starts).then(|| {
            format!("{starts} starts within {minutes} s without an orderly end between them")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Starts are given oldest first.
    fn judged(starts: &[(u64, End)], now: u64) -> Option<String> {
        let starts = starts.iter().rev().map(|(second, end)| Start { at: at(*second), end: *end });
        let past = Past { starts: starts.collect(), safe_mode: None };
        past.safe_mode(&ProcessPolicy::default(), at(now))
    }

    #[test]
    fn the_third_start_after_two_that_did_not_end_well_is_one_too_many() {
        let why = "3 starts within 600 s without an orderly end between them";
        use End::{Orderly, Unknown};
        assert_eq!(judged(&[], 0), None);
        assert_eq!(judged(&[(0, Unknown)], 1), None);
        assert_eq!(judged(&[(0, Unknown), (1, Unknown)], 2).as_deref(), Some(why));
        assert_eq!(judged(&[(0, Unknown), (1, Orderly), (2, Orderly)], 3), None);
        assert_eq!(judged(&[(0, Unknown), (1, Orderly), (2, Unknown)], 3).as_deref(), Some(why));
    }

    #[test]
    fn a_start_as_old_as_the_window_does_not_count_any_more() {
        let starts = [(0, End::Unknown), (500, End::Unknown)];
        assert!(judged(&starts, 599).is_some());
        assert_eq!(judged(&starts, 600), None);
    }

    #[test]
    fn starts_from_the_future_count_and_no_longer_than_one_window() {
        let ahead = [(1_000_000, End::Unknown), (1_000_001, End::Unknown)];
        assert!(judged(&ahead, 0).is_some());
        let mut later = ahead.to_vec();
        later.push((0, End::Orderly));
        assert!(judged(&later, 599).is_some());
        assert_eq!(judged(&later, 600), None);
    }

    #[test]
    fn safe_mode_lasts_until_somebody_leaves_it() {
        let past = Past { starts: Vec::new(), safe_mode: Some("it crashed".to_owned()) };
        let why = past.safe_mode(&ProcessPolicy::default(), at(1_000_000));
        assert_eq!(why.as_deref(), Some("it crashed"));
    }
}
