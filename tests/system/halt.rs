//! Halts and pauses of the whole service: who closes, what passes meanwhile, who opens, and what outlives a process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::app::{App, WrapVenue};
use actors::bus::Ticket;
use actors::ports::{Venue, Windows};
use ploy::halt::Cause;
use ploy::intent::TimeInForce;
use ploy::lifecycle::Gate;
use ploy::market::ConditionId;
use ploy::order_path::{Lookup, OrderKey, Outgoing};
use ploy::status::SystemStatus;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tokio::runtime::Handle;

use crate::isolation::stray_fill;
use crate::stage::feeder::Feeder;
use crate::stage::program::{Program, ploy, run};
use crate::stage::script::{OnEvent, buy, buyer, script, sell, yes_ask};
use crate::stage::service::{Stage, one, orders, phase, stop, until};
use crate::stage::{WITHIN, database, folder, rows};

const A_SECOND: Duration = Duration::from_secs(1);

/// Asks the API as anybody would. Returns the status and the body.
pub(crate) async fn post(app: &App, path: &str, body: Value) -> (u16, Value) {
    let url = format!("http://{}/v1/{path}", app.address);
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Halts or resumes; it must be granted. Returns whether that changed anything.
pub(crate) async fn ask(app: &App, path: &str) -> bool {
    let (status, body) = post(app, path, json!({"reason": "a test", "actor": "ann"})).await;
    assert_eq!(status, 200, "{path}: {body}");
    body["changed"].as_bool().unwrap()
}

/// Returns what a strategy does that buys below half a USDC and sells above it.
pub(crate) fn trader() -> OnEvent {
    let half = "0.50".parse().unwrap();
    Box::new(move |event, view, looks| {
        let Some((market, ask)) = yes_ask(event) else { return };
        if ask < half {
            looks.push(buy(market, ask, TimeInForce::Fak));
        } else if view.portfolio.is_held(market) {
            looks.push(sell(market, "0.30".parse().unwrap()));
        }
    })
}

/// Shows a book at which the trader buys, and lets the order's outcome come.
pub(crate) async fn low(app: &App, feeder: &mut Feeder, market: ConditionId) {
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(app).await;
}

/// Shows a book at which the trader sells, and lets the order's outcome come.
pub(crate) async fn high(app: &App, feeder: &mut Feeder, market: ConditionId) {
    feeder.book(market, "0.59", "0.60").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(app).await;
}

pub(crate) async fn fills(app: &App, name: &str) -> u64 {
    one(&*app.fresh().await, name).kernel.fills
}

pub(crate) fn halted_by(status: &SystemStatus) -> Vec<Cause> {
    status.gates.halts.iter().map(|halt| halt.cause).collect()
}

/// Returns a stage with one trader.
fn trades() -> Stage {
    Stage::new().custom("one", script(&Arc::default(), |_| trader()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_by_the_api_closes_all_entries_while_exits_pass_until_a_person_resumes() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let other = script(&Arc::default(), |_| trader());
    let (app, mut feeder) = trades().custom("other", other).store(&store).fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    let body = json!({"reason": "odd fills", "actor": "ann"});
    let (status, turned) = post(&app, "halt", body).await;
    assert_eq!((status, &turned["changed"], &turned["strategies"]), (200, &json!(true), &json!(2)));
    assert_eq!((&turned["gate"], &turned["late"]), (&json!("reduce_only"), &json!([])));
    assert_eq!(turned["durable"], json!(true));
    // No beat is waited for: the kernels know.
    low(&app, &mut feeder, market).await;
    let status = app.fresh().await;
    for name in ["one", "other"] {
        let kernel = &one(&status, name).kernel;
        assert_eq!((kernel.fills, kernel.rejections["gate"]), (1, 1), "{name}");
        assert_eq!(one(&status, name).gate, Gate::ReduceOnly);
    }
    assert_eq!(halted_by(&status), [Cause::Operator]);
    assert!(status.gates.closed_within_us.is_some());
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 2, "the exit passes");
    assert!(ask(&app, "resume").await);
    low(&app, &mut feeder, market).await;
    let status = app.fresh().await;
    assert_eq!((one(&status, "one").kernel.fills, one(&status, "one").gate), (3, Gate::Open));
    stop(app).await;
    let audit: Vec<(String, String, String, String)> =
        rows(&store, "select strategy, actor, action, answer from commands order by seq").await;
    let audit: Vec<String> =
        audit.into_iter().map(|(s, a, w, t)| format!("{s} {a} {w} {t}")).collect();
    assert_eq!(
        audit,
        [
            "all ann halt all strategies are halted; only exits and hedges pass (reason: odd fills)",
            "all ann resume the halt by operator is over (reason: a test)",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halting_twice_and_resuming_what_is_not_halted_is_answered_clearly() {
    let (app, _feeder) = trades().fed().await;
    let resume = json!({"reason": "why not"});
    let (status, body) = post(&app, "resume", resume.clone()).await;
    assert_eq!((status, &body["changed"]), (200, &json!(false)));
    assert_eq!(body["said"], "nothing was halted: nothing was changed");
    assert!(ask(&app, "halt").await);
    let (status, body) = post(&app, "halt", json!({"reason": "again", "actor": "bob"})).await;
    assert_eq!((status, &body["changed"]), (200, &json!(false)));
    assert_eq!(body["said"], "halted already by ann: a test");
    let (_, body) = post(&app, "resume", resume).await;
    assert_eq!(body["said"], "the halt by operator is over");
    for wrong in [
        json!({}),
        json!({"reason": ""}),
        json!({"reason": "x".repeat(201)}),
        json!({"reason": "a\nb"}),
    ] {
        for path in ["halt", "resume", "pause", "strategies/one/pause"] {
            let (status, body) = post(&app, path, wrong.clone()).await;
            assert_eq!((status, &body["code"]), (400, &json!("bad_body")), "{path} {body}");
        }
    }
    let (status, _) = post(&app, "strategies/nobody/pause", json!({"reason": "r"})).await;
    assert_eq!(status, 404);
    assert!(halted_by(&*app.fresh().await).is_empty(), "what is refused changes nothing");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_one_holds_back_its_entries_and_nothing_of_the_other() {
    let mut digests = Vec::new();
    for is_paused in [false, true] {
        let other = script(&Arc::default(), |_| trader());
        let (app, mut feeder) = trades().custom("other", other).fed().await;
        let market = feeder.market(1).await;
        low(&app, &mut feeder, market).await;
        if is_paused {
            assert!(ask(&app, "strategies/one/pause").await);
            assert!(!ask(&app, "strategies/one/pause").await, "it is paused already");
        }
        low(&app, &mut feeder, market).await;
        high(&app, &mut feeder, market).await;
        if is_paused {
            let (status, body) = post(&app, "strategies/one/resume", json!({})).await;
            assert_eq!((status, &body["did"]), (202, &json!("the pause of one is over")));
        }
        low(&app, &mut feeder, market).await;
        let status = app.fresh().await;
        let expected = if is_paused { 3 } else { 4 };
        assert_eq!(one(&status, "one").kernel.fills, expected, "buys, sells, buys");
        digests.push(one(&status, "other").kernel.digest.clone());
        stop(app).await;
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_may_close_exits_too_and_one_of_all_ends_with_resume_all() {
    let (app, mut feeder) = trades().fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    let (status, _) = post(&app, "pause", json!({"reason": "r", "gate": "closed"})).await;
    assert_eq!(status, 200);
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 1, "not even an exit");
    assert!(ask(&app, "strategies/one/pause").await);
    let (_, body) = post(&app, "resume", json!({"reason": "r"})).await;
    assert_eq!(body["said"], "the pause of all is over; paused by themselves: one");
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 2, "its own pause lets exits pass");
    let (_, body) = post(&app, "strategies/one/resume", json!({})).await;
    assert_eq!(body["did"], "the pause of one is over");
    let (_, body) = post(&app, "strategies/one/resume", json!({})).await;
    assert!(body["did"].as_str().unwrap().starts_with("nothing was changed"), "{body}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_file_halts_all_and_its_removal_does_not_resume() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let file = folder.path().join("HALT");
    let (app, mut feeder) = trades().store(&store).fed().await;
    let market = feeder.market(1).await;
    std::fs::write(&file, "smoke \u{1b}[31m in the room\nmore").unwrap();
    let status = until(&app, "the file halts", |status| !status.gates.halts.is_empty()).await;
    assert_eq!(halted_by(&status), [Cause::SignalFile]);
    let reason = &status.gates.halts[0].why.reason;
    assert!(reason.ends_with("HALT says: smoke  [31m in the room"), "{reason}");
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 0);
    let (status, body) = post(&app, "resume", json!({"reason": "r"})).await;
    assert_eq!((status, &body["code"]), (409, &json!("still_halted")));
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("HALT says") && detail.contains("remove the file first"), "{detail}");
    std::fs::remove_file(&file).unwrap();
    let status = until(&app, "it is gone", |status| status.gates.halts[0].over).await;
    assert_eq!(halted_by(&status), [Cause::SignalFile], "a person resumes");
    assert!(ask(&app, "resume").await);
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 1);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_comes_up_halted_where_the_signal_file_is_there() {
    let folder = folder();
    std::fs::write(folder.path().join("HALT"), "").unwrap();
    let (app, _feeder) = trades().store(&folder.path().join("ploy.db")).fed().await;
    assert_eq!(halted_by(&*app.fresh().await), [Cause::SignalFile]);
    stop(app).await;
}

/// Makes the store fail until the connection is told to let go.
async fn broken(path: &Path, app: &App) -> sqlx::SqliteConnection {
    app.store.flush().await.unwrap();
    let mut other = database(path).await;
    for table in ["orders", "order_events", "errors"] {
        let fault = format!(
            "create trigger no_{table} before insert on {table} \
             begin select raise(abort, 'the disk is full'); end"
        );
        other.execute(sqlx::AssertSqlSafe(fault)).await.unwrap();
    }
    other
}

async fn outage(stage: Stage) -> (App, Feeder, ConditionId, tempfile::TempDir) {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let (app, mut feeder) = stage.store(&path).fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    let mut other = broken(&path, &app).await;
    low(&app, &mut feeder, market).await;
    let status =
        until(&app, "the store halts", |status| halted_by(status) == [Cause::StoreOutage]).await;
    assert_eq!((status.gates.gate, one(&status, "one").gate), (Gate::Closed, Gate::Closed));
    let metrics = reqwest::get(format!("http://{}/metrics", app.address)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("ploy_halted{cause=\"store_outage\"} 1"), "{metrics}");
    let before = one(&status, "one").kernel.orders.submitted;
    high(&app, &mut feeder, market).await;
    let kernel = &one(&*app.fresh().await, "one").kernel.clone();
    assert_eq!(kernel.orders.submitted, before, "no exit either: it could not be stored");
    assert_eq!(kernel.fills, 1);
    let (status, body) = post(&app, "resume", json!({"reason": "r"})).await;
    assert_eq!((status, &body["code"]), (409, &json!("still_halted")));
    for table in ["orders", "order_events", "errors"] {
        let mended = format!("drop trigger no_{table}");
        other.execute(sqlx::AssertSqlSafe(mended)).await.unwrap();
    }
    other.close().await.unwrap();
    (app, feeder, market, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_outage_closes_all_and_resumes_by_itself_where_the_setting_says_so() {
    let (app, mut feeder, market, _folder) = outage(trades()).await;
    until(&app, "it resumes", |status| status.gates.halts.is_empty()).await;
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 2);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_outage_waits_for_a_person_where_the_setting_says_so_and_outlives_the_process() {
    let (app, mut feeder, market, folder) = outage(trades().manual()).await;
    until(&app, "the store is well", |status| status.gates.halts.iter().all(|halt| halt.over))
        .await;
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 1);
    stop(app).await;
    let (app, _feeder) = trades().manual().store(&folder.path().join("ploy.db")).fed().await;
    assert_eq!(halted_by(&*app.fresh().await), [Cause::StoreOutage]);
    assert!(ask(&app, "resume").await);
    stop(app).await;
}

/// A venue that can be away, in front of another.
struct Away {
    venue: Arc<dyn Venue>,
    is_away: Arc<AtomicBool>,
}

impl Venue for Away {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        self.venue.submit(order, ticket);
    }

    fn cancel(&self, order: OrderKey, ticket: Ticket) {
        self.venue.cancel(order, ticket);
    }

    fn lookup(&self, lookup: Lookup, ticket: Ticket) {
        self.venue.lookup(lookup, ticket);
    }

    fn windows(&self) -> Windows {
        self.venue.windows()
    }

    fn health(&self) -> Result<(), String> {
        if self.is_away.load(Ordering::SeqCst) { Err("no answer".to_owned()) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_venue_outage_closes_entries_until_the_venue_is_back() {
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let wrap: WrapVenue = Box::new(move |venue, _| Arc::new(Away { venue, is_away: away }));
    let (app, mut feeder) = trades().venue(wrap).fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    is_away.store(true, Ordering::SeqCst);
    let status = until(&app, "it halts", |status| !status.gates.halts.is_empty()).await;
    assert_eq!(halted_by(&status), [Cause::VenueOutage]);
    assert_eq!(
        (status.gates.gate, &*status.gates.halts[0].why.reason),
        (Gate::ReduceOnly, "no answer")
    );
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 1);
    high(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 2, "an exit is tried where it can be");
    is_away.store(false, Ordering::SeqCst);
    until(&app, "it resumes", |status| status.gates.halts.is_empty()).await;
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 3);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halts_and_pauses_outlive_the_process_before_any_strategy_trades() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, _feeder) = trades().store(&store).fed().await;
    assert!(ask(&app, "halt").await);
    assert!(ask(&app, "strategies/one/pause").await);
    stop(app).await;
    let (app, mut feeder) = trades().store(&store).fed().await;
    let status = app.fresh().await;
    assert_eq!(halted_by(&status), [Cause::Operator]);
    assert_eq!(status.gates.halts[0].why.actor, "ann");
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    assert_eq!(one(&*app.fresh().await, "one").kernel.orders.submitted, 0);
    assert!(ask(&app, "resume").await);
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, 0, "its own pause stays");
    stop(app).await;
    let (app, _feeder) = trades().store(&store).fed().await;
    let status = app.fresh().await;
    assert!(status.gates.halts.is_empty() && status.gates.pauses.len() == 1, "{:?}", status.gates);
    assert_eq!(one(&status, "one").gate, Gate::ReduceOnly);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_that_the_store_cannot_take_holds_and_is_left_in_the_signal_file() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = trades().store(&store).fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    // Somebody holds the database: what is on its way waits.
    app.store.flush().await.unwrap();
    let mut other = database(&store).await;
    other.execute("begin immediate").await.unwrap();
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "an order waits to be stored", |status| {
        one(status, "one").kernel.orders.submitted == 2
    })
    .await;
    let (status, body) = post(&app, "halt", json!({"reason": "odd fills", "actor": "ann"})).await;
    assert_eq!((status, &body["changed"], &body["durable"]), (200, &json!(true), &json!(true)));
    let said = body["said"].as_str().unwrap();
    assert!(said.contains("written to") && said.contains("remove that file"), "{said}");
    let left = std::fs::read_to_string(folder.path().join("HALT")).unwrap();
    assert_eq!(left, "halted by ann: odd fills\n");
    other.execute("rollback").await.unwrap();
    other.close().await.unwrap();
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    let kernel = &one(&status, "one").kernel;
    assert_eq!((kernel.fills, kernel.orders.rejected), (1, 1), "stored perhaps, but not sent");
    assert!(halted_by(&status).contains(&Cause::Operator));
    until(&app, "the store writes", |status| status.store.up && status.store.queued == 0).await;
    let kept: Vec<(String, String)> =
        rows(&store, "select cause, gate from gates where cause = 'operator' order by seq").await;
    assert!(kept.contains(&("operator".to_owned(), "reduce_only".to_owned())), "{kept:?}");
    let stored = orders(&app, "one").await;
    assert!(stored.iter().skip(1).all(|order| order.state == "rejected"), "{stored:?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_of_a_process_that_is_about_to_end_is_on_the_disk_when_it_is_raised() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, _feeder) = trades().store(&store).fed().await;
    let (halts, io) = (app.halts.clone(), Handle::current());
    // As the watchdog does it: from a thread of its own.
    let raise = move || io.block_on(halts.raise_stored(Cause::Watchdog, "it hangs", "watchdog"));
    tokio::task::spawn_blocking(raise).await.unwrap();
    let kept: Vec<(String, String, String)> =
        rows(&store, "select cause, gate, reason from gates").await;
    assert_eq!(kept, [("watchdog".to_owned(), "closed".to_owned(), "it hangs".to_owned())]);
    assert_eq!(app.fresh().await.gates.gate, Gate::Closed);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_that_do_not_add_up_close_all_gates_until_a_person_resumes() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let broken = script(&Arc::default(), |_| trader());
    let (app, mut feeder) = trades().custom("broken", broken).store(&store).fed().await;
    let market = feeder.market(1).await;
    low(&app, &mut feeder, market).await;
    app.bus.tell(stray_fill(market), Ticket::none());
    let status = until(&app, "all is halted", |status| !status.gates.halts.is_empty()).await;
    assert_eq!((halted_by(&status), status.gates.gate), (vec![Cause::AccountBroken], Gate::Closed));
    let why = &status.gates.halts[0].why;
    assert!(why.reason.starts_with("the books of broken: "), "{why:?}");
    phase(&app, "broken", "halted").await;
    let before = fills(&app, "one").await;
    high(&app, &mut feeder, market).await;
    low(&app, &mut feeder, market).await;
    let held = app.fresh().await;
    let held = one(&held, "one");
    assert_eq!((held.kernel.fills, held.phase.name()), (before, "running"), "not even an exit");

    let url = format!("http://{}", app.address);
    let words = ["resume", "--all", "--reason", "counted", "--actor", "ann", "--url", &url];
    let asked = ploy(folder.path(), &words);
    let ended = tokio::task::spawn_blocking(move || Program::to_end(asked)).await.unwrap();
    assert_eq!(ended.stdout.lines().next(), Some("the halt by account_broken is over"));
    low(&app, &mut feeder, market).await;
    assert_eq!(fills(&app, "one").await, before + 1);
    phase(&app, "broken", "halted").await;
    stop(app).await;
    let kept: Vec<(String, String, String)> =
        rows(&store, "select cause, gate, actor from gates order by seq").await;
    let kept: Vec<String> = kept.into_iter().map(|(c, g, a)| format!("{c} {g} {a}")).collect();
    assert_eq!(kept, ["account_broken closed manager", "account_broken open ann"]);
}

/// Counts what is sent, in front of another venue.
struct Counting {
    venue: Arc<dyn Venue>,
    sent: Arc<AtomicU64>,
}

impl Venue for Counting {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.venue.submit(order, ticket);
    }

    fn cancel(&self, order: OrderKey, ticket: Ticket) {
        self.venue.cancel(order, ticket);
    }

    fn lookup(&self, lookup: Lookup, ticket: Ticket) {
        self.venue.lookup(lookup, ticket);
    }

    fn windows(&self) -> Windows {
        self.venue.windows()
    }

    fn health(&self) -> Result<(), String> {
        self.venue.health()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_entry_leaves_after_the_halt_is_answered_however_many_are_on_their_way() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let wrap: WrapVenue = Box::new(move |venue, _| Arc::new(Counting { venue, sent: counted }));
    let mut stage = Stage::new().venue(wrap);
    for name in ["a", "b", "c", "d"] {
        stage = stage.custom(name, script(&Arc::default(), |_| buyer()));
    }
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    let after = Arc::new(Mutex::new(None));
    let address = app.address;
    let flood = async {
        for _ in 0..200 {
            feeder.book(market, "0.39", "0.40").await;
        }
    };
    let halting = async {
        while sent.load(Ordering::SeqCst) < 100 {
            tokio::task::yield_now().await;
        }
        let url = format!("http://{address}/v1/halt");
        let asked = reqwest::Client::new().post(url).json(&json!({"reason": "r"}));
        assert!(asked.send().await.unwrap().status().is_success());
        *after.lock().unwrap() = Some(sent.load(Ordering::SeqCst));
    };
    tokio::join!(flood, halting);
    feeder.settled(&app).await;
    let after = after.lock().unwrap().unwrap();
    assert_eq!(sent.load(Ordering::SeqCst), after);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_that_starts_while_all_is_halted_starts_halted() {
    let (app, mut feeder) = trades().fed().await;
    let market = feeder.market(1).await;
    assert!(ask(&app, "halt").await);
    let (status, _) = post(&app, "strategies/one/restart", json!({})).await;
    assert_eq!(status, 202);
    feeder
        .until(&app, "it runs again", |status| one(status, "one").restarts.contains_key("operator"))
        .await;
    phase(&app, "one", "running").await;
    low(&app, &mut feeder, market).await;
    assert_eq!(one(&*app.fresh().await, "one").kernel.orders.submitted, 0);
    stop(app).await;
}

#[test]
fn a_halt_survives_a_process_that_is_killed_and_the_command_line_says_what_it_did() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let words = ["--speed", "60x", "--store", store.to_str().unwrap()];
    let mut program = Program::start(run(folder.path(), &words));
    let url = program.logged("service.ready")["url"].as_str().unwrap().to_owned();
    let say = |url: &str, words: &[&str]| {
        let words = [words, &["--url", url]].concat();
        let ended = Program::to_end(ploy(folder.path(), &words));
        (ended.status.code().unwrap(), ended.stdout, ended.stderr)
    };
    let (code, said, error) = say(&url, &["halt", "--reason", "odd fills", "--actor", "ann"]);
    assert_eq!(code, 0, "{said}{error}");
    assert!(said.starts_with("all strategies are halted; only exits and hedges pass\n"), "{said}");
    let (code, said, _) = say(&url, &["halt", "--reason", "again"]);
    assert_eq!(code, 4, "{said}");
    assert!(said.starts_with("halted already by ann: odd fills\n"), "{said}");
    program.signal("KILL");
    assert_eq!(program.wait(WITHIN).status.code(), None);
    let mut program = Program::start(run(folder.path(), &words));
    assert_eq!(program.logged("service.halted")["reason"], "odd fills");
    let url = program.logged("service.ready")["url"].as_str().unwrap().to_owned();
    let (code, said, _) = say(&url, &["status", "--check"]);
    assert_eq!(code, 10);
    assert!(said.lines().next().unwrap().contains("HALTED by operator"), "{said}");
    let (code, said, _) = say(&url, &["resume", "--all", "--reason", "looked"]);
    assert_eq!((code, said.lines().next()), (0, Some("the halt by operator is over")));
    let (code, said, _) = say(&url, &["resume", "--all", "--reason", "looked"]);
    assert_eq!((code, said.lines().next()), (4, Some("nothing was halted: nothing was changed")));
    program.signal("TERM");
    assert_eq!(program.wait(WITHIN).status.code(), Some(0));
}
