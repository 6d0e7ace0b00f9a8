//! The only wiring: builds every part, starts them in their order, and ends them in theirs.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ploy::config::Speed;
use ploy::paper::PaperVenue;
use ploy::status::{FeedPhase, FeedStatus, Mode, SystemStatus};
use ploy::tape::Header;
use ploy::time::Timestamp;
use ractor::{Actor, ActorRef};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::adapters::paper::{self, Paper, PaperHandle};
use crate::adapters::tape::{TapeError, reader};
use crate::api::{self, ApiState, Exposed, Hosts};
use crate::bus::command::CommandBus;
use crate::bus::event::EventBus;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::executor::{self, ExecutorHandle, OrderExecutor};
use crate::feed::{self, Feed, FeedEnd};
use crate::manager::{self, StrategyManager, StrategyRegistry};
use crate::ports::{FeedItem, StoreError};
use crate::runtime::Surroundings;
use crate::settings::Settings;
use crate::status::{self, Sources, StatusAggregator};
use crate::store::{OpenError, RunInfo, Store};
use crate::supervisor::{self, RootSupervisor};
use crate::telemetry::events;

/// Order events on their way from the venue to the executor.
const NEWS_MAX: usize = 1024;
/// How long the store may take to write what is queued at the end.
const STORE_WITHIN: Duration = Duration::from_secs(10);
/// How often event time moves on while strategies end, so that orders on their way arrive.
const DRAIN_STEP: Duration = Duration::from_millis(5);

/// What the service is made of before it runs: everything that can be refused has been asked.
pub struct Parts {
    /// The run.
    pub run: RunInfo,
    /// The source of events.
    pub source: mpsc::Receiver<FeedItem>,
    /// What it says of itself.
    pub header: Header,
    /// How fast event time runs.
    pub speed: Speed,
    /// How long an order takes to the paper venue.
    pub latency: Duration,
    /// Where the API listens.
    pub listener: TcpListener,
    /// Its address, with the port that the system gave.
    pub address: SocketAddr,
    /// By which names it may be asked.
    pub hosts: Hosts,
    /// Where facts are kept.
    pub store: Store,
    /// The strategies.
    pub registry: StrategyRegistry,
    /// Where strategies run: they must not starve feeds and executor.
    pub strategies: Handle,
}

