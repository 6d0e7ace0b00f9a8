//! Opening the store on a PostgreSQL server: one writer, durable commits, the schema of this program, or a refusal.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, query_scalar};

use super::RunInfo;
use super::location::ServerUrl;
use super::open::{self, OpenError, Opened};
use super::owner::{self, Owner, Session};
use super::sql::{Conn, Pool};

/// The schema, as this program knows it. It is the one of the embedded database, in the server's words.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Reads come from people and from starting strategies.
const READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const READER_WITHIN: Duration = Duration::from_secs(5);

/// Opens the database for writing, and keeps every other process from that.
pub(super) async fn open(
    url: &ServerUrl,
    run: Option<&RunInfo>,
    migrations: &Migrator,
) -> Result<Opened, OpenError> {
    let place = url.to_string();
    let options = url.options().application_name("ploy");
    let conn = owner::connect(&options).await;
    let mut conn = conn.map_err(|error| classify(&place, error))?;
    if !owner::take(&mut conn).await.map_err(|error| classify(&place, error))? {
        return Err(OpenError::Locked { place });
    }
    if !is_durable(&mut conn).await.map_err(|error| classify(&place, error))? {
        return Err(OpenError::NotDurable { place });
    }
    let mut conn = Conn::Postgres(Box::new(conn));
    let prepared = open::prepare(&mut conn, run, migrations).await;
    let open::Prepared { entered, last_seq, epoch, chain } =
        prepared.map_err(|error| classify(&place, error))?;
    let readers = options.clone().options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "5s"),
        ("tcp_keepalives_idle", "10"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(READER_WITHIN)
        .connect_lazy_with(readers);
    let owner = Owner::Server(Session { options: Box::new(options), epoch });
    let pool = Pool::Postgres(pool);
    Ok(Opened { conn, pool, files: None, owner, entered, last_seq, chain, place, holds: false })
}

/// Tells whether a commit is on the server's disk when it returns.
async fn is_durable(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const FSYNC: &str = "select current_setting('fsync')";
    Ok(query_scalar::<_, String>(FSYNC).fetch_one(conn).await? == "on")
}

/// Says what a failure of the server means for the one who starts the program.
pub(super) fn classify(place: &str, error: sqlx::Error) -> OpenError {
    if let Some(known) = open::unfit(place, &error) {
        return known;
    }
    let place = place.to_owned();
    match open::code(&error).as_deref() {
        // A standby, a read-only session, a user without rights.
        Some("25006" | "42501") => OpenError::Forbidden { place, source: error },
        // The password, the user, the database; or the server starts or ends.
        Some(code) if ["28", "3D", "57", "53"].iter().any(|class| code.starts_with(class)) => {
            OpenError::Unreachable { place, source: error }
        }
        Some(_) => OpenError::Failed { place, source: error },
        None if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_)) => {
            OpenError::Unreachable { place, source: error }
        }
        None => OpenError::Failed { place, source: error },
    }
}
