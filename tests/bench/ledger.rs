//! The account's ledger: an order, its fill and its end, booked in a ledger that knows many markets already.

use criterion::{BatchSize, Criterion, Throughput};
use ploy::ledger::{Event, Ledger, Stage, Terms};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{ClientOrderId, Fill, Liquidity};
use ploy::price::Usdc;
use ploy::time::Timestamp;

/// Orders that the ledger has booked before, two a market.
const BEFORE: u64 = 2_000;
/// Orders that are measured.
const ORDERS: u64 = 1_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let known: Vec<[Event; 3]> = (0..BEFORE).map(order).collect();
    let new: Vec<[Event; 3]> = (BEFORE..BEFORE + ORDERS).map(order).collect();
    let mut before = Ledger::default();
    known.iter().flatten().for_each(|event| booked(&mut before, event));
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(ORDERS));
    group.bench_function("fills, their orders known", |b| {
        let recorded = || {
            let mut ledger = before.clone();
            new.iter().for_each(|[order, ..]| booked(&mut ledger, order));
            ledger
        };
        b.iter_batched(
            recorded,
            |mut ledger| {
                new.iter().for_each(|[_, fill, _]| booked(&mut ledger, fill));
                ledger
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("orders, each with a fill and its end", |b| {
        b.iter_batched(
            || before.clone(),
            |mut ledger| {
                new.iter().flatten().for_each(|event| booked(&mut ledger, event));
                ledger
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    let mut group = criterion.benchmark_group("ledger");
    group.bench_function(format!("all added up anew, {BEFORE} orders"), |b| {
        b.iter(|| before.audit().expect("the books add up"));
    });
    group.finish();
}

fn booked(ledger: &mut Ledger, event: &Event) {
    ledger.book(event).expect("the books add up");
}

/// An order, its fill and its end.
fn order(number: u64) -> [Event; 3] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(number / 2).to_be_bytes());
    let strategy = if number.is_multiple_of(2) { "momentum" } else { "split_arb" };
    let id = ClientOrderId { strategy: strategy.parse().expect("a strategy's id"), number };
    let terms = Terms {
        order: id.clone(),
        market: ConditionId::from_bytes(bytes),
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.4".parse().expect("a price"),
        size: "10".parse().expect("a size"),
        fee: Usdc::ZERO,
    };
    let fill = Fill {
        number: 1,
        order: id.clone(),
        market: terms.market,
        outcome: terms.outcome,
        side: terms.side,
        price: terms.limit,
        size: terms.size,
        fee: "0.01".parse().expect("a fee"),
        liquidity: Liquidity::Taker,
        at: Timestamp::default(),
    };
    let confirmed = Event::Filled { fill, stage: Stage::Confirmed };
    [Event::Recorded(terms), confirmed, Event::Over { order: id }]
}