/// The running service.
pub struct App {
    /// The newest snapshot.
    pub status: watch::Receiver<Arc<SystemStatus>>,
    /// The way to the manager.
    pub commands: CommandBus,
    /// Where facts are kept.
    pub store: Store,
    /// Carries events: what a source beside the tape publishes here goes to whoever wants it.
    pub bus: EventBus,
    /// Event time, for a source beside the tape.
    pub clock: EventClock,
    /// Where the API answers.
    pub address: SocketAddr,
    root: ActorRef<supervisor::Msg>,
    feed: ActorRef<feed::Msg>,
    manager: ActorRef<manager::Msg>,
    aggregator: ActorRef<status::Msg>,
    ended: watch::Receiver<Option<FeedEnd>>,
    fatal: mpsc::Receiver<String>,
    api: JoinHandle<io::Result<()>>,
    api_end: CancellationToken,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tape cannot be played.
    #[error("play the tape")]
    Tape(#[from] TapeError),
    /// Somebody else listens there, or it is no address of this machine.
    #[error("listen on {address}: is another ploy running there? `--listen` names another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address can be reached by others.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error("read what earlier runs left")]
    Records(#[from] StoreError),
    /// A part did not start.
    #[error("start {part}")]
    Spawn {
        /// Which part.
        part: &'static str,
        /// What it said.
        #[source]
        source: ractor::SpawnErr,
    },
}

/// Asks for everything that can be refused: tape, address, store. Nothing runs yet, and when something is
/// refused nothing is left behind.
///
/// # Errors
/// The first refusal.
pub async fn build(settings: &Settings, strategies: Handle) -> Result<Parts, StartError> {
    let (header, source) = reader::spawn(&settings.tape, reader::READ_AHEAD)?;
    let refused = |source| StartError::Listen { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let hosts = Hosts::new(address, &settings.hosts)?;
    let run = RunInfo {
        id: settings.run.clone(),
        started_at: wall(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: Mode::Paper,
        title: header.title.clone(),
    };
    let store = Store::open(&settings.store, run.clone()).await?;
    let mut registry = StrategyRegistry::default();
    settings.strategies.iter().cloned().for_each(|strategy| registry.add(strategy));
    Ok(Parts {
        run,
        source,
        header,
        speed: settings.speed,
        latency: settings.latency,
        listener,
        address,
        hosts,
        store,
        registry,
        strategies,
    })
}

impl App {
    /// Starts every part, and the strategies that are wanted. Returns when none is on its way any more; the
    /// tape has not begun.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let records = parts.store.strategy_records().await?;
        let clock = EventClock::default();
        // Time begins with the tape, not in 1970.
        drop(clock.advance(parts.header.from));
        let board = StatusBus::new(waiting(&parts));
        let (fatal_tx, fatal) = mpsc::channel(1);
        let root = spawn("the root supervisor", RootSupervisor, fatal_tx, None).await?;
        let around = order_path(&parts, &clock, &board, &root).await?;
        let bus = around.bus.clone();

        let (ended_tx, ended) = watch::channel(None);
        let play = feed::Args {
            source: parts.source,
            speed: parts.speed,
            bus: bus.clone(),
            clock: clock.clone(),
            board: board.clone(),
            store: parts.store.clone(),
            ended: ended_tx,
        };
        let feed = spawn("the feed", Feed, play, Some(&root)).await?;
        let all = manager::Args {
            registry: parts.registry,
            records,
            surroundings: around,
            strategies: parts.strategies,
        };
        let manager = spawn("the strategy manager", StrategyManager, all, Some(&root)).await?;
        let (run, store) = (parts.run, parts.store.clone());
        let sources = Sources { run, board, store, clock: clock.clone(), wall };
        let (snapshots, status) = watch::channel(Arc::new(sources.snapshot(0)));
        let beat = (sources, snapshots);
        let aggregator =
            spawn("the status aggregator", StatusAggregator, beat, Some(&root)).await?;

        let commands = carry_commands(&manager);
        let state = ApiState {
            status: status.clone(),
            commands: commands.clone(),
            records: Arc::new(parts.store.clone()),
            hosts: parts.hosts,
        };
        let api_end = CancellationToken::new();
        let address = parts.address;
        let api = tokio::spawn(api::serve(parts.listener, state, api_end.clone()));
        tracing::info!(event.name = events::API_STARTED, %address, "the API answers");
        let store = parts.store;
        let app = Self {
            status,
            commands,
            store,
            bus,
            clock,
            address,
            root,
            feed,
            manager,
            aggregator,
            ended,
            fatal,
            api,
            api_end,
        };
        app.boot().await;
        Ok(app)
    }

    /// Begins the tape.
    pub fn play(&self) {
        drop(self.feed.cast(feed::Msg::Play)); // a feed that is gone has told the root
    }

    /// Returns a wait for the end of the tape.
    pub fn tape_end(&self) -> impl Future<Output = FeedEnd> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            match ended.wait_for(Option::is_some).await {
                Ok(end) => end.clone().unwrap_or(FeedEnd::Complete),
                Err(_) => FeedEnd::Broken("the feed has ended".to_owned()),
            }
        }
    }

    /// Waits for a part to end that all need. The text says which.
    pub async fn fatal(&mut self) -> String {
        let part = async {
            match self.fatal.recv().await {
                Some(why) => why,
                None => "the root supervisor has ended".to_owned(),
            }
        };
        tokio::select! {
            why = part => why,
            ended = &mut self.api => format!("the API has ended: {ended:?}"),
        }
    }

    /// Makes a snapshot now.
    pub async fn fresh(&self) -> Arc<SystemStatus> {
        let (reply, answer) = oneshot::channel();
        drop(self.aggregator.cast(status::Msg::Fresh(reply)));
        match answer.await {
            Ok(snapshot) => snapshot,
            Err(_) => Arc::clone(&self.status.borrow()),
        }
    }

    /// Ends the service in good order: no new events, strategies end and their orders are settled, all is
    /// written, the API closes. Whatever is not done by the deadline is left, and said.
    ///
    /// # Errors
    /// When strategies did not end in time, or the store could not write everything.
    pub async fn stop(self, deadline: Duration) -> Result<(), String> {
        tracing::info!(event.name = events::SERVICE_STOPPING, "the service ends");
        drop(self.root.cast(supervisor::Msg::Ending));
        let in_time = tokio::time::timeout(deadline, self.end_strategies()).await.is_ok();
        let stored = self.store.close(STORE_WITHIN).await;
        self.api_end.cancel();
        drop(tokio::time::timeout(deadline, self.api).await);
        for part in [self.manager.get_cell(), self.aggregator.get_cell()] {
            drop(part.stop_and_wait(None, Some(deadline)).await);
        }
        drop(self.root.stop_and_wait(None, Some(deadline)).await);
        match (in_time, stored) {
            (true, Ok(())) => Ok(()),
            (false, _) => Err(format!("strategies did not end within {} s", deadline.as_secs())),
            (true, Err(error)) => Err(format!("not everything could be written: {error}")),
        }
    }

    async fn end_strategies(&self) {
        // The tape stops first; its children would otherwise be fed while they end.
        drop(self.feed.stop_and_wait(None, Some(STORE_WITHIN)).await);
        let (reply, mut ended) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Shutdown(reply)));
        loop {
            tokio::select! {
                _ = &mut ended => return,
                () = tokio::time::sleep(DRAIN_STEP) => self.drain(),
            }
        }
    }

    /// Lets the next instant come at which somebody is due: orders on their way must arrive to be settled.
    fn drain(&self) {
        use crate::ports::Clock;
        let step = self.clock.now() + Duration::from_secs(1);
        if let Some((at, alarm)) = self.clock.advance(step) {
            alarm(at, crate::bus::Ticket::none());
        }
    }

    async fn boot(&self) {
        let (reply, booted) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Boot(reply)));
        drop(booted.await); // a manager that is gone has told the root
    }
}

