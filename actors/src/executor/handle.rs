//! The ends at which others hand orders and requests to the executor, and what travels between.

use std::time::Duration;

use ploy::kernel::Order;
use ploy::order::StrategyId;
use tokio::sync::{mpsc, oneshot};

use crate::bus::Ticket;
use crate::ports::Permit;
use crate::ports::memory::MemoryRecord;

/// Orders that may wait to be stored. The guard's throttle keeps a strategy far below it.
const LANE_MAX: usize = 1024;

/// The ends at which orders and requests go in.
#[derive(Clone, Debug)]
pub struct ExecutorHandle {
    orders: mpsc::Sender<Job>,
    control: mpsc::Sender<Control>,
}

/// The ends at which the worker takes.
#[derive(Debug)]
pub struct Lanes {
    pub(super) orders: mpsc::Receiver<Job>,
    pub(super) control: mpsc::Receiver<Control>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) order: Order,
    /// What its strategy remembers with it: stored in the same transaction.
    pub(super) memory: Option<Box<MemoryRecord>>,
    pub(super) incarnation: u64,
    pub(super) ticket: Ticket,
}

#[derive(Debug)]
pub(super) enum Control {
    Permit { strategy: StrategyId, permit: Permit, done: oneshot::Sender<()> },
    Settle { strategy: StrategyId, ticket: Ticket, done: oneshot::Sender<Ticket> },
    Clear { strategy: StrategyId, done: oneshot::Sender<Ticket> },
    Open { strategy: StrategyId, reply: oneshot::Sender<Vec<String>> },
    Drain { done: oneshot::Sender<()> },
}

/// Why an order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait.
    #[error("not sent: too many orders wait to be stored")]
    Full,
    /// The executor has ended.
    #[error("not sent: order entry has ended")]
    Ended,
}

impl ExecutorHandle {
    /// Returns the handle and the ends for the worker.
    #[must_use]
    pub fn new() -> (Self, Lanes) {
        let (orders, orders_rx) = mpsc::channel(LANE_MAX);
        let (control, control_rx) = mpsc::channel(LANE_MAX);
        (Self { orders, control }, Lanes { orders: orders_rx, control: control_rx })
    }

    /// Hands over an approved order of an incarnation of a strategy, with what the strategy remembers by then, which
    /// is stored with it. Its outcome comes as an order event.
    ///
    /// # Errors
    /// When the lane is full or closed: nothing was stored or sent, and no event will come.
    pub fn submit(
        &self,
        order: Order,
        memory: Option<Box<MemoryRecord>>,
        incarnation: u64,
        ticket: Ticket,
    ) -> Result<(), NotTaken> {
        let job = Job { order, memory, incarnation, ticket };
        self.orders.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotTaken::Full,
            mpsc::error::TrySendError::Closed(_) => NotTaken::Ended,
        })
    }

    /// Lets this incarnation of a strategy, and no other, send. Returns when it is in force.
    pub async fn permit(&self, strategy: StrategyId, permit: Permit) {
        let (done, in_force) = oneshot::channel();
        let asked = self.control.send(Control::Permit { strategy, permit, done }).await;
        if asked.is_ok() {
            // A worker that has ended sends nothing any more: that is as good as closed.
            drop(in_force.await);
        }
    }

    /// Refuses a strategy's orders from now on, cancels its open ones, and returns when none is open, with
    /// the ticket of what closed the last one. Nothing when the executor has ended.
    pub async fn settle(&self, strategy: StrategyId, ticket: Ticket) -> Option<Ticket> {
        let (done, settled) = oneshot::channel();
        self.control.send(Control::Settle { strategy, ticket, done }).await.ok()?;
        settled.await.ok()
    }

    /// Returns when none of a strategy's orders is open, of whatever incarnation or process: only then is its past
    /// complete.
    ///
    /// # Errors
    /// When that takes longer than this: which are open, and why.
    pub async fn clear(&self, strategy: &StrategyId, within: Duration) -> Result<(), String> {
        let (done, cleared) = oneshot::channel();
        let asked = self.control.send(Control::Clear { strategy: strategy.clone(), done }).await;
        if asked.is_ok() && tokio::time::timeout(within, cleared).await.is_ok() {
            // A worker that has ended lets nothing pass anyway.
            return Ok(());
        }
        let (reply, open) = oneshot::channel();
        let asked = self.control.send(Control::Open { strategy: strategy.clone(), reply }).await;
        match (asked, open.await) {
            (Ok(()), Ok(open)) if open.is_empty() => Ok(()),
            (Ok(()), Ok(open)) => {
                Err(format!("nobody knows yet how its orders ended: {}", open.join(", ")))
            }
            (Ok(()), Err(_)) | (Err(_), _) => Err("order entry has ended".to_owned()),
        }
    }

    /// Returns when all that the venue has told so far is stored; orders that wait are refused from now on.
    pub async fn drain(&self) {
        let (done, drained) = oneshot::channel();
        if self.control.send(Control::Drain { done }).await.is_ok() {
            // A worker that has ended has stored what it could.
            drop(drained.await);
        }
    }
}
