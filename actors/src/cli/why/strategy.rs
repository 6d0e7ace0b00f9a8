//! Where a strategy stands, what it last wanted, and what it keeps saying no to.

use ploy::status::{RiskUse, SettlingStatus, StrategyStatus, SystemStatus, Tally};
use ploy::tape::Books;

use super::{Fates, heading};
use crate::cli::look::{Look, Tone};
use crate::cli::status;
use crate::ports::{DecisionRecord, OrderRecord};
use crate::{verdict, words};

/// How many rows of intents are told.
const INTENTS_TOLD: usize = 10;

/// The last intents with what became of their orders, or why they cannot be told.
pub(super) type Intents<'a> = Result<(&'a [DecisionRecord], &'a Fates), String>;

/// Returns the whole answer.
pub(super) fn render(
    snapshot: &SystemStatus,
    strategy: &StrategyStatus,
    intents: Intents<'_>,
    look: Look,
) -> String {
    let mut text = stands(snapshot, strategy, look);
    text += "\n";
    text += &heading("Last intents", look);
    text += &match intents {
        Ok(([], _)) => "none yet\n".to_owned(),
        Ok((records, fates)) => wanted(records, fates, look),
        Err(why) => status::paragraph(&format!("not to be had: {why}"), look, Tone::Bad),
    };
    text += "\n";
    text += &heading("What it keeps saying no to", look);
    text += &noes(&strategy.kernel.totals(), look);
    if let Some(error) = &strategy.last_error {
        let error = format!("Last error: {}", words::plain(error));
        text += "\n";
        text += &status::paragraph(&error, look, Tone::Bad);
    }
    text
}

/// Says where it stands, what it holds and how much of its limits is used.
fn stands(snapshot: &SystemStatus, strategy: &StrategyStatus, look: Look) -> String {
    let kernel = &strategy.kernel;
    let age = status::age(snapshot, strategy);
    let mut text = format!(
        "{}  {} {}, {}{}\n{} for {age}, gate {}",
        strategy.id,
        strategy.kind,
        strategy.variant,
        words::mode(snapshot.mode),
        if strategy.books.contains(&Books::Modelled) { ", MODELLED book" } else { "" },
        look.paint(status::tone(&strategy.phase), strategy.phase.name()),
        strategy.gate.name(),
    );
    if !strategy.restarts.is_empty() {
        let causes = strategy.restarts.iter();
        let causes: Vec<String> = causes.map(|(why, n)| format!("{why} {n}")).collect();
        text += &format!(", started again: {}", causes.join(", "));
    }
    text += "\n";
    if let Some((_, finding)) = verdict::strategy(strategy) {
        text += &status::paragraph(&finding, look, Tone::Bad);
    }
    for position in &kernel.positions {
        let bid = position
            .bid
            .map_or_else(|| "nobody bids".to_owned(), |bid| format!("could be sold at {bid}"));
        let cost = words::cents(position.cost_usdc);
        let (size, label, market) = (position.size, &position.label, &position.market);
        let line = format!("holds {size} {label} of {market}, cost {cost} USDC, {bid}");
        text += &status::paragraph(&words::plain(&line), look, Tone::Plain);
    }
    for waits in &kernel.settling {
        let line = waits_for(waits);
        text += &status::paragraph(&words::plain(&line), look, Tone::Doubtful);
    }
    for rule in &kernel.risk {
        let tone = if rule.permille >= 1000 { Tone::Bad } else { Tone::Plain };
        let RiskUse { rule: name, used, limit, room, permille } = rule;
        let percent = permille / 10;
        let line = format!("limit {name}: {used} of {limit} used ({percent} %), {room} left");
        text += &status::paragraph(&line, look, tone);
    }
    text
}

/// Says which market has paid and is not settled, and which orders that waits for.
fn waits_for(waits: &SettlingStatus) -> String {
    let SettlingStatus { market, payouts_usdc: [yes, no], orders, .. } = waits;
    let orders: Vec<String> = orders.iter().map(ToString::to_string).collect();
    format!(
        "{market} has paid {yes} for yes and {no} for no; it is settled once what became of order {} is known",
        orders.join(", ")
    )
}

