//! Opening the store: one owner of the file, known settings, the schema of this program, or a clear refusal.

use std::error::Error as StdError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ploy::status::Mode;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool, query, query_scalar};

use super::RunInfo;

/// The schema, as this program knows it.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long the database waits for somebody else's lock: a backup or a person's shell, not a second program.
const BUSY_WITHIN: Duration = Duration::from_secs(5);
/// Reads come from people and from starting strategies; more at once would only wait for the same disk.
const READERS_MAX: u32 = 4;

/// Why the store could not be opened. Each names the place and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not there and cannot be made.
    #[error("make the folder of the store {}: give the store another place, or make its folder", path.display())]
    Folder {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder or the file cannot be written.
    #[error("write the store {}: make its folder and its file writable for this user", path.display())]
    ReadOnly {
        /// The store's file.
        path: PathBuf,
        /// What the system or the database said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The file is something else, or damaged.
    #[error("read {} as a store: give the store another place, or restore this file from a backup", path.display())]
    NotADatabase {
        /// The store's file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A newer program has written it.
    #[error("the store {} has migration {version}, which this program does not know: start the newer program", path.display())]
    Newer {
        /// The store's file.
        path: PathBuf,
        /// The unknown migration.
        version: i64,
    },
    /// A migration was edited after it had been applied.
    #[error("the store {} had another migration {version} than this program: start the program that made it", path.display())]
    Changed {
        /// The store's file.
        path: PathBuf,
        /// The migration.
        version: i64,
    },
    /// Another process has it.
    #[error("the store {} is in use by another process: stop that one, or give this one another place", path.display())]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// Something else, such as a full disk.
    #[error("open the store {}", path.display())]
    Failed {
        /// The store's file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

/// An open database, with all that the store needs of it.
pub(super) struct Opened {
    /// The one connection that writes.
    pub(super) conn: SqliteConnection,
    /// The connections that read.
    pub(super) pool: SqlitePool,
    /// Held as long as the connection writes: no second process gets in.
    pub(super) lock: Option<File>,
    /// The highest number of a fact of this run.
    pub(super) last_seq: i64,
    /// Where it is, for people.
    pub(super) place: String,
}

/// Opens the file, makes it where it is missing, and removes it again where that fails half-way.
pub(super) async fn file(
    path: &Path,
    run: &RunInfo,
    migrations: &Migrator,
) -> Result<Opened, OpenError> {
    let path = &resolve(path)?;
    let lock = Some(lock(path)?);
    let existed = path.exists();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    match database(options, run, migrations).await {
        Ok((conn, pool, last_seq)) => {
            Ok(Opened { conn, pool, lock, last_seq, place: path.display().to_string() })
        }
        Err(error) => {
            if !existed {
                remove(path);
            }
            Err(classify(path, error))
        }
    }
}

/// Opens a database that lives as long as its connections.
pub(super) async fn in_memory(run: &RunInfo) -> Result<Opened, OpenError> {
    // The leading slash is what lets several connections of this process share it.
    let path = PathBuf::from(format!("/{}", uuid::Uuid::now_v7()));
    let options = SqliteConnectOptions::new().filename(&path).vfs("memdb").create_if_missing(true);
    let (conn, pool, last_seq) =
        database(options, run, &MIGRATIONS).await.map_err(|error| classify(&path, error))?;
    Ok(Opened { conn, pool, lock: None, last_seq, place: "memory".to_owned() })
}

async fn database(
    options: SqliteConnectOptions,
    run: &RunInfo,
    migrations: &Migrator,
) -> Result<(SqliteConnection, SqlitePool, i64), sqlx::Error> {
    let options = options
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_WITHIN)
        .disable_statement_logging();
    let mut conn = options.connect().await?;
    match prepare(&mut conn, run, migrations).await {
        Ok(last_seq) => {
            let pool = SqlitePoolOptions::new()
                .max_connections(READERS_MAX)
                .acquire_timeout(BUSY_WITHIN)
                .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "1"));
            Ok((conn, pool, last_seq))
        }
        Err(error) => {
            // The first failure is the one to tell.
            drop(conn.close().await);
            Err(error)
        }
    }
}

/// Brings the schema up to date, writes the run, and returns the highest number of a fact of this run.
async fn prepare(
    conn: &mut SqliteConnection,
    run: &RunInfo,
    migrations: &Migrator,
) -> Result<i64, sqlx::Error> {
    const RUN: &str = "insert into runs (run, number, started_at, version, mode, title) \
         select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 from runs where true \
         on conflict (run) do nothing";
    const LAST_SEQ: &str = "select cast(coalesce(max(seq), 0) as bigint) from ( \
         select max(seq) as seq from orders where run = $1 \
         union all select max(seq) from order_events where run = $1 \
         union all select max(seq) from fills where run = $1 \
         union all select max(seq) from settlements where run = $1 \
         union all select max(seq) from decisions where run = $1 \
         union all select max(seq) from risk_events where run = $1 \
         union all select max(seq) from lifecycle where run = $1 \
         union all select max(seq) from errors where run = $1 \
         union all select max(seq) from commands where run = $1 \
         union all select max(seq) from strategies where run = $1 \
         union all select max(seq) from config_versions where run = $1 \
         union all select max(seq) from process_events where run = $1) as facts";
    migrations.run(&mut *conn).await?;
    query(RUN)
        .bind(run.id.clone())
        .bind(run.started_at.micros())
        .bind(run.version.clone())
        .bind(mode(run.mode))
        .bind(run.title.clone())
        .execute(&mut *conn)
        .await?;
    query_scalar(LAST_SEQ).bind(run.id.clone()).fetch_one(conn).await
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Paper => "paper",
    }
}

