//! What a runtime leaves behind when it dies: of what, and what its next incarnation must remember.

use std::sync::Mutex;

use ploy::kernel::Memory;
use ploy::restart::Failure;

use crate::bus::Ticket;

/// The error with which a runtime ends; the manager finds it in the supervision event.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .failure.class.name(), .failure.message)]
pub struct Died {
    /// What happened.
    pub failure: Failure,
    /// Counts, numbers and digest to go on with.
    pub memory: Box<Memory>,
    /// The ticket of the input at which it died: the event is settled when the failure is.
    pub ticket: Held,
}

/// A ticket that can be taken out of a shared error once.
#[derive(Debug)]
pub struct Held(Mutex<Ticket>);

impl Held {
    /// Takes the ticket; a second time there is none.
    #[must_use]
    pub fn take(&self) -> Ticket {
        match self.0.lock() {
            Ok(mut ticket) => std::mem::replace(&mut *ticket, Ticket::none()),
            Err(poisoned) => std::mem::replace(&mut *poisoned.into_inner(), Ticket::none()),
        }
    }
}

impl From<Ticket> for Held {
    fn from(ticket: Ticket) -> Self {
        Self(Mutex::new(ticket))
    }
}
