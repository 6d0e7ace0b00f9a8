//! The gates of each kind of strategy in the order in which they are asked, and how far two looks came along them.

use serde::Serialize;

use super::Both;
use super::line::{Decided, Set, Verdict};
use crate::intent::Purpose;
use crate::risk::Rule;

/// One question of a strategy, or a rule of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// The reason, or the rule, that a look ends with here.
    pub name: &'static str,
    /// What is asked.
    pub asks: &'static str,
}

/// The rows of gates of one kind of strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Of a look that may end in an entry: each is asked when all before it passed.
    pub entry: &'static [Gate],
    /// Of a look at what is held. Some are asked only where a rule before them wants an order.
    pub held: &'static [Gate],
}

/// How far a look came at one gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// It did not end here, and went on.
    Passed,
    /// It ended here.
    Failed,
    /// It ended before.
    NotReached,
    /// Looks of this kind are not asked this.
    NotAsked,
    /// There was no such look.
    NoLook,
}

/// One gate with how far both looks came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The gate's name.
    pub gate: String,
    /// What is asked.
    pub asks: String,
    /// Whether it is a rule of the guard.
    pub is_rule: bool,
    /// How far both sides came.
    pub passage: Both<Passage>,
}

/// Which row a look went along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Entry,
    Held,
}

const fn gate(name: &'static str, asks: &'static str) -> Gate {
    Gate { name, asks }
}

const NOT_OPEN: Gate = gate("not_open", "has the market opened?");
const NEAR_CLOSE: Gate = gate("near_close", "is there time enough until it closes?");
const PENDING: Gate = gate("pending_order", "is no order outstanding?");
const CROSSED: Gate = gate("crossed_book", "is every bid below every ask?");
const SPENT: Gate = gate("spent_book", "is the book newer than the last order that fell short?");
const BELOW_MINIMUM: Gate = gate("below_minimum", "is it at least the venue's smallest order?");
const ONE_SIDED: Gate = gate("one_sided_book", "is there a price to trade at?");
const BACKOFF: Gate = gate("exit_backoff", "is the wait after a failed exit over?");
const GRID: Gate = gate("price_limit", "has the price grid this price?");
const COOLDOWN: Gate = gate("cooldown", "has it rested since the last entry or round?");

/// Of one leg after the other.
static LEGGED: [Gate; 12] = [
    NOT_OPEN,
    NEAR_CLOSE,
    gate("stale_book", "are both books there and young enough?"),
    ONE_SIDED,
    CROSSED,
    gate("book_skew", "are both books of the same moment?"),
    PENDING,
    gate("max_unhedged", "may one more leg be open?"),
    gate("price_limit", "is the cheaper side cheap enough?"),
    gate("hedge_distance", "is a fitting hedge within reach?"),
    SPENT,
    GRID,
];

/// Of both legs at once.
static SIMULTANEOUS: [Gate; 13] = [
    NOT_OPEN,
    NEAR_CLOSE,
    gate("stale_book", "are both books there and young enough?"),
    ONE_SIDED,
    CROSSED,
    gate("book_skew", "are both books of the same moment?"),
    PENDING,
    gate("max_unhedged", "may one more leg be open?"),
    gate("no_signal", "are both sides together cheap enough?"),
    gate("price_limit", "is the cheaper side cheap enough?"),
    gate("no_edge", "is enough left after fees?"),
    SPENT,
    GRID,
];

/// Of an open leg: hedged, stopped, sold, or waiting.
static LEG: [Gate; 9] = [
    PENDING,
    BELOW_MINIMUM,
    gate("stale_book", "is a book that is needed young enough?"),
    BACKOFF,
    ONE_SIDED,
    SPENT,
    CROSSED,
    gate("await_hedge", "is there a hedge at the right price, or a reason to sell?"),
    GRID,
];

/// By the chance that the price ends above the strike.
static DIRECTIONAL: [Gate; 18] = [
    gate("warming_up", "does the history of prices reach back far enough?"),
    gate("no_market", "is a market open with the right time left?"),
    gate("no_strike", "is the price that decides known?"),
    gate("stale_spot", "is the newest price young enough?"),
    gate("stale_book", "is the book there and young enough?"),
    COOLDOWN,
    gate("daily_limit", "may one more entry be made today?"),
    gate("position_open", "is no position in this underlying open?"),
    gate("max_positions", "may one more position be open?"),
    PENDING,
    gate("no_signal", "is the signal strong enough?"),
    ONE_SIDED,
    gate("price_limit", "is the price within its limits?"),
    gate("no_edge", "is the edge large enough?"),
    gate("window_spent", "is the one entry of the window still to be made?"),
    gate("window_exposure", "does the window have room for it?"),
    gate("await_best", "is the wait for better ones over?"),
    gate("not_best", "is it the best of its window?"),
];

