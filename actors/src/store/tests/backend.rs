//! The same test on both databases: where its store is, and a shell to it past the store.

use std::rc::Rc;

use super::cluster::Cluster;
use super::*;

/// Runs each of these functions on a file, and all of them on a server.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            use super::Backend;
            $(#[tokio::test]
            async fn $name() {
                super::$name(Backend::file()).await;
            })+
        }
        mod on_postgres {
            use super::Backend;
            /// A server takes longer to make than most of these need, so they share one, each with its database.
            #[tokio::test]
            async fn all_of_them() {
                let Some(server) = Backend::server() else { return };
                $(eprintln!("{}", stringify!($name));
                super::$name(server.another(stringify!($name))).await;)+
            }
        }
    };
}
pub(super) use on_both;

/// Where the store of a test is.
pub(super) enum Backend {
    File { _folder: TempDir, path: PathBuf },
    Server { cluster: Rc<Cluster>, url: ServerUrl },
}

impl Backend {
    pub(super) fn file() -> Self {
        let (folder, path) = place();
        Self::File { _folder: folder, path }
    }

    /// Returns none where PostgreSQL is not installed, and that was said.
    pub(super) fn server() -> Option<Self> {
        let cluster = Rc::new(Cluster::start()?);
        let url = cluster.database("money").parse().unwrap();
        Some(Self::Server { cluster, url })
    }

    /// Returns a database of its own on the same server.
    pub(super) fn another(&self, test: &str) -> Self {
        let Self::Server { cluster, .. } = self else { panic!("a server") };
        let name: String = test.chars().take(60).collect();
        Self::Server { url: cluster.database(&name).parse().unwrap(), cluster: Rc::clone(cluster) }
    }

    /// Returns the server itself, which is this test's alone.
    pub(super) fn cluster(&mut self) -> &mut Cluster {
        let Self::Server { cluster, .. } = self else { panic!("a server") };
        Rc::get_mut(cluster).unwrap()
    }

    pub(super) fn location(&self) -> Location {
        match self {
            Self::File { path, .. } => Location::File(path.clone()),
            Self::Server { url, .. } => Location::Server(url.clone()),
        }
    }

    pub(super) async fn open(&self, id: &str) -> Store {
        Store::open_at(&self.location(), run(id)).await.unwrap()
    }

    /// An open database without a store on it.
    pub(super) async fn opened(&self, id: &str) -> Opened {
        match self {
            Self::File { path, .. } => {
                open::file(path, Some(&run(id)), &open::MIGRATIONS).await.unwrap()
            }
            Self::Server { url, .. } => {
                server::open(url, Some(&run(id)), &server::MIGRATIONS).await.unwrap()
            }
        }
    }

    /// Another connection to the same database, as a person's shell would have.
    pub(super) async fn shell(&self) -> Shell {
        Shell(match self {
            Self::File { path, .. } => Conn::Sqlite(Box::new(shell(path).await)),
            Self::Server { url, .. } => {
                Conn::Postgres(Box::new(url.options().connect().await.unwrap()))
            }
        })
    }

    /// What a database says of a table that is not there.
    pub(super) fn missing(&self, table: &str) -> String {
        match self {
            Self::File { .. } => format!("no such table: {table}"),
            Self::Server { .. } => format!("relation \"{table}\" does not exist"),
        }
    }
}

/// Another connection to the database of a store.
pub(super) struct Shell(Conn);

impl Shell {
    pub(super) async fn run(&mut self, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        match &mut self.0 {
            Conn::Sqlite(conn) => drop(conn.execute(text).await.unwrap()),
            Conn::Postgres(conn) => drop(sqlx::raw_sql(text).execute(&mut **conn).await.unwrap()),
        }
    }

    /// Keeps everybody else from writing until it is told `rollback`.
    pub(super) async fn block(&mut self) {
        match &self.0 {
            Conn::Sqlite(_) => self.run("begin immediate").await,
            Conn::Postgres(_) => {
                self.run("begin; lock table orders, errors in exclusive mode").await;
            }
        }
    }

    pub(super) async fn rows(&mut self, table: &str) -> i64 {
        let text = AssertSqlSafe(format!("select count(*) from {table}"));
        let (rows,) = sql(text).one::<(i64,)>(&mut self.0.link()).await.unwrap();
        rows
    }
}
