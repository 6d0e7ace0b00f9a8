//! The kill test: the program against a venue in this process, killed again and again, and what must hold after each kill.

mod plan;
mod program;
mod report;
mod settings;
pub(crate) mod stored;
mod tape;
pub(crate) mod truth;

use std::time::{Duration, Instant};

use actors::adapters::simulated::habits::Habits;
use actors::adapters::simulated::server::Server;
use anyhow::{Context as _, ensure};
use ploy::fees::FeeSchedule;
use serde_json::Value;
use tempfile::TempDir;

use plan::Kill;
use program::{Program, Start};
pub(crate) use report::Report;
use stored::{Counts, Place};
use truth::Truth;

/// How fast the tape is played.
const SPEED: &str = "20x";
const SPEED_TIMES: u64 = 20;
/// How long the tape is for each kill, on the wall, and at the least.
const PLAYED: Duration = Duration::from_millis(900);
const PLAYED_MIN: Duration = Duration::from_secs(60);
/// How long a start may take, and how long what was open before it may take to be resolved.
const WITHIN: Duration = Duration::from_secs(30);
/// How long it is waited for a failpoint to be reached before the process is killed instead.
const FAILPOINT_WITHIN: Duration = Duration::from_secs(3);
/// How often the store is read again while something does not agree yet.
const LOOK: Duration = Duration::from_millis(10);
/// After so many kills all is brought to rest and compared to the last share.
const REST_EVERY: u64 = 25;

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) kills: u64,
    pub(crate) seed: u64,
    /// The address of an empty database on a server; nothing means a file.
    pub(crate) server: Option<String>,
}

/// The test as it runs.
struct Test {
    options: Options,
    folder: TempDir,
    place: Place,
    venue: Server,
    truth: Truth,
    counts: Counts,
    memories: Vec<(String, String)>,
    report: Report,
}

/// Kills the program as often as is wanted. Differences stand in the report.
///
/// # Errors
/// When the test itself cannot go on.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let habits = Habits::rough(options.seed, fees()?);
    let venue = Server::start("127.0.0.1:0".parse()?, habits).await?;
    settings::write(folder.path(), venue.address(), SPEED)?;
    let wall = PLAYED_MIN + PLAYED * u32::try_from(options.kills)?;
    let span = Duration::from_secs(wall.as_secs() * SPEED_TIMES);
    tape::write(&folder.path().join("tape.jsonl"), span)?;
    let file = folder.path().join("data/ploy.db");
    let place = options.server.clone().map_or(Place::File(file), Place::Server);
    let test = Test {
        folder,
        place,
        venue,
        truth: Truth::default(),
        counts: Counts::default(),
        memories: Vec::new(),
        report: Report::new(&options),
        options,
    };
    test.run().await
}

/// Returns what a taker pays in the markets of the tape, and at the venue.
fn fees() -> anyhow::Result<FeeSchedule> {
    Ok(FeeSchedule::new("0.05".parse()?, 1)?)
}

impl Test {
    async fn run(mut self) -> anyhow::Result<Report> {
        let began = Instant::now();
        for number in 1..=self.options.kills {
            let kill = Kill::of(self.options.seed, number);
            let gone = self.cycle(number, &kill).await;
            gone.with_context(|| format!("kill {number}, {kill:?}; kept {}", self.path()))?;
            if !self.truth.wrong.is_empty() {
                return self.broken(number, &kill);
            }
        }
        let mut last = self.start(None)?;
        let after = last.ready(WITHIN).await.context("it does not get ready at the end")?;
        self.report.ready.push(after);
        self.rest(&last).await?;
        last.end().await?;
        if !self.truth.wrong.is_empty() {
            let number = self.options.kills;
            return self.broken(number, &Kill::Ending(Duration::ZERO));
        }
        self.report.took = began.elapsed();
        (self.report.orders, self.report.fills) = (self.truth.orders, self.truth.fills);
        let enough = self.options.kills.max(2);
        ensure!(enough <= self.report.orders, "only {} orders were sent", self.report.orders);
        Ok(self.report)
    }

    /// Keeps what a person needs to find out why.
    fn broken(mut self, number: u64, kill: &Kill) -> anyhow::Result<Report> {
        let seed = self.options.seed;
        let kept = self.folder.keep();
        for wrong in std::mem::take(&mut self.truth.wrong) {
            self.report.violations.push(format!(
                "seed {seed}, kill {number} ({kill:?}): {wrong}; kept {}",
                kept.display()
            ));
        }
        (self.report.orders, self.report.fills) = (self.truth.orders, self.truth.fills);
        Ok(self.report)
    }

    fn path(&mut self) -> String {
        self.folder.disable_cleanup(true);
        self.folder.path().display().to_string()
    }

    fn start(&self, failpoints: Option<String>) -> anyhow::Result<Program> {
        let server = self.options.server.as_deref();
        Program::start(&Start { folder: self.folder.path(), server, failpoints })
    }

