//! The trigger of a look: which input moved the kernel to it, and of which instant that input was.

use serde::{Deserialize, Serialize};

use crate::market::Outcome;
use crate::time::Timestamp;

/// What moved a kernel to a look. It follows from the inputs, so it is no part of the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// What came.
    #[serde(flatten)]
    pub cause: Cause,
    /// When that was true. The look may be later: news can be late.
    pub at: Timestamp,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A market was announced.
    Market,
    /// A book came.
    Book {
        /// Whose.
        outcome: Outcome,
    },
    /// Somebody traded.
    Trade,
    /// The price of an underlying came.
    Spot,
    /// The state of a game came.
    Game,
    /// The price step of a market changed.
    Tick,
    /// A market was settled.
    Resolved,
    /// A feed came up or went down.
    Feed,
    /// Events were missed.
    Gap,
    /// The venue took an order of the strategy's own.
    OrderAccepted {
        /// Its number.
        order: u64,
    },
    /// An order of its own was refused.
    OrderRejected {
        /// Its number.
        order: u64,
    },
    /// The answer to an order of its own was lost.
    OrderUnknown {
        /// Its number.
        order: u64,
    },
    /// An order of its own was filled, or a part of it.
    OrderFilled {
        /// Its number.
        order: u64,
    },
    /// Nothing more of an order of its own will be filled.
    OrderEnded {
        /// Its number.
        order: u64,
    },
    /// The time that the strategy asked for came.
    Timer,
    /// Order entry was opened or closed.
    Gate,
    /// A person released the breaker.
    Release,
}
