//! Roll-outs: a new version on trial, the way back to the last good one, and what must be remembered of both.

use std::sync::Arc;

use ploy::config::{self, StrategyConfig};
use ploy::lifecycle::{Input as Move, Phase};
use ploy::order::StrategyId;
use ploy::restart::{RestartBudget, Verdict};
use ploy::rollout::{Effect, Input, Mode, Rollout, RolloutStatus, Stage, short};
use ploy::time::Timestamp;
use ractor::ActorRef;

use super::entry::Entry;
use super::shadow::Beside;
use super::{Msg, State};
use crate::bus::Ticket;
use crate::clock::Sleeper;
use crate::ports::Row;
use crate::ports::rollout::{RolloutPast, RolloutRecord};
use crate::runtime::{self, Meter};
use crate::shadow;
use crate::telemetry::events;

/// What the manager keeps of one strategy's roll-out.
#[derive(Debug, Default)]
pub(super) struct Rolling {
    pub(super) state: Rollout,
    /// The last good version, whole.
    good: Option<StrategyConfig>,
    /// What the file says.
    pub(super) file: Option<StrategyConfig>,
    /// What is counted of the version on trial, or about to be.
    meter: Option<(String, Arc<Meter>)>,
    /// How often a version was rolled back in this process.
    rollbacks: u64,
    /// The version that runs beside the one in force.
    pub(super) beside: Option<Beside>,
    /// Whether its halt came of a version that was rolled back since.
    is_halt_of_trial: bool,
}

/// What a roll-out is told by those that the manager started for it.
#[derive(Debug)]
pub enum Told {
    /// The trial of this version is over, if it is still on.
    Over(String, Ticket),
    /// This version was refused, or has lost, too much.
    TooMuch(String, Ticket),
    /// This version runs in shadow.
    ShadowRuns(String, ActorRef<shadow::Msg>),
    /// This version failed in shadow.
    ShadowFailed(String, String),
}

impl Rolling {
    /// Returns what an earlier process left.
    pub(super) fn recall(id: &StrategyId, past: Option<RolloutPast>) -> Self {
        let Some(RolloutPast { record, good_text }) = past else { return Self::default() };
        let read = |text: String| config::strategy(id.as_str(), id.clone(), &text).ok();
        let good = good_text.and_then(read);
        let (version, why) = (record.version.unwrap_or_default(), record.why.unwrap_or_default());
        let stage = match record.stage.as_str() {
            // There is nothing to go back to: what the file says is all there is.
            _ if good.is_none() => Stage::Settled,
            "rolled_back" => Stage::RolledBack { version, why },
            "set_aside" => Stage::SetAside { version, why },
            _ => Stage::Settled,
        };
        let state = Rollout::recall(good.as_ref().map(|good| good.version.clone()), stage);
        Self { state, good, ..Self::default() }
    }

    /// Returns why what the file says is not in force.
    pub(super) fn pending(&self) -> Option<String> {
        self.state.pending()
    }

    /// Returns what counts for the version in force, while it is on trial.
    pub(super) fn meter(&self) -> Option<Arc<Meter>> {
        self.meter.as_ref().map(|(_, meter)| Arc::clone(meter))
    }

    pub(super) fn status(&self) -> RolloutStatus {
        RolloutStatus {
            stage: self.state.stage().clone(),
            good: self.state.good().filter(|_| self.state.version().is_some()).map(short),
            counts: self.meter.as_ref().map(|(_, meter)| meter.counts()),
            rollbacks: self.rollbacks,
        }
    }
}

impl Entry {
    /// Returns the last good version where it is on its way back into force.
    pub(super) fn way_back(&mut self) -> Option<StrategyConfig> {
        let good = self.rolling.state.good().map(str::to_owned);
        self.next.take().filter(|next| Some(&next.version) == good.as_ref())
    }
}

