//! The service in this process: every part of the program but its command line, on a port of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::adapters::tape::merged;
use actors::api::Hosts;
use actors::app::{self, App, Parts, WrapVenue};
use actors::failpoint::Failpoints;
use actors::feed::FeedEnd;
use actors::manager::{Build, Make, StrategyRegistry, TryBuild};
use actors::ports::{FeedItem, OrderRecord, Query, Records as _};
use actors::record::Recorder;
use actors::store::{Begin, Location, OpenError, Plays, RunInfo, Store};
use ploy::command::{Accepted, Action, Command, Refusal};
use ploy::config::{self, Speed, StrategyConfig, WatchConfig};
use ploy::halt::ResumeRule;
use ploy::price::Usdc;
use ploy::process::ProcessPolicy;
use ploy::risk::{AccountLimits, DayLimits, RateLimit};
use ploy::status::{Mode, StrategyStatus, SystemStatus};
use ploy::tape::{self, Header};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::feeder::Feeder;
use super::{LOOK, WITHIN, id, legged, settings};

/// A service that is not started yet.
pub(crate) struct Stage {
    registry: StrategyRegistry,
    store: Option<Location>,
    speed: Speed,
    latency: Duration,
    account: AccountLimits,
    recorder: Recorder,
    folder: Option<PathBuf>,
    resume: ResumeRule,
    venue: Option<WrapVenue>,
    failpoints: Failpoints,
    watch: WatchConfig,
    goes_on: bool,
    process: ProcessPolicy,
}

impl Stage {
    /// Returns a service without strategies that keeps its facts in memory and plays as fast as it can.
    pub(crate) fn new() -> Self {
        Self {
            registry: StrategyRegistry::default(),
            store: None,
            speed: Speed::Max,
            latency: settings().latency,
            account: wide(),
            recorder: Recorder::off(),
            folder: None,
            resume: ResumeRule::Auto { healthy: Duration::ZERO },
            venue: None,
            failpoints: Failpoints::default(),
            watch: WatchConfig::default(),
            goes_on: false,
            process: ProcessPolicy::default(),
        }
    }

    /// Adds a strategy of a known kind.
    pub(crate) fn with(mut self, config: StrategyConfig) -> Self {
        self.registry.add(config);
        self
    }

    /// Adds a strategy that is built in a way of its own, with limits that are never met.
    pub(crate) fn custom(mut self, name: &str, build: Build) -> Self {
        self.registry.add_custom(unlimited(name), build);
        self
    }

    /// Adds a strategy that may find that it cannot be built.
    pub(crate) fn fallible(mut self, config: StrategyConfig, build: TryBuild) -> Self {
        self.registry.add_fallible(config, build);
        self
    }

    /// Builds every version of every strategy in a way of its own.
    pub(crate) fn making(mut self, make: Make) -> Self {
        self.registry = self.registry.making(make);
        self
    }

    /// Keeps the facts in this file.
    pub(crate) fn store(mut self, path: &Path) -> Self {
        self.store = Some(Location::File(path.to_owned()));
        self
    }

    /// Keeps the facts in this database of a server.
    pub(crate) fn server(mut self, url: &str) -> Self {
        self.store = Some(Location::Server(url.parse().unwrap()));
        self
    }

    /// Records what strategies take in.
    pub(crate) fn record(mut self, recorder: Recorder) -> Self {
        self.recorder = recorder;
        self
    }

    /// Holds all strategies together to these limits.
    pub(crate) const fn account(mut self, limits: AccountLimits) -> Self {
        self.account = limits;
        self
    }

    /// Watches this folder of strategies' files; what stands there is not read before.
    pub(crate) fn watch(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Lets only a person end what an outage halted.
    pub(crate) const fn manual(mut self) -> Self {
        self.resume = ResumeRule::Manual;
        self
    }

    /// Puts something in the venue's place, or before it.
    pub(crate) fn venue(mut self, wrap: WrapVenue) -> Self {
        self.venue = Some(wrap);
        self
    }

    /// Lets something go wrong on the way of an order.
    pub(crate) fn failing(mut self, failpoints: &Failpoints) -> Self {
        self.failpoints = failpoints.clone();
        self
    }

    /// Notices changes of that folder in this way.
    pub(crate) fn noticing(mut self, watch: WatchConfig) -> Self {
        self.watch = watch;
        self
    }

    /// Goes on with the run that stands in its store, as the program does.
    pub(crate) const fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Takes only so many starts without an orderly end for too many.
    pub(crate) const fn starts_max(mut self, starts: u32) -> Self {
        self.process.starts_max = starts;
        self
    }

    /// Plays at this speed.
    pub(crate) fn speed(mut self, speed: &str) -> Self {
        self.speed = speed.parse().unwrap();
        self
    }

    /// Starts the service and plays a tape.
    pub(crate) async fn play(self, tape: &Path) -> App {
        self.play_all(&[tape.to_owned()]).await
    }

    /// Starts the service and plays tapes as one.
    pub(crate) async fn play_all(self, tapes: &[PathBuf]) -> App {
        let (headers, source) = merged::spawn(tapes, merged::READ_AHEAD).unwrap();
        let app = self.start(headers, source).await;
        app.play();
        app
    }

    /// Starts the service and plays what the test feeds it.
    pub(crate) async fn fed(self) -> (App, Feeder) {
        let (feeder, header, source) = Feeder::new();
        let app = self.start(vec![header], source).await;
        app.play();
        (app, feeder)
    }

    /// Starts the service; nothing is played yet.
    pub(crate) async fn start(self, headers: Vec<Header>, source: mpsc::Receiver<FeedItem>) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let run = RunInfo {
            id: uuid::Uuid::now_v7().to_string(),
            started_at: app::wall(),
            version: "test".to_owned(),
            mode: Mode::Paper,
            title: app::title(&headers),
            plays: self
                .goes_on
                .then(|| Plays { source: tape::identity(&headers), begin: Begin::OrGoOn }),
        };
        let store = match &self.store {
            Some(location) => opened(location, &run).await,
            None => Store::open_in_memory(run.clone()).await.unwrap(),
        };
        let parts = Parts {
            run,
            source,
            headers,
            speed: self.speed,
            latency: self.latency,
            account: self.account,
            listener,
            address,
            hosts: Hosts::new(address, &[]).unwrap(),
            store,
            keep_days: 0,
            recorder: self.recorder,
            resume: self.resume,
            signal_file: match &self.store {
                Some(Location::File(path)) => Some(path.with_file_name("HALT")),
                Some(Location::Server(_)) | None => None,
            },
            venue: self.venue,
            failpoints: self.failpoints,
            registry: self.registry,
            folder: self.folder,
            watch: self.watch,
            strategies: Handle::current(),
            process: self.process,
        };
        App::start(parts).await.unwrap()
    }
}

