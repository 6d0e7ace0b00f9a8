//! One SQL text for both databases: statements with cells of text and whole numbers, and connections that run them.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use sqlx::{
    ColumnIndex, Connection as _, Decode, FromRow, PgConnection, PgPool, Postgres, Row, Sqlite,
    SqliteConnection, SqlitePool, Transaction, Type, query, raw_sql,
};

/// How long one statement that writes may take on a server before the connection is given up. The embedded database
/// has limits of its own.
const STATEMENT_WITHIN: Duration = Duration::from_secs(10);

/// Begins a transaction on a server that only reads, all of one instant.
const SNAPSHOT: &str = "begin isolation level repeatable read read only";

/// What can be made of a row of either database.
pub(super) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A value on its way into the database. There are no other kinds of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Text(Option<String>),
    Whole(Option<i64>),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
}

/// A statement with its values. It is prepared once for each connection.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) text: SqlStr,
    pub(super) cells: Vec<Cell>,
}

/// The connection that writes.
#[derive(Debug)]
pub(super) enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// The connections that read.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// One instant of the database, for several reads.
#[derive(Debug)]
pub(super) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A connection, whosever it is.
#[derive(Debug)]
pub(super) enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// Begins a statement; `$1` is the first value.
pub(super) fn sql(text: impl SqlSafeStr) -> Sql {
    Sql { text: text.into_sql_str(), cells: Vec::new() }
}

impl Sql {
    /// Tells whether it adds a row where there is none of its key, and else does nothing.
    pub(super) fn only_appends(&self) -> bool {
        self.text.as_str().ends_with("on conflict do nothing")
    }

    /// Returns the same insert as one that adds a row where there is none of its key, and else does nothing.
    pub(super) fn adding(&self) -> Self {
        let text = AssertSqlSafe(format!("{} on conflict do nothing", self.plain())).into_sql_str();
        Self { text, cells: self.cells.clone() }
    }

    /// Returns the same insert as one that adds a row, and fails where there is one of its key.
    pub(super) fn of_new(self) -> Self {
        let text = AssertSqlSafe(self.plain().to_owned()).into_sql_str();
        Self { text, cells: self.cells }
    }

    /// Returns its text without what is done where there is a row of its key.
    fn plain(&self) -> &str {
        let text = self.text.as_str();
        text.split_once(" on conflict").map_or(text, |(plain, _)| plain)
    }

    /// Adds the next value.
    pub(super) fn bind(mut self, cell: impl Into<Cell>) -> Self {
        self.cells.push(cell.into());
        self
    }

    /// Runs it, and returns how many rows it changed.
    pub(super) async fn execute(self, link: &mut Link<'_>) -> Result<u64, sqlx::Error> {
        match link {
            Link::Sqlite(conn) => Ok(self.sqlite().execute(&mut **conn).await?.rows_affected()),
            Link::Postgres(conn) => {
                let done = self.postgres().execute(&mut **conn);
                Ok(in_time(done).await?.rows_affected())
            }
        }
    }

    /// Returns all rows.
    pub(super) async fn all<R: Record>(self, link: &mut Link<'_>) -> Result<Vec<R>, sqlx::Error> {
        match link {
            Link::Sqlite(conn) => {
                let rows = self.sqlite().fetch_all(&mut **conn).await?;
                rows.iter().map(R::from_row).collect()
            }
            Link::Postgres(conn) => {
                let rows = self.postgres().fetch_all(&mut **conn).await?;
                rows.iter().map(R::from_row).collect()
            }
        }
    }

    /// Returns the first row, where there is one.
    pub(super) async fn optional<R: Record>(
        self,
        link: &mut Link<'_>,
    ) -> Result<Option<R>, sqlx::Error> {
        Ok(self.all(link).await?.into_iter().next())
    }

    /// Returns the only row.
    pub(super) async fn one<R: Record>(self, link: &mut Link<'_>) -> Result<R, sqlx::Error> {
        self.optional(link).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Returns all rows as cells of these kinds.
    pub(super) async fn cells(
        self,
        link: &mut Link<'_>,
        kinds: &[Kind],
    ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        fn row<R: Row>(row: &R, kinds: &[Kind]) -> Result<Vec<Cell>, sqlx::Error>
        where
            usize: ColumnIndex<R>,
            for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
            for<'r> Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
        {
            let cells = kinds.iter().enumerate().map(|(place, kind)| match kind {
                Kind::Text => row.try_get(place).map(Cell::Text),
                Kind::Whole => row.try_get(place).map(Cell::Whole),
            });
            cells.collect()
        }
        match link {
            Link::Sqlite(conn) => {
                let rows = self.sqlite().fetch_all(&mut **conn).await?;
                rows.iter().map(|cells| row(cells, kinds)).collect()
            }
            Link::Postgres(conn) => {
                let rows = self.postgres().fetch_all(&mut **conn).await?;
                rows.iter().map(|cells| row(cells, kinds)).collect()
            }
        }
    }

    fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        self.cells.into_iter().fold(query(self.text), |query, cell| match cell {
            Cell::Text(text) => query.bind(text),
            Cell::Whole(number) => query.bind(number),
        })
    }

    fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        self.cells.into_iter().fold(query(self.text), |query, cell| match cell {
            Cell::Text(text) => query.bind(text),
            Cell::Whole(number) => query.bind(number),
        })
    }
}

/// A server that is gone without a word must not hold the writer for ever.
async fn in_time<T>(done: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(STATEMENT_WITHIN, done).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

impl Cell {
    /// Returns the number, where it is one.
    pub(super) const fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => *number,
            Self::Text(_) => None,
        }
    }
}

impl Link<'_> {
    /// Begins a transaction that only reads, all of one instant.
    pub(super) async fn begin_reading(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => self.run("begin").await,
            Self::Postgres(_) => self.run(SNAPSHOT).await,
        }
    }

    /// Runs a statement without values, such as `commit`.
    pub(super) async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(conn) => query(text).execute(&mut **conn).await.map(drop),
            // Not prepared: the server reads it faster than it keeps it.
            Self::Postgres(conn) => in_time(raw_sql(text).execute(&mut **conn)).await.map(drop),
        }
    }
}

impl Conn {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(conn) => Link::Sqlite(conn),
            Self::Postgres(conn) => Link::Postgres(conn),
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(conn) => conn.close().await,
        }
    }
}

impl Pool {
    /// Begins to read: whatever is written meanwhile, all reads are of one instant.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => Ok(Snapshot::Sqlite(pool.begin().await?)),
            Self::Postgres(pool) => Ok(Snapshot::Postgres(pool.begin_with(SNAPSHOT).await?)),
        }
    }

    /// Returns the rows of one read.
    pub(super) async fn all<R: Record>(&self, sql: Sql) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => sql.all(&mut Link::Sqlite(&mut *pool.acquire().await?)).await,
            Self::Postgres(pool) => sql.all(&mut Link::Postgres(&mut *pool.acquire().await?)).await,
        }
    }

    /// Returns the only row of one read.
    pub(super) async fn one<R: Record>(&self, sql: Sql) -> Result<R, sqlx::Error> {
        self.all(sql).await?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Snapshot {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(tx) => Link::Sqlite(&mut *tx),
            Self::Postgres(tx) => Link::Postgres(&mut *tx),
        }
    }

    pub(super) async fn end(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Whole(number)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        // PostgreSQL keeps no zero character in a text: a row with one would be refused for ever.
        Self::Text(Some(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        text.map(str::to_owned).into()
    }
}
