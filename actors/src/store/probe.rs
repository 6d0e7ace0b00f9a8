//! What a store is tried with before it is said to be well: orders, and what came of them, where these failed. A store that takes
//! other rows, while orders still cannot be stored, is down.

use std::mem;

use ploy::order::Update;
use sqlx::error::ErrorKind;

use super::owner::Refused;
use super::queue::Job;
use super::rows::{self, Fault, Place};
use super::sql::Link;
use crate::ports::Row;

/// One row of an order of each kind that failed, with its number. Those who waited for them were told that they are not stored.
#[derive(Debug, Default)]
pub(super) struct Probe {
    failed: Vec<(i64, Row)>,
}

impl Probe {
    /// Notes what failed with a group. Where the database refused what a row says, and not to write, nothing is noted: that row
    /// would never be written.
    pub(super) fn note(&mut self, group: &[Job], why: &Refused) {
        if !is_of_the_database(why) {
            return;
        }
        for job in group.iter().filter(|job| job.is_awaited()) {
            for (seq, row) in (job.seq..).zip(&job.rows) {
                if is_of_an_order(row)
                    && !self.failed.iter().any(|(_, known)| is_same_kind(known, row))
                {
                    self.failed.push((seq, row.clone()));
                }
            }
        }
    }

    /// Tries in a transaction whether what failed could be written now. Nothing of it stays.
    pub(super) async fn run(&self, link: &mut Link<'_>, run: &str) -> Result<(), sqlx::Error> {
        if !self.is_due() {
            return Ok(());
        }
        link.run("savepoint probe").await?;
        for (seq, row) in &self.failed {
            match rows::insert(link, Place { run, seq: *seq }, row).await {
                Ok(_) | Err(Fault::Contradiction(_)) => {}
                Err(Fault::Sql(error)) => return Err(error),
            }
        }
        link.run("rollback to savepoint probe").await?;
        link.run("release savepoint probe").await
    }

    /// Tells whether something failed, and has not been tried with success since.
    pub(super) const fn is_due(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Forgets what failed: it could be written.
    pub(super) fn passed(&mut self) {
        self.failed.clear();
    }
}

/// Tells whether it is stored before something is sent or told. Nobody trades by the others.
const fn is_of_an_order(row: &Row) -> bool {
    match row {
        Row::Order(_) | Row::OrderEvent(_) | Row::Memory(_) => true,
        Row::Settlement(_) | Row::Decision(_) | Row::Risk(_) => false,
        Row::Lifecycle(_) | Row::Error(_) | Row::Command(_) | Row::Intent(_) => false,
        Row::Config(_) | Row::Process(_) | Row::Gate(_) | Row::History(_) => false,
        Row::Rollout(_) | Row::Played(_) | Row::Prune(_) | Row::Account(_) => false,
    }
}

/// Tells whether rows go to the same tables.
fn is_same_kind(one: &Row, other: &Row) -> bool {
    let is_fill = |row: &Row| match row {
        Row::OrderEvent(event) => matches!(event.update, Update::Filled(_)),
        Row::Order(_) | Row::Settlement(_) | Row::Decision(_) | Row::Risk(_) => false,
        Row::Lifecycle(_) | Row::Error(_) | Row::Command(_) | Row::Intent(_) => false,
        Row::Config(_) | Row::Process(_) | Row::Gate(_) | Row::History(_) => false,
        Row::Rollout(_) | Row::Memory(_) | Row::Played(_) | Row::Prune(_) => false,
        Row::Account(_) => false,
    };
    mem::discriminant(one) == mem::discriminant(other) && is_fill(one) == is_fill(other)
}

/// Tells whether the database could not write, whatever was to be written.
fn is_of_the_database(why: &Refused) -> bool {
    let Refused::Sql(error) = why else { return true };
    let Some(said) = error.as_database_error() else { return true };
    let is_data = said.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"));
    match said.kind() {
        ErrorKind::Other => !is_data,
        ErrorKind::UniqueViolation
        | ErrorKind::ForeignKeyViolation
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation
        | ErrorKind::ExclusionViolation => false,
        // There may be more kinds of refused content in a later version.
        _ => false,
    }
}
