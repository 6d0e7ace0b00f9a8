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
    venue: PaperVenue,
    now: Timestamp,
    effects: Vec<Effect>,
}

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
        Self { kernels, venue, now: Timestamp::UNIX_EPOCH, effects: Vec::new() }
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
        self.until(event.at, see)?;
        self.now = self.now.max(event.at);
        let mut news = Vec::new();
        self.venue.on_event(event, &mut news);
        let input = Input::Market(event.clone());
        for kernel in self.kernels.values_mut() {
            feed(kernel, &input, &mut self.venue, &mut self.effects, see)?;
        }
        self.tell(news, see)
    }

    /// Lets time go on after the last event, so that orders on their way arrive.
    ///
    /// # Errors
    /// When a strategy's books do not add up.
    pub fn finish(&mut self, see: &mut impl FnMut(&StrategyId, &Effect)) -> Result<(), Broken> {
        self.until(self.now + AFTER_END, see)
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

    /// Returns the venue.
    #[must_use]
    pub const fn venue(&self) -> &PaperVenue {
        &self.venue
    }

    fn until(
        &mut self,
        end: Timestamp,
        see: &mut impl FnMut(&StrategyId, &Effect),
    ) -> Result<(), Broken> {
        while let Some((at, wake)) = self.next_wake().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            match wake {
                Wake::Venue => {
                    let mut news = Vec::new();
                    self.venue.advance(at, &mut news);
                    self.tell(news, see)?;
                }
                Wake::Kernel(id) => {
                    if let Some(kernel) = self.kernels.get_mut(&id) {
                        let input = Input::Timer(at);
                        feed(kernel, &input, &mut self.venue, &mut self.effects, see)?;
                    }
                }
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

    fn tell(
        &mut self,
        news: Vec<OrderEvent>,
        see: &mut impl FnMut(&StrategyId, &Effect),
    ) -> Result<(), Broken> {
        for event in news {
            if let Some(kernel) = self.kernels.get_mut(&event.order.strategy) {
                let input = Input::Order(event);
                feed(kernel, &input, &mut self.venue, &mut self.effects, see)?;
            }
        }
        Ok(())
    }
}

fn feed(
    kernel: &mut Kernel,
    input: &Input,
    venue: &mut PaperVenue,
    effects: &mut Vec<Effect>,
    see: &mut impl FnMut(&StrategyId, &Effect),
) -> Result<(), Broken> {
    kernel.handle(input, effects)?;
    for effect in effects.drain(..) {
        if let Effect::Submit(order) = &effect {
            venue.submit(order);
        }
        see(kernel.id(), &effect);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
