//! Pages of what was stored, newest first, for people: decisions, orders with what came of them, fills.

use ploy::order::{ClientOrderId, StrategyId};
use ploy::price::{Price, Size};
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::{FillRow, Unreadable, json, number, outcome, side, within, word};
use super::sql::{Record, sql};
use crate::ports::{
    DecisionRecord, FillRecord, OrderRecord, Page, Pending, Query, Records, StoreError,
};

const DECISIONS: &str = "select seq, strategy, number, at, market_id, market, verdict, cause, intent, \
     numbers from decisions where run = $1 and strategy = $2 and seq < $3 order by seq desc limit $4";

/// The columns of an order, with what came of it by the events that fit.
macro_rules! order_columns {
    ($events:literal) => {
        concat!(
            "select o.seq, o.number, o.at, o.market, o.outcome, o.side, o.limit_price, o.size, \
             o.time_in_force, o.purpose, \
             coalesce((select cast(sum(e.size) as bigint) from fills e where e.run = o.run \
                 and e.strategy = o.strategy and e.number = o.number",
            $events,
            "), 0) as filled, \
             (select e.cause from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind = 'done'",
            $events,
            ") as done, \
             (select e.cause from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind = 'rejected'",
            $events,
            ") as rejected, \
             (select count(*) from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind = 'accepted'",
            $events,
            ") as accepted, \
             (select count(*) from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind = 'unknown'",
            $events,
            ") as unknown from orders o where o.run = $1 and o.strategy = $2 "
        )
    };
}
pub(super) use order_columns;

const ORDERS: &str = concat!(order_columns!(""), "and o.seq < $3 order by o.seq desc limit $4");

const FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, fee, \
     liquidity from fills where run = $1 and strategy = $2 and seq < $3 order by seq desc limit $4";

#[derive(FromRow)]
pub(super) struct DecisionRow {
    seq: i64,
    strategy: String,
    number: i64,
    at: i64,
    market_id: Option<String>,
    market: Option<String>,
    verdict: String,
    cause: String,
    intent: Option<String>,
    numbers: String,
}

#[derive(FromRow)]
pub(super) struct OrderRow {
    seq: i64,
    number: i64,
    at: i64,
    market: String,
    outcome: String,
    side: String,
    limit_price: i64,
    size: i64,
    time_in_force: String,
    purpose: String,
    filled: i64,
    done: Option<String>,
    rejected: Option<String>,
    accepted: i64,
    unknown: i64,
}

impl Records for Store {
    fn decisions(&self, query: Query) -> Pending<'_, Result<Page<DecisionRecord>, StoreError>> {
        Box::pin(self.page(DECISIONS, query, |row: DecisionRow, _| row.record()))
    }

    fn orders(&self, query: Query) -> Pending<'_, Result<Page<OrderRecord>, StoreError>> {
        Box::pin(self.page(ORDERS, query, OrderRow::record))
    }

    fn fills(&self, query: Query) -> Pending<'_, Result<Page<FillRecord>, StoreError>> {
        Box::pin(self.page(FILLS, query, |row: FillRow, _| row.record()))
    }
}

impl Store {
    /// Reads one page, and one row more to know whether another page follows.
    async fn page<R: Record, T>(
        &self,
        text: &'static str,
        query: Query,
        record: impl Fn(R, &StrategyId) -> Result<(i64, T), Unreadable> + Send,
    ) -> Result<Page<T>, StoreError> {
        let limit = query.limit.clamp(1, 1000);
        let read = sql(text)
            .bind(&*self.inner.run)
            .bind(query.strategy.as_str())
            .bind(query.before.unwrap_or(i64::MAX))
            .bind(i64::from(limit) + 1);
        let mut records = Vec::new();
        for row in within(&self.inner.shared, self.inner.pool.all::<R>(read)).await? {
            records.push(record(row, &query.strategy)?);
        }
        let length = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = length < records.len();
        records.truncate(length);
        Ok(Page {
            next: records.last().map(|(seq, _)| *seq).filter(|_| more),
            items: records.into_iter().map(|(_, record)| record).collect(),
        })
    }
}

impl DecisionRow {
    pub(super) fn record(self) -> Result<(i64, DecisionRecord), Unreadable> {
        let record = DecisionRecord {
            seq: number(self.number)?,
            at: Timestamp::from_micros(self.at),
            strategy: word(&self.strategy)?,
            market_id: self.market_id,
            market: self.market,
            verdict: self.verdict,
            cause: self.cause,
            intent: self.intent,
            numbers: json("numbers of a decision", &self.numbers)?,
            grounds: None,
        };
        Ok((self.seq, record))
    }
}

impl OrderRow {
    pub(super) fn record(self, strategy: &StrategyId) -> Result<(i64, OrderRecord), Unreadable> {
        let (state, cause) = self.state();
        let record = OrderRecord {
            id: ClientOrderId { strategy: strategy.clone(), number: number(self.number)? },
            at: Timestamp::from_micros(self.at),
            market_id: self.market,
            outcome: outcome(&self.outcome)?,
            side: side(&self.side)?,
            limit: Price::from_micros(self.limit_price)?,
            size: Size::from_micros(self.size)?,
            time_in_force: self.time_in_force,
            purpose: self.purpose,
            state: state.to_owned(),
            filled: Size::from_micros(self.filled)?,
            cause,
        };
        Ok((self.seq, record))
    }

    /// Derives what came of it. An end counts more than a beginning, and a fill proves that the venue has it.
    fn state(&self) -> (&'static str, Option<String>) {
        if let Some(cause) = &self.done {
            let state = if self.filled == 0 { "unfilled" } else { "filled" };
            return (state, Some(cause.clone()));
        }
        if let Some(reason) = &self.rejected {
            return ("rejected", Some(reason.clone()));
        }
        if self.accepted != 0 || self.filled != 0 {
            return ("accepted", None);
        }
        if self.unknown != 0 {
            return ("unknown", None);
        }
        ("pending", None)
    }
}

#[cfg(test)]
pub(super) const PAGES: [&str; 3] = [DECISIONS, ORDERS, FILLS];
