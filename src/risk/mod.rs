//! The risk guard: an intent becomes an [`Approved`] or a [`Rejection`]. There is no third way, and no switch.

mod account;
mod breaker;
pub mod example;
mod explain;
mod exposure;
mod form;
mod groups;
mod limits;
mod rule;
mod rules;
mod throttle;
mod usage;
mod worst;

pub use account::{
    AccountGuard, AccountLimits, AccountRejection, AccountRule, AccountStanding, AccountTrip,
    AccountTurn, AccountUse, RateLimit,
};
pub use breaker::{Breaker, Trial, Trip, Turn};
pub use explain::{Check, Explanation, Finding};
pub use groups::Groups;
pub use limits::{DayLimits, EntryLimits, GroupLimits, Limits, SendLimits};
pub use rule::Rule;
pub use usage::Use;
pub use worst::{worst_loss, worst_loss_total};

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::intent::Intent;
use crate::lifecycle::Gate;
use crate::market::{Market, TickSize};
use crate::numbers::Value;
use crate::open_orders::OpenOrders;
use crate::order::Submission;
use crate::position::Portfolio;
use crate::price::{Size, Usdc};
use crate::time::Timestamp;
use rules::{Asked, RULES};
use throttle::{Level, Throttle};

/// An intent that passed the guard. Only [`RiskGuard::check`] makes one; the executor takes nothing else.
///
/// ```
/// use ploy::{intent::Intent, risk::{Approved, Context, RiskGuard}};
/// fn ask(guard: &mut RiskGuard, intent: Intent, context: &Context<'_>) -> Option<Approved> {
///     guard.check(intent, context).ok()
/// }
/// ```
///
/// Its field is private, so that nobody else makes one:
///
/// ```compile_fail,E0451
/// use ploy::{intent::Intent, risk::Approved};
/// fn mint(intent: Intent) -> Approved {
///     Approved { intent }
/// }
/// ```
///
/// Nor can it be read from a text, or be had for nothing:
///
/// ```compile_fail,E0277
/// let approved: ploy::risk::Approved = serde_json::from_str("{}").unwrap();
/// ```
///
/// ```compile_fail,E0277
/// # use ploy::risk::Approved;
/// fn nothing<T: Default>() -> T {
///     T::default()
/// }
/// let approved: Approved = nothing();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved {
    intent: Intent,
}

/// A refusal, with what was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule that refused.
    pub rule: Rule,
    /// What the order would have come to.
    pub used: Value,
    /// What is allowed.
    pub limit: Value,
    /// The size that would have passed this rule, where a smaller one would.
    pub passing: Option<Size>,
}

/// The guard of one strategy: its limits, its throttle, its breaker.
#[derive(Clone, Debug)]
pub struct RiskGuard {
    limits: Limits,
    throttle: Throttle,
    breaker: Breaker,
    gate: Gate,
    /// Whether nobody asked yet: losses of before were held against other limits, perhaps.
    is_new: bool,
}

/// Where a guard stands beside its breaker, as it is written down: its gate, and what its throttle has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    gate: Gate,
    throttle: Level,
}

/// What the guard looks at beside the intent.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The instant of the decision.
    pub now: Timestamp,
    /// The market's rules, when known.
    pub market: Option<&'a Market>,
    /// The market's price step now.
    pub tick: TickSize,
    /// The newest book of the intent's outcome, where one came.
    pub book: Option<&'a OrderBook>,
    /// What the strategy holds.
    pub portfolio: &'a Portfolio,
    /// What it has outstanding.
    pub orders: &'a OpenOrders,
    /// Which markets belong together.
    pub groups: &'a Groups,
}

impl Approved {
    /// Returns the intent that was approved.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }
}

