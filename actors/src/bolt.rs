//! Bolt: what closes the gate for all strategies at once, from any thread, whatever else still works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Closes the gate for all strategies at once and for good: the last resort of a process that cannot be trusted any
/// more. It needs no thread but the caller's, and nothing opens it again.
#[derive(Clone, Debug, Default)]
pub struct Bolt(Arc<AtomicBool>);

impl Bolt {
    /// Lets no order pass from here on.
    pub fn close(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Tells whether no order passes any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
