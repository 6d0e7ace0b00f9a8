//! Whether the chain is as it was written: read once, a page at a time, while a service runs or not.

use ploy::audit::{Break, Head, Verifier};
use ploy::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::super::Location;
use super::super::admin::{AdminError, block_on, failed, look};
use super::super::rows::count;
use super::super::sql::{Link, sql};
use super::{AuditRow, COLUMNS, facts, pruned};

/// How many rows are held at once.
const PAGE: i64 = 500;

/// What was found in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub place: String,
    /// How many rows fit.
    pub rows: u64,
    /// When the first of them was written, by the machine's clock; what happened before has no row.
    pub since: Option<Timestamp>,
    /// After which row they begin: those before were deleted with age.
    pub pruned: Head,
    /// The newest row that fits. Write it down elsewhere: what is later cut off or made anew is found by it.
    pub head: Head,
    /// The first thing that is wrong with the chain itself.
    pub broken: Option<Break>,
    /// What does not fit between the chain and the facts it tells of, one sentence each; of each kind the first few.
    pub faults: Vec<String>,
}

impl Report {
    /// Tells whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.broken.is_none() && self.faults.is_empty()
    }
}

/// Reads the whole chain, and holds orders, fills and settlements against it. Heads that were written down elsewhere
/// must be in it.
///
/// # Errors
/// When the store cannot be read, or is not of the schema of this program.
pub fn verify(location: &Location, expected: &[Head]) -> Result<Report, AdminError> {
    block_on(async {
        let mut conn = look(location).await?;
        let found = read(location, expected, &mut conn.link()).await;
        let found = found.map_err(|source| failed(location, source));
        conn.close().await.map_err(|source| failed(location, source))?;
        found
    })
}

async fn read(
    location: &Location,
    expected: &[Head],
    link: &mut Link<'_>,
) -> Result<Report, sqlx::Error> {
    const FIRST: &str = "select at from audit order by number limit 1";
    let pruned = pruned(link).await?;
    let since = sql(FIRST).optional::<(i64,)>(link).await?;
    let mut verifier = Verifier::new(pruned, expected.iter().copied());
    let mut broken = beside(pruned, link).await?;
    while broken.is_none() {
        match page(&mut verifier, PAGE, link).await? {
            Ok(0) => break,
            Ok(_) => {}
            Err(found) => broken = Some(found),
        }
    }
    let mut faults = Vec::new();
    if broken.is_none() {
        broken = match verifier.end() {
            Ok(_) => rewritten(pruned, link).await?,
            Err(cut) => Some(cut),
        };
        faults = facts::compare(link).await?;
    }
    let head = verifier.head();
    Ok(Report {
        place: location.to_string(),
        rows: head.number - pruned.number,
        since: since.map(|(at,)| Timestamp::from_micros(at)),
        pruned,
        head,
        broken,
        faults,
    })
}

/// Takes in the next rows, and returns how many there were.
pub(super) async fn page(
    verifier: &mut Verifier,
    rows_max: i64,
    link: &mut Link<'_>,
) -> Result<Result<usize, Break>, sqlx::Error> {
    let text = format!("select {COLUMNS} from audit where number > $1 order by number limit $2");
    let read = sql(AssertSqlSafe(text)).bind(count(verifier.head().number)).bind(rows_max);
    let rows = read.all::<AuditRow>(link).await?;
    let length = rows.len();
    let mut rows = rows.into_iter();
    Ok(rows.try_for_each(|row| verifier.check(&row.sealed())).map(|()| length))
}

/// Returns what is wrong beside the rows: rows before the first, or heads past the last.
pub(super) async fn beside(
    pruned: Head,
    link: &mut Link<'_>,
) -> Result<Option<Break>, sqlx::Error> {
    const BEFORE: &str = "select number from audit where number <= $1 order by number limit 1";
    const PAST: &str = "select n.number, e.last from audit_anchors n join ( \
         select cast(coalesce(max(number), $1) as bigint) as last from audit) e \
         on e.last < n.number where n.number > $1 order by n.number limit 1";
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    let after = count(pruned.number);
    if let Some((number,)) = sql(BEFORE).bind(after).optional::<(i64,)>(link).await? {
        return Ok(Some(Break::Inserted { number: whole(number) }));
    }
    let past = sql(PAST).bind(after).optional::<(i64, i64)>(link).await?;
    Ok(past.map(|(number, last)| Break::Cut { number: whole(number), last: whole(last) }))
}

/// Returns the first head beside the chain whose row has another hash: the chain was made anew.
pub(super) async fn rewritten(
    pruned: Head,
    link: &mut Link<'_>,
) -> Result<Option<Break>, sqlx::Error> {
    const ANCHORS: &str = "select n.number from audit_anchors n join audit a on a.number = n.number \
         where n.number > $1 and a.hash <> n.hash order by n.number limit 1";
    let found = sql(ANCHORS).bind(count(pruned.number)).optional::<(i64,)>(link).await?;
    let number = found.map(|(number,)| u64::try_from(number).unwrap_or_default());
    Ok(number.map(|number| Break::Rewritten { number }))
}