impl State {
    /// Takes up a strategy where its last process left it: with the last good version, where what its file says was
    /// rolled back.
    pub(super) fn begin_rollout(&mut self, id: &StrategyId) {
        self.roll(id, &Input::Restarted);
        let Some(entry) = self.entries.get(id) else { return };
        let file = entry.registration.config.clone();
        if self.offered(&file) {
            return self.put_in_force(id);
        }
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Some(good) = entry.rolling.good.clone() {
            let said = format!("starts with the last good version {}", short(&good.version));
            entry.registration = (self.make)(good);
            self.applied(id, None, said);
        }
        self.show(id);
    }

    /// Takes in what a file says now. Tells whether it is to be put in force.
    pub(super) fn offered(&mut self, config: &StrategyConfig) -> bool {
        let id = &config.id;
        let Some(entry) = self.entries.get_mut(id) else { return false };
        entry.rolling.file = Some(config.clone());
        // Who switches a strategy off wants it off, and not to watch how it would be off.
        let mode = if config.enabled { config.rollout.mode } else { Mode::Direct };
        let (version, now) = (config.version.clone(), self.now());
        match self.roll(id, &Input::Offered { version, mode, now }) {
            Some(Effect::Hold(why)) => {
                let said = format!("version {} is not taken up: it {why}", short(&config.version));
                tracing::warn!(event.name = events::ROLLOUT_HELD, strategy.id = %id, why = said,
                    "a version is not taken up");
                self.say(id, events::ROLLOUT_HELD, said.clone());
                self.audit(id.as_str(), said.clone());
                let is_on_trial = self.watched(id).is_some();
                if let Some(entry) = self.entries.get_mut(id).filter(|_| is_on_trial) {
                    entry.pending = Some(said);
                }
                false
            }
            Some(Effect::Shadow) => false,
            Some(Effect::Apply | Effect::Began | Effect::Until(_) | Effect::Good) => true,
            Some(Effect::RollBack { .. } | Effect::SetAside(_)) | None => true,
        }
    }

    /// Returns what is to count for a version from its first input on; nothing where it is not going on trial.
    pub(super) fn meter_for(&mut self, config: &StrategyConfig) -> Option<Arc<Meter>> {
        let entry = self.entries.get_mut(&config.id)?;
        let good = entry.rolling.state.good();
        let is_watched = good.is_some() && good != Some(config.version.as_str());
        if !is_watched || config.rollout.mode == Mode::Direct || config.rollout.trial.is_zero() {
            entry.rolling.meter = None;
            return None;
        }
        if let Some((version, meter)) = &entry.rolling.meter
            && *version == config.version
        {
            return Some(Arc::clone(meter));
        }
        let (myself, id, version) =
            (self.myself.clone(), config.id.clone(), config.version.clone());
        let tell = move |ticket| {
            let told = Told::TooMuch(version.clone(), ticket);
            drop(myself.cast(Msg::Rollout(id.clone(), told)));
        };
        let meter = Arc::new(Meter::new(config.rollout.clone(), Box::new(tell)));
        entry.rolling.meter = Some((config.version.clone(), Arc::clone(&meter)));
        Some(meter)
    }

    /// A version was put in force: it is good, or on trial from now on.
    pub(super) fn put_in_force(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get(id) else { return };
        let config = entry.registration.config.clone();
        let had_good = entry.rolling.state.good().is_some();
        drop(self.meter_for(&config));
        match self.roll(id, &Input::InForce { version: config.version.clone() }) {
            Some(Effect::Began) => {
                let said = format!("version {} is on trial", short(&config.version));
                tracing::info!(event.name = events::ROLLOUT_BEGAN, strategy.id = %id, what = said,
                    "a version is on trial");
                self.say(id, events::ROLLOUT_BEGAN, said);
                let runs = self.entries.get(id).is_some_and(|entry| entry.phase == Phase::Running);
                if runs {
                    self.trial_runs(id);
                }
                self.check_trial(id, Ticket::none());
            }
            Some(Effect::Good) if !had_good && config.rollout.mode != Mode::Direct => {
                let what = "there is no good version before it: no trial".to_owned();
                self.audit(id.as_str(), what);
            }
            Some(Effect::Good | Effect::Apply | Effect::Hold(_) | Effect::Shadow) | None => {}
            Some(Effect::Until(_) | Effect::RollBack { .. } | Effect::SetAside(_)) => {}
        }
        self.leave_halt(id);
        self.show(id);
        self.offer_again(id);
    }

