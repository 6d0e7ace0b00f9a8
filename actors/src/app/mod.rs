//! The only wiring: builds every part, starts them in their order, and ends them in theirs.

mod asked;
mod emergency;
mod go_on;
mod looking;
mod orders;
mod parts;
mod stop;

pub use emergency::Guard;
pub use parts::{Parts, StartError, WrapVenue, build, title, wall};

use emergency::Found;
use orders::{OrderPath, halts, keep_watching, order_path};

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use ploy::config::Speed;
use ploy::order::StrategyId;
use ploy::status::{FeedPhase, FeedStatus, SystemStatus, TapeStatus};
use ploy::tape::{Books, Header};
use ractor::{Actor, ActorCell, ActorRef};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Released;
use crate::adapters::paper;
use crate::api::server::{self, ApiServer};
use crate::bus::command::CommandBus;
use crate::bus::event::EventBus;
use crate::bus::gates::Switch;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::config_service::Desk;
use crate::executor::ExecutorHandle;
use crate::feed::{self, Feed, FeedEnd};
use crate::halt::Halts;
use crate::halt::watch as halt_watch;
use crate::ledger::AccountLedger;
use crate::manager::{self, StrategyManager};
use crate::ports::FeedItem;
use crate::record::Recorder;
use crate::runtime::Surroundings;
use crate::status::{Snapshots, Sources, StatusAggregator};
use crate::store::{RunInfo, Store};
use crate::supervisor::{self, Part, Respawn, RootSupervisor};
use crate::telemetry::events;

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
    /// What is held back, and why.
    pub halts: Halts,
    /// What orders meet right before they leave.
    pub gates: Switch,
    /// Where changes of settings are asked for; absent where no folder is watched.
    pub desk: Option<Desk>,
    /// Where the API answers.
    pub address: SocketAddr,
    /// Who sees that a strategy cannot be ended, and what is done then.
    pub guard: Guard,
    root: ActorRef<supervisor::Msg>,
    feed: ActorRef<feed::Msg>,
    manager: ActorRef<manager::Msg>,
    snapshots: Arc<Snapshots>,
    ended: watch::Receiver<Option<FeedEnd>>,
    fatal: mpsc::Receiver<String>,
    /// Whether a part has ended that all need: the process does not end in good order then.
    has_failed: bool,
    api_tasks: TaskTracker,
    api_end: CancellationToken,
    venue: ActorRef<paper::Msg>,
    executor: ExecutorHandle,
}

impl App {
    /// Starts every part, and the strategies that are wanted. Returns when none is on its way any more; the
    /// tape has not begun.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(mut parts: Parts) -> Result<Self, StartError> {
        let earlier = earlier(&parts.store).await?;
        let safe_mode = asked::safe_mode(&parts).await?;
        let clock = go_on::clock(&parts.headers, parts.store.entered());
        let board = StatusBus::new(waiting(&parts));
        let files = looking::files(&parts)?;
        let (fatal_tx, fatal) = mpsc::channel(1);
        let watch_over = supervisor::Args { fatal: fatal_tx.clone(), wall };
        let root = spawn("the root supervisor", RootSupervisor, watch_over, None).await?;
        let gates = Switch::default();
        // Before any strategy starts: what was halted comes up halted.
        let halts = halts(&parts, (&clock, &board), gates.clone()).await?;
        let ledger = orders::ledger(&parts.store, &halts).await?;
        let path = order_path(&mut parts, (&clock, &board), (gates.clone(), ledger), &root).await?;
        let OrderPath { around, venue, paper } = path;
        let (bus, executor, ledger) =
            (around.bus.clone(), around.executor.clone(), around.ledger.clone());
        let account = around.account.clone();
        keep_watching(halt_watch::Args { halts: halts.clone(), venue }, &root).await?;
        go_on::pass_by(&mut parts, &around).await?;

