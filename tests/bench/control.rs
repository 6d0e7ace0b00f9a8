//! Control: how long a stop takes under a flood of events, how soon a strategy that panicked is back, and what a
//! neighbour that burns its thread costs the others.
//!
//! `cargo bench -p actors --bench control` prints it; anything else that starts this program gets nothing.

mod neighbour;

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use actors::app::{self, App};
use actors::bus::Ticket;
use actors::bus::event::EventBus;
use actors::clock::EventClock;
use actors::manager::StrategyRegistry;
use actors::settings::{self, Overrides, Settings};
use ploy::book::{Level, OrderBook};
use ploy::command::{Action, Command};
use ploy::config::{self, StrategyConfig};
use ploy::event::{Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::open_orders::OpenOrder;
use ploy::order::{Fill, StrategyId};
use ploy::price::{Price, Size};
use ploy::strategy::{Look, Saved, Strategy, Subscription, View};
use ploy::time::Timestamp;
use tokio::runtime::{Builder, Runtime};

/// The threads that `ploy run` gives to feeds, executor, store and API.
const IO_THREADS: usize = 2;
/// Strategies that all want every event.
const STRATEGIES: usize = 8;
/// Events a second of the flood.
const RATE: u64 = 100_000;
/// How often a second some are published: a sleep is no shorter than this, and event time moves so often.
const BUNCHES: u64 = 1000;
/// Stops that are measured.
const STOPS: usize = 400;
/// Panics that are measured.
const PANICS: usize = 200;
/// The wait before a retry that the panicking strategy's file states.
const BACKOFF: Duration = Duration::from_millis(10);
/// How long anything may take before the benchmark gives up.
const WITHIN: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    // `cargo test` and `cargo nextest` start benchmarks too, and want no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let io = runtime(Builder::new_multi_thread().worker_threads(IO_THREADS))?;
    let strategies = runtime(&mut Builder::new_multi_thread())?;
    io.block_on(stops(strategies.handle()))?;
    io.block_on(panics(strategies.handle()))?;
    io.block_on(neighbour::run(strategies.handle()))?;
    strategies.shutdown_background();
    Ok(())
}

/// Stops and starts one strategy of several again and again while all are flooded.
async fn stops(strategies: &tokio::runtime::Handle) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let shipped = shipped(folder.path())?;
    let mut registry = StrategyRegistry::default();
    for number in 0..STRATEGIES {
        registry.add(config(&format!("s{number}"), &shipped.text)?);
    }
    let app = start(folder.path(), registry, strategies).await?;
    let flood = Flood::start(app.bus.clone(), app.clock.clone(), RATE);
    let (mut answered, mut stopped) = (Vec::new(), Vec::new());
    for number in 0..STOPS {
        let name = format!("s{}", number % STRATEGIES);
        let began = Instant::now();
        app.commands.send(ask(&name, Action::Stop)).await?;
        answered.push(began.elapsed());
        phase(&app, &name, "stopped").await?;
        stopped.push(began.elapsed());
        app.commands.send(ask(&name, Action::Start)).await?;
        phase(&app, &name, "running").await?;
    }
    let rate = flood.end();
    app.stop(WITHIN).await.map_err(anyhow::Error::msg)?;
    say(format!("{STRATEGIES} strategies, {rate} events a second to each:"))?;
    say(spread("  stop command → answered", answered))?;
    say(spread("  stop command → orders settled and stopped, as a snapshot shows it", stopped))
}

