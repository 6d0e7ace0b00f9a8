//! A neighbour that burns its thread: how late events reach a healthy strategy beside it, and without it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use actors::manager::StrategyRegistry;
use ploy::event::MarketEvent;
use ploy::market::ConditionId;
use ploy::open_orders::OpenOrder;
use ploy::order::Fill;
use ploy::strategy::{Look, Saved, Strategy, Subscription, View};
use ploy::time::Timestamp;
use tokio::runtime::Handle;

use crate::{Flood, config, say, shipped, spread, start};

/// Events a second.
const RATE: u64 = 1000;
/// How long is measured.
const SPAN: Duration = Duration::from_secs(10);
/// How long the neighbour needs for each of its events: it is never done.
const BURN: Duration = Duration::from_millis(50);

/// Measures without the neighbour, then with it.
pub(crate) async fn run(strategies: &Handle) -> anyhow::Result<()> {
    let mut p99 = Vec::new();
    for burns in [false, true] {
        let folder = tempfile::tempdir()?;
        let text = shipped(folder.path())?.text;
        let arrivals = Arc::new(Arrivals::default());
        let mut registry = StrategyRegistry::default();
        let noted = Arc::clone(&arrivals);
        let healthy = move || -> Box<dyn Strategy> { Box::new(Reader::of(Some(&noted))) };
        registry.add_custom(config("healthy", &text)?, Arc::new(healthy));
        if burns {
            let burning = || -> Box<dyn Strategy> { Box::new(Reader::of(None)) };
            registry.add_custom(config("burning", &text)?, Arc::new(burning));
        }
        let app = start(folder.path(), registry, strategies).await?;
        let flood = Flood::start(app.bus.clone(), app.clock.clone(), RATE);
        arrivals.origin.get_or_init(|| flood.origin());
        tokio::time::sleep(SPAN).await;
        flood.end();
        app.stop(SPAN).await.map_err(anyhow::Error::msg)?;
        let mut late = std::mem::take(&mut *arrivals.late());
        late.sort_unstable();
        p99.extend(late.get(late.len() * 99 / 100).copied());
        let beside = if burns { "beside one that burns its thread" } else { "alone" };
        say(spread(&format!("event published → at a healthy strategy {beside}"), late))?;
    }
    let [alone, beside] = p99.as_slice() else { anyhow::bail!("nothing arrived") };
    let ratio = beside.as_micros() * 100 / alone.as_micros().max(1);
    say(format!("  p99 beside it is {ratio} % of that alone"))
}

/// What the healthy strategy notes.
#[derive(Debug, Default)]
struct Arrivals {
    /// The first event's instant, and when it was published.
    origin: OnceLock<(Timestamp, Instant)>,
    late: Mutex<Vec<Duration>>,
}

impl Arrivals {
    fn late(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes how late each event comes, or burns its thread at each.
#[derive(Debug)]
struct Reader {
    subscription: Subscription,
    arrivals: Option<Arc<Arrivals>>,
}

impl Reader {
    fn of(arrivals: Option<&Arc<Arrivals>>) -> Self {
        let subscription =
            Subscription { slug_prefixes: vec!["btc-updown-15m-".to_owned()], symbols: Vec::new() };
        Self { subscription, arrivals: arrivals.map(Arc::clone) }
    }
}

impl Strategy for Reader {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, _: &View<'_>, _: &mut Vec<Look>) {
        if let Some(arrivals) = &self.arrivals {
            if let Some((from, began)) = arrivals.origin.get() {
                arrivals.late().push(began.elapsed().saturating_sub(event.at.since(*from)));
            }
            return;
        }
        let until = Instant::now() + BURN;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    fn on_fill(&mut self, _: &Fill, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_done(&mut self, _: &OpenOrder, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_timer(&mut self, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_settled(&mut self, _: ConditionId) {}

    fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}
