//! What a version on trial wants and is refused, counted as it happens; says once when it is too much.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ploy::decision::Verdict;
use ploy::kernel::{Effect, Input, Kernel};
use ploy::order::{Submission, Update};
use ploy::price::Usdc;
use ploy::risk::Rule;
use ploy::rollout::{Counts, RolloutPolicy};

use crate::bus::Ticket;

/// Is told when it is too much, with the ticket of the input at which it became so. Must not block.
type Tell = Box<dyn Fn(Ticket) + Send + Sync>;

/// The counts of one trial, over all incarnations in it.
pub struct Meter {
    policy: RolloutPolicy,
    tell: Tell,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    counts: Counts,
    /// The highest equity so far.
    peak: Option<Usdc>,
    is_told: bool,
}

impl Meter {
    /// Returns a meter at zero.
    #[must_use]
    pub fn new(policy: RolloutPolicy, tell: Tell) -> Self {
        Self { policy, tell, seen: Mutex::default() }
    }

    /// Returns what was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Takes in an input and what came of it.
    pub fn take(&self, kernel: &Kernel, input: &Input, effects: &[Effect], ticket: &Ticket) {
        let mut seen = self.lock();
        if let Input::Order(event) = input
            && matches!(&event.update, Update::Submitted(Submission::Rejected { .. }))
        {
            seen.counts.refused += 1;
        }
        effects.iter().for_each(|effect| seen.counts.look(effect));
        let equity = kernel.portfolio().equity();
        let peak = seen.peak.map_or(equity, |peak| peak.max(equity));
        seen.peak = Some(peak);
        seen.counts.drawdown_usdc = peak - equity;
        let is_too_much = self.policy.exceeded(&seen.counts).is_some();
        if is_too_much && !std::mem::replace(&mut seen.is_told, true) {
            (self.tell)(ticket.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts looks in.
trait Look {
    fn look(&mut self, effect: &Effect);
}

impl Look for Counts {
    fn look(&mut self, effect: &Effect) {
        match effect {
            Effect::Decided { decision, repeated: false, .. } => match &decision.verdict {
                Verdict::Order { .. } => self.intents += 1,
                // Whoever closed the gate did not do so for the sake of this version alone.
                Verdict::Rejected { rejection, .. } if rejection.rule == Rule::Gate => {}
                Verdict::Rejected { .. } => {
                    self.intents += 1;
                    self.refused += 1;
                }
                Verdict::No(_) => {}
            },
            Effect::Decided { repeated: true, .. } | Effect::Submit(_) => {}
            Effect::Settled { .. }
            | Effect::Tripped(_)
            | Effect::HalfOpen(_)
            | Effect::Released(_) => {}
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
