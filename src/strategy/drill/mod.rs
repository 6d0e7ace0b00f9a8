//! `drill`: a strategy that fails on purpose, for tests and for fire drills of alerts on a paper venue.
//!
//! Beside its faults it trades by a rule that needs no memory: it buys one lot of yes a market at the best ask, and holds
//! it to the settlement. What decides, also about faults, is here and pure; what takes time, burns the CPU or takes memory
//! is told to the runtime as an [`Ordeal`], which only this module makes and only a runtime undergoes.

pub mod config;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decision::Reason;
use crate::event::{Kind, MarketEvent};
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::numbers::Numbers;
use crate::open_orders::OpenOrder;
use crate::order::Fill;
use crate::price::Price;
use crate::time::Timestamp;

use super::fault::Fault;
use super::gates::{self, Gates};
use super::{Look, Saved as AnySaved, Strategy, Subscription, View};
use config::{Config, Trouble};

/// The strategy.
#[derive(Debug)]
pub struct Drill {
    config: Config,
    subscription: Subscription,
    /// The number of the newest command that was carried out.
    number: u64,
}

/// What it knows beside its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The number of the newest command that was carried out.
    number: u64,
}

/// What a runtime must undergo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordeal(Trial);

/// The kinds of what a runtime must undergo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Burn the CPU of its thread for so long; for ever where no time is given.
    Spin(Option<Duration>),
    /// Wait without end, without using the CPU.
    Hang,
    /// Take so many bytes of memory and keep them as long as the incarnation lives.
    Grow(u64),
    /// Let the start take so long; for ever where no time is given.
    SlowStart(Option<Duration>),
}

impl Ordeal {
    /// Returns what is to be undergone.
    #[must_use]
    pub const fn trial(self) -> Trial {
        self.0
    }
}

impl Drill {
    /// Returns a strategy that knows nothing of the past. Commands of before its start are not carried out.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let number = config.fault_number;
        let subscription =
            Subscription { slug_prefixes: config.market_prefixes.clone(), symbols: Vec::new() };
        Self { config, subscription, number }
    }

    /// Returns a strategy that goes on from what was saved. A number that was raised since is a command.
    #[must_use]
    pub fn restore(config: Config, saved: Saved) -> Self {
        Self { number: saved.number, ..Self::new(config) }
    }

    /// Fails.
    fn fail(&self) -> Option<Fault> {
        let drill = |trial| Some(Fault::Drill(Ordeal(trial)));
        match self.config.fault {
            Trouble::None | Trouble::SlowStart => None,
            Trouble::Panic => panic(),
            Trouble::Error => Some(Fault::Error("a drill: it says that it failed".to_owned())),
            Trouble::Config => {
                Some(Fault::Config("a drill: it says that its settings cannot work".to_owned()))
            }
            Trouble::Spin => drill(Trial::Spin(self.config.span())),
            Trouble::Hang => drill(Trial::Hang),
            Trouble::Grow => drill(Trial::Grow(self.config.grow_bytes)),
        }
    }

    fn look(&self, market: ConditionId, ask: Option<Price>, view: &View<'_>) -> Look {
        let no = |reason| Look::no(market, reason, Numbers::none());
        let Some(limit) = ask else { return no(Reason::OneSidedBook) };
        if view.orders.iter().any(|(_, order)| order.intent.market == market) {
            return no(Reason::PendingOrder);
        }
        if view.portfolio.is_held(market) {
            return no(Reason::Holding);
        }
        let intent = Intent {
            market,
            outcome: Outcome::Yes,
            side: Side::Buy,
            limit,
            size: self.config.size,
            time_in_force: TimeInForce::Fak,
            purpose: Purpose::Entry,
        };
        Look::intent(intent, Numbers::none())
    }
}

#[expect(clippy::panic, reason = "that it panics is what this strategy is for")]
fn panic() -> ! {
    // Nothing else is said: the same drill again is the same panic.
    panic!("a drill: it panics");
}

impl Strategy for Drill {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn gates(&self) -> Gates {
        gates::DRILL
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        match &event.kind {
            Kind::Book { market, outcome: Outcome::Yes, book } => {
                let ask = book.best_ask().map(|level| level.price);
                looks.push(self.look(*market, ask, view));
            }
            Kind::Book { outcome: Outcome::No, .. } | Kind::Market(_) | Kind::Trade(_) => {}
            Kind::Spot { .. } | Kind::Game(_) | Kind::Tick { .. } | Kind::Resolved { .. } => {}
            Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
    }

    fn on_fill(&mut self, _: &Fill, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_done(&mut self, _: &OpenOrder, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_timer(&mut self, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_settled(&mut self, _: ConditionId) {}

    fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> AnySaved {
        AnySaved::Drill(Saved { number: self.number })
    }

    fn fault(&mut self, inputs: u64) -> Option<Fault> {
        if inputs == 0 {
            let is_slow = self.config.fault == Trouble::SlowStart;
            return is_slow.then(|| Fault::Drill(Ordeal(Trial::SlowStart(self.config.span()))));
        }
        let is_commanded = self.number < self.config.fault_number;
        if !is_commanded && !self.config.is_due(inputs) {
            return None;
        }
        self.number = self.number.max(self.config.fault_number);
        self.fail()
    }
}

#[cfg(test)]
mod tests;