/// By the way prices go.
static TREND: [Gate; 17] = [
    gate("warming_up", "does the history of prices reach back far enough?"),
    gate("no_market", "is a market open with the right time left?"),
    gate("stale_spot", "is the newest price young enough?"),
    gate("stale_book", "is the book there and young enough?"),
    COOLDOWN,
    gate("daily_limit", "may one more entry be made today?"),
    gate("position_open", "is no position in this underlying open?"),
    gate("max_positions", "may one more position be open?"),
    PENDING,
    gate("no_signal", "is the signal strong enough?"),
    ONE_SIDED,
    gate("price_limit", "is the price within its limits?"),
    gate("no_edge", "is the edge large enough?"),
    gate("window_spent", "is the one entry of the window still to be made?"),
    gate("window_exposure", "does the window have room for it?"),
    gate("await_best", "is the wait for better ones over?"),
    gate("not_best", "is it the best of its window?"),
];

/// Of a position of `momentum` that is sold by rules.
static POSITION: [Gate; 7] = [
    PENDING,
    BELOW_MINIMUM,
    gate("stale_book", "is the book there and young enough?"),
    ONE_SIDED,
    gate("holding", "does a rule sell it?"),
    BACKOFF,
    GRID,
];

/// Of a share of a team.
static SWING: [Gate; 19] = [
    gate("no_market", "is it known which game the market asks about?"),
    NOT_OPEN,
    NEAR_CLOSE,
    PENDING,
    gate("halted_state", "are all feeds up?"),
    COOLDOWN,
    gate("no_game", "is a state of the game known?"),
    gate("stale_game", "is it young enough?"),
    gate("not_in_play", "is the game being played?"),
    gate("stale_book", "is a book there and young enough?"),
    CROSSED,
    gate("filters", "is the market fit to be traded?"),
    gate("price_low", "is the price high enough?"),
    gate("price_high", "is the price low enough?"),
    gate("no_edge", "is the share cheaper than the chance by enough?"),
    gate("low_confidence", "is the model sure enough?"),
    gate("no_ev", "is enough left after all costs?"),
    SPENT,
    GRID,
];

/// Of shares of a team that are held.
static SHARES: [Gate; 11] = [
    PENDING,
    BELOW_MINIMUM,
    gate("stale_book", "is the book there and young enough?"),
    CROSSED,
    ONE_SIDED,
    gate("no_game", "is a state of the game known?"),
    gate("stale_game", "is it young enough?"),
    gate("not_in_play", "is the game being played?"),
    gate("holding", "does a rule sell them?"),
    BACKOFF,
    GRID,
];

/// Returns the gates of a strategy of this kind and variant.
#[must_use]
pub fn rows(kind: &str, variant: &str) -> Option<Rows> {
    match (kind, variant) {
        ("split_arb", "legged") => Some(Rows { entry: &LEGGED, held: &LEG }),
        ("split_arb", "simultaneous") => Some(Rows { entry: &SIMULTANEOUS, held: &LEG }),
        ("momentum", "directional") => Some(Rows { entry: &DIRECTIONAL, held: &POSITION }),
        ("momentum", _) => Some(Rows { entry: &TREND, held: &POSITION }),
        ("nba_swing", _) => Some(Rows { entry: &SWING, held: &SHARES }),
        _ => None,
    }
}

/// Returns what is asked by a rule of the guard.
#[must_use]
pub const fn asks(rule: Rule) -> &'static str {
    match rule {
        Rule::Gate => "is order entry open?",
        Rule::LossStreak => "are entries not waiting after losses in a row?",
        Rule::RejectStreak => "are entries not waiting after rejects in a row?",
        Rule::FailureStreak => "are entries not waiting after failures in a row?",
        Rule::Trial => "is no other entry trying after a cooldown?",
        Rule::Drawdown => "are entries not waiting after too deep a fall?",
        Rule::DailyLoss => "is not too much lost today?",
        Rule::UnknownMarket => "is the market known?",
        Rule::PriceGrid => "is the limit on the price grid?",
        Rule::VenueMinimum => "does the venue take so small an order?",
        Rule::Holdings => "is no more sold or hedged than is held?",
        Rule::OneOrderPerLeg => "is no order of this leg outstanding?",
        Rule::OpenOrders => "may one more order be open?",
        Rule::PriceBand => "is the price one at which entries are wanted?",
        Rule::StaleBook => "is the book fresh enough for the guard?",
        Rule::BookDistance => "is the limit near the best opposite price?",
        Rule::CloseLeft => "is the close far enough away for the guard?",
        Rule::OrderSize => "are the shares of one order not too many?",
        Rule::OrderNotional => "does one order not cost too much?",
        Rule::MarketExposure => "is not too much at risk in this market?",
        Rule::EventExposure => "is not too much at risk in this event?",
        Rule::SymbolExposure => "is not too much at risk on this underlying?",
        Rule::StrategyExposure => "is not too much at risk in all markets?",
        Rule::Throttle => "are orders not too fast?",
    }
}

