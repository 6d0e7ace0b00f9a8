//! Decisions with their grounds as rows, and whose rows are read.

use ploy::order::StrategyId;
use sqlx::FromRow;

use super::cells::{Unreadable, json};
use super::history::DecisionRow;
use crate::ports::DecisionRecord;
use crate::ports::why::Grounds;

/// The columns of a decision with its grounds.
macro_rules! decision_columns {
    () => {
        "select seq, strategy, number, at, market_id, market, verdict, cause, intent, numbers, \
         moved_by, gates, risk from decisions where run = $1 and strategy = $2 "
    };
}
pub(super) use decision_columns;

/// A decision with its grounds.
#[derive(FromRow)]
pub(super) struct GroundedRow {
    #[sqlx(flatten)]
    decision: DecisionRow,
    moved_by: Option<String>,
    gates: Option<String>,
    risk: Option<String>,
}

/// Whose records are read, of which run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) run: &'a str,
    pub(super) strategy: &'a StrategyId,
}

/// A read that failed: by the database, or by what stands in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Cell(#[from] Unreadable),
}

impl GroundedRow {
    pub(super) fn record(self) -> Result<DecisionRecord, Unreadable> {
        let Self { decision, moved_by, gates, risk } = self;
        let (_, record) = decision.record()?;
        let grounds = match (moved_by, gates) {
            (Some(moved_by), Some(gates)) => Some(Grounds {
                trigger: json("trigger of a decision", &moved_by)?,
                gates: json("gates of a decision", &gates)?,
                risk: risk.map(|risk| json("risk rules of a decision", &risk)).transpose()?,
            }),
            // An older version stored it.
            (_, _) => None,
        };
        Ok(DecisionRecord { grounds, ..record })
    }
}
