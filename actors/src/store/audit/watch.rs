//! The service's own check of its chain: all of it at the start and once a day, what was added once a minute.

use std::sync::Arc;
use std::time::Duration;

use ploy::audit::{Break, Hash, Head, Verifier};

use super::super::cells::within;
use super::super::queue::{Life, Shared};
use super::super::rows::count;
use super::super::sql::{Link, Pool, sql};
use super::verify::{beside, page, rewritten};
use super::{hash, pruned};
use crate::ports::StoreError;
use crate::telemetry::events;

/// How often what was added is checked.
const EVERY: Duration = Duration::from_mins(1);
/// After how many of these all is checked again: a day.
const FULL_EVERY: u32 = 24 * 60;
/// How many rows are read at once, and how long nothing is read after them: an old chain is read at 10 000 rows a
/// second, which leaves disk and processor to the service.
const ROWS: i64 = 1000;
const PAUSE: Duration = Duration::from_millis(100);

/// Checks again and again until the store ends, or something is found: then nothing more can be said.
pub(in crate::store) async fn keep_checking(shared: Arc<Shared>, pool: Pool) {
    let mut after: Option<Head> = None;
    for tick in 0_u32.. {
        if shared.life() != Life::Open {
            return;
        }
        if tick.is_multiple_of(FULL_EVERY) {
            after = None;
        }
        match check(&shared, &pool, after).await {
            Ok(Ok(head)) => {
                if after.is_none() {
                    tracing::info!(event.name = events::AUDIT_CHECKED, %head, "the audit chain is sound");
                }
                shared.audited(|audit| audit.checked = head.number);
                after = Some(head);
            }
            Ok(Err(found)) => {
                let why = found.to_string();
                tracing::error!(
                    event.name = events::AUDIT_BROKEN,
                    error.message = why,
                    "the audit chain was touched"
                );
                shared.audited(|audit| audit.broken = Some(why));
                return;
            }
            // A store that cannot be read says so elsewhere; this is tried again.
            Err(error) => tracing::debug!(%error, "the audit chain could not be read"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Checks what follows this head, or all.
pub(in crate::store) async fn check(
    shared: &Shared,
    pool: &Pool,
    after: Option<Head>,
) -> Result<Result<Head, Break>, StoreError> {
    let known = shared.head();
    let start = within(shared, async {
        let mut snapshot = pool.snapshot().await?;
        let link = &mut snapshot.link();
        let pruned = pruned(link).await?;
        let found = match after {
            None => match beside(pruned, link).await? {
                None => rewritten(pruned, link).await?,
                found => found,
            },
            Some(head) => replaced(head, link).await?,
        };
        snapshot.end().await?;
        Ok(found.map_or_else(|| Ok(after.unwrap_or(pruned)), Err))
    });
    let mut verifier = match start.await? {
        Ok(from) => Verifier::new(from, known),
        Err(found) => return Ok(Err(found)),
    };
    loop {
        let read = async {
            let mut snapshot = pool.snapshot().await?;
            let read = page(&mut verifier, ROWS, &mut snapshot.link()).await?;
            snapshot.end().await?;
            Ok(read)
        };
        match within(shared, read).await? {
            Ok(0) => return Ok(verifier.end()),
            Ok(_) => tokio::time::sleep(PAUSE).await,
            Err(found) => return Ok(Err(found)),
        }
    }
}

/// Returns what became of the newest row that was checked, if it is not there as it was.
async fn replaced(head: Head, link: &mut Link<'_>) -> Result<Option<Break>, sqlx::Error> {
    const HASH: &str = "select e.last, (select hash from audit where number = $1) from ( \
         select cast(coalesce(max(number), 0) as bigint) as last from audit) e";
    let number = head.number;
    let read = sql(HASH).bind(count(number));
    let (last, found) = read.one::<(i64, Option<String>)>(link).await?;
    Ok(match found.map(|text| -> Hash { hash(&text) }) {
        Some(found) if found == head.hash => None,
        Some(_) => Some(Break::Rewritten { number }),
        None if last < count(number) => {
            Some(Break::Cut { number, last: u64::try_from(last).unwrap_or_default() })
        }
        None if number == 0 => None,
        None => Some(Break::Missing { first: number, last: number }),
    })
}
