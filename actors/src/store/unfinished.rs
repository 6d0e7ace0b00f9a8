//! Orders as a venue must be asked about them: by what it knows them, and what it has told of each.

use std::collections::BTreeMap;

use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::order::{ClientOrderId, Fill};
use ploy::order_path::{OrderKey, Payload};
use ploy::price::{Price, Size};
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::{FillRow, Unreadable, number, outcome, side, within, word};
use super::rows::count;
use super::sql::sql;
use crate::ports::StoreError;

/// An order with all that its venue has told of it, as far as that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// By what it is known.
    pub key: OrderKey,
    /// What was sent.
    pub payload: Payload,
    /// Whether the venue has said that it has it, or has filled some of it.
    pub is_accepted: bool,
    /// Whether nothing more of it will be filled.
    pub is_over: bool,
    /// Its fills by number.
    pub fills: BTreeMap<u32, Fill>,
}

macro_rules! orders {
    ($which:literal) => {
        concat!(
            "select o.strategy, o.number, o.at, o.market, o.outcome, o.side, o.limit_price, o.size, \
             o.time_in_force, o.payload, o.hash, \
             (select count(*) from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind in ('accepted', 'filled')) as taken, \
             (select count(*) from order_events e where e.run = o.run and e.strategy = o.strategy \
                 and e.number = o.number and e.kind in ('done', 'rejected')) as ended \
             from orders o where o.run = $1 and ",
            $which,
            " order by o.seq"
        )
    };
}

const UNFINISHED: &str = orders!(
    "not exists (select 1 from order_events e where e.run = o.run and e.strategy = o.strategy \
     and e.number = o.number and e.kind in ('done', 'rejected'))"
);

const ONE: &str = orders!("o.strategy = $2 and o.number = $3");

const FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, fee, \
     liquidity from fills where run = $1 and strategy = $2 and number = $3 order by fill";

#[derive(FromRow)]
struct Row {
    strategy: String,
    number: i64,
    at: i64,
    market: String,
    outcome: String,
    side: String,
    limit_price: i64,
    size: i64,
    time_in_force: String,
    payload: Option<String>,
    hash: Option<String>,
    taken: i64,
    ended: i64,
}

impl Store {
    /// Returns the orders of all strategies in this run that are neither done nor rejected, oldest first. What was
    /// queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, the records cannot be read, or the bytes of an order are not those that
    /// its row tells of.
    pub async fn unfinished(&self) -> Result<Vec<Told>, StoreError> {
        self.flush().await?;
        let read = sql(UNFINISHED).bind(&*self.inner.run);
        let rows = within(&self.inner.shared, self.inner.pool.all::<Row>(read)).await?;
        let mut told = Vec::with_capacity(rows.len());
        for row in rows {
            told.push(self.with_fills(row).await?);
        }
        Ok(told)
    }

    /// Returns what is stored of an order of this run; nothing where it is not. What was queued before counts.
    ///
    /// # Errors
    /// As [`Store::unfinished`].
    pub async fn told_of(&self, order: &ClientOrderId) -> Result<Option<Told>, StoreError> {
        self.flush().await?;
        let read = sql(ONE).bind(&*self.inner.run);
        let read = read.bind(order.strategy.as_str()).bind(count(order.number));
        let rows = within(&self.inner.shared, self.inner.pool.all::<Row>(read)).await?;
        match rows.into_iter().next() {
            Some(row) => self.with_fills(row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn with_fills(&self, row: Row) -> Result<Told, StoreError> {
        let read = sql(FILLS).bind(&*self.inner.run).bind(&*row.strategy).bind(row.number);
        let fills = within(&self.inner.shared, self.inner.pool.all::<FillRow>(read)).await?;
        let mut told = row.told(&self.inner.run)?;
        for row in fills {
            let fill = row.fill()?;
            told.fills.insert(fill.number, fill);
        }
        Ok(told)
    }
}

impl Row {
    fn told(self, run: &str) -> Result<Told, Unreadable> {
        let id = ClientOrderId { strategy: word(&self.strategy)?, number: number(self.number)? };
        let intent = Intent {
            market: word(&self.market)?,
            outcome: outcome(&self.outcome)?,
            side: side(&self.side)?,
            limit: Price::from_micros(self.limit_price)?,
            size: Size::from_micros(self.size)?,
            time_in_force: time_in_force(&self.time_in_force)?,
            // It is no part of the bytes.
            purpose: Purpose::Entry,
        };
        let payload = Payload::of(run, &id, Timestamp::from_micros(self.at), &intent);
        let hash = payload.hash();
        let is_told = |stored: &Option<String>, made: &str| {
            stored.as_ref().is_none_or(|stored| stored == made)
        };
        if !is_told(&self.payload, payload.as_str()) || !is_told(&self.hash, &hash.to_string()) {
            return Err(Unreadable(format!(
                "the bytes of order {id} are not those that its row tells of: somebody changed one of them"
            )));
        }
        Ok(Told {
            key: OrderKey { id, hash },
            payload,
            is_accepted: self.taken != 0,
            is_over: self.ended != 0,
            fills: BTreeMap::new(),
        })
    }
}

fn time_in_force(text: &str) -> Result<TimeInForce, Unreadable> {
    [TimeInForce::Gtc, TimeInForce::Fok, TimeInForce::Fak]
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| Unreadable(format!("`{text}` is no time in force")))
}
