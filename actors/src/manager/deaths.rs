//! Deaths: a runtime that has ended, of what, and what its strategy's own policy makes of it.

use ploy::lifecycle::{Input, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, FailureClass, Verdict};
use ractor::{ActorCell, ActorProcessingErr};

use super::State;
use super::entry::Entry;
use crate::bus::Ticket;
use crate::ports::{ErrorRecord, Row};
use crate::runtime::Died;
use crate::telemetry::events;

impl State {
    /// A runtime has failed: of something it says, or of a panic outside its kernel.
    pub(super) fn on_death(&mut self, cell: &ActorCell, error: ActorProcessingErr) {
        let Some(id) = self.whose(cell) else { return };
        let (failure, memory, ticket, poison) = match error.downcast::<Died>() {
            Ok(died) => {
                let ticket = died.ticket.take();
                (died.failure, Some(*died.memory), ticket, died.poison)
            }
            Err(other) => {
                let failure = Failure { class: FailureClass::Panic, message: other.to_string() };
                (failure, None, Ticket::none(), None)
            }
        };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.actor = None;
            poison.into_iter().for_each(|event| entry.remember_poison(*event));
            if let Some(memory) = memory {
                entry.memory = memory;
            }
        }
        self.on_failure(&id, &failure, ticket);
    }

    /// A runtime has ended without failing: as asked, or nobody knows why.
    pub(super) fn on_end(&mut self, cell: &ActorCell, reason: Option<String>) {
        let Some(id) = self.whose(cell) else { return };
        let asked = self.entries.get(&id).is_some_and(|entry| match entry.phase {
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => false,
            Phase::Backoff { .. } | Phase::Halted { .. } => false,
        });
        if !asked {
            let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
            let message = format!("ended without being asked: {reason}");
            let failure = Failure { class: FailureClass::Error, message };
            self.on_failure(&id, &failure, Ticket::none());
        }
    }

    pub(super) fn on_failure(&mut self, id: &StrategyId, failure: &Failure, ticket: Ticket) {
        let now = self.now();
        let message = format!("{} ({})", failure.message, failure.class.name());
        tracing::error!(event.name = events::STRATEGY_FAILED, strategy.id = %id,
            error.r#type = failure.class.name(), error.message = failure.message, "strategy failed");
        self.say(id, events::STRATEGY_FAILED, format!("failed: {message}"));
        let part = "runtime".to_owned();
        let record = ErrorRecord { at: now, strategy: Some(id.clone()), part, message };
        self.store(Row::Error(record));
        let Some(entry) = self.entries.get_mut(id) else { return };
        let verdict = entry.judge(failure, now);
        let why = match &verdict {
            Verdict::Retry { attempt, delay } => {
                format!("{}; try {attempt} in {} ms", failure.class.name(), delay.as_millis())
            }
            Verdict::Halt { cause } => format!("halts: {cause}"),
        };
        if entry.phase.next(&Input::Failed(verdict.clone())).is_ok() {
            self.step(id, &Input::Failed(verdict), &why, ticket);
        }
    }

    pub(super) fn whose(&self, cell: &ActorCell) -> Option<StrategyId> {
        let is = |entry: &&Entry| entry.actor.as_ref().is_some_and(|a| a.get_id() == cell.get_id());
        self.entries.values().find(is).map(|entry| entry.id().clone())
    }
}
