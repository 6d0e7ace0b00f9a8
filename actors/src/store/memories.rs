//! Memories: what strategies remember and no fact tells, the newest of each, and what was told of their orders since.

use std::collections::BTreeSet;

use ploy::order::{
    ClientOrderId, DoneCause, Fill, OrderEvent, Origin, StrategyId, Submission, Update,
};
use ploy::price::Size;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::{FillRow, Unreadable, number, within};
use super::rows::{Insert, Place, count};
use super::sql::sql;
use crate::ports::StoreError;
use crate::ports::memory::{MemoryRecord, Outlived};

const MEMORY: &str = "select at, start_number, incarnation, inputs, events, version, body \
     from memories where run = $1 and strategy = $2";

const STORED: &str = "select number from orders where run = $1 and strategy = $2 and number >= $3";

const TOLD: &str = "select number, at, kind, fill, cause, unfilled from order_events \
     where run = $1 and strategy = $2 and number >= $3 order by seq";

const FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, fee, \
     liquidity from fills where run = $1 and strategy = $2 and number >= $3 order by seq";

const LAST_DECISION: &str = "select cast(coalesce(max(number), 0) as bigint) from decisions \
     where run = $1 and strategy = $2";

#[derive(FromRow)]
struct MemoryRow {
    at: i64,
    start_number: i64,
    incarnation: i64,
    inputs: i64,
    events: i64,
    version: i64,
    body: String,
}

#[derive(FromRow)]
struct ToldRow {
    number: i64,
    at: i64,
    kind: String,
    fill: i64,
    cause: Option<String>,
    unfilled: Option<i64>,
}

/// Returns how one is written: over an older one of the same strategy, never over a newer one.
pub(super) fn insert(place: Place<'_>, record: &MemoryRecord) -> Insert {
    const SQL: &str = "insert into memories (run, strategy, at, start_number, incarnation, inputs, events, version, \
         body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (run, strategy) do update set at = excluded.at, start_number = excluded.start_number, \
             incarnation = excluded.incarnation, inputs = excluded.inputs, events = excluded.events, \
             version = excluded.version, body = excluded.body \
         where (memories.start_number, memories.incarnation, memories.inputs) \
             <= (excluded.start_number, excluded.incarnation, excluded.inputs)";
    sql(SQL)
        .bind(place.run)
        .bind(record.strategy.as_str())
        .bind(record.at.micros())
        .bind(count(record.start))
        .bind(count(record.incarnation))
        .bind(count(record.inputs))
        .bind(count(record.events))
        .bind(i64::from(record.version))
        .bind(record.body.as_str())
}

impl Store {
    /// Returns what a strategy of this run remembered last. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or it cannot be read.
    pub async fn memory(&self, strategy: &StrategyId) -> Result<Option<MemoryRecord>, StoreError> {
        self.flush().await?;
        let read = sql(MEMORY).bind(&*self.inner.run).bind(strategy.as_str());
        let rows = within(&self.inner.shared, self.inner.pool.all::<MemoryRow>(read)).await?;
        let row = rows.into_iter().next();
        Ok(row.map(|row| row.record(strategy)).transpose()?)
    }

    /// Returns what was told of the orders of a strategy from this number on, which of them are stored, and what its
    /// last decision was. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or it cannot be read.
    pub async fn told(&self, strategy: &StrategyId, from: u64) -> Result<Outlived, StoreError> {
        self.flush().await?;
        let run = &*self.inner.run;
        let (id, first) = (strategy.as_str(), count(from));
        let (stored, told, fills, last) = within(&self.inner.shared, async {
            let mut snapshot = self.inner.pool.snapshot().await?;
            let mut link = snapshot.link();
            let of = |text: &'static str| sql(text).bind(run).bind(id);
            let stored: Vec<(i64,)> = of(STORED).bind(first).all(&mut link).await?;
            let told: Vec<ToldRow> = of(TOLD).bind(first).all(&mut link).await?;
            let fills: Vec<FillRow> = of(FILLS).bind(first).all(&mut link).await?;
            let last: (i64,) = of(LAST_DECISION).one(&mut link).await?;
            snapshot.end().await?;
            Ok((stored, told, fills, last))
        })
        .await?;
        let stored =
            stored.into_iter().map(|(n,)| number(n)).collect::<Result<BTreeSet<_>, _>>()?;
        let fills = fills.into_iter().map(FillRow::fill).collect::<Result<Vec<_>, _>>()?;
        let told = told.into_iter().map(|row| row.event(strategy, &fills));
        let told = told.collect::<Result<Vec<_>, _>>()?;
        Ok(Outlived { stored, told, last_decision: number(last.0)? })
    }
}

impl MemoryRow {
    fn record(self, strategy: &StrategyId) -> Result<MemoryRecord, Unreadable> {
        Ok(MemoryRecord {
            strategy: strategy.clone(),
            at: Timestamp::from_micros(self.at),
            start: number(self.start_number)?,
            incarnation: number(self.incarnation)?,
            inputs: number(self.inputs)?,
            events: number(self.events)?,
            version: u32::try_from(self.version).unwrap_or(u32::MAX),
            body: self.body,
        })
    }
}

impl ToldRow {
    fn event(self, strategy: &StrategyId, fills: &[Fill]) -> Result<OrderEvent, Unreadable> {
        let order = ClientOrderId { strategy: strategy.clone(), number: number(self.number)? };
        let cause = self.cause.as_deref().unwrap_or_default();
        let update = match self.kind.as_str() {
            "accepted" => Update::Submitted(Submission::Accepted),
            "unknown" => Update::Submitted(Submission::Unknown),
            // Who refused is not stored: it counts for nothing, as what we refused ourselves.
            "rejected" => Update::Submitted(Submission::Rejected {
                reason: cause.to_owned(),
                origin: Origin::Unsent,
            }),
            "filled" => {
                let is = |fill: &&Fill| fill.order == order && i64::from(fill.number) == self.fill;
                let fill = fills.iter().find(is);
                let lost = || Unreadable(format!("fill {} of {order} is not stored", self.fill));
                Update::Filled(fill.ok_or_else(lost)?.clone())
            }
            "done" => Update::Done {
                unfilled: Size::from_micros(self.unfilled.unwrap_or_default())?,
                cause: done(cause)?,
            },
            other => return Err(Unreadable(format!("`{other}` is nothing that orders do"))),
        };
        Ok(OrderEvent { at: Timestamp::from_micros(self.at), order, update })
    }
}

/// Reads why an order ended.
fn done(text: &str) -> Result<DoneCause, Unreadable> {
    match text {
        "filled" => Ok(DoneCause::Filled),
        "unmatched" => Ok(DoneCause::Unmatched),
        "cancelled" => Ok(DoneCause::Cancelled),
        "resolved" => Ok(DoneCause::Resolved),
        "absent" => Ok(DoneCause::Absent),
        other => Err(Unreadable(format!("`{other}` ends no order"))),
    }
}
