//! A status in which everything is there, so that every series is.

use std::collections::BTreeMap;

use actors::api::metrics::ProcessInfo;
use actors::telemetry::LogCounts;
use ploy::halt::{Cause, Gates, GatesStatus, Input, Scope, Why};
use ploy::ledger::LedgerStatus;
use ploy::lifecycle::{Gate, Phase};
use ploy::market::Outcome;
use ploy::price::Usdc;
use ploy::restart::FailureClass;
use ploy::rollout::RolloutStatus;
use ploy::status::{
    AccountLimitStatus, AccountStatus, AccountTripStatus, AuditStatus, ConfigStatus, FeedPhase,
    FeedStatus, KernelStatus, Mode, OrderCounts, PnlStatus, PositionStatus, RecordPhase,
    RecordStatus, RiskUse, StoreStatus, StrategyStatus, SystemStatus, Tally, TapeStatus,
};
use ploy::tape::Books;
use ploy::time::Timestamp;

/// Returns gates that a person has closed for all, and once more for one.
fn gates() -> GatesStatus {
    let why = || Why { reason: "odd fills".into(), actor: "ann".into(), since: at(60_000) };
    let mut gates = Gates::default();
    gates.next(Input::Raise { cause: Cause::Operator, why: why() }).unwrap();
    let scope = Scope::One("late".parse().unwrap());
    gates.next(Input::Pause { scope, gate: Gate::Closed, why: why() }).unwrap();
    gates.status()
}

/// Returns a paper run with one strategy that trades and one that is halted.
pub(crate) fn full() -> SystemStatus {
    SystemStatus {
        snapshot: 42,
        version: "0.1.0".into(),
        run: "run-1".into(),
        started_at: at(0),
        continued: None,
        taken_at: at(3_600_000),
        now: at(60_250),
        mode: Mode::Paper,
        gates: gates(),
        not_ready: Vec::new(),
        safe_mode: None,
        feed: FeedStatus {
            name: "tape".into(),
            state: FeedPhase::Playing,
            title: "BTC up or down".into(),
            books: Books::Recorded,
            tapes: vec![TapeStatus {
                title: "BTC up or down".into(),
                books: Books::Recorded,
                from: at(0),
                to: at(900_000),
            }],
            events: 1200,
            last_event_at: Some(at(60_250)),
            from: Some(at(0)),
            to: Some(at(900_000)),
            speed: "60x".into(),
            error: None,
        },
        store: store(),
        record: RecordStatus {
            state: RecordPhase::Recording,
            folder: "data/record".into(),
            file: Some("data/record/record-run-1-00002.jsonl.gz".into()),
            files: 2,
            inputs: 2400,
            bytes: 123_456,
            queued: 3,
            lost: 5,
            deleted: 1,
            errors: 1,
            last_error: Some("write a line: disk full".into()),
        },
        config: ConfigStatus {
            folder: "config/strategies".into(),
            looks: 3,
            looked_at: Some(at(3_599_000)),
            error: None,
            faults: vec!["config/strategies/a.toml:3:1: strategy.kind: is missing".into()],
        },
        ledger: LedgerStatus::default(),
        account: account(),
        unknown_orders: ploy::status::UnknownOrders::default(),
        strategies: vec![
            strategy(
                "late",
                Phase::Halted { class: FailureClass::Panic, cause: "panic".into() },
                KernelStatus::default(),
            ),
            strategy("split", Phase::Running, kernel()),
        ],
        recent: Vec::new(),
    }
}

