//! The process dies and the next one goes on with its run: whose orders, positions, counters and peaks come back, and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::adapters::tape::merged;
use actors::app::App;
use actors::bus::Ticket;
use actors::ports::FeedItem;
use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::status::{StrategyStatus, SystemStatus};
use ploy::tape::Header;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::stage::service::{Stage, ended, one, orders, stop, until};
use crate::stage::{folder, legged, rows, settings, tape};

/// A process of its own, as far as that goes within this one: what it has in memory goes with its threads.
struct Process {
    runtime: Runtime,
}

impl Process {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime }
    }

    /// Runs until `work` is done, and then ends as a crash does: nothing is told, nothing is written any more.
    fn crash_after<T>(self, work: impl Future<Output = (App, T)>) -> T {
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
        let (mut headers, merged) = merged::open(&[path.clone()]).unwrap();
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
        ploy::kernel::Kernel::new(id, strategy, limits, ploy::kernel::Memory::default())
    });
    let venue = ploy::paper::PaperVenue::new(settings().latency);
    let mut replay = ploy::replay::Replay::new(kernels, venue);
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
            let (headers, source) = merged::spawn(&[tape.path.clone()], 64).unwrap();
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
