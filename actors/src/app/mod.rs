//! The only wiring: builds every part, starts them in their order, and ends them in theirs.

mod parts;
mod stop;

pub use parts::{Parts, StartError, build, title, wall};

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ploy::config::Folder;
use ploy::paper::PaperVenue;
use ploy::status::{FeedPhase, FeedStatus, RecordPhase, SystemStatus, TapeStatus};
use ploy::tape::{Books, Header};
use ractor::{Actor, ActorCell, ActorRef};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::paper::{self, Paper, PaperHandle};
use crate::api::ApiState;
use crate::api::server::{self, ApiServer};
use crate::bus::command::CommandBus;
use crate::bus::event::EventBus;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::config_service::{self, ConfigService};
use crate::executor::{self, ExecutorHandle, OrderExecutor};
use crate::feed::{self, Feed, FeedEnd};
use crate::ledger::AccountLedger;
use crate::manager::{self, StrategyManager};
use crate::ports::why::Recall;
use crate::record::Recorder;
use crate::record::recall::Recalled;
use crate::runtime::Surroundings;
use crate::status::{Snapshots, Sources, StatusAggregator};
use crate::store::{RunInfo, Store};
use crate::supervisor::{self, Part, Respawn, RootSupervisor};
use crate::telemetry::events;

/// Order events on their way from the venue to the executor.
const NEWS_MAX: usize = 1024;

/// The running service.
pub struct App {
    /// The newest snapshot.
    pub status: watch::Receiver<Arc<SystemStatus>>,
    /// The way to the manager.
    pub commands: CommandBus,
    /// Where facts are kept.
    pub store: Store,
    /// The account's books.
    pub ledger: AccountLedger,
    /// Takes what strategies consume.
    pub recorder: Recorder,
    /// Carries events: what a source beside the tape publishes here goes to whoever wants it.
    pub bus: EventBus,
    /// Event time, for a source beside the tape.
    pub clock: EventClock,
    /// Where the API answers.
    pub address: SocketAddr,
    root: ActorRef<supervisor::Msg>,
    feed: ActorRef<feed::Msg>,
    manager: ActorRef<manager::Msg>,
    snapshots: Arc<Snapshots>,
    ended: watch::Receiver<Option<FeedEnd>>,
    fatal: mpsc::Receiver<String>,
    api_tasks: TaskTracker,
    api_end: CancellationToken,
}

impl App {
    /// Starts every part, and the strategies that are wanted. Returns when none is on its way any more; the
    /// tape has not begun.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let records = parts.store.strategy_records().await?;
        let clock = clock_of(&parts.headers);
        let board = StatusBus::new(waiting(&parts));
        let files = files(&parts);
        let (fatal_tx, fatal) = mpsc::channel(1);
        let watch_over = supervisor::Args { fatal: fatal_tx, wall };
        let root = spawn("the root supervisor", RootSupervisor, watch_over, None).await?;
        let ledger = AccountLedger::restored(&parts.store.account_events().await?);
        let around = order_path(&parts, &clock, (&board, ledger), &root).await?;
        let (bus, ledger) = (around.bus.clone(), around.ledger.clone());
        let sources = sources(parts.run, &around);

        let (ended_tx, ended) = watch::channel(None);
        let play = feed::Args {
            source: parts.source,
            speed: parts.speed,
            bus: bus.clone(),
            clock: clock.clone(),
            board: board.clone(),
            store: parts.store.clone(),
            recorder: parts.recorder.clone(),
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
        keep_looking(files, (&board, &manager), &root).await?;
        let snapshots = Arc::new(Snapshots::new(sources));
        keep_beating(&snapshots, &root).await?;

        let (commands, status) = (carry_commands(&manager), snapshots.watch());
        let api = server::Args {
            listener: parts.listener,
            state: ApiState::of(&parts.store, (status.clone(), commands.clone()), parts.hosts)
                .recalling(recall(&parts.recorder)),
            end: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (api_tasks, api_end) = (api.tasks.clone(), api.end.clone());
        keep_serving(api, &root).await?;
        let address = parts.address;
        tracing::info!(event.name = events::API_STARTED, %address, "the API answers");
        let (store, recorder) = (parts.store, parts.recorder);
        let app = Self {
            status,
            commands,
            store,
            ledger,
            recorder,
            bus,
            clock,
            address,
            root,
            feed,
            manager,
            snapshots,
            ended,
            fatal,
            api_tasks,
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
        match self.fatal.recv().await {
            Some(why) => why,
            None => "the root supervisor has ended".to_owned(),
        }
    }

    /// Makes a snapshot now.
    pub async fn fresh(&self) -> Arc<SystemStatus> {
        self.snapshots.take().await
    }

    async fn boot(&self) {
        let (reply, booted) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Boot(reply)));
        drop(booted.await); // a manager that is gone has told the root
    }
}

/// Returns event time as it begins: with the first tape, not in 1970.
fn clock_of(headers: &[Header]) -> EventClock {
    let clock = EventClock::default();
    let from = headers.iter().map(|header| header.from).min();
    drop(clock.advance(from.unwrap_or_default()));
    clock
}

