//! Shadows of strategies: begun, ended and asked for, and what a person decides about a version on its way.

use std::collections::BTreeSet;
use std::time::Duration;

use ploy::command::Refusal;
use ploy::compare::Both;
use ploy::lifecycle::Phase;
use ploy::order::StrategyId;
use ploy::rollout::{Effect, Input, Nothing, Stage, short};
use ractor::{Actor, ActorRef};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Msg, State, rollout::Told};
use crate::bus::Ticket;
use crate::bus::command::{Decision, RolloutRequest, Who};
use crate::ports::CommandRecord;
use crate::runtime;
use crate::shadow::{self, Args, Shadow, Side};
use crate::telemetry::events;

/// How long a shadow may take to say how it compares.
const COMPARE_WITHIN: Duration = Duration::from_secs(5);

/// A version that runs beside the one in force.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) version: String,
    /// Absent while it is built.
    pub(super) actor: Option<ActorRef<shadow::Msg>>,
}

impl State {
    /// Sees to it that the version in shadow, and no other, runs beside the one in force.
    pub(super) fn tend_shadow(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get(id) else { return };
        let wanted = match entry.rolling.state.stage() {
            Stage::Shadow { version, .. } => Some(version),
            Stage::Settled | Stage::Trial { .. } => None,
            Stage::RolledBack { .. } | Stage::SetAside { .. } => None,
        };
        let runs = entry.rolling.beside.as_ref().map(|beside| &beside.version);
        let is_wanted = wanted.is_some() && entry.phase == Phase::Running;
        if runs.is_some() && runs != wanted {
            self.end_shadow(id);
        }
        let has_none = self.entries.get(id).is_some_and(|entry| entry.rolling.beside.is_none());
        if is_wanted && has_none {
            self.begin_shadow(id);
        }
    }

    /// A strategy's file is gone: with it goes what it wanted beside the version in force.
    pub(super) fn forget_shadow(&mut self, id: &StrategyId) {
        let entry = self.entries.get(id);
        if entry.is_some_and(|entry| matches!(entry.rolling.state.stage(), Stage::Shadow { .. })) {
            self.roll(id, &Input::Restarted);
        }
    }

    pub(super) fn end_shadow(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let Some(beside) = entry.rolling.beside.take() else { return };
        self.around.bus.unsubscribe(&id.shadow());
        if let Some(actor) = beside.actor {
            actor.stop(None);
        }
    }

    fn begin_shadow(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let Some(file) = entry.rolling.file.clone() else { return };
        let version = file.version.clone();
        let side = |registration: &super::Registration| Side {
            config: registration.config.clone(),
            fresh: std::sync::Arc::clone(&registration.build),
        };
        let sides = Both { a: side(&entry.registration), b: side(&(self.make)(file)) };
        entry.rolling.beside = Some(Beside { version: version.clone(), actor: None });
        let (reply, checkpoint) = oneshot::channel();
        if let Some(actor) = &entry.actor {
            drop(actor.cast(runtime::Msg::Checkpoint(reply))); // one that is gone knows nothing
        }
        let wants = shadow::subscription(&sides);
        let mailbox =
            self.around.bus.subscribe(&id.shadow(), wants, &BTreeSet::new(), &Ticket::none());
        let (myself, of, failing) = (self.myself.clone(), id.clone(), version.clone());
        let fail = move |why| {
            let told = Told::ShadowFailed(failing.clone(), why);
            drop(myself.cast(Msg::Rollout(of.clone(), told)));
        };
        let (latency, since, fail) = (self.latency, self.now(), Box::new(fail));
        let (myself, cell, of) = (self.myself.clone(), self.myself.get_cell(), id.clone());
        let said = format!("version {} runs in shadow", short(&version));
        self.strategies.spawn(async move {
            let checkpoint = checkpoint.await.ok();
            let args = Args { sides, checkpoint, mailbox, latency, since, fail };
            let told = match Actor::spawn_linked(None, Shadow, args, cell).await {
                Ok((actor, _task)) => Told::ShadowRuns(version, actor),
                Err(error) => Told::ShadowFailed(version, error.to_string()),
            };
            drop(myself.cast(Msg::Rollout(of, told)));
        });
        tracing::info!(event.name = events::ROLLOUT_SHADOW, strategy.id = %id, what = said,
            "a version runs in shadow");
        self.say(id, events::ROLLOUT_SHADOW, said.clone());
        self.audit(id.as_str(), said);
        self.show(id);
    }

    pub(super) fn on_shadow_runs(
        &mut self,
        id: &StrategyId,
        version: &str,
        actor: ActorRef<shadow::Msg>,
    ) {
        let beside = self.entries.get_mut(id).and_then(|entry| entry.rolling.beside.as_mut());
        match beside.filter(|beside| beside.version == version && beside.actor.is_none()) {
            Some(beside) => beside.actor = Some(actor),
            None => actor.stop(None), // ended while it was built
        }
    }

    pub(super) fn on_shadow_failed(&mut self, id: &StrategyId, version: &str, why: String) {
        let beside = self.entries.get(id).and_then(|entry| entry.rolling.beside.as_ref());
        if beside.is_some_and(|beside| beside.version == version)
            && let Some(Effect::SetAside(why)) = self.roll(id, &Input::ShadowFailed { what: why })
        {
            self.set_aside(id, version, &why);
        }
    }

