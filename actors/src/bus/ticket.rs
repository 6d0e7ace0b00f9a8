//! Tickets: how a tape knows that all that an event caused is settled.

use std::sync::Arc;

use tokio::sync::oneshot;

/// Travels with an event and with everything that the event causes. When the last copy is dropped (also by
/// a part that dies), the event is settled and the next one may enter.
#[derive(Clone, Debug, Default)]
pub struct Ticket(
    #[expect(dead_code, reason = "it is only held: its drop is the message")]
    Option<Arc<oneshot::Sender<()>>>,
);

/// Waits until a ticket and all its copies are gone.
#[derive(Debug)]
pub struct Settled(oneshot::Receiver<()>);

impl Ticket {
    /// Returns a ticket and the one who waits for it.
    #[must_use]
    pub fn new() -> (Self, Settled) {
        let (tx, rx) = oneshot::channel();
        (Self(Some(Arc::new(tx))), Settled(rx))
    }

    /// Returns a ticket for which nobody waits: of a live feed, of a command.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }
}

impl Settled {
    /// Returns when the last copy of the ticket is gone.
    pub async fn wait(self) {
        // Nobody sends: the receiver wakes because the last sender is dropped.
        match self.0.await {
            Ok(()) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_is_settled_when_the_last_copy_is_gone() {
        let (ticket, settled) = Ticket::new();
        let copy = ticket.clone();
        drop(ticket);
        let waiting = tokio::spawn(settled.wait());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(copy);
        waiting.await.unwrap();
    }
}
