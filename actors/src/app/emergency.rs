//! What ends a process that cannot be trusted any more: who sees it, and what is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::wall;
use crate::bolt::Bolt;
use crate::manager::{self, Emergency, StrategyRegistry};
use crate::ports::StrategyRecord;
use crate::pulse::Pulses;
use crate::runtime::Surroundings;

/// Who sees that a strategy cannot be ended, and what is done then.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The pulses of all that must move.
    pub pulses: Pulses,
    /// Closes the gate for all strategies, for good.
    pub bolt: Bolt,
    is_compromised: Arc<AtomicBool>,
}

impl Guard {
    pub(super) fn new(bolt: Bolt) -> Self {
        Self { pulses: Pulses::default(), bolt, is_compromised: Arc::default() }
    }

    /// Tells whether a thread was lost that nothing but the end of the process ends.
    #[must_use]
    pub fn is_compromised(&self) -> bool {
        self.is_compromised.load(Ordering::SeqCst)
    }

    /// Returns what the manager is made of, with what it does when a strategy cannot be ended: the gate is closed for all,
    /// and whoever runs the service is asked to end it.
    pub(super) fn manager(
        &self,
        (registry, records, safe_mode): (StrategyRegistry, Vec<StrategyRecord>, Option<String>),
        surroundings: Surroundings,
        strategies: Handle,
        fatal: mpsc::Sender<String>,
    ) -> manager::Args {
        let (bolt, is_compromised) = (self.bolt.clone(), Arc::clone(&self.is_compromised));
        let close = Arc::new(move |_why: &str| bolt.close());
        let end = Arc::new(move |why: &str| {
            is_compromised.store(true, Ordering::SeqCst);
            // A full or closed channel means that the end is on its way already.
            drop(fatal.try_send(why.to_owned()));
        });
        let (pulses, emergency) = (self.pulses.clone(), Emergency { close, end });
        manager::Args {
            registry,
            records,
            surroundings,
            strategies,
            pulses,
            emergency,
            safe_mode,
            wall,
        }
    }
}
