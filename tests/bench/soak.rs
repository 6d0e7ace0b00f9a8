//! Soak: the program itself for minutes under random failures, edits and commands; nothing may leak or be lost.
//!
//! `cargo bench -p actors --bench soak -- --minutes 10` runs it and ends with a table; anything else that starts
//! this program gets nothing. `--seed N` repeats a run's choices.

mod soak_parts;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use soak_parts::dice::Dice;
use soak_parts::disturb::Disturber;
use soak_parts::service::{Sample, Service};

/// How long the beginning is left out of the comparison: everything that is filled once is full then.
const WARM_UP: Duration = Duration::from_secs(60);
/// How often the process is measured.
const LOOK: Duration = Duration::from_secs(5);
/// How long everything may take to come to rest after the last disturbance: longer than the longest wait for a retry.
const REST: Duration = Duration::from_secs(90);
/// How much more memory the end may take than the beginning after the warm-up, in KiB.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test` and `cargo nextest` start benchmarks too, and want no figures.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let number = |name: &str, otherwise: u64| -> anyhow::Result<u64> {
        let at = arguments.iter().position(|argument| argument == name);
        let value = at.and_then(|at| arguments.get(at + 1));
        value.map_or(Ok(otherwise), |text| text.parse().with_context(|| format!("{name} {text}")))
    };
    let minutes = number("--minutes", 10)?;
    let seed = number("--seed", 1)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(soak(Duration::from_secs(60 * minutes), seed))
}

async fn soak(span: Duration, seed: u64) -> anyhow::Result<()> {
    let mut service = Service::start().await?;
    let mut disturber = Disturber::new(Dice::new(seed), service.folder());
    let began = Instant::now();
    let mut samples = vec![(Duration::ZERO, service.sample().await?)];
    let mut next_look = LOOK;
    say(&format!("seed {seed}, {} s", span.as_secs()))?;
    while began.elapsed() < span {
        service.is_alive()?;
        disturber.disturb(&service).await?;
        tokio::time::sleep(disturber.pause()).await;
        if next_look <= began.elapsed() {
            samples.push((began.elapsed(), service.sample().await?));
            next_look += LOOK;
        }
    }
    disturber.mend(&service).await?;
    let ends = rest(&service).await?;
    tokio::time::sleep(LOOK).await;
    samples.push((began.elapsed(), service.sample().await?));
    report(&samples, &disturber, &ends)?;
    service.end().await?;
    judge(&samples)
}

/// Waits until every strategy runs, is halted with a cause, or is stopped as it was told. Returns how each is.
async fn rest(service: &Service) -> anyhow::Result<Vec<String>> {
    let until = Instant::now() + REST;
    loop {
        let ends = service.ends().await?;
        if ends.iter().all(|end| end.is_fine) {
            return Ok(ends.into_iter().map(|end| end.told).collect());
        }
        if until < Instant::now() {
            let bad: Vec<_> = ends.into_iter().filter(|end| !end.is_fine).collect();
            anyhow::bail!("not at rest after {} s: {bad:?}", REST.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn report(
    samples: &[(Duration, Sample)],
    disturber: &Disturber,
    ends: &[String],
) -> anyhow::Result<()> {
    say("at s   resident KiB   file handles   threads   tasks   events")?;
    let step = (samples.len() / 12).max(1);
    let last = samples.len() - 1;
    for (number, (at, sample)) in samples.iter().enumerate() {
        if number % step == 0 || number == last {
            let Sample { resident_kib, files, threads, tasks, events } = sample;
            say(&format!(
                "{:>4}   {resident_kib:>12}   {files:>12}   {threads:>7}   {tasks:>5}   {events}",
                at.as_secs()
            ))?;
        }
    }
    say(&format!("disturbances: {}", disturber.told()))?;
    ends.iter().try_for_each(|end| say(end))
}

/// Holds the end to the beginning after the warm-up: to the least of its first minute, for a drill may hold memory then.
fn judge(samples: &[(Duration, Sample)]) -> anyhow::Result<()> {
    let begin = |(at, _): &&(Duration, Sample)| WARM_UP <= *at && *at <= 2 * WARM_UP;
    let least = samples.iter().filter(begin).min_by_key(|(_, sample)| sample.resident_kib);
    let warm = least.or(samples.first());
    let (Some((_, warm)), Some((_, end))) = (warm, samples.last()) else {
        anyhow::bail!("nothing was measured");
    };
    ensure!(
        end.resident_kib <= warm.resident_kib + GROWTH_KIB_MAX,
        "memory grew from {} to {} KiB",
        warm.resident_kib,
        end.resident_kib
    );
    ensure!(end.files <= warm.files + 8, "files grew from {} to {}", warm.files, end.files);
    ensure!(end.threads <= warm.threads + 8, "threads grew: {} to {}", warm.threads, end.threads);
    ensure!(end.tasks <= warm.tasks + 24, "tasks grew from {} to {}", warm.tasks, end.tasks);
    say("nothing grew, and every strategy ended as it should")
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
