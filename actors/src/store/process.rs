//! What earlier processes left about themselves: when they started, how they ended, whether safe mode still holds.

use ploy::process::{End, Past, Start};
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::within;
use super::sql::sql;
use crate::ports::StoreError;

const SAFE_MODE: &str = "select r.number, e.event, e.reason from process_events e join runs r on r.run = e.run \
     where e.event in ('safe_mode_entered', 'safe_mode_left') order by r.number desc, e.seq desc limit 1";

/// No policy counts more than 100.
const STARTS: &str = "select r.started_at, (select count(*) from process_events e \
         where e.run = r.run and e.event = 'ended') as ended \
     from runs r where r.run <> $1 and r.number >= $2 order by r.number desc limit 100";

#[derive(FromRow)]
struct SafeModeRow {
    number: i64,
    event: String,
    reason: Option<String>,
}

#[derive(FromRow)]
struct StartRow {
    started_at: i64,
    ended: i64,
}

impl Store {
    /// Returns what earlier processes left about themselves. What was queued before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn process_past(&self) -> Result<Past, StoreError> {
        self.flush().await?;
        let newest = self.inner.pool.all::<SafeModeRow>(sql(SAFE_MODE));
        let newest = within(&self.inner.shared, newest).await?;
        let (safe_mode, from) = match newest.into_iter().next() {
            None => (None, 0),
            Some(row) if row.event == "safe_mode_left" => (None, row.number),
            Some(row) => (Some(row.reason.unwrap_or_default()), row.number),
        };
        let starts = sql(STARTS).bind(&*self.inner.run).bind(from);
        let starts = self.inner.pool.all::<StartRow>(starts);
        let starts = within(&self.inner.shared, starts).await?;
        Ok(Past { starts: starts.into_iter().map(StartRow::start).collect(), safe_mode })
    }
}

impl StartRow {
    fn start(self) -> Start {
        let end = if self.ended == 0 { End::Unknown } else { End::Orderly };
        Start { at: Timestamp::from_micros(self.started_at), end }
    }
}
