//! What must be known of the past: by a strategy's next incarnation, and by the next run of the program.

use ploy::life::Saved;
use ploy::lifecycle::Phase;
use ploy::order::{ClientOrderId, StrategyId};
use ploy::price::Usdc;
use ploy::restart::FailureClass;
use ploy::time::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use super::Store;
use super::cells::{FillRow, Unreadable, class, json, money, number, within, word};
use super::sql::sql;
use crate::ports::{Past, StoreError, StrategyRecord};

const PAST_FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, \
     fee, liquidity from fills where run = $1 and strategy = $2 order by seq";

const PAST_SETTLEMENTS: &str = "select seq, market, yes_pays, no_pays from settlements \
     where run = $1 and strategy = $2 order by seq";

const LAST_ORDER: &str =
    "select coalesce(max(number), 0) from orders where run = $1 and strategy = $2";

const OPEN_ORDERS: &str = "select o.number from orders o where o.run = $1 and o.strategy = $2 \
     and not exists (select 1 from order_events e where e.run = o.run and e.strategy = o.strategy \
         and e.number = o.number and e.kind in ('done', 'rejected')) order by o.number";

const STRATEGIES: &str = "select strategy, at, wanted, halted, class, version, halted_since, attempt, until, \
     budget, restarts from (select s.*, row_number() over ( \
         partition by s.strategy order by r.number desc, s.seq desc) as age \
     from strategies s join runs r on r.run = s.run) as aged where age = 1 order by strategy";

const SUMS: &str = "select \
     coalesce((select cast(sum(-cash) as bigint) from fills \
         where run = $1 and strategy = $2 and side = 'buy'), 0) as paid, \
     coalesce((select cast(sum(cash) as bigint) from fills \
         where run = $1 and strategy = $2 and side = 'sell'), 0) as received, \
     coalesce((select cast(sum(amount) as bigint) from settlements \
         where run = $1 and strategy = $2), 0) as settled, \
     coalesce((select cast(sum(fee) as bigint) from fills \
         where run = $1 and strategy = $2), 0) as fees";

/// The cash that a strategy moved in this run, in USDC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Went out for shares bought, fees included.
    pub paid: Usdc,
    /// Came in for shares sold, fees deducted.
    pub received: Usdc,
    /// Came in from markets that were settled.
    pub settled: Usdc,
    /// Fees, already in the above.
    pub fees: Usdc,
}

#[derive(FromRow)]
struct SettlementRow {
    seq: i64,
    market: String,
    yes_pays: i64,
    no_pays: i64,
}

#[derive(FromRow)]
struct StrategyRow {
    strategy: String,
    at: i64,
    wanted: Option<i64>,
    halted: Option<String>,
    class: Option<String>,
    version: Option<String>,
    halted_since: Option<i64>,
    attempt: Option<i64>,
    until: Option<i64>,
    budget: Option<String>,
    restarts: Option<String>,
}

#[derive(FromRow)]
struct SumsRow {
    paid: i64,
    received: i64,
    settled: i64,
    fees: i64,
}

