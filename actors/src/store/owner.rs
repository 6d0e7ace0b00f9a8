//! Who may write: one process alone, by a lock on the file, or by a lock and a number on the server.
//!
//! The lock of a session is gone the moment its connection is cut, and its holder may not have noticed. So whoever
//! takes the store counts its epoch up, and every transaction on a server first reads the epoch in a way that holds it
//! still: one that is not the own one means that somebody else has written meanwhile, and nothing is written any more.

use std::fs::File;
use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, Row as _, raw_sql};

use super::joined::{self, Script};
use super::sql::Conn;

/// How long a server may take to let somebody in.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What keeps a second writer out.
#[derive(Debug)]
pub(super) enum Owner {
    /// Nobody else can reach the database.
    Alone,
    /// Let go after the connection is closed.
    File(#[expect(dead_code, reason = "dropping it is what counts")] File),
    /// The connection's own lock, and the epoch.
    Server(Session),
}

/// How the writer gets in again when its connection was cut.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) options: Box<PgConnectOptions>,
    /// How often the store was opened to write, this time included.
    pub(super) epoch: i64,
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The database refused, or cannot be reached.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// Somebody else has the lock. It may be the connection that was cut, which the server has not noticed yet.
    #[error("another process has the store")]
    Locked,
    /// Somebody else has written: what is known here may not be true any more.
    #[error("another process has taken the store over: this one writes nothing any more, end it")]
    TakenOver,
    /// The file has no name any more: what is written would be gone with this process.
    #[error("{0}")]
    Lost(String),
}

impl Owner {
    /// Begins a transaction that writes. A connection to a server that was cut since the last one is made anew:
    /// nothing was on its way, so nobody need be told.
    pub(super) async fn begin(&self, slot: &mut Option<Conn>) -> Result<(), Refused> {
        let Self::Server(session) = self else {
            let conn = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
            return Ok(conn.link().run("begin immediate").await?);
        };
        if let Some(Conn::Postgres(conn)) = slot {
            match session.begin(conn).await {
                Err(Refused::Sql(error)) if is_cut(&error) => *slot = None,
                begun => return begun,
            }
        }
        let mut conn = session.enter().await?;
        let begun = session.begin(&mut conn).await;
        *slot = Some(Conn::Postgres(Box::new(conn)));
        begun
    }

    /// Writes all of a script in a transaction of its own. After an error the transaction may be open.
    pub(super) async fn write(
        &self,
        slot: &mut Option<Conn>,
        script: Script,
    ) -> Result<(), Refused> {
        if let Some(Conn::Sqlite(conn)) = slot {
            return Ok(script.commit(conn).await?);
        }
        self.begin(slot).await?;
        let conn = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let mut link = conn.link();
        script.run(&mut link).await?;
        Ok(link.run("commit").await?)
    }
}

impl Refused {
    /// Tells whether a row was refused because there is one of its key already.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Sql(error) => joined::is_there(error),
            Self::Locked | Self::TakenOver | Self::Lost(_) => false,
        }
    }

    /// Tells whether the connection to a server is of no use any more.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Sql(error) => is_cut(error),
            Self::Locked | Self::TakenOver | Self::Lost(_) => false,
        }
    }
}

fn is_cut(error: &sqlx::Error) -> bool {
    match error.as_database_error() {
        // The server ends, or was told to end this connection.
        Some(said) => said.code().is_some_and(|code| code.starts_with("57P")),
        None => true,
    }
}

impl Session {
    /// Connects and takes the lock, where nobody else has it.
    async fn enter(&self) -> Result<PgConnection, Refused> {
        let mut conn = connect(&self.options).await?;
        if take(&mut conn).await? { Ok(conn) } else { Err(Refused::Locked) }
    }

    /// Begins a transaction, and holds the epoch still until it ends.
    async fn begin(&self, conn: &mut PgConnection) -> Result<(), Refused> {
        // Both in one message: nothing is gained by waiting between them.
        const BEGIN: &str = "begin; select epoch from writer where one = 1 for share";
        let read = raw_sql(BEGIN).fetch_all(conn);
        let rows = tokio::time::timeout(CONNECT_WITHIN, read).await.map_err(late)??;
        let epoch: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
        if epoch == Some(self.epoch) { Ok(()) } else { Err(Refused::TakenOver) }
    }
}

/// Connects with what the store needs of a session: a commit returns when it is on the disk, no lock is waited for
/// for ever, and a server notices when this end is gone.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let options = options.clone().options([
        ("synchronous_commit", "on"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "60s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    tokio::time::timeout(CONNECT_WITHIN, options.connect()).await.map_err(late)?
}

/// Takes the lock that keeps a second process out, and tells whether it was free. The connection of a process that
/// has just died may have it for an instant.
pub(super) async fn take(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const TAKE: &str = "set lock_timeout = '2s'; \
         select pg_advisory_lock(hashtext('ploy store'), hashtext(current_schema())); \
         set lock_timeout = '5s'";
    match raw_sql(TAKE).execute(conn).await {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => Ok(false),
        Err(error) => Err(error),
    }
}

fn late(_: tokio::time::error::Elapsed) -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
}