/// Lays both looks along their gates: those of the strategy, then those of the guard. Nothing, where the two sides
/// are of different kinds.
pub(super) fn explain(sets: &Both<Set>, looks: &Both<Option<Decided>>) -> Vec<Step> {
    let rows_of = |set: &Set| rows(&set.kind, &set.variant);
    let (Some(a), Some(b)) = (rows_of(&sets.a), rows_of(&sets.b)) else { return Vec::new() };
    if sets.a.kind != sets.b.kind {
        return Vec::new();
    }
    let told = [row(&a, looks.a.as_ref()), row(&b, looks.b.as_ref())];
    let row = told.into_iter().flatten().min().unwrap_or(Row::Entry);
    let (gates_a, gates_b) = (gates(&a, row), gates(&b, row));
    // The same row from either side.
    let all = if sets.a.variant <= sets.b.variant {
        merged(gates_a, gates_b)
    } else {
        merged(gates_b, gates_a)
    };
    let mut steps: Vec<Step> = all
        .into_iter()
        .map(|gate| Step {
            gate: gate.name.to_owned(),
            asks: gate.asks.to_owned(),
            is_rule: false,
            passage: Both {
                a: at_gate(gates_a, gate, looks.a.as_ref()),
                b: at_gate(gates_b, gate, looks.b.as_ref()),
            },
        })
        .collect();
    steps.extend(Rule::ALL.map(|rule| Step {
        gate: rule.name().to_owned(),
        asks: asks(rule).to_owned(),
        is_rule: true,
        passage: Both { a: at_rule(rule, looks.a.as_ref()), b: at_rule(rule, looks.b.as_ref()) },
    }));
    steps
}

const fn gates(rows: &Rows, row: Row) -> &'static [Gate] {
    match row {
        Row::Entry => rows.entry,
        Row::Held => rows.held,
    }
}

/// Tells which row a look went along, where that can be told from how it ended.
fn row(rows: &Rows, look: Option<&Decided>) -> Option<Row> {
    let look = look?;
    if let Some(intent) = &look.intent {
        return Some(match intent.purpose {
            Purpose::Entry => Row::Entry,
            Purpose::Hedge | Purpose::Exit => Row::Held,
        });
    }
    let is_in = |gates: &[Gate]| gates.iter().any(|gate| Some(gate.name) == look.cause());
    match (is_in(rows.entry), is_in(rows.held)) {
        (true, false) => Some(Row::Entry),
        (false, true) => Some(Row::Held),
        (true, true) | (false, false) => None,
    }
}

/// Returns the gates of both sides in one row: those of the first, each of the second after what it follows there.
fn merged(a: &[Gate], b: &[Gate]) -> Vec<Gate> {
    let mut all = a.to_vec();
    let mut place = 0;
    for gate in b {
        match all.iter().skip(place).position(|other| other == gate) {
            Some(found) => place += found + 1,
            None => {
                all.insert(place, *gate);
                place += 1;
            }
        }
    }
    all
}

fn at_gate(own: &[Gate], gate: Gate, look: Option<&Decided>) -> Passage {
    let Some(look) = look else { return Passage::NoLook };
    let Some(place) = own.iter().position(|other| *other == gate) else {
        return Passage::NotAsked;
    };
    match look.verdict {
        Verdict::Order | Verdict::Rejected => Passage::Passed,
        Verdict::No => match ended(own, look) {
            Some(end) if place < end => Passage::Passed,
            Some(end) if place == end => Passage::Failed,
            Some(_) | None => Passage::NotReached,
        },
    }
}

/// Returns at which gate a look ended. A reason that stands twice in a row is told apart by what it compared.
fn ended(own: &[Gate], look: &Decided) -> Option<usize> {
    let has_tick = look.numbers.get("tick").is_some();
    let mut named =
        own.iter().enumerate().filter(|(_, gate)| Some(gate.name) == look.reason.as_deref());
    let first = named.next()?;
    match named.next() {
        Some((second, gate)) if *gate == GRID && has_tick => Some(second),
        Some(_) | None => Some(first.0),
    }
}

fn at_rule(rule: Rule, look: Option<&Decided>) -> Passage {
    let Some(look) = look else { return Passage::NoLook };
    let Some(intent) = &look.intent else { return Passage::NotReached };
    let place = |name: &str| Rule::ALL.iter().position(|other| other.name() == name);
    let end = look.rule.as_deref().and_then(place);
    let own = place(rule.name());
    if end.is_some() && end < own {
        Passage::NotReached
    } else if end.is_some() && end == own {
        Passage::Failed
    } else if !rule.binds(intent.purpose) {
        Passage::NotAsked
    } else {
        Passage::Passed
    }
}

impl Step {
    pub(super) fn mirrored(self) -> Self {
        Self { passage: self.passage.mirrored(), ..self }
    }
}
