//! What the account's ledger and guard are made of: orders, their ends, fills and settlements of the run, as they
//! came, and where the guard stood.

use ploy::ledger::{Event, Owner, Settlement, Stage, Terms};
use ploy::order::ClientOrderId;
use ploy::price::{Price, Size, Usdc};
use ploy::risk::AccountStanding;
use sqlx::FromRow;

use super::Store;
use super::cells::{FillRow, Unreadable, money, number, outcome, side, within, word};
use super::rows::{Insert, Place};
use super::sql::sql;
use crate::ports::StoreError;
use crate::ports::account::AccountRecord;

const ORDERS: &str = "select seq, strategy, number, market, outcome, side, limit_price, size \
     from orders where run = $1 order by seq";

const ENDS: &str = "select seq, strategy, number from order_events \
     where run = $1 and kind in ('done', 'rejected') order by seq";

const FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, fee, \
     liquidity from fills where run = $1 order by seq";

const SETTLEMENTS: &str =
    "select seq, strategy, market, yes_pays, no_pays from settlements where run = $1 order by seq";

const STANDING: &str = "select standing from account_standings where run = $1";

/// Returns how it is written where the guard of the account stands.
pub(super) fn insert(place: Place<'_>, record: &AccountRecord) -> Insert {
    const SQL: &str = "insert into account_standings (run, seq, at, standing) values ($1, $2, $3, $4) \
         on conflict (run) do update set seq = excluded.seq, at = excluded.at, standing = excluded.standing \
         where account_standings.seq < excluded.seq";
    let standing = serde_json::to_string(&record.standing).expect("numbers and texts are JSON");
    sql(SQL).bind(place.run).bind(place.seq).bind(record.at.micros()).bind(standing)
}

#[derive(FromRow)]
struct OrderRow {
    seq: i64,
    strategy: String,
    number: i64,
    market: String,
    outcome: String,
    side: String,
    limit_price: i64,
    size: i64,
}

#[derive(FromRow)]
struct EndRow {
    seq: i64,
    strategy: String,
    number: i64,
}

#[derive(FromRow)]
struct SettlementRow {
    seq: i64,
    strategy: String,
    market: String,
    yes_pays: i64,
    no_pays: i64,
}

impl Store {
    /// Returns where the guard of the account stood in this run; nothing where it was never written. What was queued
    /// before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or it cannot be read.
    pub async fn account_standing(&self) -> Result<Option<AccountStanding>, StoreError> {
        self.flush().await?;
        let read = self.inner.pool.all::<(String,)>(sql(STANDING).bind(&*self.inner.run));
        let rows = within(&self.inner.shared, read).await?;
        let Some((text,)) = rows.into_iter().next() else { return Ok(None) };
        let standing = serde_json::from_str(&text);
        standing.map(Some).map_err(|error| {
            StoreError::Failed(format!("where the account stood cannot be read: {error}"))
        })
    }

    /// Returns all facts of this run that move accounts, in the order in which they were handed over. What was queued
    /// before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn account_events(&self) -> Result<Vec<Event>, StoreError> {
        self.flush().await?;
        let run = &*self.inner.run;
        let (orders, ends, fills, settlements) = within(&self.inner.shared, async {
            // One transaction: all lists are of the same instant.
            let mut snapshot = self.inner.pool.snapshot().await?;
            let mut link = snapshot.link();
            let orders: Vec<OrderRow> = sql(ORDERS).bind(run).all(&mut link).await?;
            let ends: Vec<EndRow> = sql(ENDS).bind(run).all(&mut link).await?;
            let fills: Vec<FillRow> = sql(FILLS).bind(run).all(&mut link).await?;
            let settlements: Vec<SettlementRow> = sql(SETTLEMENTS).bind(run).all(&mut link).await?;
            snapshot.end().await?;
            Ok((orders, ends, fills, settlements))
        })
        .await?;
        let mut events = Vec::with_capacity(orders.len() + ends.len() + fills.len());
        for row in orders {
            events.push((row.seq, row.event()?));
        }
        for row in ends {
            let order = id(&row.strategy, row.number)?;
            events.push((row.seq, Event::Over { order }));
        }
        for row in fills {
            // The paper venue's fills are final when they are told.
            events.push((row.seq, Event::Filled { stage: Stage::Confirmed, fill: row.fill()? }));
        }
        for row in settlements {
            events.push((row.seq, row.event()?));
        }
        events.sort_by_key(|(seq, _)| *seq);
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }
}

impl OrderRow {
    fn event(&self) -> Result<Event, Unreadable> {
        Ok(Event::Recorded(Terms {
            order: id(&self.strategy, self.number)?,
            market: word(&self.market)?,
            outcome: outcome(&self.outcome)?,
            side: side(&self.side)?,
            limit: Price::from_micros(self.limit_price)?,
            size: Size::from_micros(self.size)?,
            fee: Usdc::ZERO,
        }))
    }
}

impl SettlementRow {
    fn event(&self) -> Result<Event, Unreadable> {
        Ok(Event::Settled {
            owner: Owner::Strategy(word(&self.strategy)?),
            market: word(&self.market)?,
            settlement: Settlement::Paid([money(self.yes_pays)?, money(self.no_pays)?]),
        })
    }
}

fn id(strategy: &str, count: i64) -> Result<ClientOrderId, Unreadable> {
    Ok(ClientOrderId { strategy: word(strategy)?, number: number(count)? })
}
