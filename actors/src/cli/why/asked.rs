//! What `ploy why` can be asked about, and when: as it is written on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ploy::order::StrategyId;
use ploy::time::Timestamp;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A strategy: why it trades, or why it does not.
    Strategy(StrategyId),
    /// An order by its number within its strategy.
    Order(StrategyId, u64),
    /// A decision by its number within its strategy.
    Decision(StrategyId, u64),
}

/// An instant as a person writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Of a day that is named.
    At(Timestamp),
    /// A time of the run's day, since midnight in UTC.
    OfDay(Duration),
}

/// The text names nothing that can be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsked(String);

/// The text is no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotATime(String);

const DAY: Duration = Duration::from_hours(24);

impl Asked {
    /// Returns the strategy that it is about.
    pub(in crate::cli) const fn strategy(&self) -> &StrategyId {
        match self {
            Self::Strategy(id) | Self::Order(id, _) | Self::Decision(id, _) => id,
        }
    }
}

impl When {
    /// Returns the instant: a time of day is the newest such time that is not after `now`.
    pub(in crate::cli) fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::OfDay(of_day) => {
                let since_midnight = now.since(Timestamp::UNIX_EPOCH).as_micros() % DAY.as_micros();
                let since_midnight = u64::try_from(since_midnight).unwrap_or_default();
                let at = now - Duration::from_micros(since_midnight) + of_day;
                if now < at { at - DAY } else { at }
            }
        }
    }
}

impl FromStr for Asked {
    type Err = NotAsked;
    fn from_str(text: &str) -> Result<Self, NotAsked> {
        let bad = || NotAsked(text.chars().take(80).collect());
        let id = |text: &str| text.parse().map_err(|_no_id| bad());
        let Some(place) = text.find(['/', '#', ':', '@']) else {
            return id(text).map(Self::Strategy);
        };
        let (strategy, rest) = text.split_at(place);
        let mut rest = rest.chars();
        let mark = rest.next();
        let number = rest.as_str().parse().map_err(|_no_number| bad())?;
        let strategy = id(strategy)?;
        Ok(match mark {
            Some('@') => Self::Decision(strategy, number),
            Some(_) | None => Self::Order(strategy, number),
        })
    }
}

impl FromStr for When {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        // A time of day is the tail of one on some day.
        let seconds = match text.matches(':').count() {
            1 => ":00",
            _ => "",
        };
        let two_digits = text.get(..3).is_some_and(|hours| hours.ends_with(':'));
        let at = format!("1970-01-01T{text}{seconds}Z").parse::<Timestamp>();
        match at {
            Ok(at) if two_digits => Ok(Self::OfDay(at.since(Timestamp::UNIX_EPOCH))),
            Ok(_) | Err(_) => Err(NotATime(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is neither a strategy (split_arb_legged), nor an order of one \
             (split_arb_legged/12), nor a decision (split_arb_legged@345)",
            self.0
        )
    }
}

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(f, "`{text}` is no time such as 09:15, 09:15:30 or 2026-09-28T09:15:00Z")
    }
}

impl std::error::Error for NotAsked {}
impl std::error::Error for NotATime {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_an_order_or_a_decision_can_be_asked_about() {
        let id = || "split_arb-2".parse::<StrategyId>().unwrap();
        let check = |text: &str, expected| assert_eq!(text.parse(), Ok(expected), "{text}");
        check("split_arb-2", Asked::Strategy(id()));
        check("split_arb-2/12", Asked::Order(id(), 12));
        check("split_arb-2#12", Asked::Order(id(), 12));
        // As the log writes it.
        check("split_arb-2:12", Asked::Order(id(), 12));
        check("split_arb-2@345", Asked::Decision(id(), 345));
        for text in ["", "Split", "a/", "a/b", "a@", "@1", "a/1/2", "a@-1", "12", "a b"] {
            let asked = text.parse::<Asked>();
            if text == "12" {
                // Digits are a name too: there is no such strategy, and the service says so.
                assert!(matches!(asked, Ok(Asked::Strategy(_))));
                continue;
            }
            let error = asked.unwrap_err().to_string();
            assert!(error.contains("nor an order of one (split_arb_legged/12)"), "{error}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_newest_such_time() {
        let now: Timestamp = "2026-09-28T12:30:00Z".parse().unwrap();
        let check = |text: &str, expected: &str| {
            let at = text.parse::<When>().unwrap().instant(now);
            assert_eq!(at.to_string(), expected, "{text}");
        };
        check("09:15", "2026-09-28T09:15:00Z");
        check("09:15:30.25", "2026-09-28T09:15:30.25Z");
        check("12:30", "2026-09-28T12:30:00Z");
        check("12:30:00.000001", "2026-09-27T12:30:00.000001Z");
        check("2026-09-20T01:00:00+02:00", "2026-09-19T23:00:00Z");
        for text in ["", "9:15", "24:00", "09:60", "noon", "09", "09:15:30:00", "2026-09-28"] {
            let error = text.parse::<When>().unwrap_err().to_string();
            assert!(error.contains("is no time such as 09:15"), "{text}: {error}");
        }
    }
}
