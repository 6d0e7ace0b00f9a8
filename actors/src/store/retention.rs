//! What goes with age while the service runs: rows that explain, of earlier runs, a few at a time when it is quiet.

use std::sync::Arc;
use std::time::Duration;

use ploy::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::ANSWER_WITHIN;
use super::cells::within;
use super::queue::{Life, Shared};
use super::rows::Place;
use super::sql::{Pool, Sql, sql};
use crate::ports::audit::{Prunable, Prune};
use crate::ports::{Row, StoreError};
use crate::telemetry::events;

/// How often it is looked whether something is too old.
const EVERY: Duration = Duration::from_hours(1);
/// How many rows one transaction deletes: a few milliseconds, in which an order would wait.
const ROWS_MAX: u32 = 500;
/// How long nothing is deleted after that: the order path has the disk to itself most of the time.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Who deletes what, and of which age.
pub(super) struct Retention {
    pub(super) shared: Arc<Shared>,
    pub(super) pool: Pool,
    /// The run in progress, of which nothing is deleted.
    pub(super) run: String,
    pub(super) keep: Duration,
    pub(super) wall: fn() -> Timestamp,
    /// How long nothing is deleted after a transaction that deleted.
    pub(super) pause: Duration,
}

impl Retention {
    /// Deletes what is too old, again and again until the store ends.
    pub(super) async fn keep_deleting(self) {
        while self.shared.life() == Life::Open {
            let mut rows = 0;
            for table in Prunable::ALL {
                match self.table(table, &mut rows).await {
                    Ok(()) => {}
                    // A store that cannot be written says so elsewhere; this is tried again.
                    Err(error) => tracing::debug!(%error, "old rows could not be deleted"),
                }
            }
            if rows != 0 {
                tracing::info!(event.name = events::STORE_PRUNED, rows, "old rows were deleted");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn table(&self, table: Prunable, deleted: &mut u64) -> Result<(), StoreError> {
        while self.shared.life() == Life::Open {
            if self.shared.waiting() != 0 {
                tokio::time::sleep(self.pause).await;
                continue;
            }
            let at = (self.wall)();
            let prune = Prune { at, table, before: at - self.keep, rows_max: ROWS_MAX };
            let old = self.pool.one::<(i64,)>(old(&self.run, &prune));
            let (rows,) = within(&self.shared, old).await?;
            if rows == 0 {
                return Ok(());
            }
            let answer = self.shared.commit(vec![Row::Prune(prune)])?;
            match tokio::time::timeout(ANSWER_WITHIN, answer).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_)) => return Err(StoreError::Ended),
                Err(_) => return Err(StoreError::Failed("no answer in time".to_owned())),
            }
            let rows = u64::try_from(rows).unwrap_or_default();
            *deleted += rows;
            self.shared.audited(|audit| audit.pruned += rows);
            tokio::time::sleep(self.pause).await;
        }
        Ok(())
    }
}

/// Returns the statement that deletes some of the oldest rows, never of the run that this is.
pub(super) fn delete(place: Place<'_>, prune: &Prune) -> Sql {
    let table = prune.table.name();
    let text = format!("delete from {table} where (run, seq) in ({})", chosen(table));
    bound(AssertSqlSafe(text), place.run, prune)
}

/// Returns the statement that counts what [`delete`] would delete.
fn old(run: &str, prune: &Prune) -> Sql {
    let text = format!("select count(*) from ({}) as old", chosen(prune.table.name()));
    bound(AssertSqlSafe(text), run, prune)
}

fn chosen(table: &str) -> String {
    format!(
        "select t.run, t.seq from {table} t join runs r on r.run = t.run \
         where r.started_at < $1 and r.run <> $2 and r.number < (select max(number) from runs) \
         order by r.number, t.seq limit $3"
    )
}

fn bound(text: AssertSqlSafe<String>, run: &str, prune: &Prune) -> Sql {
    sql(text).bind(prune.before.micros()).bind(run).bind(i64::from(prune.rows_max))
}