impl RiskGuard {
    /// Returns a guard with these limits and an open gate.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let throttle = Throttle::new(limits.order_rate_per_minute, limits.order_burst);
        Self { throttle, breaker: Breaker::default(), gate: Gate::Open, limits, is_new: true }
    }

    /// Approves the intent or says which rule refuses it, the first in the order of [`Rule`].
    ///
    /// # Errors
    /// The rule that refused, what the order would have come to, and what is allowed.
    pub fn check(&mut self, intent: Intent, context: &Context<'_>) -> Result<Approved, Rejection> {
        self.judge(&intent, context)?;
        self.throttle.take(context.now);
        Ok(Approved { intent })
    }

    /// Says which rule would refuse the intent now, the first in the order of [`Rule`]. Nothing is taken for it.
    ///
    /// # Errors
    /// The rule that refuses, what the order would come to, and what is allowed.
    pub fn judge(&self, intent: &Intent, context: &Context<'_>) -> Result<(), Rejection> {
        let asked = Asked { guard: self, intent, context };
        for (_, ask) in RULES {
            if let Finding::Refused(rejection) = ask(&asked) {
                return Err(rejection);
            }
        }
        Ok(())
    }

    /// Notes the number of an approved intent: of a half-open breaker an entry is the trial.
    pub const fn numbered(&mut self, approved: &Approved, number: u64) {
        let Intent { purpose, market, .. } = approved.intent;
        if !purpose.is_protective() {
            self.breaker.tries(number, market);
        }
    }

    /// Takes in the profit or loss of a finished round. It trips where it is one loss too many, and a win releases it
    /// where it was half open.
    pub fn round(&mut self, profit: Usdc, now: Timestamp) -> Option<Turn> {
        self.breaker.round(profit, &self.limits, now)
    }

    /// Takes in what came of sending an order that is open. It trips where one too many failed in a row, and an
    /// acceptance releases it where it was half open.
    pub fn sent(&mut self, submission: &Submission, now: Timestamp) -> Option<Turn> {
        self.breaker.sent(submission, &self.limits, now)
    }

    /// Takes in the fall of the equity from its peak. Returns a trip where it is too deep.
    pub fn drawdown(&mut self, drawdown: Usdc, now: Timestamp) -> Option<Trip> {
        self.breaker.drawdown(drawdown, &self.limits, now)
    }

    /// Begins another day with this equity where the one before is over. To be asked before anything new is taken in.
    pub fn turn_day(&mut self, equity: impl FnOnce() -> Usdc, now: Timestamp) {
        if self.breaker.is_over(now) {
            self.breaker.begin_day(equity(), &self.limits, now);
        }
    }

    /// Tells once whether the limits are new: what was lost before is to be held against them.
    pub const fn is_new(&mut self) -> bool {
        std::mem::replace(&mut self.is_new, false)
    }

    /// Takes in the equity. Returns a trip where too much was lost since the day began.
    pub fn daily(&mut self, equity: Usdc, now: Timestamp) -> Option<Trip> {
        self.breaker.daily(equity, &self.limits, now)
    }

    /// Returns what was lost since the day began; negative where it was won.
    #[must_use]
    pub fn lost_today(&self, equity: Usdc) -> Usdc {
        self.breaker.lost_today(equity)
    }

    /// Ends a trip whose cooldown is over: of a streak it is half open then, of a day it is released.
    pub fn cool_down(&mut self, now: Timestamp) -> Option<Turn> {
        self.breaker.cool_down(&self.limits, now)
    }

    /// Lets entries pass again because a person said so. Returns the rule that was released. The drawdown
    /// is counted from `drawdown` on, and the day's loss from `equity`.
    pub fn release(&mut self, drawdown: Usdc, equity: Usdc) -> Option<Rule> {
        self.breaker.release(drawdown, equity)
    }

    /// Takes over the breaker of an earlier incarnation.
    pub fn restore(&mut self, breaker: Breaker) {
        self.breaker = breaker;
    }

    /// Returns where it stands beside its breaker.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing { gate: self.gate, throttle: self.throttle.level() }
    }

    /// Takes over where another guard stood.
    pub fn stand(&mut self, standing: Standing) {
        self.gate = standing.gate;
        self.throttle.go_on(standing.throttle);
    }

    /// Sets the order gate.
    pub const fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
    }

    /// Returns the order gate.
    #[must_use]
    pub const fn gate(&self) -> Gate {
        self.gate
    }

    /// Returns the limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the breaker, for those who show it.
    #[must_use]
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}

#[cfg(test)]
mod tests;
