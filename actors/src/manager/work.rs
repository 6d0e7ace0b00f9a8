//! What the manager starts and does not wait for: building an incarnation, and bringing one to its end.

use std::time::Duration;

use ploy::event::MarketEvent;
use ploy::kernel::{Kernel, Memory};
use ploy::lifecycle::Gate;
use ploy::order::{OrderEvent, StrategyId};
use ploy::restart::{Failure, FailureClass};
use ploy::strategy::fault::Fault;
use ploy::strategy::{Saved, Strategy, Subscription};
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::go_on;
use super::registry::Registration;
use crate::bus::Ticket;
use crate::panics;
use crate::ports::{Past, Permit, StoreError};
use crate::record::Track;
use crate::runtime::{self, Surroundings, Will};

/// How long an incarnation may take to say what must be remembered: it only has to finish its present input.
const REMEMBER_WITHIN: Duration = Duration::from_secs(5);
/// How long open orders may take to come to an end. A venue that does not answer by then is reported. The
/// strategy does not start again before it is known how they ended.
const SETTLE_WITHIN: Duration = Duration::from_secs(120);

/// How long a start waits for orders of an earlier incarnation, or process, to come to their known end, at most.
const CLEAR_WITHIN: Duration = Duration::from_secs(5);

/// A kernel with its history, and what it wants to see.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) kernel: Kernel,
    pub(super) subscription: Subscription,
    pub(super) track: Track,
    /// What it must be told of its orders before all else.
    pub(super) news: Vec<OrderEvent>,
}

/// Builds an incarnation: lets it and no other send, and gives it its history: with `memory` that of this process, else
/// what an earlier process left. Nothing of its own can happen until it is subscribed.
pub(super) async fn build(
    registration: Registration,
    incarnation: u64,
    memory: Option<Memory>,
    around: Surroundings,
) -> Result<Built, Failure> {
    let limit = registration.config.restart.start_timeout;
    let work = build_untimed(registration, incarnation, memory, around);
    match tokio::time::timeout(limit, work).await {
        Ok(built) => built,
        Err(_elapsed) => {
            let message = format!("not built within {} s", limit.as_secs());
            Err(Failure { class: FailureClass::StartTimeout, message })
        }
    }
}

async fn build_untimed(
    registration: Registration,
    incarnation: u64,
    memory: Option<Memory>,
    around: Surroundings,
) -> Result<Built, Failure> {
    let config = &registration.config;
    let id = config.id.clone();
    // Its past is complete, and nothing of it can happen any more, only when none of its orders is open.
    let within = CLEAR_WITHIN.min(config.restart.start_timeout / 2);
    let cleared = around.executor.clear(&id, within).await;
    cleared.map_err(|message| Failure { class: FailureClass::Dependency, message })?;
    around.executor.permit(id.clone(), Permit { incarnation, gate: Gate::Open }).await;
    let memory = match memory {
        None if around.store.entered().resume.is_some() => {
            return go_on::build(&registration, incarnation, &around).await;
        }
        memory => memory.unwrap_or_default(),
    };
    let past = around.store.past(&id).await.map_err(|error| missing(&error))?;
    let last_order = around.store.last_order_number(&id).await.map_err(|error| missing(&error))?;
    let memory = memory.after_order(last_order);
    let mut track = around.recorder.begin(config, incarnation, &memory, &past);
    let built = strategy(&registration, None).await;
    let strategy = built.inspect_err(|failure| track.end(&memory, Some(failure)))?;
    let subscription = strategy.subscription().clone();
    let mut kernel = Kernel::new(id.clone(), strategy, config.limits.clone(), memory);
    if let Err(failure) = recall(&mut kernel, &past) {
        track.end(&kernel.memory(), Some(&failure));
        return Err(failure);
    }
    Ok(Built { kernel, subscription, track, news: Vec::new() })
}

/// What a strategy needs cannot be read.
pub(super) fn missing(error: &StoreError) -> Failure {
    Failure { class: FailureClass::Dependency, message: format!("read its history: {error}") }
}

/// Builds a strategy: from what it saved, or anew.
pub(super) async fn strategy(
    registration: &Registration,
    saved: Option<&Saved>,
) -> Result<Box<dyn Strategy>, Failure> {
    let build = || match registration.restore.as_ref().zip(saved) {
        Some((restore, saved)) => restore(saved).map_err(|misfit| Failure {
            class: FailureClass::Config,
            message: format!("go on from what it knew: {misfit}"),
        }),
        None => (registration.build)(),
    };
    let built = panics::catch(|| {
        let mut strategy = build()?;
        let fault = strategy.fault(0);
        Ok::<_, Failure>((strategy, fault))
    });
    let died = |class, message| Failure { class, message };
    match built {
        Ok(Ok((strategy, None))) => Ok(strategy),
        Ok(Ok((_, Some(Fault::Error(why))))) => Err(died(FailureClass::Error, why)),
        Ok(Ok((_, Some(Fault::Config(why))))) => Err(died(FailureClass::Config, why)),
        Ok(Ok((strategy, Some(Fault::Drill(ordeal))))) => {
            runtime::undergo_start(ordeal).await;
            Ok(strategy)
        }
        Ok(Err(failure)) => Err(failure),
        Err(message) => Err(died(FailureClass::Panic, message)),
    }
}

