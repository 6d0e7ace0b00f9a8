//! The breaker: stops entries after too many losses in a row, or too deep a fall of the equity.

use crate::numbers::Value;
use crate::price::Usdc;
use crate::time::Timestamp;

use super::{Limits, Rejection, Rule};

/// Counts losses in a row and watches the drawdown. While tripped, entries are refused and exits go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    streak: u64,
    /// The drawdown at the last release: only what is lost beyond it counts.
    forgiven: Usdc,
    trip: Option<Trip>,
}

/// A trip of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The rule that tripped.
    pub rule: Rule,
    /// What it had come to.
    pub used: Value,
    /// What was allowed.
    pub limit: Value,
    /// When it happened.
    pub at: Timestamp,
    /// When it releases by itself; a trip without this waits for a person.
    pub until: Option<Timestamp>,
}

impl Breaker {
    pub(super) fn round(&mut self, profit: Usdc, limits: &Limits, now: Timestamp) -> Option<Trip> {
        if profit < Usdc::ZERO {
            self.streak += 1;
        } else if Usdc::ZERO < profit {
            self.streak = 0;
        }
        if self.trip.is_some() || self.streak < limits.loss_streak_max {
            return None;
        }
        self.trip = Some(Trip {
            rule: Rule::LossStreak,
            used: Value::Count(self.streak),
            limit: Value::Count(limits.loss_streak_max),
            at: now,
            until: Some(now + limits.loss_streak_cooldown),
        });
        self.trip
    }

    pub(super) fn drawdown(&mut self, fall: Usdc, limits: &Limits, now: Timestamp) -> Option<Trip> {
        // An equity above its peak owes nothing for the falls to come.
        self.forgiven = self.forgiven.min(fall).max(Usdc::ZERO);
        let counted = fall - self.forgiven;
        let held = self.trip.is_some_and(|trip| trip.rule == Rule::Drawdown);
        if held || counted < limits.drawdown_max_usdc {
            return None;
        }
        self.trip = Some(Trip {
            rule: Rule::Drawdown,
            used: Value::Usdc(counted),
            limit: Value::Usdc(limits.drawdown_max_usdc),
            at: now,
            until: None,
        });
        self.trip
    }

    pub(super) fn cool_down(&mut self, now: Timestamp) -> Option<Rule> {
        let over = self.trip.and_then(|trip| trip.until).is_some_and(|until| until <= now);
        if !over {
            return None;
        }
        self.streak = 0;
        self.trip.take().map(|trip| trip.rule)
    }

    pub(super) fn release(&mut self, drawdown: Usdc) -> Option<Rule> {
        let rule = self.trip.take().map(|trip| trip.rule)?;
        self.streak = 0;
        self.forgiven = drawdown;
        Some(rule)
    }

    /// Returns the trip in force, where there is one.
    #[must_use]
    pub const fn trip(&self) -> Option<Trip> {
        self.trip
    }

    /// Returns how many rounds in a row were lost.
    #[must_use]
    pub const fn streak(&self) -> u64 {
        self.streak
    }
}

impl Trip {
    pub(super) const fn rejection(&self) -> Rejection {
        Rejection { rule: self.rule, used: self.used, limit: self.limit, passing: None }
    }
}
