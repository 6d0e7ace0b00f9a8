//! The replay: tapes through strategies and the paper venue without any actor, as fast as the machine.
//!
//! A player is pulled: whoever wants more plays some more. So two of them can be compared as they go, and memory
//! stays within what is read ahead.

pub mod file;
pub mod progress;
pub mod recorded;
pub mod shown;
pub mod since;
mod source;
mod teller;

use std::collections::vec_deque::Drain;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use ploy::compare::decoder::VERSION;
use ploy::compare::line::{self, End, Line, Played, Set};
use ploy::config::StrategyConfig;
use ploy::event::{Kind, MarketEvent};
use ploy::kernel::{Broken, Kernel, Memory};
use ploy::ledger::LedgerStatus;
use ploy::order::StrategyId;
use ploy::paper::PaperVenue;
use ploy::replay::Replay;
use ploy::status::{
    AccountStatus, AuditStatus, ConfigStatus, FeedPhase, FeedStatus, KernelStatus, Mode,
    StoreStatus, StrategyStatus, SystemStatus, TapeStatus,
};
use ploy::strategy::Subscription;
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;

use crate::panics;
use crate::ports::FeedItem;
use crate::record::Recorder;
use shown::{Sum, set, strategy, tape, total};
use source::Source;
use teller::Teller;

pub use source::SourceError;

/// The shortest time between two instants.
const INSTANT: Duration = Duration::from_micros(1);

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tapes.
    pub tapes: Vec<PathBuf>,
    /// How long an order takes to the venue.
    pub latency: Duration,
    /// The strategies.
    pub strategies: Vec<StrategyConfig>,
    /// From when on is told. What was before is played all the same: strategies need their past.
    pub from: Option<Timestamp>,
    /// Up to when is played, this instant included.
    pub to: Option<Timestamp>,
    /// What is told of it.
    pub tell: Tell,
}

/// What is told of a replay while it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Nothing: only the sums are wanted.
    Sums,
    /// Every line of a decisions file.
    Lines,
}

/// A replay that can be played on.
#[derive(Debug)]
pub struct Player {
    source: Source,
    replay: Replay,
    teller: Teller,
    sets: Vec<Set>,
    latency: Duration,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    wants: Vec<(StrategyId, Subscription)>,
    /// Where the books of the markets come from that are announced from here on.
    books: Books,
    /// Where those come from that each strategy was shown.
    shown: BTreeMap<StrategyId, BTreeSet<Books>>,
    /// How each strategy stood when telling began.
    before: BTreeMap<StrategyId, KernelStatus>,
    events: u64,
    last: Option<Timestamp>,
    is_over: bool,
}

impl Player {
    /// Opens the tapes and builds the strategies; nothing is played yet.
    ///
    /// # Errors
    /// When a tape cannot be opened.
    pub fn open(plan: &Plan) -> Result<Self, SourceError> {
        let source = Source::open(&plan.tapes)?;
        let kernels = plan.strategies.iter().map(|config| {
            let (id, strategy) = (config.id.clone(), config.kind.build());
            Kernel::new(id, strategy, config.limits.clone(), Memory::default())
        });
        let kernels: Vec<Kernel> = kernels.collect();
        let sets = plan.strategies.iter().map(set).collect();
        Ok(Self::of(source, kernels, sets, plan))
    }

    fn of(source: Source, kernels: Vec<Kernel>, sets: Vec<Set>, plan: &Plan) -> Self {
        let Plan { latency, from, to, tell, .. } = *plan;
        let replay = Replay::new(kernels, PaperVenue::new(latency)).isolated(caught);
        let teller = Teller::new(tell, from);
        Self {
            source,
            replay,
            teller,
            sets,
            latency,
            from,
            to,
            wants: plan
                .strategies
                .iter()
                .map(|config| (config.id.clone(), config.kind.subscription()))
                .collect(),
            books: Books::None,
            shown: BTreeMap::new(),
            before: BTreeMap::new(),
            events: 0,
            last: None,
            is_over: false,
        }
    }

    /// Plays the next events, a few hundred at most. Tells whether there may be more.
    ///
    /// # Errors
    /// When a tape breaks. What was before it has been played, and there is nothing more.
    pub fn play_some(&mut self) -> Result<bool, SourceError> {
        if self.is_over {
            return Ok(false);
        }
        let items = self.source.take();
        if items.is_empty() {
            self.finish();
            return Err(SourceError::Broken("the thread that read the tapes has ended".to_owned()));
        }
        for item in items {
            match item {
                FeedItem::Books(books) => self.books = books,
                FeedItem::Event(event) if self.to.is_some_and(|to| to < event.at) => {
                    self.finish();
                    return Ok(false);
                }
                FeedItem::Event(event) => self.play(&event),
                FeedItem::End { .. } => {
                    self.finish();
                    return Ok(false);
                }
                FeedItem::Broken(why) => {
                    self.finish();
                    return Err(SourceError::Broken(why));
                }
            }
        }
        Ok(true)
    }

    fn play(&mut self, event: &MarketEvent) {
        self.begin_telling(event.at);
        if let Kind::Market(market) = &event.kind {
            let wanting = self.wants.iter().filter(|(_, wants)| wants.wants(market));
            for (id, _) in wanting {
                self.shown.entry(id.clone()).or_default().insert(self.books);
            }
        }
        unbroken(self.replay.play_watched(event, &mut self.teller));
        self.events += 1;
        self.last = Some(event.at);
    }

