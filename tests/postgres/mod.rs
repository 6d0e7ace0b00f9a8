//! A PostgreSQL server of a test's own: in a folder that goes with it, reached by a socket in that folder alone.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stderr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

/// How often a server is started anew while its predecessor's processes are still on their way out.
const STARTS_MAX: usize = 200;

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    server: Option<Server>,
}

/// The process that takes connections, and the thread that reads what it and all its processes say: it ends when the
/// last of them has ended.
#[derive(Debug)]
struct Server {
    process: Child,
    said: JoinHandle<()>,
}

impl Cluster {
    /// Starts a server, where PostgreSQL is installed. Where it is not, that is said past the test runner's capture;
    /// under CI it must be there.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is needed: install postgresql");
            stderr().write_all(b"SKIPPED: no PostgreSQL\n").unwrap();
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let mut cluster = Self { folder, programs, server: None };
        let data = cluster.data();
        succeed(
            cluster
                .command("initdb")
                .arg("--pgdata")
                .arg(data)
                .args(["--username=ploy", "--auth=trust", "--encoding=UTF8", "--no-locale"])
                .args(["--no-sync", "--wal-segsize=1"]),
        );
        cluster.restart();
        Some(cluster)
    }

    /// Returns the address of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?host={}&user=ploy", self.folder.path().display())
    }

    /// Makes a database, and returns its address.
    pub(crate) fn database(&self, name: &str) -> String {
        let folder = self.folder.path();
        succeed(self.command("createdb").arg("-h").arg(folder).args([
            "-U",
            "ploy",
            "-T",
            "template0",
            name,
        ]));
        self.url(name)
    }

    /// Ends the server without a warning. Its processes notice one after the other; when this returns they are gone.
    pub(crate) fn kill(&mut self) {
        let Server { mut process, said } = self.server.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        said.join().unwrap();
    }

    /// Starts the server on what it has on its disk, and returns when it takes connections.
    pub(crate) fn restart(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let mut said = Vec::new();
        for _ in 0..STARTS_MAX {
            match self.try_start() {
                Ok(server) => {
                    self.server = Some(server);
                    return;
                }
                Err(last) => said = last,
            }
        }
        panic!("PostgreSQL does not start:\n{}", said.join("\n"));
    }

    /// Starts the server; where it ends instead, returns what it said.
    fn try_start(&self) -> Result<Server, Vec<String>> {
        let (data, socket) = (self.data(), self.folder.path().display().to_string());
        let mut process = self
            .command("postgres")
            .arg("-D")
            .arg(data)
            .args(["-c", "listen_addresses=", "-c", &format!("unix_socket_directories={socket}")])
            .args(["-c", "shared_buffers=8MB", "-c", "max_connections=40"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if line.contains("database system is ready to accept connections") {
                // What it says later must not fill the pipe.
                let said = thread::spawn(move || lines.for_each(drop));
                return Ok(Server { process, said });
            }
            said.push(line);
        }
        process.wait().unwrap();
        Err(said)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of its programs. PostgreSQL refuses to run as root, and is to end where the test ends without a word.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.arg("--pdeathsig=QUIT").arg("--").arg(self.programs.join(program));
        command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(Server { mut process, .. }) = self.server.take() else { return };
        // At once, but so that what it shares with its processes is cleaned up.
        let told = Command::new("kill").arg("-QUIT").arg(process.id().to_string()).status();
        if !told.is_ok_and(|status| status.success()) {
            drop(process.kill());
        }
        drop(process.wait());
    }
}

/// Returns the folder of the newest installed server.
fn programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    newest.or(in_path).filter(|folder| folder.join("postgres").is_file())
}

fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).is_ok_and(|own| own.uid() == 0)
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}
