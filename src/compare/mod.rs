//! The comparison of two replays of one strategy: which decisions differ, why first, and what it came to.
//!
//! Both sides are read an instant at a time, so memory does not grow with them. A decision of one side belongs to
//! that of the other at the same instant, about the same market, and as the same look at it. Numbers of decisions
//! and orders are counters and do not count. What was compared counts apart: a look that ends the same by other
//! numbers is the same verdict.

mod align;
mod curve;
pub mod decoder;
mod found;
pub mod gates;
pub mod line;
mod pairs;
pub mod running;
pub mod told;

pub use curve::{Curve, Point};
pub use pairs::Pairs;

use std::sync::Arc;

use serde::Serialize;

use crate::market::ConditionId;
use crate::time::Timestamp;
use found::Found;
use gates::Step;
use line::{Decided, Header, Line, Set, Total, Wanted};

/// How many entries that vanish, and that appear, are listed; all are counted.
pub const ENTRIES_MAX: usize = 50;
/// How many differences are listed; all are counted.
pub const DIFFERENCES_MAX: usize = 200;
/// What an entry is called among changes; other orders say what they are for.
pub const ENTRY: &str = "order";
/// The lines of one strategy, header and end included, one after the other.
pub trait Lines {
    /// Why the next line cannot be had.
    type Error;

    /// Returns the next line, or nothing after the end.
    ///
    /// # Errors
    /// When the source fails.
    fn next_line(&mut self) -> Result<Option<Line>, Self::Error>;
}

/// Something that both sides have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both<T> {
    /// Of the first side.
    pub a: T,
    /// Of the second side.
    pub b: T,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// How both sides were set.
    pub sides: Both<Set>,
    /// Settings that differ, by name.
    pub settings: Vec<Setting>,
    /// How many decisions are the same, and how many are not.
    pub counts: Counts,
    /// What became what and how often, the most frequent first.
    pub changes: Vec<Change>,
    /// The first decision that came out differently; where there is none, the first with other numbers.
    pub first: Option<First>,
    /// When what the two hold began to differ. Later differences may follow from that alone.
    pub parted: Option<Parted>,
    /// Entries that only the first side orders.
    pub vanished: Listed,
    /// Entries that only the second side orders.
    pub appeared: Listed,
    /// Decisions that came out differently.
    pub differences: Listed,
    /// What each side came to; absent of a side without an end.
    pub totals: Both<Option<Total>>,
    /// Profit and loss over time.
    pub pnl: Both<Curve>,
    /// Orders of the market of the first difference, and the last ones before it was known.
    pub orders: Both<Vec<Mark>>,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name: `settings.size_shares`.
    pub key: String,
    /// Its value on both sides; absent where a side does not have it.
    pub values: Both<Option<String>>,
}

/// How many decisions are the same, and how many are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The same, numbers included.
    pub same: u64,
    /// The same verdict, by other numbers.
    pub numbers: u64,
    /// Another verdict, reason, rule or order.
    pub changed: u64,
    /// Only the first side took them.
    pub only_a: u64,
    /// Only the second side took them.
    pub only_b: u64,
}

/// What became what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What it was on the first side: `order`, `order (exit)`, `price_limit`, `refused: throttle`, `nothing`; where both sides
    /// want an order, and not the same one, both say `order, other size`.
    pub from: String,
    /// What it is on the second side.
    pub to: String,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
}

/// One decision, on the sides that took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// When.
    pub at: Timestamp,
    /// What each side decided.
    pub sides: Both<Option<Decided>>,
}

/// The first of many, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Difference>,
}

/// The first decision that differs, gate by gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct First {
    /// The decision.
    pub difference: Difference,
    /// The gates in their order; none where the two sides trade by rules that cannot be laid side by side.
    pub gates: Vec<Step>,
}

/// When what the two sides hold began to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parted {
    /// When.
    pub at: Timestamp,
    /// The first fill, settlement or end of an order that the other side does not have in its place.
    pub facts: Both<Option<Line>>,
    /// How many decisions that differ were taken before it.
    pub differences_before: u64,
}

/// An order, for a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The market.
    pub market_id: ConditionId,
    /// What was ordered.
    pub intent: Wanted,
}

