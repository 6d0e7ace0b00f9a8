//! The process dies and the next one goes on with its run: whose orders, positions, counters and peaks come back, and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use actors::adapters::tape::merged;
use actors::app::App;
use actors::bus::Ticket;
use actors::manager::{Build, TryBuild};
use actors::ports::FeedItem;
use ploy::command::Action;
use ploy::config::{self, StrategyConfig};
use ploy::event::MarketEvent;
use ploy::halt::Cause;
use ploy::intent::TimeInForce;
use ploy::kernel::{Kernel, Lasting, Memory};
use ploy::market::Outcome;
use ploy::paper::PaperVenue;
use ploy::price::Price;
use ploy::replay::Replay;
use ploy::status::{StrategyStatus, SystemStatus};
use ploy::tape::Header;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::postgres::Cluster;
use crate::stage::feeder::Feeder;
use crate::stage::script::{buy, buyer, script, yes_ask};
use crate::stage::service::{Stage, command, ended, one, orders, phase, stop, unlimited, until};
use crate::stage::{database, folder, id, legged, rows, settings, tape};

/// A process of its own, as far as that goes within this one: what it has in memory goes with its threads.
pub(crate) struct Process {
    runtime: Runtime,
}

impl Process {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime }
    }

    /// Runs until `work` is done, and then ends as a crash does: nothing is told, nothing is written any more.
    pub(crate) fn crash_after<T>(self, work: impl Future<Output = (App, T)>) -> T {
        let (app, told) = self.runtime.block_on(work);
        self.runtime.shutdown_timeout(Duration::from_secs(20));
        drop(app);
        told
    }
}

/// A tape in memory.
struct Tape {
    path: PathBuf,
    header: Header,
    events: Vec<MarketEvent>,
}

impl Tape {
    fn short(folder: &Path) -> Self {
        let path = tape::short(folder);
        let (mut headers, merged) = merged::open(slice::from_ref(&path)).unwrap();
        let events = merged.map(Result::unwrap).collect();
        Self { path, header: headers.remove(0), events }
    }

