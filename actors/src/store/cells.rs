//! From cells of the database back to values; what is not valid is said, never guessed.

use std::future::Future;
use std::str::FromStr;

use ploy::market::{Outcome, Side};
use ploy::order::{ClientOrderId, Fill, Liquidity};
use ploy::price::{OutOfRange, Price, Size, Usdc};
use ploy::restart::FailureClass;
use ploy::time::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use super::queue::Shared;
use super::{ANSWER_WITHIN, chain};
use crate::ports::{FillRecord, StoreError};

/// A fill as both readers of fills need it.
#[derive(FromRow)]
pub(super) struct FillRow {
    pub(super) seq: i64,
    pub(super) strategy: String,
    pub(super) number: i64,
    pub(super) fill: i64,
    pub(super) at: i64,
    pub(super) market: String,
    pub(super) outcome: String,
    pub(super) side: String,
    pub(super) price: i64,
    pub(super) size: i64,
    pub(super) fee: i64,
    pub(super) liquidity: String,
}

/// What a stored value must be and is not: somebody else wrote into the database.
#[derive(Debug, thiserror::Error)]
#[error("read the store: {0}")]
pub(super) struct Unreadable(pub(super) String);

impl FillRow {
    pub(super) fn record(self) -> Result<(i64, FillRecord), Unreadable> {
        let (seq, market_id) = (self.seq, self.market.clone());
        let liquidity = self.liquidity.clone();
        let fill = self.fill()?;
        let record = FillRecord {
            order: fill.order,
            number: fill.number,
            at: fill.at,
            market_id,
            outcome: fill.outcome,
            side: fill.side,
            price: fill.price,
            size: fill.size,
            fee_usdc: fill.fee,
            liquidity,
        };
        Ok((seq, record))
    }

    pub(super) fn fill(self) -> Result<Fill, Unreadable> {
        Ok(Fill {
            number: u32::try_from(self.fill)
                .map_err(|error| Unreadable(format!("number of a fill: {error}")))?,
            order: ClientOrderId { strategy: word(&self.strategy)?, number: number(self.number)? },
            market: word(&self.market)?,
            outcome: outcome(&self.outcome)?,
            side: side(&self.side)?,
            price: Price::from_micros(self.price)?,
            size: Size::from_micros(self.size)?,
            fee: money(self.fee)?,
            liquidity: liquidity(&self.liquidity)?,
            at: Timestamp::from_micros(self.at),
        })
    }
}

impl From<OutOfRange> for Unreadable {
    fn from(error: OutOfRange) -> Self {
        Self(error.to_string())
    }
}

impl From<Unreadable> for StoreError {
    fn from(error: Unreadable) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Waits for a read, but not for ever.
pub(super) async fn within<T>(
    shared: &Shared,
    read: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    let _hold = shared.hold();
    match tokio::time::timeout(ANSWER_WITHIN, read).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(sqlx::Error::PoolClosed)) => Err(StoreError::Ended),
        Ok(Err(error)) => Err(StoreError::Failed(chain(&error))),
        Err(_) => {
            Err(StoreError::Failed(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
        }
    }
}

/// Reads a cell of JSON; `what` names it in the error.
pub(super) fn json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable(format!("{what}: {error}")))
}

pub(super) fn word<T: FromStr<Err: ToString>>(text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|error: T::Err| Unreadable(error.to_string()))
}

pub(super) fn number(value: i64) -> Result<u64, Unreadable> {
    u64::try_from(value).map_err(|error| Unreadable(format!("{value}: {error}")))
}

/// Reads a kind of failure.
pub(super) fn class(text: &str) -> Result<FailureClass, Unreadable> {
    FailureClass::named(text).ok_or_else(|| Unreadable(format!("`{text}` is no kind of failure")))
}

pub(super) fn money(micros: i64) -> Result<Usdc, Unreadable> {
    Ok(Usdc::from_micros(micros)?)
}

pub(super) fn outcome(text: &str) -> Result<Outcome, Unreadable> {
    match text {
        "yes" => Ok(Outcome::Yes),
        "no" => Ok(Outcome::No),
        other => Err(Unreadable(format!("`{other}` is no outcome"))),
    }
}

pub(super) fn side(text: &str) -> Result<Side, Unreadable> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(Unreadable(format!("`{other}` is no side"))),
    }
}

pub(super) fn liquidity(text: &str) -> Result<Liquidity, Unreadable> {
    match text {
        "taker" => Ok(Liquidity::Taker),
        "maker" => Ok(Liquidity::Maker),
        other => Err(Unreadable(format!("`{other}` is no liquidity"))),
    }
}