        let (ended_tx, ended) = watch::channel(None);
        let play = play_of(&around, (parts.source, parts.speed), ended_tx);
        let feed = spawn("the feed", Feed, play, Some(&root)).await?;
        let sources = sources_of(parts.run, &around, halts.clone());
        let guard = Guard::default();
        let found = Found { registry: parts.registry, earlier, latency: parts.latency, safe_mode };
        let all = guard.manager(found, (around, halts.clone()), parts.strategies, fatal_tx);
        let manager = spawn("the strategy manager", StrategyManager, all, Some(&root)).await?;
        let desk = looking::keep_looking(files, (&board, &manager, &clock), &root).await?;
        let snapshots = Arc::new(Snapshots::new(sources));
        keep_beating(&snapshots, &root).await?;

        let (commands, status) = (carry_commands(&manager), snapshots.watch());
        let asked = (status.clone(), commands.clone());
        let state = asked::api_state((&parts.store, &parts.recorder), asked, parts.hosts, &manager);
        let brake = Released { brake: Arc::new(halts.clone()), account };
        let state = state.braking(Arc::new(brake)).with_desk(desk.clone());
        let api = asked::api_args(parts.listener, state);
        let (api_tasks, api_end) = (api.tasks.clone(), api.end.clone());
        keep_serving(api, &root).await?;
        tracing::info!(event.name = events::API_STARTED, address = %parts.address, "the API answers");
        let app = Self {
            status,
            commands,
            store: parts.store,
            recorder: parts.recorder,
            ledger,
            bus,
            clock,
            address: parts.address,
            guard,
            halts,
            gates,
            desk,
            root,
            feed,
            manager,
            snapshots,
            ended,
            fatal,
            has_failed: false,
            api_tasks,
            api_end,
            venue: paper,
            executor,
        };
        app.store.look_after(parts.keep_days, wall);
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
        let why = self.fatal.recv().await;
        self.has_failed = true;
        why.unwrap_or_else(|| "the root supervisor has ended".to_owned())
    }

    /// Lets the end of this process count as one that was not in good order, whatever comes: for tests.
    pub const fn crash(&mut self) {
        self.has_failed = true;
    }

    /// Makes a snapshot now.
    pub async fn fresh(&self) -> Arc<SystemStatus> {
        self.snapshots.take().await
    }

    /// Returns who runs a strategy now, for those who must end it from outside, past the manager.
    pub async fn who(&self, id: StrategyId) -> Option<ActorCell> {
        let (reply, answer) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Who(id, reply)));
        answer.await.ok().flatten()
    }

    async fn boot(&self) {
        let (reply, booted) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Boot(reply)));
        drop(booted.await); // a manager that is gone has told the root
    }
}

/// Reads what earlier processes left of strategies and of the roll-outs of their settings.
async fn earlier(store: &Store) -> Result<manager::Earlier, StartError> {
    let (records, rollouts) = (store.strategy_records().await?, store.rollouts().await?);
    Ok(manager::Earlier { records, rollouts })
}

/// Returns what the feed needs.
fn play_of(
    around: &Surroundings,
    (source, speed): (mpsc::Receiver<FeedItem>, Speed),
    ended: watch::Sender<Option<FeedEnd>>,
) -> feed::Args {
    let Surroundings { bus, store, recorder, clock, board, .. } = around.clone();
    let past = clock.played();
    feed::Args { source, speed, bus, clock, board, store, recorder, past, ended }
}

/// Returns what a snapshot is made of.
fn sources_of(run: RunInfo, around: &Surroundings, halts: Halts) -> Sources {
    let Surroundings { bus, store, ledger, account, recorder, clock, board, .. } = around.clone();
    Sources { run, board, bus, store, ledger, account, recorder, clock, halts, wall }
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

/// Carries commands from the bus to the manager's mailbox.
fn carry_commands(manager: &ActorRef<manager::Msg>) -> CommandBus {
    let (commands, mut requests) = CommandBus::new();
    let (commands, mut decisions) = commands.deciding();
    let decider = manager.clone();
    tokio::spawn(async move {
        while let Some(request) = decisions.recv().await {
            drop(decider.cast(manager::Msg::Decision(request)));
        }
    });
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
        events: parts.store.entered().resume.map_or(0, |resume| resume.events),
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