    /// Takes the lines told since the last time; neither header nor end is among them.
    pub fn lines(&mut self) -> Drain<'_, Line> {
        self.teller.lines.drain(..)
    }

    /// Takes the next line told.
    pub fn next_line(&mut self) -> Option<Line> {
        self.teller.lines.pop_front()
    }

    /// Tells the last line too, after so many that were taken and those that wait.
    pub fn tell_end(&mut self, taken: u64) {
        let waiting = u64::try_from(self.teller.lines.len()).unwrap_or(u64::MAX);
        let end = Line::End(self.end(taken.saturating_add(waiting)));
        self.teller.lines.push_back(end);
    }

    /// Returns the first line of a decisions file.
    #[must_use]
    pub fn header(&self) -> line::Header {
        let tapes = self.source.headers().iter();
        line::Header {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            tapes: tapes
                .map(|Header { title, books, from, to, .. }| Played {
                    title: title.clone(),
                    books: *books,
                    from: *from,
                    to: *to,
                })
                .collect(),
            latency_ms: u64::try_from(self.latency.as_millis()).unwrap_or(u64::MAX),
            from: self.from,
            to: self.to,
            strategies: self.sets.clone(),
        }
    }

    /// Returns the last line of a decisions file with so many lines before it.
    #[must_use]
    pub fn end(&self, lines: u64) -> End {
        let sums = self.sums();
        End {
            lines,
            events: self.events,
            strategies: sums.iter().map(|(id, sum)| total(id, &sum.kernel, sum.failed)).collect(),
        }
    }

    /// Tells whether a strategy failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.replay.fallen().is_empty()
    }

    /// Returns how many events were played, and how many thousandths of the tape's time they are.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let (from, mut to) = self.source.span();
        to = self.to.map_or(to, |bound| bound.min(to));
        let (all, done) = (to.since(from), self.last.unwrap_or(from).since(from));
        let share = done.as_micros() * 1000 / all.as_micros().max(1);
        (self.events, u64::try_from(share.min(1000)).unwrap_or(1000))
    }

    /// Returns what the report of a run is made of; `error` is what broke the tape.
    #[must_use]
    pub fn status(&self, error: Option<String>) -> SystemStatus {
        let (from, to) = self.source.span();
        let now = self.last.unwrap_or(from);
        let state = if error.is_some() { FeedPhase::Failed } else { FeedPhase::Ended };
        let mut strategies = Vec::new();
        for (id, sum) in self.sums() {
            let Some(set) = self.sets.iter().find(|set| set.id == *id) else { continue };
            let books = self.shown.get(id).into_iter().flatten().copied().collect();
            strategies.push(StrategyStatus { books, ..strategy(set, sum, now) });
        }
        let tapes: Vec<TapeStatus> = self.source.headers().iter().map(tape).collect();
        let titles: Vec<&str> = tapes.iter().map(|tape| tape.title.as_str()).collect();
        SystemStatus {
            gates: ploy::halt::GatesStatus::default(),
            snapshot: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: "replay".to_owned(),
            started_at: from,
            continued: None,
            taken_at: now,
            now,
            mode: Mode::Paper,
            not_ready: Vec::new(),
            safe_mode: None,
            feed: FeedStatus {
                name: "tape".to_owned(),
                state,
                title: titles.join("; "),
                books: tapes.iter().map(|tape| tape.books).fold(Books::None, Books::and),
                tapes,
                events: self.events,
                last_event_at: self.last,
                from: Some(self.from.map_or(from, |bound| bound.max(from))),
                to: Some(self.to.map_or(to, |bound| bound.min(to))),
                speed: "max".to_owned(),
                error,
            },
            config: ConfigStatus::default(),
            ledger: LedgerStatus::default(),
            account: AccountStatus::default(),
            unknown_orders: ploy::status::UnknownOrders::default(),
            store: StoreStatus {
                up: true,
                place: "none".to_owned(),
                rows: 0,
                queued: 0,
                lag_ms: 0,
                errors: 0,
                refused: 0,
                free_bytes: None,
                last_error: None,
                audit: AuditStatus::default(),
            },
            record: Recorder::off().status(),
            strategies,
            recent: Vec::new(),
        }
    }

    /// Notes how all stand just before the first instant that is told.
    fn begin_telling(&mut self, next: Timestamp) {
        if !self.before.is_empty() || self.from.is_none_or(|from| next < from) {
            return;
        }
        if let Some(from) = self.from {
            unbroken(self.replay.pass_watched(from - INSTANT, &mut self.teller));
            let kernels = self.replay.kernels().iter();
            self.before = kernels.map(|(id, kernel)| (id.clone(), kernel.status())).collect();
        }
    }

    fn finish(&mut self) {
        self.is_over = true;
        // A tape that ended before anything was to be told says nothing, and nothing is counted.
        self.begin_telling(Timestamp::from_micros(i64::MAX));
        unbroken(self.replay.finish_watched(&mut self.teller));
    }

    /// Returns what each strategy came to over what was told.
    fn sums(&self) -> BTreeMap<&StrategyId, Sum<'_>> {
        let live = self.replay.kernels().iter().map(|(id, kernel)| (id, kernel, None));
        let fallen = self.replay.fallen().iter();
        let fallen = fallen.map(|(id, fallen)| (id, &fallen.kernel, Some(fallen.why.as_str())));
        live.chain(fallen)
            .map(|(id, kernel, failed)| {
                let mut status = kernel.status();
                if let Some(before) = self.before.get(id) {
                    since::subtract(&mut status, before);
                }
                (id, Sum { kernel: status, failed })
            })
            .collect()
    }
}

/// A panic or broken books end one strategy; they come back in words.
fn caught(step: &mut dyn FnMut() -> Result<(), Broken>) -> Result<(), String> {
    match panics::catch(step) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(broken)) => Err(broken.to_string()),
        Err(panic) => Err(panic),
    }
}

fn unbroken(played: Result<(), Broken>) {
    played.expect("an isolated replay sets a strategy aside instead of failing");
}

#[cfg(test)]
mod tests;