    /// Plays the first events of it, and returns when they are settled.
    async fn begin(&self, stage: Stage, events: usize) -> App {
        let (tx, source) = mpsc::channel(1024);
        let first = self.events[..events].to_vec();
        let books = self.header.books;
        // What is sent later is held by this task, so that the tape does not end before.
        tokio::spawn(async move {
            tx.send(FeedItem::Books(books)).await.unwrap();
            for event in first {
                tx.send(FeedItem::Event(event)).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let app = stage.start(vec![self.header.clone()], source).await;
        app.play();
        let events = u64::try_from(events).unwrap();
        until(&app, "all is settled", |status| status.feed.events == events).await;
        app
    }
}

/// Has everybody store what is remembered.
async fn save(app: &App) {
    let (ticket, settled) = Ticket::new();
    app.bus.save(&ticket);
    drop(ticket);
    settled.wait().await;
    app.store.flush().await.unwrap();
}

fn stage(store: &Path, strategies: &[StrategyConfig]) -> Stage {
    let stage = Stage::new().store(store).going_on();
    strategies.iter().cloned().fold(stage, Stage::with)
}

/// All that must come back, as text: numbers, money, orders, what counts against limits.
fn kept(strategy: &StrategyStatus) -> Value {
    let mut kernel = serde_json::to_value(&strategy.kernel).unwrap();
    let fields = kernel.as_object_mut().unwrap();
    // Of this process alone: it is told its gate once, and what waited for it.
    for own in ["inputs", "conflated", "missed", "set_aside"] {
        fields.remove(own);
    }
    kernel
}

fn all_kept(status: &SystemStatus) -> BTreeMap<String, Value> {
    status.strategies.iter().map(|one| (one.id.to_string(), kept(one))).collect()
}

/// Plays the rest of a tape, and returns how all is at its end.
async fn finish(stage: Stage, tape: &Tape) -> Arc<SystemStatus> {
    let app = stage.play(&tape.path).await;
    let status = ended(&app).await;
    assert_eq!(status.ledger.broken, None);
    stop(app).await;
    status
}

/// Returns the places of the tape at which no order is open, as an undisturbed replay tells.
fn quiet(tape: &Tape, strategies: &[StrategyConfig]) -> Vec<usize> {
    let kernels = strategies.iter().map(|config| {
        let strategy = config.kind.build();
        let (id, limits) = (config.id.clone(), config.limits.clone());
        Kernel::new(id, strategy, limits, Memory::default())
    });
    let venue = PaperVenue::new(settings().latency);
    let mut replay = Replay::new(kernels, venue);
    let mut quiet = Vec::new();
    for (place, event) in tape.events.iter().enumerate() {
        replay.play(event, &mut |_, _| {}).unwrap();
        if replay.kernels().values().all(|kernel| kernel.orders().is_empty()) {
            quiet.push(place + 1);
        }
    }
    quiet
}

#[test]
fn a_crash_between_two_orders_changes_nothing_of_what_comes() {
    let folder = folder();
    let tape = Tape::short(folder.path());
    let strategies = settings().strategies;
    let undisturbed = Process::new().crash_after(async {
        let store = folder.path().join("undisturbed.db");
        let app = stage(&store, &strategies).play(&tape.path).await;
        let status = ended(&app).await;
        (app, all_kept(&status))
    });
    assert!(undisturbed.values().any(|kernel| kernel["fills"] != 0), "{undisturbed:#?}");
    let quiet = quiet(&tape, &strategies);
    for part in [1, 3, 5, 7] {
        let place = quiet[quiet.len() * part / 8];
        let store = folder.path().join(format!("{place}.db"));
        let before = Process::new().crash_after(async {
            let app = tape.begin(stage(&store, &strategies), place).await;
            save(&app).await;
            let status = app.fresh().await;
            (app, all_kept(&status))
        });
        let (came_back, at_the_end) = Process::new().crash_after(async {
            let (headers, source) = merged::spawn(slice::from_ref(&tape.path), 64).unwrap();
            let app = stage(&store, &strategies).start(headers, source).await;
            let came_back = all_kept(&*app.fresh().await);
            app.play();
            let status = ended(&app).await;
            assert_eq!(status.ledger.broken, None);
            (app, (came_back, all_kept(&status)))
        });
        assert_eq!(came_back, before, "after event {place}");
        assert_eq!(at_the_end, undisturbed, "after event {place}");
    }
}

#[test]
fn a_run_that_was_played_to_its_end_is_not_gone_on_with() {
    let folder = folder();
    let tape = Tape::short(folder.path());
    let store = folder.path().join("ploy.db");
    let mut digests = Vec::new();
    for _ in 0..2 {
        let status = Process::new().runtime.block_on(finish(stage(&store, &[legged()]), &tape));
        digests.push(one(&status, "split_arb_legged").kernel.digest.clone());
    }
    assert_eq!(digests[0], digests[1]);
    let runs = Process::new().runtime.block_on(rows::<(i64, i64)>(
        &store,
        "select r.number, s.number from runs r join starts s on s.run = r.run order by 1, 2",
    ));
    assert_eq!(runs, [(1, 1), (2, 1)]);
}

/// A number of a seeded generator, below a bound.
fn dice(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*seed >> 33) % u64::try_from(below).unwrap()).unwrap()
}

/// Returns what is durable of every strategy's memory: how many decisions, and their digest.
async fn durable(store: &Path) -> BTreeMap<String, (u64, String)> {
    let memories: Vec<(String, String)> = rows(store, "select strategy, body from memories").await;
    let read = |(id, body): (String, String)| {
        let lasting: Lasting = serde_json::from_str(&body).unwrap();
        let digest = lasting.memory().digest();
        (id, (digest.count(), digest.hex()))
    };
    memories.into_iter().map(read).collect()
}

/// Holds a finished run to what must be true of every one, however often its process died.
async fn sound(app: &App, store: &Path, status: &SystemStatus) {
    assert_eq!(status.ledger.broken, None);
    assert!(app.store.unfinished().await.unwrap().is_empty());
    for strategy in &status.strategies {
        let name = strategy.id.as_str();
        assert_eq!(strategy.phase.name(), "running", "{strategy:#?}");
        let sums = app.store.sums(&strategy.id).await.unwrap();
        assert_eq!(strategy.kernel.pnl.cash_usdc, sums.cash(), "{name}");
        let fills: Vec<(i64,)> = rows(store, "select count(*) from fills").await;
        assert!(strategy.kernel.fills <= u64::try_from(fills[0].0).unwrap());
        let sent = orders(app, name).await;
        let numbers: Vec<u64> = sent.iter().map(|order| order.id.number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{name}: {numbers:?}");
        assert!(sent.is_sorted_by_key(|order| order.at), "{name}: event time went back");
    }
    let counted: Vec<(String, i64)> =
        rows(store, "select strategy, count(*) from fills group by strategy").await;
    for (name, fills) in counted {
        assert_eq!(one(status, &name).kernel.fills, u64::try_from(fills).unwrap(), "{name}");
    }
}

#[test]
fn killed_at_random_places_every_strategy_goes_on_from_what_was_durable() {
    let folder = folder();
    let tape = Tape::short(folder.path());
    let strategies = settings().strategies;
    for first in 1..=4_u64 {
        let (mut seed, mut place) = (first, 0);
        let store = folder.path().join(format!("{first}.db"));
        let stage = || stage(&store, &strategies).starts_max(100);
        for kill in 0..3 {
            place += dice(&mut seed, tape.events.len() / 4) + 1;
            let saves = dice(&mut seed, 2) == 0;
            Process::new().crash_after(async {
                let before = if kill == 0 { BTreeMap::new() } else { durable(&store).await };
                let app = tape.begin(stage(), place).await;
                let status = app.fresh().await;
                for (name, (count, _)) in &before {
                    assert!(*count <= one(&status, name).kernel.decisions, "{first}: {name}");
                }
                if saves {
                    save(&app).await;
                }
                (app, ())
            });
        }
        let before = Process::new().runtime.block_on(durable(&store));
        Process::new().runtime.block_on(async {
            let (headers, source) = merged::spawn(slice::from_ref(&tape.path), 64).unwrap();
            let app = stage().start(headers, source).await;
            let status = app.fresh().await;
            for (name, (count, digest)) in &before {
                let kernel = &one(&status, name).kernel;
                assert!(*count <= kernel.decisions, "{first}: {name}");
                // What was told of its orders meanwhile may have made it look.
                if kernel.decisions == *count {
                    assert_eq!(kernel.digest, *digest, "{first}: {name}");
                }
            }
            app.play();
            let status = ended(&app).await;
            sound(&app, &store, &status).await;
            stop(app).await;
        });
    }
}

/// Returns what a strategy does that rests one order for ten shares at 0.40, and buys whatever costs less than 0.30.
fn patient() -> Build {
    script(&Arc::default(), |_| {
        Box::new(|event, view, looks| {
            let Some((market, ask)) = yes_ask(event) else { return };
            let held = view.portfolio.position(market, Outcome::Yes).size;
            let limit: Price = "0.40".parse().unwrap();
            if view.orders.is_empty() && held.is_zero() {
                looks.push(buy(market, limit, TimeInForce::Gtc));
            } else if ask < "0.30".parse().unwrap() {
                looks.push(buy(market, ask, TimeInForce::Fak));
            }
        })
    })
}

#[test]
fn an_order_that_was_partly_filled_while_down_comes_back_to_its_owner() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let stage = || {
        let stage = Stage::new().store(&store).going_on();
        stage.custom("patient", patient()).custom("other", patient())
    };
    Process::new().crash_after(async {
        let (app, mut feeder) = stage().fed().await;
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.settled(&app).await;
        assert_eq!(one(&*app.fresh().await, "patient").kernel.orders.open, 1);
        app.store.flush().await.unwrap();
        (app, ())
    });
    // What is found out of it before its strategy starts is stored as any fact is.
    Process::new().runtime.block_on(async {
        let mut database = database(&store).await;
        for statement in [
            "insert into order_events select run, 1000, strategy, number, at, 'filled', 1, null, null \
             from orders where strategy = 'patient'",
            "insert into fills select run, 1001, strategy, number, 1, at, market, outcome, side, \
             400000, 4000000, 0, -1600000, 'maker' from orders where strategy = 'patient'",
        ] {
            sqlx::query(statement).execute(&mut database).await.unwrap();
        }
    });
    Process::new().runtime.block_on(async {
        let (mut feeder, header, source) = Feeder::new();
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        let app = stage().start(vec![header], source).await;
        let back = app.fresh().await;
        let (patient, other) = (one(&back, "patient"), one(&back, "other"));
        assert_eq!(patient.kernel.fills, 1, "{patient:#?}");
        assert_eq!(patient.kernel.positions[0].size, "4".parse().unwrap());
        assert_eq!(patient.kernel.pnl.cash_usdc, "-1.6".parse().unwrap());
        assert_eq!((patient.kernel.orders.open, patient.kernel.orders.filled), (0, 1));
        assert_eq!((other.kernel.fills, other.kernel.orders.unfilled), (0, 1), "{other:#?}");
        assert_eq!(back.ledger.broken, None);
        let continued = back.continued.as_ref().unwrap();
        // The third event left nothing behind: it is played again.
        assert_eq!((continued.times, continued.events), (1, 2));

        app.play();
        feeder.book(market, "0.24", "0.25").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.settled(&app).await;
        let on = app.fresh().await;
        assert_eq!(one(&on, "patient").kernel.positions[0].size, "14".parse().unwrap());
        let numbers: Vec<u64> =
            orders(&app, "patient").await.iter().map(|order| order.id.number).collect();
        assert_eq!(numbers, [1, 2], "no number is given twice");
        let first = &orders(&app, "patient").await[0];
        assert_eq!((first.state.as_str(), first.cause.as_deref()), ("filled", Some("absent")));
        assert_eq!(on.ledger.broken, None);
        stop(app).await;
    });
}

/// Returns settings under which one loss holds entries back for an hour.
fn careful(name: &str) -> StrategyConfig {
    let changed = [
        ("loss_streak_max", "1"),
        ("loss_streak_cooldown_s", "3600"),
        ("order_rate_per_minute", "1"),
        ("order_burst", "3"),
    ];
    let text = unlimited(name).text;
    let lines = text.lines().map(|line| {
        let key = line.split(" = ").next().unwrap();
        let new = changed.iter().find(|(name, _)| *name == key);
        new.map_or(line.to_owned(), |(key, value)| format!("{key} = {value}"))
    });
    config::strategy(name, id(name), &lines.collect::<Vec<_>>().join("\n")).unwrap()
}

#[test]
fn a_trip_with_its_cooldown_streaks_and_the_throttle_outlive_the_process() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let stage = || {
        let build: TryBuild = Arc::new(|| Ok(script(&Arc::default(), |_| buyer())()));
        Stage::new().store(&store).going_on().fallible(careful("careful"), build)
    };
    let before = Process::new().crash_after(async {
        let (app, mut feeder) = stage().fed().await;
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.resolve(market, "0").await;
        feeder.settled(&app).await;
        app.store.flush().await.unwrap();
        let status = app.fresh().await;
        (app, one(&status, "careful").clone())
    });
    assert!(before.kernel.tripped.as_ref().unwrap().starts_with("loss_streak"), "{before:#?}");
    Process::new().runtime.block_on(async {
        let (mut feeder, header, source) = Feeder::new();
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.resolve(market, "0").await;
        let app = stage().start(vec![header], source).await;
        let back = app.fresh().await;
        assert_eq!(kept(one(&back, "careful")), kept(&before));
        app.play();
        let second = feeder.market(2).await;
        feeder.book(second, "0.49", "0.50").await;
        feeder.settled(&app).await;
        let refused = app.fresh().await;
        assert_eq!(one(&refused, "careful").kernel.rejections["loss_streak"], 1);
        feeder.wait(Duration::from_secs(3600)).await;
        feeder.settled(&app).await;
        let later = app.fresh().await;
        assert_eq!(one(&later, "careful").kernel.half_open.as_deref(), Some("loss_streak"));
        stop(app).await;
    });
}

