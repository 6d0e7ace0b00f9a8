//! The audit chain as others read it, and what may be deleted with age.

use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Page, Pending, StoreError};

/// The oldest rows of a table that explain and count for nothing, of runs that began before an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune {
    /// When it is done, by the machine's clock.
    pub at: Timestamp,
    /// Of which table.
    pub table: Prunable,
    /// Of runs that began before this, by the machine's clock; never of the run in progress.
    pub before: Timestamp,
    /// How many rows at most.
    pub rows_max: u32,
}

/// A table whose rows explain and count for nothing: what a later run needs is in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// Intents with what was compared.
    Decisions,
    /// Failures of parts.
    Errors,
    /// Moves from phase to phase.
    Lifecycle,
    /// Trips of breakers.
    RiskEvents,
}

/// A row of the audit chain as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number in the chain.
    pub number: u64,
    /// When it was written, by the machine's clock.
    pub at: Timestamp,
    /// When what it tells of was true.
    pub event_at: Timestamp,
    /// In which run.
    pub run: String,
    /// The strategy that it is about, where it is about one.
    pub strategy: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// How that was before, where it is known.
    pub before: Option<Value>,
    /// How it is now.
    pub after: Option<Value>,
    /// Its hash, 64 hex digits.
    pub hash: String,
}

/// Which rows of the chain are wanted, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only those about this strategy.
    pub strategy: Option<String>,
    /// Only those of this actor.
    pub actor: Option<String>,
    /// Only those of this action.
    pub action: Option<String>,
    /// Only those written at this instant or later.
    pub since: Option<Timestamp>,
    /// Only those written before this instant.
    pub until: Option<Timestamp>,
    /// Only those with a lower number.
    pub before: Option<i64>,
    /// How many at most, 1 to 1000.
    pub limit: u32,
}

/// Reads the audit chain; used by the API.
pub trait AuditRecords: Send + Sync + 'static {
    /// Returns a page of the chain, the newest first. A page may hold fewer rows than asked for, even none, and yet
    /// have a next one: so many rows are looked through for a page and no more.
    fn audit(&self, query: AuditQuery) -> Pending<'_, Result<Page<AuditRecord>, StoreError>>;
}

impl Prunable {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Decisions, Self::Errors, Self::Lifecycle, Self::RiskEvents];

    /// Returns the name of the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Errors => "errors",
            Self::Lifecycle => "lifecycle",
            Self::RiskEvents => "risk_events",
        }
    }
}
