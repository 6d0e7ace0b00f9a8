//! The audit chain as the writer keeps it: each fact of weight is told in the transaction that stores it.

pub(super) mod entries;
mod facts;
mod last;
mod read;
mod verify;
pub(super) mod watch;

pub use verify::{Report, verify};

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ploy::audit::{Entry, Hash, Head, Sealed};
use ploy::status::AuditStatus;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::RunInfo;
use super::joined::Appended;
use super::open::LAST_SEQ;
use super::sql::{Link, Sql, sql};
use crate::ports::audit::{Prunable, Prune};
use entries::{Before, Draft, fields};

pub use read::log;

/// After how many rows a head is kept beside the chain.
const ANCHOR_EVERY: u64 = 1000;

const INSERT: &str = "insert into audit (number, at, event_at, run, fact_seq, strategy, actor, action, subject, \
     state_before, state_after, previous, hash) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// The columns of a row, as [`AuditRow`] reads them.
const COLUMNS: &str = "number, at, event_at, run, fact_seq, strategy, actor, action, subject, state_before, \
     state_after, previous, hash";

/// What the writer knows of the chain.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Unknown before the first row, and after a transaction of which it is not known whether it was kept.
    head: Option<Head>,
    /// The newest head that is kept beside the chain.
    anchored: u64,
    /// What each thing of which the next state is told was told to be last.
    last: BTreeMap<Topic, String>,
    /// What the transaction on its way would add to that.
    staged: BTreeMap<Topic, String>,
}

/// A subject, and what of it.
type Topic = (String, String);

/// Why a head is kept beside the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Started,
    Ended,
    Passed,
    Pruned,
}

/// Where the chain is once a transaction is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    head: Head,
    anchored: u64,
}

/// What is about to be sealed, with the place of its fact.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) run: String,
    pub(super) seq: i64,
    pub(super) draft: Draft,
}

#[derive(Debug, FromRow)]
pub(super) struct AuditRow {
    number: i64,
    at: i64,
    event_at: i64,
    run: String,
    fact_seq: i64,
    strategy: Option<String>,
    actor: String,
    action: String,
    subject: String,
    state_before: Option<String>,
    state_after: Option<String>,
    previous: String,
    hash: String,
}

impl Chain {
    /// Begins the chain where there is none, and tells that a process starts, in this run. The caller holds the store
    /// alone, and has begun a transaction.
    pub(super) async fn open(
        link: &mut Link<'_>,
        process: &RunInfo,
        run: &str,
    ) -> Result<Self, sqlx::Error> {
        let mut chain = Self::default();
        chain.begin(link).await?;
        last::recall(&mut chain, link, run).await?;
        let (seq,) = sql(LAST_SEQ).bind(run).one::<(i64,)>(link).await?;
        let draft = Draft {
            event_at: process.started_at.micros(),
            strategy: None,
            actor: "process".to_owned(),
            action: entries::STARTED.to_owned(),
            subject: run.to_owned(),
            before: Before::Unknown,
            after: Some(fields([("title", &process.title), ("version", &process.version)])),
        };
        chain.write(link, vec![Told { run: run.to_owned(), seq, draft }]).await?;
        chain.anchor(link, Anchor::Started).await?;
        Ok(chain)
    }

    /// Writes the first row where there is none: what was stored before it has no row in the chain.
    pub(super) async fn begin(&mut self, link: &mut Link<'_>) -> Result<(), sqlx::Error> {
        const NEWEST: &str = "select run from runs order by number desc limit 1";
        if self.head(link).await? != Head::START {
            return Ok(());
        }
        let run = sql(NEWEST).optional::<(String,)>(link).await?;
        let run = run.map_or_else(String::new, |(run,)| run);
        let (seq,) = sql(LAST_SEQ).bind(&*run).one::<(i64,)>(link).await?;
        let draft = Draft {
            event_at: now(),
            strategy: None,
            actor: "process".to_owned(),
            action: entries::BEGUN.to_owned(),
            subject: "all".to_owned(),
            before: Before::Unknown,
            after: Some(fields([("facts_before", &seq.to_string()), ("run", &run)])),
        };
        self.write(link, vec![Told { run, seq, draft }]).await
    }