/// Lets a strategy panic again and again. The next incarnation is told at once what is known of its markets.
async fn panics(strategies: &tokio::runtime::Handle) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let text: String = shipped(folder.path())?
        .text
        .lines()
        .map(|line| match line.split(" = ").next() {
            Some("backoff_initial_ms") => format!("backoff_initial_ms = {}\n", BACKOFF.as_millis()),
            Some("backoff_factor") => "backoff_factor = 1\n".to_owned(),
            Some("jitter_percent") => "jitter_percent = 0\n".to_owned(),
            Some("failures_max") => "failures_max = 1000\n".to_owned(),
            Some("same_signature_max") => "same_signature_max = 1000\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect();
    let marks = Arc::new(Marks::default());
    let mut registry = StrategyRegistry::default();
    let built = Arc::clone(&marks);
    let build = Arc::new(move || -> Box<dyn Strategy> { Box::new(Fragile::new(&built)) });
    registry.add_custom(config("fragile", &text)?, build);
    let app = start(folder.path(), registry, strategies).await?;
    let flood = Flood::start(app.bus.clone(), app.clock.clone(), RATE / 100);
    let mut back = Vec::new();
    for _ in 0..PANICS {
        let before = marks.back().len();
        marks.panics.store(true, Ordering::SeqCst);
        let until = Instant::now() + WITHIN;
        while marks.back().len() == before {
            if until < Instant::now() {
                let status = app.fresh().await;
                let phase = status.strategy("fragile").map(|one| one.phase.clone());
                anyhow::bail!("the strategy did not come back: {phase:?}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    back.append(&mut marks.back());
    flood.end();
    app.stop(WITHIN).await.map_err(anyhow::Error::msg)?;
    let over = back.into_iter().map(|took| took.saturating_sub(BACKOFF)).collect();
    say(spread("panic → the next incarnation has its first event, minus the backoff", over))
}

/// A stream of books to all who want them, with event time at the wall's pace.
struct Flood {
    is_over: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    from: Timestamp,
    began: Instant,
    thread: thread::JoinHandle<()>,
}

impl Flood {
    fn start(bus: EventBus, clock: EventClock, rate: u64) -> Self {
        let (is_over, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (told, counted) = (Arc::clone(&is_over), Arc::clone(&published));
        let (from, began) = (clock_now(&clock), Instant::now());
        let thread = thread::spawn(move || {
            let market = market(from);
            let (id, first) = (market.id, Kind::Market(Arc::new(market)));
            bus.publish(&MarketEvent { at: from, kind: first }, &Ticket::none());
            let (bids, asks) = levels();
            let mut number = 0;
            while !told.load(Ordering::Relaxed) {
                let at = from + began.elapsed();
                while let Some((due, alarm)) = clock.advance(at) {
                    alarm(due, Ticket::none());
                }
                for _ in 0..(rate / BUNCHES).max(1) {
                    let outcome = if number % 2 == 0 { Outcome::Yes } else { Outcome::No };
                    let book = Arc::new(OrderBook::new(at, bids.clone(), asks.clone()));
                    let kind = Kind::Book { market: id, outcome, book };
                    bus.publish(&MarketEvent { at, kind }, &Ticket::none());
                    number += 1;
                }
                counted.store(number, Ordering::Relaxed);
                let due = Duration::from_micros(number * 1_000_000 / rate);
                thread::sleep(due.saturating_sub(began.elapsed()));
            }
        });
        Self { is_over, published, from, began, thread }
    }

    /// Returns the first event's instant, and when it was published.
    const fn origin(&self) -> (Timestamp, Instant) {
        (self.from, self.began)
    }

    /// Ends it. Returns how many events a second it came to.
    fn end(self) -> u128 {
        let took = self.began.elapsed();
        let published = self.published.load(Ordering::Relaxed);
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("publishing does not fail");
        u128::from(published) * 1_000_000 / took.as_micros().max(1)
    }
}

/// What the incarnations of the panicking strategy note.
#[derive(Debug, Default)]
struct Marks {
    panics: AtomicBool,
    died: Mutex<Option<Instant>>,
    back: Mutex<Vec<Duration>>,
}

impl Marks {
    fn back(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn died(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.died.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Panics when it is told to, and notes how long it took until it was back.
#[derive(Debug)]
struct Fragile {
    subscription: Subscription,
    marks: Arc<Marks>,
}

impl Fragile {
    fn new(marks: &Arc<Marks>) -> Self {
        let subscription =
            Subscription { slug_prefixes: vec!["btc-updown-15m-".to_owned()], symbols: Vec::new() };
        Self { subscription, marks: Arc::clone(marks) }
    }
}

impl Strategy for Fragile {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, _: &View<'_>, _: &mut Vec<Look>) {
        // What kills an incarnation is not told to the next: without its announcement it would have no market.
        if matches!(event.kind, Kind::Market(_)) {
            return;
        }
        if let Some(died) = self.marks.died().take() {
            self.marks.back().push(died.elapsed());
        }
        let is_told = self.marks.panics.swap(false, Ordering::SeqCst);
        if is_told {
            *self.marks.died() = Some(Instant::now());
        }
        assert!(!is_told, "asked to");
    }

    fn on_fill(&mut self, _: &Fill, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_done(&mut self, _: &OpenOrder, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_timer(&mut self, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_settled(&mut self, _: ConditionId) {}

    fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}

/// Starts the service with these strategies. Its tape is not played: the flood drives events and time.
async fn start(
    folder: &Path,
    registry: StrategyRegistry,
    strategies: &tokio::runtime::Handle,
) -> anyhow::Result<App> {
    let mut parts = app::build(&settings(folder)?, strategies.clone()).await?;
    (parts.registry, parts.folder) = (registry, None);
    Ok(App::start(parts).await?)
}

/// Waits until a snapshot shows a strategy in a phase.
async fn phase(app: &App, name: &str, phase: &str) -> anyhow::Result<()> {
    let until = Instant::now() + WITHIN;
    loop {
        let status = app.fresh().await;
        if status.strategy(name).is_some_and(|one| one.phase.name() == phase) {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "{name} was never {phase}");
    }
}

/// Returns the settings that come with the program, with a port of the system's choice.
fn settings(folder: &Path) -> anyhow::Result<Settings> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let overrides = Overrides {
        store: Some(folder.join("ploy.db")),
        listen: Some("127.0.0.1:0".parse()?),
        ..Overrides::default()
    };
    Ok(settings::load(&config, overrides)?)
}

fn shipped(folder: &Path) -> anyhow::Result<StrategyConfig> {
    let all = settings(folder)?.strategies.into_iter();
    let mut legged = all.filter(|strategy| strategy.id.as_str() == "split_arb_legged");
    legged.next().ok_or_else(|| anyhow::Error::msg("no split_arb_legged comes with the program"))
}

/// Returns 20 bids below and 20 asks above 0.50, best first.
fn levels() -> (Vec<Level>, Vec<Level>) {
    let level = |cents: i64| Level {
        price: Price::from_micros(cents * 10_000).expect("between 0 and 1"),
        size: Size::from_micros(100_000_000).expect("a size"),
    };
    (
        (1..=20).map(|step| level(50 - step)).collect(),
        (1..=20).map(|step| level(50 + step)).collect(),
    )
}

fn config(name: &str, text: &str) -> anyhow::Result<StrategyConfig> {
    let id: StrategyId = name.parse()?;
    let faults = |faults: Vec<config::Fault>| {
        anyhow::Error::msg(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    config::strategy(name, id, text).map_err(faults)
}

fn ask(name: &str, action: Action) -> Command {
    let strategy = name.parse().expect("an id");
    Command { strategy, action, actor: "benchmark".to_owned() }
}

fn clock_now(clock: &EventClock) -> Timestamp {
    actors::ports::Clock::now(clock)
}

fn market(from: Timestamp) -> Market {
    Market {
        id: ConditionId::from_bytes([0xab; 32]),
        slug: "btc-updown-15m-1".into(),
        question: "up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: Size::ZERO,
        fees: FeeSchedule::FREE,
        opens_at: from,
        closes_at: from + Duration::from_hours(1),
        strike_usd: None,
        event: None,
    }
}

fn runtime(builder: &mut Builder) -> io::Result<Runtime> {
    builder.enable_all().build()
}

/// Returns the spread of times in one line.
fn spread(what: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len().saturating_sub(1)) * percent / 100;
        times.get(index).map_or(0, Duration::as_micros)
    };
    format!("{what}: p50 {} µs, p99 {} µs, max {} µs, of {}", at(50), at(99), at(100), times.len())
}

fn say(line: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{}", line.as_ref())?)
}
