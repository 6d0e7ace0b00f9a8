//! One strategy in the manager's hands: its phase, its budget, its present incarnation.

use std::collections::BTreeMap;

use ploy::config::StrategyConfig;
use ploy::kernel::Memory;
use ploy::lifecycle::{Effect, Gate, Input, NoTransition, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, RestartBudget, Verdict};
use ploy::status::{KernelStatus, StrategyStatus};
use ploy::time::Timestamp;
use ractor::ActorRef;

use super::registry::Registration;
use super::rollout::Rolling;
use crate::ports::{LifecycleRecord, StrategyRecord};
use crate::runtime;

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
    /// How its newest version comes into force.
    pub(super) rolling: Rolling,
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
            memory: Memory::default(),
            wanted: record.and_then(|record| record.wanted),
            last_error: None,
            next: None,
            taking: None,
            pending: None,
            is_removed: false,
            rolling: Rolling::default(),
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
            config_pending: self.pending.clone().or_else(|| self.rolling.pending()),
            rollout: self.rolling.status(),
            restarts: self.restarts.clone(),
            failures: self.budget.used(&config.restart, now),
            last_error: self.last_error.clone(),
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