    /// Seals and writes these, within the caller's transaction.
    pub(super) async fn write(
        &mut self,
        link: &mut Link<'_>,
        told: Vec<Told>,
    ) -> Result<(), sqlx::Error> {
        self.staged.clear();
        if told.is_empty() {
            return Ok(());
        }
        let mut head = self.head(link).await?;
        // Whatever becomes of the transaction, the head is read again unless it was kept.
        self.head = None;
        let mut rows = Appended::default();
        for row in self.seal(&mut head, told) {
            rows.add(row, link).await?;
        }
        rows.finish(link).await?;
        self.head = Some(head);
        if self.is_to_be_anchored(head) {
            self.anchor(link, Anchor::Passed).await?;
        }
        Ok(())
    }

    /// Seals these without asking the database, and returns what writes them, with the heads that are kept beside the
    /// chain. None where the head is not known. The chain itself stays where it is until it is told that this was written.
    pub(super) fn ahead(&mut self, told: Vec<Told>) -> Option<(Vec<Sql>, Reached)> {
        let (mut head, mut anchored) = (self.head?, self.anchored);
        let is_end = told.iter().any(|one| one.draft.action == entries::ENDED);
        self.staged.clear();
        let mut all = self.seal(&mut head, told);
        for (kind, is_due) in
            [(Anchor::Passed, self.is_to_be_anchored(head)), (Anchor::Ended, is_end)]
        {
            if is_due {
                all.push(beside(head, kind));
                anchored = head.number;
            }
        }
        Some((all, Reached { head, anchored }))
    }

    /// What was sealed ahead was written.
    pub(super) const fn reach(&mut self, reached: Reached) {
        let Reached { head, anchored } = reached;
        self.head = Some(head);
        self.anchored = anchored;
    }

    const fn is_to_be_anchored(&self, head: Head) -> bool {
        self.anchored.saturating_add(ANCHOR_EVERY) <= head.number
    }

    fn seal(&mut self, head: &mut Head, told: Vec<Told>) -> Vec<Sql> {
        let at = now();
        told.into_iter().map(|one| insert(head.seal(self.entry(at, one)))).collect()
    }

    /// Keeps the head beside the chain, within the caller's transaction.
    pub(super) async fn anchor(
        &mut self,
        link: &mut Link<'_>,
        kind: Anchor,
    ) -> Result<(), sqlx::Error> {
        let head = self.head(link).await?;
        beside(head, kind).execute(link).await?;
        self.anchored = head.number;
        Ok(())
    }

    /// The transaction was kept: what it told is what was told last.
    pub(super) fn kept(&mut self) {
        self.last.append(&mut self.staged);
    }

    /// Nobody knows whether the transaction was kept.
    pub(super) fn forget(&mut self) {
        self.head = None;
        self.staged.clear();
    }

    /// Returns the head as far as it is known.
    pub(super) const fn known(&self) -> Option<Head> {
        self.head
    }

    async fn head(&mut self, link: &mut Link<'_>) -> Result<Head, sqlx::Error> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        let head = read_head(link).await?;
        self.head = Some(head);
        Ok(head)
    }

    fn entry(&mut self, at: i64, told: Told) -> Entry {
        let Told { run, seq, draft } = told;
        let Draft { event_at, strategy, actor, action, subject, before, after } = draft;
        let before = match before {
            Before::Known(state) => Some(state),
            Before::Unknown => None,
            Before::Last(topic) => {
                let topic = (subject.clone(), topic);
                let last = self.staged.get(&topic).or_else(|| self.last.get(&topic)).cloned();
                if let Some(after) = &after {
                    self.staged.insert(topic, after.clone());
                }
                last
            }
        };
        Entry {
            at,
            event_at,
            run,
            seq,
            strategy: strategy.map(clean),
            actor: clean(actor),
            action: clean(action),
            subject: clean(subject),
            before,
            after,
        }
    }
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ended => "ended",
            Self::Passed => "passed",
            Self::Pruned => "pruned",
        }
    }
}

impl AuditRow {
    /// Returns the row as the chain knows it. A hash that was spoiled is another hash.
    pub(super) fn sealed(self) -> Sealed {
        Sealed {
            number: u64::try_from(self.number).unwrap_or_default(),
            entry: Entry {
                at: self.at,
                event_at: self.event_at,
                run: self.run,
                seq: self.fact_seq,
                strategy: self.strategy,
                actor: self.actor,
                action: self.action,
                subject: self.subject,
                before: self.state_before,
                after: self.state_after,
            },
            previous: hash(&self.previous),
            hash: hash(&self.hash),
        }
    }
}

