//! Books and lines: what one update costs before anybody looks at it.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use ploy::book::{Level, OrderBook};
use ploy::event::{Kind, MarketEvent};
use ploy::market::{Outcome, Side};
use ploy::tape::{self, Decoder};

use crate::fan_out::{at, level, levels, market_id};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book");
    group.throughput(Throughput::Elements(1));
    let (bids, asks) = levels();
    group.bench_function("new, 20 and 20 levels in order", |b| {
        let sides = || (bids.clone(), asks.clone());
        b.iter_batched(
            sides,
            |(bids, asks)| OrderBook::new(at(0), bids, asks),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("new, 20 and 20 levels worst first", |b| {
        let back = |side: &[Level]| side.iter().rev().copied().collect::<Vec<_>>();
        let sides = || (back(&bids), back(&asks));
        b.iter_batched(
            sides,
            |(bids, asks)| OrderBook::new(at(0), bids, asks),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("set_level, a size changes", |b| {
        let mut book = OrderBook::new(at(0), bids.clone(), asks.clone());
        let mut cents = 0_u32;
        b.iter(|| {
            cents = cents % 19 + 1;
            book.set_level(at(1), Side::Buy, level(30 + cents, 100 + cents));
        });
        black_box(book);
    });
    group.bench_function("set_level, a level comes and goes", |b| {
        let mut book = OrderBook::new(at(0), bids.clone(), asks.clone());
        let mut size = 0_u32;
        b.iter(|| {
            size = 7 - size;
            book.set_level(at(1), Side::Sell, level(90, size));
        });
        black_box(book);
    });
    group.finish();
    decode(criterion);
}

fn decode(criterion: &mut Criterion) {
    let header = format!(
        r#"{{"tape":"ploy","version":{},"title":"a","source":"b","licence":"c","books":"modelled","from":"{t}","to":"{t}"}}"#,
        tape::VERSION,
        t = at(0),
    );
    let mut decoder = Decoder::default();
    decoder.header(&header).expect("a header");
    let (bids, asks) = levels();
    let book = OrderBook::new(at(0), bids, asks).into();
    let kind = Kind::Book { market: market_id(1), outcome: Outcome::Yes, book };
    let line = tape::encode(&MarketEvent { at: at(0), kind });
    let mut group = criterion.benchmark_group("tape");
    group.throughput(Throughput::ElementsAndBytes {
        elements: 1,
        bytes: u64::try_from(line.len()).unwrap_or(0),
    });
    group.bench_function("decode a book of 20 and 20 levels", |b| {
        b.iter(|| decoder.line(&line).expect("a book"));
    });
    group.finish();
}
