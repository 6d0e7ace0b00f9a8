//! Gates as orders meet them: the switch that is read right before an order leaves, and who is told when it moves.
//!
//! An order leaves under the same lock under which the switch moves. So when [`Switch::set`] returns nothing passes
//! by the older gates any more, whatever waits in mailboxes and lanes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ploy::halt::{Gates, lets_pass};
use ploy::intent::Purpose;
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use tokio::sync::oneshot;

/// The switch of all gates. Cheap to clone.
#[derive(Clone, Default)]
pub struct Switch {
    inner: Arc<Inner>,
}

/// Tells a runtime that the gates have moved; the sender is used, or dropped, when its kernel knows. Must not block.
pub type Tell = Box<dyn Fn(oneshot::Sender<()>) + Send + Sync>;

/// Whose answer is waited for.
pub type Waiting = Vec<(StrategyId, oneshot::Receiver<()>)>;

#[derive(Default)]
struct Inner {
    held: RwLock<Held>,
    tells: Mutex<BTreeMap<StrategyId, Tell>>,
}

#[derive(Debug, Default)]
struct Held {
    /// Nothing passes any more, for good: the service ends.
    is_sealed: bool,
    all: Gate,
    own: BTreeMap<StrategyId, Gate>,
}

impl Switch {
    /// Returns what a strategy may send as far as halts and pauses go.
    #[must_use]
    pub fn gate(&self, id: &StrategyId) -> Gate {
        self.read().of(id)
    }

    /// Moves to these gates. When it returns nothing passes by the older ones any more.
    pub fn set(&self, gates: &Gates) {
        let mut held = self.write();
        held.all = gates.all();
        held.own = gates.paused().map(|(id, gate)| (id.clone(), gate)).collect();
    }

    /// Lets nothing pass any more, for good. When it returns the last order has left.
    pub fn seal(&self) {
        self.write().is_sealed = true;
    }

    /// Sends an order of this purpose, unless its gate is closed to it.
    ///
    /// # Errors
    /// The gate that it does not pass; nothing was sent.
    pub fn pass(&self, id: &StrategyId, purpose: Purpose, send: impl FnOnce()) -> Result<(), Gate> {
        let held = self.read();
        let gate = held.of(id);
        if !lets_pass(gate, purpose) {
            return Err(gate);
        }
        send();
        drop(held);
        Ok(())
    }

    /// Says how a strategy's runtime is told; the newest runtime of a strategy counts.
    pub fn listen(&self, id: &StrategyId, tell: Tell) {
        self.tells().insert(id.clone(), tell);
    }

    /// Tells every runtime that the gates have moved. Returns whose answer can be waited for; one that is gone
    /// drops its answer.
    #[must_use]
    pub fn tell(&self) -> Waiting {
        let tells = self.tells();
        let told = tells.iter().map(|(id, tell)| {
            let (reply, answer) = oneshot::channel();
            tell(reply);
            (id.clone(), answer)
        });
        told.collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        // No code panics between two halves of a change, so a poisoned state is still whole.
        self.inner.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.inner.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn tells(&self) -> std::sync::MutexGuard<'_, BTreeMap<StrategyId, Tell>> {
        self.inner.tells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, id: &StrategyId) -> Gate {
        if self.is_sealed {
            return Gate::Closed;
        }
        self.all.max(self.own.get(id).copied().unwrap_or_default())
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::halt::{Cause, Input, Scope, Why};

    fn why() -> Why {
        Why {
            reason: "r".to_owned(),
            actor: "a".to_owned(),
            since: ploy::time::Timestamp::UNIX_EPOCH,
        }
    }

    fn passes(switch: &Switch, name: &str, purpose: Purpose) -> Result<(), Gate> {
        let mut sent = false;
        let passed = switch.pass(&name.parse().unwrap(), purpose, || sent = true);
        assert_eq!(passed.is_ok(), sent);
        passed
    }

    #[test]
    fn an_order_passes_as_far_as_its_gate_allows_and_nothing_passes_a_sealed_one() {
        let switch = Switch::default();
        let mut gates = Gates::default();
        assert_eq!(passes(&switch, "a", Purpose::Entry), Ok(()));
        gates.next(Input::Raise { cause: Cause::Operator, why: why() }).unwrap();
        let scope = Scope::One("b".parse().unwrap());
        gates.next(Input::Pause { scope, gate: Gate::Closed, why: why() }).unwrap();
        switch.set(&gates);
        assert_eq!(passes(&switch, "a", Purpose::Entry), Err(Gate::ReduceOnly));
        assert_eq!(passes(&switch, "a", Purpose::Exit), Ok(()));
        assert_eq!(passes(&switch, "b", Purpose::Exit), Err(Gate::Closed));
        switch.seal();
        assert_eq!(passes(&switch, "a", Purpose::Exit), Err(Gate::Closed));
        switch.set(&Gates::default());
        assert_eq!(passes(&switch, "a", Purpose::Exit), Err(Gate::Closed), "for good");
    }

    #[test]
    fn the_newest_runtime_of_a_strategy_is_told_and_one_that_is_gone_keeps_nobody_waiting() {
        let switch = Switch::default();
        let id: StrategyId = "a".parse().unwrap();
        switch.listen(&id, Box::new(|_| panic!("an older runtime")));
        switch.listen(&id, Box::new(drop));
        let mut waiting = switch.tell();
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].1.try_recv().is_err());
    }
}
