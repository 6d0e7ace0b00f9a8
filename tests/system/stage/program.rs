//! The program in a process of its own: started, listened to, signalled, and waited for with a deadline.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{LOOK, WITHIN, repo};

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    lines: Receiver<String>,
    /// What it has written to its standard error so far, as far as somebody looked.
    pub(crate) log: Vec<String>,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the command `ploy` with these words, in this folder, with nothing from the environment.
pub(crate) fn ploy(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ploy"));
    for name in ["PLOY_URL", "PLOY_CONFIG", "PLOY_DATA", "PLOY_LISTEN", "PLOY_ALLOW_HOST"] {
        command.env_remove(name);
    }
    command.current_dir(folder).args(words);
    command
}

/// Returns the command `ploy run` with the shipped settings and these words, on a port of its own.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Command {
    let config = repo("config");
    let mut command = ploy(folder, &["run", "--config", config.to_str().unwrap()]);
    if !words.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(words);
    command
}

impl Program {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tx, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                if tx.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, stdout: Some(stdout), lines, log: Vec::new() }
    }

    /// Runs it to its end.
    pub(crate) fn to_end(command: Command) -> Ended {
        Self::start(command).wait(2 * WITHIN)
    }

    /// Waits for this event in the log and returns its line.
    pub(crate) fn logged(&mut self, event: &str) -> Value {
        let deadline = Instant::now() + WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("never logged: {event}; {:#?}", self.log);
            };
            let value = serde_json::from_str::<Value>(&line).unwrap_or_default();
            self.log.push(line);
            if value["event.name"] == event {
                return value;
            }
        }
    }

    /// Sends it a signal: `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it did not end within {within:?}: {:#?}", self.log);
            thread::sleep(LOOK);
        };
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let rest: Vec<String> = self.lines.iter().collect();
        self.log.extend(rest);
        Ended { status, stdout, stderr: self.log.join("\n") }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Ended {
    /// Returns every line of the log; each must be JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}