/// Returns what a snapshot is made of.
fn sources(run: RunInfo, around: &Surroundings) -> Sources {
    let Surroundings { bus, store, ledger, recorder, clock, board, .. } = around.clone();
    Sources { run, board, bus, store, ledger, recorder, clock, wall }
}

/// Starts what an order passes on its way: the paper venue and the executor.
async fn order_path(
    parts: &Parts,
    clock: &EventClock,
    (board, ledger): (&StatusBus, AccountLedger),
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
        ledger: ledger.clone(),
        bus: bus.clone(),
        lanes,
    };
    spawn("the order executor", OrderExecutor, worker, Some(root)).await?;
    let (store, recorder) = (parts.store.clone(), parts.recorder.clone());
    let (clock, board) = (clock.clone(), board.clone());
    Ok(Surroundings { bus, executor, store, ledger, recorder, clock, board })
}

/// Starts the aggregator, and has it started again when it fails.
async fn keep_beating(
    snapshots: &Arc<Snapshots>,
    root: &ActorRef<supervisor::Msg>,
) -> Result<(), StartError> {
    let snapshots = Arc::clone(snapshots);
    let respawn: Respawn = Box::new(move |root| {
        let snapshots = Arc::clone(&snapshots);
        Box::pin(async move {
            let spawned = Actor::spawn_linked(None, StatusAggregator, snapshots, root).await;
            spawned.map(|(actor, _task)| actor.get_cell())
        })
    });
    keep("the status aggregator", respawn, root).await
}

/// Returns the folder of the strategies' files, with what runs of it already.
fn files(parts: &Parts) -> Option<(PathBuf, Folder)> {
    let folder = parts.folder.clone()?;
    let running = parts.registry.iter().map(|registration| registration.config.clone());
    Some((folder, Folder::of(running)))
}

/// Starts the watch over the strategies' files, and has it started again when it fails.
async fn keep_looking(
    files: Option<(PathBuf, Folder)>,
    (board, manager): (&StatusBus, &ActorRef<manager::Msg>),
    root: &ActorRef<supervisor::Msg>,
) -> Result<(), StartError> {
    let Some((folder, known)) = files else { return Ok(()) };
    let manager = manager.clone();
    let args = config_service::Args {
        folder,
        known: Arc::new(Mutex::new(known)),
        board: board.clone(),
        tell: Arc::new(move |moves| drop(manager.cast(manager::Msg::Config(moves)))),
        wall,
    };
    let respawn: Respawn = Box::new(move |root| {
        let args = args.clone();
        Box::pin(async move {
            let spawned = Actor::spawn_linked(None, ConfigService, args, root).await;
            spawned.map(|(actor, _task)| actor.get_cell())
        })
    });
    keep("the watch over the settings", respawn, root).await
}

/// Starts the API, and has it started again, on the same listener, when it fails.
async fn keep_serving(
    args: server::Args,
    root: &ActorRef<supervisor::Msg>,
) -> Result<(), StartError> {
    let respawn: Respawn = Box::new(move |root| {
        let again = args.again();
        Box::pin(async move {
            let again = again.map_err(|error| ractor::SpawnErr::StartupFailed(error.into()))?;
            let spawned = Actor::spawn_linked(None, ApiServer, again, root).await;
            spawned.map(|(actor, _task)| actor.get_cell())
        })
    });
    keep("the API", respawn, root).await
}

async fn keep(
    name: &'static str,
    respawn: Respawn,
    root: &ActorRef<supervisor::Msg>,
) -> Result<(), StartError> {
    let started: Result<ActorCell, _> = respawn(root.get_cell()).await;
    let cell = started.map_err(|source| StartError::Spawn { part: name, source })?;
    let part = Part { id: cell.get_id(), name, respawn: Some(respawn) };
    drop(root.cast(supervisor::Msg::Part(part)));
    Ok(())
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
        let part = Part { id: started.get_id(), name: part, respawn: None };
        drop(root.cast(supervisor::Msg::Part(part)));
    }
    Ok(started)
}

/// Returns who plays the record again for those who ask about the past.
fn recall(recorder: &Recorder) -> Option<Arc<dyn Recall>> {
    let status = recorder.status();
    if status.state == RecordPhase::Off {
        return None;
    }
    Some(Arc::new(Recalled::new(status.folder.into())))
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
    let tape = |header: &Header| TapeStatus {
        title: header.title.clone(),
        books: header.books,
        from: header.from,
        to: header.to,
    };
    let tapes: Vec<TapeStatus> = parts.headers.iter().map(tape).collect();
    FeedStatus {
        name: "tape".to_owned(),
        state: FeedPhase::Waiting,
        title: title(&parts.headers),
        books: tapes.iter().map(|tape| tape.books).fold(Books::None, Books::and),
        events: 0,
        last_event_at: None,
        from: tapes.iter().map(|tape| tape.from).min(),
        to: tapes.iter().map(|tape| tape.to).max(),
        tapes,
        speed: parts.speed.to_string(),
        error: None,
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}
