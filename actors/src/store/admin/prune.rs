//! What is kept for ever, and what may go: rows that explain are deleted with age, rows of money never.

use ploy::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::{AdminError, Location, Moved, block_on, enter, failed, leave};
use crate::store::sql::{Link, sql};

/// Tables whose rows explain and count for nothing: what a later run needs is in the others.
const EXPLAIN: [&str; 4] = ["decisions", "errors", "lifecycle", "risk_events"];

/// Deletes decisions, errors, phases and trips of the runs that began before this time. Orders, fills, settlements,
/// commands, halts and settings stay, and so does all of the newest run. Nothing may run on the store.
///
/// # Errors
/// When the store cannot be used, or another process has it: then nothing is deleted.
pub fn prune(location: &Location, before: Timestamp) -> Result<Vec<Moved>, AdminError> {
    block_on(async {
        let mut opened = enter(location).await?;
        let pruned = delete(before, &mut opened.conn.link()).await;
        leave(opened, location).await?;
        pruned.map_err(|source| failed(location, source))
    })
}

async fn delete(before: Timestamp, link: &mut Link<'_>) -> Result<Vec<Moved>, sqlx::Error> {
    link.run("begin").await?;
    let mut pruned = Vec::new();
    for table in EXPLAIN {
        let text = format!(
            "delete from {table} where run in (select run from runs where started_at < $1 \
             and number < (select max(number) from runs))"
        );
        let rows = sql(AssertSqlSafe(text)).bind(before.micros()).execute(link).await?;
        pruned.push(Moved { table: table.to_owned(), rows });
    }
    link.run("commit").await?;
    Ok(pruned)
}
