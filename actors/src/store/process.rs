//! What earlier processes left about themselves: when they started, how they ended, whether safe mode still holds.

use ploy::process::{End, Past, Start};
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::within;
use super::rows::{Insert, Place};
use super::sql::sql;
use crate::ports::StoreError;
use crate::ports::process::{ProcessEvent, ProcessRecord};

const SAFE_MODE: &str = "select r.number, e.event, e.reason, cast(coalesce((select max(s.number) from starts s \
         where s.run = e.run and s.after_seq < e.seq), 0) as bigint) as start_number \
     from process_events e join runs r on r.run = e.run \
     where e.event in ('safe_mode_entered', 'safe_mode_left') order by r.number desc, e.seq desc limit 1";

/// No policy counts more than 100. An end belongs to the start after which it was written.
const STARTS: &str = "select s.at as started_at, (select count(*) from process_events e \
         where e.run = s.run and e.event = 'ended' and s.after_seq < e.seq \
         and not exists (select 1 from starts n where n.run = s.run and s.number < n.number \
             and n.after_seq < e.seq)) as ended \
     from starts s join runs r on r.run = s.run \
     where not (s.run = $1 and s.number = $2) \
     and (r.number > $3 or (r.number = $3 and s.number >= $4)) \
     order by r.number desc, s.number desc limit 100";

#[derive(FromRow)]
struct SafeModeRow {
    number: i64,
    start_number: i64,
    event: String,
    reason: Option<String>,
}

#[derive(FromRow)]
struct StartRow {
    started_at: i64,
    ended: i64,
}

/// Returns how it is written what the next process must know.
pub(super) fn insert(place: Place<'_>, record: &ProcessRecord) -> Insert {
    const SQL: &str = "insert into process_events (run, seq, at, event, actor, reason) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    let (event, actor, reason) = match &record.event {
        ProcessEvent::Ended => ("ended", None, None),
        ProcessEvent::SafeModeEntered { reason } => ("safe_mode_entered", None, Some(reason)),
        ProcessEvent::SafeModeLeft { actor, reason } => {
            ("safe_mode_left", Some(actor), Some(reason))
        }
    };
    sql(SQL)
        .bind(place.run)
        .bind(place.seq)
        .bind(record.at.micros())
        .bind(event)
        .bind(actor.cloned())
        .bind(reason.cloned())
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
            None => (None, (0, 0)),
            Some(row) if row.event == "safe_mode_left" => (None, (row.number, row.start_number)),
            Some(row) => (Some(row.reason.unwrap_or_default()), (row.number, row.start_number)),
        };
        let own = i64::try_from(self.inner.entered.start).unwrap_or(i64::MAX);
        let starts = sql(STARTS).bind(&*self.inner.run).bind(own).bind(from.0).bind(from.1);
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