#[test]
fn a_market_that_was_settled_while_the_process_was_down_is_booked_once() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let stage = || {
        let build = || script(&Arc::default(), |_| buyer());
        Stage::new().store(&store).going_on().custom("first", build()).custom("second", build())
    };
    Process::new().crash_after(async {
        let (app, mut feeder) = stage().fed().await;
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.settled(&app).await;
        feeder.resolve(market, "1").await;
        feeder.settled(&app).await;
        app.store.flush().await.unwrap();
        (app, ())
    });
    // As if the process had died after the settlement of the first was stored, and before that of the second was.
    Process::new().runtime.block_on(async {
        let mut database = database(&store).await;
        let lost = "delete from settlements where strategy = 'second'";
        sqlx::query(lost).execute(&mut database).await.unwrap();
    });
    Process::new().runtime.block_on(async {
        let (mut feeder, header, source) = Feeder::new();
        let market = feeder.market(1).await;
        feeder.book(market, "0.49", "0.50").await;
        feeder.wait(Duration::from_secs(1)).await;
        feeder.resolve(market, "1").await;
        let app = stage().start(vec![header], source).await;
        app.play();
        feeder.wait(Duration::from_secs(1)).await;
        feeder.settled(&app).await;
        let status = app.fresh().await;
        for name in ["first", "second"] {
            let kernel = &one(&status, name).kernel;
            assert_eq!(kernel.pnl.realised_usdc, "5".parse().unwrap(), "{name}");
            assert!(kernel.positions.is_empty(), "{name}");
        }
        assert_eq!(status.ledger.broken, None);
        let booked: Vec<(String, i64)> = {
            app.store.flush().await.unwrap();
            rows(&store, "select strategy, amount from settlements order by strategy").await
        };
        assert_eq!(booked, [("first".to_owned(), 10_000_000), ("second".to_owned(), 10_000_000)]);
        stop(app).await;
    });
}

