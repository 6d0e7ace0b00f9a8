//! Steps: a strategy moves to its next phase, what the move asks for is started, and its end comes back.

use std::sync::Arc;

use ploy::lifecycle::{Effect, Input, Phase};
use ploy::market::ConditionId;
use ploy::order::{OrderEvent, StrategyId, Update};
use ploy::record::PhaseNote;
use ploy::restart::{Failure, FailureClass};
use ploy::time::Timestamp;
use ractor::{Actor, ActorRef};
use tokio::sync::oneshot;

use super::entry::Entry;
use super::work::{self, Built, Ended, Ending};
use super::{Msg, Outcome, State, Step};
use crate::bus::Ticket;
use crate::clock::Sleeper;
use crate::ports::{ErrorRecord, LifecycleRecord, Row};
use crate::runtime::{self, StrategyRuntime};
use crate::telemetry::events;

impl State {
    pub(super) async fn on_done(&mut self, id: &StrategyId, incarnation: u64, step: Step) {
        let current = self.entries.get(id).map(|entry| entry.incarnation);
        if current != Some(incarnation) {
            return; // of an incarnation that is no more
        }
        match step {
            Step::Built(Ok(built), ticket) => self.on_built(id, *built, ticket).await,
            Step::Built(Err(failure), ticket) => self.on_failure(id, &failure, ticket),
            Step::Warm(ticket) => self.step(id, &Input::Warm, "it has what is known", ticket),
            Step::Ended(ended) => self.on_ended(id, *ended),
            Step::TakenOver(outcome) => self.on_taken_over(id, outcome),
            Step::Retry(ticket) => {
                let due = |entry: &&mut Entry| entry.is_due(incarnation);
                if let Some(entry) = self.entries.get_mut(id).filter(due) {
                    entry.count_restart("failure");
                    self.step(id, &Input::Retry, "its wait is over", ticket);
                }
            }
        }
    }