    /// Starts a process, looks whether all is there that was there before, and kills it.
    async fn cycle(&mut self, number: u64, kill: &Kill) -> anyhow::Result<()> {
        let known = self.venue.look(|exchange| exchange.journal().len());
        let mut program = self.start(kill.failpoints())?;
        if let Kill::Starting(after) = kill {
            tokio::time::sleep(*after).await;
        } else {
            self.ready(&mut program, kill).await?;
            if program.ended()?.is_none() {
                self.check(&mut program, known).await?;
                if number.is_multiple_of(REST_EVERY) && program.ended()?.is_none() {
                    self.rest(&program).await?;
                }
            }
        }
        match kill {
            Kill::Starting(_) => {}
            Kill::Trading(after) => tokio::time::sleep(*after).await,
            Kill::Ending(after) => {
                program.terminate()?;
                tokio::time::sleep(*after).await;
            }
            Kill::At(..) => drop(program.wait(FAILPOINT_WITHIN).await?),
        }
        let was_alive = program.ended()?.is_none();
        if was_alive && !matches!(kill, Kill::Starting(_)) {
            self.note().await?;
        }
        program.kill()?;
        let reached = !matches!(kill, Kill::At(..)) || !was_alive;
        self.report.killed(&if reached { kill.kind() } else { "at no failpoint".to_owned() });
        Ok(())
    }

    async fn ready(&mut self, program: &mut Program, kill: &Kill) -> anyhow::Result<()> {
        match program.ready(WITHIN).await {
            Some(after) => self.report.ready.push(after),
            // Its log ends a moment before it does.
            None if matches!(kill, Kill::At(..)) && program.wait(WITHIN).await?.is_some() => {}
            None => {
                let age = program.age();
                let ended = program.ended()?;
                self.truth.wrong.push(format!("it is not ready after {age:?}, ended: {ended:?}"));
            }
        }
        Ok(())
    }

    /// Notes what can be seen from outside as durable.
    async fn note(&mut self) -> anyhow::Result<()> {
        let mut database = self.place.open().await?;
        self.counts = database.counts().await?;
        self.memories = database.memories().await?;
        database.close().await
    }

