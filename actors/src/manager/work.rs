//! What the manager starts and does not wait for: building an incarnation, and bringing one to its end.

use std::sync::Arc;
use std::time::Duration;

use ploy::kernel::{Kernel, Memory};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::restart::{Failure, FailureClass};
use ploy::strategy::Subscription;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::registry::Registration;
use crate::bus::Ticket;
use crate::panics;
use crate::ports::{Past, Permit};
use crate::record::Track;
use crate::runtime::{self, Surroundings};

/// How long an incarnation may take to say what must be remembered: it only has to finish its present input.
const REMEMBER_WITHIN: Duration = Duration::from_secs(5);
/// How long open orders may take to come to an end. A venue that does not answer by then is reported, and the
/// strategy goes on without them: should one fill after all, its books do not add up, and it halts.
const SETTLE_WITHIN: Duration = Duration::from_secs(120);

/// A kernel with its history, and what it wants to see.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) kernel: Kernel,
    pub(super) subscription: Subscription,
    pub(super) track: Track,
}

/// Builds an incarnation: lets it and no other send, and gives it its history. None of its orders is open, so
/// nothing of its own can happen until it is subscribed.
pub(super) async fn build(
    registration: Registration,
    incarnation: u64,
    memory: Memory,
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
    memory: Memory,
    around: Surroundings,
) -> Result<Built, Failure> {
    let config = &registration.config;
    let id = config.id.clone();
    around.executor.permit(id.clone(), Permit { incarnation, gate: Gate::Open }).await;
    let missing = |error: crate::ports::StoreError| Failure {
        class: FailureClass::Dependency,
        message: format!("read its history: {error}"),
    };
    let past = around.store.past(&id).await.map_err(missing)?;
    let last_order = around.store.last_order_number(&id).await.map_err(missing)?;
    let memory = memory.after_order(last_order);
    let mut track = around.recorder.begin(config, incarnation, &memory, &past);
    let build = Arc::clone(&registration.build);
    let panicked = |message| Err(Failure { class: FailureClass::Panic, message });
    let strategy = panics::catch(|| build())
        .unwrap_or_else(panicked)
        .inspect_err(|failure| track.end(&memory, Some(failure)))?;
    let subscription = strategy.subscription().clone();
    let mut kernel = Kernel::new(id.clone(), strategy, config.limits.clone(), memory);
    if let Err(failure) = recall(&mut kernel, &past) {
        track.end(&kernel.memory(), Some(&failure));
        return Err(failure);
    }
    Ok(Built { kernel, subscription, track })
}

fn recall(kernel: &mut Kernel, past: &[Past]) -> Result<(), Failure> {
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
}

/// Brings an incarnation to its end: nothing new passes, its open orders are cancelled and settled while it
/// still takes in what comes of them, then it is stopped, by force when it does not stop within its grace.
pub(super) async fn end(
    id: StrategyId,
    actor: Option<ActorRef<runtime::Msg>>,
    grace: Duration,
    around: Surroundings,
    ticket: Ticket,
) -> Ended {
    if let Some(actor) = &actor {
        drop(actor.cast(runtime::Msg::Gate(Gate::Closed))); // one that is gone needs no gate
    }
    let settle = around.executor.settle(id.clone(), ticket);
    let outcome = tokio::time::timeout(SETTLE_WITHIN, settle).await;
    let settled = matches!(outcome, Ok(Some(_)));
    let ticket = outcome.ok().flatten().unwrap_or_default();
    let memory = match &actor {
        Some(actor) => remember(actor).await,
        None => None,
    };
    if let Some(actor) = &actor {
        let stopped = actor.stop_and_wait(Some("asked to".to_owned()), Some(grace)).await;
        if stopped.is_err() {
            // It burns or hangs: kill it. Its orders are settled and it may send no more.
            drop(actor.kill_and_wait(Some(grace)).await);
        }
    }
    around.bus.unsubscribe(&id);
    Ended { memory, ticket, settled }
}

async fn remember(actor: &ActorRef<runtime::Msg>) -> Option<Memory> {
    let (reply, answer) = oneshot::channel();
    actor.cast(runtime::Msg::Remember(reply)).ok()?;
    tokio::time::timeout(REMEMBER_WITHIN, answer).await.ok()?.ok()
}