/// Returns limits of the account that are never met.
pub(crate) fn wide() -> AccountLimits {
    let much: Usdc = "1000000".parse().unwrap();
    let rate = RateLimit { per_minute: 60_000, burst: 10_000 };
    AccountLimits {
        open_orders_max: 10_000,
        open_notional_max_usdc: much,
        gross_exposure_max_usdc: much,
        market_exposure_max_usdc: much,
        event_exposure_max_usdc: much,
        symbol_exposure_max_usdc: much,
        worst_loss_max_usdc: much,
        day: DayLimits { loss_max_usdc: much, ..DayLimits::PRESET },
        drawdown_max_usdc: much,
        orders: rate,
        cancels: rate,
        mark_age_max: Duration::from_hours(24),
    }
}

/// Opens a store, once what a crashed service before it left has let go of it.
async fn opened(location: &Location, run: &RunInfo) -> Store {
    let deadline = std::time::Instant::now() + WITHIN;
    loop {
        match Store::open_at(location, run.clone()).await {
            Ok(store) => return store,
            Err(OpenError::Locked { .. }) if std::time::Instant::now() < deadline => {
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Returns settings under this name whose limits are never met.
pub(crate) fn unlimited(name: &str) -> StrategyConfig {
    let much = [
        ("market_exposure_max_usdc", "1000000"),
        ("strategy_exposure_max_usdc", "1000000"),
        ("open_orders_max", "1000"),
        ("order_rate_per_minute", "6000"),
        ("order_burst", "1000"),
        ("loss_streak_max", "1000"),
        ("loss_streak_cooldown_s", "1"),
        ("drawdown_max_usdc", "1000000"),
    ];
    let shipped = legged().text;
    let lines = shipped.lines().map(|line| {
        let key = line.split(" = ").next().unwrap();
        let raised = much.iter().find(|(name, _)| *name == key);
        raised.map_or(line.to_owned(), |(key, value)| format!("{key} = {value}"))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let config = config::strategy(name, id(name), &text).unwrap();
    assert_eq!(config.limits.drawdown_max_usdc, "1000000".parse::<Usdc>().unwrap());
    config
}

/// Waits for the tape's end and returns the snapshot after it.
pub(crate) async fn ended(app: &App) -> Arc<SystemStatus> {
    let end = tokio::time::timeout(2 * WITHIN, app.tape_end()).await.unwrap();
    assert_eq!(end, FeedEnd::Complete);
    app.fresh().await
}

/// Waits until a snapshot is as said, and returns it.
pub(crate) async fn until(
    app: &App,
    what: &str,
    is_true: impl Fn(&SystemStatus) -> bool,
) -> Arc<SystemStatus> {
    let deadline = tokio::time::Instant::now() + WITHIN;
    loop {
        let status = app.fresh().await;
        if is_true(&status) {
            return status;
        }
        assert!(tokio::time::Instant::now() < deadline, "never: {what}; {status:#?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a strategy is in a phase, and returns how it is then.
pub(crate) async fn phase(app: &App, name: &str, phase: &str) -> StrategyStatus {
    let what = format!("{name} is {phase}");
    let status = until(app, &what, |status| one(status, name).phase.name() == phase).await;
    one(&status, name).clone()
}

/// Returns how a strategy is.
pub(crate) fn one<'a>(status: &'a SystemStatus, name: &str) -> &'a StrategyStatus {
    status.strategy(name).unwrap_or_else(|| panic!("no {name} in {status:#?}"))
}

/// Asks the manager.
pub(crate) async fn command(app: &App, name: &str, action: Action) -> Result<Accepted, Refusal> {
    let command = Command { strategy: id(name), action, actor: "test".to_owned() };
    app.commands.send(command).await
}

/// Returns the orders of a strategy as they are stored, oldest first.
pub(crate) async fn orders(app: &App, name: &str) -> Vec<OrderRecord> {
    app.store.flush().await.unwrap();
    let query = Query { strategy: id(name), limit: 1000, before: None };
    let page = app.store.orders(query).await.unwrap();
    assert_eq!(page.next, None, "a test's orders fit one page");
    page.items.into_iter().rev().collect()
}

/// Ends the service in good order.
pub(crate) async fn stop(app: App) {
    app.stop(Duration::from_secs(20)).await.unwrap();
}
