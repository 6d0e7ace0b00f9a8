//! Whether a store is whole: its schema, what the database itself finds, and rows that belong together.

use sqlx::AssertSqlSafe;

use super::{AdminError, Location, block_on, failed, look, newest, tables};
use crate::store::sql::{Link, sql};

/// What was found in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where it is.
    pub place: String,
    /// Its newest migration, which is the program's.
    pub version: i64,
    /// How many rows each table has.
    pub rows: Vec<(String, u64)>,
    /// What is wrong, one sentence each; empty where nothing is.
    pub faults: Vec<String>,
}

/// What must find no row: a statement that counts the bad ones, and what they are.
const RULES: [(&str, &str); 5] = [
    (
        "select count(*) from fills f where not exists (select 1 from orders o \
         where o.run = f.run and o.strategy = f.strategy and o.number = f.number)",
        "fills without their order",
    ),
    (
        "select count(*) from order_events e where not exists (select 1 from orders o \
         where o.run = e.run and o.strategy = e.strategy and o.number = e.number)",
        "order events without their order",
    ),
    (
        "select count(*) from fills f where not exists (select 1 from order_events e \
         where e.run = f.run and e.strategy = f.strategy and e.number = f.number \
         and e.kind = 'filled' and e.fill = f.fill)",
        "fills without their order event",
    ),
    (
        "select count(*) from order_events e where e.kind = 'filled' and not exists ( \
         select 1 from fills f where f.run = e.run and f.strategy = e.strategy \
         and f.number = e.number and f.fill = e.fill)",
        "order events of fills without the fill",
    ),
    (
        "select count(*) from orders o where o.size < (select coalesce(sum(f.size), 0) from fills f \
         where f.run = o.run and f.strategy = o.strategy and f.number = o.number)",
        "orders with more shares filled than they asked for",
    ),
];

/// Looks whether a store is whole. It is only read: a service may run on it meanwhile.
///
/// # Errors
/// When it cannot be read, or is not of the schema of this program.
pub fn check(location: &Location) -> Result<Health, AdminError> {
    block_on(async {
        let mut conn = look(location).await?;
        let link = &mut conn.link();
        let found = look_at(location, link).await.map_err(|source| failed(location, source));
        conn.close().await.map_err(|source| failed(location, source))?;
        found
    })
}

async fn look_at(location: &Location, link: &mut Link<'_>) -> Result<Health, sqlx::Error> {
    link.begin_reading().await?;
    let mut faults = Vec::new();
    if let Link::Sqlite(_) = link {
        let said = sql("pragma integrity_check(20)").all::<(String,)>(link).await?;
        faults.extend(said.into_iter().map(|(said,)| said).filter(|said| said != "ok"));
        const STRAY: &str = "select \"table\", count(*) from pragma_foreign_key_check group by 1";
        for (table, rows) in sql(STRAY).all::<(String, i64)>(link).await? {
            faults.push(format!("{rows} rows of {table} belong to a run that is not there"));
        }
    }
    let mut rows = Vec::new();
    for table in tables(link).await? {
        let text = AssertSqlSafe(format!("select count(*) from {}", table.name));
        let (count,) = sql(text).one::<(i64,)>(link).await?;
        rows.push((table.name, u64::try_from(count).unwrap_or_default()));
    }
    for (rule, bad) in RULES {
        let (count,) = sql(rule).one::<(i64,)>(link).await?;
        if count != 0 {
            faults.push(format!("{count} {bad}"));
        }
    }
    link.run("commit").await?;
    let version = newest(super::migrations(location));
    Ok(Health { place: location.to_string(), version, rows, faults })
}
