//! The program under the soak: started in a folder of its own, asked over its API, measured from outside.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

/// How often each shipped strategy is there, under other names.
const COPIES: u32 = 4;
/// Played at this speed, the shipped tapes last longer than ten minutes.
const SPEED: &str = "20x";
/// How long the program may take to be ready, and to end.
const WITHIN: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// The program. Dropped, it is killed.
pub(crate) struct Service {
    child: Child,
    client: reqwest::Client,
    url: String,
    folder: tempfile::TempDir,
}

/// What the process takes at an instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) resident_kib: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
    pub(crate) tasks: u64,
    pub(crate) events: u64,
}

/// How a strategy ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Whether that is how one may end.
    pub(crate) is_fine: bool,
    /// It, in one line.
    pub(crate) told: String,
}

impl Service {
    /// Starts it with several copies of every shipped strategy, and waits until it is ready.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        settings(folder.path())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = File::create(folder.path().join("log.jsonl"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_ploy"))
            .current_dir(folder.path())
            .args(["run", "--speed", SPEED, "--no-view", "--listen", &address.to_string()])
            // As container and unit set it: what drills took and gave back is not to be taken for a leak.
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?;
        let mut service = Self { child, client, url: format!("http://{address}"), folder };
        let until = Instant::now() + WITHIN;
        while service.text("readyz").await.is_err() {
            service.is_alive()?;
            ensure!(Instant::now() < until, "it is not ready:\n{}", service.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(service)
    }

    /// Returns the folder of the strategies' files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("config/strategies")
    }

    /// Fails when the process has ended.
    pub(crate) fn is_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it has ended, {status}:\n{}", self.log()),
        }
    }

    /// Asks for something. A refusal (4xx) is an answer, too; what is no answer is an error.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<bool> {
        let answer = self.client.post(format!("{}/{path}", self.url)).json(body).send().await?;
        let status = answer.status();
        ensure!(!status.is_server_error() || status == 503, "{path}: {status}");
        Ok(status.is_success())
    }

    /// Asks a strategy's manager for something, with the soak as who asks.
    pub(crate) async fn command(&self, strategy: &str, action: &str) -> anyhow::Result<bool> {
        let body = json!({"actor": "soak", "reason": "soak"});
        self.post(&format!("v1/strategies/{strategy}/{action}"), &body).await
    }

    /// Returns how every strategy is.
    pub(crate) async fn strategies(&self) -> anyhow::Result<Vec<Value>> {
        let status: Value = serde_json::from_str(&self.text("v1/status").await?)?;
        Ok(status.get("strategies").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Returns how every strategy has ended.
    pub(crate) async fn ends(&self) -> anyhow::Result<Vec<End>> {
        let word = |one: &Value, key: &str| {
            one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let end = |one: &Value| {
            let (id, phase, cause) = (word(one, "id"), word(one, "phase"), word(one, "cause"));
            let restarts = one.get("restarts").map(ToString::to_string).unwrap_or_default();
            let is_fine = phase == "running" || (phase == "halted" && !cause.is_empty());
            End { is_fine, told: format!("{id:<26} {phase:<8} restarts {restarts} {cause}") }
        };
        Ok(self.strategies().await?.iter().map(end).collect())
    }

    /// Measures the process.
    pub(crate) async fn sample(&self) -> anyhow::Result<Sample> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = fs::read_to_string(process.join("status"))?;
        let line = |name: &str| {
            let text = status.lines().find_map(|line| line.strip_prefix(name));
            text.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let files = u64::try_from(fs::read_dir(process.join("fd"))?.count())?;
        let metrics = self.text("metrics").await?;
        let sum = |name: &str| {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        Ok(Sample {
            resident_kib: line("VmRSS:"),
            files,
            threads: line("Threads:"),
            tasks: sum("ploy_runtime_tasks"),
            events: sum("ploy_feed_messages_total"),
        })
    }

    /// Ends it in good order.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(told.success(), "it could not be told to end");
        let until = Instant::now() + WITHIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "it ended with {status}:\n{}", self.log());
                return Ok(());
            }
            ensure!(Instant::now() < until, "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn text(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.client.get(format!("{}/{path}", self.url)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// Returns the end of its log.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log.jsonl")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Copies the shipped settings and tapes, and every strategy under several names.
fn settings(folder: &Path) -> anyhow::Result<()> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let (config, strategies) = (folder.join("config"), folder.join("config/strategies"));
    fs::create_dir_all(&strategies)?;
    std::os::unix::fs::symlink(fs::canonicalize(shipped.join("tapes"))?, config.join("tapes"))?;
    fs::copy(shipped.join("ploy.toml"), config.join("ploy.toml"))?;
    for entry in fs::read_dir(shipped.join("strategies"))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).context("a file's name")?;
        for copy in 1..=COPIES {
            fs::copy(&path, strategies.join(format!("{stem}_{copy}.toml")))?;
        }
    }
    drills(&shipped, &strategies)
}

/// Writes strategies that fail on purpose, and whose hangs are noticed soon.
fn drills(shipped: &Path, strategies: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(shipped.join("../docs/examples/drill.toml"))?;
    let line = |line: &str| match line.split(" = ").next() {
        Some("market_prefixes") => {
            r#"market_prefixes = ["btc-updown-", "eth-updown-", "nba-"]"#.to_owned()
        }
        Some("hang_warn_ms") => "hang_warn_ms = 500".to_owned(),
        Some("hang_after_s") => "hang_after_s = 1".to_owned(),
        Some("backoff_max_s") => "backoff_max_s = 5".to_owned(),
        Some(_) | None => line.to_owned(),
    };
    let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
    for copy in 1..=2 {
        fs::write(strategies.join(format!("drill_{copy}.toml")), &text)?;
    }
    Ok(())
}