/// Starts what an order passes on its way: the paper venue and the executor.
async fn order_path(
    parts: &Parts,
    clock: &EventClock,
    board: &StatusBus,
    root: &ActorRef<supervisor::Msg>,
) -> Result<Surroundings, StartError> {
    let bus = EventBus::default();
    let (executor, lanes) = ExecutorHandle::new();
    let (news_tx, news) = mpsc::channel(NEWS_MAX);
    let venue = paper::Args {
        venue: PaperVenue::new(parts.latency),
        mailbox: bus.subscribe_venue(),
        events: news_tx,
        clock: clock.clone(),
    };
    let venue = spawn("the paper venue", Paper, venue, Some(root)).await?;
    let worker = executor::Args {
        store: parts.store.clone(),
        venue: Arc::new(PaperHandle(venue)),
        events: news,
        bus: bus.clone(),
        lanes,
    };
    spawn("the order executor", OrderExecutor, worker, Some(root)).await?;
    let (store, clock, board) = (parts.store.clone(), clock.clone(), board.clone());
    Ok(Surroundings { bus, executor, store, clock, board })
}

/// Starts a part, linked to the root once there is one.
async fn spawn<A>(
    part: &'static str,
    actor: A,
    args: A::Arguments,
    root: Option<&ActorRef<supervisor::Msg>>,
) -> Result<ActorRef<A::Msg>, StartError>
where
    A: Actor,
{
    let spawned = match root {
        None => Actor::spawn(None, actor, args).await,
        Some(root) => Actor::spawn_linked(None, actor, args, root.get_cell()).await,
    };
    let (started, _task) = spawned.map_err(|source| StartError::Spawn { part, source })?;
    if let Some(root) = root {
        drop(root.cast(supervisor::Msg::Named(started.get_id(), part)));
    }
    Ok(started)
}

/// Carries commands from the bus to the manager's mailbox.
fn carry_commands(manager: &ActorRef<manager::Msg>) -> CommandBus {
    let (commands, mut requests) = CommandBus::new();
    let manager = manager.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            // A manager that is gone drops the request, and its asker is told so.
            drop(manager.cast(manager::Msg::Command(request)));
        }
    });
    commands
}

fn waiting(parts: &Parts) -> FeedStatus {
    FeedStatus {
        name: "tape".to_owned(),
        state: FeedPhase::Waiting,
        title: parts.header.title.clone(),
        books: parts.header.books,
        events: 0,
        last_event_at: None,
        from: Some(parts.header.from),
        to: Some(parts.header.to),
        speed: parts.speed.to_string(),
        error: None,
    }
}

/// Returns the machine's time.
#[must_use]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("run", &self.run).finish_non_exhaustive()
    }
}
