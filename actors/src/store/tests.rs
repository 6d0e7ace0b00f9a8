//! What the store promises: durable, once, in order, within limits, and honest when it cannot.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, Market, Outcome, Side, TickSize};
use ploy::open_orders::OpenOrders;
use ploy::order::{
    ClientOrderId, DoneCause, Fill, Liquidity, Order, OrderEvent, StrategyId, Submission, Update,
};
use ploy::position::Portfolio;
use ploy::price::{Size, Usdc};
use ploy::risk::{Context, Limits, RiskGuard};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, SqlSafeStr, SqliteConnection, query_scalar};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::ports::{
    CommandRecord, DecisionRecord, ErrorRecord, LifecycleRecord, OrderRecord, Past, Query, Records,
    RiskRecord, Settlement, StrategyRecord,
};

const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

fn run(id: &str) -> RunInfo {
    RunInfo {
        id: id.to_owned(),
        started_at: Timestamp::from_millis(1),
        version: "0.1.0".to_owned(),
        mode: Mode::Paper,
        title: "a tape".to_owned(),
    }
}

async fn memory() -> Store {
    Store::open_in_memory(run("r")).await.unwrap()
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("ploy.db");
    (folder, path)
}

/// Another connection to the same file, as a person's shell would have.
async fn shell(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn rows(conn: &mut SqliteConnection, table: &str) -> i64 {
    query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(conn)
        .await
        .unwrap()
}

fn me() -> StrategyId {
    "split_arb".parse().unwrap()
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn intent(size: &str) -> Intent {
    Intent {
        market: MARKET,
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.46".parse().unwrap(),
        size: size.parse().unwrap(),
        time_in_force: TimeInForce::Fak,
        purpose: Purpose::Entry,
    }
}

/// An order can only be made of what a guard approved.
fn order_of(number: u64, size: &str) -> Order {
    let market = Market {
        id: MARKET,
        slug: Arc::from("m"),
        question: Arc::from("q"),
        outcomes: [Arc::from("Up"), Arc::from("Down")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse().unwrap(),
        fees: FeeSchedule::FREE,
        opens_at: at(0),
        closes_at: at(0),
        strike_usd: None,
    };
    let mut guard = RiskGuard::new(Limits {
        market_exposure_max_usdc: usdc("1000"),
        strategy_exposure_max_usdc: usdc("1000"),
        open_orders_max: 1,
        order_rate_per_minute: 1,
        order_burst: 1,
        loss_streak_max: 1,
        loss_streak_cooldown: Duration::ZERO,
        drawdown_max_usdc: usdc("10"),
    });
    let context = Context {
        now: at(0),
        market: Some(&market),
        tick: market.tick,
        portfolio: &Portfolio::default(),
        orders: &OpenOrders::default(),
    };
    let approved = guard.check(intent(size), &context).unwrap();
    let id = ClientOrderId { strategy: me(), number };
    Order::new(id, at(i64::try_from(number).unwrap()), approved)
}

fn order(number: u64) -> Row {
    Row::Order(order_of(number, "10"))
}

fn told(number: u64, update: Update) -> Row {
    Row::OrderEvent(OrderEvent {
        at: at(10),
        order: ClientOrderId { strategy: me(), number },
        update,
    })
}

fn fill_of(number: u64, fill: u32, side: Side, price: &str, size: &str) -> Fill {
    Fill {
        number: fill,
        order: ClientOrderId { strategy: me(), number },
        market: MARKET,
        outcome: Outcome::Yes,
        side,
        price: price.parse().unwrap(),
        size: size.parse().unwrap(),
        fee: usdc("0.01"),
        liquidity: Liquidity::Taker,
        at: at(9),
    }
}

fn filled(number: u64, fill: u32) -> Row {
    told(number, Update::Filled(fill_of(number, fill, Side::Buy, "0.45", "2")))
}

fn done(number: u64, cause: DoneCause) -> Row {
    let unfilled = Size::ZERO;
    told(number, Update::Done { unfilled, cause })
}

fn rejected(number: u64) -> Row {
    let reason = "no money".to_owned();
    told(number, Update::Submitted(Submission::Rejected { reason }))
}

fn settlement(millis: i64) -> Row {
    Row::Settlement(Settlement {
        strategy: me(),
        market: MARKET,
        payouts: [usdc("1"), usdc("0")],
        amount: usdc("2"),
        profit: usdc("1.09"),
        at: at(millis),
    })
}

fn error(message: &str) -> Row {
    Row::Error(ErrorRecord {
        at: at(5),
        strategy: None,
        part: "feed".to_owned(),
        message: message.to_owned(),
    })
}

fn decision(seq: u64) -> DecisionRecord {
    DecisionRecord {
        seq,
        at: at(3),
        strategy: me(),
        market_id: Some(MARKET.to_string()),
        market: Some("m".to_owned()),
        verdict: "rejected".to_owned(),
        cause: "throttle".to_owned(),
        intent: Some("buy 10 yes".to_owned()),
        numbers: vec![("used".to_owned(), "4".to_owned()), ("ask".to_owned(), "0.46".to_owned())],
    }
}

fn every_kind() -> Vec<Row> {
    vec![
        order(1),
        filled(1, 1),
        settlement(20),
        Row::Decision(decision(1)),
        Row::Risk(RiskRecord {
            at: at(4),
            strategy: me(),
            event: "tripped".to_owned(),
            rule: "drawdown".to_owned(),
            used: "11".to_owned(),
            limit: "10".to_owned(),
        }),
        Row::Lifecycle(LifecycleRecord {
            at: at(4),
            strategy: me(),
            from: "starting".to_owned(),
            to: "running".to_owned(),
            why: "warm".to_owned(),
        }),
        error("gone"),
        Row::Command(CommandRecord {
            at: at(4),
            actor: "ops".to_owned(),
            strategy: "nobody".to_owned(),
            action: "start".to_owned(),
            answer: "unknown".to_owned(),
        }),
        Row::Intent(halt(Some("three panics"))),
    ]
}

fn halt(cause: Option<&str>) -> StrategyRecord {
    StrategyRecord {
        strategy: me(),
        wanted: Some(cause.is_none()),
        halted: cause.map(str::to_owned),
        at: at(6),
    }
}

fn newest(limit: u32, before: Option<i64>) -> Query {
    Query { strategy: me(), limit, before }
}

const TABLES: [&str; 10] = [
    "orders",
    "order_events",
    "fills",
    "settlements",
    "decisions",
    "risk_events",
    "lifecycle",
    "errors",
    "commands",
    "strategies",
];

#[tokio::test]
async fn every_kind_of_row_has_its_table() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(every_kind()).await.unwrap();
    let mut shell = shell(&path).await;
    for table in TABLES {
        assert_eq!(rows(&mut shell, table).await, 1, "{table}");
    }
    assert_eq!(rows(&mut shell, "runs").await, 1);
}

#[tokio::test]
async fn what_is_committed_is_on_the_disk_at_once() {
    let (folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(vec![order(1)]).await.unwrap();
    // As after a power cut: the files as they are now, nothing was closed.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    let again = Store::open(&copy, run("r")).await.unwrap();
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 1);
    assert_eq!(store.status().rows, 1);
}

#[tokio::test]
async fn the_disk_is_asked_to_keep_its_word() {
    let (_folder, path) = place();
    let mut opened = open::file(&path, &run("r"), &open::MIGRATIONS).await.unwrap();
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")]
    {
        let sql = format!("select cast({pragma} as text) from pragma_{pragma}");
        let value: String =
            query_scalar(AssertSqlSafe(sql)).fetch_one(&mut opened.conn).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

#[tokio::test]
async fn commits_that_arrive_together_share_a_transaction() {
    let store = memory().await;
    let mut commits = JoinSet::new();
    for number in 1..=200 {
        let store = store.clone();
        commits.spawn(async move { store.commit(vec![order(number)]).await });
    }
    while let Some(answer) = commits.join_next().await {
        answer.unwrap().unwrap();
    }
    let transactions = *store.inner.tries.borrow();
    assert!((1..=20).contains(&transactions), "{transactions}");
    assert_eq!(store.status().rows, 200);
    assert_eq!(store.last_order_number(&me()).await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn decisions_wait_for_each_other_and_nothing_waits_for_them() {
    let store = memory().await;
    let mut tries = store.inner.tries.clone();
    for seq in 1..=50 {
        store.record(Row::Decision(decision(seq)), Ticket::none()).unwrap();
        tokio::task::yield_now().await;
    }
    store.commit(vec![order(1)]).await.unwrap();
    assert_eq!((*tries.borrow_and_update(), store.status().rows), (1, 51));
    store.record(Row::Decision(decision(51)), Ticket::none()).unwrap();
    tries.changed().await.unwrap();
    assert_eq!(*tries.borrow(), 2);
}

#[tokio::test]
async fn what_is_told_twice_is_stored_once() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    for _ in 0..2 {
        let facts = vec![order(1), filled(1, 1), settlement(20), done(1, DoneCause::Filled)];
        store.commit(facts).await.unwrap();
    }
    let mut shell = shell(&path).await;
    for (table, expected) in [("orders", 1), ("fills", 1), ("settlements", 1), ("order_events", 2)]
    {
        assert_eq!(rows(&mut shell, table).await, expected, "{table}");
    }
}

#[tokio::test]
async fn a_transaction_that_is_written_again_changes_nothing() {
    let mut opened = open::in_memory(&run("r")).await.unwrap();
    for _ in 0..2 {
        for (seq, row) in (1..).zip(every_kind()) {
            let place = rows::Place { run: "r", seq };
            rows::insert(&mut opened.conn, place, &row).await.unwrap();
        }
    }
    for table in TABLES {
        assert_eq!(rows(&mut opened.conn, table).await, 1, "{table}");
    }
}

#[tokio::test]
async fn an_order_with_a_number_in_use_is_refused_and_nothing_of_its_commit_is_stored() {
    let store = memory().await;
    store.commit(vec![order(1)]).await.unwrap();
    let other = Row::Order(order_of(1, "20"));
    let (refused, fine) =
        tokio::join!(store.commit(vec![order(2), other]), store.commit(vec![order(3)]));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("order split_arb:1 is stored already"), "{message}");
    fine.unwrap();
    let page = store.orders(newest(10, None)).await.unwrap();
    let orders: Vec<_> = page.items.iter().map(|order| order.id.number).collect();
    assert_eq!(orders, [3, 1]);
    assert_eq!(page.items[1].size, "10".parse().unwrap());
    assert_eq!((store.status().up, store.status().errors), (true, 1));
}

#[tokio::test]
async fn a_fill_that_contradicts_itself_is_shown_and_the_first_one_counts() {
    let store = memory().await;
    store.record(filled(1, 1), Ticket::none()).unwrap();
    let other = Update::Filled(fill_of(1, 1, Side::Buy, "0.44", "2"));
    store.record(told(1, other), Ticket::none()).unwrap();
    store.flush().await.unwrap();
    let fills = store.fills(newest(10, None)).await.unwrap().items;
    assert_eq!(fills.len(), 1);
    assert_eq!(fills[0].price, "0.45".parse().unwrap());
    let status = store.status();
    assert_eq!((status.errors, status.queued, status.rows), (1, 0, 1));
    assert!(status.last_error.unwrap().contains("a fill of order split_arb:1"));
}

#[tokio::test]
async fn a_full_queue_refuses_and_says_so() {
    let store = memory().await;
    // The writer cannot run before the first await.
    for number in 0..8192_u32 {
        assert_eq!(store.pressure(), 4096 < number, "{number}");
        store.record(error("x"), Ticket::none()).unwrap();
    }
    let refused = store.record(error("one too many"), Ticket::none());
    assert!(matches!(refused, Err(StoreError::Full)));
    let status = store.status();
    assert_eq!((status.queued, status.errors, status.up), (8192, 1, true));
    assert!(status.last_error.unwrap().contains("full"));
    // An order still gets in, and all that was taken is written.
    store.commit(vec![order(1)]).await.unwrap();
    assert_eq!((store.status().queued, store.status().rows), (0, 8193));
    assert!(!store.pressure());
}

#[tokio::test]
async fn a_ticket_is_given_back_before_the_row_is_written() {
    let store = memory().await;
    let (ticket, settled) = Ticket::new();
    store.record(error("x"), ticket).unwrap();
    settled.wait().await;
    assert_eq!(store.status().queued, 1);
}

#[tokio::test]
async fn a_store_that_cannot_write_says_so_keeps_records_and_recovers() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    let mut shell = shell(&path).await;
    shell.execute("alter table errors rename to gone").await.unwrap();
    store.record(error("kept"), Ticket::none()).unwrap();
    let refused = store.commit(vec![order(1)]).await.unwrap_err();
    assert!(refused.to_string().contains("no such table: errors"), "{refused}");
    let status = store.status();
    assert!(!status.up);
    // The record, and the failure itself.
    assert_eq!((status.queued, status.rows), (2, 0));
    assert!(status.last_error.unwrap().contains("no such table"));

    shell.execute("alter table gone rename to errors").await.unwrap();
    store.flush().await.unwrap();
    let status = store.status();
    assert_eq!((status.up, status.queued, status.rows), (true, 0, 2));
    assert_eq!(rows(&mut shell, "errors").await, 2);
    // Its caller was told that it is not stored.
    assert_eq!(rows(&mut shell, "orders").await, 0);
}

#[tokio::test]
async fn a_failed_transaction_is_tried_again_without_being_asked() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    let mut shell = shell(&path).await;
    shell.execute("alter table orders rename to gone").await.unwrap();
    // Nothing but the failure itself is left to be written.
    store.commit(vec![order(1)]).await.unwrap_err();
    assert_eq!((store.status().up, store.status().queued), (false, 1));
    let mut tries = store.inner.tries.clone();
    tries.mark_unchanged();
    tries.changed().await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(store.status().up);
    assert_eq!(rows(&mut shell, "errors").await, 1);
}

#[tokio::test]
async fn a_full_disk_is_survived() {
    let mut opened = open::in_memory(&run("r")).await.unwrap();
    // The database then rolls back by itself, which is what must not confuse the writer.
    opened.conn.execute("pragma max_page_count = 80").await.unwrap();
    let store = Store::start(opened, run("r"));
    let refused = store.commit(vec![error(&"x".repeat(1_000_000))]).await;
    assert!(refused.unwrap_err().to_string().contains("full"));
    assert!(!store.status().up);
    store.commit(vec![order(1)]).await.unwrap();
    assert!(store.status().up);
    assert_eq!(store.last_order_number(&me()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_commit_that_was_given_up_is_not_written_later() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    let mut shell = shell(&path).await;
    shell.execute("begin immediate").await.unwrap();
    store.record(error("first"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    tries.changed().await.unwrap();
    // The writer waits for the lock, and the caller's patience ends.
    tokio::time::pause();
    let late = Duration::from_secs(6);
    let (answer, ()) = tokio::join!(store.commit(vec![order(1)]), tokio::time::advance(late));
    tokio::time::resume();
    assert!(answer.unwrap_err().to_string().contains("no answer within 5 s"));
    assert!(!store.status().up);
    shell.execute("rollback").await.unwrap();
    store.flush().await.unwrap();
    assert!(store.status().up);
    assert_eq!(rows(&mut shell, "orders").await, 0);
    assert_eq!(rows(&mut shell, "errors").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_stands_still_while_the_store_works() {
    let before = tokio::time::Instant::now();
    let store = memory().await;
    for number in 1..=20 {
        store.commit(vec![order(number)]).await.unwrap();
        assert_eq!(store.last_order_number(&me()).await.unwrap(), number);
        store.orders(newest(10, None)).await.unwrap();
    }
    store.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn closing_writes_what_waits_and_takes_nothing_more() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    for _ in 0..100 {
        store.record(error("x"), Ticket::none()).unwrap();
    }
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(matches!(store.record(error("x"), Ticket::none()), Err(StoreError::Ended)));
    assert!(matches!(store.flush().await, Err(StoreError::Ended)));
    assert!(matches!(store.orders(newest(1, None)).await, Err(StoreError::Ended)));
    assert_eq!(rows(&mut shell(&path).await, "errors").await, 100);
    // The file is free again, although the old handle is still there.
    Store::open(&path, run("s")).await.unwrap();
}

#[tokio::test]
async fn closing_a_store_that_cannot_write_says_how_much_is_lost() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    shell(&path).await.execute("drop table errors").await.unwrap();
    store.record(error("x"), Ticket::none()).unwrap();
    store.flush().await.unwrap_err();
    let lost = store.close(Duration::ZERO).await.unwrap_err();
    assert_eq!(lost.to_string(), "the store failed: 2 rows were not written");
}

#[tokio::test]
async fn the_last_clone_takes_the_writer_with_it() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.record(error("x"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    drop(store.clone());
    drop(store);
    while tries.changed().await.is_ok() {}
    let again = Store::open(&path, run("s")).await.unwrap();
    assert_eq!(rows(&mut shell(&path).await, "errors").await, 1);
    drop(again);
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let store = memory().await;
    for seq in 1..=5 {
        store.commit(vec![order(seq), Row::Decision(decision(seq))]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.decisions(newest(2, before)).await.unwrap();
        seen.push(page.items.iter().map(|item| item.seq).collect::<Vec<_>>());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
    // A page that holds just the rest has no next.
    let whole = store.decisions(newest(5, None)).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (5, None));
    assert_eq!(whole.items[4], decision(1));
    // Another strategy's page is empty, and a limit of nothing is one.
    let mut other = newest(0, None);
    assert_eq!(store.decisions(other.clone()).await.unwrap().items.len(), 1);
    other.strategy = "momentum".parse().unwrap();
    assert_eq!(store.decisions(other).await.unwrap().items, []);
}

#[tokio::test]
async fn an_order_is_what_its_events_say() {
    let accepted = |number| told(number, Update::Submitted(Submission::Accepted));
    let unknown = |number| told(number, Update::Submitted(Submission::Unknown));
    check_order(vec![], "pending", "0", None).await;
    check_order(vec![accepted(1)], "accepted", "0", None).await;
    check_order(vec![rejected(1)], "rejected", "0", Some("no money")).await;
    check_order(vec![unknown(1)], "unknown", "0", None).await;
    // It was looked up: whatever came first, it is known now.
    check_order(vec![unknown(1), accepted(1)], "accepted", "0", None).await;
    check_order(vec![unknown(1), rejected(1)], "rejected", "0", Some("no money")).await;
    check_order(vec![unknown(1), filled(1, 1)], "accepted", "2", None).await;
    let twice = vec![accepted(1), filled(1, 1), filled(1, 2), filled(1, 2)];
    check_order(twice, "accepted", "4", None).await;
    let part = vec![accepted(1), filled(1, 1), done(1, DoneCause::Unmatched)];
    check_order(part, "filled", "2", Some("unmatched")).await;
    let all = vec![filled(1, 1), filled(1, 2), done(1, DoneCause::Filled)];
    check_order(all, "filled", "4", Some("filled")).await;
    let none = vec![accepted(1), done(1, DoneCause::Cancelled)];
    check_order(none, "unfilled", "0", Some("cancelled")).await;
    // Of another order.
    check_order(vec![done(2, DoneCause::Resolved)], "pending", "0", None).await;
}

/// The one place that derives an order's state from its events.
async fn check_order(events: Vec<Row>, state: &str, filled: &str, cause: Option<&str>) {
    let store = memory().await;
    let case = format!("{events:?}");
    store.commit(vec![order(1)]).await.unwrap();
    store.commit(events).await.unwrap();
    let expected = OrderRecord {
        id: "split_arb:1".parse().unwrap(),
        at: at(1),
        market_id: MARKET.to_string(),
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.46".parse().unwrap(),
        size: "10".parse().unwrap(),
        time_in_force: "FAK".to_owned(),
        purpose: "entry".to_owned(),
        state: state.to_owned(),
        filled: filled.parse().unwrap(),
        cause: cause.map(str::to_owned),
    };
    let page = store.orders(newest(10, None)).await.unwrap();
    assert_eq!(page.items, [expected], "{case}");
    let open = store.open_orders(&me()).await.unwrap();
    let is_open = matches!(state, "pending" | "accepted" | "unknown");
    assert_eq!(open.len(), usize::from(is_open), "{case}");
}

#[tokio::test]
async fn the_past_is_told_once_in_the_order_it_was_booked() {
    let store = memory().await;
    let sold = Update::Filled(fill_of(2, 1, Side::Sell, "0.5", "1"));
    let facts = [
        filled(1, 1),
        filled(1, 1),
        settlement(20),
        told(2, sold.clone()),
        settlement(30),
        settlement(20),
        filled(1, 2),
    ];
    for fact in facts {
        store.record(fact, Ticket::none()).unwrap();
    }
    // What is queued counts: a strategy that starts again must not miss a fill.
    assert_eq!(store.status().rows, 0);
    let past = store.past(&me()).await.unwrap();
    let Update::Filled(sold) = sold else { panic!("a fill") };
    let settled = Past::Settled { market: MARKET, payouts: [usdc("1"), usdc("0")] };
    let bought = |fill| Past::Fill(fill_of(1, fill, Side::Buy, "0.45", "2"));
    assert_eq!(past, [bought(1), settled.clone(), Past::Fill(sold), settled, bought(2)]);
    assert_eq!(store.past(&"momentum".parse().unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn the_sums_agree_with_the_portfolio() {
    let store = memory().await;
    let mut portfolio = Portfolio::default();
    // Prices and sizes whose products must be rounded.
    let fills = [
        fill_of(1, 1, Side::Buy, "0.333333", "3.333333"),
        fill_of(1, 2, Side::Buy, "0.000007", "7.000001"),
        fill_of(2, 1, Side::Sell, "0.777777", "1.234567"),
    ];
    for fill in fills {
        portfolio.book(&fill).unwrap();
        let row = told(fill.order.number, Update::Filled(fill));
        store.record(row, Ticket::none()).unwrap();
    }
    let payouts = [usdc("1"), usdc("0")];
    let (amount, profit) = portfolio.settle(MARKET, payouts).unwrap();
    let settled =
        Settlement { strategy: me(), market: MARKET, payouts, amount, profit, at: at(30) };
    store.record(Row::Settlement(settled), Ticket::none()).unwrap();
    let sums = store.sums(&me()).await.unwrap();
    assert_eq!(sums.cash(), portfolio.cash());
    assert_eq!(sums.fees, portfolio.fees());
    assert_eq!(sums.settled, amount);
    let nobody = store.sums(&"momentum".parse().unwrap()).await.unwrap();
    assert_eq!(nobody, Sums::default());
}

#[tokio::test]
async fn order_numbers_and_the_past_are_of_this_run_and_halts_of_all() {
    let (_folder, path) = place();
    let first = Store::open(&path, run("b")).await.unwrap();
    let rows = vec![order(7), filled(7, 1), Row::Intent(halt(None))];
    first.commit(rows).await.unwrap();
    first.commit(vec![Row::Intent(halt(Some("a hang")))]).await.unwrap();
    first.close(Duration::from_secs(5)).await.unwrap();

    // Its id sorts before the first one's, and its clock stands still: only the order of opening counts.
    let second = Store::open(&path, run("a")).await.unwrap();
    assert_eq!(second.last_order_number(&me()).await.unwrap(), 0);
    assert_eq!(second.past(&me()).await.unwrap(), []);
    assert_eq!(second.open_orders(&me()).await.unwrap(), []);
    assert_eq!(second.strategy_records().await.unwrap(), [halt(Some("a hang"))]);
    second.record(Row::Intent(halt(None)), Ticket::none()).unwrap();
    assert_eq!(second.strategy_records().await.unwrap(), [halt(None)]);
    second.close(Duration::from_secs(5)).await.unwrap();

    // The same run again goes on where it was.
    let again = Store::open(&path, run("b")).await.unwrap();
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 7);
    again.commit(vec![order(8)]).await.unwrap();
    let page = again.orders(newest(1, None)).await.unwrap();
    assert_eq!(page.items[0].id.number, 8);
    let open = again.open_orders(&me()).await.unwrap();
    assert_eq!(open, ["split_arb:7".parse().unwrap(), "split_arb:8".parse().unwrap()]);
}

#[tokio::test]
async fn reading_does_not_wait_for_a_write() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(vec![order(1)]).await.unwrap();
    let mut shell = shell(&path).await;
    shell.execute("begin immediate").await.unwrap();
    let page = store.orders(newest(1, None)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    shell.execute("rollback").await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, path) = place();
    let file = Store::open(&path, run("r")).await.unwrap();
    for store in [memory().await, file] {
        let refused = store.inner.pool.execute("delete from runs").await;
        assert!(refused.unwrap_err().to_string().contains("readonly"));
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_what_to_do() {
    let (folder, path) = place();
    let root = folder.path();

    fs::write(root.join("file"), "x").unwrap();
    check_open(&root.join("file").join("ploy.db"), "Folder", "make the folder").await;
    check_open(root, "Folder", "make the folder").await;

    fs::write(root.join("text.db"), "this is a letter, not a database, and long enough to tell")
        .unwrap();
    check_open(&root.join("text.db"), "NotADatabase", "restore this file").await;

    let open = Store::open(&path, run("r")).await.unwrap();
    check_open(&path, "Locked", "in use by another process").await;
    // Nor by another name of the same file.
    let roundabout = root.join("data").join("..").join("data").join("ploy.db");
    check_open(&roundabout, "Locked", "in use by another process").await;
    open.close(Duration::from_secs(5)).await.unwrap();

    let mut shell = shell(&path).await;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, \
         execution_time) values (9999, 'of tomorrow', 1, x'00', 0)";
    shell.execute(newer).await.unwrap();
    check_open(&path, "Newer { ", "start the newer program").await;
    let changed = "delete from _sqlx_migrations where version = 9999; \
         update _sqlx_migrations set checksum = x'00'";
    shell.execute(changed).await.unwrap();
    check_open(&path, "Changed { ", "start the program that made it").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_in_which_nobody_may_write_is_refused() {
    // Of this one it is true for root, too.
    check_open(Path::new("/sys/ploy.db"), "ReadOnly", "writable for this user").await;
    check_open(Path::new("/sys/ploy/ploy.db"), "ReadOnly", "writable for this user").await;
}

#[tokio::test]
async fn a_file_in_which_nobody_may_write_is_refused() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    // The permission bits do not stop root, so the database is made to say it.
    let read_only = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut conn = SqliteConnection::connect_with(&read_only).await.unwrap();
    let said = conn.execute("delete from runs").await.unwrap_err();
    let error = open::classify(&path, said);
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
}

/// The one place that opens in vain: the error is of this kind, says this, names the place, and changes no file.
async fn check_open(path: &Path, kind: &str, advice: &str) {
    let before = fs::read(path).ok();
    let error = Store::open(path, run("x")).await.unwrap_err();
    assert!(format!("{error:?}").starts_with(kind), "{error:?}");
    assert!(error.to_string().contains(advice), "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
    assert_eq!(fs::read(path).ok(), before);
}

#[tokio::test]
async fn a_failed_open_leaves_no_database_behind() {
    let (_folder, path) = place();
    let bad = Migration::new(
        2,
        "bad".into(),
        MigrationType::Simple,
        "create table half (a text); create nonsense".into_sql_str(),
        false,
    );
    let migrations = open::MIGRATIONS.iter().cloned().chain([bad]).collect();
    let migrations = Migrator::with_migrations(migrations);
    let Err(error) = open::file(&path, &run("r"), &migrations).await else {
        panic!("a bad migration was applied")
    };
    assert!(matches!(error, OpenError::Failed { .. }), "{error:?}");
    let left: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["ploy.db.lock"]);

    // One that was there before stays, and stays what it was.
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(vec![order(1)]).await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(open::file(&path, &run("s"), &migrations).await.is_err());
    let again = Store::open(&path, run("r")).await.unwrap();
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 1);
    assert_eq!(rows(&mut shell(&path).await, "runs").await, 1);
}

#[tokio::test]
async fn no_query_reads_a_whole_table() {
    let store = memory().await;
    // What will be listed like the others.
    let lists = TABLES.iter().filter(|table| **table != "order_events").map(|table| {
        format!(
            "select * from {table} where run = $1 and strategy = $2 and seq < $3 \
             order by seq desc limit $4"
        )
    });
    let lists = lists.filter(|sql| !sql.contains(" strategies "));
    let queries = history::PAGES.iter().chain(&recovery::LOOKUPS);
    let queries = queries.map(|sql| (*sql).to_owned()).chain(lists);
    let mut checked = 0;
    for sql in queries {
        let explain = AssertSqlSafe(format!("explain query plan {sql}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.inner.pool).await.unwrap();
        for (_, _, _, step) in plan {
            let scans = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!scans && !step.contains("TEMP B-TREE"), "{step}: {sql}");
            checked += 1;
        }
    }
    assert!(16 <= checked, "{checked}");
}
