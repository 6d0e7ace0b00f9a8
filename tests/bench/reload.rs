//! Reload: how long from the moment that a settings file is saved until the new version runs.
//!
//! `cargo bench -p actors --bench reload` prints it; anything else that starts this program gets nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use actors::app::{self, App};
use actors::settings::{self, Overrides, Settings};
use ploy::config;
use tokio::runtime::{Builder, Runtime};

/// How many changes of each kind are measured.
const CHANGES: usize = 100;
/// How often is looked whether the new version runs.
const LOOK: Duration = Duration::from_millis(1);
/// A change that needs longer than this is a defect.
const WITHIN: Duration = Duration::from_secs(10);
/// The strategy whose file is changed.
const STRATEGY: &str = "split_arb_legged";

fn main() -> io::Result<()> {
    // `cargo test` and `cargo nextest` start benchmarks too, and want no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let root = tempfile::tempdir()?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let overrides = Overrides {
        store: Some(root.path().join("ploy.db")),
        listen: Some("127.0.0.1:0".parse().map_err(io::Error::other)?),
        ..Overrides::default()
    };
    let mut settings = settings::load(&shipped, overrides).map_err(io::Error::other)?;
    let (from, to) = (settings.folder.clone(), root.path().join("strategies"));
    fs::create_dir(&to)?;
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
    }
    settings.folder = to;
    let io = runtime(Builder::new_multi_thread().worker_threads(2))?;
    let strategies = runtime(&mut Builder::new_multi_thread())?;
    io.block_on(measure(&settings, &strategies))?;
    strategies.shutdown_background();
    Ok(())
}

fn runtime(builder: &mut Builder) -> io::Result<Runtime> {
    builder.enable_all().build()
}

async fn measure(settings: &Settings, strategies: &Runtime) -> io::Result<()> {
    let parts = app::build(settings, strategies.handle().clone()).await;
    let app = App::start(parts.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
    let path = settings.folder.join(format!("{STRATEGY}.toml"));
    let text = fs::read_to_string(&path)?;
    for (name, key) in [("live", "order_burst"), ("restart", "market_prefixes")] {
        let mut took = Vec::new();
        for number in 0..CHANGES {
            took.push(change(&app, &path, &said(&text, key, number)).await?);
        }
        took.sort();
        let at = |part: usize| took.get((took.len() * part / 100).min(took.len() - 1));
        let shown = [50, 99].map(|part| at(part).copied().unwrap_or_default().as_millis());
        writeln!(io::stdout(), "{name}: p50 {} ms, p99 {} ms", shown[0], shown[1])?;
    }
    app.stop(settings.shutdown).await.map_err(io::Error::other)
}

/// Returns the text with another value of a setting.
fn said(text: &str, key: &str, number: usize) -> String {
    let value = match key {
        "order_burst" => (11 + number).to_string(),
        _ => format!("[\"btc-updown-15m-\", \"x{number}-\"]"),
    };
    let begin = format!("{key} = ");
    let line = text.lines().find(|line| line.starts_with(&begin)).unwrap_or_default();
    text.replacen(line, &format!("{begin}{value}"), 1)
}

/// Saves the file, and returns how long it took until it is in force and runs.
async fn change(app: &App, path: &Path, text: &str) -> io::Result<Duration> {
    let id = STRATEGY.parse().map_err(io::Error::other)?;
    let version =
        config::strategy("", id, text).map_err(|all| io::Error::other(format!("{all:?}")));
    let version = version?.version;
    let began = Instant::now();
    fs::write(path, text)?;
    while began.elapsed() < WITHIN {
        let status = app.fresh().await;
        let runs = status.strategy(STRATEGY).is_some_and(|one| {
            version.starts_with(&one.config_version) && one.phase.name() == "running"
        });
        if runs {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(io::Error::other("a change was not in force in time"))
}
