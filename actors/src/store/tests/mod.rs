//! What the store promises: durable, once, in order, within limits, and honest when it cannot.

mod admin;
mod audit;
mod backend;
mod before;
mod chains;
#[path = "../../../../tests/postgres/mod.rs"]
mod cluster;
mod messages;
mod opening;
mod outages;
mod reading;
mod runs;
mod schema;
mod versions;
mod writing;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::kernel::Order;
use ploy::life::Saved;
use ploy::lifecycle::Phase;
use ploy::market::{ConditionId, Market, Outcome, Side, TickSize};
use ploy::open_orders::OpenOrders;
use ploy::order::{
    ClientOrderId, DoneCause, Fill, Liquidity, OrderEvent, Origin, StrategyId, Submission, Update,
};
use ploy::order_path::Outgoing;
use ploy::position::Portfolio;
use ploy::price::{Size, Usdc};
use ploy::restart::{Failure, FailureClass, RestartBudget, RestartPolicy};
use ploy::risk::{
    Context, DayLimits, EntryLimits, GroupLimits, Groups, Limits, RiskGuard, SendLimits,
};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, Executor, SqlSafeStr, SqliteConnection,
    query_scalar,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::sql::{Conn, sql};
use super::*;
use crate::ports::memory::MemoryRecord;
use crate::ports::process::{ProcessEvent, ProcessRecord};
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
        plays: None,
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
fn order_of(number: u64, size: &str) -> Outgoing {
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
        event: None,
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
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    });
    let context = Context {
        now: at(0),
        market: Some(&market),
        tick: market.tick,
        book: None,
        portfolio: &Portfolio::default(),
        orders: &OpenOrders::default(),
        groups: &Groups::new(),
    };
    let approved = guard.check(intent(size), &context).unwrap();
    let id = ClientOrderId { strategy: me(), number };
    let order = Order::new(id, at(i64::try_from(number).unwrap()), approved);
    Outgoing::new(order, "r")
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
    told(number, Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }))
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

fn memory_of(inputs: u64, body: &str) -> MemoryRecord {
    MemoryRecord {
        strategy: me(),
        at: at(5),
        start: 1,
        incarnation: 1,
        inputs,
        events: inputs * 10,
        version: 1,
        body: body.to_owned(),
    }
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
        grounds: None,
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
            before: None,
        }),
        Row::Intent(halt(Some("three panics"))),
        Row::Process(ProcessRecord { at: at(7), event: ProcessEvent::Ended }),
    ]
}

fn halt(cause: Option<&str>) -> StrategyRecord {
    let policy = RestartPolicy::default();
    let failure = Failure { class: FailureClass::Config, message: "c".to_owned() };
    let mut budget = RestartBudget::default();
    budget.judge(&policy, &Failure { class: FailureClass::Hang, ..failure.clone() }, at(5), 7);
    let phase = match cause {
        Some(cause) => Phase::Halted { class: failure.class, cause: cause.to_owned() },
        None => Phase::Backoff { attempt: 3, until: at(9) },
    };
    let saved = Saved {
        wanted: Some(cause.is_none()),
        phase,
        halted_since: cause.map(|_| at(4)),
        version: cause.map(|_| "abc".to_owned()),
        budget,
        restarts: [("failure".to_owned(), 2)].into(),
    };
    StrategyRecord { strategy: me(), saved, at: at(6) }
}

fn newest(limit: u32, before: Option<i64>) -> Query {
    Query { strategy: me(), limit, before }
}

const TABLES: [&str; 11] = [
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
    "process_events",
];
