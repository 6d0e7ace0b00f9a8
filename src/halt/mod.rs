//! The gates: who holds orders back, what that leaves to each strategy, and who may open again.
//!
//! A *halt* holds all strategies back. It has causes, each set by its own source; while one of them stands, all
//! are halted. A *pause* holds back one strategy, or all, because a person says so. What a strategy may send is
//! the stricter of all that holds it back: [`Gates::of`] and, beside it, what its phase allows.
//!
//! ```text
//!                 set by                     lets pass      goes when
//! operator        a person                   exits          a person resumes
//! signal_file     a file                     exits          the file is gone, then a person resumes
//! store_outage    a store that cannot write  nothing        it is well: by itself, or a person resumes
//! venue_outage    a venue that is away       exits          the same
//! account_broken  books that do not add up   nothing        a person resumes
//! watchdog        a thread that hangs        nothing        a person resumes
//! ```
//!
//! No order leaves before its record is durable: without a store not even exits pass. What is held is not known
//! when the books of the account are wrong, so an exit could sell more than that.

mod status;

pub use status::{GatesStatus, HaltStatus, PauseStatus};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::intent::Purpose;
use crate::lifecycle::Gate;
use crate::order::StrategyId;
use crate::time::Timestamp;

/// Why all strategies are halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person said so.
    Operator,
    /// The signal file is there.
    SignalFile,
    /// The store cannot write.
    StoreOutage,
    /// The venue is away.
    VenueOutage,
    /// The books of the account do not add up.
    AccountBroken,
    /// A thread hangs and the process is about to end.
    Watchdog,
}

/// Whether what has healed lets trading go on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeRule {
    /// Only a person resumes.
    Manual,
    /// An outage that has been over for so long is forgotten. What a person or a file halted is not.
    Auto {
        /// How long all must have been well.
        healthy: Duration,
    },
}

/// Who wanted something, why, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The reason, for people.
    pub reason: String,
    /// Who: a name, or the part that noticed.
    pub actor: String,
    /// Since when, by the machine's clock.
    pub since: Timestamp,
}

/// Whom a pause is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All strategies, also those that come later.
    All,
    /// One strategy.
    One(StrategyId),
}

/// What can happen to the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A source says that its cause stands. Saying it again changes nothing.
    Raise {
        /// The cause.
        cause: Cause,
        /// Why, and who noticed.
        why: Why,
    },
    /// A source says that its cause is no more: the file is gone, the store writes.
    Over {
        /// The cause.
        cause: Cause,
        /// Since when.
        at: Timestamp,
    },
    /// A person wants all to go on.
    Resume,
    /// Time has passed.
    Tick {
        /// The present instant.
        at: Timestamp,
        /// What an outage that is over leads to.
        rule: ResumeRule,
    },
    /// A person wants no more than this to pass; [`Gate::Open`] ends the pause.
    Pause {
        /// Whom it is about.
        scope: Scope,
        /// What may pass.
        gate: Gate,
        /// Who wants it, and why.
        why: Why,
    },
}

/// What an input has changed. One that changes nothing has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// All are halted by this cause, which did not stand before.
    Raised(Cause),
    /// This cause halts nobody any more.
    Lifted(Cause),
    /// These are paused, or paused otherwise than before.
    Paused(Scope),
    /// The pause of these is over.
    Opened(Scope),
}

/// A halt cannot be resumed while what caused it is still there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all stays halted: {} is still there ({reason})", cause.name())]
pub struct StillThere {
    /// The cause.
    pub cause: Cause,
    /// Why it was set.
    pub reason: String,
}

/// The state of all gates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    halts: BTreeMap<Cause, Halt>,
    pauses: BTreeMap<Scope, Pause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Halt {
    why: Why,
    source: Source,
}

/// Whether what caused a halt is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    There,
    Over { since: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pause {
    gate: Gate,
    why: Why,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::SignalFile,
        Self::StoreOutage,
        Self::VenueOutage,
        Self::AccountBroken,
        Self::Watchdog,
    ];

    /// Returns the word for it in metrics, answers and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::SignalFile => "signal_file",
            Self::StoreOutage => "store_outage",
            Self::VenueOutage => "venue_outage",
            Self::AccountBroken => "account_broken",
            Self::Watchdog => "watchdog",
        }
    }

    /// Returns what it lets pass.
    #[must_use]
    pub const fn gate(self) -> Gate {
        match self {
            Self::Operator | Self::SignalFile | Self::VenueOutage => Gate::ReduceOnly,
            Self::StoreOutage | Self::AccountBroken | Self::Watchdog => Gate::Closed,
        }
    }

    /// Tells whether it is something that ends without a person.
    const fn is_outage(self) -> bool {
        match self {
            Self::StoreOutage | Self::VenueOutage => true,
            Self::Operator | Self::SignalFile | Self::AccountBroken | Self::Watchdog => false,
        }
    }

    /// Tells whether it lasts, so that its source says when it is over.
    const fn lasts(self) -> bool {
        match self {
            Self::SignalFile | Self::StoreOutage | Self::VenueOutage => true,
            Self::Operator | Self::AccountBroken | Self::Watchdog => false,
        }
    }
}

