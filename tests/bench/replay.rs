//! The replay of files: deciding alone, reading alone, and both at once, as `ploy replay` does.

use std::path::{Path, PathBuf};

use actors::adapters::tape::merged;
use actors::replay::{Plan, Player, Tell};
use actors::settings;
use criterion::{BatchSize, Criterion, Throughput};
use ploy::event::MarketEvent;
use ploy::kernel::{Kernel, Memory};
use ploy::paper::PaperVenue;
use ploy::replay::Replay;

pub(crate) fn bench(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let service = settings::service(&folder).expect("the settings are right");
    let latency = service.venue.latency;
    let tapes: Vec<PathBuf> = service.feed.paths.iter().map(|path| folder.join(path)).collect();
    let strategies = settings::strategy_files(&folder).expect("the settings are right");
    let events = read(&tapes);
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(events));
    let decoded: Vec<MarketEvent> = merged::open(&tapes)
        .expect("the tapes are there")
        .1
        .collect::<Result<_, _>>()
        .expect("the tapes are whole");
    group.bench_function("play all strategies, events decoded beforehand", |b| {
        b.iter_batched(
            || {
                let kernels = strategies.iter().map(|config| {
                    let memory = Memory::default();
                    let strategy = config.kind.build();
                    Kernel::new(config.id.clone(), strategy, config.limits.clone(), memory)
                });
                Replay::new(kernels.collect::<Vec<_>>(), PaperVenue::new(latency))
            },
            |mut replay| {
                for event in &decoded {
                    replay.play(event, &mut |_, _| {}).expect("the books add up");
                }
                replay
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("read the tapes", |b| b.iter(|| read(&tapes)));
    group.bench_function("read the tapes and play all strategies", |b| {
        b.iter(|| {
            let tapes = tapes.clone();
            let (from, to, tell) = (None, None, Tell::Sums);
            let plan = Plan { tapes, latency, strategies: strategies.clone(), from, to, tell };
            let mut player = Player::open(&plan).expect("the tapes are there");
            while player.play_some().expect("the tapes are whole") {}
            assert_eq!(player.progress().0, events);
        });
    });
    group.finish();
}

/// Unpacks and decodes every event; returns how many there are.
fn read(tapes: &[PathBuf]) -> u64 {
    let (_, mut events) = merged::open(tapes).expect("the tapes are there");
    while events.next_event().expect("the tapes are whole").is_some() {}
    events.events()
}
