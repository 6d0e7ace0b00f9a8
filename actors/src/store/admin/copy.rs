//! All rows of one store into another: in one transaction, and compared before it is kept.

use std::path::Path;

use sqlx::AssertSqlSafe;

use super::{AdminError, Location, PAGE, Table, block_on, enter, failed, leave, look, tables};
use crate::store::open::{self, OpenError};
use crate::store::owner;
use crate::store::sql::{Cell, Conn, Link, sql};

/// How many rows one statement writes.
const ROWS: usize = 50;

/// How many rows of a table were copied, written or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

/// Takes every row of one store into another, which must hold none. Nothing may run on either.
///
/// # Errors
/// When one of them cannot be used, or counts and sums differ afterwards: then nothing is kept.
pub fn import(from: &Location, to: &Location) -> Result<Vec<Moved>, AdminError> {
    block_on(async {
        let mut source = look(from).await?;
        // What a service wrote meanwhile would be missing.
        let _lock = match (from, source.link()) {
            (Location::File(path), _) => Some(open::lock(path)?),
            (Location::Server(_), Link::Postgres(conn)) => {
                let free = owner::take(conn).await.map_err(|error| failed(from, error))?;
                if !free {
                    return Err(OpenError::Locked { place: from.to_string() }.into());
                }
                None
            }
            (Location::Server(_), Link::Sqlite(_)) => None,
        };
        take(source, from, to).await
    })
}

/// Writes every row of a store into a new file, which is itself a store. A service may run meanwhile: the copy is of
/// one instant.
///
/// # Errors
/// When the file is there already, or counts and sums differ: then no file is left.
pub fn backup(from: &Location, path: &Path) -> Result<Vec<Moved>, AdminError> {
    if path.exists() {
        return Err(AdminError::Exists(path.to_owned()));
    }
    let to = Location::File(path.to_owned());
    let done = block_on(async {
        let source = look(from).await?;
        take(source, from, &to).await
    });
    // One that failed before it was made left nothing; another one is not a copy.
    if done.is_err() {
        open::remove(path);
    }
    done
}

async fn take(mut source: Conn, from: &Location, to: &Location) -> Result<Vec<Moved>, AdminError> {
    let mut opened = enter(to).await?;
    let copied = copy((&mut source.link(), from), (&mut opened.conn.link(), to)).await;
    leave(opened, to).await?;
    source.close().await.map_err(|source| failed(from, source))?;
    copied
}

async fn copy(
    (source, from): (&mut Link<'_>, &Location),
    (target, to): (&mut Link<'_>, &Location),
) -> Result<Vec<Moved>, AdminError> {
    source.begin_reading().await.map_err(|error| failed(from, error))?;
    target.run("begin").await.map_err(|error| failed(to, error))?;
    let mut moved = Vec::new();
    for table in tables(source).await.map_err(|error| failed(from, error))? {
        if table.name == "runs" {
            let runs = table.sums(target).await.map_err(|error| failed(to, error))?;
            if runs.first() != Some(&0) {
                return Err(AdminError::Taken(to.to_string()));
            }
        }
        let mut after = None;
        loop {
            let rows = page(&table, after, source).await.map_err(|error| failed(from, error))?;
            let Some(last) = rows.last() else { break };
            after = Some(last.clone());
            write(&table, rows, target).await.map_err(|error| failed(to, error))?;
        }
        let read = table.sums(source).await.map_err(|error| failed(from, error))?;
        let written = table.sums(target).await.map_err(|error| failed(to, error))?;
        if read != written {
            let (read, written) = (format!("{read:?}"), format!("{written:?}"));
            return Err(AdminError::Different { table: table.name, read, written });
        }
        let rows = read.first().copied().unwrap_or_default();
        moved.push(Moved { table: table.name, rows: u64::try_from(rows).unwrap_or_default() });
    }
    target.run("commit").await.map_err(|error| failed(to, error))?;
    source.run("commit").await.map_err(|error| failed(from, error))?;
    Ok(moved)
}

/// Reads the rows that follow the last one, in the order of the primary key.
pub(super) async fn page(
    table: &Table,
    after: Option<Vec<Cell>>,
    link: &mut Link<'_>,
) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
    let key = table.key();
    let names = table.names(&key);
    let mut text = format!("select {} from {}", table.list(), table.name);
    let mut bound = Vec::new();
    if let Some(last) = after {
        let marks: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
        text = format!("{text} where ({names}) > ({})", marks.join(", "));
        bound.extend(key.iter().filter_map(|place| last.get(*place).cloned()));
    }
    text = format!("{text} order by {names} limit {PAGE}");
    let read = bound.into_iter().fold(sql(AssertSqlSafe(text)), |read, cell| read.bind(cell));
    let kinds: Vec<_> = table.columns.iter().map(|column| column.kind).collect();
    read.cells(link, &kinds).await
}

async fn write(
    table: &Table,
    rows: Vec<Vec<Cell>>,
    link: &mut Link<'_>,
) -> Result<(), sqlx::Error> {
    let width = table.columns.len();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<Vec<Cell>> = rows.by_ref().take(ROWS).collect();
        let tuples: Vec<String> = (0..some.len())
            .map(|row| {
                let marks: Vec<String> =
                    (1..=width).map(|place| format!("${}", row * width + place)).collect();
                format!("({})", marks.join(", "))
            })
            .collect();
        let text =
            format!("insert into {} ({}) values {}", table.name, table.list(), tuples.join(", "));
        let insert = some.into_iter().flatten();
        let insert = insert.fold(sql(AssertSqlSafe(text)), |insert, cell| insert.bind(cell));
        insert.execute(link).await?;
    }
    Ok(())
}
