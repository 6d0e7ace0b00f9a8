//! What the next process must know of this one.

use ploy::time::Timestamp;

/// What the next process must know of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// What.
    pub event: ProcessEvent,
}

/// What can become of a process that the next must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It ends in good order.
    Ended,
    /// It is in safe mode.
    SafeModeEntered {
        /// Why.
        reason: String,
    },
    /// A person has left safe mode.
    SafeModeLeft {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
}

/// The source of a run was played to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayedRecord {
    /// The last instant, on the time that decisions run on.
    pub at: Timestamp,
    /// How many events there were.
    pub events: u64,
}
