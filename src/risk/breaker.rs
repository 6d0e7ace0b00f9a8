//! The breaker: stops entries after too many losses, rejects or failures in a row, or too deep a fall of the equity.
//!
//! A trip for a streak ends half open after its cooldown: the streak still counts, so that the next loss, reject or
//! failure trips again, and the next success lets go. Until then one entry at a time passes, the trial.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::market::ConditionId;
use crate::numbers::Value;
use crate::open_orders::OpenOrders;
use crate::order::{Origin, Submission};
use crate::position::Portfolio;
use crate::price::Usdc;
use crate::time::Timestamp;

use super::form::Form;
use super::{Limits, Rejection, Rule};

/// Counts losses in a row and watches the drawdown. While tripped, entries are refused and exits go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Breaker {
    pub(super) streak: u64,
    pub(super) rejects: u64,
    pub(super) failures: u64,
    /// The drawdown at the last release: only what is lost beyond it counts.
    pub(super) forgiven: Usdc,
    pub(super) day: Option<Day>,
    pub(super) trip: Option<Trip>,
    pub(super) trial: Option<Trial>,
}

/// What a breaker does of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It tripped: entries wait.
    Tripped(Trip),
    /// The cooldown of this rule is over: one entry may try.
    HalfOpen(Rule),
    /// It let go of this rule.
    Released(Rule),
}

/// A breaker that is half open: what it tripped for, and the entry that tries whether it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The rule that had tripped.
    pub rule: Rule,
    #[serde(deserialize_with = "Option::deserialize")]
    entry: Option<Entry>,
}

/// The newest entry since a breaker is half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    order: u64,
    market: ConditionId,
}

