//! The program under the kill test: the real binary, started, listened to, asked, and killed.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How long an answer, and an orderly end, may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(2);

/// A process of the program. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    began: Instant,
    /// Where its API answers, and after how long it was ready.
    ready: watch::Receiver<Option<(String, Duration)>>,
    reader: Option<JoinHandle<()>>,
}

/// What it is started with.
#[derive(Clone, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) folder: &'a Path,
    /// The address of the database, where it is on a server.
    pub(crate) server: Option<&'a str>,
    /// What fails on the way of its orders.
    pub(crate) failpoints: Option<String>,
}

impl Program {
    pub(crate) fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ploy"));
        for name in ["PLOY_URL", "PLOY_CONFIG", "PLOY_DATA", "PLOY_LISTEN", "PLOY_STORE_URL"] {
            command.env_remove(name);
        }
        command.envs(start.server.map(|url| ("PLOY_STORE_URL", url)));
        command.envs(start.failpoints.as_ref().map(|text| ("PLOY_FAILPOINTS", text)));
        command.current_dir(start.folder).args(["run", "--no-view", "--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let log = start.folder.join("log.jsonl");
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let began = Instant::now();
        let mut child = command.spawn()?;
        let said = BufReader::new(child.stderr.take().context("its standard error")?);
        let (tx, ready) = watch::channel(None);
        let reader = thread::spawn(move || listen(said, log, &tx, began));
        Ok(Self { child, began, ready, reader: Some(reader) })
    }

    /// Returns how long it has run.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns after how long it was ready; nothing when it ended before, or does not get ready in time.
    pub(crate) async fn ready(&mut self, within: Duration) -> Option<Duration> {
        let ready = tokio::time::timeout(within, self.ready.wait_for(Option::is_some)).await;
        let found = ready.ok()?.ok()?.clone();
        found.map(|(_, after)| after)
    }

    /// Returns its end, when it has ended.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end, so long.
    pub(crate) async fn wait(&mut self, within: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if until < Instant::now() {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills it without a warning, and returns when it is gone.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        Ok(())
    }

    /// Ends it in good order.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        self.terminate()?;
        match self.wait(WITHIN).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("told to end, it ended with {status}"),
            None => bail!("told to end, it did not within {WITHIN:?}"),
        }
    }

    /// Asks its API.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = client()?.get(self.url(path)?).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Tells its API.
    pub(crate) async fn post(&self, path: &str) -> anyhow::Result<()> {
        let body = json!({"actor": "the kill test", "reason": "to look at rest"});
        client()?.post(self.url(path)?).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    fn url(&self, path: &str) -> anyhow::Result<String> {
        let ready = self.ready.borrow();
        let (url, _) = ready.as_ref().context("it is not ready")?;
        Ok(format!("{url}/{path}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(WITHIN).build()?)
}

/// Keeps its log, and notes when it says that it is ready.
fn listen(
    said: BufReader<impl std::io::Read>,
    mut log: File,
    ready: &watch::Sender<Option<(String, Duration)>>,
    began: Instant,
) {
    for line in said.lines().map_while(Result::ok) {
        if line.contains("\"service.ready\"") {
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            let url = value.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
            ready.send_replace(Some((url, began.elapsed())));
        }
        // A disk that takes no log any more shows in what is missing of it.
        drop(writeln!(log, "{line}"));
    }
}
