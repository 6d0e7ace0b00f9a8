//! Everything that can be refused before anything runs: the tape, the address, the store.

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ploy::config::{Speed, VenueKind, WatchConfig};
use ploy::halt::ResumeRule;
use ploy::process::ProcessPolicy;
use ploy::risk::AccountLimits;
use ploy::status::Mode;
use ploy::tape::{self, Header};
use ploy::time::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::adapters::simulated::Simulated;
use crate::adapters::tape::{TapeError, merged};
use crate::api::{Exposed, Hosts};
use crate::bus::Ticket;
use crate::failpoint::{BadFailpoint, Failpoints};
use crate::feed::NotTheSame;
use crate::manager::StrategyRegistry;
use crate::ports::{FeedItem, News, StoreError, Venue};
use crate::record::{self, Origin, Recorder, files};
use crate::settings::Settings;
use crate::store::{OpenError, Plays, RunInfo, Store};
use crate::telemetry;

/// What the service is made of before it runs: everything that can be refused has been asked.
pub struct Parts {
    /// The run.
    pub run: RunInfo,
    /// The source of events.
    pub source: mpsc::Receiver<FeedItem>,
    /// What its tapes say of themselves, in their order.
    pub headers: Vec<Header>,
    /// How fast event time runs.
    pub speed: Speed,
    /// How long an order takes to the paper venue.
    pub latency: Duration,
    /// What all strategies together may do at most.
    pub account: AccountLimits,
    /// Where the API listens.
    pub listener: net::TcpListener,
    /// Its address, with the port that the system gave.
    pub address: SocketAddr,
    /// By which names it may be asked.
    pub hosts: Hosts,
    /// Where facts are kept.
    pub store: Store,
    /// How many days the rows of earlier runs are kept that explain and count for nothing; 0: for ever.
    pub keep_days: u32,
    /// Takes what strategies consume.
    pub recorder: Recorder,
    /// What an outage that is over leads to.
    pub resume: ResumeRule,
    /// The file that halts all while it is there, unless none is watched.
    pub signal_file: Option<PathBuf>,
    /// Puts something between the executor and the paper venue, or in its place: a simulated venue, where the settings
    /// say so.
    pub venue: Option<WrapVenue>,
    /// What goes wrong on the way of an order, in a test.
    pub failpoints: Failpoints,
    /// The strategies.
    pub registry: StrategyRegistry,
    /// The folder of their files, unless it is not watched.
    pub folder: Option<PathBuf>,
    /// How changes in it are noticed.
    pub watch: WatchConfig,
    /// Where strategies run: they must not starve feeds and executor.
    pub strategies: Handle,
    /// How many starts of the program are too many.
    pub process: ProcessPolicy,
}

/// Is given the venue and where order events go, and returns the venue that is used.
pub type WrapVenue =
    Box<dyn FnOnce(Arc<dyn Venue>, mpsc::Sender<(News, Ticket)>) -> Arc<dyn Venue> + Send>;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tapes cannot be played.
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
    /// No thread for the record can be started.
    #[error("start the thread that writes the record")]
    Record(#[source] io::Error),
    /// The store cannot be read.
    #[error("read what earlier runs left")]
    Records(#[from] StoreError),
    /// The run that is to go on played something else.
    #[error("go on with the last run; `--new-run` begins a new one")]
    GoOn(#[from] NotTheSame),
    /// The versions of the settings cannot be kept.
    #[error("keep the versions of the settings")]
    Versions(#[source] StoreError),
    /// The failpoints of a test are none.
    #[error(transparent)]
    Failpoint(#[from] BadFailpoint),
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
    let (headers, source) = merged::spawn(&settings.tapes, merged::READ_AHEAD)?;
    let refused = |source| StartError::Listen { address: settings.listen, source };
    let listener = net::TcpListener::bind(settings.listen).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let hosts = Hosts::new(address, &settings.hosts)?;
    let run = RunInfo {
        id: settings.run.clone(),
        started_at: wall(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: Mode::Paper,
        title: title(&headers),
        plays: Some(Plays { source: tape::identity(&headers), begin: settings.begin }),
    };
    let store = Store::open_at(&settings.location, run.clone()).await?;
    let entered = store.entered();
    telemetry::say_run(&entered.run);
    let from = headers.iter().map(|header| header.from).min();
    let from = from.max(entered.resume.and_then(|resume| resume.at)).unwrap_or_default();
    let record = files::of_start(&entered.run, entered.start);
    let recorder = recorder(settings, (&run, record), from).map_err(StartError::Record)?;
    let mut registry = StrategyRegistry::default();
    settings.strategies.iter().cloned().for_each(|strategy| registry.add(strategy));
    Ok(Parts {
        run,
        source,
        headers,
        speed: settings.speed,
        latency: settings.latency,
        account: settings.account,
        listener,
        address,
        hosts,
        store,
        keep_days: settings.keep_days,
        recorder,
        resume: settings.resume,
        signal_file: Some(settings.signal_file.clone()),
        venue: other_venue(settings.venue),
        failpoints: Failpoints::from_env()?,
        registry,
        folder: Some(settings.folder.clone()),
        watch: settings.watch,
        strategies,
        process: settings.process,
    })
}

/// Returns what tapes are together, in one line.
#[must_use]
pub fn title(headers: &[Header]) -> String {
    let titles: Vec<&str> = headers.iter().map(|header| header.title.as_str()).collect();
    titles.join("; ")
}

/// Returns what stands in the place of the paper venue.
fn other_venue(kind: VenueKind) -> Option<WrapVenue> {
    match kind {
        VenueKind::Paper => None,
        VenueKind::Simulated { address } => {
            Some(Box::new(move |_paper, news| Arc::new(Simulated::start(address, news))))
        }
    }
}

fn recorder(
    settings: &Settings,
    (run, id): (&RunInfo, String),
    from: Timestamp,
) -> io::Result<Recorder> {
    let Some(limits) = settings.record.clone() else { return Ok(Recorder::off()) };
    let program = run.version.clone();
    let origin = Origin { run: id, mode: run.mode, program, from };
    Recorder::start(record::Args {
        limits,
        origin,
        pace: record::Pace::default(),
        create: record::create(),
    })
}

/// Returns the machine's time.
#[must_use]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("run", &self.run).finish_non_exhaustive()
    }
}
