//! Commands: what people ask of the manager, and the beginning and the end of all strategies.

use ploy::command::{Accepted, Action, Command, Refusal};
use ploy::lifecycle::{Input, Phase};
use ploy::order::StrategyId;
use tokio::sync::oneshot;

use super::State;
use super::entry::Entry;
use crate::bus::Ticket;
use crate::bus::command::Request;
use crate::clock::Sleeper;
use crate::ports::{CommandRecord, Row};
use crate::runtime;
use crate::telemetry::events;

impl State {
    pub(super) fn on_boot(&mut self, reply: oneshot::Sender<()>) {
        let all: Vec<StrategyId> = self.entries.keys().cloned().collect();
        all.iter().for_each(|id| self.begin_rollout(id));
        for entry in self.entries.values() {
            if let Phase::Halted { cause, .. } = &entry.phase {
                tracing::error!(event.name = events::STRATEGY_HALTED, strategy.id = %entry.id(),
                    cause, "still halted from an earlier run");
            }
        }
        if self.safe_mode.is_some() {
            self.enter_safe_mode();
        } else {
            self.take_up_all();
        }
        self.booting.push(reply);
    }

    /// Goes on where an earlier process left every strategy, and starts those that are wanted.
    pub(super) fn take_up_all(&mut self) {
        let all: Vec<StrategyId> = self.entries.keys().cloned().collect();
        all.iter().for_each(|id| self.take_up(id));
        let is = |entry: &&Entry| entry.is_wanted() && entry.phase == Phase::Stopped;
        let wanted: Vec<StrategyId> =
            self.entries.values().filter(is).map(|entry| entry.id().clone()).collect();
        for id in wanted {
            self.step(&id, &Input::Start, "it is wanted", Ticket::none());
        }
    }

    /// Goes on where an earlier process left a strategy: in its wait for the next try, or halted for settings that
    /// are others by now.
    pub(super) fn take_up(&mut self, id: &StrategyId) {
        let now = self.now();
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Some(record) = entry.taken_over(now) {
            self.store(Row::Intent(record));
        }
        let Some(entry) = self.entries.get(id) else { return };
        match entry.phase {
            Phase::Backoff { .. } if !entry.is_wanted() => {
                self.step(id, &Input::Stop, "it is not wanted any more", Ticket::none());
            }
            Phase::Backoff { .. } => self.schedule_retry(id, Ticket::none()),
            Phase::Halted { .. } => self.start_if_mended(id),
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => {}
            Phase::Stopping { .. } | Phase::Quarantine { .. } => {}
        }
    }

    pub(super) fn on_command(&mut self, request: Request) {
        let Request { command, reply } = request;
        let before = self.entries.get(&command.strategy).map(|entry| entry.phase.name().to_owned());
        let answer = self.command(&command);
        let said = match &answer {
            Ok(accepted) => {
                tracing::info!(event.name = events::COMMAND_ACCEPTED, strategy.id = %command.strategy,
                    action = command.action.name(), actor = command.actor, "command accepted");
                format!("accepted: {}", accepted.phase)
            }
            Err(refusal) => {
                tracing::warn!(event.name = events::COMMAND_REFUSED, strategy.id = %command.strategy,
                    action = command.action.name(), actor = command.actor, "{refusal}");
                refusal.to_string()
            }
        };
        let record = CommandRecord {
            at: self.now(),
            actor: command.actor,
            strategy: command.strategy.to_string(),
            action: command.action.name().to_owned(),
            answer: said,
            before,
        };
        self.keep_command(record);
        drop(reply.send(answer)); // an asker that left is no failure
    }

    pub(super) fn command(&mut self, command: &Command) -> Result<Accepted, Refusal> {
        let id = &command.strategy;
        if self.is_ending {
            return Err(Refusal::Unavailable);
        }
        if !self.entries.contains_key(id) {
            let known: Vec<&str> = self.entries.keys().map(StrategyId::as_str).collect();
            return Err(Refusal::NotFound(id.to_string(), known.join(", ")));
        }
        let Some(entry) = self.entries.get_mut(id) else { return Err(Refusal::Unavailable) };
        if entry.is_removed && command.action != Action::Stop {
            return Err(Refusal::Removed(id.clone()));
        }
        if let (Action::Resume, Phase::Running, Some(actor)) =
            (command.action, &entry.phase, &entry.actor)
        {
            drop(actor.cast(runtime::Msg::Release));
            return Ok(Accepted { strategy: id.clone(), phase: entry.phase.name().to_owned() });
        }
        entry.phase.next(&command.action.input())?;
        if let Some(why) = self.safe_mode.as_ref().filter(|_| command.action != Action::Stop) {
            return Err(Refusal::SafeMode(why.clone()));
        }
        entry.asked(command.action);
        let why = format!("{} by {}", command.action.name(), command.actor);
        self.step(id, &command.action.input(), &why, Ticket::none());
        let phase = self.entries.get(id).map_or("unknown", |entry| entry.phase.name());
        Ok(Accepted { strategy: id.clone(), phase: phase.to_owned() })
    }

    pub(super) fn on_shutdown(&mut self, reply: oneshot::Sender<()>) {
        self.is_ending = true;
        let ids: Vec<StrategyId> = self.entries.keys().cloned().collect();
        for id in ids {
            self.end_shadow(&id);
            self.around.clock.cancel(&Sleeper::Retry(id.as_str().to_owned()));
            let can = self.entries.get(&id).is_some_and(|e| e.phase.next(&Input::Stop).is_ok());
            if can {
                self.step(&id, &Input::Stop, "the service ends", Ticket::none());
            }
        }
        self.ending.push(reply);
    }

    /// Answers those who wait for all to be started, or for all to have ended.
    pub(super) fn answer_waiting(&mut self) {
        let on_its_way = |entry: &Entry| matches!(entry.phase, Phase::Starting | Phase::Warming);
        if !self.entries.values().any(on_its_way) {
            self.booting.drain(..).for_each(|reply| reply.send(()).unwrap_or_default());
        }
        let lives = |entry: &Entry| match entry.phase {
            Phase::Stopped | Phase::Halted { .. } | Phase::Backoff { .. } => false,
            Phase::Starting | Phase::Warming | Phase::Running => true,
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
        };
        // What is lost ends with the process and not before.
        let mut left = self.entries.values().filter(|entry| !entry.is_lost);
        if self.is_ending && !left.any(lives) {
            self.ending.drain(..).for_each(|reply| reply.send(()).unwrap_or_default());
        }
    }
}
