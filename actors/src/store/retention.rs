//! What goes with age while the service runs: rows that explain, of earlier runs, a few at a time at a quiet pace.

use sqlx::AssertSqlSafe;

use super::rows::Place;
use super::sql::{Sql, sql};
use crate::ports::audit::Prune;

/// Returns the statement that deletes some of the oldest rows, never of the run that this is.
pub(super) fn delete(place: Place<'_>, prune: &Prune) -> Sql {
    let table = prune.table.name();
    let text = format!(
        "delete from {table} where (run, seq) in (select t.run, t.seq from {table} t \
         join runs r on r.run = t.run where r.started_at < $1 and r.run <> $2 \
         and r.number < (select max(number) from runs) order by r.number, t.seq limit $3)"
    );
    sql(AssertSqlSafe(text))
        .bind(prune.before.micros())
        .bind(place.run)
        .bind(i64::from(prune.rows_max))
}
