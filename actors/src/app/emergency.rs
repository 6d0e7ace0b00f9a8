//! What ends a process that cannot be trusted any more: who sees it, and what is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::wall;
use crate::halt::Halts;
use crate::manager::{self, Earlier, Emergency, StrategyRegistry};
use crate::pulse::Pulses;
use crate::runtime::Surroundings;

/// Who sees that a strategy cannot be ended, and what is done then.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// The pulses of all that must move.
    pub pulses: Pulses,
    is_compromised: Arc<AtomicBool>,
}

/// What the start found: the strategies, and what earlier processes left.
pub(super) struct Found {
    pub(super) registry: StrategyRegistry,
    pub(super) earlier: Earlier,
    pub(super) latency: Duration,
    pub(super) safe_mode: Option<String>,
}

impl Guard {
    /// Tells whether a thread was lost that nothing but the end of the process ends.
    #[must_use]
    pub fn is_compromised(&self) -> bool {
        self.is_compromised.load(Ordering::SeqCst)
    }

    /// Returns what the manager is made of, with whom it asks for the end of the process when a strategy cannot be ended.
    pub(super) fn manager(
        &self,
        Found { registry, earlier, latency, safe_mode }: Found,
        (surroundings, halts): (Surroundings, Halts),
        strategies: Handle,
        fatal: mpsc::Sender<String>,
    ) -> manager::Args {
        let is_compromised = Arc::clone(&self.is_compromised);
        let end = move |why: &str| {
            is_compromised.store(true, Ordering::SeqCst);
            // A full or closed channel means that the end is on its way already.
            drop(fatal.try_send(why.to_owned()));
        };
        let (pulses, emergency) = (self.pulses.clone(), Emergency(Arc::new(end)));
        manager::Args {
            registry,
            earlier,
            latency,
            surroundings,
            halts,
            strategies,
            pulses,
            emergency,
            safe_mode,
            wall,
        }
    }
}
