//! The kill test in full: the program killed as often as is wanted, on one database, with a table at the end.
//!
//! `cargo bench -p actors --bench kill -- --kills 1000 --backend sqlite --seed 1` runs it, and `--backend postgres` on a
//! server of its own; anything else that starts this program gets nothing. `--seed N` repeats a run's choices.

#[path = "../kill/harness/mod.rs"]
mod harness;
#[path = "../postgres/mod.rs"]
#[expect(dead_code, clippy::unwrap_used, clippy::panic, reason = "it is written for tests")]
mod postgres;

use std::io::{self, Write as _};

use anyhow::{Context as _, ensure};
use harness::Options;
use postgres::Cluster;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test` and `cargo nextest` start benchmarks too, and want no figures.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let word = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map(String::as_str)
    };
    let number = |name: &str, otherwise: u64| {
        let text = word(name);
        text.map_or(Ok(otherwise), |text| text.parse().with_context(|| format!("{name} {text}")))
    };
    let (kills, seed) = (number("--kills", 100)?, number("--seed", 1)?);
    let cluster = match word("--backend").unwrap_or("sqlite") {
        "sqlite" => None,
        "postgres" => Some(Cluster::start().context("PostgreSQL is not installed")?),
        other => anyhow::bail!("--backend {other}: sqlite and postgres are known"),
    };
    let server = cluster.as_ref().map(|cluster| cluster.database("kills"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let report = runtime.block_on(harness::run(Options { kills, seed, server }))?;
    writeln!(io::stdout(), "{report}")?;
    ensure!(report.violations.is_empty(), "something was lost or done twice");
    Ok(())
}