/// Tells whether a gate lets an order of this purpose pass.
#[must_use]
pub const fn lets_pass(gate: Gate, purpose: Purpose) -> bool {
    match (gate, purpose) {
        (Gate::Open, Purpose::Entry | Purpose::Hedge | Purpose::Exit) => true,
        (Gate::ReduceOnly, Purpose::Hedge | Purpose::Exit) => true,
        (Gate::ReduceOnly, Purpose::Entry) => false,
        (Gate::Closed, Purpose::Entry | Purpose::Hedge | Purpose::Exit) => false,
    }
}

impl Gates {
    /// Takes in what has happened and returns what that changed. The only way to change the gates.
    ///
    /// # Errors
    /// When a person resumes while something that halts is still there: nothing is changed then.
    pub fn next(&mut self, input: Input) -> Result<Vec<Effect>, StillThere> {
        match input {
            Input::Raise { cause, why } => Ok(self.raise(cause, why)),
            Input::Over { cause, at } => {
                if let Some(halt) = self.halts.get_mut(&cause)
                    && halt.source == Source::There
                {
                    halt.source = Source::Over { since: at };
                }
                Ok(Vec::new())
            }
            Input::Resume => self.resume(),
            Input::Tick { at, rule } => Ok(self.tick(at, rule)),
            Input::Pause { scope, gate: Gate::Open, .. } => {
                let was = self.pauses.remove(&scope);
                Ok(was.map(|_| Effect::Opened(scope)).into_iter().collect())
            }
            Input::Pause { scope, gate, why } => Ok(self.pause(scope, gate, why)),
        }
    }

    /// Returns what a strategy may send as far as halts and pauses go: the strictest of all.
    #[must_use]
    pub fn of(&self, id: &StrategyId) -> Gate {
        self.all().max(self.own(id))
    }

    /// Returns what every strategy may send at most.
    #[must_use]
    pub fn all(&self) -> Gate {
        let halts = self.halts.keys().map(|cause| cause.gate());
        let pause = self.pauses.get(&Scope::All).map(|pause| pause.gate);
        halts.chain(pause).max().unwrap_or_default()
    }

    /// Returns what a pause of its own leaves to a strategy.
    #[must_use]
    pub fn own(&self, id: &StrategyId) -> Gate {
        self.pauses.get(&Scope::One(id.clone())).map(|pause| pause.gate).unwrap_or_default()
    }

    /// Returns every strategy with a pause of its own, and what that leaves to it.
    pub fn paused(&self) -> impl Iterator<Item = (&StrategyId, Gate)> {
        self.pauses.iter().filter_map(|(scope, pause)| match scope {
            Scope::All => None,
            Scope::One(id) => Some((id, pause.gate)),
        })
    }

    /// Tells whether all are halted.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        !self.halts.is_empty()
    }

    /// Returns why a cause stands; nothing where it does not.
    #[must_use]
    pub fn halt(&self, cause: Cause) -> Option<&Why> {
        self.halts.get(&cause).map(|halt| &halt.why)
    }

    /// Returns what a pause lets pass, and why; nothing where there is none.
    #[must_use]
    pub fn pause_of(&self, scope: &Scope) -> Option<(Gate, &Why)> {
        self.pauses.get(scope).map(|pause| (pause.gate, &pause.why))
    }

    /// The first reason stands: a source that says again what it said is not news.
    fn raise(&mut self, cause: Cause, why: Why) -> Vec<Effect> {
        let source = if cause.lasts() { Source::There } else { Source::Over { since: why.since } };
        if let Some(halt) = self.halts.get_mut(&cause) {
            halt.source = source;
            return Vec::new();
        }
        self.halts.insert(cause, Halt { why, source });
        vec![Effect::Raised(cause)]
    }

    fn resume(&mut self) -> Result<Vec<Effect>, StillThere> {
        let there = self.halts.iter().find(|(_, halt)| halt.source == Source::There);
        if let Some((cause, halt)) = there {
            return Err(StillThere { cause: *cause, reason: halt.why.reason.clone() });
        }
        let lifted = std::mem::take(&mut self.halts).into_keys().map(Effect::Lifted);
        let opened = self.pauses.remove(&Scope::All).map(|_| Effect::Opened(Scope::All));
        Ok(lifted.chain(opened).collect())
    }

    fn tick(&mut self, at: Timestamp, rule: ResumeRule) -> Vec<Effect> {
        let healthy = match rule {
            ResumeRule::Manual => return Vec::new(),
            ResumeRule::Auto { healthy } => healthy,
        };
        let is_healed = |cause: Cause, halt: &Halt| match halt.source {
            Source::There => false,
            Source::Over { since } => cause.is_outage() && healthy <= at.since(since),
        };
        let healed = self.halts.extract_if(.., |cause, halt| is_healed(*cause, halt));
        healed.map(|(cause, _)| Effect::Lifted(cause)).collect()
    }

    fn pause(&mut self, scope: Scope, gate: Gate, why: Why) -> Vec<Effect> {
        if self.pauses.get(&scope).is_some_and(|pause| pause.gate == gate) {
            return Vec::new();
        }
        self.pauses.insert(scope.clone(), Pause { gate, why });
        vec![Effect::Paused(scope)]
    }
}

#[cfg(test)]
mod tests;
