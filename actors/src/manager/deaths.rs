//! Deaths: a runtime that has ended, of what, and what its strategy's own policy makes of it.

use ploy::halt::Cause;
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

/// The reason of a runtime that has ended by itself when all was done.
pub const COMPLETED: &str = "completed";
/// The framework's reason for an actor that was killed.
const KILLED: &str = "killed";
/// The framework's reason for an actor whose task was cancelled.
const CANCELLED: &str = "actor_task_cancelled";
/// So many tries in a row without what it needs wake a person.
const MISSING_ALERT: u32 = 5;

impl State {
    /// A runtime has failed: of something it says, or of a panic outside its kernel.
    pub(super) fn on_death(&mut self, cell: &ActorCell, error: ActorProcessingErr) {
        let Some(id) = self.whose(cell) else {
            return self.on_shadow_death(cell, error.to_string());
        };
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
                entry.memory = Some(memory);
            }
        }
        self.on_failure(&id, &failure, ticket);
    }

    /// A runtime has ended without failing: as asked, or nobody knows why.
    pub(super) fn on_end(&mut self, cell: &ActorCell, reason: Option<&str>) {
        let Some(id) = self.whose(cell) else { return };
        let asked = self.entries.get(&id).is_some_and(|entry| match entry.phase {
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => false,
            Phase::Backoff { .. } | Phase::Halted { .. } => false,
        });
        if !asked {
            self.on_unasked_end(&id, reason);
        }
    }

    /// A runtime has ended of itself, or of something that is neither itself nor the manager.
    fn on_unasked_end(&mut self, id: &StrategyId, reason: Option<&str>) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.actor = None;
        }
        let (class, message) = match reason {
            Some(COMPLETED) => {
                let why = "it ended by itself and was no failure";
                return self.step(id, &Input::Completed, why, Ticket::none());
            }
            Some(reason @ (KILLED | CANCELLED)) => {
                (FailureClass::Killed, format!("ended from outside: {reason}"))
            }
            Some(reason) => (FailureClass::Error, format!("ended without being asked: {reason}")),
            None => (FailureClass::Error, "ended without being asked or saying why".to_owned()),
        };
        self.on_failure(id, &Failure { class, message }, Ticket::none());
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
        if failure.class == FailureClass::Accounting {
            self.account_broken(id, &failure.message);
        }
        let Some(entry) = self.entries.get_mut(id) else { return };
        let before = entry.budget.clone();
        let Some(verdict) = entry.judge(failure, now) else { return drop(ticket) };
        let missing = entry.budget.missing();
        if missing == MISSING_ALERT {
            tracing::error!(event.name = events::STRATEGY_DEPENDENCY_MISSING, strategy.id = %id, tries = missing,
                error.message = failure.message, "what a strategy needs is missing, and it waits on");
            self.say(
                id,
                events::STRATEGY_DEPENDENCY_MISSING,
                format!("{missing} tries in vain: {}", failure.message),
            );
        }
        let verdict = self.trial_failed(id, &failure.message, verdict, before);
        let why = match &verdict {
            Verdict::Retry { attempt, delay } => {
                format!("{}; try {attempt} in {} ms", failure.class.name(), delay.as_millis())
            }
            Verdict::Halt { cause, .. } => format!("halts: {cause}"),
        };
        self.step(id, &Input::Failed(verdict), &why, ticket);
    }

    /// The books of a strategy are broken: what it says of the account cannot be trusted, and neither can what the
    /// others hold of it. All strategies are halted, exits too, until a person has looked.
    fn account_broken(&self, id: &StrategyId, cause: &str) {
        tracing::error!(event.name = events::ACCOUNT_BROKEN, strategy.id = %id, cause,
            "the books of a strategy are broken");
        self.say(id, events::ACCOUNT_BROKEN, format!("its books are broken: {cause}"));
        self.halts.raise(Cause::AccountBroken, &format!("the books of {id}: {cause}"), "manager");
    }

    pub(super) fn whose(&self, cell: &ActorCell) -> Option<StrategyId> {
        let is = |entry: &&Entry| entry.actor.as_ref().is_some_and(|a| a.get_id() == cell.get_id());
        self.entries.values().find(is).map(|entry| entry.id().clone())
    }
}
