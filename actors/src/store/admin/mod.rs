//! Work on a whole store, by hand: its tables as the database itself tells them, and what may go wrong.

mod check;
mod copy;
mod export;
mod prune;

use std::io;
use std::path::PathBuf;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;

use super::location::Location;
use super::open::{self, OpenError, Opened};
use super::server;
use super::sql::{Conn, Kind, Link, sql};

pub use check::{Health, check};
pub use copy::{Moved, backup, import};
pub use export::{Format, export};
pub use prune::{OldAudit, prune};

/// How many rows are held at once.
const PAGE: i64 = 500;

/// Why the work was not done. The store is then as it was before.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The store cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such store.
    #[error("{0}: there is no such store; `--store` names another")]
    Missing(String),
    /// The store is not of this program's schema.
    #[error(
        "the store {place} has migrations up to {has}, this program has {wants}: run `ploy db migrate` on it first"
    )]
    Unmigrated {
        /// Where it is.
        place: String,
        /// Its newest migration.
        has: i64,
        /// The program's newest migration.
        wants: i64,
    },
    /// Rows are there already.
    #[error("{0} holds runs already: rows are only taken into a store without any")]
    Taken(String),
    /// The file is there already.
    #[error("{} is there already, and nothing is written over: name another", .0.display())]
    Exists(PathBuf),
    /// What was written is not what was read.
    #[error("{table} came out different: {read} before, {written} after; nothing was kept")]
    Different {
        /// The table.
        table: String,
        /// Counts and sums where it was read.
        read: String,
        /// Counts and sums where it was written.
        written: String,
    },
    /// The database refused.
    #[error("work on the store {place}")]
    Sql {
        /// Where it is.
        place: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A file cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The work cannot be begun.
    #[error("start")]
    Start(#[source] io::Error),
}

/// A table, as the database tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Its place in the primary key, from 1.
    pub(super) key: Option<i64>,
}

/// Brings the schema of a store up to date, making the store where it is missing. Returns its newest migration.
///
/// # Errors
/// When the store cannot be used, or another process has it.
pub fn migrate(location: &Location) -> Result<i64, AdminError> {
    block_on(async {
        let opened = enter(location).await?;
        leave(opened, location).await?;
        Ok(newest(migrations(location)))
    })
}

/// Runs work on a thread of its own kind: these are commands, not parts of the service.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, AdminError>>,
) -> Result<T, AdminError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(AdminError::Start)?.block_on(work)
}

/// Opens a store to write, as its only process, with the schema of this program.
async fn enter(location: &Location) -> Result<Opened, AdminError> {
    Ok(match location {
        Location::File(path) => open::file(path, None, &open::MIGRATIONS).await?,
        Location::Server(url) => server::open(url, None, &server::MIGRATIONS).await?,
    })
}

/// Closes a store that was opened to write.
async fn leave(opened: Opened, location: &Location) -> Result<(), AdminError> {
    opened.pool.close().await;
    opened.conn.close().await.map_err(|source| failed(location, source))
}

/// Opens a store to read, while a service may run on it. It must be of the schema of this program.
pub(super) async fn look(location: &Location) -> Result<Conn, AdminError> {
    if let Location::File(path) = location
        && !path.exists()
    {
        return Err(AdminError::Missing(location.to_string()));
    }
    let mut conn = open::reader(location).await.map_err(|source| failed(location, source))?;
    let (has, wants) = (version(&mut conn.link()).await, newest(migrations(location)));
    let has = has.map_err(|source| failed(location, source))?;
    if has == wants {
        return Ok(conn);
    }
    Err(AdminError::Unmigrated { place: location.to_string(), has, wants })
}

/// Returns the newest migration that a store has had; 0 where it has had none.
async fn version(link: &mut Link<'_>) -> Result<i64, sqlx::Error> {
    const VERSION: &str = "select coalesce(max(version), 0) from _sqlx_migrations where success";
    Ok(sql(VERSION).one::<(i64,)>(link).await?.0)
}

