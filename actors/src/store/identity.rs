//! Whether the files that a store writes still have their names: a file that was deleted or replaced goes on taking writes, and
//! all that it took is gone with the process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Executor as _};

use super::sql::Conn;

/// What the database and the owner keep beside the file, and the file itself.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// The files of a store as they were when it was opened.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    found: Vec<(PathBuf, Id)>,
    said: Option<String>,
}

/// What makes a file the same: its device, and its number there.
type Id = (u64, u64);

impl Files {
    /// Notes the files of the open store at this path.
    ///
    /// # Errors
    /// When one of them is not there or cannot be looked at.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let all = ENDINGS.into_iter().map(|ending| {
            let path = beside(path, ending);
            id(&path).map(|id| (path, id))
        });
        let found = all.collect::<io::Result<_>>()?;
        Ok(Self { path: path.to_owned(), found, said: None })
    }

    /// Returns the folder of the store.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Returns the first file that has lost its name. It costs four looks at the folder, some microseconds.
    pub(super) fn lost(&self) -> Option<&Path> {
        self.found.iter().find(|(path, was)| id(path).ok() != Some(*was)).map(|(path, _)| &**path)
    }

    /// Returns what to say of a store whose file is lost. The first time all that was acknowledged is copied to a file of its
    /// own: the connection still reaches it, the next process will not.
    pub(super) async fn rescue(&mut self, lost: &Path, conn: &mut Conn) -> String {
        if let Some(said) = &self.said {
            return said.clone();
        }
        let rescued = self.free_name();
        let copied = match conn {
            Conn::Sqlite(conn) => copy(conn, &rescued).await,
            Conn::Postgres(_) => Err("a server has no file here".to_owned()),
        };
        let rescued = rescued.display();
        let how = match copied {
            Ok(()) => format!("all that was acknowledged is in {rescued}"),
            Err(why) => format!("no copy could be made in {rescued} ({why})"),
        };
        let said = format!(
            "{} was deleted or replaced under the running service: nothing is written any more; {how}. \
             Put the file itself back, or end the service, put that copy in place as {}, remove what stands \
             beside it as -wal and -shm, and start again",
            lost.display(),
            self.path.display(),
        );
        self.said.insert(said).clone()
    }

    /// Notes that all files are in their places again: what is lost next is told and copied anew.
    pub(super) fn found_again(&mut self) {
        self.said = None;
    }

    /// Returns a name for the copy that nothing has yet.
    fn free_name(&self) -> PathBuf {
        let names = (1_u32..).map(|number| beside(&self.path, &format!(".rescued-{number}")));
        names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| self.path.clone())
    }
}

/// Returns how many bytes a process may still write in this folder, where the system tells it.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

async fn copy(conn: &mut sqlx::SqliteConnection, to: &Path) -> Result<(), String> {
    let text = to.display().to_string().replace('\'', "''");
    let copied = conn.execute(AssertSqlSafe(format!("vacuum into '{text}'"))).await;
    copied.map_err(|error| super::chain(&error))?;
    // The database does not wait for the disk here.
    File::open(to).and_then(|file| file.sync_all()).map_err(|error| error.to_string())
}

fn id(path: &Path) -> io::Result<Id> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
