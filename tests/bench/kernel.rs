//! The core without actors: strategy, guard, portfolio, decision digest and paper venue on one core.

use std::path::PathBuf;

use actors::settings::Settings;
use criterion::{BatchSize, Criterion, Throughput};
use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::kernel::{Kernel, Memory};
use ploy::paper::PaperVenue;
use ploy::replay::Replay;

use crate::tapes::{self, Tape};

/// Rounds of the tape that one kernel plays without a break.
const ROUNDS: u32 = 8;

pub(crate) fn bench(criterion: &mut Criterion) {
    let settings = tapes::settings(PathBuf::new());
    let tape = Tape::shipped();
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Elements(count(&tape.events)));
    for config in &settings.strategies {
        let configs = std::slice::from_ref(config);
        group.bench_function(format!("{}, the tape once", config.id), |b| {
            b.iter_batched(
                || replay(&settings, configs),
                |replay| play(replay, &tape.events),
                BatchSize::LargeInput,
            );
        });
    }
    group.bench_function("both strategies, the tape once", |b| {
        let new = || replay(&settings, &settings.strategies);
        b.iter_batched(new, |replay| play(replay, &tape.events), BatchSize::LargeInput);
    });
    let rounds: Vec<MarketEvent> = (0..ROUNDS).flat_map(|round| tape.round(round)).collect();
    group.throughput(Throughput::Elements(count(&rounds)));
    for config in &settings.strategies {
        let configs = std::slice::from_ref(config);
        group.bench_function(format!("{}, {ROUNDS} rounds of the tape", config.id), |b| {
            b.iter_batched(
                || replay(&settings, configs),
                |replay| play(replay, &rounds),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn replay(settings: &Settings, strategies: &[StrategyConfig]) -> Replay {
    let kernels = strategies.iter().map(|config| {
        let strategy = config.kind.build();
        Kernel::new(config.id.clone(), strategy, config.limits.clone(), Memory::default())
    });
    Replay::new(kernels, PaperVenue::new(settings.latency))
}

/// Plays all events; returns the replay, so that its end is not timed, and what came of it.
fn play(mut replay: Replay, events: &[MarketEvent]) -> (Replay, u64) {
    let mut effects = 0;
    for event in events {
        replay.play(event, &mut |_, _| effects += 1).expect("the books add up");
    }
    replay.finish(&mut |_, _| effects += 1).expect("the books add up");
    (replay, effects)
}

fn count(events: &[MarketEvent]) -> u64 {
    u64::try_from(events.len()).unwrap_or(u64::MAX)
}