/// The day that goes on: what it is held against, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Day {
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
    /// Counts a finished round: a loss adds to the streak, a win ends it, nothing made is neither.
    pub(super) fn round(&mut self, profit: Usdc, limits: &Limits, now: Timestamp) -> Option<Turn> {
        if profit < Usdc::ZERO {
            self.streak += 1;
            return self.one_more(Rule::LossStreak, limits, now);
        }
        if Usdc::ZERO < profit {
            self.streak = 0;
            return self.shown(&[Rule::LossStreak]);
        }
        None
    }

    /// Counts what came of sending an order. What was never sent says nothing of the venue.
    pub(super) fn sent(
        &mut self,
        submission: &Submission,
        limits: &Limits,
        now: Timestamp,
    ) -> Option<Turn> {
        match submission {
            Submission::Accepted => {
                (self.rejects, self.failures) = (0, 0);
                self.shown(&[Rule::RejectStreak, Rule::FailureStreak])
            }
            Submission::Rejected { origin: Origin::Unsent, .. } => None,
            Submission::Rejected { origin: Origin::Order, .. } => {
                self.rejects += 1;
                self.one_more(Rule::RejectStreak, limits, now)
            }
            Submission::Rejected { origin: Origin::Venue, .. } | Submission::Unknown => {
                self.failures += 1;
                self.one_more(Rule::FailureStreak, limits, now)
            }
        }
    }

    /// Trips for a streak that has grown where it is as long as allowed, or where it was to be shown that it is over.
    fn one_more(&mut self, rule: Rule, limits: &Limits, now: Timestamp) -> Option<Turn> {
        let (count, max, cooldown) = self.streak_of(rule, limits)?;
        let failed = self.trial.is_some_and(|trial| trial.rule == rule);
        if self.trip.is_some() || (count < max && !failed) {
            return None;
        }
        let (used, limit) = (Value::Count(count), Value::Count(max));
        Some(self.trips(Trip { rule, used, limit, at: now, until: Some(now + cooldown) }))
    }

    /// Lets go where the trial was of one of these rules.
    fn shown(&mut self, rules: &[Rule]) -> Option<Turn> {
        let trial = self.trial.take_if(|trial| rules.contains(&trial.rule))?;
        Some(Turn::Released(trial.rule))
    }

    /// Returns a streak's length, how long it may be, and how long entries wait then; nothing for other rules.
    fn streak_of(&self, rule: Rule, limits: &Limits) -> Option<(u64, u64, Duration)> {
        let Limits { sending, loss_streak_max, loss_streak_cooldown, .. } = limits;
        if rule == Rule::LossStreak {
            Some((self.streak, *loss_streak_max, *loss_streak_cooldown))
        } else if rule == Rule::RejectStreak {
            Some((self.rejects, sending.reject_streak_max, sending.cooldown))
        } else if rule == Rule::FailureStreak {
            Some((self.failures, sending.failure_streak_max, sending.cooldown))
        } else {
            None
        }
    }

    const fn trips(&mut self, trip: Trip) -> Turn {
        (self.trip, self.trial) = (Some(trip), None);
        Turn::Tripped(trip)
    }

    /// Notes an entry that was approved: while it is half open it is the trial.
    pub(super) const fn tries(&mut self, order: u64, market: ConditionId) {
        if let Some(trial) = &mut self.trial {
            trial.entry = Some(Entry { order, market });
        }
    }

    pub(super) fn drawdown(&mut self, fall: Usdc, limits: &Limits, now: Timestamp) -> Option<Trip> {
        // An equity above its peak owes nothing for the falls to come.
        self.forgiven = self.forgiven.min(fall).max(Usdc::ZERO);
        let counted = fall - self.forgiven;
        let held = self.trip.is_some_and(|trip| trip.rule == Rule::Drawdown);
        if held || counted < limits.drawdown_max_usdc {
            return None;
        }
        self.trips(Trip {
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
        let held = self.trip.is_some_and(|trip| !trip.rule.is_streak());
        if held || lost < limits.day.loss_max_usdc {
            return None;
        }
        // A streak's wait that is longer than the day goes on to its end.
        let wait = self.trip.and_then(|trip| trip.until).unwrap_or(day.ends);
        self.trips(Trip {
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

    pub(super) fn cool_down(&mut self, limits: &Limits, now: Timestamp) -> Option<Turn> {
        let is_over = |trip: &mut Trip| trip.until.is_some_and(|until| until <= now);
        let Trip { rule, .. } = self.trip.take_if(is_over)?;
        match self.streak_of(rule, limits) {
            Some((count, _, _)) if count != 0 => {
                self.trial = Some(Trial { rule, entry: None });
                Some(Turn::HalfOpen(rule))
            }
            // The streak has ended meanwhile, by what was held or open before.
            Some(_) => Some(Turn::Released(rule)),
            None => {
                (self.streak, self.rejects, self.failures) = (0, 0, 0);
                Some(Turn::Released(rule))
            }
        }
    }

    pub(super) fn release(&mut self, drawdown: Usdc, equity: Usdc) -> Option<Rule> {
        let trial = self.trial.take().map(|trial| trial.rule);
        let rule = self.trip.take().map(|trip| trip.rule).or(trial)?;
        (self.streak, self.rejects, self.failures) = (0, 0, 0);
        self.forgiven = drawdown;
        self.day = self.day.map(|day| Day { equity, ..day });
        Some(rule)
    }

    /// Returns the trip in force, where there is one.
    #[must_use]
    pub const fn trip(&self) -> Option<Trip> {
        self.trip
    }

    /// Returns the trial, where it is half open.
    #[must_use]
    pub const fn trial(&self) -> Option<Trial> {
        self.trial
    }

    /// Returns how many rounds in a row were lost.
    #[must_use]
    pub const fn streak(&self) -> u64 {
        self.streak
    }

    /// Returns how many orders in a row the venue refused for what they asked.
    #[must_use]
    pub const fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Returns how many orders in a row failed at the venue.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }
}

impl Trip {
    pub(super) const fn rejection(&self) -> Rejection {
        Rejection { rule: self.rule, used: self.used, limit: self.limit, passing: None }
    }
}

impl Trial {
    /// Tells whether its entry's outcome is still to come: the order is open, or for a losing streak its round. An
    /// entry that found nobody, or was never sent, has shown nothing, and the next one may try.
    pub(super) fn is_on(&self, portfolio: &Portfolio, orders: &OpenOrders) -> bool {
        self.entry.is_some_and(|Entry { order, market }| {
            let round = self.rule == Rule::LossStreak && portfolio.is_held(market);
            round || orders.contains(order)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::{DayLimits, EntryLimits, GroupLimits, SendLimits};

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
            sending: SendLimits::PRESET,
            groups: GroupLimits::PRESET,
            mark_grace: std::time::Duration::ZERO,
            entry: EntryLimits::PRESET,
        }
    }

    fn usdc(text: &str) -> Usdc {
        text.parse().unwrap()
    }

    impl Breaker {
        /// Finishes rounds with these results; tells after which of them it tripped.
        fn rounds(&mut self, results: &[&str]) -> Vec<bool> {
            let trip = |result: &&str| {
                matches!(self.round(usdc(result), &limits(), NOW), Some(Turn::Tripped(_)))
            };
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
    fn after_its_time_it_is_half_open_until_a_win_and_the_next_loss_trips_it_again() {
        let (limits, minute) = (limits(), Duration::from_secs(60));
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        let half_open = Some(Turn::HalfOpen(Rule::LossStreak));
        assert_eq!(breaker.cool_down(&limits, NOW + minute), half_open);
        assert_eq!((breaker.streak(), breaker.trip()), (2, None));
        assert_eq!(breaker.cool_down(&limits, NOW + LATER), None);
        // A round of nothing shows nothing; a loss shows that it goes on.
        assert_eq!(breaker.rounds(&["0", "-1", "-1"]), [false, true, false]);
        assert_eq!((breaker.streak(), breaker.trial()), (4, None));
        assert_eq!(breaker.cool_down(&limits, NOW + minute), half_open);
        let won = breaker.round(usdc("0.000001"), &limits, NOW);
        assert_eq!(won, Some(Turn::Released(Rule::LossStreak)));
        assert_eq!(breaker.rounds(&["1", "-1", "-1"]), [false, false, true]);
    }

    #[test]
    fn a_streak_that_ended_during_the_cooldown_needs_no_trial() {
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        assert_eq!(breaker.round(usdc("1"), &limits(), NOW), None);
        let released = Some(Turn::Released(Rule::LossStreak));
        assert_eq!(breaker.cool_down(&limits(), NOW + LATER), released);
        assert_eq!(breaker.trial(), None);
    }

    /// Hears of orders, one letter each: `a` accepted, `u` unknown, and refused `n` before sending, `o` for the
    /// order's fault, `v` by a venue that fails. Says after each whether it tripped (`!`), let go (`+`) or neither.
    fn heard(breaker: &mut Breaker, orders: &str) -> String {
        let refused = |origin| Submission::Rejected { reason: String::new(), origin };
        let turn = |letter: char| {
            let submission = match letter {
                'a' => Submission::Accepted,
                'u' => Submission::Unknown,
                'n' => refused(Origin::Unsent),
                'o' => refused(Origin::Order),
                'v' => refused(Origin::Venue),
                other => panic!("{other}"),
            };
            match breaker.sent(&submission, &limits(), NOW) {
                None => '.',
                Some(Turn::Tripped(trip)) => {
                    let until = NOW + limits().sending.cooldown;
                    assert_eq!((trip.at, trip.until), (NOW, Some(until)));
                    '!'
                }
                Some(Turn::Released(_)) => '+',
                Some(Turn::HalfOpen(rule)) => panic!("{rule:?}"),
            }
        };
        orders.chars().map(turn).collect()
    }

    #[test]
    fn orders_refused_in_a_row_trip_it_by_whose_fault_it_was() {
        let check = |orders: &str, expected: &str, rule: Option<Rule>| {
            let mut breaker = Breaker::default();
            assert_eq!(heard(&mut breaker, orders), expected, "{orders}");
            assert_eq!(breaker.rule(), rule, "{orders}");
        };
        check("oooo", "....", None);
        check("ooooo", "....!", Some(Rule::RejectStreak));
        check("ooooaoooo", ".........", None);
        check("vv", "..", None);
        check("vuv", "..!", Some(Rule::FailureStreak));
        check("uua", "...", None);
        // Our own faults are no failures of the venue, and the other way round; neither ends the other's streak.
        check("ovovo", ".....", None);
        check("ovovoov", "......!", Some(Rule::FailureStreak));
        // What was never sent says nothing.
        check("nnnnnnnnnn", "..........", None);
        check("onononono", "........!", Some(Rule::RejectStreak));
        // While it is tripped nothing trips it.
        check("vvvvooooo", "..!......", Some(Rule::FailureStreak));
    }

    #[test]
    fn an_order_that_the_venue_takes_shows_that_it_is_back() {
        let mut breaker = Breaker::default();
        heard(&mut breaker, "vvv");
        let half_open = Some(Turn::HalfOpen(Rule::FailureStreak));
        assert_eq!(breaker.cool_down(&limits(), NOW + LATER), half_open);
        assert_eq!(heard(&mut breaker, "nov"), "..!");
        assert_eq!(breaker.cool_down(&limits(), NOW + LATER), half_open);
        assert_eq!(heard(&mut breaker, "aavv"), "+...");
    }

    #[test]
    fn a_person_ends_a_trial_as_well_as_a_trip() {
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        breaker.cool_down(&limits(), NOW + LATER);
        assert_eq!(breaker.release(Usdc::ZERO, Usdc::ZERO), Some(Rule::LossStreak));
        assert_eq!((breaker.trial(), breaker.streak()), (None, 0));
        heard(&mut breaker, "ooovv");
        breaker.rounds(&["-1", "-1"]);
        breaker.release(Usdc::ZERO, Usdc::ZERO);
        assert_eq!((breaker.rejects(), breaker.failures()), (0, 0));
    }

    #[test]
    fn a_drawdown_takes_the_place_of_a_losing_streak_and_not_the_other_way_round() {
        let mut breaker = Breaker::default();
        breaker.rounds(&["-1", "-1"]);
        assert_eq!(breaker.falls(&["10"]), [true]);
        assert_eq!(breaker.rule(), Some(Rule::Drawdown));
        assert_eq!(breaker.cool_down(&limits(), NOW + LATER), None);
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
            (breaker.cool_down(&limits(), NOW + LATER), breaker.release(usdc("5"), Usdc::ZERO)),
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
        assert_eq!((breaker.is_over(before), breaker.cool_down(&limits, before)), (false, None));
        assert!(breaker.is_over(midnight));
        assert_eq!(breaker.cool_down(&limits, midnight), Some(Turn::Released(Rule::DailyLoss)));
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
