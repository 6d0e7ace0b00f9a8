//! How many log lines there were, by level, for those who show it.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;

/// Log events by level, and lines that could not be written. Counts from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// What wakes a person.
    pub error: u64,
    /// What was survived.
    pub warn: u64,
    /// Changes of phase and orders.
    pub info: u64,
    /// The rest.
    pub debug: u64,
    /// More than the rest.
    pub trace: u64,
    /// Lines lost because the output was closed or too slow.
    pub lost: u64,
}

/// The same, as it grows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    error: AtomicU64,
    warn: AtomicU64,
    info: AtomicU64,
    debug: AtomicU64,
    trace: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    pub(super) const fn new() -> Self {
        Self {
            error: AtomicU64::new(0),
            warn: AtomicU64::new(0),
            info: AtomicU64::new(0),
            debug: AtomicU64::new(0),
            trace: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Counts one event.
    pub(super) fn event(&self, level: Level) {
        let counter = match level {
            Level::ERROR => &self.error,
            Level::WARN => &self.warn,
            Level::INFO => &self.info,
            Level::DEBUG => &self.debug,
            Level::TRACE => &self.trace,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one line that nobody will read.
    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> LogCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LogCounts {
            error: read(&self.error),
            warn: read(&self.warn),
            info: read(&self.info),
            debug: read(&self.debug),
            trace: read(&self.trace),
            lost: read(&self.lost),
        }
    }
}