/// Returns the newest intents. Refusals of one rule that follow each other are one row: the newest, and how
/// many there were.
pub(super) fn wanted(records: &[DecisionRecord], fates: &Fates, look: Look) -> String {
    let alike = |a: &DecisionRecord, b: &DecisionRecord| {
        let rule = |record: &DecisionRecord| (record.verdict.clone(), record.cause.clone());
        a.verdict == "rejected" && rule(a) == rule(b)
    };
    let row = |group: &[DecisionRecord]| {
        let (newest, oldest) = group.first().zip(group.last())?;
        let (tone, mut came) = came(newest, fates);
        if group.len() > 1 {
            let times = words::plural(u64::try_from(group.len()).unwrap_or(u64::MAX), "time");
            came = format!("{times} since {}, {came}", words::clock(oldest.at));
        }
        let intent = newest.intent.clone().unwrap_or_default();
        Some(vec![
            (Tone::Quiet, words::clock(newest.at)),
            (Tone::Quiet, format!("@{}", newest.seq)),
            (Tone::Plain, intent),
            (tone, came),
        ])
    };
    let rows = records.chunk_by(alike).take(INTENTS_TOLD).filter_map(row).collect();
    look.table(&["AT", "DECISION", "WANTED", "WHAT CAME OF IT"], rows) + "\n"
}

/// Returns what came of an intent: its order and that order's fate, or the rule that refused and what would have
/// passed.
fn came(record: &DecisionRecord, fates: &Fates) -> (Tone, String) {
    let (tone, mut text) = match record.verdict.as_str() {
        "order" => {
            let order = record.cause.parse().ok().and_then(|number: u64| fates.get(&number));
            let (tone, fate) = order.map_or((Tone::Good, String::new()), fate);
            (tone, format!("order {}{fate}", record.cause))
        }
        "rejected" => (Tone::Bad, format!("refused: {}", record.cause)),
        other => (Tone::Plain, format!("{other}: {}", record.cause)),
    };
    if let (Some(used), Some(limit)) = (number(record, "used"), number(record, "limit")) {
        text += &format!(" {used} of {limit}");
    }
    if let Some(passing) = number(record, "would_pass") {
        text += &format!(", {passing} would have passed");
    }
    let compared = compared(record);
    if !compared.is_empty() {
        text += &format!(" ({})", compared.join(", "));
    }
    (tone, text)
}

/// Returns what became of an order.
fn fate(order: &OrderRecord) -> (Tone, String) {
    let OrderRecord { filled, size, .. } = order;
    let cause = order.cause.as_deref().unwrap_or("no reason told");
    match order.state.as_str() {
        "filled" if filled == size => (Tone::Good, " filled".to_owned()),
        "filled" => (Tone::Good, format!(" filled {filled} of {size}, rest {cause}")),
        "unfilled" => (Tone::Doubtful, format!(" not filled: {cause}")),
        "rejected" => (Tone::Bad, format!(" refused by the venue: {cause}")),
        "accepted" => (Tone::Good, format!(" open, {filled} of {size} filled")),
        "unknown" => (Tone::Bad, " answer lost".to_owned()),
        "pending" => (Tone::Good, " on its way".to_owned()),
        other => (Tone::Plain, format!(" {other}")),
    }
}

/// Returns one of a decision's numbers.
pub(super) fn number<'a>(record: &'a DecisionRecord, name: &str) -> Option<&'a str> {
    let found = record.numbers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Returns the numbers that the strategy itself compared.
pub(super) fn compared(record: &DecisionRecord) -> Vec<String> {
    let own = record.numbers.iter();
    let own = own.filter(|(name, _)| !["used", "limit", "would_pass"].contains(&name.as_str()));
    own.map(|(name, value)| format!("{name} {value}")).collect()
}

pub(super) fn noes(totals: &[&Tally], look: Look) -> String {
    if totals.is_empty() {
        return "nothing yet\n".to_owned();
    }
    let row = |tally: &&Tally| {
        let mark = if tally.verdict == "no" { "" } else { "refused: " };
        let numbers = tally.numbers.iter();
        let numbers: Vec<String> = numbers.map(|(name, value)| format!("{name} {value}")).collect();
        vec![
            (Tone::Plain, words::count(tally.count)),
            (Tone::Plain, format!("{mark}{}", tally.cause)),
            (Tone::Plain, numbers.join(", ")),
            (Tone::Quiet, words::clock(tally.first_at)),
            (Tone::Quiet, words::clock(tally.last_at)),
        ]
    };
    let rows = totals.iter().map(row).collect();
    let head = [">TIMES", "REASON", "NEWEST NUMBERS", "SINCE", "LAST"];
    look.table(&head, rows) + "\n"
}
