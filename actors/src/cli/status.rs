//! `ploy status` and `ploy strategies`: a snapshot as lines for people.

use std::time::Duration;

use ploy::lifecycle::{Gate, Phase};
use ploy::order::StrategyId;
use ploy::price::Usdc;
use ploy::status::{
    AccountLimitStatus, AccountStatus, FeedPhase, FeedStatus, OrderCounts, StoreStatus,
    StrategyStatus, SystemStatus,
};
use ploy::tape::Books;

use super::look::{Look, Tone};
use crate::verdict::{Level, Verdict};
use crate::words;

/// One column: its name (`>` before it: a number) and what stands in it.
type Column = (&'static str, fn(&SystemStatus, &StrategyStatus) -> (Tone, String));

/// The columns that say how it lives, after its name.
const LIFE: [Column; 7] = [
    ("STATE", |_, s| (tone(&s.phase), s.phase.name().to_owned())),
    (">FOR", |status, s| (Tone::Plain, age(status, s))),
    ("GATE", |_, s| gate(s.gate)),
    (">ORDERS", |_, s| orders(s.kernel.orders)),
    (">REJECTS", |_, s| (Tone::Plain, words::rejects(s).to_string())),
    (">TRADED", |status, s| {
        let ago = words::ago(status.now, s.kernel.last_trade_at);
        (Tone::Plain, ago)
    }),
    (">RESTARTS", |_, s| (Tone::Plain, restarts(s).to_string())),
];
/// The columns that say what it made, after its name.
const MONEY: [Column; 5] = [
    (">HELD", |_, s| (Tone::Plain, words::held(s))),
    (">REALISED", |_, s| gain(s.kernel.pnl.realised_usdc)),
    (">UNREALISED", |_, s| gain(s.kernel.pnl.unrealised_usdc)),
    (">DRAWDOWN", |_, s| {
        let drawdown = words::cents(s.kernel.pnl.drawdown_usdc);
        (Tone::Plain, drawdown)
    }),
    ("BOOKS", |_, s| (books_tone(s), words::shown(s).to_owned())),
];
/// The columns of `ploy strategies`, after the name.
const SETTINGS: [Column; 6] = [
    ("KIND", |_, s| (Tone::Plain, s.kind.clone())),
    ("VARIANT", |_, s| (Tone::Plain, s.variant.clone())),
    ("STATE", |_, s| (tone(&s.phase), s.phase.name().to_owned())),
    ("CONFIG", |_, s| (Tone::Quiet, s.config_version.clone())),
    (">MARKETS", |_, s| (Tone::Plain, s.kernel.markets.to_string())),
    (">DECISIONS", |_, s| {
        let decisions = words::count(s.kernel.decisions);
        (Tone::Plain, decisions)
    }),
];

/// From which part of it on a limit of the account is worth a line, in thousandths.
const ACCOUNT_NEAR: u64 = 800;

/// Returns the whole snapshot: one line a strategy, the feed, the store, and what is wrong.
pub(super) fn render(status: &SystemStatus, look: Look) -> String {
    let mut text = format!(
        "{}{}  {}\n\n",
        words::mode(status.mode),
        look.paint(Tone::Bad, &words::held_back(&status.gates)),
        look.paint(Tone::Quiet, &run(status))
    );
    text += &strategies(status, look);
    text += "\n";
    for line in [feed(&status.feed), store(&status.store)] {
        text += &paragraph(&line, look, Tone::Plain);
    }
    for (tone, line) in account(&status.account) {
        text += &paragraph(&line, look, tone);
    }
    let verdict = Verdict::of(status);
    let tone = match verdict.level {
        Level::Fine => Tone::Good,
        Level::Notice => Tone::Doubtful,
        Level::Wrong => Tone::Bad,
    };
    text + "\n" + &paragraph(&verdict.sentence, look, tone)
}

/// Returns which run it is, and how often it was gone on with.
fn run(status: &SystemStatus) -> String {
    let mut parts = vec![format!("run {}", status.run)];
    if let Some(continued) = &status.continued {
        let times = words::plural(continued.times, "time");
        parts.push(format!("gone on with {times}"));
        parts.extend(continued.from.map(|from| format!("from {} UTC", words::moment(from))));
    }
    parts.push(format!("snapshot {}", status.snapshot));
    parts.join(", ")
}

/// Returns the list of strategies with their settings.
pub(super) fn list(status: &SystemStatus, look: Look) -> String {
    block(status, &SETTINGS, look)
}

/// What was traded on modelled books says little: it must not be overlooked.
fn books_tone(strategy: &StrategyStatus) -> Tone {
    if strategy.books.contains(&Books::Modelled) { Tone::Doubtful } else { Tone::Plain }
}

/// Returns the colour of a phase.
pub(super) const fn tone(phase: &Phase) -> Tone {
    match phase {
        Phase::Running => Tone::Good,
        Phase::Starting | Phase::Warming | Phase::Stopping { .. } => Tone::Doubtful,
        Phase::Stopped => Tone::Quiet,
        Phase::Quarantine { .. } | Phase::Backoff { .. } | Phase::Halted { .. } => Tone::Bad,
    }
}

/// Returns how long a strategy has been in its phase, on the time that decisions run on.
pub(super) fn age(status: &SystemStatus, strategy: &StrategyStatus) -> String {
    let age: Duration = status.now.since(strategy.since);
    words::span(age)
}

/// Returns how many times a strategy was started again.
pub(super) fn restarts(strategy: &StrategyStatus) -> u64 {
    strategy.restarts.values().sum()
}

/// Returns lines no wider than the terminal.
pub(super) fn paragraph(text: &str, look: Look, tone: Tone) -> String {
    let lines = words::wrap(text, look.width);
    let lines: Vec<String> = lines.iter().map(|line| look.paint(tone, line)).collect();
    lines.join("\n") + "\n"
}

/// One line a strategy where that fits, else one block on its life and one on its money.
fn strategies(status: &SystemStatus, look: Look) -> String {
    if status.strategies.is_empty() {
        return "There is no strategy: put a file into config/strategies.\n".to_owned();
    }
    let all: Vec<Column> = LIFE.into_iter().chain(MONEY).collect();
    let unbounded = Look { width: usize::from(u16::MAX), colour: false };
    let width = block(status, &all, unbounded).lines().map(|line| line.chars().count()).max();
    if width.is_some_and(|width| width <= look.width) {
        return block(status, &all, look);
    }
    block(status, &LIFE, look) + "\n" + &block(status, &MONEY, look)
}

fn block(status: &SystemStatus, columns: &[Column], look: Look) -> String {
    let mut head = vec!["STRATEGY"];
    head.extend(columns.iter().map(|(name, _)| *name));
    let row = |strategy: &StrategyStatus| {
        let name: &StrategyId = &strategy.id;
        let mut row = vec![(Tone::Plain, name.to_string())];
        row.extend(columns.iter().map(|(_, cell)| cell(status, strategy)));
        row
    };
    let rows = status.strategies.iter().map(row).collect();
    look.table(&head, rows) + "\n"
}

fn feed(feed: &FeedStatus) -> String {
    let state = match feed.state {
        FeedPhase::Waiting => "waiting",
        FeedPhase::Playing => "playing",
        FeedPhase::Ended => "ended",
        FeedPhase::Failed => "FAILED",
    };
    let mut parts = vec![format!("feed {}: {state}", feed.name)];
    for tape in &feed.tapes {
        parts.push(format!("{} ({})", words::plain(&tape.title), words::books(tape.books)));
    }
    if feed.tapes.is_empty() {
        parts.extend([words::plain(&feed.title), words::books(feed.books).to_owned()]);
    }
    parts.push(words::plural(feed.events, "event"));
    if let (Some(at), Some(to)) = (feed.last_event_at, feed.to) {
        let (at, to) = (words::moment(at), words::moment(to));
        parts.push(format!("at {at} of {to} UTC"));
    }
    parts.push(format!("speed {}", feed.speed));
    parts.extend(feed.error.iter().map(|error| words::plain(error)));
    parts.join(", ")
}

fn store(store: &StoreStatus) -> String {
    let state = if store.up { "up" } else { "DOWN" };
    let mut parts = vec![
        format!("store {}: {state}", words::plain(&store.place)),
        words::plural(store.rows, "row"),
        format!("{} queued", words::count(store.queued)),
        words::plural(store.errors, "error"),
    ];
    if 0 < store.refused {
        parts.push(format!("{} REFUSED", words::plural(store.refused, "row")));
    }
    parts.extend(store.last_error.iter().map(|error| words::plain(error)));
    let audit = &store.audit;
    if audit.rows != 0 {
        let digits: String = audit.hash.chars().take(12).collect();
        parts.push(format!("audit {}:{digits}", audit.rows));
    }
    parts.extend(audit.broken.iter().map(|why| format!("audit BROKEN: {}", words::plain(why))));
    parts.join(", ")
}

/// Returns a line for every limit of the account that is passed or nearly used.
fn account(account: &AccountStatus) -> Vec<(Tone, String)> {
    let near = account.limits.iter().filter(|limit| ACCOUNT_NEAR <= limit.permille);
    let held = |rule: &str| account.tripped.iter().any(|trip| trip.rule == rule);
    let near = near.map(|limit| {
        let AccountLimitStatus { rule, used, limit: max, room, permille } = limit;
        let [rule, used, max, room] = [rule, used, max, room].map(|text| words::plain(text));
        let share = permille / 10;
        if held(&limit.rule) {
            return (Tone::Bad, format!("account {rule}: {used} of {max}, PASSED, entries wait"));
        }
        (Tone::Doubtful, format!("account {rule}: {used} of {max}, {share} %, {room} left"))
    });
    // What was passed and is not so any more holds until the day is over, or a person says so.
    let is_near = |rule: &str| {
        account.limits.iter().any(|limit| limit.rule == rule && ACCOUNT_NEAR <= limit.permille)
    };
    let past = account.tripped.iter().filter(|trip| !is_near(&trip.rule)).map(|trip| {
        let [rule, used, max] =
            [&trip.rule, &trip.used, &trip.limit].map(|text| words::plain(text));
        (Tone::Bad, format!("account {rule}: was {used} of {max}, PASSED, entries wait"))
    });
    near.chain(past).collect()
}

fn gate(gate: Gate) -> (Tone, String) {
    let tone = match gate {
        Gate::Open => Tone::Plain,
        Gate::ReduceOnly => Tone::Doubtful,
        Gate::Closed => Tone::Bad,
    };
    (tone, gate.name().to_owned())
}

/// An answer that was lost is to be watched until it is settled.
fn orders(orders: OrderCounts) -> (Tone, String) {
    let tone = if orders.unknown == 0 { Tone::Plain } else { Tone::Doubtful };
    (tone, words::orders(orders))
}

fn gain(amount: Usdc) -> (Tone, String) {
    let tone = match amount.micros().signum() {
        1 => Tone::Good,
        0 => Tone::Plain,
        _ => Tone::Bad,
    };
    (tone, words::signed(amount))
}
