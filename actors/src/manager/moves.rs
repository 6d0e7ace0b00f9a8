//! The moves of a strategy from phase to phase, and the work that a move asks for.

use ploy::lifecycle::{Effect, Input, Phase};
use ploy::order::StrategyId;
use ploy::time::Timestamp;

use super::{Msg, Outcome, State, Step, work};
use crate::bus::Ticket;
use crate::clock::Sleeper;
use crate::ports::{LifecycleRecord, Row};
use crate::telemetry::events;

impl State {
    /// Moves a strategy and does what the move asks for. The ticket goes on to what the move starts.
    pub(super) fn step(&mut self, id: &StrategyId, input: &Input, why: &str, ticket: Ticket) {
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
        let halted = record.to == "halted" || record.from == "halted";
        let said = format!("{} → {}: {}", record.from, record.to, record.why);
        let (status, lasting) = (entry.status(now), entry.record(now));
        self.around.board.strategy(status);
        if moved {
            if let Some(name) = log_phase(id, &record) {
                self.say(id, name, said);
            }
            self.store(Row::Lifecycle(record));
        }
        if halted || *input == Input::Start || *input == Input::Stop {
            self.store(Row::Intent(lasting));
        }
        match effect {
            None => drop(ticket),
            Some(Effect::Spawn) => self.build(id, ticket),
            Some(Effect::EndAndSettle) => self.end(id, ticket),
            Some(Effect::ScheduleRetry) => self.schedule_retry(id, ticket),
        }
    }

    fn build(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.incarnation += 1;
        let incarnation = entry.incarnation;
        let work = work::build(
            entry.registration.clone(),
            incarnation,
            entry.memory.clone(),
            self.around.clone(),
            ticket.clone(),
        );
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Built(work.await.map(Box::new), ticket);
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    fn end(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let incarnation = entry.incarnation;
        let grace = entry.registration.config.restart.stop_grace;
        let actor = entry.actor.clone();
        let work = work::end(id.clone(), actor, grace, self.around.clone(), ticket);
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Ended(Box::new(work.await));
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    fn schedule_retry(&self, id: &StrategyId, ticket: Ticket) {
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
