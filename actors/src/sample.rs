//! Snapshots that the tests of every rendering share, so that all of them can be compared.

use ploy::status::SystemStatus;
use serde_json::{Value, json};

/// Returns a snapshot in which nothing is wrong: two strategies run.
pub(crate) fn healthy() -> SystemStatus {
    let status = json!({
        "snapshot": 41,
        "version": "0.1.0",
        "run": "0197a1b2",
        "started_at": "2026-11-22T10:00:00Z",
        "taken_at": "2026-11-22T10:03:20Z",
        "now": "2026-09-28T12:30:00Z",
        "mode": "paper",
        "not_ready": [],
        "feed": {
            "name": "tape", "state": "playing", "title": "BTC 15-minute markets",
            "books": "recorded",
            "tapes": [
                {"title": "BTC 15-minute markets", "books": "recorded",
                 "from": "2026-09-28T09:00:00Z", "to": "2026-09-28T16:00:00Z"},
            ],
            "events": 1_234_567,
            "last_event_at": "2026-09-28T12:30:00Z",
            "from": "2026-09-28T09:00:00Z", "to": "2026-09-28T16:00:00Z",
            "speed": "60x", "error": null
        },
        "store": {
            "up": true, "place": "data/ploy.db", "rows": 1520, "queued": 3, "lag_ms": 4,
            "errors": 0, "refused": 0, "free_bytes": 52_000_000_000_u64, "last_error": null
        },
        "record": {
            "state": "recording", "folder": "data/record",
            "file": "data/record/record-0197a1b2-00001.jsonl.gz", "files": 1,
            "inputs": 2_469_134, "bytes": 201_326_592, "queued": 2, "lost": 0, "deleted": 0,
            "errors": 0, "last_error": null
        },
        "strategies": [
            strategy("split-arb", "legged", first_kernel()),
            strategy("split-both", "simultaneous", second_kernel()),
        ],
        "recent": [
            {"at": "2026-09-28T12:29:10Z", "strategy": "split-arb", "event": "order.filled",
             "message": "bought 12.5 Up at 0.34"},
            {"at": "2026-09-28T12:29:58Z", "strategy": null, "event": "feed.gap",
             "message": "no book for 6 s"},
        ],
    });
    serde_json::from_value(status).expect("the sample is a snapshot")
}

/// Returns a snapshot with a third strategy that waits for its next try, and the second one halted.
pub(crate) fn troubled() -> SystemStatus {
    let mut status = healthy();
    let mut third = status.strategies[0].clone();
    third.id = "split-eth".parse().expect("an id");
    third.phase = ploy::lifecycle::Phase::Backoff {
        attempt: 2,
        until: "2026-09-28T12:30:05Z".parse().expect("a time"),
    };
    third.kernel = ploy::status::KernelStatus::default();
    third.last_error = Some("panic: index out of bounds".to_owned());
    third.restarts.insert("failure".to_owned(), 1);
    status.strategies.push(third);
    status.strategies[1].phase = ploy::lifecycle::Phase::Halted {
        class: ploy::restart::FailureClass::Panic,
        cause: "the same panic three times".to_owned(),
    };
    status.strategies[1].last_error = Some("panic: attempt to subtract with overflow".to_owned());
    status.strategies[1].restarts.insert("failure".to_owned(), 5);
    status
}

#[expect(clippy::needless_pass_by_value, reason = "the value becomes a part of the answer")]
fn strategy(id: &str, variant: &str, kernel: Value) -> Value {
    json!({
        "id": id, "kind": "split_arb", "variant": variant, "phase": "running",
        "since": "2026-09-28T12:26:42Z", "gate": "open", "config_version": "9f2c01ab34de",
        "restarts": {"config": 1}, "failures": 0, "last_error": null, "books": ["recorded"], "kernel": kernel
    })
}

fn first_kernel() -> Value {
    json!({
        "inputs": 600_000, "conflated": 12, "missed": 0, "decisions": 61_000,
        "digest": "a".repeat(64), "intents": 30,
        "causes": [
            {"verdict": "no", "cause": "stale_book", "count": 820,
             "first_at": "2026-09-28T09:00:00Z", "last_at": "2026-09-28T12:20:00Z",
             "numbers": [["age", "6.1s"], ["limit", "5s"]]},
            {"verdict": "no", "cause": "price_limit", "count": 60_148,
             "first_at": "2026-09-28T09:00:01Z", "last_at": "2026-09-28T12:30:00Z",
             "numbers": [["ask", "0.46"], ["max_entry", "0.35"]]},
            {"verdict": "rejected", "cause": "market_exposure",
             "count": 2, "first_at": "2026-09-28T10:00:00Z", "last_at": "2026-09-28T11:00:00Z",
             "numbers": [["used", "54.4"], ["limit", "50"], ["passing", "12.5"]]},
            {"verdict": "no", "cause": "price_limit", "market": "btc-updown-15m", "count": 940,
             "first_at": "2026-09-28T12:15:01Z", "last_at": "2026-09-28T12:30:00Z",
             "numbers": [["ask", "0.46"], ["max_entry", "0.35"]]},
        ],
        "orders": {"submitted": 28, "accepted": 25, "rejected": 2, "unknown": 1,
                   "filled": 20, "unfilled": 5, "open": 1},
        "fills": 22, "rejections": {"market_exposure": 2},
        "last_decision_at": "2026-09-28T12:30:00Z", "last_trade_at": "2026-09-28T12:29:10Z",
        "positions": [
            {"market": "btc-updown-15m", "market_id": format!("0x{}", "1".repeat(64)),
             "outcome": "yes", "label": "Up", "size": "12.5", "cost_usdc": "4.256",
             "bid": "0.33"},
        ],
        "pnl": {"realised_usdc": "3.104", "unrealised_usdc": "-0.131", "total_usdc": "2.973",
                "fees_usdc": "0.412", "volume_usdc": "143.25", "cash_usdc": "-1.152",
                "drawdown_usdc": "0.131", "drawdown_max_usdc": "4.018"},
        "risk": [
            {"rule": "market_exposure", "used": "4.256", "limit": "50", "room": "45.744",
             "permille": 85},
        ],
        "tripped": null, "markets": 2
    })
}

fn second_kernel() -> Value {
    json!({
        "inputs": 600_000, "conflated": 0, "missed": 0, "decisions": 60_900,
        "digest": "b".repeat(64), "intents": 0,
        "causes": [
            {"verdict": "no", "cause": "no_edge", "count": 60_900,
             "first_at": "2026-09-28T09:00:01Z", "last_at": "2026-09-28T12:30:00Z",
             "numbers": [["sum", "1.01"], ["target_sum", "0.98"]]},
        ],
        "orders": {"submitted": 0, "accepted": 0, "rejected": 0, "unknown": 0,
                   "filled": 0, "unfilled": 0, "open": 0},
        "fills": 0, "rejections": {},
        "last_decision_at": "2026-09-28T12:30:00Z", "last_trade_at": null,
        "positions": [],
        "pnl": {"realised_usdc": "0", "unrealised_usdc": "0", "total_usdc": "0",
                "fees_usdc": "0", "volume_usdc": "0", "cash_usdc": "0",
                "drawdown_usdc": "0", "drawdown_max_usdc": "0"},
        "risk": [], "tripped": null, "markets": 2
    })
}
