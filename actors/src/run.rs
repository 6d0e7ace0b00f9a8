//! `ploy run`: the service from its first line to its exit code.

use std::error::Error as StdError;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ploy::config::LogFormat;
use ploy::halt::Cause;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::bus::gates::Switch;
use crate::cli::Exit;
use crate::cli::args::RunArgs;
use crate::cli::form::Output;
use crate::config_service::Desk;
use crate::feed::FeedEnd;
use crate::ports::config::ConfigDesk as _;
use crate::report::Report;
use crate::settings::{self, Overrides, Settings, SettingsError};
use crate::store::Begin;
use crate::telemetry::{self, events};
use crate::watchdog::{self, Watchdog};
use crate::{live, panics};

/// Feeds, executor, store and API.
const IO_THREADS: usize = 2;

/// Runs the service until it is asked to end. Returns the exit code: 0 when all went as asked.
#[must_use]
pub fn run(args: RunArgs, output: Output) -> ExitCode {
    match try_run(args, output) {
        Ok(code) => code,
        Err(error) => {
            complain(&chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn StdError + Send + Sync>;

fn try_run(args: RunArgs, output: Output) -> Result<ExitCode, Failure> {
    let watched = !args.no_view && output == Output::Text && live::is_possible();
    let exit_at_end = args.exit_at_end;
    let folder = args.config.clone();
    let settings = settings::load(&folder, overrides(args)?)?;
    let _log = telemetry::init(&log_settings(&settings, watched))?;
    panics::install();
    let strategies = Builder::new_multi_thread().thread_name("strategy").enable_all().build()?;
    let io = runtime("io")?;
    telemetry::watch_tasks(strategies.handle());
    telemetry::watch_tasks(io.handle());
    let served = io.block_on(serve(&settings, &strategies, Wish { output, watched, exit_at_end }));
    // Everything has been stopped in order, or is to end at once: a strategy that burns the CPU must not hold
    // up the exit.
    strategies.shutdown_background();
    io.shutdown_timeout(Duration::from_secs(1));
    Ok(served.unwrap_or_else(|error| {
        fail(&chain(error.as_ref()));
        ExitCode::FAILURE
    }))
}

/// How the service is to be seen.
#[derive(Clone, Copy, Debug)]
struct Wish {
    output: Output,
    watched: bool,
    exit_at_end: bool,
}

async fn serve(settings: &Settings, strategies: &Runtime, wish: Wish) -> Result<ExitCode, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    tracing::info!(event.name = events::SERVICE_STARTED, "the service starts");
    let parts = app::build(settings, strategies.handle().clone()).await?;
    let mut app = App::start(parts).await?;
    let watchdog = guard(&app)?;
    tokio::spawn(reload_on(hangup, app.desk.clone()));
    let url = format!("http://{}", app.address);
    let stop_view = CancellationToken::new();
    let mut view = wish
        .watched
        .then(|| tokio::spawn(live::view(app.status.clone(), url.clone(), stop_view.clone())));
    let began = Instant::now();
    app.play();
    tracing::info!(event.name = events::SERVICE_READY, url, "the service is ready");

    let mut code = ExitCode::SUCCESS;
    let mut tape_ended = false;
    loop {
        let tape_end = app.tape_end();
        let end = tokio::select! {
            end = tape_end, if !tape_ended => Some(end),
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            why = app.fatal() => {
                close_view(&stop_view, view.take()).await;
                fail(&why);
                code = failed(&app);
                None
            }
        };
        close_view(&stop_view, view.take()).await;
        let Some(end) = end else { break };
        tape_ended = true;
        report(&app, began.elapsed(), wish.output).await?;
        if let FeedEnd::Broken(why) = end {
            tell(&format!("ploy: {why}")); // the feed has logged it
            code = ExitCode::FAILURE;
        }
        if wish.exit_at_end {
            break;
        }
        tell(&format!("the service answers on at {url} until Ctrl-C"));
    }
    let (is_lost, gates) = (app.guard.is_compromised(), app.gates.clone());
    let stop = app.stop(settings.shutdown);
    tokio::select! {
        stopped = stop => match stopped {
            Ok(()) => tracing::info!(event.name = events::SERVICE_STOPPED, "the service has ended"),
            Err(why) => {
                fail(&why);
                code = if is_lost { code } else { ExitCode::FAILURE };
            }
        },
        _ = terminate.recv() => return at_once(&gates),
        _ = interrupt.recv() => return at_once(&gates),
    }
    drop(watchdog);
    Ok(code)
}

/// Puts the watchdog on guard until the service has ended.
fn guard(app: &App) -> io::Result<Watchdog> {
    let (gates, halts, io) = (app.gates.clone(), app.halts.clone(), Handle::current());
    let close = Arc::new(move |why: &str| {
        gates.seal();
        // What it starts runs there, where a thread is left; what waits for the disk is bounded by the watchdog.
        io.block_on(halts.raise_stored(Cause::Watchdog, why, "watchdog"));
    });
    let end = Box::new(|_why: &str| std::process::exit(Exit::Hung.code().into()));
    watchdog::start(app.guard.pulses.clone(), close, end)
}

/// Returns the exit code of a service that cannot go on.
fn failed(app: &App) -> ExitCode {
    if app.guard.is_compromised() { Exit::Hung.into() } else { ExitCode::FAILURE }
}

/// A second signal: nothing leaves any more, and nothing is waited for.
fn at_once(gates: &Switch) -> Result<ExitCode, Failure> {
    gates.seal();
    Err("ended at once by a second signal".into())
}

/// Reads the folder of settings at each hangup. It never ends the process.
async fn reload_on(mut hangup: Signal, desk: Option<Desk>) {
    while hangup.recv().await.is_some() {
        let Some(desk) = &desk else { continue };
        if let Err(error) = desk.reload().await {
            tracing::warn!(error.message = %error, "the folder of settings was not read at a hangup");
        }
    }
}

/// Takes the view off the terminal, so that what is written next stands below it.
async fn close_view(
    stop: &CancellationToken,
    view: Option<tokio::task::JoinHandle<io::Result<()>>>,
) {
    stop.cancel();
    if let Some(view) = view {
        match view.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error.message = %error, "the live view ended"),
            Err(error) => tracing::warn!(error.message = %error, "the live view ended"),
        }
    }
}

async fn report(app: &App, elapsed: Duration, output: Output) -> io::Result<()> {
    let report = Report::of(app.fresh().await.as_ref(), elapsed);
    let text = match output {
        Output::Text => report.to_string(),
        Output::Json => serde_json::to_string(&report).map_err(io::Error::other)?,
    };
    match writeln!(io::stdout().lock(), "{text}") {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn overrides(args: RunArgs) -> Result<Overrides, SettingsError> {
    let location = settings::named(args.store.as_deref())?;
    let in_data = args.data.map(|folder| folder.join("ploy.db"));
    let store: Option<PathBuf> = args.store.or(in_data);
    Ok(Overrides {
        begin: if args.new_run { Begin::Anew } else { Begin::OrGoOn },
        tapes: args.tape,
        speed: args.speed,
        store,
        location,
        listen: args.listen,
        hosts: args.allow_host,
    })
}

/// A live view owns the terminal: the log is written only where it goes elsewhere.
fn log_settings(settings: &Settings, watched: bool) -> telemetry::Settings {
    let format = match settings.log.format {
        LogFormat::Auto => telemetry::Format::Auto,
        LogFormat::Json => telemetry::Format::Json,
        LogFormat::Pretty => telemetry::Format::Pretty,
    };
    let hidden = watched && io::stderr().is_terminal();
    let filter = if hidden { "off".to_owned() } else { settings.log.level.name().to_owned() };
    telemetry::Settings { format, filter, run: settings.run.clone() }
}

fn runtime(name: &str) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(IO_THREADS).thread_name(name).enable_all().build()
}

/// Writes an error with all its causes.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Says why the service fails: in the log, and to the person who watches.
fn fail(why: &str) {
    tracing::error!(
        event.name = events::SERVICE_FAILED,
        error.message = why,
        "the service cannot start or go on"
    );
    tell(&format!("ploy: {why}"));
}

/// Tells a person something. Where nobody watches, standard error belongs to the log alone.
fn tell(message: &str) {
    if io::stderr().is_terminal() {
        drop(writeln!(io::stderr(), "{message}"));
    }
}

/// Says what is wrong before there is a log.
fn complain(message: &str) {
    // Where not even this can be written, the exit code still says it.
    drop(writeln!(io::stderr(), "ploy: {message}"));
}
