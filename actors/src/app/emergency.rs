//! What the manager does when a strategy cannot be ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::bolt::Bolt;
use crate::manager::Emergency;

/// Returns what the manager does when a strategy cannot be ended: the gate is closed for all, and whoever runs the service
/// is asked to end it.
pub(super) fn of(
    bolt: &Bolt,
    fatal: mpsc::Sender<String>,
    is_compromised: &Arc<AtomicBool>,
) -> Emergency {
    let (bolt, is_compromised) = (bolt.clone(), Arc::clone(is_compromised));
    let close = Arc::new(move |_why: &str| bolt.close());
    let end = Arc::new(move |why: &str| {
        is_compromised.store(true, Ordering::SeqCst);
        // A full or closed channel means that the end is on its way already.
        drop(fatal.try_send(why.to_owned()));
    });
    Emergency { close, end }
}
