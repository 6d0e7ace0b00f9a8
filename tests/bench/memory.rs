//! Memory: what stays resident under a flood of events, and the peak of `ploy run` on a short and a long tape.
//!
//! `cargo bench -p actors --bench memory` prints it; anything else that starts this program gets nothing.

mod fan_out;
mod tapes;

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use actors::adapters::tape::writer::{Effort, TapeWriter};
use fan_out::{FanOut, Readers};
use ploy::tape::Header;
use tapes::Tape;

/// Events that are published to see whether memory grows.
const EVENTS: u64 = 2_000_000;
/// Events before the first look, so that everything that is filled once is full.
const WARM_UP: u64 = 100_000;
/// Rounds of the tape that make a long one: about a million events.
const ROUNDS: u32 = 40;
/// How often the peak of a running program is read.
const LOOK: Duration = Duration::from_millis(20);

fn main() -> io::Result<()> {
    // `cargo test` and `cargo nextest` start benchmarks too, and want no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    for strategies in [1, 8, 32] {
        for read in [Read::EachMillisecond, Read::Never] {
            flood(strategies, read)?;
        }
    }
    let folder = tempfile::tempdir()?;
    let tape = Tape::shipped();
    for rounds in [1, ROUNDS] {
        let path = folder.path().join(format!("{rounds}.jsonl"));
        write(&tape, rounds, &path).map_err(io::Error::other)?;
        run(&path, folder.path(), rounds)?;
    }
    Ok(())
}

/// Whether somebody reads what is published.
#[derive(Clone, Copy, Debug)]
enum Read {
    EachMillisecond,
    Never,
}

fn flood(strategies: u32, read: Read) -> io::Result<()> {
    let mut fan_out = FanOut::new(strategies);
    let _readers = match read {
        Read::EachMillisecond => Some(Readers::start(fan_out.mailboxes.clone())),
        Read::Never => None,
    };
    (0..WARM_UP).for_each(|_| fan_out.publish());
    let before = kib("self", "VmRSS")?;
    let began = Instant::now();
    (0..EVENTS).for_each(|_| fan_out.publish());
    let took = began.elapsed();
    let after = kib("self", "VmRSS")?;
    let rate = rate(EVENTS, took);
    say(format!(
        "fan-out to {strategies}, read {read:?}: {EVENTS} events, {rate} a second, resident {before} KiB before, {after} KiB after"
    ))
}

/// Writes so many rounds of the tape.
fn write(tape: &Tape, rounds: u32, path: &Path) -> Result<(), actors::adapters::tape::TapeError> {
    let last = tape.round(rounds - 1).last().map_or(tape.header.to, |event| event.at);
    let header = Header { to: last, ..tape.header.clone() };
    let mut writer = TapeWriter::create(path, &header, Effort::Quick)?;
    for round in 0..rounds {
        for event in tape.round(round) {
            writer.write(&event)?;
        }
    }
    writer.finish().map(drop)
}

/// Plays a tape with the program itself and watches its peak.
fn run(tape: &Path, folder: &Path, rounds: u32) -> io::Result<()> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let began = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ploy"))
        .args(["run", "--speed", "max", "--exit-at-end", "--output", "json"])
        .args(["--listen", "127.0.0.1:0", "--no-view"])
        .arg("--config")
        .arg(config)
        .arg("--tape")
        .arg(tape)
        .arg("--store")
        .arg(folder.join(format!("{rounds}.db")))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        // A program that has just ended has no peak any more: the last one read counts.
        peak = kib(&program.id().to_string(), "VmHWM").map_or(peak, |now| peak.max(now));
        if let Some(status) = program.try_wait()? {
            break status;
        }
        thread::sleep(LOOK);
    };
    let took = began.elapsed();
    if !status.success() {
        return Err(io::Error::other(format!("ploy run: {status}")));
    }
    say(format!(
        "ploy run, the tape {rounds} times: {} ms with start and end, peak {peak} KiB",
        took.as_millis()
    ))
}

/// Returns a line of a process's status, in KiB.
fn kib(process: &str, line: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    value.ok_or_else(|| io::Error::other(format!("no {line} of {process}")))
}

fn rate(events: u64, took: Duration) -> u128 {
    u128::from(events) * 1_000_000 / took.as_micros().max(1)
}

fn say(line: impl AsRef<str>) -> io::Result<()> {
    writeln!(io::stdout(), "{}", line.as_ref())
}
