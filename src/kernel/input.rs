//! Everything that can move a kernel, and what it is as the trigger of a look.

use crate::event::{Kind, MarketEvent};
use crate::lifecycle::Gate;
use crate::order::{OrderEvent, Submission, Update};
use crate::time::Timestamp;
use crate::trigger::{Cause, Trigger};

/// Everything that can move a kernel.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Something happened outside.
    Market(MarketEvent),
    /// Something happened to an order of this strategy.
    Order(OrderEvent),
    /// The time that it asked for has come.
    Timer(Timestamp),
    /// Order entry was opened or closed.
    Gate {
        /// When.
        at: Timestamp,
        /// What may pass from now on.
        gate: Gate,
    },
    /// A person released the tripped breaker.
    Release {
        /// When.
        at: Timestamp,
    },
}

impl Input {
    /// Returns what the input is as the trigger of a look.
    #[must_use]
    pub const fn trigger(&self) -> Trigger {
        match self {
            Self::Market(event) => Trigger { cause: market(event), at: event.at },
            Self::Order(event) => Trigger { cause: order(event), at: event.at },
            Self::Timer(at) => Trigger { cause: Cause::Timer, at: *at },
            Self::Gate { at, .. } => Trigger { cause: Cause::Gate, at: *at },
            Self::Release { at } => Trigger { cause: Cause::Release, at: *at },
        }
    }
}

const fn market(event: &MarketEvent) -> Cause {
    match &event.kind {
        Kind::Market(_) => Cause::Market,
        Kind::Book { outcome, .. } => Cause::Book { outcome: *outcome },
        Kind::Trade(_) => Cause::Trade,
        Kind::Spot { .. } => Cause::Spot,
        Kind::Game(_) => Cause::Game,
        Kind::Tick { .. } => Cause::Tick,
        Kind::Resolved { .. } => Cause::Resolved,
        Kind::Feed { .. } => Cause::Feed,
        Kind::Gap { .. } => Cause::Gap,
    }
}

const fn order(event: &OrderEvent) -> Cause {
    let order = event.order.number;
    match &event.update {
        Update::Submitted(Submission::Accepted) => Cause::OrderAccepted { order },
        Update::Submitted(Submission::Rejected { .. }) => Cause::OrderRejected { order },
        Update::Submitted(Submission::Unknown) => Cause::OrderUnknown { order },
        Update::Filled(_) => Cause::OrderFilled { order },
        Update::Done { .. } => Cause::OrderEnded { order },
    }
}
