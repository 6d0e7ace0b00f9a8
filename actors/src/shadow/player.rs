//! One side of a shadow: a kernel that trades against a venue of its own, in memory.

use std::time::Duration;

use ploy::compare::line::Total;
use ploy::compare::{Both, told};
use ploy::event::MarketEvent;
use ploy::kernel::{Broken, Checkpoint, Effect, Input, Kernel, Memory};
use ploy::lifecycle::Gate;
use ploy::order::{ClientOrderId, DoneCause, OrderEvent, StrategyId, Update};
use ploy::paper::PaperVenue;
use ploy::replay::{Replay, Watch};
use ploy::status::KernelStatus;

use super::{Lines, Side};
use crate::panics;
use crate::replay::{shown, since};

/// One side, with what it had come to when the comparison began.
#[derive(Debug)]
pub(super) struct Player {
    id: StrategyId,
    replay: Replay,
    before: KernelStatus,
}

/// Writes down what is told.
#[derive(Debug, Default)]
struct Teller(Lines);

/// Returns both sides under the same conditions: from what the strategy knows where both versions can go on from
/// it, else from nothing, with the reason.
pub(super) fn pair(
    sides: &Both<Side>,
    checkpoint: Option<&Checkpoint>,
    latency: Duration,
) -> Result<(Both<Player>, Option<String>), String> {
    let known = checkpoint.ok_or("the strategy did not run".to_owned());
    let resumed = known.and_then(|checkpoint| {
        Ok(Both { a: resumed(&sides.a, checkpoint)?, b: resumed(&sides.b, checkpoint)? })
    });
    let (kernels, why) = match resumed {
        Ok(kernels) => (kernels, None),
        Err(why) => (Both { a: fresh(&sides.a)?, b: fresh(&sides.b)? }, Some(why)),
    };
    let players = Both { a: Player::new(kernels.a, latency)?, b: Player::new(kernels.b, latency)? };
    Ok((players, why))
}

fn resumed(side: &Side, checkpoint: &Checkpoint) -> Result<Kernel, String> {
    let config = &side.config;
    let strategy = panics::catch(|| config.kind.restore(checkpoint.strategy()))?;
    let strategy = strategy.map_err(|misfit| misfit.to_string())?;
    let (id, limits) = (config.id.clone(), config.limits.clone());
    Kernel::resume(id, strategy, limits, checkpoint.clone()).map_err(|unfit| unfit.to_string())
}

fn fresh(side: &Side) -> Result<Kernel, String> {
    let strategy = panics::catch(|| (side.fresh)())?.map_err(|failure| failure.message)?;
    let (id, limits) = (side.config.id.clone(), side.config.limits.clone());
    Ok(Kernel::new(id, strategy, limits, Memory::default()))
}

impl Player {
    /// Returns a kernel at a venue that holds its shares. Its orders on their way are of the other venue: here they
    /// count as cancelled.
    fn new(mut kernel: Kernel, latency: Duration) -> Result<Self, String> {
        let id = kernel.id().clone();
        let mut venue = PaperVenue::new(latency);
        for (market, outcome, position) in kernel.portfolio().positions() {
            venue.endow(&id, (market, outcome), position.size);
        }
        let before = kernel.status();
        // Whoever holds the strategy back does not hold back the question what it would do.
        let gate = Input::Gate { at: kernel.now(), gate: Gate::Open };
        let open: Vec<_> =
            kernel.orders().iter().map(|(number, order)| (number, order.remaining())).collect();
        let mut effects = Vec::new();
        caught(&mut || kernel.handle(&gate, &mut effects))?;
        for (number, unfilled) in open {
            let order = ClientOrderId { strategy: id.clone(), number };
            let update = Update::Done { unfilled, cause: DoneCause::Cancelled };
            let event = OrderEvent { at: kernel.now(), order, update };
            caught(&mut || kernel.handle(&Input::Order(event.clone()), &mut effects))?;
        }
        for effect in &effects {
            if let Effect::Submit(order) = effect {
                venue.submit(order);
            }
        }
        Ok(Self { id, replay: Replay::new([kernel], venue).isolated(caught), before })
    }

    /// Plays an event and returns what is told of it.
    pub(super) fn play(&mut self, event: &MarketEvent) -> Lines {
        let mut teller = Teller::default();
        let played = self.replay.play_watched(event, &mut teller);
        played.expect("an isolated replay sets a strategy aside instead of failing");
        teller.0
    }

    /// Returns what it failed of.
    pub(super) fn failed(&self) -> Option<String> {
        self.replay.fallen().get(&self.id).map(|fallen| fallen.why.clone())
    }

    /// Returns what it came to since it began.
    pub(super) fn total(&self) -> Total {
        let kernel = self.replay.kernels().get(&self.id);
        let mut status = kernel.map_or_else(|| self.before.clone(), Kernel::status);
        since::subtract(&mut status, &self.before);
        shown::total(&self.id, &status, self.failed().as_deref())
    }
}

impl Watch for Teller {
    fn effect(&mut self, kernel: &Kernel, effect: &Effect) {
        self.0.extend(told::effect(kernel, effect));
    }

    fn order(&mut self, kernel: &Kernel, event: &OrderEvent) {
        self.0.extend(told::order(kernel, event));
    }
}

fn caught(step: &mut dyn FnMut() -> Result<(), Broken>) -> Result<(), String> {
    match panics::catch(step) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(broken)) => Err(broken.to_string()),
        Err(panic) => Err(panic),
    }
}