/// Tells a kernel the past.
pub(super) fn recall(kernel: &mut Kernel, past: &[Past]) -> Result<(), Failure> {
    let recalled = panics::catch(|| {
        for fact in past {
            match fact {
                Past::Fill(fill) => kernel.recall_fill(fill)?,
                Past::Settled { market, payouts } => kernel.recall_settlement(*market, *payouts),
            }
        }
        Ok::<(), ploy::kernel::Broken>(())
    });
    match recalled {
        Ok(Ok(())) => Ok(()),
        Ok(Err(broken)) => {
            Err(Failure { class: FailureClass::Accounting, message: broken.to_string() })
        }
        Err(message) => Err(Failure { class: FailureClass::Panic, message }),
    }
}

/// What is left of an incarnation that was brought to its end.
#[derive(Debug)]
pub(super) struct Ended {
    /// What the next incarnation must remember, when it could be asked.
    pub(super) memory: Option<Memory>,
    /// The ticket of what closed its last order.
    pub(super) ticket: Ticket,
    /// Whether all its orders came to an end.
    pub(super) settled: bool,
    /// Whether it could not be ended: its thread is lost.
    pub(super) is_lost: bool,
    /// The market event at which it was killed.
    pub(super) poison: Option<MarketEvent>,
}

/// An incarnation that is to be brought to its end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) id: StrategyId,
    pub(super) actor: Option<ActorRef<runtime::Msg>>,
    /// What it leaves behind when it is killed.
    pub(super) will: Option<oneshot::Receiver<Will>>,
    /// Whether it hangs: it cannot be asked.
    pub(super) is_hung: bool,
    /// How long it may take to stop, and to die.
    pub(super) grace: Duration,
}

/// Brings an incarnation to its end: nothing new passes, its open orders are cancelled and settled while it
/// still takes in what comes of them, then it is stopped, by force when it does not stop within its grace. One that
/// hangs is killed at once, while its orders are settled. Where force does not end it either, nothing more is waited for.
pub(super) async fn end(ending: Ending, around: Surroundings, ticket: Ticket) -> Ended {
    let Ending { id, actor, will, is_hung, grace } = ending;
    if let Some(actor) = &actor {
        drop(actor.cast(runtime::Msg::Gate(Gate::Closed))); // one that is gone needs no gate
    }
    let (executor, whose) = (around.executor.clone(), id.clone());
    let settle = tokio::spawn(async move {
        let settle = executor.settle(whose, ticket);
        tokio::time::timeout(SETTLE_WITHIN, settle).await.ok().flatten()
    });
    let (mut will, mut memory) = (will, None);
    let mut killed = Killed::default();
    if let Some(actor) = actor.as_ref().filter(|_| is_hung) {
        killed = kill(actor, will.take(), grace).await;
        if killed.is_lost {
            let (ticket, poison) = (Ticket::none(), None);
            return Ended { memory: None, ticket, settled: false, is_lost: true, poison };
        }
    }
    if let Some(left) = will.take_if(|_| actor.is_none()) {
        // It has ended already; what it leaves is sent as it goes, and nothing comes of one that has said all.
        killed.will = tokio::time::timeout(grace, left).await.ok().and_then(Result::ok);
    }
    let outcome = settle.await.ok().flatten();
    let (settled, ticket) = (outcome.is_some(), outcome.unwrap_or_default());
    if let Some(actor) = actor.as_ref().filter(|_| !is_hung) {
        memory = remember(actor).await;
        let stopped = actor.stop_and_wait(Some("asked to".to_owned()), Some(grace)).await;
        if stopped.is_err() {
            // It burns or hangs. Its orders are settled and it may send no more.
            killed = kill(actor, will.take(), grace).await;
        }
    }
    around.bus.unsubscribe(&id);
    let Killed { will, is_lost } = killed;
    let (left, poison) = will.map_or((None, None), |will| (Some(will.memory), will.poison));
    Ended { memory: memory.or(left), ticket, settled, is_lost, poison }
}

/// What came of ending an incarnation by force.
#[derive(Debug, Default)]
struct Killed {
    will: Option<Will>,
    is_lost: bool,
}

/// Ends an incarnation by force: where it waits, it is gone at once; where it burns the CPU, nothing can end it.
async fn kill(
    actor: &ActorRef<runtime::Msg>,
    will: Option<oneshot::Receiver<Will>>,
    grace: Duration,
) -> Killed {
    let is_lost = actor.kill_and_wait(Some(grace)).await.is_err();
    // What it leaves is sent as it goes; of a kernel within an input nothing comes.
    let will = match will {
        Some(will) if !is_lost => tokio::time::timeout(grace, will).await.ok(),
        Some(_) | None => None,
    };
    Killed { will: will.and_then(Result::ok), is_lost }
}

async fn remember(actor: &ActorRef<runtime::Msg>) -> Option<Memory> {
    let (reply, answer) = oneshot::channel();
    actor.cast(runtime::Msg::Remember(reply)).ok()?;
    tokio::time::timeout(REMEMBER_WITHIN, answer).await.ok()?.ok()
}
