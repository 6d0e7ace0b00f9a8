//! The store: rows a second, and how long a commit takes, beside what the disk and the database take alone.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use actors::bus::Ticket;
use actors::ports::{DecisionRecord, Row};
use actors::store::{RunInfo, Store};
use criterion::{Criterion, Throughput};
use ploy::order::{ClientOrderId, OrderEvent, Submission, Update};
use ploy::status::Mode;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection, query};
use tokio::runtime::Runtime;

use crate::fan_out::at;

/// Rows between two waits for the disk; a little less than the queue's pressure point.
const ROWS: u32 = 4000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(open(&folder.path().join("ploy.db")));
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    let mut seq = 0;
    group.bench_function("record 4000 decisions and flush", |b| {
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
    group.throughput(Throughput::Elements(1));
    let mut number = 0;
    group.bench_function("commit one order event", |b| {
        b.iter(|| {
            number += 1;
            runtime.block_on(store.commit(vec![accepted(number)])).expect("it writes");
        });
    });
    let mut conn = runtime.block_on(raw(&folder.path().join("raw.db")));
    group.bench_function("beside: one row by the database alone", |b| {
        b.iter(|| runtime.block_on(insert(&mut conn)));
    });
    group.bench_function("beside: 4 KiB and fdatasync", |b| {
        let mut file = File::create(folder.path().join("raw")).expect("a file");
        b.iter(|| {
            file.write_all(&[0; 4096]).expect("the disk has room");
            file.sync_data().expect("the disk works");
        });
    });
    group.finish();
    drop(store);
}

async fn open(path: &Path) -> Store {
    let run = RunInfo {
        id: "bench".to_owned(),
        started_at: at(0),
        version: "0".to_owned(),
        mode: Mode::Paper,
        title: String::new(),
    };
    Store::open(path, run).await.expect("a new store opens")
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

/// Opens a database with the store's own settings and a table of one index.
async fn raw(path: &Path) -> SqliteConnection {
    let mut conn = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await
        .expect("a new database opens");
    run(&mut conn, "create table rows (number integer primary key, text text)").await;
    conn
}

async fn insert(conn: &mut SqliteConnection) {
    run(conn, "begin immediate").await;
    run(conn, "insert into rows (text) values ('accepted')").await;
    run(conn, "commit").await;
}

async fn run(conn: &mut SqliteConnection, sql: &'static str) {
    query(sql).execute(conn).await.expect("the database does it");
}
