//! What the tests share: the repository's files, tapes, scripted strategies, the service, the program.

pub(crate) mod exchange;
pub(crate) mod feeder;
pub(crate) mod program;
pub(crate) mod recorder;
pub(crate) mod script;
pub(crate) mod service;
pub(crate) mod tape;

use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::settings::{self, Overrides, Settings};
use ploy::config::StrategyConfig;
use ploy::order::StrategyId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, FromRow, SqliteConnection};

/// How long anything may take to become true: far more than it needs on a busy machine, and never waited for
/// where it is true before.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
/// How often is looked whether it has become true.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// Returns a path of the repository.
pub(crate) fn repo(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(name)
}

/// Returns the shipped settings.
pub(crate) fn settings() -> Settings {
    settings::load(&repo("config"), Overrides::default()).unwrap()
}

/// Returns the settings of the shipped strategy `split_arb_legged`, the one that trades most.
pub(crate) fn legged() -> StrategyConfig {
    shipped("split_arb_legged")
}

/// Returns the settings of a shipped strategy.
pub(crate) fn shipped(name: &str) -> StrategyConfig {
    settings().strategies.into_iter().find(|config| config.id == id(name)).unwrap()
}

/// Returns the id of this name.
pub(crate) fn id(name: &str) -> StrategyId {
    name.parse().unwrap()
}

/// Returns a folder that goes when it is dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Opens a second connection to the database of a service.
pub(crate) async fn database(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).foreign_keys(false).connect().await.unwrap()
}

/// Reads the database of a service past its store.
pub(crate) async fn rows<T>(path: &Path, sql: &'static str) -> Vec<T>
where
    T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
{
    sqlx::query_as(sql).fetch_all(&mut database(path).await).await.unwrap()
}
