//! The file of the service: what is played, where orders go, what is stored, and how it can be reached.

mod declared;
mod venue;

pub(super) use declared::sections;
pub use venue::{VenueConfig, VenueKind};

use std::net::SocketAddr;
use std::time::Duration;

use crate::halt::ResumeRule;
use crate::process::ProcessPolicy;
use crate::risk::AccountLimits;

use super::Fault;
use super::account;
use super::reader::Reader;
use super::speed::Speed;
use super::values::Values;
use declared::{
    DEADLINE, FEED_PATHS, FEED_SPEED, FORMAT, HEALTHY, LEVEL, LISTEN, QUIET, RECORD_ENABLED,
    RECORD_FILE, RECORD_FOLDER, RECORD_SPAN, RECORD_TOTAL, RESCAN, RESTING, RESUME, SIGNAL_FILE,
    STARTS_MAX, STARTS_WINDOW, STORE_KEEP, STORE_PATH, STORE_URL_FILE, WATCH,
};

/// The service, as its file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Where market events come from.
    pub feed: FeedConfig,
    /// Where orders go.
    pub venue: VenueConfig,
    /// What all strategies together may do at most.
    pub account: AccountLimits,
    /// Where facts are stored.
    pub store: StoreConfig,
    /// What is kept of all that strategies take in.
    pub record: RecordConfig,
    /// What halts all strategies, and what lets them go on.
    pub halt: HaltConfig,
    /// How changes of the strategies' files are noticed.
    pub config: WatchConfig,
    /// How it can be asked and told.
    pub api: ApiConfig,
    /// What it says about itself.
    pub log: LogConfig,
    /// How it ends.
    pub shutdown: ShutdownConfig,
    /// How many starts of the program are too many.
    pub process: ProcessPolicy,
}

/// Tapes to be played, as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// The tapes' paths, at least one, from the folder of the file that names them.
    pub paths: Vec<String>,
    /// How fast it is played.
    pub speed: Speed,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The path of the database, from the folder that the program was started in.
    pub path: String,
    /// The path of a file that holds the address of a database server instead, from the same folder.
    pub url_file: Option<String>,
    /// How many days the rows of earlier runs are kept that explain and count for nothing; 0: for ever.
    pub keep_days: u32,
}

/// The record of what strategies take in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// Whether it is written.
    pub enabled: bool,
    /// The folder of its files, from the folder of the database.
    pub folder: String,
    /// How large a file grows before the next is begun, in MiB on the disk.
    pub file_mb: u64,
    /// How long a file is written to before the next is begun.
    pub file_span: Duration,
    /// How large all files together grow before the oldest are deleted, in MiB on the disk.
    pub total_mb: u64,
}

/// Halts of all strategies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltConfig {
    /// Whether an outage that is over lets trading go on by itself.
    pub resume: ResumeRule,
    /// The name of the file that halts all while it is there, from the folder of the database.
    pub signal_file: String,
}

/// How changes of the strategies' files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchConfig {
    /// What tells that something may have changed.
    pub watch: Watch,
    /// How long nothing may happen before the folder is read: a file is seldom written at one stroke.
    pub quiet: Duration,
    /// How often the folder is read without any hint: hints get lost, and network folders give none.
    pub rescan: Duration,
}

/// What tells that something in the folder of strategies may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The system's notices of file events, and reading it now and then.
    Notify,
    /// Reading it now and then alone.
    Poll,
}

impl Default for WatchConfig {
    /// Returns what holds where the file says nothing.
    fn default() -> Self {
        let (quiet, rescan) = (Duration::from_millis(250), Duration::from_secs(5));
        Self { watch: Watch::Notify, quiet, rescan }
    }
}

/// The control API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// The loopback address and port; port 0 lets the machine choose one.
    pub listen: SocketAddr,
}

/// The log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least level that is written.
    pub level: LogLevel,
    /// How a line is written.
    pub format: LogFormat,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Somebody must look.
    Error,
    /// It was survived.
    Warn,
    /// A change of phase, or an order.
    Info,
    /// The rest.
    Debug,
    /// Every step.
    Trace,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// The end of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// What becomes of orders that rest at the venue.
    pub orders: RestingOrders,
    /// How long an orderly end may take in all before the process ends by force.
    pub deadline: Duration,
}

/// What becomes of orders that rest at the venue when the service ends. Positions stay in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestingOrders {
    /// They are cancelled, and the end waits for what comes of that.
    Cancel,
    /// They stay at the venue. The paper venue ends with the process, so nothing can stay there.
    Keep,
}

impl RestingOrders {
    const ALL: [Self; 2] = [Self::Cancel, Self::Keep];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Keep => "keep",
        }
    }
}

impl Watch {
    const ALL: [Self; 2] = [Self::Notify, Self::Poll];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Poll => "poll",
        }
    }
}

impl LogLevel {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl LogFormat {
    const ALL: [Self; 3] = [Self::Auto, Self::Json, Self::Pretty];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
    }
}

/// Reads the file of the service.
pub(super) fn read(path: &str, text: &str) -> Result<ServiceConfig, Vec<Fault>> {
    let mut reader = Reader::new(path, text)?;
    reader.expect(sections());
    let config = config(&mut reader);
    reader.finish(config)
}

