//! The comparison as text for people, in eighty columns.

use std::fmt;

use ploy::compare::gates::{Passage, Step};
use ploy::compare::line::{Played, Set, Total};
use ploy::compare::{Both, Counts, Difference, Listed};
use ploy::price::Usdc;

use super::{Told, Vanished, decided, instead, market, numbers};
use crate::words;

/// How wide a line may be.
const WIDTH: usize = 80;
/// How many entries, changes and settings are told; all of them are in the JSON or counted there.
const TOLD: usize = 12;

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = &self.comparison;
        side(f, "A", &self.names.a, &comparison.sides.a)?;
        side(f, "B", &self.names.b, &comparison.sides.b)?;
        for Played { title, books, from, to } in &self.tapes {
            let title = format!("{} ({})", words::plain(title), words::books(*books));
            for line in words::wrap(&title, WIDTH - 3) {
                writeln!(f, "   {}", words::cut(&line, WIDTH - 3))?;
            }
            writeln!(f, "   {} to {} UTC", words::moment(*from), words::moment(*to))?;
        }
        for remark in &self.remarks {
            writeln!(f, "   CAREFUL: {}", words::plain(remark))?;
        }
        for (name, total) in [("A", &comparison.totals.a), ("B", &comparison.totals.b)] {
            if let Some(why) = total.as_ref().and_then(|total| total.failed.as_ref()) {
                let line = format!("   {name} FAILED: {}", words::plain(why));
                writeln!(f, "{}", words::cut(&line, WIDTH))?;
            }
        }
        writeln!(f, "\n{}", self.verdict)?;
        settings(f, self)?;
        if comparison.is_same() {
            return Ok(());
        }
        effect(f, &comparison.totals)?;
        changes(f, self)?;
        first(f, self)?;
        let instead = |whose| instead(comparison, whose);
        let listed = (&comparison.vanished, instead(Vanished::FromA));
        entries(f, "entries that vanish", "B says instead", listed)?;
        let listed = (&comparison.appeared, instead(Vanished::FromB));
        entries(f, "entries that appear", "A said instead", listed)
    }
}

fn side(f: &mut fmt::Formatter<'_>, name: &str, file: &str, set: &Set) -> fmt::Result {
    let version: String = set.config_version.chars().take(12).collect();
    let set = format!("{} {} {version}", set.kind, set.variant);
    let line = format!("{name}  {}  {}", words::plain(file), words::plain(&set));
    writeln!(f, "{}", words::cut(&line, WIDTH))
}

fn settings(f: &mut fmt::Formatter<'_>, told: &Told) -> fmt::Result {
    let settings = &told.comparison.settings;
    if settings.is_empty() {
        return Ok(());
    }
    row(f, ["\nsettings that differ", "A", "B", ""])?;
    let value = |value: &Option<String>| value.as_deref().map_or("-".to_owned(), words::plain);
    for setting in settings.iter().take(TOLD) {
        let (a, b) = (value(&setting.values.a), value(&setting.values.b));
        row(f, [&format!("  {}", words::plain(&setting.key)), &a, &b, ""])?;
    }
    more(f, settings.len(), TOLD)
}

fn effect(f: &mut fmt::Formatter<'_>, totals: &Both<Option<Total>>) -> fmt::Result {
    let (Some(a), Some(b)) = (&totals.a, &totals.b) else { return Ok(()) };
    row(f, ["\neffect", "A", "B", "B - A"])?;
    for Effect { name, a, b, change } in effects(a, b) {
        row(f, [&format!("  {name}"), &a, &b, &change])?;
    }
    Ok(())
}

/// One line of what both sides came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) name: &'static str,
    pub(super) a: String,
    pub(super) b: String,
    pub(super) change: String,
}

/// Returns what both sides came to, with the difference.
pub(super) fn effects(a: &Total, b: &Total) -> Vec<Effect> {
    let count = |name, a: u64, b: u64| {
        let sign = if a < b { "+" } else { "-" };
        let change = a.abs_diff(b);
        let change =
            if change == 0 { "0".to_owned() } else { format!("{sign}{}", words::count(change)) };
        Effect { name, a: words::count(a), b: words::count(b), change }
    };
    let money = |name, a: Usdc, b: Usdc| Effect {
        name,
        a: words::cents(a),
        b: words::cents(b),
        change: words::signed(b - a),
    };
    vec![
        count("decisions", a.decisions, b.decisions),
        count("orders", a.orders, b.orders),
        count("refused by the guard", a.rejections, b.rejections),
        count("fills", a.fills, b.fills),
        money("volume USDC", a.volume_usdc, b.volume_usdc),
        money("fees USDC", a.fees_usdc, b.fees_usdc),
        money("profit and loss USDC", a.pnl_usdc, b.pnl_usdc),
        money("worst drawdown USDC", a.drawdown_max_usdc, b.drawdown_max_usdc),
    ]
}