    /// A strategy runs: what is on trial has until then.
    pub(super) fn trial_runs(&mut self, id: &StrategyId) {
        let now = self.now();
        let Some(Effect::Until(end)) = self.roll(id, &Input::Runs { now }) else { return };
        let Some(version) = self.watched(id) else { return };
        let (myself, of) = (self.myself.clone(), id.clone());
        let alarm = move |_at: Timestamp, ticket| {
            drop(myself.cast(Msg::Rollout(of, Told::Over(version, ticket))));
        };
        let sleeper = Sleeper::Trial(id.as_str().to_owned());
        self.around.clock.wake_at(end, sleeper, Box::new(alarm));
        self.show(id);
    }

    pub(super) fn on_told(&mut self, id: &StrategyId, told: Told) {
        match told {
            Told::Over(version, ticket) => {
                if self.watched(id).as_deref() == Some(version.as_str()) {
                    self.trial_over(id);
                }
                drop(ticket);
            }
            Told::ShadowRuns(version, actor) => self.on_shadow_runs(id, &version, actor),
            Told::ShadowFailed(version, why) => self.on_shadow_failed(id, &version, why),
            Told::TooMuch(version, ticket) => {
                if self.watched(id).as_deref() == Some(version.as_str()) {
                    self.check_trial(id, ticket);
                }
            }
        }
    }

    fn trial_over(&mut self, id: &StrategyId) {
        let now = self.now();
        let Some(entry) = self.entries.get(id) else { return };
        let (runs, version) = (entry.phase == Phase::Running, self.watched(id));
        if self.roll(id, &Input::Time { now, runs }) == Some(Effect::Good) {
            let said = format!("version {} passed its trial", short(&version.unwrap_or_default()));
            self.passed(id, said);
        }
    }

    pub(super) fn passed(&mut self, id: &StrategyId, said: String) {
        tracing::info!(event.name = events::ROLLOUT_PASSED, strategy.id = %id, what = said,
            "a version is good");
        self.say(id, events::ROLLOUT_PASSED, said.clone());
        self.audit(id.as_str(), said);
        self.end_trial(id);
    }

    /// Nothing is counted any more, and what waited for the end of the trial is offered again.
    fn end_trial(&mut self, id: &StrategyId) {
        self.around.clock.cancel(&Sleeper::Trial(id.as_str().to_owned()));
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.rolling.meter = None;
        if let Some(actor) = &entry.actor {
            drop(actor.cast(runtime::Msg::Watch(None))); // one that is gone counts nothing
        }
        self.show(id);
        self.offer_again(id);
    }

    /// Offers what the file says once more, where nothing else is to come first.
    fn offer_again(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get(id) else { return };
        let in_force = &entry.registration.config.version;
        let Some(file) = entry.rolling.file.clone() else { return };
        let is_known = entry.rolling.state.version() == Some(file.version.as_str());
        if entry.next.is_none() && !entry.is_removed && file.version != *in_force && !is_known {
            self.on_version(file);
        }
    }

    /// Rolls back what was refused, or has lost, too much.
    fn check_trial(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(meter) = self.entries.get(id).and_then(|entry| entry.rolling.meter()) else {
            return;
        };
        if let Some(Effect::RollBack { why, .. }) = self.roll(id, &Input::Counted(meter.counts())) {
            self.rolled_back(id, &why);
            self.reconcile(id);
        }
        drop(ticket);
    }

