//! The same tape gives the same decisions: again, without actors, at any speed, alone and beside others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ploy::config::StrategyConfig;
use ploy::price::Usdc;
use ploy::replay::Replay;
use ploy::status::SystemStatus;

use crate::stage::service::{Stage, ended, stop};
use crate::stage::{folder, settings, tape};

/// What a strategy came to: its digest, how many decisions and fills, and its cash.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    digest: String,
    decisions: u64,
    fills: u64,
    total: Usdc,
    cash: Usdc,
}

type Outcomes = BTreeMap<String, Came>;

async fn served(tapes: &[PathBuf], strategies: &[StrategyConfig], speed: &str) -> Outcomes {
    let stage = strategies.iter().cloned().fold(Stage::new().speed(speed), Stage::with);
    let app = stage.play_all(tapes).await;
    let outcomes = of_status(&*ended(&app).await);
    stop(app).await;
    outcomes
}

fn of_status(status: &SystemStatus) -> Outcomes {
    let came = status.strategies.iter().map(|strategy| {
        let kernel = &strategy.kernel;
        let came = Came {
            digest: kernel.digest.clone(),
            decisions: kernel.decisions,
            fills: kernel.fills,
            total: kernel.pnl.total_usdc,
            cash: kernel.pnl.cash_usdc,
        };
        (strategy.id.to_string(), came)
    });
    came.collect()
}

fn of_replay(replay: &Replay) -> Outcomes {
    let came = replay.kernels().iter().map(|(id, kernel)| {
        let status = kernel.status();
        let came = Came {
            digest: status.digest,
            decisions: status.decisions,
            fills: status.fills,
            total: status.pnl.total_usdc,
            cash: status.pnl.cash_usdc,
        };
        (id.to_string(), came)
    });
    came.collect()
}

fn replayed(tapes: &[PathBuf], strategies: &[StrategyConfig]) -> Outcomes {
    of_replay(&tape::replay(tapes, strategies))
}

fn traded(outcomes: &Outcomes) {
    for (id, came) in outcomes {
        assert!(0 < came.decisions && 0 < came.fills, "{id} did nothing: {came:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_tapes_give_the_same_decisions_and_money_twice_and_without_actors() {
    let strategies = settings().strategies;
    let tapes = settings().tapes;
    let bare = replayed(&tapes, &strategies);
    traded(&bare);
    assert_eq!(bare.len(), 4);
    for _ in 0..2 {
        assert_eq!(served(&tapes, &strategies, "max").await, bare);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strategies_decide_together_as_each_does_alone() {
    let folder = folder();
    let tape = [tape::short(folder.path())];
    let strategies = settings().strategies;
    let together = served(&tape, &strategies, "max").await;
    assert!(together.values().any(|came| 0 < came.fills), "{together:?}");
    let mut alone = Outcomes::new();
    for strategy in strategies {
        alone.extend(served(&tape, &[strategy], "max").await);
    }
    assert_eq!(together, alone);
}

/// `PLOY_TEST_TAPE=whole cargo nextest run -p actors --test system speed` plays all of the shipped tapes, which
/// takes 21 s; without it the first 35 minutes are played.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speed_changes_no_decision() {
    let folder = folder();
    let tapes: Vec<PathBuf> = match std::env::var("PLOY_TEST_TAPE").as_deref() {
        Ok("whole") => settings().tapes,
        Ok(_) | Err(_) => vec![tape::short(folder.path())],
    };
    let strategies = settings().strategies;
    let bare = replayed(&tapes, &strategies);
    assert!(bare.values().any(|came| 0 < came.fills), "{bare:?}");
    assert_eq!(served(&tapes, &strategies, "600x").await, bare);
}