fn config(reader: &mut Reader<'_>) -> Option<ServiceConfig> {
    let (feed, venue, store) = (reader.read("feed"), reader.read("venue"), reader.read("store"));
    let (api, log, shutdown) = (reader.read("api"), reader.read("log"), reader.read("shutdown"));
    let (record, process) = (reader.read("record"), reader.read("process"));
    let record = record_config(&record, reader);
    let halt = reader.read("halt");
    let halt = halt_config(&halt, reader);
    let shutdown = shutdown_config(&shutdown, reader);
    let venue_config = venue::config(&venue, reader);
    let account = account::limits(&reader.read("account"));
    let watch = reader.read("config");
    let watch = watch_config(&watch, reader);
    Some(ServiceConfig {
        feed: FeedConfig { paths: feed.texts(&FEED_PATHS)?, speed: feed.speed(&FEED_SPEED)? },
        venue: venue_config?,
        account: account?,
        store: store_config(&store, reader)?,
        record: record?,
        halt: halt?,
        config: watch?,
        api: ApiConfig { listen: api.address(&LISTEN)? },
        log: LogConfig {
            level: log.word(&LEVEL, &LogLevel::ALL, LogLevel::name)?,
            format: log.word(&FORMAT, &LogFormat::ALL, LogFormat::name)?,
        },
        shutdown: shutdown?,
        process: ProcessPolicy {
            starts_max: process.whole(&STARTS_MAX)?,
            window: process.seconds(&STARTS_WINDOW)?,
        },
    })
}

fn store_config(values: &Values, reader: &mut Reader<'_>) -> Option<StoreConfig> {
    let (path, url_file) = (values.text(&STORE_PATH), values.text(&STORE_URL_FILE));
    for (text, setting) in [(&path, &STORE_PATH), (&url_file, &STORE_URL_FILE)] {
        // It is not repeated: it may hold a password.
        if text.as_ref().is_some_and(|text| text.contains("://")) {
            let problem = "this is an address of a database, which may hold a password and never stands in this \
                 file; expected the path of a file: `url_file` names one that holds the address"
                .to_owned();
            reader.clash(values, [setting, setting], problem);
        }
    }
    Some(StoreConfig { path: path?, url_file, keep_days: values.whole(&STORE_KEEP)? })
}

fn halt_config(values: &Values, reader: &mut Reader<'_>) -> Option<HaltConfig> {
    let healthy = values.seconds(&HEALTHY)?;
    let rules = [ResumeRule::Manual, ResumeRule::Auto { healthy }];
    let name = |rule| match rule {
        ResumeRule::Manual => "manual",
        ResumeRule::Auto { .. } => "auto",
    };
    let resume = values.word(&RESUME, &rules, name)?;
    let signal_file = values.text(&SIGNAL_FILE)?;
    if signal_file.is_empty() || signal_file.contains(['/', '\\']) || signal_file == ".." {
        let problem = "a name without a folder is expected".to_owned();
        reader.clash(values, [&SIGNAL_FILE, &SIGNAL_FILE], problem);
    }
    Some(HaltConfig { resume, signal_file })
}

fn shutdown_config(values: &Values, reader: &mut Reader<'_>) -> Option<ShutdownConfig> {
    let orders = values.word(&RESTING, &RestingOrders::ALL, RestingOrders::name)?;
    if orders == RestingOrders::Keep {
        let problem = "orders cannot be kept at the paper venue, which ends with the process, nor at a \
             simulated one, which is for rehearsals; expected \"cancel\"";
        reader.clash(values, [&RESTING, &DEADLINE], problem.to_owned());
    }
    Some(ShutdownConfig { orders, deadline: values.seconds(&DEADLINE)? })
}

fn record_config(values: &Values, reader: &mut Reader<'_>) -> Option<RecordConfig> {
    let (file_mb, total_mb) = (values.whole(&RECORD_FILE), values.whole(&RECORD_TOTAL));
    if let (Some(file), Some(total)) = (file_mb, total_mb)
        && total < 2 * file
    {
        let problem = format!(
            "files of {file} MiB are too large where all together may have {total}; expected at \
             most half of total_mb, {}",
            total / 2
        );
        reader.clash(values, [&RECORD_FILE, &RECORD_TOTAL], problem);
    }
    let minutes: u64 = values.whole(&RECORD_SPAN)?;
    Some(RecordConfig {
        enabled: values.switch(&RECORD_ENABLED)?,
        folder: values.text(&RECORD_FOLDER)?,
        file_mb: file_mb?,
        file_span: Duration::from_mins(minutes),
        total_mb: total_mb?,
    })
}

fn watch_config(values: &Values, reader: &mut Reader<'_>) -> Option<WatchConfig> {
    let (quiet, rescan) = (values.millis(&QUIET), values.seconds(&RESCAN));
    if let (Some(quiet), Some(rescan)) = (quiet, rescan)
        && rescan < quiet
    {
        let problem = format!(
            "a quiet time of {} ms is longer than the time between two readings; expected at most \
             rescan_s, {} s",
            quiet.as_millis(),
            rescan.as_secs()
        );
        reader.clash(values, [&QUIET, &RESCAN], problem);
    }
    let watch = values.word(&WATCH, &Watch::ALL, Watch::name)?;
    Some(WatchConfig { watch, quiet: quiet?, rescan: rescan? })
}
