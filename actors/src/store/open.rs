//! Opening the store: one owner of the file, known settings, the schema of this program, or a clear refusal.

use std::error::Error as StdError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::RunInfo;
use super::audit::Chain;
use super::identity::Files;
use super::location::Location;
use super::owner::{self, Owner};
use super::runs::{self, Entered};
use super::sql::{Conn, Pool, sql};

/// The schema, as this program knows it.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// The highest number of a fact of a run, of all tables that number their rows.
pub(super) const LAST_SEQ: &str = "select cast(coalesce(max(seq), 0) as bigint) from ( \
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
     union all select max(seq) from process_events where run = $1 \
     union all select max(seq) from gates where run = $1 \
     union all select max(seq) from config_history where run = $1 \
     union all select max(seq) from rollouts where run = $1 \
     union all select max(seq) from account_standings where run = $1) as facts";

/// How long the database waits for somebody else's lock: a backup or a person's shell, not a second program.
const BUSY_WITHIN: Duration = Duration::from_secs(5);
/// Reads come from people and from starting strategies; more at once would only wait for the same disk.
const READERS_MAX: u32 = 4;

/// Why the store could not be opened. Each names the place and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not there and cannot be made.
    #[error(
        "make the folder of the store {place}: give the store another place, or make its folder"
    )]
    Folder {
        /// Where the store is.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder or the file cannot be written.
    #[error("write the store {place}: make its folder and its file writable for this user")]
    ReadOnly {
        /// Where the store is.
        place: String,
        /// What the system or the database said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The file is something else, or damaged.
    #[error(
        "read {place} as a store: give the store another place, or restore this file from a backup"
    )]
    NotADatabase {
        /// Where the store is.
        place: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A newer program has written it.
    #[error(
        "the store {place} has migration {version}, which this program does not know: start the newer program"
    )]
    Newer {
        /// Where the store is.
        place: String,
        /// The unknown migration.
        version: i64,
    },
    /// A migration was edited after it had been applied.
    #[error(
        "the store {place} had another migration {version} than this program: start the program that made it"
    )]
    Changed {
        /// Where the store is.
        place: String,
        /// The migration.
        version: i64,
    },
    /// Another process has it.
    #[error(
        "the store {place} is in use by another process: stop that one, or give this one another place"
    )]
    Locked {
        /// Where the store is.
        place: String,
    },
    /// Something else, such as a full disk.
    #[error("open the store {place}")]
    Failed {
        /// Where the store is.
        place: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not answer, or does not let this user in.
    #[error(
        "reach the store {place}: does the server run, and do address, user, password and database fit?"
    )]
    Unreachable {
        /// Where the store is.
        place: String,
        /// What the system or the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The server answers before its disk has what it was given.
    #[error(
        "the store {place} is on a server with fsync off, which can lose what it acknowledged: turn it on"
    )]
    NotDurable {
        /// Where the store is.
        place: String,
    },
    /// The server takes no writes of this user.
    #[error(
        "write the store {place}: let this user make tables there, and let the server take writes"
    )]
    Forbidden {
        /// Where the store is.
        place: String,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
}

/// An open database, with all that the store needs of it.
pub(super) struct Opened {
    /// The one connection that writes.
    pub(super) conn: Conn,
    /// The connections that read.
    pub(super) pool: Pool,
    /// The files as they are now, where the database is one.
    pub(super) files: Option<Files>,
    /// Held as long as the connection writes: no second process gets in.
    pub(super) owner: Owner,
    /// The run, and how it was come to; absent where a tool opens it.
    pub(super) entered: Option<Entered>,
    /// The highest number of a fact of this run.
    pub(super) last_seq: i64,
    /// What the writer knows of the audit chain.
    pub(super) chain: Chain,
    /// Where it is, for people.
    pub(super) place: String,
    /// A paused clock of a test is to stand still while it works.
    pub(super) holds: bool,
}

/// What is known of a database once it is ready.
pub(super) struct Prepared {
    pub(super) entered: Option<Entered>,
    pub(super) last_seq: i64,
    /// How often the store was opened to write.
    pub(super) epoch: i64,
    pub(super) chain: Chain,
}

/// Opens the file, makes it where it is missing, and removes it again where that fails half-way.
pub(super) async fn file(
    path: &Path,
    run: Option<&RunInfo>,
    migrations: &Migrator,
) -> Result<Opened, OpenError> {
    let path = &resolve(path)?;
    let owner = Owner::File(lock(path)?);
    let existed = path.exists();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    match database(options, run, migrations).await {
        Ok((conn, pool, Prepared { entered, last_seq, chain, .. })) => {
            let place = path.display().to_string();
            let files = Some(Files::of(path).map_err(|error| failed(path, error))?);
            Ok(Opened { conn, pool, files, owner, entered, last_seq, chain, place, holds: false })
        }
        Err(error) => {
            if !existed {
                remove(path);
            }
            Err(classify(path, error))
        }
    }
}

/// Opens a connection that only reads, for tools; a service may run on the database meanwhile.
pub(super) async fn reader(location: &Location) -> Result<Conn, sqlx::Error> {
    match location {
        Location::File(path) => {
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            let options = options.busy_timeout(BUSY_WITHIN).disable_statement_logging();
            Ok(Conn::Sqlite(Box::new(options.connect().await?)))
        }
        Location::Server(url) => {
            let options = url.options().options([("default_transaction_read_only", "on")]);
            Ok(Conn::Postgres(Box::new(owner::connect(&options).await?)))
        }
    }
}

