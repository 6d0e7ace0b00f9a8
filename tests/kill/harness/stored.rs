//! What the database says, read past the store by a connection of the test's own.

use std::path::PathBuf;

use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    ConnectOptions as _, Connection as _, FromRow, PgConnection, SqliteConnection, query_as,
};

/// How many rows each table has.
const COUNTS: &str = "select (select count(*) from orders), (select count(*) from order_events), \
     (select count(*) from fills), (select count(*) from settlements), (select count(*) from decisions)";
const ORDERS: &str = "select seq, hash, strategy, number from orders where seq >= $1 order by seq";
const ENDS: &str = "select seq, strategy, number, kind, cause, unfilled from order_events \
     where seq >= $1 and kind in ('done', 'rejected') order by seq";
const FILLS: &str = "select strategy, number, fill, market, outcome, side, price, size, fee \
     from fills where seq >= $1 order by seq";
/// Numbers of decisions that were given twice.
const TWICE: &str = "select strategy, number, count(*) from decisions \
     group by run, strategy, number having count(*) > 1 order by strategy, number";
const MEMORIES: &str = "select strategy, body from memories order by strategy";
const RUNS: &str = "select count(*) from runs";
const SETTLED: &str = "select strategy, market from settlements where seq >= $1";

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    Server(String),
}

/// A connection, made for one look: one that stays open would keep a file from being recovered by the next process.
pub(crate) enum Database {
    File(SqliteConnection),
    Server(PgConnection),
}

/// The rows of each table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Counts(
    pub(crate) i64,
    pub(crate) i64,
    pub(crate) i64,
    pub(crate) i64,
    pub(crate) i64,
);

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct OrderRow {
    pub(crate) seq: i64,
    pub(crate) hash: Option<String>,
    pub(crate) strategy: String,
    pub(crate) number: i64,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct EndRow {
    pub(crate) seq: i64,
    pub(crate) strategy: String,
    pub(crate) number: i64,
    pub(crate) kind: String,
    pub(crate) cause: Option<String>,
    pub(crate) unfilled: Option<i64>,
}

/// A fill, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(crate) struct FillRow {
    pub(crate) strategy: String,
    pub(crate) number: i64,
    pub(crate) fill: i64,
    pub(crate) market: String,
    pub(crate) outcome: String,
    pub(crate) side: String,
    pub(crate) price: i64,
    pub(crate) size: i64,
    pub(crate) fee: i64,
}

/// All facts from a number on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) ends: Vec<EndRow>,
    pub(crate) fills: Vec<FillRow>,
}

impl Place {
    pub(crate) async fn open(&self) -> anyhow::Result<Database> {
        Ok(match self {
            Self::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
                let wait = std::time::Duration::from_secs(10);
                Database::File(options.busy_timeout(wait).connect().await?)
            }
            Self::Server(url) => Database::Server(PgConnection::connect(url).await?),
        })
    }
}

impl Database {
    async fn all<T>(&mut self, sql: &'static str, from: Option<i64>) -> anyhow::Result<Vec<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        Ok(match (self, from) {
            (Self::File(conn), None) => query_as(sql).fetch_all(conn).await?,
            (Self::File(conn), Some(from)) => query_as(sql).bind(from).fetch_all(conn).await?,
            (Self::Server(conn), None) => query_as(sql).fetch_all(conn).await?,
            (Self::Server(conn), Some(from)) => query_as(sql).bind(from).fetch_all(conn).await?,
        })
    }

    pub(crate) async fn counts(&mut self) -> anyhow::Result<Counts> {
        Ok(self.all(COUNTS, None).await?.into_iter().next().unwrap_or_default())
    }

    /// Returns all facts of orders from a number on.
    pub(crate) async fn facts(&mut self, from: i64) -> anyhow::Result<Facts> {
        // Orders first: what is read after them of each is at least as new.
        Ok(Facts {
            orders: self.all(ORDERS, Some(from)).await?,
            fills: self.all(FILLS, Some(from)).await?,
            ends: self.all(ENDS, Some(from)).await?,
        })
    }

    /// Returns the numbers of decisions that were given twice.
    pub(crate) async fn decided_twice(&mut self) -> anyhow::Result<Vec<(String, i64, i64)>> {
        self.all(TWICE, None).await
    }

    /// Returns what each strategy remembers, as JSON.
    pub(crate) async fn memories(&mut self) -> anyhow::Result<Vec<(String, String)>> {
        self.all(MEMORIES, None).await
    }

    /// Returns how many runs there are.
    pub(crate) async fn runs(&mut self) -> anyhow::Result<i64> {
        let all: Vec<(i64,)> = self.all(RUNS, None).await?;
        Ok(all.first().map_or(0, |(count,)| *count))
    }

    /// Returns the markets that were settled, with the strategies that held something.
    pub(crate) async fn settled(&mut self) -> anyhow::Result<Vec<(String, String)>> {
        self.all(SETTLED, Some(0)).await
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::File(conn) => conn.close().await?,
            Self::Server(conn) => conn.close().await?,
        }
        Ok(())
    }
}
