//! What each thing was told to be last by earlier processes: it stands before the first change that this one tells.

use serde_json::Value;
use sqlx::FromRow;

use super::Chain;
use crate::store::rows;
use crate::store::sql::{Link, sql};

/// How far back is looked, in rows of the chain. What did not change for longer has nothing before it: it is never guessed.
const ROWS_MAX: i64 = 20_000;

#[derive(FromRow)]
struct ToldRow {
    run: String,
    action: String,
    subject: String,
    state_after: Option<String>,
}

/// Has a chain know what each thing was told to be last, for a process that goes on with this run.
pub(super) async fn recall(
    chain: &mut Chain,
    link: &mut Link<'_>,
    run: &str,
) -> Result<(), sqlx::Error> {
    const TOLD: &str = "select run, action, subject, state_after from audit where number > $1 and action in \
         ('breaker_tripped', 'breaker_half_open', 'breaker_released', 'halt_raised', 'halt_ended', \
         'pause_begun', 'pause_ended', 'config_in_force', 'config_removed', 'rollout') order by number";
    let up_to = rows::count(chain.head(link).await?.number);
    let told = sql(TOLD).bind(up_to - ROWS_MAX).all::<ToldRow>(link).await?;
    chain.last.extend(told.into_iter().filter_map(|row| {
        let what = topic(&row, run)?;
        Some(((row.subject, what), row.state_after?))
    }));
    Ok(())
}

/// Returns what of its subject a row tells, as [`super::entries`] names it.
fn topic(row: &ToldRow, run: &str) -> Option<String> {
    match row.action.as_str() {
        "config_in_force" | "config_removed" => Some("config".to_owned()),
        "rollout" => Some("rollout".to_owned()),
        // Another run begins with a breaker of its own.
        "breaker_tripped" | "breaker_half_open" | "breaker_released" => {
            (row.run == run).then(|| "breaker".to_owned())
        }
        "halt_raised" | "halt_ended" | "pause_begun" | "pause_ended" => {
            let after: Value = serde_json::from_str(row.state_after.as_deref()?).ok()?;
            Some(format!("gate {}", after.get("cause")?.as_str()?))
        }
        _ => None,
    }
}
