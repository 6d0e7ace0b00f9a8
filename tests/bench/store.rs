//! The store on both databases: rows a second, and how long a commit takes, beside the same rows by the database alone.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use actors::bus::Ticket;
use actors::ports::{DecisionRecord, Row};
use actors::store::{Location, RunInfo, Store};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use ploy::order::{ClientOrderId, DoneCause, OrderEvent, Submission, Update};
use ploy::price::Size;
use ploy::status::Mode;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection, query};
use tokio::runtime::Runtime;

use crate::fan_out::at;
use crate::order::Maker;
use crate::postgres::Cluster;

/// Rows between two waits for the disk; a little less than the queue's pressure point.
const ROWS: u32 = 4000;

/// The rows of the store, as the database alone is given them.
const DECISION: &str = "insert into decisions (run, seq, strategy, at, number, market_id, market, verdict, cause, \
     intent, numbers) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const EVENT: &str = "insert into order_events (run, seq, strategy, at, number, kind, fill) \
     values ($1, $2, $3, $4, $5, 'accepted', 0)";

/// A connection past the store, with the store's own settings.
pub(crate) enum Raw {
    File(SqliteConnection),
    Server(PgConnection),
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("store");
    let file = |name: &str| folder.path().join(name);
    let own = Location::File(file("ploy.db"));
    runtime.block_on(made(&Location::File(file("raw.db"))));
    let raw = Raw::File(runtime.block_on(sqlite(&file("raw.db"))));
    both(&mut group, &runtime, ("sqlite", &own), raw);
    if let Some(cluster) = Cluster::start() {
        let served = |name: &str| cluster.database(name);
        let own = Location::Server(served("ploy").parse().expect("an address"));
        let beside = served("raw");
        runtime.block_on(made(&Location::Server(beside.parse().expect("an address"))));
        let raw = runtime.block_on(PgConnection::connect(&beside)).expect("it is there");
        both(&mut group, &runtime, ("postgres", &own), Raw::Server(raw));
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("beside: 4 KiB and fdatasync", |b| {
        let mut file = File::create(folder.path().join("raw")).expect("a file");
        b.iter(|| {
            file.write_all(&[0; 4096]).expect("the disk has room");
            file.sync_data().expect("the disk works");
        });
    });
    group.finish();
}

/// Measures the store at this place, and then the same rows by the database alone.
fn both(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    (name, location): (&str, &Location),
    mut raw: Raw,
) {
    let store = runtime.block_on(open(location));
    let (mut seq, mut number) = (0, 0);
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    group.bench_function(format!("{name}: record 4000 decisions and flush"), |b| {
        b.iter(|| {
            runtime.block_on(async {
                for _ in 0..ROWS {
                    seq += 1;
                    store.record(decision(seq), Ticket::none()).expect("the queue has room");
                }
                store.flush().await.expect("it writes");
            });
        });
    });
    group.bench_function(format!("{name}, beside: 4000 decisions by the database alone"), |b| {
        b.iter(|| {
            runtime.block_on(async {
                raw.run("begin").await;
                for _ in 0..ROWS {
                    seq += 1;
                    raw.decision(seq).await;
                }
                raw.run("commit").await;
            });
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{name}: commit one order event"), |b| {
        b.iter(|| {
            number += 1;
            runtime.block_on(store.commit(vec![accepted(number)])).expect("it writes");
        });
    });
    group.bench_function(
        format!("{name}: commit one order event with its row of the audit chain"),
        |b| {
            b.iter(|| {
                number += 1;
                runtime.block_on(store.commit(vec![done(number)])).expect("it writes");
            });
        },
    );
    group.bench_function(format!("{name}, beside: one order event by the database alone"), |b| {
        b.iter(|| {
            number += 1;
            runtime.block_on(async {
                raw.run("begin").await;
                raw.event(number).await;
                raw.run("commit").await;
            });
        });
    });
    orders(group, runtime, (name, &store), raw);
}

/// Measures what is committed before an order is sent, and then the same rows by the database alone.
fn orders(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    (name, store): (&str, &Store),
    mut raw: Raw,
) {
    let (maker, mut number) = (Maker::new(), 0);
    group.bench_function(
        format!("{name}: commit an order with what its strategy remembers"),
        |b| {
            let rows = || {
                number += 1;
                maker.rows(number)
            };
            let commit = |rows| runtime.block_on(store.commit(rows)).expect("it writes");
            b.iter_batched(rows, commit, BatchSize::PerIteration);
        },
    );
    let mut number = 0;
    group.bench_function(
        format!("{name}, beside: the same three rows by the database alone"),
        |b| {
            let order = || {
                number += 1;
                maker.order(number)
            };
            let alone = |order| {
                runtime.block_on(async {
                    raw.run("begin").await;
                    raw.order(&order).await;
                    raw.run("commit").await;
                });
            };
            b.iter_batched(order, alone, BatchSize::PerIteration);
        },
    );
}

async fn open(location: &Location) -> Store {
    let run = RunInfo {
        id: "bench".to_owned(),
        started_at: at(0),
        version: "0".to_owned(),
        mode: Mode::Paper,
        title: String::new(),
        plays: None,
    };
    Store::open_at(location, run).await.expect("a new store opens")
}

/// Makes the tables.
async fn made(location: &Location) {
    open(location).await.close(Duration::from_secs(5)).await.expect("it closes");
}

async fn sqlite(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await
        .expect("it is there")
}

fn decision(seq: u64) -> Row {
    Row::Decision(DecisionRecord {
        seq,
        at: at(seq),
        strategy: "bench".parse().expect("an id"),
        market_id: Some(format!("0x{}", "ab".repeat(32))),
        market: Some("btc-updown-15m-1790586000".to_owned()),
        verdict: "order".to_owned(),
        cause: seq.to_string(),
        intent: Some("buy 10 Up at 0.34 FAK (entry)".to_owned()),
        numbers: [("ask", "0.34"), ("entry_price_max", "0.35"), ("other_ask", "0.67")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        grounds: None,
    })
}

fn accepted(number: u64) -> Row {
    let order = ClientOrderId { strategy: "bench".parse().expect("an id"), number };
    let update = Update::Submitted(Submission::Accepted);
    Row::OrderEvent(OrderEvent { at: at(number), order, update })
}

/// An event that the audit chain tells of, of the same size as [`accepted`], which it does not.
fn done(number: u64) -> Row {
    let order = ClientOrderId { strategy: "bench".parse().expect("an id"), number };
    let update = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Cancelled };
    Row::OrderEvent(OrderEvent { at: at(number), order, update })
}

/// Binds the values of a decision like [`decision`] to a statement of either database.
macro_rules! decided {
    ($seq:expr) => {
        query(DECISION)
            .bind("bench")
            .bind($seq)
            .bind("bench")
            .bind($seq)
            .bind($seq)
            .bind(format!("0x{}", "ab".repeat(32)))
            .bind("btc-updown-15m-1790586000")
            .bind("order")
            .bind($seq.to_string())
            .bind("buy 10 Up at 0.34 FAK (entry)")
            .bind(r#"[["ask","0.34"],["entry_price_max","0.35"],["other_ask","0.67"]]"#)
    };
}

impl Raw {
    async fn decision(&mut self, seq: u64) {
        let seq = i64::try_from(seq).expect("few rows");
        match self {
            Self::File(conn) => drop(decided!(seq).execute(conn).await.expect("it writes")),
            Self::Server(conn) => drop(decided!(seq).execute(conn).await.expect("it writes")),
        }
    }

    async fn event(&mut self, number: u64) {
        let number = i64::try_from(number).expect("few rows");
        macro_rules! told {
            () => {
                query(EVENT).bind("bench").bind(number).bind("bench").bind(number).bind(number)
            };
        }
        match self {
            Self::File(conn) => drop(told!().execute(conn).await.expect("it writes")),
            Self::Server(conn) => drop(told!().execute(conn).await.expect("it writes")),
        }
    }

    async fn run(&mut self, text: &'static str) {
        match self {
            Self::File(conn) => drop(query(text).execute(conn).await.expect("it does it")),
            Self::Server(conn) => drop(query(text).execute(conn).await.expect("it does it")),
        }
    }
}
