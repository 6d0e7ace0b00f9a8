//! One strategy fails in every way there is; the other never notices, and the failing one is judged by its own policy.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actors::bus::Ticket;
use actors::manager::Build;
use ploy::command::Action;
use ploy::intent::TimeInForce;
use ploy::lifecycle::Gate;
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{ClientOrderId, Fill, Liquidity, OrderEvent, Update};
use ploy::status::SystemStatus;
use ploy::time::Timestamp;

use crate::stage::script::{OnEvent, Seen, buy, buyer, script, yes_ask};
use crate::stage::service::{Stage, command, ended, one, orders, phase, stop};
use crate::stage::{folder, id, legged, repo, rows, tape};

/// Returns what a strategy does that buys at every 50th book of yes and panics at the book of this number.
fn buys_and_panics(at: u64, message: String) -> OnEvent {
    let mut books = 0;
    Box::new(move |event, _, looks| {
        let Some((market, ask)) = yes_ask(event) else { return };
        books += 1;
        assert!(books != at, "{message}");
        if books % 50 == 1 {
            looks.push(buy(market, ask, TimeInForce::Fak));
        }
    })
}

/// Plays the beginning of the shipped tape to a shipped strategy beside the failing one, and holds the shipped one
/// to what it decides when nothing fails.
async fn beside(build: Build, store: &Path) -> (actors::app::App, Arc<SystemStatus>) {
    let folder = folder();
    let tape = tape::short(folder.path());
    let undisturbed = tape::replay(std::slice::from_ref(&tape), &[legged()]);
    let undisturbed = undisturbed.kernels()[&legged().id].status();
    assert!(0 < undisturbed.fills);
    let stage = Stage::new().with(legged()).custom("failing", build).store(store);
    let app = stage.play(&tape).await;
    let status = ended(&app).await;
    let other = one(&status, "split_arb_legged");
    assert_eq!(other.kernel.digest, undisturbed.digest);
    assert_eq!(other.kernel.pnl.cash_usdc, undisturbed.pnl.cash_usdc);
    assert_eq!((other.restarts.len(), other.failures), (0, 0));
    (app, status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_that_panics_comes_back_after_its_backoff_and_goes_on_counting() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let seen = Arc::<Seen>::default();
    // It panics right after an order was sent: the order is settled before the next try.
    let build = script(&seen, |incarnation| {
        let at = if incarnation == 1 { 152 } else { u64::MAX };
        buys_and_panics(at, "the 152nd book".to_owned())
    });
    let (app, status) = beside(build, &store).await;
    let failing = one(&status, "failing");
    assert_eq!(failing.phase.name(), "running");
    assert_eq!(failing.restarts["failure"], 1);
    assert!(failing.last_error.as_ref().unwrap().contains("the 152nd book"));
    assert_eq!(seen.built.load(Ordering::SeqCst), 2);

    let orders = orders(&app, "failing").await;
    let numbers: Vec<u64> = orders.iter().map(|order| order.id.number).collect();
    assert_eq!(numbers, (1..=failing.kernel.orders.submitted).collect::<Vec<_>>());
    assert!(4 < numbers.len(), "it traded on: {numbers:?}");
    assert!(orders.iter().all(|order| order.state != "pending" && order.state != "accepted"));
    let sums = app.store.sums(&id("failing")).await.unwrap();
    assert_eq!(failing.kernel.pnl.cash_usdc, sums.cash(), "positions were recalled");
    stop(app).await;

    let moves: Vec<(i64, String)> =
        rows(&store, "select at, to_phase from lifecycle where strategy = 'failing' order by seq")
            .await;
    let phases: Vec<&str> = moves.iter().map(|(_, phase)| phase.as_str()).collect();
    let life =
        "starting warming running quarantine backoff starting warming running stopping stopped";
    assert_eq!(phases.join(" "), life);
    // A second of event time, more or less a fifth.
    let waited = moves[5].0 - moves[4].0;
    assert!((800_000..=1_200_000).contains(&waited), "{waited} µs");
    let (digits,): (i64,) =
        rows(&store, "select max(number) from decisions where strategy = 'failing'").await[0];
    assert_eq!(u64::try_from(digits).unwrap(), failing.kernel.decisions, "decisions count on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_that_panics_in_its_constructor_is_tried_again() {
    let folder = folder();
    let tries = Arc::new(AtomicU64::new(0));
    let seen = Arc::<Seen>::default();
    let sound = script(&seen, |_| buyer());
    let counted = Arc::clone(&tries);
    let build: Build = Arc::new(move || {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        assert!(2 <= number, "no memory for try {number}");
        sound()
    });
    let (app, status) = beside(build, &folder.path().join("ploy.db")).await;
    let failing = one(&status, "failing");
    assert_eq!((failing.phase.name(), failing.restarts["failure"]), ("running", 2));
    assert!(0 < failing.kernel.fills);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_panic_three_times_halts_past_the_end_of_the_process_until_a_person_resumes() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let poison = || script(&Arc::default(), |_| buys_and_panics(20, "poison".to_owned()));
    let (app, status) = beside(poison(), &store).await;
    let failing = one(&status, "failing");
    assert_eq!((failing.phase.name(), failing.restarts["failure"]), ("halted", 2));
    stop(app).await;

    // The next process finds it halted, whatever it is built of now.
    let seen = Arc::<Seen>::default();
    let sound = script(&seen, |_| buyer());
    let (app, mut feeder) =
        Stage::new().custom("failing", Arc::clone(&sound)).store(&store).fed().await;
    let halted = phase(&app, "failing", "halted").await;
    let said = serde_json::to_value(&halted.phase).unwrap();
    assert!(said["cause"].as_str().unwrap().contains("the same panic 3 times in a row"), "{said}");
    let refused = command(&app, "failing", Action::Start).await.unwrap_err();
    assert_eq!(refused.to_string(), "a strategy that is halted cannot start; it can resume");
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.settled(&app).await;
    assert_eq!(seen.built.load(Ordering::SeqCst), 0);

    command(&app, "failing", Action::Resume).await.unwrap();
    phase(&app, "failing", "running").await;
    feeder.until(&app, "it trades", |status| one(status, "failing").kernel.fills == 1).await;
    stop(app).await;

    // The resume outlives the process as the halt did.
    let (app, _feeder) = Stage::new().custom("failing", sound).store(&store).fed().await;
    phase(&app, "failing", "running").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sixth_failure_within_the_window_halts() {
    let folder = folder();
    let build = script(&Arc::default(), |incarnation| {
        buys_and_panics(20, format!("failure {incarnation}"))
    });
    let (app, status) = beside(build, &folder.path().join("ploy.db")).await;
    let failing = one(&status, "failing");
    assert_eq!((failing.phase.name(), failing.restarts["failure"]), ("halted", 5));
    let said = serde_json::to_value(&failing.phase).unwrap();
    let cause = said["cause"].as_str().unwrap();
    assert!(cause.contains("6 failures within 600 s") && cause.contains("failure 6"), "{cause}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_whose_books_do_not_add_up_is_halted_at_once() {
    let sound = script(&Arc::default(), |_| buyer());
    let broken = script(&Arc::default(), |_| buyer());
    let stage = Stage::new().custom("sound", sound).custom("broken", broken);
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    app.bus.tell(stray_fill(market), Ticket::none());
    let halted = phase(&app, "broken", "halted").await;
    let error = halted.last_error.unwrap();
    assert!(error.contains("a fill of broken:77, which is not open"), "{error}");
    assert!(halted.restarts.is_empty(), "no try mends it");
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(std::time::Duration::from_secs(1)).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    let sound = one(&status, "sound");
    assert_eq!((sound.phase.name(), sound.restarts.len(), sound.failures), ("running", 0, 0));
    assert_eq!((sound.gate, sound.kernel.rejections["gate"]), (Gate::Closed, 1), "it runs on");
    assert_eq!(one(&status, "broken").kernel.orders.submitted, 0);
    stop(app).await;
}

/// Returns a fill of an order that the strategy `broken` never sent.
pub(crate) fn stray_fill(market: ConditionId) -> OrderEvent {
    let order = ClientOrderId { strategy: id("broken"), number: 77 };
    let at: Timestamp = "2026-09-28T09:00:02Z".parse().unwrap();
    let fill = Fill {
        number: 1,
        order: order.clone(),
        market,
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.40".parse().unwrap(),
        size: "10".parse().unwrap(),
        fee: "0".parse().unwrap(),
        liquidity: Liquidity::Taker,
        at,
    };
    OrderEvent { at, order, update: Update::Filled(fill) }
}

#[test]
fn no_profile_turns_a_panic_into_the_end_of_the_process() {
    // A build that aborts would end here.
    assert!(std::panic::catch_unwind(|| panic!("on purpose")).is_err());
    let text = std::fs::read_to_string(repo("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let profiles = manifest["profile"].as_table().unwrap();
    assert!(profiles.contains_key("release"));
    for (name, profile) in profiles {
        assert_ne!(profile.get("panic").and_then(toml::Value::as_str), Some("abort"), "{name}");
    }
}
