//! The kill switch: how long from the wish to halt until the last of 100 strategies has closed its gate.
//!
//! `cargo bench -p actors --bench halt` prints the median, the 99th percentile and the longest of 200 halts, in a service
//! that is idle and in one that plays its tape. `docs/performance.md` has the figures.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use actors::app::{self, App};
use actors::manager::StrategyRegistry;
use actors::ports::gates::{Ask, Brake as _, Wish};
use actors::settings::{self, Overrides};
use tokio::runtime::Builder;

/// Strategies that are halted at once.
const STRATEGIES: usize = 100;
/// Halts that are measured.
const HALTS: usize = 200;

fn main() {
    for (name, plays) in [("idle", Load::Idle), ("playing", Load::Playing)] {
        let (mut closed, mut answered) = measure(plays);
        report(&format!("{name}: last gate closed"), &mut closed);
        report(&format!("{name}: answered, stored on the disk"), &mut answered);
    }
}

/// What the service does meanwhile.
#[derive(Clone, Copy)]
enum Load {
    Idle,
    Playing,
}

/// Returns how long each halt took until the last gate was closed, and until it was answered.
fn measure(load: Load) -> (Vec<Duration>, Vec<Duration>) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let overrides = Overrides {
        store: Some(folder.path().join("ploy.db")),
        listen: Some(([127, 0, 0, 1], 0).into()),
        ..Overrides::default()
    };
    let settings = settings::load(&config, overrides).expect("the shipped settings load");
    let io = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let strategies = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let times = io.block_on(async {
        let mut parts =
            app::build(&settings, strategies.handle().clone()).await.expect("it builds");
        let mut registry = StrategyRegistry::default();
        for (number, config) in settings.strategies.iter().cycle().take(STRATEGIES).enumerate() {
            let mut config = config.clone();
            config.id = format!("strategy_{number}").parse().expect("an id");
            registry.add(config);
        }
        (parts.registry, parts.folder) = (registry, None);
        let app = App::start(parts).await.expect("it starts");
        if matches!(load, Load::Playing) {
            app.play();
        }
        let mut times = (Vec::new(), Vec::new());
        for _ in 0..HALTS {
            let began = Instant::now();
            let turned = ask(&app, Wish::Halt).await;
            times.1.push(began.elapsed());
            times.0.push(Duration::from_micros(turned));
            ask(&app, Wish::Resume).await;
        }
        app.stop(settings.shutdown).await.expect("it ends");
        times
    });
    strategies.shutdown_background();
    times
}

/// Asks, and returns how long it took until the last strategy had taken it in, in microseconds.
async fn ask(app: &App, wish: Wish) -> u64 {
    let ask = Ask { wish, reason: "a benchmark".to_owned(), actor: "bench".to_owned() };
    let turned = app.halts.ask(ask).await.expect("it is granted");
    assert!(turned.changed && turned.durable && turned.late.is_empty(), "{turned:?}");
    assert_eq!(turned.strategies, u64::try_from(STRATEGIES).unwrap_or(u64::MAX));
    turned.within_us
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |permille: usize| {
        times.get((times.len() - 1) * permille / 1000).copied().unwrap_or_default()
    };
    let line =
        format!("{name:<40} p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}", at(500), at(990), at(1000));
    writeln!(io::stdout(), "{line}").expect("somebody reads");
}
