//! The writer: all that arrives while a transaction is on its way to the disk goes into the next one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::query;
use tokio::sync::watch;

use super::audit::{Anchor, Chain, Reached, Told, entries};
use super::identity::Files;
use super::joined::{self, Appended, Script};
use super::owner::{Owner, Refused};
use super::probe::Probe;
use super::queue::{Job, Life, Shared, rows_of};
use super::rows::{self, Fault, Place};
use super::sql::{Conn, Link};
use crate::ports::Row;

/// How long decisions wait for others, so that one flush of the disk serves many. Other rows do not wait.
const GATHER: Duration = Duration::from_millis(10);
/// The first wait after a failed transaction; it doubles.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How often an idle writer looks whether its file still has its name.
const LOOK: Duration = Duration::from_secs(1);

/// The one task that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Absent after a server cut it, until the next try.
    conn: Option<Conn>,
    run: String,
    /// Looked at before and after each transaction.
    files: Option<Files>,
    /// What the store is tried with while it is down.
    probe: Probe,
    chain: Chain,
    /// Dropped after the connection.
    owner: Owner,
    /// Counts the transactions tried; the channel ends with the writer, as the last of it: whoever waits for that
    /// finds the file free.
    tries: watch::Sender<u64>,
}

/// What the writer holds of an open database.
#[derive(Debug)]
pub(super) struct Held {
    /// The connection that writes.
    pub(super) conn: Conn,
    /// The files that it writes, where the database is one.
    pub(super) files: Option<Files>,
    /// What keeps others out.
    pub(super) owner: Owner,
    /// What is known of the audit chain.
    pub(super) chain: Chain,
}

impl Writer {
    /// Returns the writer and where its tries are counted.
    pub(super) fn new(
        shared: Arc<Shared>,
        run: String,
        held: Held,
    ) -> (Self, watch::Receiver<u64>) {
        let (tries, counted) = watch::channel(0);
        let Held { conn, files, owner, chain } = held;
        let probe = Probe::default();
        let writer = Self { shared, conn: Some(conn), run, files, probe, chain, owner, tries };
        (writer, counted)
    }

