//! The whole service on the tape that comes with it, in lock-step: feed, bus, runtimes, venue, executor, store.

use std::time::{Duration, Instant};

use actors::app::{self, App};
use actors::feed::FeedEnd;
use actors::store::Store;
use criterion::{Criterion, Throughput};
use tokio::runtime::{Builder, Runtime};

use crate::tapes::{self, Tape};

/// The threads that `ploy run` gives to feeds, executor, store and API.
const IO_THREADS: usize = 2;

/// Where facts go.
#[derive(Clone, Copy)]
enum Place {
    Memory,
    File,
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let events = Tape::shipped().events.len();
    let mut group = criterion.benchmark_group("service");
    group.throughput(Throughput::Elements(u64::try_from(events).unwrap_or(u64::MAX)));
    group.sample_size(10);
    for (name, place) in [("store in memory", Place::Memory), ("store in a file", Place::File)] {
        group.bench_function(name, |b| {
            b.iter_custom(|times| (0..times).map(|_| play(place)).sum());
        });
    }
    group.finish();
}

/// Plays the tape once in a new service. Returns how long that took, without start and end.
fn play(place: Place) -> Duration {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let settings = tapes::settings(folder.path().join("ploy.db"));
    let io = runtime(Builder::new_multi_thread().worker_threads(IO_THREADS));
    let strategies = runtime(&mut Builder::new_multi_thread());
    let took = io.block_on(async {
        let mut parts =
            app::build(&settings, strategies.handle().clone()).await.expect("it builds");
        if matches!(place, Place::Memory) {
            parts.store = Store::open_in_memory(parts.run.clone()).await.expect("it opens");
        }
        let app = App::start(parts).await.expect("it starts");
        let began = Instant::now();
        app.play();
        assert_eq!(app.tape_end().await, FeedEnd::Complete);
        let took = began.elapsed();
        app.stop(settings.shutdown).await.expect("it ends");
        took
    });
    strategies.shutdown_background();
    took
}

fn runtime(builder: &mut Builder) -> Runtime {
    builder.enable_all().build().expect("a runtime")
}
