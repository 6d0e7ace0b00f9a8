//! What became of strategies' settings, over all runs: pages for people, and the texts to go back to.

use ploy::order::StrategyId;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::Store;
use super::cells::within;
use super::rows::{Insert, Place};
use super::sql::sql;
use super::versions::{Kept, VersionsError, choose};
use crate::bus::Ticket;
use crate::ports::config::{ConfigRecords, HistoryPage, HistoryRecord};
use crate::ports::{Page, Pending, Row, StoreError};

/// How many texts of one strategy are looked through for a version.
const VERSIONS_MAX: i64 = 10_000;

/// `place` orders what happened over all runs: the run's number above 40 bits for the number within it. Who asked
/// for a version that came into force is told by the newest change that was written before.
const PAGE: &str = "select place, at, event, version, actor, what, \
         (select min(n.at) from config_history n join runs nr on nr.run = n.run \
             where n.strategy = $1 and n.event in ('in_force', 'removed') and h.event = 'in_force' \
             and nr.number * 1099511627776 + n.seq > place) as until, \
         (select w.version || ' ' || w.actor from config_history w join runs wr on wr.run = w.run \
             where w.strategy = $1 and w.event in ('written', 'rolled_back') and h.actor = 'file' \
             and h.event = 'in_force' and wr.run = h.run and w.seq < h.seq \
             order by w.seq desc limit 1) as asked \
     from (select r.number * 1099511627776 + c.seq as place, c.* from config_history c \
         join runs r on r.run = c.run where c.strategy = $1) h \
     where place < $2 order by place desc limit $3";

const VERSIONS: &str = "select version, text from config_versions where strategy = $1 \
     order by at desc, version limit $2";

#[derive(FromRow)]
struct HistoryRow {
    place: i64,
    at: i64,
    event: String,
    version: Option<String>,
    actor: String,
    what: String,
    until: Option<i64>,
    asked: Option<String>,
}

/// Returns how one is written.
pub(super) fn insert(place: Place<'_>, record: &HistoryRecord) -> Insert {
    const SQL: &str = "insert into config_history (run, seq, strategy, at, event, version, actor, what) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
    sql(SQL)
        .bind(place.run)
        .bind(place.seq)
        .bind(record.strategy.clone())
        .bind(record.at.micros())
        .bind(record.event.clone())
        .bind(record.version.clone())
        .bind(record.actor.clone())
        .bind(record.what.clone())
}

impl ConfigRecords for Store {
    fn history(
        &self,
        id: StrategyId,
        page: HistoryPage,
    ) -> Pending<'_, Result<Page<HistoryRecord>, StoreError>> {
        Box::pin(async move {
            let limit = page.limit.clamp(1, 1000);
            let read = sql(PAGE)
                .bind(id.as_str())
                .bind(page.before.unwrap_or(i64::MAX))
                .bind(i64::from(limit) + 1);
            let read = self.inner.pool.all::<HistoryRow>(read);
            let mut rows = within(&self.inner.shared, read).await?;
            let length = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = length < rows.len();
            rows.truncate(length);
            let next = rows.last().map(|row| row.place).filter(|_| more);
            Ok(Page { next, items: rows.into_iter().map(|row| row.record(&id)).collect() })
        })
    }

    fn version(
        &self,
        id: StrategyId,
        prefix: String,
    ) -> Pending<'_, Result<Result<String, String>, StoreError>> {
        Box::pin(async move {
            let read = sql(VERSIONS).bind(id.as_str()).bind(VERSIONS_MAX);
            let read = self.inner.pool.all::<Kept>(read);
            let all = within(&self.inner.shared, read).await?;
            let told = |error: VersionsError| error.to_string();
            Ok(choose(all, &id, &prefix).map(|kept| kept.text).map_err(told))
        })
    }

    fn keep(&self, row: Row) -> Result<(), StoreError> {
        self.record(row, Ticket::none())
    }
}

impl HistoryRow {
    fn record(self, id: &StrategyId) -> HistoryRecord {
        let asked = self.asked.as_deref().and_then(|asked| asked.split_once(' '));
        let actor = match asked {
            Some((version, actor)) if self.version.as_deref() == Some(version) => actor.to_owned(),
            Some(_) | None => self.actor,
        };
        HistoryRecord {
            at: Timestamp::from_micros(self.at),
            strategy: id.to_string(),
            event: self.event,
            version: self.version,
            actor,
            what: self.what,
            until: self.until.map(Timestamp::from_micros),
        }
    }
}
