//! The chain for people: pages of rows that fit what was asked, the newest first.

use ploy::time::Timestamp;

use super::super::admin::{AdminError, block_on, failed, look};
use super::super::cells::{number, within};
use super::super::sql::{Link, sql};
use super::super::{Location, Store};
use super::AuditRow;
use crate::ports::audit::{AuditQuery, AuditRecord, AuditRecords};
use crate::ports::{Page, Pending, StoreError};

/// How many rows are looked through for a page: an answer comes in time, however seldom what is asked for is.
const SPAN: i64 = 100_000;

const PAGE: &str = "select number, at, event_at, run, fact_seq, strategy, actor, action, subject, state_before, \
     state_after, previous, hash from audit where number < $1 and number >= $2 \
     and ($3 = '' or strategy = $3) and ($4 = '' or actor = $4) and ($5 = '' or action = $5) \
     and at >= $6 and at < $7 order by number desc limit $8";

/// Returns the newest rows that fit, the newest last.
///
/// # Errors
/// When the store cannot be read, or is not of the schema of this program.
pub fn log(location: &Location, query: &AuditQuery) -> Result<Vec<AuditRecord>, AdminError> {
    block_on(async {
        let mut conn = look(location).await?;
        let found = all(query, &mut conn.link()).await;
        let mut found = found.map_err(|source| failed(location, source))?;
        conn.close().await.map_err(|source| failed(location, source))?;
        found.reverse();
        Ok(found)
    })
}

async fn all(query: &AuditQuery, link: &mut Link<'_>) -> Result<Vec<AuditRecord>, sqlx::Error> {
    let mut query = query.clone();
    let mut found = Vec::new();
    loop {
        let Page { items, next } = page(&query, link).await?;
        query.limit -= u32::try_from(items.len()).unwrap_or(query.limit).min(query.limit);
        found.extend(items);
        if query.limit == 0 || next.is_none() {
            return Ok(found);
        }
        query.before = next;
    }
}

async fn page(query: &AuditQuery, link: &mut Link<'_>) -> Result<Page<AuditRecord>, sqlx::Error> {
    const NEWEST: &str = "select cast(coalesce(max(number), 0) as bigint) + 1 from audit";
    let (end,) = sql(NEWEST).one::<(i64,)>(link).await?;
    let before = query.before.unwrap_or(i64::MAX).min(end);
    let from = before.saturating_sub(SPAN).max(1);
    let limit = query.limit.clamp(1, 1000);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let read = sql(PAGE)
        .bind(before)
        .bind(from)
        .bind(text(&query.strategy))
        .bind(text(&query.actor))
        .bind(text(&query.action))
        .bind(query.since.map_or(i64::MIN, Timestamp::micros))
        .bind(query.until.map_or(i64::MAX, Timestamp::micros))
        .bind(i64::from(limit) + 1);
    let mut rows = read.all::<AuditRow>(link).await?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = length < rows.len();
    rows.truncate(length);
    let next = match rows.last() {
        Some(last) if more => Some(last.number),
        Some(_) | None => Some(from).filter(|from| 1 < *from),
    };
    Ok(Page { items: rows.into_iter().map(AuditRow::record).collect(), next })
}

impl AuditRecords for Store {
    fn audit(&self, query: AuditQuery) -> Pending<'_, Result<Page<AuditRecord>, StoreError>> {
        Box::pin(async move {
            let read = async {
                let mut snapshot = self.inner.pool.snapshot().await?;
                let page = page(&query, &mut snapshot.link()).await?;
                snapshot.end().await?;
                Ok(page)
            };
            within(&self.inner.shared, read).await
        })
    }
}

impl AuditRow {
    fn record(self) -> AuditRecord {
        // What is no JSON any more was spoiled, and is shown as it is.
        let json = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
        };
        AuditRecord {
            number: number(self.number).unwrap_or_default(),
            at: Timestamp::from_micros(self.at),
            event_at: Timestamp::from_micros(self.event_at),
            run: self.run,
            strategy: self.strategy,
            actor: self.actor,
            action: self.action,
            subject: self.subject,
            before: json(self.state_before),
            after: json(self.state_after),
            hash: self.hash,
        }
    }
}