    /// A strategy has failed, and its policy has judged. Where that was the version on trial, the last good one comes
    /// back, the failure is not charged to it, and it does not halt.
    pub(super) fn trial_failed(
        &mut self,
        id: &StrategyId,
        what: &str,
        verdict: Verdict,
        before: RestartBudget,
    ) -> Verdict {
        let (what, halts) = (what.to_owned(), matches!(verdict, Verdict::Halt { .. }));
        let Some(Effect::RollBack { why, .. }) = self.roll(id, &Input::Failed { what, halts })
        else {
            return verdict;
        };
        self.rolled_back(id, &why);
        let next = self.entries.get(id).and_then(|entry| entry.next.clone());
        let is_blocked = next.is_none_or(|next| self.is_blocked(id, &next));
        let Some(entry) = self.entries.get_mut(id) else { return verdict };
        if is_blocked {
            entry.rolling.is_halt_of_trial = halts;
            return verdict;
        }
        entry.budget = before;
        let good = entry.rolling.good.as_ref().map(|good| good.restart.backoff_initial);
        Verdict::Retry { attempt: 1, delay: good.unwrap_or_default() }
    }

    /// The last good version is the one to be taken up, and all who look are told why.
    pub(super) fn rolled_back(&mut self, id: &StrategyId, why: &str) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let version = entry.rolling.state.version().map(short).unwrap_or_default();
        let to = entry.rolling.state.good().map(short).unwrap_or_default();
        entry.rolling.rollbacks += 1;
        entry.next.clone_from(&entry.rolling.good);
        let said = format!("version {version} was rolled back to {to}: {why}");
        tracing::error!(event.name = events::ROLLOUT_ROLLED_BACK, strategy.id = %id, why = said,
            "a version was rolled back");
        self.say(id, events::ROLLOUT_ROLLED_BACK, said.clone());
        self.audit(id.as_str(), said);
        self.end_trial(id);
    }

    /// A halt that came of a version that is no more in force is over.
    fn leave_halt(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let is_back =
            entry.rolling.state.good() == Some(entry.registration.config.version.as_str());
        let halted = matches!(entry.phase, Phase::Halted { .. });
        if is_back && std::mem::take(&mut entry.rolling.is_halt_of_trial) && halted {
            let why = "the version that it halted of was rolled back";
            self.step(id, &Move::Resume, why, Ticket::none());
        }
    }

    /// Returns the version on trial.
    fn watched(&self, id: &StrategyId) -> Option<String> {
        match self.entries.get(id)?.rolling.state.stage() {
            Stage::Trial { version, .. } => Some(version.clone()),
            Stage::Settled | Stage::RolledBack { .. } => None,
            Stage::Shadow { .. } | Stage::SetAside { .. } => None,
        }
    }

    /// Moves a roll-out; what must outlive the process is stored.
    pub(super) fn roll(&mut self, id: &StrategyId, input: &Input) -> Option<Effect> {
        let entry = self.entries.get_mut(id)?;
        let policy = &entry.registration.config.rollout;
        let Ok((state, effect)) = entry.rolling.state.next(input, policy) else { return None };
        if state.good() != entry.rolling.state.good() {
            entry.rolling.good = Some(entry.registration.config.clone());
        }
        let told = |state: &Rollout| {
            let names = (state.stage().name(), state.version().map(str::to_owned));
            (names, state.good().map(str::to_owned))
        };
        let is_news = told(&state) != told(&entry.rolling.state);
        let good =
            entry.rolling.good.clone().filter(|_| state.good() != entry.rolling.state.good());
        entry.rolling.state = state;
        if let Some(good) = good {
            self.keep(&good);
        }
        if is_news {
            self.keep_rollout(id);
            self.tend_shadow(id);
        }
        effect
    }

    fn keep_rollout(&self, id: &StrategyId) {
        let Some(entry) = self.entries.get(id) else { return };
        let state = &entry.rolling.state;
        let why = match state.stage() {
            Stage::RolledBack { why, .. } | Stage::SetAside { why, .. } => Some(why.clone()),
            Stage::Settled | Stage::Trial { .. } | Stage::Shadow { .. } => None,
        };
        self.store(Row::Rollout(RolloutRecord {
            strategy: id.clone(),
            good: state.good().map(str::to_owned),
            stage: state.stage().name().to_owned(),
            version: state.version().map(str::to_owned),
            why,
            at: self.now(),
        }));
    }
}
