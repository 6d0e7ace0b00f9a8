//! What outlives the process of a strategy, as it is stored and read.

use std::collections::BTreeSet;

use ploy::order::{OrderEvent, StrategyId};
use ploy::time::Timestamp;

/// What a strategy remembers and no fact tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryRecord {
    /// The strategy.
    pub strategy: StrategyId,
    /// The newest instant that it knows.
    pub at: Timestamp,
    /// Which start of the program within the run it is of.
    pub start: u64,
    /// Which incarnation within that start.
    pub incarnation: u64,
    /// How many inputs it had taken in.
    pub inputs: u64,
    /// How many events of the source were played.
    pub events: u64,
    /// Of which form the body is.
    pub version: u32,
    /// JSON.
    pub body: String,
}

/// What was stored of a strategy's orders, from the lowest number that is asked for, and of its decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlived {
    /// The numbers of the orders that are stored.
    pub stored: BTreeSet<u64>,
    /// What was told of these, in the order in which it was stored.
    pub told: Vec<OrderEvent>,
    /// The highest number of a stored decision; 0 where there is none.
    pub last_decision: u64,
}
