//! What is kept for ever, and what may go: rows that explain are deleted with age, rows of money never.

use ploy::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::{AdminError, Location, Moved, block_on, enter, failed, leave};
use crate::ports::audit::{Prunable, Prune};
use crate::store::audit::{Chain, Told, entries, shorten};
use crate::store::sql::{Link, sql};

/// What becomes of the audit chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldAudit {
    /// All of it stays.
    Keep,
    /// Its old rows go, and the head up to which they went is kept beside it.
    Delete,
}

/// Deletes decisions, errors, phases and trips of the runs that began before this time, and of the audit chain, where
/// that is asked for, what was written before it. Orders, fills, settlements, commands, halts and settings stay, and so
/// does all of the newest run. Nothing may run on the store.
///
/// # Errors
/// When the store cannot be used, or another process has it: then nothing is deleted.
pub fn prune(
    location: &Location,
    before: Timestamp,
    audit: OldAudit,
) -> Result<Vec<Moved>, AdminError> {
    block_on(async {
        let mut opened = enter(location).await?;
        let pruned = delete(before, audit, (&mut opened.chain, &mut opened.conn.link())).await;
        leave(opened, location).await?;
        pruned.map_err(|source| failed(location, source))
    })
}

async fn delete(
    before: Timestamp,
    audit: OldAudit,
    (chain, link): (&mut Chain, &mut Link<'_>),
) -> Result<Vec<Moved>, sqlx::Error> {
    link.run("begin").await?;
    chain.begin(link).await?;
    let mut pruned = Vec::new();
    for table in Prunable::ALL {
        let text = format!(
            "delete from {} where run in (select run from runs where started_at < $1 \
             and number < (select max(number) from runs))",
            table.name()
        );
        let rows = sql(AssertSqlSafe(text)).bind(before.micros()).execute(link).await?;
        if rows != 0 {
            let prune = Prune { at: before, table, before, rows_max: u32::MAX };
            let draft = entries::pruned("cli", prune.table.name(), &prune, rows);
            chain.write(link, vec![Told { run: String::new(), seq: 0, draft }]).await?;
        }
        pruned.push(Moved { table: table.name().to_owned(), rows });
    }
    match audit {
        OldAudit::Keep => {}
        OldAudit::Delete => {
            let rows = shorten(chain, before, link).await?;
            pruned.push(Moved { table: "audit".to_owned(), rows });
        }
    }
    link.run("commit").await?;
    Ok(pruned)
}
