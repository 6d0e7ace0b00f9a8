//! Roll-outs: how earlier processes left them.

use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::{Unreadable, within, word};
use super::rows::{Insert, Place, of, start};
use super::sql::sql;
use crate::ports::StoreError;
use crate::ports::rollout::{RolloutPast, RolloutRecord};

const ROLLOUTS: &str = "select aged.strategy, aged.at, aged.good, aged.stage, aged.version, aged.why, \
         c.text as good_text from ( \
     select o.strategy, o.at, o.good, o.stage, o.version, o.why, row_number() over ( \
         partition by o.strategy order by r.number desc, o.seq desc) as age \
     from rollouts o join runs r on r.run = o.run) as aged \
     left join config_versions c on c.strategy = aged.strategy and c.version = aged.good \
     where aged.age = 1 order by aged.strategy";

#[derive(FromRow)]
struct RolloutRow {
    strategy: String,
    at: i64,
    good: Option<String>,
    stage: String,
    version: Option<String>,
    why: Option<String>,
    good_text: Option<String>,
}

/// Returns how one is written.
pub(super) fn insert(place: Place<'_>, record: &RolloutRecord) -> Insert {
    const SQL: &str = "insert into rollouts (run, seq, strategy, at, good, stage, version, why) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
    start(SQL, place, of(&record.strategy), record.at)
        .bind(record.good.clone())
        .bind(record.stage.clone())
        .bind(record.version.clone())
        .bind(record.why.clone())
}

impl Store {
    /// Returns how the newest roll-out of every strategy was left, over all runs, by strategy. What was queued
    /// before counts.
    ///
    /// # Errors
    /// When what is queued cannot be written, or the records cannot be read.
    pub async fn rollouts(&self) -> Result<Vec<RolloutPast>, StoreError> {
        self.flush().await?;
        let read = self.inner.pool.all::<RolloutRow>(sql(ROLLOUTS));
        let rows = within(&self.inner.shared, read).await?.into_iter();
        Ok(rows.map(RolloutRow::past).collect::<Result<_, _>>()?)
    }
}

impl RolloutRow {
    fn past(self) -> Result<RolloutPast, Unreadable> {
        let Self { strategy, at, good, stage, version, why, good_text } = self;
        let (strategy, at) = (word(&strategy)?, Timestamp::from_micros(at));
        let record = RolloutRecord { strategy, good, stage, version, why, at };
        Ok(RolloutPast { record, good_text })
    }
}
