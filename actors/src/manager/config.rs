//! Settings that change while strategies run: what a look at their files leads to.
//!
//! A newer version waits beside the one in force until it can be applied: at once where nothing runs, between two
//! inputs where it can be taken over live, else by a restart of that strategy alone.

use ploy::config::{self, Applies, Change, Move, StrategyConfig};
use ploy::lifecycle::{Input, Phase};
use ploy::order::StrategyId;
use ploy::record::CommandNote;
use tokio::sync::oneshot;

use super::entry::Entry;
use super::rollout::Rolling;
use super::{Msg, Outcome, State, Step};
use crate::bus::Ticket;
use crate::ports::config::How;
use crate::ports::{CommandRecord, ConfigRecord, Row};
use crate::runtime;
use crate::telemetry::events;

/// Who asked, in the audit.
const ACTOR: &str = "file";
/// What was asked.
const ACTION: &str = "config";

impl State {
    pub(super) fn on_config(&mut self, moves: Vec<Move>) {
        if self.is_ending {
            return;
        }
        for change in moves {
            match change {
                Move::Added { config, .. } | Move::Changed { config, .. } => {
                    self.on_version(*config);
                }
                Move::Removed(id) => self.on_removed(&id),
                Move::Faulty { stem, faults } => {
                    self.note_refused(&stem, &faults);
                    let first = faults.first().map(ToString::to_string).unwrap_or_default();
                    self.audit(&stem, format!("refused, {} faults: {first}", faults.len()));
                }
                Move::Mended { stem } => self.audit(&stem, "without faults again".to_owned()),
            }
        }
        let waiting = self.entries.values().filter(|entry| entry.next.is_some());
        let waiting: Vec<StrategyId> = waiting.map(|entry| entry.id().clone()).collect();
        waiting.iter().for_each(|id| self.reconcile(id));
    }

    pub(super) fn on_version(&mut self, config: StrategyConfig) {
        let id = config.id.clone();
        if !self.entries.contains_key(&id) {
            return self.on_added(config);
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.pending = None;
        }
        let is_taken = self.offered(&config);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let was_removed = std::mem::replace(&mut entry.is_removed, false);
        let coming = entry.taking.as_ref().unwrap_or(&entry.registration.config);
        let is_new = coming.version != config.version;
        entry.next = if is_taken { is_new.then_some(config) } else { entry.way_back() };
        self.show(&id);
        self.reconcile(&id);
        if was_removed {
            self.audit(id.as_str(), "its file is back".to_owned());
        }
        self.start_if_wanted(&id, "its file says enabled = true");
    }

    fn on_added(&mut self, config: StrategyConfig) {
        let id = config.id.clone();
        let record = self.records.remove(&id);
        self.keep(&config);
        self.note_in_force(&config, "added");
        let mut entry = Entry::new((self.make)(config), record, self.now());
        entry.rolling = Rolling::recall(&id, self.rollouts.remove(&id));
        entry.came_by(How::Added, (self.wall)());
        self.entries.insert(id.clone(), entry);
        self.show(&id);
        self.applied(&id, None, "added".to_owned());
        self.begin_rollout(&id);
        self.take_up(&id);
        self.start_if_wanted(&id, "its file was added");
    }

    fn on_removed(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.is_removed = true;
        entry.next = None;
        entry.pending = Some("its file is gone".to_owned());
        let can = entry.phase.next(&Input::Stop).is_ok();
        self.forget_shadow(id);
        tracing::warn!(event.name = events::CONFIG_REMOVED, strategy.id = %id, "the file of a strategy is gone");
        self.say(id, events::CONFIG_REMOVED, "its file is gone".to_owned());
        self.audit(id.as_str(), "removed: its file is gone".to_owned());
        self.note_removed(id);
        self.show(id);
        if can {
            self.step(id, &Input::Stop, "its file is gone", Ticket::none());
        }
    }