impl Store {
    /// Returns the fills and settlements of a strategy in this run, in the order they were booked, each once.
    /// What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn past(&self, strategy: &StrategyId) -> Result<Vec<Past>, StoreError> {
        self.flush().await?;
        let strategy = strategy.as_str();
        let (fills, settlements) = within(&self.inner.shared, async {
            // One transaction: both lists are of the same instant.
            let mut snapshot = self.inner.pool.snapshot().await?;
            let read = sql(PAST_FILLS).bind(&*self.inner.run).bind(strategy);
            let fills = read.all::<FillRow>(&mut snapshot.link()).await?;
            let read = sql(PAST_SETTLEMENTS).bind(&*self.inner.run).bind(strategy);
            let settlements = read.all::<SettlementRow>(&mut snapshot.link()).await?;
            snapshot.end().await?;
            Ok((fills, settlements))
        })
        .await?;
        let mut past = Vec::with_capacity(fills.len() + settlements.len());
        for row in fills {
            past.push((row.seq, Past::Fill(row.fill()?)));
        }
        for row in settlements {
            past.push((row.seq, row.past()?));
        }
        past.sort_by_key(|(seq, _)| *seq);
        Ok(past.into_iter().map(|(_, past)| past).collect())
    }

    /// Returns the highest number of an order of a strategy in this run; 0 where there is none. What was queued
    /// before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn last_order_number(&self, strategy: &StrategyId) -> Result<u64, StoreError> {
        self.flush().await?;
        let read = sql(LAST_ORDER).bind(&*self.inner.run).bind(strategy.as_str());
        let (last,) = within(&self.inner.shared, self.inner.pool.one::<(i64,)>(read)).await?;
        Ok(number(last)?)
    }

    /// Returns the orders of a strategy in this run that are neither done nor rejected, oldest first. What was
    /// queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn open_orders(
        &self,
        strategy: &StrategyId,
    ) -> Result<Vec<ClientOrderId>, StoreError> {
        self.flush().await?;
        let read = sql(OPEN_ORDERS).bind(&*self.inner.run).bind(strategy.as_str());
        let mut open = Vec::new();
        for (row,) in within(&self.inner.shared, self.inner.pool.all::<(i64,)>(read)).await? {
            open.push(ClientOrderId { strategy: strategy.clone(), number: number(row)? });
        }
        Ok(open)
    }

    /// Returns the newest record of every strategy over all runs, by strategy: what was halted stays halted
    /// when the program starts again. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn strategy_records(&self) -> Result<Vec<StrategyRecord>, StoreError> {
        self.flush().await?;
        let read = self.inner.pool.all::<StrategyRow>(sql(STRATEGIES));
        let rows = within(&self.inner.shared, read).await?.into_iter();
        Ok(rows.map(StrategyRow::record).collect::<Result<_, _>>()?)
    }

    /// Returns the cash that a strategy moved in this run. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn sums(&self, strategy: &StrategyId) -> Result<Sums, StoreError> {
        self.flush().await?;
        let read = sql(SUMS).bind(&*self.inner.run).bind(strategy.as_str());
        let row = within(&self.inner.shared, self.inner.pool.one::<SumsRow>(read)).await?;
        Ok(Sums {
            paid: money(row.paid)?,
            received: money(row.received)?,
            settled: money(row.settled)?,
            fees: money(row.fees)?,
        })
    }
}

impl Sums {
    /// Returns what came in less what went out.
    #[must_use]
    pub fn cash(&self) -> Usdc {
        self.received + self.settled - self.paid
    }
}

impl SettlementRow {
    fn past(self) -> Result<Past, Unreadable> {
        Ok(Past::Settled {
            market: word(&self.market)?,
            payouts: [money(self.yes_pays)?, money(self.no_pays)?],
        })
    }
}

impl StrategyRow {
    /// Rows of older versions say less: of a halt not of what kind, of failures none.
    fn record(self) -> Result<StrategyRecord, Unreadable> {
        let at = Timestamp::from_micros(self.at);
        let phase = match (self.halted, self.attempt.zip(self.until)) {
            (Some(cause), _) => {
                let class = self.class.as_deref().map(class).transpose()?;
                Phase::Halted { class: class.unwrap_or(FailureClass::Error), cause }
            }
            (None, Some((attempt, until))) => Phase::Backoff {
                attempt: u32::try_from(number(attempt)?).unwrap_or(u32::MAX),
                until: Timestamp::from_micros(until),
            },
            (None, None) => Phase::Stopped,
        };
        let is_halted = matches!(phase, Phase::Halted { .. });
        let since = self.halted_since.map_or(at, Timestamp::from_micros);
        let saved = Saved {
            wanted: self.wanted.map(|wanted| wanted != 0),
            phase,
            halted_since: is_halted.then_some(since),
            version: self.version,
            budget: counted("budget", self.budget.as_deref())?,
            restarts: counted("restarts", self.restarts.as_deref())?,
        };
        Ok(StrategyRecord { strategy: word(&self.strategy)?, saved, at })
    }
}

/// Reads what counts; older versions counted nothing.
fn counted<T: Default + DeserializeOwned>(what: &str, cell: Option<&str>) -> Result<T, Unreadable> {
    cell.map_or_else(|| Ok(T::default()), |text| json(what, text))
}

#[cfg(test)]
pub(super) const LOOKUPS: [&str; 5] = [PAST_FILLS, PAST_SETTLEMENTS, LAST_ORDER, OPEN_ORDERS, SUMS];