/// Opens a database that lives as long as its connections.
pub(super) async fn in_memory(run: &RunInfo) -> Result<Opened, OpenError> {
    // The leading slash is what lets several connections of this process share it.
    let path = PathBuf::from(format!("/{}", uuid::Uuid::now_v7()));
    let options = SqliteConnectOptions::new().filename(&path).vfs("memdb").create_if_missing(true);
    let opened = database(options, Some(run), &MIGRATIONS).await;
    let (conn, pool, prepared) = opened.map_err(|error| classify(&path, error))?;
    let Prepared { entered, last_seq, chain, .. } = prepared;
    let (place, owner) = ("memory".to_owned(), Owner::Alone);
    Ok(Opened { conn, pool, files: None, owner, entered, last_seq, chain, place, holds: true })
}

async fn database(
    options: SqliteConnectOptions,
    run: Option<&RunInfo>,
    migrations: &Migrator,
) -> Result<(Conn, Pool, Prepared), sqlx::Error> {
    let options = options
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_WITHIN)
        .disable_statement_logging();
    let mut conn = Conn::Sqlite(Box::new(options.connect().await?));
    match prepare(&mut conn, run, migrations).await {
        Ok(prepared) => {
            let pool = SqlitePoolOptions::new()
                .max_connections(READERS_MAX)
                .acquire_timeout(BUSY_WITHIN)
                .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "1"));
            Ok((conn, Pool::Sqlite(pool), prepared))
        }
        Err(error) => {
            // The first failure is the one to tell.
            drop(conn.close().await);
            Err(error)
        }
    }
}

/// Brings the schema up to date and comes to a run, an earlier one or a new one; the audit chain tells of it.
pub(super) async fn prepare(
    conn: &mut Conn,
    run: Option<&RunInfo>,
    migrations: &Migrator,
) -> Result<Prepared, sqlx::Error> {
    const EPOCH: &str = "insert into writer (one, epoch, run) values (1, 1, $1) \
         on conflict (one) do update set epoch = writer.epoch + 1, run = excluded.run \
         returning epoch";
    match conn {
        Conn::Sqlite(conn) => migrations.run(&mut **conn).await?,
        Conn::Postgres(conn) => migrations.run(&mut **conn).await?,
    }
    let link = &mut conn.link();
    link.run("begin").await?;
    let entered = match run {
        Some(run) => Some(runs::enter(link, run).await?),
        None => None,
    };
    let id = entered.as_ref().map_or("", |entered| &*entered.run);
    let (epoch,) = sql(EPOCH).bind(id).one::<(i64,)>(link).await?;
    let (last_seq,) = sql(LAST_SEQ).bind(id).one::<(i64,)>(link).await?;
    let chain = match (run, &entered) {
        (Some(run), Some(entered)) => Chain::open(link, run, &entered.run).await?,
        (Some(_) | None, _) => Chain::default(),
    };
    link.run("commit").await?;
    Ok(Prepared { entered, last_seq, epoch, chain })
}

/// Makes the folder, and returns the one path of the file, so that two names of it share one lock.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let folder = |source| OpenError::Folder { place: shown(path), source };
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
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(name).map_err(|error| {
            if is_denied(&error) { read_only(path, error) } else { failed(path, error) }
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { place: shown(path) }),
        Err(TryLockError::Error(error)) => Err(failed(path, error)),
    }
}

/// Removes a database that was begun and not finished, with what the database keeps beside it.
pub(super) fn remove(path: &Path) {
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
    OpenError::Failed { place: shown(path), source: source.into() }
}

fn read_only(path: &Path, source: impl Into<Box<dyn StdError + Send + Sync>>) -> OpenError {
    OpenError::ReadOnly { place: shown(path), source: source.into() }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Says what a failure of the database means for the one who starts the program.
pub(super) fn classify(path: &Path, error: sqlx::Error) -> OpenError {
    let place = shown(path);
    if let Some(known) = unfit(&place, &error) {
        return known;
    }
    // The low byte is the kind of failure; the rest tells its sort.
    match code(&error).and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(5 | 6) => OpenError::Locked { place },
        Some(8) => read_only(path, error),
        Some(11 | 26) => OpenError::NotADatabase { place, source: error },
        Some(_) | None => OpenError::Failed { place, source: error },
    }
}

/// Says whether another program made the schema.
pub(super) fn unfit(place: &str, error: &sqlx::Error) -> Option<OpenError> {
    let sqlx::Error::Migrate(migrate) = error else { return None };
    let place = place.to_owned();
    if let MigrateError::VersionMissing(version) = **migrate {
        return Some(OpenError::Newer { place, version });
    }
    if let MigrateError::VersionMismatch(version) = **migrate {
        return Some(OpenError::Changed { place, version });
    }
    None
}

/// Returns the database's own code of a failure.
pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(sqlx::Error::Database(database)) = error.downcast_ref() {
            return database.code().map(String::from);
        }
        if let Some(migrate) = error.downcast_ref::<Box<MigrateError>>() {
            cause = Some(&**migrate);
            continue;
        }
        cause = error.source();
    }
    None
}
