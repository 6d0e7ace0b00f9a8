//! Plan: which limits a change of settings moves, and in which direction.

use std::cmp::Ordering;

use crate::price::parse_micros;

use super::Change;

/// In which direction a limit moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lean {
    /// Less is allowed than before.
    Tighter,
    /// More is allowed than before.
    Looser,
}

impl Lean {
    /// Returns the word for it in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tighter => "tighter",
            Self::Looser => "looser",
        }
    }
}

/// Limits that allow more when they rise and do not say so by `_max`.
const RISING_LOOSENS: [&str; 3] = ["order_rate_per_minute", "order_burst", "mark_grace_s"];
/// Limits that allow less when they rise.
const RISING_TIGHTENS: [&str; 4] =
    ["loss_streak_cooldown_s", "venue_cooldown_s", "entry_price_min", "close_left_s_min"];

/// Returns in which direction a change moves a limit of `[risk]`; nothing for what is no limit.
#[must_use]
pub fn lean(change: &Change) -> Option<Lean> {
    if change.section != "risk" {
        return None;
    }
    let rising = rising(change.key)?;
    let number = |text: &Option<String>| parse_micros(text.as_deref()?).ok();
    let falling = match rising {
        Lean::Tighter => Lean::Looser,
        Lean::Looser => Lean::Tighter,
    };
    match number(&change.to)?.cmp(&number(&change.from)?) {
        Ordering::Greater => Some(rising),
        Ordering::Less => Some(falling),
        Ordering::Equal => None,
    }
}

fn rising(key: &str) -> Option<Lean> {
    if key.ends_with("_max") || key.contains("_max_") || RISING_LOOSENS.contains(&key) {
        Some(Lean::Looser)
    } else if RISING_TIGHTENS.contains(&key) {
        Some(Lean::Tighter)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Applies, Form, Range, settings};
    use super::*;

    fn check(key: &'static str, from: &str, to: &str, lean: Option<Lean>) {
        let (from, to) = (Some(from.to_owned()), Some(to.to_owned()));
        let change = Change { section: "risk", key, from, to, applies: Applies::Live };
        assert_eq!(super::lean(&change), lean, "{key}");
    }

    #[test]
    fn more_allowed_is_looser_and_less_is_tighter() {
        check("drawdown_max_usdc", "9.5", "10", Some(Lean::Looser));
        check("drawdown_max_usdc", "10", "9.5", Some(Lean::Tighter));
        check("order_burst", "9", "10", Some(Lean::Looser));
        check("close_left_s_min", "9", "10", Some(Lean::Tighter));
        check("entry_price_min", "0.1", "0.05", Some(Lean::Looser));
        check("day_starts_at_min", "0", "60", None);
    }

    /// A new limit must be sorted in here.
    #[test]
    fn every_number_of_the_risk_section_but_the_beginning_of_a_day_has_a_direction() {
        for section in Form::ALL.into_iter().flat_map(settings).filter(|one| one.name == "risk") {
            for setting in section.settings {
                let is_number =
                    matches!(setting.range, Range::Decimal { .. } | Range::Whole { .. });
                let is_limit = is_number && setting.key != "day_starts_at_min";
                assert_eq!(rising(setting.key).is_some(), is_limit, "{}", setting.key);
            }
        }
    }
}