    pub(super) async fn on_built(&mut self, id: &StrategyId, built: Built, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id).filter(|e| e.phase == Phase::Starting) else {
            return; // stopped meanwhile: the build is thrown away
        };
        let Built { kernel, subscription, track, news } = built;
        let held = kernel.portfolio().positions().map(|(market, ..)| market);
        let held = held.chain(news.iter().filter_map(bought)).collect();
        entry.memory = Some(kernel.memory());
        self.around.bus.owe(id, news);
        let (will, left) = oneshot::channel();
        entry.pulse = Arc::default();
        entry.will = Some(left);
        let args = runtime::Args {
            kernel,
            incarnation: entry.incarnation,
            mailbox: self.around.bus.subscribe(id, subscription, &held, &ticket),
            track,
            settings: entry.registration.config.version.clone(),
            meter: entry.rolling.meter(),
            pulse: Arc::clone(&entry.pulse),
            will,
            poison: entry.poison.iter().cloned().collect(),
            surroundings: self.around.clone(),
        };
        let cell = self.myself.get_cell();
        let spawn = async move { Actor::spawn_linked(None, StrategyRuntime, args, cell).await };
        match self.strategies.spawn(spawn).await {
            Ok(Ok((actor, _handle))) => {
                entry.actor = Some(actor.clone());
                let incarnation = entry.incarnation;
                self.step(id, &Input::Spawned, "it was built", Ticket::none());
                self.await_warm(id.clone(), incarnation, &actor, ticket);
            }
            Ok(Err(error)) => {
                let failure = Failure { class: FailureClass::Panic, message: error.to_string() };
                self.on_failure(id, &failure, ticket);
            }
            Err(error) => {
                let failure = Failure { class: FailureClass::Panic, message: error.to_string() };
                self.on_failure(id, &failure, ticket);
            }
        }
    }

    /// A report is answered after everything that waited before it has been taken in.
    pub(super) fn await_warm(
        &self,
        id: StrategyId,
        incarnation: u64,
        actor: &ActorRef<runtime::Msg>,
        ticket: Ticket,
    ) {
        let (reply, reported) = oneshot::channel();
        drop(actor.cast(runtime::Msg::Report(reply)));
        let myself = self.myself.clone();
        tokio::spawn(async move {
            if reported.await.is_ok() {
                drop(myself.cast(Msg::Done(id, incarnation, Outcome(Step::Warm(ticket)))));
            }
        });
    }

    pub(super) fn on_ended(&mut self, id: &StrategyId, ended: Ended) {
        let now = self.now();
        if !ended.settled && !ended.is_lost {
            let message = "its open orders did not come to an end in time".to_owned();
            tracing::error!(event.name = events::STRATEGY_FAILED, strategy.id = %id, "{message}");
            let part = "manager".to_owned();
            self.store(Row::Error(ErrorRecord {
                at: now,
                strategy: Some(id.clone()),
                part,
                message,
            }));
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.actor = None;
            entry.memory = ended.memory.or_else(|| entry.memory.take());
            ended.poison.into_iter().for_each(|event| entry.remember_poison(event));
        }
        if ended.is_lost {
            return self.on_lost(id);
        }
        self.end_watch(id);
        self.step(id, &Input::Settled { now }, "its orders are settled", ended.ticket);
    }

    /// Moves a strategy and does what the move asks for. The ticket goes on to what the move starts.
    pub(super) fn step(&mut self, id: &StrategyId, input: &Input, why: &str, ticket: Ticket) {
        if self.is_held(input) {
            return; // what would start something is done when safe mode is left
        }
        let now = self.now();
        let Some(entry) = self.entries.get_mut(id) else { return };
        let (effect, record) = match entry.step(input, why, now) {
            Ok(moved) => moved,
            Err(refusal) => {
                tracing::debug!(strategy.id = %id, "{refusal}");
                return;
            }
        };
        let moved = record.from != record.to;
        let said = format!("{} → {}: {}", record.from, record.to, record.why);
        let (status, lasting) = (entry.status(now), entry.news(now));
        self.around.board.strategy(status);
        if moved {
            if let Some(name) = log_phase(id, &record) {
                self.say(id, name, said);
            }
            self.around.recorder.phase(|| note(&record));
            self.store(Row::Lifecycle(record));
        }
        // The end of the service changes nothing of what the next process must know.
        if let Some(lasting) = lasting.filter(|_| !self.is_ending) {
            self.store(Row::Intent(lasting));
        }
        match effect {
            None => drop(ticket),
            Some(Effect::Spawn) => self.build(id, ticket),
            Some(Effect::EndAndSettle) => self.end(id, ticket),
            Some(Effect::ScheduleRetry) => self.schedule_retry(id, ticket),
        }
        if moved {
            let runs = self.entries.get(id).is_some_and(|entry| entry.phase == Phase::Running);
            if runs {
                self.trial_runs(id);
                self.tend_shadow(id);
            }
            self.reconcile(id);
        }
    }

    pub(super) fn build(&mut self, id: &StrategyId, ticket: Ticket) {
        self.adopt_for_build(id);
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.incarnation += 1;
        let incarnation = entry.incarnation;
        let work = work::build(
            entry.registration.clone(),
            incarnation,
            entry.memory.clone(),
            self.around.clone(),
        );
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Built(work.await.map(Box::new), ticket);
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    pub(super) fn end(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let incarnation = entry.incarnation;
        let ending = Ending {
            id: id.clone(),
            actor: entry.actor.clone(),
            will: entry.will.take(),
            is_hung: entry.is_hung,
            grace: entry.registration.config.restart.stop_grace,
        };
        let work = work::end(ending, self.around.clone(), ticket);
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Ended(Box::new(work.await));
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    pub(super) fn schedule_retry(&self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get(id) else { return };
        let Phase::Backoff { until, .. } = entry.phase else { return };
        let (myself, incarnation, of) = (self.myself.clone(), entry.incarnation, id.clone());
        let alarm = move |_at: Timestamp, ticket| {
            drop(myself.cast(Msg::Done(of, incarnation, Outcome(Step::Retry(ticket)))));
        };
        let sleeper = Sleeper::Retry(id.as_str().to_owned());
        self.around.clock.wake_at(until, sleeper, Box::new(alarm));
        drop(ticket);
    }
}

/// Returns the market in which somebody may hold shares by what is told of an order.
fn bought(event: &OrderEvent) -> Option<ConditionId> {
    match &event.update {
        Update::Filled(fill) => Some(fill.market),
        Update::Submitted(_) | Update::Done { .. } => None,
    }
}

/// Returns a move for the record.
fn note(record: &LifecycleRecord) -> PhaseNote {
    let LifecycleRecord { at, strategy, from, to, why } = record.clone();
    PhaseNote { strategy, at, from, to, why }
}

/// Logs that a strategy has reached a phase. Returns the event's name; a phase in passing has none.
fn log_phase(id: &StrategyId, record: &LifecycleRecord) -> Option<&'static str> {
    let LifecycleRecord { from, to, why, .. } = record;
    match to.as_str() {
        "running" => {
            tracing::info!(event.name = events::STRATEGY_STARTED, strategy.id = %id, why, "strategy runs");
            Some(events::STRATEGY_STARTED)
        }
        "stopped" => {
            tracing::info!(event.name = events::STRATEGY_STOPPED, strategy.id = %id, why, "strategy has stopped");
            Some(events::STRATEGY_STOPPED)
        }
        "backoff" => {
            tracing::warn!(event.name = events::STRATEGY_BACKOFF, strategy.id = %id, why, "strategy waits for its next try");
            Some(events::STRATEGY_BACKOFF)
        }
        "halted" => {
            tracing::error!(event.name = events::STRATEGY_HALTED, strategy.id = %id, why, "strategy is halted");
            Some(events::STRATEGY_HALTED)
        }
        _ => {
            tracing::debug!(strategy.id = %id, from, to, why, "strategy moves on");
            None
        }
    }
}