/// Makes the folder, and returns the one path of the file, so that two names of it share one lock.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let folder = |source| OpenError::Folder { path: path.to_owned(), source };
    let name = path
        .file_name()
        .filter(|_| !path.is_dir())
        .ok_or_else(|| folder(io::ErrorKind::IsADirectory.into()))?;
    let absolute = std::path::absolute(path).map_err(folder)?;
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent)
        .map_err(|error| if is_denied(&error) { read_only(path, error) } else { folder(error) })?;
    match fs::canonicalize(&absolute) {
        Ok(path) => Ok(path),
        Err(_) => Ok(fs::canonicalize(parent).map_err(folder)?.join(name)),
    }
}

/// Takes the lock that keeps a second process out. Its file stays: removing it would let two in.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(name).map_err(|error| {
            if is_denied(&error) { read_only(path, error) } else { failed(path, error) }
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(path, error)),
    }
}

/// Removes a database that was begun and not finished, with what the database keeps beside it.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(&name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let file = name.display();
                tracing::warn!(%file, %error, "an unfinished store could not be removed");
            }
        }
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn failed(path: &Path, source: impl Into<sqlx::Error>) -> OpenError {
    OpenError::Failed { path: path.to_owned(), source: source.into() }
}

fn read_only(path: &Path, source: impl Into<Box<dyn StdError + Send + Sync>>) -> OpenError {
    OpenError::ReadOnly { path: path.to_owned(), source: source.into() }
}

/// Says what a failure of the database means for the one who starts the program.
pub(super) fn classify(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    if let sqlx::Error::Migrate(migrate) = &error {
        if let MigrateError::VersionMissing(version) = **migrate {
            return OpenError::Newer { path, version };
        }
        if let MigrateError::VersionMismatch(version) = **migrate {
            return OpenError::Changed { path, version };
        }
    }
    // The low byte is the kind of failure; the rest tells its sort.
    match code(&error).map(|code| code & 0xff) {
        Some(5 | 6) => OpenError::Locked { path },
        Some(8) => read_only(&path, error),
        Some(11 | 26) => OpenError::NotADatabase { path, source: error },
        Some(_) | None => OpenError::Failed { path, source: error },
    }
}

/// Returns the database's own number of a failure.
fn code(error: &sqlx::Error) -> Option<u32> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(sqlx::Error::Database(database)) = error.downcast_ref() {
            return database.code()?.parse().ok();
        }
        if let Some(migrate) = error.downcast_ref::<Box<MigrateError>>() {
            cause = Some(&**migrate);
            continue;
        }
        cause = error.source();
    }
    None
}