    /// Writes until the store is closed and nothing waits.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            self.gather().await;
            let group = self.shared.take();
            if group.is_empty() {
                match self.shared.life() {
                    Life::Open => self.idle().await,
                    Life::Closing | Life::Abandoned | Life::Ended => break,
                }
                continue;
            }
            let result = self.write(&group).await;
            match result {
                Ok(contradictions) => {
                    failures = 0;
                    self.probe.passed();
                    self.shared.written(group, contradictions);
                }
                Err(error) => {
                    self.probe.note(&group, &error);
                    self.shared.kept(group, &super::chain(&error));
                    if self.shared.life() == Life::Abandoned {
                        break;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(backoff(failures)) => {}
                        () = self.shared.wake.notified() => {}
                    }
                    failures += 1;
                }
            }
        }
        let _hold = self.shared.hold();
        let is_lost = self.files.as_ref().is_some_and(|files| files.lost().is_some());
        if is_lost {
            // To close it would remove what by now may be another database's, by the name alone.
            std::mem::forget(self.conn.take());
            return;
        }
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }

    /// Waits for something to write. A file that loses its name meanwhile is noticed.
    async fn idle(&mut self) {
        let Some(files) = &self.files else { return self.shared.wake.notified().await };
        tokio::select! {
            () = self.shared.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {
                if let Some(lost) = files.lost() {
                    // The failure is a row itself, so that the store is tried until its file is back.
                    self.shared.late(&format!("{} was deleted or replaced", lost.display()));
                }
            }
        }
    }

    /// Looks whether what is written still has its name.
    async fn look(&mut self) -> Result<(), Refused> {
        let Some(files) = &mut self.files else { return Ok(()) };
        match (files.lost().map(Path::to_owned), &mut self.conn) {
            (Some(lost), Some(conn)) => Err(Refused::Lost(files.rescue(&lost, conn).await)),
            (Some(_), None) => Err(sqlx::Error::PoolClosed.into()),
            (None, _) => {
                files.found_again();
                Ok(())
            }
        }
    }

    /// Lets decisions wait for others, until something comes that is not to wait.
    async fn gather(&self) {
        let over = tokio::time::sleep(GATHER);
        tokio::pin!(over);
        while self.shared.may_wait() {
            tokio::select! {
                () = &mut over => return,
                () = self.shared.wake.notified() => {}
            }
        }
    }

    /// Writes a group in one transaction. Returns for each job what it contradicts, if it does.
    async fn write(&mut self, group: &[Job]) -> Result<Vec<Option<String>>, Refused> {
        if rows_of(group) == 0 {
            return Ok(group.iter().map(|_| None).collect());
        }
        let _hold = self.shared.hold();
        self.tries.send_modify(|tries| *tries += 1);
        let mut written = match self.look().await {
            Ok(()) => self.rows(group).await,
            Err(lost) => Err(lost),
        };
        // What was written to a file that lost its name meanwhile must not be acknowledged.
        if written.is_ok()
            && let Err(lost) = self.look().await
        {
            written = Err(lost);
        }
        match &written {
            Ok(_) => self.chain.kept(),
            Err(error) => {
                self.chain.forget();
                self.roll_back(error).await;
            }
        }
        if let Some(head) = self.chain.known() {
            self.shared.sealed(head);
        }
        written
    }

    /// Writes a group in as few messages as can be: as rows that are all new, and where that fails, each by itself.
    async fn rows(&mut self, group: &[Job]) -> Result<Vec<Option<String>>, Refused> {
        if let Some((script, reached)) = self.script(group) {
            match self.owner.write(&mut self.conn, script).await {
                Ok(()) => {
                    self.chain.reach(reached);
                    return Ok(group.iter().map(|_| None).collect());
                }
                // Which one, and whether it says the same, is asked row by row.
                Err(error) if error.is_there() => self.roll_back(&error).await,
                Err(error) => return Err(error),
            }
        }
        self.transaction(group).await
    }

    /// Returns what writes a group whose rows are all new, and where the audit chain then is; none for many rows, and
    /// where the database has to be asked in between.
    fn script(&mut self, group: &[Job]) -> Option<(Script, Reached)> {
        if joined::ROWS_MAX < rows_of(group) || self.probe.is_due() {
            return None;
        }
        let (mut statements, mut told) = (Vec::new(), Vec::new());
        for job in group {
            for (seq, row) in (job.seq..).zip(&job.rows) {
                let place = Place { run: &self.run, seq };
                let new = rows::new(place, row, entries::is_told(row))?;
                tell(&mut told, place, row, u64::try_from(new.len()).unwrap_or(u64::MAX));
                statements.extend(new);
            }
        }
        let (audit, reached) = self.chain.ahead(told)?;
        statements.extend(audit);
        Some((Script::new(statements), reached))
    }

    /// Writes a group between `begin` and `commit`. These are plain statements: sqlx's own transaction keeps count of
    /// what is open, and counts wrong for ever once the database has rolled back by itself.
    async fn transaction(&mut self, group: &[Job]) -> Result<Vec<Option<String>>, Refused> {
        self.owner.begin(&mut self.conn).await?;
        let conn = self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let mut link = conn.link();
        let mut contradictions = Vec::with_capacity(group.len());
        let mut appended = Appended::default();
        let mut told = Vec::new();
        for job in group {
            let insert = match job.rows.as_slice() {
                [row] if !entries::is_told(row) => {
                    rows::append(Place { run: &self.run, seq: job.seq }, row)
                }
                [] | [_, ..] => None,
            };
            contradictions.push(match insert {
                Some(insert) => {
                    appended.add(insert, &mut link).await?;
                    None
                }
                None => part((&mut link, &mut told), &self.run, job).await?,
            });
        }
        appended.finish(&mut link).await?;
        let is_end = told.iter().any(|one| one.draft.action == entries::ENDED);
        self.chain.write(&mut link, told).await?;
        if is_end {
            self.chain.anchor(&mut link, Anchor::Ended).await?;
        }
        // What is to end writes what it can.
        if self.shared.life() == Life::Open {
            self.probe.run(&mut link, &self.run).await?;
        }
        link.run("commit").await?;
        Ok(contradictions)
    }

    /// Ends a transaction that failed; a connection that may be broken is let go, and made anew for the next try.
    async fn roll_back(&mut self, error: &Refused) {
        let Some(conn) = &mut self.conn else { return };
        match conn.link() {
            Link::Sqlite(conn) => {
                // On a full disk the database has rolled back already, and says so: that is no second failure.
                drop(query("rollback").execute(conn).await);
            }
            Link::Postgres(_) => {
                if error.is_cut() || conn.link().run("rollback").await.is_err() {
                    self.conn = None;
                }
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.ended();
    }
}

/// Writes all rows of a job, or none where one of them contradicts what is stored.
async fn part(
    (link, told): (&mut Link<'_>, &mut Vec<Told>),
    run: &str,
    job: &Job,
) -> Result<Option<String>, sqlx::Error> {
    if let [row] = &*job.rows {
        let place = Place { run, seq: job.seq };
        let written = rows::insert(link, place, row).await;
        return contradiction(written.map(|changed| tell(told, place, row, changed)));
    }
    link.run("savepoint part").await?;
    let before = told.len();
    for (seq, row) in (job.seq..).zip(&job.rows) {
        let place = Place { run, seq };
        let written = rows::insert(link, place, row).await;
        let written = written.map(|changed| tell(told, place, row, changed));
        if let Some(contradiction) = contradiction(written)? {
            told.truncate(before);
            link.run("rollback to savepoint part").await?;
            link.run("release savepoint part").await?;
            return Ok(Some(contradiction));
        }
    }
    link.run("release savepoint part").await?;
    Ok(None)
}

/// Notes what is to be told in the audit chain of a row that was written.
fn tell(told: &mut Vec<Told>, place: Place<'_>, row: &Row, changed: u64) {
    let draft = entries::of(row, changed);
    told.extend(draft.map(|draft| Told { run: place.run.to_owned(), seq: place.seq, draft }));
}

fn contradiction(written: Result<(), Fault>) -> Result<Option<String>, sqlx::Error> {
    match written {
        Ok(()) => Ok(None),
        Err(fault @ Fault::Contradiction(_)) => Ok(Some(fault.to_string())),
        Err(Fault::Sql(error)) => Err(error),
    }
}

/// Returns how long to wait after so many failures in a row.
fn backoff(failures: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits = [0, 1, 2, 3, 4, 5, 6, 40].map(|failures| backoff(failures).as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