/// Compares two sides of one strategy.
///
/// # Errors
/// When a side fails.
pub fn compare<A, B>(sides: Both<Set>, a: &mut A, b: &mut B) -> Result<Comparison, A::Error>
where
    A: Lines,
    B: Lines<Error = A::Error>,
{
    let mut found = Found::new(sides);
    let (mut a, mut b) = (align::Side::new(a)?, align::Side::new(b)?);
    while let Some(at) = a.at().into_iter().chain(b.at()).min() {
        found.instant(at, a.take(at)?, b.take(at)?);
    }
    let total = |end: Option<line::End>, id: &crate::order::StrategyId| {
        end.and_then(|end| end.strategies.into_iter().find(|total| total.id == *id))
    };
    let (id_a, id_b) = (found.result.sides.a.id.clone(), found.result.sides.b.id.clone());
    found.result.totals = Both { a: total(a.end(), &id_a), b: total(b.end(), &id_b) };
    Ok(found.finish())
}

impl Comparison {
    /// Tells whether any decision differs, be it in a number only. Where none does, the digests are the same.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        let Counts { numbers, changed, only_a, only_b, .. } = self.counts;
        numbers + changed + only_a + only_b == 0
    }

    /// Returns the comparison with the sides in each other's place.
    #[must_use]
    pub fn mirrored(self) -> Self {
        let mut changes: Vec<Change> = self.changes.into_iter().map(Change::mirrored).collect();
        changes.sort_by(Change::rank);
        let settings = self.settings.into_iter();
        Self {
            sides: self.sides.mirrored(),
            settings: settings
                .map(|Setting { key, values }| Setting { key, values: values.mirrored() })
                .collect(),
            counts: Counts {
                only_a: self.counts.only_b,
                only_b: self.counts.only_a,
                ..self.counts
            },
            changes,
            first: self.first.map(|First { difference, gates }| First {
                difference: difference.mirrored(),
                gates: gates.into_iter().map(Step::mirrored).collect(),
            }),
            parted: self.parted.map(|parted| Parted { facts: parted.facts.mirrored(), ..parted }),
            vanished: self.appeared.mirrored(),
            appeared: self.vanished.mirrored(),
            differences: self.differences.mirrored(),
            totals: self.totals.mirrored(),
            pnl: self.pnl.mirrored(),
            orders: self.orders.mirrored(),
        }
    }
}

impl<T> Both<T> {
    /// Returns it with the sides in each other's place.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { a: self.b, b: self.a }
    }
}

impl Change {
    fn mirrored(self) -> Self {
        Self { from: self.to, to: self.from, ..self }
    }

    /// The most frequent first, then the earliest; the rest only has to be the same from either side.
    fn rank(&self, other: &Self) -> std::cmp::Ordering {
        let key = |change: &Self| {
            let words = [change.from.clone(), change.to.clone()];
            (std::cmp::Reverse(change.count), change.first_at, words)
        };
        key(self).cmp(&key(other))
    }
}

impl Difference {
    fn mirrored(self) -> Self {
        Self { sides: self.sides.mirrored(), ..self }
    }
}

impl Listed {
    fn add(&mut self, max: usize, difference: &Difference) {
        self.count += 1;
        if self.first.len() < max {
            self.first.push(difference.clone());
        }
    }

    fn mirrored(self) -> Self {
        Self { first: self.first.into_iter().map(Difference::mirrored).collect(), ..self }
    }
}

impl Difference {
    /// Returns the market that was looked at, where there was one.
    #[must_use]
    pub fn market_id(&self) -> Option<ConditionId> {
        self.either(|decided| decided.market_id)
    }

    /// Returns the short name of that market, where it is known.
    #[must_use]
    pub fn market(&self) -> Option<Arc<str>> {
        self.either(|decided| decided.market.as_ref().map(Arc::clone))
    }

    fn either<T>(&self, of: impl Fn(&Decided) -> Option<T>) -> Option<T> {
        let Both { a, b } = &self.sides;
        a.as_ref().and_then(&of).or_else(|| b.as_ref().and_then(&of))
    }
}

impl Header {
    /// Returns how a strategy was set, where it was played.
    #[must_use]
    pub fn set(&self, id: &str) -> Option<&Set> {
        self.strategies.iter().find(|set| set.id.as_str() == id)
    }
}

#[cfg(test)]
mod tests;