#[test]
fn what_cannot_be_read_of_one_strategy_halts_that_one_alone() {
    for (change, why) in [
        ("version = 99", "it is of version 99, this program reads version 1"),
        ("body = '{}'", "missing field"),
    ] {
        let folder = folder();
        let tape = Tape::short(folder.path());
        let store = folder.path().join("ploy.db");
        let strategies = settings().strategies;
        let place = tape.events.len() / 2;
        Process::new().crash_after(async {
            let app = tape.begin(stage(&store, &strategies), place).await;
            save(&app).await;
            (app, ())
        });
        Process::new().runtime.block_on(async {
            let mut database = database(&store).await;
            let text = format!("update memories set {change} where strategy = 'split_arb_legged'");
            sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut database).await.unwrap();
        });
        let status = Process::new().runtime.block_on(finish(stage(&store, &strategies), &tape));
        for strategy in &status.strategies {
            let is_broken = strategy.id == legged().id;
            let phase = if is_broken { "halted" } else { "running" };
            assert_eq!(strategy.phase.name(), phase, "{strategy:#?}");
        }
        let halted = one(&status, "split_arb_legged");
        let said = halted.last_error.as_deref().unwrap_or_default();
        assert!(said.contains(why), "{said}");
        assert!(status.gates.halts.is_empty(), "{:#?}", status.gates);
    }
}

