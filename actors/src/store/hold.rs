//! Holds the paused clock of a test still while the database works on a thread that the clock knows nothing of.

use tokio::sync::oneshot;

/// While one of these is there, a paused clock does not run ahead to the next timer. Without it every time-out
/// of a test with paused time would be over before the database could answer. Only the store in memory, which is
/// for tests, holds the clock; a clock that is not paused does not notice.
#[derive(Debug)]
pub(super) struct Hold(
    #[expect(dead_code, reason = "dropping it is what counts")] oneshot::Sender<()>,
);

impl Hold {
    pub(super) fn new() -> Self {
        let (tx, rx) = oneshot::channel();
        // A paused clock waits for blocking work, and this is over when the sender is dropped.
        drop(tokio::task::spawn_blocking(move || rx.blocking_recv()));
        Self(tx)
    }
}
