//! The comparison for people and programs: what is compared, how it is told, and the page with charts.

mod chart;
mod escape;
pub mod page;
pub mod price;
pub mod sides;
mod text;

use ploy::compare::line::{Decided, Played, Verdict, Wanted};
use ploy::compare::{Both, Comparison, Difference, ENTRY};
use ploy::market::Outcome;
use ploy::tape::Books;
use serde::Serialize;

use crate::words;

/// A comparison with what was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// What each side is, as it was named.
    pub names: Both<String>,
    /// What was played, of both sides together.
    pub tapes: Vec<Played>,
    /// What a reader must know before comparing numbers.
    pub remarks: Vec<String>,
    /// What it came to, in one sentence.
    pub verdict: String,
    /// All that was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl Told {
    /// Returns the comparison with its verdict.
    #[must_use]
    pub fn new(
        names: Both<String>,
        tapes: Vec<Played>,
        remarks: Vec<String>,
        comparison: Comparison,
    ) -> Self {
        let verdict = verdict(&comparison);
        Self { names, tapes, remarks, verdict, comparison }
    }

    /// Tells whether a strategy failed on either side: then the rest says little.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let Both { a, b } = &self.comparison.totals;
        [a, b].into_iter().flatten().any(|total| total.failed.is_some())
    }

    fn books(&self) -> Books {
        self.tapes.iter().map(|tape| tape.books).fold(Books::None, Books::and)
    }
}

fn verdict(comparison: &Comparison) -> String {
    let counts = &comparison.counts;
    let different = counts.changed + counts.only_a + counts.only_b;
    if comparison.is_same() {
        let same = words::plural(counts.same, "decision");
        return format!("No difference: {same}, the same on both sides.");
    }
    if different == 0 {
        let numbers = words::plural(counts.numbers, "decision");
        return format!("Every decision came out the same; {numbers} compared other numbers.");
    }
    let all = counts.same + counts.numbers + different;
    let (vanished, appeared) = (comparison.vanished.count, comparison.appeared.count);
    let mut text = format!(
        "{} of {} came out differently",
        words::count(different),
        words::plural(all, "decision")
    );
    let entries = |count: u64, one: &str, many: &str| match count {
        0 => String::new(),
        1 => format!("; 1 entry {one}"),
        more => format!("; {} entries {many}", words::count(more)),
    };
    text.push_str(&entries(vanished, "vanishes", "vanish"));
    text.push_str(&entries(appeared, "appears", "appear"));
    text.push('.');
    text
}

/// Returns what a side decided, in a few words, without its numbers.
fn decided(decided: Option<&Decided>) -> String {
    let Some(decided) = decided else { return "did not look".to_owned() };
    let wanted = decided.intent.as_ref().map(wanted).unwrap_or_default();
    match (decided.verdict, decided.cause()) {
        (Verdict::Order, _) => format!("order: {wanted}"),
        (Verdict::Rejected, cause) => {
            format!("refused by {}: {wanted}", words::plain(cause.unwrap_or("the guard")))
        }
        (Verdict::No, cause) => format!("no: {}", words::plain(cause.unwrap_or("-"))),
    }
}

/// Returns the numbers that a side compared, those of a refusal included.
fn numbers(decided: Option<&Decided>) -> String {
    let Some(decided) = decided else { return String::new() };
    let mut text = decided.numbers.to_string();
    for (name, value) in [("used", &decided.used), ("limit", &decided.limit)] {
        if let Some(value) = value {
            let gap = if text.is_empty() { "" } else { ", " };
            text.push_str(&format!("{gap}{name} {value}"));
        }
    }
    if let Some(passing) = decided.passing {
        text.push_str(&format!(", would pass {passing}"));
    }
    words::plain(&text)
}

fn wanted(intent: &Wanted) -> String {
    let Wanted { outcome, side, limit, size, tif, purpose } = intent;
    let (side, outcome) = (side.name(), outcome.name());
    format!("{side} {size} {outcome} at {limit} {} ({})", tif.name(), purpose.name())
}

/// Returns what stands in the place of entries of one side on the other, with how often, in one line.
fn instead(comparison: &Comparison, vanished: Vanished) -> String {
    let changes = comparison.changes.iter().filter_map(|change| {
        let (here, there) = match vanished {
            Vanished::FromA => (&change.from, &change.to),
            Vanished::FromB => (&change.to, &change.from),
        };
        (here == ENTRY && there != ENTRY).then(|| {
            let there = if there == "nothing" { "no look" } else { there.as_str() };
            format!("{} {}", words::plain(there), words::count(change.count))
        })
    });
    changes.collect::<Vec<_>>().join(", ")
}

/// Whose entries are not there on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vanished {
    FromA,
    FromB,
}

/// Returns a market's name as it is best known.
fn market(difference: &Difference) -> String {
    match (difference.market(), difference.market_id()) {
        (Some(slug), _) => words::plain(&slug),
        (None, Some(id)) => id.to_string(),
        (None, None) => "no market".to_owned(),
    }
}

/// Returns how an outcome is called in a chart.
const fn outcome(outcome: Outcome) -> &'static str {
    outcome.name()
}

#[cfg(test)]
mod tests;