    /// Brings a strategy nearer to the newest version of its settings, as far as its phase and what it holds allow.
    pub(super) fn reconcile(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get(id) else { return };
        let Some(next) = entry.next.clone().filter(|_| entry.taking.is_none()) else { return };
        let is_off = entry.wanted.is_none() && !next.enabled;
        match entry.phase {
            Phase::Running => {
                if is_off {
                    let why = "its file says enabled = false";
                    return self.step(id, &Input::Stop, why, Ticket::none());
                }
                if !self.is_blocked(id, &next) {
                    self.apply_running(id, next);
                }
            }
            Phase::Backoff { .. } if is_off => {
                self.step(id, &Input::Stop, "its file says enabled = false", Ticket::none());
            }
            Phase::Stopped | Phase::Halted { .. } | Phase::Backoff { .. } => {
                if !self.is_blocked(id, &next) {
                    self.adopt(id, &next, How::Idle);
                    self.start_if_mended(id);
                    self.start_if_wanted(id, "its file says enabled = true");
                }
            }
            // Its next build, or its next phase, takes it up.
            Phase::Starting | Phase::Warming => {}
            Phase::Stopping { .. } | Phase::Quarantine { .. } => {}
        }
    }

    fn apply_running(&mut self, id: &StrategyId, next: StrategyConfig) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let changes = config::changes(&entry.registration.config.stated, &next.stated);
        match (config::needs(&changes), entry.actor.clone()) {
            (Some(Applies::Restart), _) => {
                entry.count_restart("config");
                let why = format!("its settings changed: {}", told(&changes));
                self.step(id, &Input::Restart, &why, Ticket::none());
            }
            (Some(Applies::Live) | None, Some(actor)) => {
                entry.taking = Some(next.clone());
                let incarnation = entry.incarnation;
                let (reply, answer) = oneshot::channel();
                let meter = self.meter_for(&next);
                drop(actor.cast(runtime::Msg::TakeOver(Box::new(next), meter, reply)));
                let (myself, id) = (self.myself.clone(), id.clone());
                tokio::spawn(async move {
                    let gone = |_dropped| Err("its runtime has ended".to_owned());
                    let step = Step::TakenOver(answer.await.unwrap_or_else(gone));
                    drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
                });
            }
            (Some(Applies::Live) | None, None) => {}
        }
    }

    pub(super) fn on_taken_over(&mut self, id: &StrategyId, outcome: Result<(), String>) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let Some(config) = entry.taking.take() else { return };
        match outcome {
            Ok(()) => {
                self.adopt(id, &config, How::Live);
                self.reconcile(id);
            }
            Err(why) if entry.phase == Phase::Running => {
                entry.count_restart("config");
                let changes = config::changes(&entry.registration.config.stated, &config.stated);
                let why = format!(
                    "its settings changed: {}; not to be taken over live: {why}",
                    told(&changes)
                );
                self.step(id, &Input::Restart, &why, Ticket::none());
            }
            Err(_) => self.reconcile(id),
        }
    }

    /// Lets the next incarnation be built by the newest settings.
    pub(super) fn adopt_for_build(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.taking = None;
        let Some(next) = entry.next.clone() else { return };
        if !self.is_blocked(id, &next) {
            self.adopt(id, &next, How::Restart);
        }
    }

    /// Puts a version in force.
    fn adopt(&mut self, id: &StrategyId, config: &StrategyConfig, how: How) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let changes = config::changes(&entry.registration.config.stated, &config.stated);
        let before = entry.registration.config.version.clone();
        if entry.next.as_ref().is_some_and(|next| next.version == config.version) {
            (entry.next, entry.pending) = (None, None);
        }
        entry.registration = (self.make)(config.clone());
        entry.came_by(how, (self.wall)());
        let what = format!("applied {}: {}", how.words(), told(&changes));
        self.keep(config);
        self.note_in_force(config, &what);
        self.show(id);
        self.applied(id, Some(before), what);
        self.put_in_force(id);
    }

    /// Tells whether a version must wait because it would leave a market in which the strategy holds shares; says so
    /// once.
    pub(super) fn is_blocked(&mut self, id: &StrategyId, next: &StrategyConfig) -> bool {
        let held = self.around.board.held(id);
        let left = next.kind.leaves(&held);
        let version: String = next.version.chars().take(12).collect();
        let why = left.map(|market| {
            format!("version {version} waits: it leaves {market}, in which a position is held")
        });
        let Some(entry) = self.entries.get_mut(id) else { return false };
        let is_news = entry.pending != why;
        entry.pending.clone_from(&why);
        let Some(why) = why else { return false };
        if is_news {
            tracing::warn!(event.name = events::CONFIG_PENDING, strategy.id = %id, why,
                "new settings wait");
            self.say(id, events::CONFIG_PENDING, why.clone());
            self.audit(id.as_str(), why);
            self.show(id);
        }
        true
    }

    /// Starts what does not run, or is about to stop of an older word.
    fn start_if_wanted(&mut self, id: &StrategyId, why: &str) {
        let is = |entry: &Entry| {
            let ends = matches!(entry.phase, Phase::Stopped | Phase::Stopping { .. });
            ends && entry.is_wanted()
        };
        if self.entries.get(id).is_some_and(is) {
            self.step(id, &Input::Start, why, Ticket::none());
        }
    }

    /// Starts what is halted because its settings could not work, when those in force are others.
    pub(super) fn start_if_mended(&mut self, id: &StrategyId) {
        if self.entries.get(id).is_some_and(Entry::is_mended) {
            let why = "its settings are not those that it failed with";
            self.step(id, &Input::NewVersion, why, Ticket::none());
        }
    }

    pub(super) fn show(&self, id: &StrategyId) {
        if let Some(entry) = self.entries.get(id) {
            self.around.board.strategy(entry.status(self.now()));
        }
    }

    /// New settings are in force; `before` is the version that was until then.
    pub(super) fn applied(&self, id: &StrategyId, before: Option<String>, what: String) {
        tracing::info!(event.name = events::CONFIG_APPLIED, strategy.id = %id, what, "new settings are in force");
        self.say(id, events::CONFIG_APPLIED, what.clone());
        self.audit_since(id.as_str(), before, what);
    }

    /// Keeps a version, so that what it decides can be replayed and compared later.
    pub(super) fn keep(&self, config: &StrategyConfig) {
        let (strategy, version) = (config.id.clone(), config.version.clone());
        let (kind, text) = (config.kind.name().to_owned(), config.text.to_string());
        self.store(Row::Config(ConfigRecord { strategy, version, kind, text, at: self.now() }));
    }

    /// Notes what became of a strategy's settings, beside the version that is in force meanwhile.
    pub(super) fn audit(&self, strategy: &str, answer: String) {
        let entry = strategy.parse().ok().and_then(|id: StrategyId| self.entries.get(&id));
        let in_force = entry.map(|entry| entry.registration.config.version.clone());
        self.audit_since(strategy, in_force, answer);
    }

    fn audit_since(&self, strategy: &str, before: Option<String>, answer: String) {
        let (actor, action) = (ACTOR.to_owned(), ACTION.to_owned());
        let (at, strategy) = (self.now(), strategy.to_owned());
        self.keep_command(CommandRecord { at, actor, strategy, action, answer, before });
    }

    /// Keeps what was asked and answered, in the store and in the record.
    pub(super) fn keep_command(&self, record: CommandRecord) {
        self.around.recorder.command(|| note(&record));
        self.store(Row::Command(record));
    }
}

/// Returns changes in one line: `risk.order_burst 3 -> 5`.
fn told(changes: &[Change]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let one = |change: &Change| {
        let Change { section, key, from, to, .. } = change;
        format!("{section}.{key} {} -> {}", value(from), value(to))
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns a command for the record.
fn note(record: &CommandRecord) -> CommandNote {
    let CommandRecord { at, actor, strategy, action, answer, before: _ } = record.clone();
    CommandNote { strategy, at, actor, action, answer }
}