fn changes(f: &mut fmt::Formatter<'_>, told: &Told) -> fmt::Result {
    let Counts { same, numbers, changed, only_a, only_b } = told.comparison.counts;
    writeln!(f, "\ndecisions")?;
    let lines = [
        (same, "the same"),
        (numbers, "the same by other numbers"),
        (changed, "came out differently"),
        (only_a, "only A took"),
        (only_b, "only B took"),
    ];
    for (count, what) in lines {
        writeln!(f, "  {:>13}  {what}", words::count(count))?;
    }
    let changes = &told.comparison.changes;
    if !changes.is_empty() {
        writeln!(f, "\nwhat became what")?;
    }
    for change in changes.iter().take(TOLD) {
        let (from, to) = (words::plain(&change.from), words::plain(&change.to));
        let what = if from == to { from } else { format!("{from} -> {to}") };
        let line = format!(
            "  {:>13}  {what}, first at {}",
            words::count(change.count),
            words::moment(change.first_at)
        );
        writeln!(f, "{}", words::cut(&line, WIDTH))?;
    }
    more(f, changes.len(), TOLD)
}

fn first(f: &mut fmt::Formatter<'_>, told: &Told) -> fmt::Result {
    let Some(first) = &told.comparison.first else { return Ok(()) };
    let difference = &first.difference;
    writeln!(f, "\nthe first difference  {}  {}", difference.at, market(difference))?;
    for (name, look) in [("A", &difference.sides.a), ("B", &difference.sides.b)] {
        let line = format!("  {name}  {}", decided(look.as_ref()));
        writeln!(f, "{}", words::cut(&line, WIDTH))?;
        for line in words::wrap(&numbers(look.as_ref()), WIDTH - 5) {
            writeln!(f, "     {line}")?;
        }
    }
    if !first.gates.is_empty() {
        row(f, ["  gate", "A", "B", ""])?;
    }
    for step in first.gates.iter().filter(|step| is_told(step)) {
        let rule = if step.is_rule { "guard: " } else { "" };
        let name = format!("  {rule}{}", step.gate);
        row(f, [&name, passage(step.passage.a), passage(step.passage.b), ""])?;
    }
    if let Some(parted) = &told.comparison.parted {
        let before = words::plural(parted.differences_before, "difference");
        let text = format!(
            "What the two hold differs from {} on, after {before}. Later ones may follow from that alone.",
            parted.at
        );
        for line in words::wrap(&text, WIDTH) {
            writeln!(f, "{line}")?;
        }
    }
    Ok(())
}

/// Tells whether a gate says anything: one that neither side came to does not.
pub(super) fn is_told(step: &Step) -> bool {
    let reached = |passage| matches!(passage, Passage::Passed | Passage::Failed);
    reached(step.passage.a) || reached(step.passage.b)
}

/// Returns the words for how far a look came.
pub(super) const fn passage(passage: Passage) -> &'static str {
    match passage {
        Passage::Passed => "passed",
        Passage::Failed => "ENDED HERE",
        Passage::NotReached => "not reached",
        Passage::NotAsked => "not asked",
        Passage::NoLook => "did not look",
    }
}

fn entries(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    says: &str,
    (listed, instead): (&Listed, String),
) -> fmt::Result {
    if listed.count == 0 {
        return Ok(());
    }
    writeln!(f, "\n{title}  {}", words::count(listed.count))?;
    for line in words::wrap(&format!("{says}: {instead}"), WIDTH - 2) {
        writeln!(f, "  {line}")?;
    }
    for difference in listed.first.iter().take(TOLD) {
        entry(f, difference)?;
    }
    let told = u64::try_from(TOLD).unwrap_or(u64::MAX);
    let rest = listed.count.saturating_sub(told);
    if rest > 0 {
        writeln!(f, "  and {} more", words::count(rest))?;
    }
    Ok(())
}

fn entry(f: &mut fmt::Formatter<'_>, difference: &Difference) -> fmt::Result {
    writeln!(f, "  {}  {}", words::moment(difference.at), market(difference))?;
    for (name, look) in [("A", &difference.sides.a), ("B", &difference.sides.b)] {
        let numbers = numbers(look.as_ref());
        let gap = if numbers.is_empty() { "" } else { "; " };
        let line = format!("    {name}  {}{gap}{numbers}", decided(look.as_ref()));
        writeln!(f, "{}", words::cut(&line, WIDTH))?;
    }
    Ok(())
}

fn row(f: &mut fmt::Formatter<'_>, [name, a, b, change]: [&str; 4]) -> fmt::Result {
    let line = format!("{name:<37} {a:>13} {b:>13} {change:>13}");
    writeln!(f, "{}", words::cut(line.trim_end(), WIDTH))
}

fn more(f: &mut fmt::Formatter<'_>, all: usize, told: usize) -> fmt::Result {
    match all.saturating_sub(told) {
        0 => Ok(()),
        rest => writeln!(f, "                 and {rest} more"),
    }
}
