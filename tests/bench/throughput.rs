//! Throughput: what each part of an event's way costs alone, and how fast the whole service is.
//!
//! `cargo bench -p actors --bench throughput -- kernel` runs one group. `docs/performance.md` has the figures.

mod books;
mod fan_out;
mod kernel;
mod ledger;
mod order;
#[path = "../postgres/mod.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is of tests, and no server is killed here"
)]
mod postgres;
mod replay;
mod service;
mod store;
mod tapes;

use criterion::{Criterion, Throughput};
use fan_out::{FanOut, Readers};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    books::bench(&mut criterion);
    publish(&mut criterion);
    kernel::bench(&mut criterion);
    ledger::bench(&mut criterion);
    replay::bench(&mut criterion);
    service::bench(&mut criterion);
    store::bench(&mut criterion);
    criterion.final_summary();
}

/// One event to all who want it: with readers, and with nobody reading, when each book replaces the last one.
fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    group.throughput(Throughput::Elements(1));
    for strategies in [1, 8, 32] {
        group.bench_function(format!("to {strategies}, read each ms"), |b| {
            let mut fan_out = FanOut::new(strategies);
            let _readers = Readers::start(fan_out.mailboxes.clone());
            b.iter(|| fan_out.publish());
        });
        group.bench_function(format!("to {strategies}, not read"), |b| {
            let mut fan_out = FanOut::new(strategies);
            b.iter(|| fan_out.publish());
        });
    }
    group.finish();
}
