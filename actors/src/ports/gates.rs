//! Gates as others ask for them and keep them: the brake that people reach for, and the row that outlives a process.

use ploy::halt::{Scope, StillThere};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Pending;

/// What holds orders back since when, or that it is over. Of each pair of strategy and cause the newest one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// Whom it is about; absent: all strategies.
    pub strategy: Option<StrategyId>,
    /// The cause of a halt, or `pause`.
    pub cause: String,
    /// What it lets pass; open: it is over.
    pub gate: Gate,
    /// Why, for people.
    pub reason: String,
    /// Who wanted or noticed it.
    pub actor: String,
}

/// What a person wants of the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Halt all strategies.
    Halt,
    /// Let all go on: ends every halt, and the pause of all.
    Resume,
    /// Let no more than this pass; open ends the pause.
    Pause(Scope, Gate),
}

/// A wish, with who wishes it and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is wanted.
    pub wish: Wish,
    /// Why, for people.
    pub reason: String,
    /// Who: `cli`, `api`, or a name.
    pub actor: String,
}

/// What came of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Whether anything was changed by it.
    pub changed: bool,
    /// What came of it, for people.
    pub said: String,
    /// What halts and pauses of all leave to every strategy now.
    pub gate: Gate,
    /// How many running strategies have taken it in.
    pub strategies: u64,
    /// Running strategies that had not taken it in when this was answered. Their orders are held back all the same.
    pub late: Vec<StrategyId>,
    /// How long it took until the last one had taken it in, or was given up, in microseconds.
    pub within_us: u64,
    /// Whether it outlives the process by now.
    pub durable: bool,
}

/// Why a wish was not granted. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// What halts all is still there.
    #[error("{0}{hint}", hint = hint(.0))]
    StillThere(StillThere),
    /// What is to be opened could not be written down: the next process would come up otherwise.
    #[error("all stays as it is: it cannot be stored ({0})")]
    NotStored(String),
    /// A reason that is missing or too long, or a name that is no name.
    #[error("{0}")]
    Unfit(String),
}

/// What people halt and pause with.
pub trait Brake: Send + Sync + 'static {
    /// Grants a wish. When it is answered nothing passes by the older gates any more.
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Turned, Denied>>;
}

fn hint(still: &StillThere) -> &'static str {
    match still.cause {
        ploy::halt::Cause::SignalFile => "; remove the file first",
        ploy::halt::Cause::StoreOutage => "; mend the store first",
        ploy::halt::Cause::VenueOutage => "; wait for the venue",
        ploy::halt::Cause::Operator
        | ploy::halt::Cause::AccountBroken
        | ploy::halt::Cause::Watchdog => "",
    }
}