/// Returns the newest row of the chain, or where it was deleted up to.
pub(super) async fn read_head(link: &mut Link<'_>) -> Result<Head, sqlx::Error> {
    const NEWEST: &str = "select number, hash from audit order by number desc limit 1";
    match sql(NEWEST).optional::<(i64, String)>(link).await? {
        Some(row) => Ok(head_of(row)),
        None => pruned(link).await,
    }
}

/// Returns after which row the chain begins: the last one that was deleted with age.
pub(super) async fn pruned(link: &mut Link<'_>) -> Result<Head, sqlx::Error> {
    const PRUNED: &str = "select number, hash from audit_anchors where kind = 'pruned' \
         order by number desc limit 1";
    let row = sql(PRUNED).optional::<(i64, String)>(link).await?;
    Ok(row.map_or(Head::START, head_of))
}

/// Deletes the rows that were written before this, all but the newest one, within the caller's transaction. Where the
/// chain now begins is kept beside it, so that what is left is checked as before.
pub(super) async fn shorten(
    chain: &mut Chain,
    before: Timestamp,
    link: &mut Link<'_>,
) -> Result<u64, sqlx::Error> {
    const FROM: &str = "select cast(coalesce( \
         (select min(number) from audit where at >= $1), (select max(number) from audit), 0) as bigint)";
    const LAST: &str =
        "select number, hash from audit where number < $1 order by number desc limit 1";
    let (from,) = sql(FROM).bind(before.micros()).one::<(i64,)>(link).await?;
    let Some(last) = sql(LAST).bind(from).optional::<(i64, String)>(link).await? else {
        return Ok(0);
    };
    beside(head_of(last), Anchor::Pruned).execute(link).await?;
    sql("delete from audit_anchors where number < $1").bind(from - 1).execute(link).await?;
    let rows = sql("delete from audit where number < $1").bind(from).execute(link).await?;
    let prune = Prune { at: before, table: Prunable::Decisions, before, rows_max: u32::MAX };
    let draft = entries::pruned("cli", "audit", &prune, rows);
    chain.write(link, vec![Told { run: String::new(), seq: 0, draft }]).await?;
    Ok(rows)
}

/// Returns what keeps a head beside the chain.
fn beside(head: Head, kind: Anchor) -> Sql {
    const KEEP: &str = "insert into audit_anchors (number, kind, hash, at) values ($1, $2, $3, $4) \
         on conflict do nothing";
    let keep = sql(KEEP).bind(super::rows::count(head.number)).bind(kind.name());
    keep.bind(head.hash.to_string()).bind(now())
}

/// Returns how the chain is, as a snapshot shows it.
pub(super) fn status(head: Head) -> AuditStatus {
    AuditStatus { rows: head.number, hash: head.hash.to_string(), ..AuditStatus::default() }
}

fn insert(row: Sealed) -> Sql {
    let Sealed { number, entry, previous, hash } = row;
    sql(INSERT)
        .bind(super::rows::count(number))
        .bind(entry.at)
        .bind(entry.event_at)
        .bind(entry.run)
        .bind(entry.seq)
        .bind(entry.strategy)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.subject)
        .bind(entry.before)
        .bind(entry.after)
        .bind(previous.to_string())
        .bind(hash.to_string())
}

fn head_of((number, text): (i64, String)) -> Head {
    Head { number: u64::try_from(number).unwrap_or_default(), hash: hash(&text) }
}

fn hash(text: &str) -> Hash {
    text.parse().unwrap_or_else(|_spoiled| Hash::of_spoiled(text))
}

/// What is hashed is what the databases keep: they have no zero character in a text.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// Returns the machine's time, in microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Returns one row, for tests that forge some.
#[cfg(test)]
pub(super) async fn row(link: &mut Link<'_>, number: i64) -> Result<AuditRow, sqlx::Error> {
    let text = format!("select {COLUMNS} from audit where number = $1");
    sql(sqlx::AssertSqlSafe(text)).bind(number).one(link).await
}
