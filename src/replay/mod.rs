//! The whole of trading without any actor: kernels and a paper venue, played in lock-step.
//!
//! The next event enters when all that the last one caused is settled. Between two events everything that is
//! due by then happens in the order of time, the venue before the strategies at the same instant. The service
//! plays a tape by the same rules, so its decisions are the same, byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::MarketEvent;
use crate::kernel::{Broken, Effect, Input, Kernel};
use crate::order::{OrderEvent, StrategyId};
use crate::paper::PaperVenue;
use crate::time::Timestamp;

/// How long time goes on after the last event, so that orders on their way arrive.
pub const AFTER_END: Duration = Duration::from_secs(60);

/// Kernels and a paper venue in lock-step.
#[derive(Debug)]
pub struct Replay {
    kernels: BTreeMap<StrategyId, Kernel>,
    fallen: BTreeMap<StrategyId, Fallen>,
    venue: PaperVenue,
    now: Timestamp,
    effects: Vec<Effect>,
    catch: Option<Catch>,
}

/// Looks on while kernels are played.
pub trait Watch {
    /// Is shown an effect, after the input that caused it.
    fn effect(&mut self, kernel: &Kernel, effect: &Effect);

    /// Is shown what a kernel was told of an order of its own: after it took that in, before what came of it.
    fn order(&mut self, kernel: &Kernel, event: &OrderEvent);
}

/// Runs one step of a kernel, and returns in words what it failed of. The core catches no panic: whoever runs a
/// replay does, where a strategy must not end the others.
pub type Catch = fn(&mut dyn FnMut() -> Result<(), Broken>) -> Result<(), String>;

/// A strategy that failed in a replay. It takes no further part; what is on its way for it goes to nobody.
#[derive(Debug)]
pub struct Fallen {
    /// The kernel as it was then. It may be half changed: only what it shows is of use.
    pub kernel: Kernel,
    /// When it failed.
    pub at: Timestamp,
    /// What of.
    pub why: String,
}

/// How a step of a kernel failed.
enum Failure {
    Broken(Broken),
    Caught(String),
}

/// Shows the effects alone.
struct Effects<'a, F>(&'a mut F);

/// Who is woken next; at the same instant the venue comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Venue,
    Kernel(StrategyId),
}

impl Replay {
    /// Returns a replay of these strategies at this venue.
    #[must_use]
    pub fn new(kernels: impl IntoIterator<Item = Kernel>, venue: PaperVenue) -> Self {
        let kernels = kernels.into_iter().map(|kernel| (kernel.id().clone(), kernel)).collect();
        Self {
            kernels,
            fallen: BTreeMap::new(),
            venue,
            now: Timestamp::UNIX_EPOCH,
            effects: Vec::new(),
            catch: None,
        }
    }

    /// Returns this replay so that a strategy which fails is set aside and the others go on; no step is an error
    /// any more.
    #[must_use]
    pub fn isolated(self, catch: Catch) -> Self {
        Self { catch: Some(catch), ..self }
    }

