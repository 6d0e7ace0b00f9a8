//! One market: what the strategy remembers of it, and how its stage follows what happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::intent::{Intent, Purpose};
use crate::market::{ConditionId, Side};
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::order::Fill;
use crate::strategy::retry::Retry;
use crate::strategy::{Look, Wish};
use crate::time::Timestamp;

use super::fixture::Fixture;
use super::flow::Flow;
use super::holding::Holding;
use super::stage::{Stage, Trigger};

/// What is remembered of one market.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Swing {
    pub(super) stage: Stage,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) fixture: Option<Fixture>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) holding: Option<Holding>,
    pub(super) flow: Flow,
    /// When an order to buy yes or no last ended without all its shares: the books of up to then are spent. A new
    /// incarnation does not know, which costs it one order at most.
    pub(super) spent: [Option<Timestamp>; 2],
    /// When the last round ended. Follows from fills, so it survives a restart.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) exited_at: Option<Timestamp>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) retry: Option<Retry>,
    /// The newest look: what was due by then is done.
    looked_at: Timestamp,
}

/// What the stage of a market follows beside its own events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) market: ConditionId,
    pub(super) now: Timestamp,
    pub(super) orders: &'a OpenOrders,
    /// How many feeds are down.
    pub(super) feeds_down: u64,
    pub(super) reset_after: Duration,
}

impl Swing {
    /// Brings the stage up to date with orders, feeds and time.
    pub(super) fn follow(&mut self, around: &Around<'_>) {
        let is_pending = around.orders.of_market(around.market).next().is_some();
        if around.feeds_down != 0 && self.stage != Stage::Halt {
            self.go(Trigger::EmergencyHalt);
        }
        match self.stage {
            // A halt ends when the last feed is back and what was on its way has arrived.
            Stage::Halt if around.feeds_down == 0 && !is_pending => {
                self.go(match self.holding {
                    Some(_) => Trigger::ResumeHolding,
                    None => Trigger::Resume,
                });
            }
            Stage::Armed if is_pending => self.go(Trigger::EntryOrderSubmitted),
            // The guard refused it, or it ended without selling all.
            Stage::Exiting if !is_pending => self.go(Trigger::ExitCancelled),
            Stage::Exited if self.has_rested(around) => self.go(Trigger::Reset),
            Stage::Watch | Stage::Armed | Stage::Entering | Stage::Managing => {}
            Stage::Exiting | Stage::Exited | Stage::Halt => {}
        }
    }

    /// Takes in a fill, also one of an earlier incarnation.
    pub(super) fn fill(&mut self, fill: &Fill) {
        let before = self.holding.is_some();
        self.holding = Holding::after(self.holding, fill);
        match (fill.side, before, self.holding.is_some()) {
            (Side::Buy, false, true) => self.opened(),
            (Side::Sell, true, true) => self.lowered(),
            (Side::Sell, true, false) => self.closed(fill.at),
            // More of what is held, or dust that was none before or after.
            (Side::Buy | Side::Sell, true | false, true | false) => {}
        }
    }

    /// Takes in the end of an order: all that it will ever fill has been told.
    pub(super) fn done(&mut self, order: &OpenOrder, now: Timestamp, exit_retry: Duration) {
        let Intent { outcome, purpose, .. } = order.intent;
        let is_short = !order.remaining().is_zero();
        match purpose {
            Purpose::Entry | Purpose::Hedge => {
                if self.stage == Stage::Armed {
                    self.go(Trigger::EntryOrderSubmitted);
                }
                if self.stage == Stage::Entering {
                    self.go(Trigger::EntryCancelled);
                }
                if is_short {
                    *outcome.of_mut(&mut self.spent) = Some(now);
                }
            }
            Purpose::Exit if is_short && self.holding.is_some() => {
                self.retry = Some(Retry::after(self.retry, now, exit_retry));
            }
            Purpose::Exit => self.retry = None,
        }
    }

    /// Takes in how a look ended.
    pub(super) fn looked(&mut self, look: &Look, now: Timestamp) {
        self.looked_at = self.looked_at.max(now);
        match (&look.wish, self.stage) {
            (Wish::Intent(intent), Stage::Watch) if intent.purpose == Purpose::Entry => {
                self.go(Trigger::SignalDetected);
            }
            (Wish::Intent(intent), Stage::Managing) if self.is_all(intent) => {
                self.go(Trigger::ExitSignal);
            }
            (Wish::No(_), Stage::Armed) => self.go(Trigger::SignalLost),
            (Wish::Intent(_) | Wish::No(_), _) => {}
        }
    }

    /// Notes that the market had its turn.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.looked_at = self.looked_at.max(now);
    }

    /// Returns the first instant after the newest look at which time alone changes what is to be done.
    pub(super) fn timer(&self) -> Option<Timestamp> {
        self.retry.map(Retry::at).filter(|at| self.looked_at < *at)
    }

    fn opened(&mut self) {
        (self.retry, self.exited_at) = (None, None);
        match self.stage {
            Stage::Armed => {
                self.go(Trigger::EntryOrderSubmitted);
                self.go(Trigger::EntryFilled);
            }
            Stage::Entering => self.go(Trigger::EntryFilled),
            Stage::Watch => self.go(Trigger::Recovered),
            Stage::Exited => {
                self.go(Trigger::Reset);
                self.go(Trigger::Recovered);
            }
            Stage::Managing | Stage::Exiting | Stage::Halt => {}
        }
    }

    fn lowered(&mut self) {
        match self.stage {
            Stage::Managing => self.go(Trigger::PartialExit),
            Stage::Watch | Stage::Armed | Stage::Entering => {}
            Stage::Exiting | Stage::Exited | Stage::Halt => {}
        }
    }

    fn closed(&mut self, at: Timestamp) {
        (self.retry, self.exited_at) = (None, Some(at));
        if self.stage == Stage::Managing {
            self.go(Trigger::ExitSignal);
        }
        if self.stage == Stage::Exiting {
            self.go(Trigger::ExitFilled);
        }
    }

    fn has_rested(&self, around: &Around<'_>) -> bool {
        self.exited_at.is_none_or(|at| around.reset_after <= around.now.since(at))
    }

    fn is_all(&self, intent: &Intent) -> bool {
        let held = self.holding.map(|holding| holding.size().floor_to_cents());
        intent.purpose == Purpose::Exit && held == Some(intent.size)
    }

    /// # Panics
    /// When the trigger means nothing at this stage: what is known of the market is wrong, and going on would
    /// trade on it. The next incarnation learns it anew from the fills.
    fn go(&mut self, trigger: Trigger) {
        self.stage = self.stage.next(trigger).expect("the stage allows what has happened");
    }
}
