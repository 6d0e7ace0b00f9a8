//! What earlier processes left of halts and pauses: a new one comes up as held back as the last one was.

use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::{Unreadable, within, word};
use super::rows::{Insert, Place, start};
use super::sql::sql;
use crate::ports::StoreError;
use crate::ports::gates::GateRecord;

const GATES: &str = "select strategy, at, cause, gate, reason, actor from ( \
     select g.strategy, g.at, g.cause, g.gate, g.reason, g.actor, row_number() over ( \
         partition by g.strategy, g.cause order by r.number desc, g.seq desc) as age \
     from gates g join runs r on r.run = g.run) as aged \
     where age = 1 and gate <> 'open' order by strategy, cause";

#[derive(FromRow)]
struct GateRow {
    strategy: String,
    at: i64,
    cause: String,
    gate: String,
    reason: String,
    actor: String,
}

/// Returns how one is written.
pub(super) fn insert(place: Place<'_>, record: &GateRecord) -> Insert {
    const SQL: &str = "insert into gates (run, seq, strategy, at, cause, gate, reason, actor) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
    let strategy = record.strategy.as_ref().map_or("", StrategyId::as_str);
    start(SQL, place, Some(strategy), record.at)
        .bind(record.cause.clone())
        .bind(record.gate.name())
        .bind(record.reason.clone())
        .bind(record.actor.clone())
}

impl Store {
    /// Returns what holds orders back over all runs, by strategy and cause. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn gate_records(&self) -> Result<Vec<GateRecord>, StoreError> {
        self.flush().await?;
        let read = self.inner.pool.all::<GateRow>(sql(GATES));
        let rows = within(&self.inner.shared, read).await?.into_iter();
        Ok(rows.map(GateRow::record).collect::<Result<_, _>>()?)
    }
}

impl GateRow {
    fn record(self) -> Result<GateRecord, Unreadable> {
        let strategy = match self.strategy.as_str() {
            "" => None,
            id => Some(word(id)?),
        };
        // An unknown word is of a newer program: the strictest is the safe way to read it.
        let gate = match self.gate.as_str() {
            "reduce_only" => Gate::ReduceOnly,
            _ => Gate::Closed,
        };
        let at = Timestamp::from_micros(self.at);
        let Self { cause, reason, actor, .. } = self;
        Ok(GateRecord { at, strategy, cause, gate, reason, actor })
    }
}
