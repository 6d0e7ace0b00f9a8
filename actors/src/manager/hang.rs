//! Hangs: an input that is worked on for too long, how it is ended, and what is done when it cannot be ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ploy::halt::Cause;
use ploy::lifecycle::{Input, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, FailureClass};
use tokio::time::Instant;

use super::entry::Entry;
use super::{Msg, State};
use crate::bus::Ticket;
use crate::clock::Sleeper;
use crate::pulse::{Beat, Lookout, Pulse, Pulses, Whose, Work};
use crate::telemetry::events;

/// The time between two looks at the pulses: a hang is noticed so much later at most.
const BEAT: Duration = Duration::from_millis(100);
/// What the watchdog gives the manager beyond the time in which it must have ended a hang.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the manager's own beat may stand still. It waits for nothing but the start of a runtime.
const MANAGER_WITHIN: Duration = Duration::from_secs(30);

/// Asks for the end of the process when a strategy cannot be ended; the text says why. Must not wait.
#[derive(Clone)]
pub struct Emergency(pub Arc<dyn Fn(&str) + Send + Sync>);

/// What the manager sees of the pulses.
#[derive(Debug)]
pub(super) struct Watch {
    pulses: Pulses,
    own: Arc<Pulse>,
    lookout: Lookout<StrategyId>,
    began: Instant,
}

impl Watch {
    pub(super) fn new(pulses: Pulses) -> Self {
        let own = Arc::new(Pulse::default());
        pulses.watch(Whose::Manager, &own, MANAGER_WITHIN);
        Self { pulses, own, lookout: Lookout::new(BEAT), began: Instant::now() }
    }
}

/// The manager that has ended acts no more, and is no more waited for.
impl Drop for Watch {
    fn drop(&mut self) {
        self.pulses.forget(&Whose::Manager);
    }
}

impl State {
    /// Looks at every pulse: warns of an input that takes long, ends one that hangs.
    pub(super) fn on_beat(&mut self) {
        self.watch.own.begin(Work::Manager);
        let mut beats: BTreeMap<StrategyId, Beat> = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| is_watched(entry)) {
            let policy = &entry.registration.config.restart;
            let limit = policy.hang_after + policy.stop_grace + MARGIN;
            let whose = Whose::Strategy(entry.id().clone());
            self.watch.pulses.watch(whose, &entry.pulse, limit);
            beats.insert(entry.id().clone(), entry.pulse.read());
        }
        let now = self.watch.began.elapsed();
        let busy = self.watch.lookout.look(now, beats.clone());
        for (id, beat) in beats {
            self.on_pulse(&id, beat, busy.get(&id).copied().unwrap_or_default());
        }
        drop(self.myself.send_after(BEAT, || Msg::Beat));
    }

    fn on_pulse(&mut self, id: &StrategyId, beat: Beat, busy: Duration) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let policy = &entry.registration.config.restart;
        let (after, is_long) = (policy.hang_after, policy.hang_warn <= busy);
        let was_long = entry.busy.is_some();
        entry.busy = is_long.then_some(busy);
        if is_long && !was_long {
            tracing::warn!(event.name = events::STRATEGY_SLOW, strategy.id = %id, work = %beat,
                busy_ms = busy.as_millis(), "a strategy works long on one input");
            self.say(id, events::STRATEGY_SLOW, format!("works long on {beat}"));
        }
        if is_long || was_long {
            self.show(id);
        }
        if after <= busy {
            self.on_hang(id, beat, after);
        }
    }

    fn on_hang(&mut self, id: &StrategyId, beat: Beat, after: Duration) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let is_asked = match entry.phase {
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
            Phase::Starting | Phase::Warming | Phase::Running => false,
            Phase::Stopped | Phase::Backoff { .. } | Phase::Halted { .. } => true,
        };
        if is_asked || entry.is_hung {
            return; // whoever ends it ends it by force when its grace is over
        }
        entry.is_hung = true;
        let message = format!("it worked on {} for {} s", words(beat), after.as_secs());
        let failure = Failure { class: FailureClass::Hang, message };
        self.on_failure(id, &failure, Ticket::none());
    }

    /// Forgets the pulse of an incarnation that has come to its end.
    pub(super) fn end_watch(&mut self, id: &StrategyId) {
        self.watch.pulses.forget(&Whose::Strategy(id.clone()));
        if let Some(entry) = self.entries.get_mut(id) {
            entry.pulse = Arc::default();
            (entry.busy, entry.is_hung, entry.will) = (None, false, None);
        }
    }

    /// A strategy cannot be ended: its thread burns, and what it holds can never be trusted again. Its failure is stored
    /// already; nothing is sent any more, and the process ends.
    pub(super) fn on_lost(&mut self, id: &StrategyId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.is_lost = true;
        let (was_hung, is_quarantined) =
            (entry.is_hung, matches!(entry.phase, Phase::Quarantine { .. }));
        self.end_watch(id);
        if !was_hung {
            // It was asked to end, or failed otherwise, and hangs since.
            let message = "it could not be ended".to_owned();
            self.on_failure(id, &Failure { class: FailureClass::Hang, message }, Ticket::none());
        }
        let why = format!("strategy {id} hangs and cannot be ended: its thread is lost");
        tracing::error!(event.name = events::PROCESS_COMPROMISED, strategy.id = %id,
            error.message = why, "a thread is lost; the process ends");
        // Nothing leaves this process any more; the next one comes up halted, until a person has looked.
        self.around.gates.seal();
        self.halts.raise(Cause::Watchdog, &why, "manager");
        self.say(id, events::PROCESS_COMPROMISED, why.clone());
        if is_quarantined {
            // A halt must be on record before the process ends; a retry belongs to the next one.
            let now = self.now();
            self.step(id, &Input::Settled { now }, "its thread is lost", Ticket::none());
        }
        self.around.clock.cancel(&Sleeper::Retry(id.as_str().to_owned()));
        self.is_ending = true;
        (self.emergency.0)(&why);
    }
}

/// Tells whether a strategy has a runtime that must move.
fn is_watched(entry: &Entry) -> bool {
    entry.actor.is_some() && !entry.is_lost
}

/// Returns the kind of the work without its number: the same hang must read the same.
fn words(beat: Beat) -> &'static str {
    beat.work().map_or("nothing", Work::name)
}

impl fmt::Debug for Emergency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emergency").finish_non_exhaustive()
    }
}
