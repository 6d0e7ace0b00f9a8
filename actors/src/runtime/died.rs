//! What a runtime leaves behind when it dies: of what, and what its next incarnation must remember.

use std::sync::Mutex;

use ploy::event::MarketEvent;
use ploy::kernel::Memory;
use ploy::restart::{Failure, FailureClass};

use super::State;
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
    /// The market event at which it died, where the next incarnation must not meet it again.
    pub poison: Option<Box<MarketEvent>>,
}

/// What a runtime leaves behind that is killed between two inputs.
#[derive(Debug)]
pub struct Will {
    /// Counts, numbers and digest to go on with.
    pub memory: Memory,
    /// The market event that it was working on.
    pub poison: Option<MarketEvent>,
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

impl State {
    /// Writes down how it is for the last time and says what it died of.
    pub(super) fn died(&mut self, class: FailureClass, message: String, ticket: Ticket) -> Died {
        self.around.clock.cancel(&self.sleeper());
        self.report();
        let memory = Box::new(self.kernel.memory());
        let failure = Failure { class, message };
        self.is_over = true;
        self.track.end(&memory, Some(&failure));
        Died { failure, memory, ticket: ticket.into(), poison: None }
    }
}

/// A runtime that is killed leaves its memory behind when its kernel was between two inputs; of a kernel within one,
/// nothing is left: what it holds may be half changed.
impl Drop for State {
    fn drop(&mut self) {
        if self.is_over || self.is_torn {
            return;
        }
        self.around.clock.cancel(&self.sleeper());
        let memory = self.kernel.memory();
        self.track.end(&memory, None);
        if let Some(will) = self.will.take() {
            let poison = self.poison.take_suspect();
            drop(will.send(Will { memory, poison })); // nobody waits for it unless it was killed
        }
    }
}
