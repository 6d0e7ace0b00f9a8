//! Which run a process comes to: the newest one, where that plays the same and was not played to its end, else a new one.

use ploy::status::Mode;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::RunInfo;
use super::open::LAST_SEQ;
use super::rows::{Insert, Place};
use super::sql::{Link, sql};
use crate::ports::process::PlayedRecord;

/// The newest run: what it plays, whether it was played to its end, when it began, how often it was come to.
const NEWEST: &str = "select r.run, r.mode, r.source, r.started_at, \
     (select count(*) from run_ends e where e.run = r.run) as played, \
     (select count(*) from starts s where s.run = r.run) as starts \
     from runs r order by r.number desc limit 1";

/// How often the run was come to before, and its newest instant with how many events were played by then.
const STARTS: &str = "select cast(coalesce(max(number), 0) as bigint) from starts where run = $1";
const RESUME: &str = "select cast(max(at) as bigint) as at, cast(coalesce(max(events), 0) as bigint) as events from ( \
     select at, events from memories where run = $1 \
     union all select max(at), 0 from orders where run = $1 \
     union all select max(at), 0 from order_events where run = $1 \
     union all select max(at), 0 from settlements where run = $1 \
     union all select max(from_at), max(from_events) from starts where run = $1) as known";

/// What is played, and what is to become of an earlier run of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plays {
    /// What tells this source from others, by its content.
    pub source: String,
    /// Whether an earlier run is gone on with.
    pub begin: Begin,
}

/// Whether an earlier run is gone on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// Where that can be.
    #[default]
    OrGoOn,
    /// Never: a new run begins.
    Anew,
}

/// The run that a process came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Its id.
    pub run: String,
    /// When it began, by the machine's clock.
    pub begun_at: Timestamp,
    /// The number of this start among those of the run, from 1.
    pub start: u64,
    /// From where it goes on; nothing where it begins.
    pub resume: Option<Resume>,
    /// Why it goes on, or begins.
    pub why: &'static str,
}

/// From where a run goes on: its newest durable instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The instant, on the time that decisions run on; nothing where nothing was durable but the run itself.
    pub at: Option<Timestamp>,
    /// How many events of its source are past.
    pub events: u64,
}

#[derive(FromRow)]
struct NewestRow {
    run: String,
    mode: String,
    source: Option<String>,
    started_at: i64,
    played: i64,
    starts: i64,
}

#[derive(FromRow)]
struct ResumeRow {
    at: Option<i64>,
    events: i64,
}

impl Entered {
    /// Returns the run of a store that was opened without saying which.
    pub(super) fn unknown(run: &RunInfo) -> Self {
        let why = "nobody asked";
        Self { run: run.id.clone(), begun_at: run.started_at, start: 1, resume: None, why }
    }
}

/// Comes to the newest run or to a new one, and writes this start down.
pub(super) async fn enter(link: &mut Link<'_>, run: &RunInfo) -> Result<Entered, sqlx::Error> {
    let newest = sql(NEWEST).optional::<NewestRow>(link).await?;
    let mut entered = match decide(newest.as_ref(), run) {
        Ok((newest, why)) => {
            let row = sql(RESUME).bind(&*newest.run).one::<ResumeRow>(link).await?;
            let at = row.at.map(Timestamp::from_micros);
            let events = u64::try_from(row.events).unwrap_or_default();
            Entered {
                run: newest.run.clone(),
                begun_at: Timestamp::from_micros(newest.started_at),
                start: 0,
                resume: Some(Resume { at, events }),
                why,
            }
        }
        Err(why) => {
            write(run, link).await?;
            let begun_at = run.started_at;
            Entered { run: run.id.clone(), begun_at, start: 0, resume: None, why }
        }
    };
    let (starts,) = sql(STARTS).bind(&*entered.run).one::<(i64,)>(link).await?;
    entered.start = u64::try_from(starts).unwrap_or_default() + 1;
    start(&entered, run, link).await?;
    Ok(entered)
}

/// Returns the run that is gone on with, or why a new one begins.
fn decide<'a>(
    newest: Option<&'a NewestRow>,
    run: &RunInfo,
) -> Result<(&'a NewestRow, &'static str), &'static str> {
    let newest = newest.ok_or("there was none")?;
    let Some(plays) = &run.plays else { return Err("nobody asked for an earlier one") };
    if plays.begin == Begin::Anew {
        return Err("it was asked for");
    }
    if newest.mode != mode(run.mode) {
        return Err("the last one was of another mode");
    }
    if newest.source.as_deref() != Some(plays.source.as_str()) {
        return Err("the last one played something else");
    }
    if newest.played != 0 {
        return Err("the last one was played to its end");
    }
    if newest.starts == 0 {
        return Err("the last one was of an older program");
    }
    Ok((newest, "it was not played to its end"))
}

async fn write(run: &RunInfo, link: &mut Link<'_>) -> Result<(), sqlx::Error> {
    const RUN: &str = "insert into runs (run, number, started_at, version, mode, title, source) \
         select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6 from runs where true \
         on conflict (run) do nothing";
    sql(RUN)
        .bind(&*run.id)
        .bind(run.started_at.micros())
        .bind(&*run.version)
        .bind(mode(run.mode))
        .bind(&*run.title)
        .bind(run.plays.as_ref().map(|plays| plays.source.as_str()))
        .execute(link)
        .await
        .map(drop)
}

async fn start(entered: &Entered, run: &RunInfo, link: &mut Link<'_>) -> Result<(), sqlx::Error> {
    const START: &str = "insert into starts (run, number, at, after_seq, version, from_at, from_events) \
         values ($1, $2, $3, $4, $5, $6, $7)";
    let (after,) = sql(LAST_SEQ).bind(&*entered.run).one::<(i64,)>(link).await?;
    let resume = entered.resume.unwrap_or_default();
    sql(START)
        .bind(&*entered.run)
        .bind(i64::try_from(entered.start).unwrap_or(i64::MAX))
        .bind(run.started_at.micros())
        .bind(after)
        .bind(&*run.version)
        .bind(resume.at.map(Timestamp::micros))
        .bind(i64::try_from(resume.events).unwrap_or(i64::MAX))
        .execute(link)
        .await
        .map(drop)
}

/// Returns how it is written that a run was played to its end.
pub(super) fn insert(place: Place<'_>, record: &PlayedRecord) -> Insert {
    const SQL: &str =
        "insert into run_ends (run, at, events) values ($1, $2, $3) on conflict do nothing";
    let events = i64::try_from(record.events).unwrap_or(i64::MAX);
    sql(SQL).bind(place.run).bind(record.at.micros()).bind(events)
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Paper => "paper",
    }
}