    /// Plays one event; `see` is shown every effect with its strategy.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn play(
        &mut self,
        event: &MarketEvent,
        see: &mut impl FnMut(&StrategyId, &Effect),
    ) -> Result<(), Broken> {
        self.play_watched(event, &mut Effects(see))
    }

    /// Plays one event, with somebody looking on.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn play_watched(
        &mut self,
        event: &MarketEvent,
        watch: &mut impl Watch,
    ) -> Result<(), Broken> {
        self.until(event.at, watch)?;
        self.now = self.now.max(event.at);
        let mut news = Vec::new();
        self.venue.on_event(event, &mut news);
        let input = Input::Market(event.clone());
        let mut failures = Vec::new();
        let Self { kernels, venue, effects, catch, .. } = self;
        for kernel in kernels.values_mut() {
            if let Err(failure) = feed(kernel, &input, (venue, effects, *catch), watch) {
                failures.push((kernel.id().clone(), failure));
            }
        }
        for (id, failure) in failures {
            self.set_aside(&id, failure)?;
        }
        self.tell(news, watch)
    }

    /// Lets time go on up to an instant, it included, without an event.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn pass_watched(&mut self, end: Timestamp, watch: &mut impl Watch) -> Result<(), Broken> {
        self.until(end, watch)?;
        self.now = self.now.max(end);
        Ok(())
    }

    /// Lets time go on after the last event, so that orders on their way arrive.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn finish(&mut self, see: &mut impl FnMut(&StrategyId, &Effect)) -> Result<(), Broken> {
        self.finish_watched(&mut Effects(see))
    }

    /// Lets time go on after the last event, with somebody looking on.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn finish_watched(&mut self, watch: &mut impl Watch) -> Result<(), Broken> {
        self.until(self.now + AFTER_END, watch)
    }

    /// Puts another kernel of a strategy in the place of the present one: one that was resumed from its
    /// checkpoint, or its next incarnation. To the latter a fill of an open order would be a stray, so all orders
    /// must have ended.
    pub fn restart(&mut self, kernel: Kernel) {
        self.kernels.insert(kernel.id().clone(), kernel);
    }

    /// Returns the kernels by name.
    #[must_use]
    pub const fn kernels(&self) -> &BTreeMap<StrategyId, Kernel> {
        &self.kernels
    }

    /// Returns the strategies that failed, by name. Only an isolated replay has any.
    #[must_use]
    pub const fn fallen(&self) -> &BTreeMap<StrategyId, Fallen> {
        &self.fallen
    }

    /// Returns the venue.
    #[must_use]
    pub const fn venue(&self) -> &PaperVenue {
        &self.venue
    }

    fn until(&mut self, end: Timestamp, watch: &mut impl Watch) -> Result<(), Broken> {
        while let Some((at, wake)) = self.next_wake().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            match wake {
                Wake::Venue => {
                    let mut news = Vec::new();
                    self.venue.advance(at, &mut news);
                    self.tell(news, watch)?;
                }
                Wake::Kernel(id) => self.give(&id, &Input::Timer(at), watch)?,
            }
        }
        Ok(())
    }

    fn next_wake(&self) -> Option<(Timestamp, Wake)> {
        let venue = self.venue.next_due().map(|at| (at, Wake::Venue));
        let kernels = self.kernels.iter().filter_map(|(id, kernel)| {
            kernel.next_timer().map(|at| (at, Wake::Kernel(id.clone())))
        });
        venue.into_iter().chain(kernels).min()
    }

    fn tell(&mut self, news: Vec<OrderEvent>, watch: &mut impl Watch) -> Result<(), Broken> {
        for event in news {
            let id = event.order.strategy.clone();
            self.give(&id, &Input::Order(event), watch)?;
        }
        Ok(())
    }

    /// Gives one kernel an input; one that is not there any more gets nothing.
    fn give(
        &mut self,
        id: &StrategyId,
        input: &Input,
        watch: &mut impl Watch,
    ) -> Result<(), Broken> {
        let Self { kernels, venue, effects, catch, .. } = self;
        let Some(kernel) = kernels.get_mut(id) else { return Ok(()) };
        match feed(kernel, input, (venue, effects, *catch), watch) {
            Ok(()) => Ok(()),
            Err(failure) => self.set_aside(id, failure),
        }
    }

    fn set_aside(&mut self, id: &StrategyId, failure: Failure) -> Result<(), Broken> {
        let why = match failure {
            Failure::Broken(broken) => return Err(broken),
            Failure::Caught(why) => why,
        };
        if let Some(kernel) = self.kernels.remove(id) {
            self.fallen.insert(id.clone(), Fallen { kernel, at: self.now, why });
        }
        Ok(())
    }
}

fn feed(
    kernel: &mut Kernel,
    input: &Input,
    (venue, effects, catch): (&mut PaperVenue, &mut Vec<Effect>, Option<Catch>),
    watch: &mut impl Watch,
) -> Result<(), Failure> {
    effects.clear();
    let mut step = || kernel.handle(input, effects);
    match catch {
        None => step().map_err(Failure::Broken)?,
        Some(catch) => catch(&mut step).map_err(Failure::Caught)?,
    }
    if let Input::Order(event) = input {
        watch.order(kernel, event);
    }
    for effect in effects.drain(..) {
        if let Effect::Submit(order) = &effect {
            venue.submit(order);
        }
        watch.effect(kernel, &effect);
    }
    Ok(())
}

impl<F: FnMut(&StrategyId, &Effect)> Watch for Effects<'_, F> {
    fn effect(&mut self, kernel: &Kernel, effect: &Effect) {
        (self.0)(kernel.id(), effect);
    }

    fn order(&mut self, _kernel: &Kernel, _event: &OrderEvent) {}
}

#[cfg(test)]
mod tests;