    /// Looks until all that was there before this process, here and at the venue, agrees.
    async fn check(&mut self, program: &mut Program, known: usize) -> anyhow::Result<()> {
        let (before, memories) = (self.counts, std::mem::take(&mut self.memories));
        let mut database = self.place.open().await?;
        let now = database.counts().await?;
        let pairs = [
            ("orders", before.0, now.0),
            ("order events", before.1, now.1),
            ("fills", before.2, now.2),
            ("settlements", before.3, now.3),
            ("decisions", before.4, now.4),
        ];
        for (what, before, now) in pairs.into_iter().filter(|(_, before, now)| now < before) {
            self.truth.wrong.push(format!("{before} {what} were stored, {now} are left"));
        }
        self.counts = now;
        let until = Instant::now() + WITHIN;
        loop {
            let Self { venue, truth, .. } = self;
            // The journal first: what it holds was stored before.
            venue.look(|exchange| truth.follow(exchange));
            let facts = database.facts(truth.low()).await?;
            let waits = venue.look(|exchange| truth.compare(exchange, &facts, known));
            if waits.is_empty() || !truth.wrong.is_empty() || program.ended()?.is_some() {
                break;
            }
            if until < Instant::now() {
                truth.wrong.extend(waits.into_iter().map(|wait| format!("never resolved: {wait}")));
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        for (strategy, number, times) in database.decided_twice().await? {
            self.truth.wrong.push(format!("{strategy}: decision {number} was taken {times} times"));
        }
        let runs = database.runs().await?;
        if runs != 1 {
            self.truth.wrong.push(format!("the run did not go on: there are {runs}"));
        }
        database.close().await?;
        if program.ended()?.is_none() {
            self.goes_on(program, &memories).await;
        }
        Ok(())
    }

    /// Looks whether decisions are counted on, and their digest goes on, from what was durable.
    async fn goes_on(&mut self, program: &mut Program, memories: &[(String, String)]) {
        let until = Instant::now() + WITHIN;
        // A process that crashes at its failpoint meanwhile answers nothing.
        if let Ok(status) = program.get("v1/status").await {
            self.truth.wrong.extend(halted(&status));
        }
        for (strategy, body) in memories {
            loop {
                let Ok(status) = program.get("v1/status").await else { return };
                match compared(&status, strategy, body) {
                    Ok(true) => break,
                    Ok(false) if until < Instant::now() => {
                        self.truth.wrong.push(format!("{strategy} never says what it has decided"));
                        break;
                    }
                    Ok(false) => tokio::time::sleep(LOOK).await,
                    Err(wrong) => {
                        self.truth.wrong.push(wrong);
                        break;
                    }
                }
            }
        }
    }

    /// Holds all orders back, waits until nothing is open, and compares positions and ledger with the venue.
    async fn rest(&mut self, program: &Program) -> anyhow::Result<()> {
        program.post("v1/halt").await?;
        let until = Instant::now() + WITHIN;
        loop {
            let differs = self.at_rest(program).await?;
            if differs.is_empty() || !self.truth.wrong.is_empty() {
                break;
            }
            if until < Instant::now() {
                let never = differs.into_iter().map(|what| format!("at rest: {what}"));
                self.truth.wrong.extend(never);
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.report.rests += 1;
        program.post("v1/resume").await
    }

    async fn at_rest(&mut self, program: &Program) -> anyhow::Result<Vec<String>> {
        let Self { venue, truth, .. } = self;
        venue.look(|exchange| truth.follow(exchange));
        let mut database = self.place.open().await?;
        let facts = database.facts(truth.low()).await?;
        let settled = database.settled().await?;
        database.close().await?;
        let mut differs =
            venue.look(|exchange| truth.compare(exchange, &facts, exchange.journal().len()));
        let status = program.get("v1/status").await?;
        differs.extend(halted(&status));
        let (shares, fills) = venue.look(truth::holdings);
        for ((strategy, market, outcome), size) in shares {
            let shown = one(&status, &strategy).and_then(|one| position(one, &market, &outcome));
            let is_settled = settled.contains(&(strategy.clone(), market.clone()));
            let is_right = match shown {
                Some(shown) => shown == size,
                None => size == 0 || is_settled,
            };
            if !is_right {
                differs.push(format!(
                    "{strategy} holds {size} of {outcome} in {market} at the venue, {shown:?} here"
                ));
            }
        }
        for (strategy, made) in fills {
            let booked =
                one(&status, &strategy).and_then(|one| one.pointer("/kernel/fills")?.as_u64());
            if booked != Some(made) {
                differs.push(format!("{strategy}: {made} fills were made, {booked:?} are booked"));
            }
        }
        let ledger = program.get("v1/ledger").await?;
        let sums = ["/sum_micros", "/shares_off"].map(|key| ledger.pointer(key)?.as_i64());
        if sums != [Some(0), Some(0)] || ledger.get("broken").is_some_and(|why| !why.is_null()) {
            differs.push(format!("the ledger does not add up: {ledger}"));
        }
        Ok(differs)
    }
}

/// Returns why orders are held back, where that is none of what the test does.
fn halted(status: &Value) -> Vec<String> {
    let halts = status.pointer("/gates/halts").and_then(Value::as_array);
    let cause =
        |halt: &Value| halt.get("cause").and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = halts.into_iter().flatten();
    all.filter(|halt| !matches!(cause(halt).as_str(), "operator" | "venue_outage"))
        .map(|halt| format!("all is halted: {halt}"))
        .collect()
}

/// Compares the decisions that a strategy says with those that were durable before its process was killed. Tells
/// whether it says any yet.
///
/// # Errors
/// How they differ.
fn compared(status: &Value, strategy: &str, memory: &str) -> Result<bool, String> {
    let memory: Value = serde_json::from_str(memory).unwrap_or_default();
    let durable = memory.pointer("/memory/seq").and_then(Value::as_u64);
    let kept = memory.pointer("/memory/digest/link").and_then(Value::as_str);
    let Some((durable, kept)) = durable.zip(kept) else {
        return Err(format!("{strategy}: what it remembers has neither count nor digest"));
    };
    let kernel = one(status, strategy).and_then(|one| one.get("kernel"));
    let Some(kernel) = kernel else { return Err(format!("{strategy} is gone")) };
    let decisions = kernel.get("decisions").and_then(Value::as_u64).unwrap_or(0);
    let digest = kernel.get("digest").and_then(Value::as_str).unwrap_or_default();
    match decisions {
        // Of a kernel that is not built yet nothing is said.
        0 => Ok(durable == 0),
        _ if decisions < durable => {
            Err(format!("{strategy}: {durable} decisions were durable, {decisions} are left"))
        }
        _ if decisions == durable && digest != kept => {
            Err(format!("{strategy}: the digest of {durable} decisions is another than before"))
        }
        _ => Ok(true),
    }
}

fn one<'s>(status: &'s Value, strategy: &str) -> Option<&'s Value> {
    let all = status.get("strategies")?.as_array()?;
    all.iter().find(|one| one.get("id").and_then(Value::as_str) == Some(strategy))
}

/// Returns the shares that a strategy shows of an outcome, in millionths.
fn position(strategy: &Value, market: &str, outcome: &str) -> Option<i64> {
    let all = strategy.pointer("/kernel/positions")?.as_array()?;
    let is_it = |one: &&Value| {
        let says = |key: &str, word: &str| one.get(key).and_then(Value::as_str) == Some(word);
        says("market_id", market) && says("outcome", outcome)
    };
    let size = all.iter().find(is_it)?.get("size")?.as_str()?;
    ploy::price::parse_micros(size).ok()
}