fn migrations(location: &Location) -> &'static Migrator {
    match location {
        Location::File(_) => &open::MIGRATIONS,
        Location::Server(_) => &server::MIGRATIONS,
    }
}

fn newest(migrations: &Migrator) -> i64 {
    migrations.iter().map(|step| step.version).max().unwrap_or_default()
}

pub(super) fn failed(location: &Location, source: sqlx::Error) -> AdminError {
    AdminError::Sql { place: location.to_string(), source }
}

/// Returns the tables with facts, `runs` first, which the others name. Who may write is no fact.
pub(super) async fn tables(link: &mut Link<'_>) -> Result<Vec<Table>, sqlx::Error> {
    const FILE: &str = "select m.name, c.name, lower(c.type), c.pk from sqlite_schema m \
         join pragma_table_info(m.name) c where m.type = 'table' and substr(m.name, 1, 1) <> '_' \
         and substr(m.name, 1, 7) <> 'sqlite_' order by m.name, c.cid";
    const SERVER: &str = "select c.table_name::text, c.column_name::text, c.data_type::text, \
         coalesce(array_position(k.conkey, a.attnum), 0)::bigint \
         from information_schema.columns c \
         join pg_attribute a on a.attrelid = \
             (quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))::regclass \
             and a.attname = c.column_name \
         left join pg_constraint k on k.conrelid = a.attrelid and k.contype = 'p' \
         where c.table_schema = current_schema() and left(c.table_name, 1) <> '_' \
         order by c.table_name, c.ordinal_position";
    let text = match link {
        Link::Sqlite(_) => FILE,
        Link::Postgres(_) => SERVER,
    };
    let mut tables: Vec<Table> = Vec::new();
    for (table, name, kind, key) in sql(text).all::<(String, String, String, i64)>(link).await? {
        if table == "writer" {
            continue;
        }
        let kind = if kind == "bigint" { Kind::Whole } else { Kind::Text };
        let column = Column { name, kind, key: Some(key).filter(|key| *key != 0) };
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column),
            None => tables.push(Table { name: table, columns: vec![column] }),
        }
    }
    tables.sort_by_key(|table| (table.name != "runs", table.name.clone()));
    Ok(tables)
}

impl Table {
    /// Returns the names of its columns, as a list for a statement.
    fn list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the places of the columns of its primary key, in the key's order.
    fn key(&self) -> Vec<usize> {
        let mut key: Vec<(i64, usize)> = self
            .columns
            .iter()
            .enumerate()
            .filter_map(|(place, column)| Some((column.key?, place)))
            .collect();
        key.sort_unstable();
        key.into_iter().map(|(_, place)| place).collect()
    }

    fn names(&self, places: &[usize]) -> String {
        let names = places.iter().filter_map(|place| self.columns.get(*place));
        names.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns how many rows it has, and for each column how many cells are filled and what they sum up to: of numbers
    /// the millions and the rest, so that no sum overflows; of texts the letters.
    async fn sums(&self, link: &mut Link<'_>) -> Result<Vec<i64>, sqlx::Error> {
        let mut terms = vec!["count(*)".to_owned()];
        for Column { name, kind, .. } in &self.columns {
            terms.push(format!("count({name})"));
            match kind {
                Kind::Text => {
                    terms.push(format!("cast(coalesce(sum(length({name})), 0) as bigint)"));
                }
                Kind::Whole => terms.extend(["/", "%"].map(|part| {
                    format!("cast(coalesce(sum({name} {part} 1000000), 0) as bigint)")
                })),
            }
        }
        let text = format!("select {} from {}", terms.join(", "), self.name);
        let kinds = vec![Kind::Whole; terms.len()];
        let rows = sql(AssertSqlSafe(text)).cells(link, &kinds).await?;
        let cells = rows.into_iter().flatten();
        Ok(cells.map(|cell| cell.whole().unwrap_or_default()).collect())
    }
}
