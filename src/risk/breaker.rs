//! The breaker: stops entries after too many losses in a row, or too deep a fall of the equity.

use serde::{Deserialize, Serialize};

use crate::numbers::Value;
use crate::price::Usdc;
use crate::time::Timestamp;

use super::{Limits, Rejection, Rule};

/// Counts losses in a row and watches the drawdown. While tripped, entries are refused and exits go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    #[serde(deserialize_with = "crate::numbers::count")]
    streak: u64,
    /// The drawdown at the last release: only what is lost beyond it counts.
    forgiven: Usdc,
    #[serde(deserialize_with = "Option::deserialize")]
    day: Option<Day>,
    #[serde(deserialize_with = "Option::deserialize")]
    trip: Option<Trip>,
}

/// The day that goes on: what it is held against, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    /// The equity when it began, or when a person released the breaker since.
    equity: Usdc,
    ends: Timestamp,
}

/// A trip of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(deserialize_with = "Option::deserialize")]
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

    /// Tells whether another day has begun, or none was begun yet.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.day.is_none_or(|day| day.ends <= now)
    }

    pub(super) fn begin_day(&mut self, equity: Usdc, limits: &Limits, now: Timestamp) {
        self.day = Some(Day { equity, ends: limits.day.next(now) });
    }

    /// Takes in the equity. A fall since the day began that is too deep trips until the day ends, where nothing
    /// graver has tripped.
    pub(super) fn daily(&mut self, equity: Usdc, limits: &Limits, now: Timestamp) -> Option<Trip> {
        let day = self.day?;
        let lost = day.equity - equity;
        let held = self.trip.filter(|trip| trip.rule != Rule::LossStreak).is_some();
        if held || lost < limits.day.loss_max_usdc {
            return None;
        }
        // A streak's wait that is longer than the day goes on to its end.
        let wait = self.trip.and_then(|trip| trip.until).unwrap_or(day.ends);
        self.trip = Some(Trip {
            rule: Rule::DailyLoss,
            used: Value::Usdc(lost),
            limit: Value::Usdc(limits.day.loss_max_usdc),
            at: now,
            until: Some(day.ends.max(wait)),
        });
        self.trip
    }

    /// Returns what was lost since the day began; negative where it was won.
    pub(super) fn lost_today(&self, equity: Usdc) -> Usdc {
        self.day.map_or(Usdc::ZERO, |day| day.equity - equity)
    }

    /// Returns what of a fall from the peak counts: what was forgiven at the last release does not.
    pub(super) fn counted(&self, fall: Usdc) -> Usdc {
        fall - self.forgiven.min(fall).max(Usdc::ZERO)
    }

    pub(super) fn cool_down(&mut self, now: Timestamp) -> Option<Rule> {
        let over = self.trip.and_then(|trip| trip.until).is_some_and(|until| until <= now);
        if !over {
            return None;
        }
        self.streak = 0;
        self.trip.take().map(|trip| trip.rule)
    }

    pub(super) fn release(&mut self, drawdown: Usdc, equity: Usdc) -> Option<Rule> {
        let rule = self.trip.take().map(|trip| trip.rule)?;
        self.streak = 0;
        self.forgiven = drawdown;
        self.day = self.day.map(|day| Day { equity, ..day });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::risk::{DayLimits, EntryLimits};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const LATER: Duration = Duration::from_secs(1_000_000);

    fn limits() -> Limits {
        Limits {
            market_exposure_max_usdc: usdc("1"),
            strategy_exposure_max_usdc: usdc("1"),
            open_orders_max: 1,
            order_rate_per_minute: 1,
            order_burst: 1,
            loss_streak_max: 2,
            loss_streak_cooldown: Duration::from_secs(60),
            drawdown_max_usdc: usdc("10"),
            day: DayLimits { loss_max_usdc: usdc("8"), ..DayLimits::PRESET },
            entry: EntryLimits::PRESET,
        }
    }

    fn usdc(text: &str) -> Usdc {
        text.parse().unwrap()
    }

    impl Breaker {
        /// Finishes rounds with these results; tells after which of them it tripped.
        fn rounds(&mut self, results: &[&str]) -> Vec<bool> {
            let trip = |result: &&str| self.round(usdc(result), &limits(), NOW).is_some();
            results.iter().map(trip).collect()
        }

        /// Sees these falls from the peak; tells at which of them it tripped.
        fn falls(&mut self, falls: &[&str]) -> Vec<bool> {
            let trip = |fall: &&str| self.drawdown(usdc(fall), &limits(), NOW).is_some();
            falls.iter().map(trip).collect()
        }

        fn rule(&self) -> Option<Rule> {
            self.trip().map(|trip| trip.rule)
        }
    }

    #[test]
    fn it_trips_at_the_last_allowed_loss_in_a_row_and_only_once() {
        let mut breaker = Breaker::default();
        let tripped = breaker.rounds(&["-1", "0.000001", "-1", "0", "-0.000001", "-1"]);
        assert_eq!(tripped, [false, false, false, false, true, false]);
        assert_eq!(breaker.streak(), 3);
    }

    #[test]
    fn losses_begin_anew_after_its_time() {
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        assert_eq!(breaker.cool_down(NOW + Duration::from_secs(60)), Some(Rule::LossStreak));
        assert_eq!((breaker.streak(), breaker.trip()), (0, None));
        assert_eq!(breaker.cool_down(NOW + LATER), None);
        assert_eq!(breaker.rounds(&["-1", "-1"]), [false, true]);
    }

    #[test]
    fn a_drawdown_takes_the_place_of_a_losing_streak_and_not_the_other_way_round() {
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        assert_eq!(breaker.falls(&["10"]), [true]);
        assert_eq!(breaker.rule(), Some(Rule::Drawdown));
        assert_eq!(breaker.cool_down(NOW + LATER), None);
        assert_eq!(breaker.rounds(&["-1", "-1"]), [false, false]);
        assert_eq!(breaker.release(usdc("10"), Usdc::ZERO), Some(Rule::Drawdown));
        assert_eq!((breaker.streak(), breaker.trip()), (0, None));
    }

    #[test]
    fn what_was_forgiven_is_forgiven_until_it_was_won_back() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.falls(&["9.999999", "10", "11"]), [false, true, false]);
        breaker.release(usdc("11"), Usdc::ZERO);
        assert_eq!(breaker.falls(&["20.999999", "21"]), [false, true]);
        breaker.release(usdc("21"), Usdc::ZERO);
        // Five are won back: ten more than the 16 that are left are too much.
        assert_eq!(breaker.falls(&["16", "25.999999", "26"]), [false, false, true]);
    }

    #[test]
    fn an_equity_above_its_peak_is_no_fall_to_come() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.falls(&["-8", "9.999999", "10"]), [false, false, true]);
    }

    #[test]
    fn nothing_is_released_where_nothing_tripped() {
        let mut breaker = Breaker::default();
        assert_eq!(
            (breaker.cool_down(NOW + LATER), breaker.release(usdc("5"), Usdc::ZERO)),
            (None, None)
        );
        // And nothing is forgiven by it.
        assert_eq!(breaker.falls(&["10"]), [true]);
    }

    #[test]
    fn a_days_loss_trips_at_its_limit_and_the_next_day_releases_it() {
        let (mut breaker, limits) = (Breaker::default(), limits());
        assert!(breaker.is_over(NOW));
        breaker.begin_day(usdc("5"), &limits, NOW);
        assert_eq!(breaker.daily(usdc("-2.999999"), &limits, NOW), None);
        let midnight = NOW + Duration::from_secs(86_400);
        let trip = breaker.daily(usdc("-3"), &limits, NOW).unwrap();
        assert_eq!((trip.rule, trip.until), (Rule::DailyLoss, Some(midnight)));
        assert_eq!(breaker.daily(usdc("-4"), &limits, NOW), None, "it trips once");
        assert_eq!(breaker.lost_today(usdc("-4")), usdc("9"));
        let before = NOW + Duration::from_micros(86_399_999_999);
        assert_eq!((breaker.is_over(before), breaker.cool_down(before)), (false, None));
        assert!(breaker.is_over(midnight));
        assert_eq!(breaker.cool_down(midnight), Some(Rule::DailyLoss));
        breaker.begin_day(usdc("-4"), &limits, midnight);
        assert_eq!(breaker.daily(usdc("-11.999999"), &limits, midnight), None);
        assert!(breaker.daily(usdc("-12"), &limits, midnight).is_some());
    }

    #[test]
    fn a_day_takes_the_place_of_a_streak_and_waits_no_shorter_and_a_drawdown_that_of_a_day() {
        let mut limits = limits();
        limits.loss_streak_cooldown = LATER;
        let mut breaker = Breaker::default();
        breaker.begin_day(Usdc::ZERO, &limits, NOW);
        breaker.round(usdc("-1"), &limits, NOW);
        breaker.round(usdc("-1"), &limits, NOW);
        let trip = breaker.daily(usdc("-8"), &limits, NOW).unwrap();
        assert_eq!(trip.until, Some(NOW + LATER));
        assert!(breaker.drawdown(usdc("10"), &limits, NOW).is_some());
        assert_eq!(breaker.daily(usdc("-10"), &limits, NOW), None);
        // A person forgives the day as well as the fall.
        breaker.release(usdc("10"), usdc("-10"));
        assert_eq!(breaker.daily(usdc("-17.999999"), &limits, NOW), None);
        assert!(breaker.daily(usdc("-18"), &limits, NOW).is_some());
    }
}
