//! The guard's answer in full: how an order fares with every rule, and what would have passed.

use crate::intent::Intent;
use crate::numbers::Value;
use crate::price::Size;
use crate::time::Timestamp;

use super::rules::{Asked, RULES};
use super::usage::left;
use super::{Context, Rejection, RiskGuard, Rule};

/// How an order fares with every rule of the guard, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Every rule, with what it found.
    pub checks: [Check; Rule::COUNT],
    /// Of a refused order the size that would have passed every rule, where a smaller one would.
    pub passing: Option<Size>,
    /// Of a refused order when time alone lets such an order pass the rule that refused it.
    pub until: Option<Timestamp>,
}

/// A rule, with what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// What it found.
    pub finding: Finding,
}

/// What a rule says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The order may pass: what it comes to and what is allowed, where the rule counts something.
    Passed(Option<(Value, Value)>),
    /// The order is refused.
    Refused(Rejection),
    /// The rule does not hold for such an order.
    Exempt,
    /// A rule before it refused, so it was not asked.
    NotReached,
}

impl RiskGuard {
    /// Says how an intent fares with every rule. It is approved now if and only if none refuses: to be asked before
    /// [`RiskGuard::check`], which takes the order's worth from the throttle.
    #[must_use]
    pub fn explain(&self, intent: &Intent, context: &Context<'_>) -> Explanation {
        let asked = Asked { guard: self, intent, context };
        let mut refused: Option<Rejection> = None;
        let checks = RULES.map(|(rule, ask)| {
            let finding = if refused.is_some() { Finding::NotReached } else { ask(&asked) };
            if let Finding::Refused(rejection) = finding {
                refused = Some(rejection);
            }
            Check { rule, finding }
        });
        let passing = refused.and_then(|_| self.passing(*intent, context));
        let until = refused.and_then(|rejection| self.until(rejection.rule, intent, context));
        Explanation { checks, passing, until }
    }

    /// Returns the size that every rule lets pass, where it is smaller sizes that pass.
    fn passing(&self, mut intent: Intent, context: &Context<'_>) -> Option<Size> {
        // Each rule can ask for less once.
        for _ in RULES {
            match self.judge(&intent, context) {
                Ok(()) => return Some(intent.size),
                Err(rejection) => {
                    intent.size = rejection.passing.filter(|size| *size < intent.size)?;
                }
            }
        }
        None
    }

    fn until(&self, rule: Rule, intent: &Intent, context: &Context<'_>) -> Option<Timestamp> {
        match rule {
            Rule::LossStreak | Rule::RejectStreak | Rule::FailureStreak => {
                self.breaker.trip().and_then(|trip| trip.until)
            }
            Rule::Drawdown | Rule::DailyLoss => self.breaker.trip().and_then(|trip| trip.until),
            Rule::Throttle => self.throttle.look(intent.purpose, context.now).free_at(),
            Rule::Trial => None,
            Rule::Gate | Rule::UnknownMarket | Rule::PriceGrid | Rule::VenueMinimum => None,
            Rule::Holdings | Rule::OneOrderPerLeg | Rule::OpenOrders => None,
            Rule::PriceBand | Rule::StaleBook | Rule::BookDistance | Rule::CloseLeft => None,
            Rule::OrderSize | Rule::OrderNotional => None,
            Rule::MarketExposure | Rule::EventExposure => None,
            Rule::SymbolExposure | Rule::StrategyExposure => None,
        }
    }
}

impl Explanation {
    /// Returns the refusal, where there is one.
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        self.checks.iter().find_map(|check| match check.finding {
            Finding::Refused(rejection) => Some(rejection),
            Finding::Passed(_) | Finding::Exempt | Finding::NotReached => None,
        })
    }
}

impl Finding {
    pub(super) const fn passed(used: Value, limit: Value) -> Self {
        Self::Passed(Some((used, limit)))
    }

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Refused(_) => "refused",
            Self::Exempt => "exempt",
            Self::NotReached => "not_reached",
        }
    }

    /// Returns what the order comes to and what is allowed, where the rule was asked and counts something.
    #[must_use]
    pub const fn compared(&self) -> Option<(Value, Value)> {
        match self {
            Self::Passed(compared) => *compared,
            Self::Refused(rejection) => Some((rejection.used, rejection.limit)),
            Self::Exempt | Self::NotReached => None,
        }
    }
}

impl Check {
    /// Returns how much of what is allowed would be left after the order, where the rule sets an upper limit. Nothing
    /// is left where it refused.
    #[must_use]
    pub fn room(&self) -> Option<Value> {
        let sets_a_limit = match self.rule {
            Rule::Gate | Rule::UnknownMarket | Rule::PriceGrid | Rule::VenueMinimum => false,
            // Of these one passes above, or on either side.
            Rule::PriceBand | Rule::CloseLeft => false,
            Rule::DailyLoss | Rule::RejectStreak | Rule::FailureStreak | Rule::Trial => true,
            Rule::StaleBook | Rule::BookDistance | Rule::OrderSize | Rule::OrderNotional => true,
            Rule::LossStreak | Rule::Drawdown | Rule::Holdings | Rule::OneOrderPerLeg => true,
            Rule::OpenOrders | Rule::MarketExposure | Rule::StrategyExposure => true,
            Rule::EventExposure | Rule::SymbolExposure | Rule::Throttle => true,
        };
        let (used, limit) = self.finding.compared().filter(|_| sets_a_limit)?;
        left(used, limit)
    }
}