    /// A shadow has ended of a defect of its own.
    pub(super) fn on_shadow_death(&mut self, cell: &ractor::ActorCell, why: String) {
        let is = |beside: &Beside| {
            beside.actor.as_ref().is_some_and(|actor| actor.get_id() == cell.get_id())
        };
        let dead = self.entries.values().find_map(|entry| {
            let beside = entry.rolling.beside.as_ref().filter(|beside| is(beside))?;
            Some((entry.id().clone(), beside.version.clone()))
        });
        if let Some((id, version)) = dead {
            self.on_shadow_failed(&id, &version, why);
        }
    }

    fn set_aside(&mut self, id: &StrategyId, version: &str, why: &str) {
        let said = format!("version {} was set aside: {why}", short(version));
        tracing::warn!(event.name = events::ROLLOUT_SET_ASIDE, strategy.id = %id, why = said,
            "a version in shadow is no more run");
        self.say(id, events::ROLLOUT_SET_ASIDE, said.clone());
        self.audit(id.as_str(), said);
        self.show(id);
    }

    /// Somebody asks how a version in shadow compares, or decides about one on its way.
    pub(super) fn on_rollout_request(&mut self, request: RolloutRequest) {
        let RolloutRequest { strategy: id, decision, who: Who { actor, reason }, reply } = request;
        if decision == Decision::Compare {
            return self.compare_shadow(&id, reply);
        }
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let before =
            self.entries.get(&id).map(|entry| entry.rolling.state.stage().name().to_owned());
        let answer = self.decide(&id, decision, &format!("by {actor}{why}"));
        let said = match &answer {
            Ok(_) => {
                tracing::info!(event.name = events::COMMAND_ACCEPTED, strategy.id = %id,
                    action = decision.name(), actor, "command accepted");
                format!("accepted{why}")
            }
            Err(refusal) => {
                tracing::warn!(event.name = events::COMMAND_REFUSED, strategy.id = %id,
                    action = decision.name(), actor, "{refusal}");
                refusal.to_string()
            }
        };
        let (at, action) = (self.now(), decision.name().to_owned());
        let strategy = id.to_string();
        self.keep_command(CommandRecord { at, actor, strategy, action, answer: said, before });
        drop(reply.send(answer)); // an asker that left is no failure
    }

    fn compare_shadow(&self, id: &StrategyId, reply: oneshot::Sender<Result<Value, Refusal>>) {
        let beside = match self.known(id) {
            Ok(()) => self.entries.get(id).and_then(|entry| entry.rolling.beside.as_ref()),
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        let Some(actor) = beside.and_then(|beside| beside.actor.clone()) else {
            return drop(reply.send(Err(Refusal::Rollout(id.clone(), Nothing))));
        };
        let (ask, answer) = oneshot::channel();
        drop(actor.cast(shadow::Msg::Compare(ask)));
        let id = id.clone();
        tokio::spawn(async move {
            let answer = match tokio::time::timeout(COMPARE_WITHIN, answer).await {
                Ok(Ok(compared)) => Ok(json!({"strategy": id, "comparison": *compared})),
                Ok(Err(_ended)) => Err(Refusal::Rollout(id, Nothing)),
                Err(_elapsed) => Err(Refusal::TimedOut(COMPARE_WITHIN.as_secs())),
            };
            drop(reply.send(answer));
        });
    }

    fn known(&self, id: &StrategyId) -> Result<(), Refusal> {
        if self.is_ending {
            return Err(Refusal::Unavailable);
        }
        if self.entries.contains_key(id) {
            return Ok(());
        }
        let known: Vec<&str> = self.entries.keys().map(StrategyId::as_str).collect();
        Err(Refusal::NotFound(id.to_string(), known.join(", ")))
    }

    fn decide(&mut self, id: &StrategyId, decision: Decision, who: &str) -> Result<Value, Refusal> {
        self.known(id)?;
        let nothing = || Refusal::Rollout(id.clone(), Nothing);
        let entry = self.entries.get(id).ok_or_else(nothing)?;
        let version = entry.rolling.state.version().map(str::to_owned).ok_or_else(nothing)?;
        let input = match decision {
            Decision::Promote => Input::Promote,
            Decision::Discard => Input::Discard { why: format!("discarded {who}") },
            Decision::Compare => return Err(nothing()),
        };
        match self.roll(id, &input).ok_or_else(nothing)? {
            Effect::Apply => {
                let file = self.entries.get(id).and_then(|entry| entry.rolling.file.clone());
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.next = file;
                }
                self.reconcile(id);
            }
            Effect::Good => {
                self.passed(id, format!("version {} was taken for good {who}", short(&version)));
            }
            Effect::SetAside(why) => self.set_aside(id, &version, &why),
            Effect::RollBack { why, .. } => {
                self.rolled_back(id, &why);
                self.reconcile(id);
            }
            Effect::Hold(_) | Effect::Shadow | Effect::Began | Effect::Until(_) => {}
        }
        self.show(id);
        let stage = self.entries.get(id).map_or("settled", |e| e.rolling.state.stage().name());
        Ok(json!({"strategy": id, "version": short(&version), "stage": stage}))
    }
}