/// Returns a process with every number known.
pub(crate) fn process() -> ProcessInfo {
    ProcessInfo {
        cpu_micros: Some(1_250_000),
        resident_bytes: Some(52_428_800),
        virtual_bytes: Some(1_073_741_824),
        open_fds: Some(12),
        max_fds: Some(1024),
        start_micros: Some(at(0).micros()),
        threads: Some(6),
        tasks: Some(42),
        log: LogCounts { error: 1, warn: 2, info: 30, debug: 0, trace: 0, lost: 0 },
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_586_000_000 + millis)
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn strategy(id: &str, phase: Phase, kernel: KernelStatus) -> StrategyStatus {
    StrategyStatus {
        id: id.parse().unwrap(),
        kind: "split_arb".into(),
        variant: "legged".into(),
        phase,
        since: at(0),
        gate: Gate::Open,
        config_version: "0123456789ab".into(),
        config_since: Some(at(3_000)),
        config_pending: None,
        rollout: RolloutStatus::default(),
        restarts: BTreeMap::from([("failure".into(), 2)]),
        failures: 2,
        dependency_tries: 0,
        last_error: None,
        busy_ms: None,
        poison: Vec::new(),
        books: vec![Books::Recorded],
        kernel,
    }
}

fn kernel() -> KernelStatus {
    KernelStatus {
        inputs: 1200,
        conflated: 7,
        missed: 1,
        set_aside: 0,
        decisions: 1000,
        digest: "00".repeat(32),
        intents: 12,
        causes: vec![
            tally("no", "no_edge", None, 988),
            tally("rejected", "market_exposure", None, 4),
            tally("no", "no_edge", Some("btc-15m-2"), 388),
            tally("rejected", "market_exposure", Some("btc-15m-1"), 4),
        ],
        orders: OrderCounts {
            submitted: 8,
            accepted: 5,
            rejected: 1,
            unknown: 1,
            filled: 3,
            unfilled: 2,
            open: 1,
        },
        fills: 4,
        rejections: BTreeMap::from([("market_exposure".into(), 4)]),
        last_decision_at: Some(at(60_250)),
        last_trade_at: Some(at(59_000)),
        settling: Vec::new(),
        positions: vec![PositionStatus {
            market: "btc-15m-1".into(),
            market_id: "0xab".into(),
            outcome: Outcome::Yes,
            label: "Up".into(),
            size: "10".parse().unwrap(),
            cost_usdc: usdc("4.6"),
            bid: Some("0.45".parse().unwrap()),
            last_bid: None,
            last_bid_until: None,
        }],
        pnl: PnlStatus {
            realised_usdc: usdc("-1.25"),
            unrealised_usdc: usdc("0.3"),
            total_usdc: usdc("-0.95"),
            fees_usdc: usdc("0.12"),
            volume_usdc: usdc("18.4"),
            cash_usdc: usdc("-5.85"),
            drawdown_usdc: usdc("2"),
            drawdown_max_usdc: usdc("3"),
        },
        risk: vec![
            limit("drawdown", ["2", "20", "18"], 100),
            limit("open_orders", ["1", "4", "3"], 250),
            limit("loss_streak", ["5m", "10m", "5m"], 500),
        ],
        tripped: Some("3 losses in a row".into()),
        half_open: None,
        markets: 2,
    }
}

fn tally(verdict: &str, cause: &str, market: Option<&str>, count: u64) -> Tally {
    Tally {
        verdict: verdict.into(),
        cause: cause.into(),
        market: market.map(Into::into),
        count,
        first_at: at(0),
        last_at: at(60_250),
        numbers: vec![("ask".into(), "0.46".into())],
    }
}

fn limit(rule: &str, numbers: [&str; 3], permille: u64) -> RiskUse {
    let [used, limit, room] = numbers.map(str::to_owned);
    RiskUse { rule: rule.into(), used, limit, room, permille }
}

/// One limit is passed, one is nearly used.
fn account() -> AccountStatus {
    let limit = |rule: &str, used: &str, limit: &str, room: &str, permille| AccountLimitStatus {
        rule: rule.into(),
        used: used.into(),
        limit: limit.into(),
        room: room.into(),
        permille,
    };
    AccountStatus {
        limits: vec![
            limit("daily_loss", "103.2", "100", "0", 1032),
            limit("open_orders", "16", "20", "4", 800),
            limit("worst_loss", "12", "400", "388", 30),
        ],
        tripped: vec![AccountTripStatus {
            rule: "daily_loss".into(),
            used: "103.2".into(),
            limit: "100".into(),
            at: at(3_000_000),
        }],
        refused: [("self_cross".to_owned(), 2)].into(),
        last_refusal: None,
        equity_usdc: "-103.2".parse().unwrap(),
        broken: None,
    }
}

fn store() -> StoreStatus {
    StoreStatus {
        up: true,
        place: "data/ploy.db".into(),
        rows: 345,
        queued: 2,
        lag_ms: 1500,
        errors: 1,
        refused: 3,
        free_bytes: Some(5_000_000_000),
        last_error: Some("disk full".into()),
        audit: AuditStatus {
            rows: 678,
            hash: "ab".repeat(32),
            checked: 600,
            broken: None,
            pruned: 42,
        },
    }
}
