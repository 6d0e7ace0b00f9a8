//! The log: one line an event on standard error, flat JSON for machines or short lines for a terminal.
//!
//! Standard output belongs to reports and answers. Lines go through a bounded queue to a thread of their own;
//! an output that is closed, slow or stuck loses lines, which is counted, and never stops or panics a caller.

mod counts;
pub mod events;
mod layer;
mod line;
mod redact;
mod sink;
mod tasks;

pub use counts::LogCounts;

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use ploy::time::Timestamp;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use counts::Counts;
use layer::{LineLayer, Style};
use line::Colour;
use sink::Sink;
use tasks::Runtimes;
use tokio::runtime::Handle;

/// Counted from the start of the process, whoever logs.
static COUNTS: Counts = Counts::new();
/// The run, from when it is known which it is.
static RUN: OnceLock<String> = OnceLock::new();
/// Every runtime of the process, whoever started it.
static RUNTIMES: Runtimes = Runtimes::new();

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Pretty on a terminal, else JSON.
    #[default]
    Auto,
    /// One flat JSON object a line.
    Json,
    /// Time, level, strategy, message, fields.
    Pretty,
}

/// What the log needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How lines look.
    pub format: Format,
    /// The least level, or directives by module: `info`, `info,actors::bus=debug`.
    pub filter: String,
    /// The id of this run, on every line.
    pub run: String,
}

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is no list of levels and modules.
    #[error("log filter `{filter}`")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The system gave no thread to write on.
    #[error("start the log's thread")]
    Thread(#[source] io::Error),
    /// The log was set up before.
    #[error("set up the log")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Keeps the log until the end: when it is dropped the last lines are written.
#[derive(Debug)]
#[must_use = "dropping it at once writes no last lines"]
pub struct LogGuard {
    sink: Sink,
}

impl LogGuard {
    /// Waits until every line so far is written, 1 s at most; for ends of the process that drop nothing.
    pub fn flush(&self) {
        self.sink.flush();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Sets up the log of this process, and turns panics into log lines. Other panic hooks come after this call.
///
/// # Errors
/// When the filter makes no sense, the system gives no thread, or it was done before.
pub fn init(settings: &Settings) -> Result<LogGuard, InitError> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|source| InitError::Filter { filter: settings.filter.clone(), source })?;
    let sink = Sink::start(Box::new(io::stderr()), &COUNTS).map_err(InitError::Thread)?;
    let layer = LineLayer {
        style: settings.format.style(),
        run: settings.run.clone(),
        known: &RUN,
        now,
        sink: sink.clone(),
        counts: &COUNTS,
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init().map_err(InitError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(LogGuard { sink })
}

/// Says which run it is, once that is known: a process that goes on with an earlier one has its id from the store.
pub fn say_run(run: &str) {
    RUN.get_or_init(|| run.to_owned());
}

/// Counts the tasks of this runtime from now on.
pub fn watch_tasks(runtime: &Handle) {
    RUNTIMES.watch(runtime);
}

/// Returns how many async tasks are alive on the runtimes that are watched, or nothing where none is.
#[must_use]
pub fn tasks() -> Option<u64> {
    RUNTIMES.alive()
}

/// Returns how much was logged since the process began.
#[must_use]
pub fn counts() -> LogCounts {
    COUNTS.read()
}

impl Format {
    fn style(self) -> Style {
        let terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = if terminal && !plain { Colour::On } else { Colour::Off };
        match (self, terminal) {
            (Self::Json, _) | (Self::Auto, false) => Style::Json,
            (Self::Pretty, _) | (Self::Auto, true) => Style::Pretty(colour),
        }
    }
}

/// A panic's text and place, as one line.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("no text");
    let place = panic.location().map(ToString::to_string);
    tracing::error!(
        event.name = events::PROCESS_PANICKED,
        error.r#type = "panic",
        error.message = text,
        code.place = place.as_deref().unwrap_or("unknown"),
        thread = std::thread::current().name().unwrap_or("unnamed"),
        "a thread or task panicked"
    );
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
