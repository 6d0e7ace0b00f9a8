//! One strategy in the manager's hands: its life, its present incarnation, and what of its settings waits.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::kernel::Memory;
use ploy::life::{Life, Saved, Terms};
use ploy::lifecycle::{Effect, Gate, Input, NoTransition, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, Verdict};
use ploy::status::{KernelStatus, StrategyStatus};
use ploy::time::Timestamp;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::registry::Registration;
use super::rollout::Rolling;
use crate::ports::config::How;
use crate::ports::{LifecycleRecord, StrategyRecord};
use crate::pulse::Pulse;
use crate::runtime::{self, Will};

/// Market events at which a strategy died that are remembered: more than its budget lets it die.
const POISON_MAX: usize = 16;

/// One strategy: a life, and what the manager holds for it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) registration: Registration,
    life: Life,
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
    /// What its newest incarnation in this process left behind; nothing while there was none.
    pub(super) memory: Option<Memory>,
    /// A newer version of its settings that is not in force yet.
    pub(super) next: Option<StrategyConfig>,
    /// The version that its runtime is taking over now.
    pub(super) taking: Option<StrategyConfig>,
    /// Why the newer version is not in force yet, or that its file is gone.
    pub(super) pending: Option<String>,
    /// What of its life is stored already.
    stored: Saved,
    /// How the settings in force came to be; absent since the start of the process.
    pub(super) how: Option<How>,
    /// Since when they are in force, on the machine's clock.
    pub(super) config_since: Option<Timestamp>,
    /// How its newest version comes into force.
    pub(super) rolling: Rolling,
}

impl Entry {
    /// Returns a strategy as earlier processes left it.
    pub(super) fn new(
        registration: Registration,
        record: Option<StrategyRecord>,
        now: Timestamp,
    ) -> Self {
        let stored = record.as_ref().map(|record| record.saved.clone()).unwrap_or_default();
        let life = record.map_or_else(Life::default, |StrategyRecord { saved, at, .. }| {
            Life::restore(saved, at, now)
        });
        Self {
            registration,
            life,
            actor: None,
            pulse: Arc::default(),
            will: None,
            poison: VecDeque::new(),
            busy: None,
            is_hung: false,
            is_lost: false,
            memory: None,
            next: None,
            taking: None,
            pending: None,
            stored,
            how: None,
            config_since: None,
            rolling: Rolling::default(),
        }
    }

    pub(super) const fn id(&self) -> &StrategyId {
        &self.registration.config.id
    }

    /// Tells whether it is to run: as a person said last, else as its file says now.
    pub(super) fn is_wanted(&self) -> bool {
        let newest = self.next.as_ref().unwrap_or(&self.registration.config);
        self.life.is_wanted(|| newest.enabled)
    }

    /// Moves to the next phase. Returns what is to be done and the record of the move.
    pub(super) fn step(
        &mut self,
        input: &Input,
        why: &str,
        now: Timestamp,
    ) -> Result<(Option<Effect>, LifecycleRecord), NoTransition> {
        let from = self.phase.name().to_owned();
        let effect = self.life.step(input, now)?;
        let to = self.phase.name().to_owned();
        let (strategy, why) = (self.id().clone(), why.to_owned());
        Ok((effect, LifecycleRecord { at: now, strategy, from, to, why }))
    }

    /// Judges a failure by the strategy's own policy; nothing where it does not count.
    pub(super) fn judge(&mut self, failure: &Failure, now: Timestamp) -> Option<Verdict> {
        let config = &self.registration.config;
        let dice = dice(&config.id, self.life.incarnation);
        let terms = Terms { policy: &config.restart, version: &config.version, dice };
        self.life.judge(failure, &terms, now)
    }

    /// Tells whether the settings in force may be the remedy of what it is halted for.
    pub(super) fn is_mended(&self) -> bool {
        self.life.is_mended_by(&self.registration.config.version) && self.is_wanted()
    }

    /// Returns what this process has taken over of earlier ones, as it counts from now on; nothing where there was
    /// nothing.
    pub(super) fn taken_over(&mut self, now: Timestamp) -> Option<StrategyRecord> {
        if self.stored == Saved::default() {
            return None;
        }
        self.stored = self.life.saved(now);
        Some(StrategyRecord { strategy: self.id().clone(), saved: self.stored.clone(), at: now })
    }

    /// Returns what must outlive the process, where it is not what is stored already.
    pub(super) fn news(&mut self, now: Timestamp) -> Option<StrategyRecord> {
        let saved = self.life.saved(now);
        if saved == self.stored {
            return None;
        }
        self.stored.clone_from(&saved);
        Some(StrategyRecord { strategy: self.id().clone(), saved, at: now })
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
            config_since: self.config_since,
            config_pending: self.pending.clone().or_else(|| self.rolling.pending()),
            rollout: self.rolling.status(),
            restarts: self.restarts.clone(),
            failures: self.budget.used(&config.restart, now),
            dependency_tries: self.budget.missing(),
            last_error: self.last_error.clone(),
            poison: self.poison.iter().map(runtime::describe).collect(),
            busy_ms: self.busy.map(|busy| u64::try_from(busy.as_millis()).unwrap_or(u64::MAX)),
            books: Vec::new(),
            kernel: KernelStatus::default(),
        }
    }
}

impl Deref for Entry {
    type Target = Life;

    fn deref(&self) -> &Life {
        &self.life
    }
}

impl DerefMut for Entry {
    fn deref_mut(&mut self) -> &mut Life {
        &mut self.life
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