#[test]
fn halts_and_what_is_wanted_outlive_the_process_and_too_many_crashes_are_safe_mode() {
    let folder = folder();
    let tape = Tape::short(folder.path());
    let store = folder.path().join("ploy.db");
    let strategies = settings().strategies;
    Process::new().crash_after(async {
        let app = tape.begin(stage(&store, &strategies), 1000).await;
        app.halts.raise_stored(Cause::Operator, "a look", "ann").await;
        command(&app, "momentum", Action::Stop).await.unwrap();
        phase(&app, "momentum", "stopped").await;
        app.store.flush().await.unwrap();
        (app, ())
    });
    Process::new().crash_after(async {
        let app = tape.begin(stage(&store, &strategies), 1500).await;
        let status = app.fresh().await;
        assert_eq!(one(&status, "momentum").phase.name(), "stopped");
        assert_eq!(status.gates.halts.len(), 1, "{:#?}", status.gates);
        assert_eq!(status.continued.as_ref().map(|continued| continued.times), Some(1));
        (app, ())
    });
    Process::new().runtime.block_on(async {
        let app = tape.begin(stage(&store, &strategies), 2000).await;
        let status = app.fresh().await;
        let why = "3 starts within 600 s without an orderly end between them";
        assert_eq!(status.safe_mode.as_deref(), Some(why));
        assert!(status.strategies.iter().all(|one| one.phase.name() == "stopped"));
        stop(app).await;
    });
}

#[test]
fn on_a_server_a_crash_between_two_orders_changes_nothing_of_what_comes_either() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = folder();
    let tape = Tape::short(folder.path());
    let strategies = vec![legged()];
    let stage = |url: &str| Stage::new().server(url).going_on().with(legged());
    let undisturbed = Process::new().crash_after(async {
        let app = stage(&cluster.database("undisturbed")).play(&tape.path).await;
        let status = ended(&app).await;
        (app, all_kept(&status))
    });
    let quiet = quiet(&tape, &strategies);
    let (url, place) = (cluster.database("crashed"), quiet[quiet.len() / 2]);
    let before = Process::new().crash_after(async {
        let app = tape.begin(stage(&url), place).await;
        save(&app).await;
        let status = app.fresh().await;
        (app, all_kept(&status))
    });
    let (came_back, at_the_end) = Process::new().crash_after(async {
        let (headers, source) = merged::spawn(slice::from_ref(&tape.path), 64).unwrap();
        let app = stage(&url).start(headers, source).await;
        let came_back = all_kept(&*app.fresh().await);
        app.play();
        let status = ended(&app).await;
        (app, (came_back, all_kept(&status)))
    });
    assert_eq!(came_back, before);
    assert_eq!(at_the_end, undisturbed);
}
