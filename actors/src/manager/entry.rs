//! One strategy in the manager's hands: its phase, its budget, its present incarnation.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::kernel::Memory;
use ploy::lifecycle::{Effect, Gate, Input, NoTransition, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, RestartBudget, Verdict};
use ploy::status::{KernelStatus, StrategyStatus};
use ploy::time::Timestamp;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::registry::Registration;
use crate::ports::{LifecycleRecord, StrategyRecord};
use crate::pulse::Pulse;
use crate::runtime::{self, Will};

/// Market events at which a strategy died that are remembered: more than its budget lets it die.
const POISON_MAX: usize = 16;

/// One strategy.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) registration: Registration,
    pub(super) phase: Phase,
    pub(super) since: Timestamp,
    pub(super) budget: RestartBudget,
    /// Rises with every build: a message of an older incarnation means nothing any more.
    pub(super) incarnation: u64,
    pub(super) actor: Option<ActorRef<runtime::Msg>>,
    /// What its runtime works on.
    pub(super) pulse: Arc<Pulse>,
    /// What its runtime leaves behind when it is killed.
    pub(super) will: Option<oneshot::Receiver<Will>>,
    /// Market events at which its incarnations died, newest last.
    pub(super) poison: VecDeque<MarketEvent>,
    /// For how long it has worked on the same, when that is long enough to be warned of.
    pub(super) busy: Option<Duration>,
    /// Whether its present incarnation hangs: it is killed, not asked.
    pub(super) is_hung: bool,
    /// Whether its present incarnation could not be killed: its thread is lost, and so is the process.
    pub(super) is_lost: bool,
    pub(super) memory: Memory,
    pub(super) wanted: Option<bool>,
    pub(super) last_error: Option<String>,
    /// A newer version of its settings that is not in force yet.
    pub(super) next: Option<StrategyConfig>,
    /// The version that its runtime is taking over now.
    pub(super) taking: Option<StrategyConfig>,
    /// Why the newer version is not in force yet, or that its file is gone.
    pub(super) pending: Option<String>,
    /// Whether its file is gone: it cannot be started.
    pub(super) is_removed: bool,
    restarts: BTreeMap<String, u64>,
}

impl Entry {
    pub(super) fn new(registration: Registration, record: Option<StrategyRecord>) -> Self {
        let halted = record.as_ref().and_then(|record| record.halted.clone());
        let phase = halted.map_or(Phase::Stopped, |cause| Phase::Halted { cause });
        let since = record.as_ref().map(|record| record.at).unwrap_or_default();
        Self {
            registration,
            phase,
            since,
            budget: RestartBudget::default(),
            incarnation: 0,
            actor: None,
            pulse: Arc::default(),
            will: None,
            poison: VecDeque::new(),
            busy: None,
            is_hung: false,
            is_lost: false,
            memory: Memory::default(),
            wanted: record.and_then(|record| record.wanted),
            last_error: None,
            next: None,
            taking: None,
            pending: None,
            is_removed: false,
            restarts: BTreeMap::new(),
        }
    }

    pub(super) const fn id(&self) -> &StrategyId {
        &self.registration.config.id
    }

    /// Tells whether it is to run: as a person said last, else as its file says now.
    pub(super) fn is_wanted(&self) -> bool {
        let newest = self.next.as_ref().unwrap_or(&self.registration.config);
        !self.is_removed && self.wanted.unwrap_or(newest.enabled)
    }

    /// Moves to the next phase. Returns what is to be done and the record of the move.
    pub(super) fn step(
        &mut self,
        input: &Input,
        why: &str,
        now: Timestamp,
    ) -> Result<(Option<Effect>, LifecycleRecord), NoTransition> {
        let (next, effect) = self.phase.next(input)?;
        let record = LifecycleRecord {
            at: now,
            strategy: self.id().clone(),
            from: self.phase.name().to_owned(),
            to: next.name().to_owned(),
            why: why.to_owned(),
        };
        if next.name() != self.phase.name() {
            self.since = now;
        }
        match &next {
            Phase::Running => self.budget.running(now),
            Phase::Stopped => self.budget.forget(),
            Phase::Starting if *input == Input::Resume => self.budget.forget(),
            Phase::Starting | Phase::Warming | Phase::Stopping { .. } => {}
            Phase::Quarantine { .. } | Phase::Backoff { .. } | Phase::Halted { .. } => {}
        }
        self.phase = next;
        Ok((effect, record))
    }

    /// Remembers a market event at which it died; the oldest is forgotten when there are too many.
    pub(super) fn remember_poison(&mut self, event: MarketEvent) {
        if !self.poison.contains(&event) {
            self.poison.push_back(event);
        }
        while POISON_MAX < self.poison.len() {
            self.poison.pop_front();
        }
    }

    /// Counts a start that was not the first.
    pub(super) fn count_restart(&mut self, cause: &str) {
        *self.restarts.entry(cause.to_owned()).or_default() += 1;
    }

    /// Judges a failure by the strategy's own policy.
    pub(super) fn judge(&mut self, failure: &Failure, now: Timestamp) -> Verdict {
        self.last_error = Some(failure.message.clone());
        let dice = dice(self.id(), self.incarnation);
        self.budget.judge(&self.registration.config.restart, failure, now, dice)
    }

    /// Returns what must outlive the process.
    pub(super) fn record(&self, now: Timestamp) -> StrategyRecord {
        let halted = match &self.phase {
            Phase::Halted { cause } => Some(cause.clone()),
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => None,
            Phase::Stopping { .. } | Phase::Quarantine { .. } | Phase::Backoff { .. } => None,
        };
        StrategyRecord { strategy: self.id().clone(), wanted: self.wanted, halted, at: now }
    }

    pub(super) fn status(&self, now: Timestamp) -> StrategyStatus {
        let config = &self.registration.config;
        let running = self.phase == Phase::Running;
        StrategyStatus {
            id: config.id.clone(),
            kind: config.kind.name().to_owned(),
            variant: config.kind.variant().to_owned(),
            phase: self.phase.clone(),
            since: self.since,
            gate: if running { Gate::Open } else { Gate::Closed },
            config_version: config.version.chars().take(12).collect(),
            config_pending: self.pending.clone(),
            restarts: self.restarts.clone(),
            failures: self.budget.used(&config.restart, now),
            last_error: self.last_error.clone(),
            poison: self.poison.iter().map(runtime::describe).collect(),
            busy_ms: self.busy.map(|busy| u64::try_from(busy.as_millis()).unwrap_or(u64::MAX)),
            books: Vec::new(),
            kernel: KernelStatus::default(),
        }
    }
}

/// A number of a seeded generator (SplitMix64): the same for the same strategy and incarnation, so that a
/// replay waits as long as the service did.
fn dice(id: &StrategyId, incarnation: u64) -> u64 {
    let seed = id.as_str().bytes().fold(incarnation, |seed, byte| {
        seed.wrapping_mul(0x0000_0100_0000_01b3).wrapping_add(u64::from(byte))
    });
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
