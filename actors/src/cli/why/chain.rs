//! A decision and its order as a story: what came, the gates, the guard, the order, what became of it.

use std::time::Duration;

use ploy::market::{Outcome, Side};
use ploy::price::Usdc;
use ploy::status::Mode;
use ploy::time::Timestamp;
use ploy::trigger::{Cause, Trigger};

use super::strategy::{compared, number};
use super::{heading, item};
use crate::cli::look::{Look, Tone};
use crate::cli::status::paragraph;
use crate::ports::why::{
    Chain, CheckRecord, OrderEventRecord, OrderStory, RiskAnswer, Round, Trade,
};
use crate::ports::{DecisionRecord, FillRecord, OrderRecord};
use crate::words;

/// How many orders of a round are told in text.
const TRADES_TOLD: usize = 20;

/// Returns the whole story.
pub(super) fn render(chain: &Chain, mode: Mode, look: Look) -> String {
    let mut text = title(chain, mode, look);
    let decided_at = match (&chain.decision, &chain.order) {
        (Some(decision), _) => decision.at,
        (None, Some(story)) => story.order.at,
        (None, None) => return text,
    };
    match &chain.decision {
        Some(decision) => text += &decided(decision, look),
        None => text += &paragraph("The decision for it is not stored.", look, Tone::Doubtful),
    }
    if let Some(story) = &chain.order {
        text += "\n";
        text += &ordered(story, decided_at, look);
    }
    text += "\n";
    let times = "Times are those of the events, in UTC; + is since the decision.";
    text += &paragraph(times, look, Tone::Quiet);
    text
}

fn title(chain: &Chain, mode: Mode, look: Look) -> String {
    let decision = chain.decision.as_ref();
    let order = chain.order.as_ref().map(|story| &story.order);
    let name = match (order, decision) {
        (Some(order), _) => format!("{}/{}", order.id.strategy, order.id.number),
        (None, Some(decision)) => format!("{}@{}", decision.strategy, decision.seq),
        (None, None) => String::new(),
    };
    let market = decision.and_then(|decision| decision.market.clone());
    let market = market.or_else(|| order.map(|order| order.market_id.clone()));
    let at = decision.map(|decision| decision.at).or_else(|| order.map(|order| order.at));
    let day = at.map(|at| words::moment(at).chars().take(10).collect::<String>());
    let (market, day) = (market.unwrap_or_default(), day.unwrap_or_default());
    let line = format!("{name}: {market}, {day}, {}, run {}", words::mode(mode), chain.run);
    paragraph(&line, look, Tone::Plain) + "\n"
}

/// Tells what moved the strategy, what it compared, what it wanted and what the guard found.
fn decided(decision: &DecisionRecord, look: Look) -> String {
    let grounds = decision.grounds.as_ref();
    let mut text = String::new();
    if let Some(grounds) = grounds {
        let Trigger { cause, at } = grounds.trigger;
        let age = late(decision.at.since(at));
        text +=
            &item(&words::instant(at), &format!("{}, {age} old", came(cause)), look, Tone::Plain);
    }
    let wanted = decision.intent.as_deref().unwrap_or("nothing");
    let line = format!("decision {}: wanted {wanted}", decision.seq);
    text += &item(&words::instant(decision.at), &line, look, Tone::Plain);
    if let Some(grounds) = grounds.filter(|grounds| !grounds.gates.is_empty()) {
        text +=
            &item("  gates", &format!("passed {}", grounds.gates.join(", ")), look, Tone::Plain);
    }
    let numbers = compared(decision);
    if !numbers.is_empty() {
        text += &item("  compared", &numbers.join(", "), look, Tone::Plain);
    }
    text += "\n";
    match grounds.map(|grounds| &grounds.risk) {
        Some(Some(risk)) => text += &rules(risk, purpose(decision), look),
        Some(None) => {}
        None => {
            let line = "What moved it and what the guard found was not stored by this version.";
            text += &paragraph(line, look, Tone::Doubtful);
        }
    }
    if decision.verdict == "rejected" {
        text += "\n";
        text += &refused(decision, grounds.and_then(|grounds| grounds.risk.as_ref()), look);
    }
    text
}

fn came(cause: Cause) -> String {
    let words = match cause {
        Cause::Market => "the market was announced",
        Cause::Book { outcome: Outcome::Yes } => "a book of yes came",
        Cause::Book { outcome: Outcome::No } => "a book of no came",
        Cause::Trade => "somebody traded",
        Cause::Spot => "a price of the underlying came",
        Cause::Game => "a state of the game came",
        Cause::Tick => "the price step changed",
        Cause::Resolved => "a market was settled",
        Cause::Feed => "a feed came up or went down",
        Cause::Gap => "events were missed",
        Cause::OrderAccepted { order } => return format!("the venue took order {order}"),
        Cause::OrderRejected { order } => return format!("order {order} was refused"),
        Cause::OrderUnknown { order } => return format!("the answer to order {order} was lost"),
        Cause::OrderFilled { order } => return format!("order {order} was filled"),
        Cause::OrderEnded { order } => return format!("order {order} ended"),
        Cause::Timer => "the time it had asked for came",
        Cause::Gate => "order entry was opened or closed",
        Cause::Release => "a person released the breaker",
    };
    words.to_owned()
}

fn purpose(decision: &DecisionRecord) -> &str {
    let intent = decision.intent.as_deref().unwrap_or_default();
    let purpose = intent.rsplit_once('(').and_then(|(_, purpose)| purpose.strip_suffix(')'));
    purpose.unwrap_or("order")
}

fn rules(risk: &RiskAnswer, purpose: &str, look: Look) -> String {
    let row = |check: &CheckRecord| {
        let (tone, finding) = match check.finding.as_str() {
            "passed" => (Tone::Good, "passed".to_owned()),
            "refused" => (Tone::Bad, "REFUSED".to_owned()),
            "exempt" => {
                (Tone::Quiet, format!("not for an {purpose}").replace("an hedge", "a hedge"))
            }
            "not_reached" => (Tone::Quiet, "not asked any more".to_owned()),
            other => (Tone::Plain, other.to_owned()),
        };
        // What a gate compares is no number.
        let counts = check.rule != "gate" && check.rule != "unknown_market";
        let cell = |value: &Option<String>| value.clone().filter(|_| counts).unwrap_or_default();
        let limit = cell(&check.limit);
        let limit = match check.rule.as_str() {
            "price_grid" if !limit.is_empty() => format!("steps of {limit}"),
            "venue_minimum" | "close_left" if !limit.is_empty() => format!("at least {limit}"),
            _ => limit,
        };
        vec![
            (Tone::Plain, check.rule.clone()),
            (tone, finding),
            (Tone::Plain, cell(&check.used)),
            (Tone::Plain, limit),
            (Tone::Plain, cell(&check.room)),
        ]
    };
    let rows = risk.checks.iter().map(row).collect();
    look.table(&["RISK RULE", "FINDING", ">USED", ">LIMIT", ">LEFT"], rows) + "\n"
}

/// Tells which rule refused, and what would have passed.
fn refused(decision: &DecisionRecord, risk: Option<&RiskAnswer>, look: Look) -> String {
    let (used, limit) = (number(decision, "used"), number(decision, "limit"));
    let (used, limit) = (used.unwrap_or_default(), limit.unwrap_or_default());
    let rule = decision.cause.as_str();
    let line = match rule {
        "gate" | "unknown_market" => format!("Refused by {rule}."),
        _ => format!("Refused by {rule}: {used} of {limit}."),
    };
    let mut text = paragraph(&line, look, Tone::Bad);
    let by_rule = number(decision, "would_pass");
    let passing = risk.and_then(|risk| risk.passing).map(|size| size.to_string());
    let until = risk.and_then(|risk| risk.until).map(words::instant);
    let line = match (by_rule, passing, until) {
        (Some(by_rule), Some(all), _) if by_rule == all => {
            format!("What would have passed: {all} shares, by this rule and all others.")
        }
        (Some(by_rule), Some(all), _) => format!(
            "What would have passed: {by_rule} shares by this rule, {all} by this rule and all others."
        ),
        (Some(by_rule), None, _) => format!(
            "What would have passed: {by_rule} shares by this rule, and no size by all others."
        ),
        (None, _, Some(until)) => {
            format!("What would have passed: the same order from {until} on.")
        }
        (None, _, None) => format!("What would have passed: {}.", instead(rule, limit, decision)),
    };
    text += &paragraph(&line, look, Tone::Plain);
    text
}

/// Says what helps where neither a smaller size nor time alone does.
fn instead(rule: &str, limit: &str, decision: &DecisionRecord) -> String {
    let strategy = &decision.strategy;
    match rule {
        "gate" => "the same order once order entry is open again".to_owned(),
        "drawdown" => format!("nothing, until a person says `ploy resume {strategy}`"),
        "unknown_market" => "nothing, until the market is announced".to_owned(),
        "price_grid" => format!("a price in whole steps of {limit}"),
        "price_band" => format!("a price on this side of {limit}"),
        "stale_book" => "the same order once a newer book came".to_owned(),
        "book_distance" => "a limit nearer to the best opposite price".to_owned(),
        "close_left" => "nothing: the market closes too soon".to_owned(),
        "venue_minimum" if is_of_shares(decision) => {
            format!("at least {limit} shares, with at most two decimals")
        }
        "venue_minimum" => format!("an order worth at least {limit} USDC"),
        "holdings" => "nothing: there are no such shares".to_owned(),
        "one_order_per_leg" => "the same order once the one that is open has ended".to_owned(),
        "open_orders" => "the same order once an open one has ended".to_owned(),
        "trial" => {
            "the same order once the one that is the trial has ended, and its round".to_owned()
        }
        "order_size" | "order_notional" | "market_exposure" | "event_exposure"
        | "symbol_exposure" | "strategy_exposure" => {
            "no size: what is left is less than the market's smallest order".to_owned()
        }
        _ => "nothing that is known".to_owned(),
    }
}

/// Tells whether what was compared is the shares wanted, and not what they would cost.
fn is_of_shares(decision: &DecisionRecord) -> bool {
    let shares = decision.intent.as_deref().and_then(|intent| intent.split(' ').nth(1));
    number(decision, "used") == shares
}

/// Tells the order, what the venue said of it, its fills and what became of it.
fn ordered(story: &OrderStory, decided_at: Timestamp, look: Look) -> String {
    let OrderRecord { id, at, side, size, outcome, limit, time_in_force, purpose, .. } =
        &story.order;
    let line = format!(
        "order {} sent: {side} {size} {outcome} at {limit} {time_in_force} ({purpose})",
        id.number
    );
    let mut text = item(&words::instant(*at), &line, look, Tone::Plain);
    for event in &story.events {
        let fill = event.fill.and_then(|n| story.fills.iter().find(|fill| fill.number == n));
        let (tone, line) = told(event, fill);
        let line = format!("+{}: {line}", late(event.at.since(decided_at)));
        text += &item(&words::instant(event.at), &line, look, tone);
    }
    if story.events.is_empty() {
        text += &item("", "nothing was told of it yet", look, Tone::Doubtful);
    }
    match &story.round {
        Some(round) => text += &became(&story.order, round, look),
        None if story.fills.is_empty() => {}
        None => {
            let line = "Its round has more than 5,000 fills; it is not told.";
            text += &paragraph(line, look, Tone::Doubtful);
        }
    }
    text
}

fn told(event: &OrderEventRecord, fill: Option<&FillRecord>) -> (Tone, String) {
    let cause = event.cause.as_deref().unwrap_or("no reason told");
    match (event.kind.as_str(), fill) {
        ("accepted", _) => (Tone::Plain, "the venue took it".to_owned()),
        ("rejected", _) => (Tone::Bad, format!("refused: {cause}")),
        ("unknown", _) => (Tone::Bad, "the venue's answer was lost".to_owned()),
        ("filled", Some(fill)) => {
            let FillRecord { size, price, fee_usdc, liquidity, .. } = fill;
            (Tone::Good, format!("filled {size} at {price}, fee {fee_usdc} USDC, {liquidity}"))
        }
        ("done", _) => {
            let left = event.unfilled.filter(|left| !left.is_zero());
            let tone = if left.is_some() { Tone::Doubtful } else { Tone::Good };
            let left = left.map(|left| format!(", {left} shares unfilled"));
            (tone, format!("ended: {cause}{}", left.unwrap_or_default()))
        }
        (other, _) => (Tone::Plain, other.to_owned()),
    }
}

/// Tells the round that the order was part of, and what became of its shares.
fn became(order: &OrderRecord, round: &Round, look: Look) -> String {
    let row = |trade: &Trade| {
        let this = if trade.order == order.id.number { " (this one)" } else { "" };
        let verb = match trade.side {
            Side::Buy => "bought",
            Side::Sell => "sold",
        };
        vec![
            (Tone::Quiet, words::instant(trade.at)),
            (Tone::Plain, format!("{}{this}", trade.order)),
            (Tone::Plain, trade.purpose.clone()),
            (Tone::Plain, format!("{verb} {} {}", trade.size, trade.outcome)),
            (Tone::Plain, words::signed(trade.cash_usdc)),
        ]
    };
    let mut text = format!("\n{}", heading("What became of it", look));
    // Of a long round the part around the order.
    let own = round.trades.iter().position(|trade| trade.order == order.id.number);
    let latest = round.trades.len().saturating_sub(TRADES_TOLD);
    let first = own.unwrap_or_default().saturating_sub(TRADES_TOLD / 2).min(latest);
    let rows = round.trades.iter().skip(first).take(TRADES_TOLD).map(row).collect();
    text += &look.table(&["AT", "ORDER", "PURPOSE", "SHARES", ">CASH"], rows);
    text += "\n";
    if latest != 0 {
        let (before, after) = (first, latest - first);
        let line = format!("{before} orders of the round before these and {after} after: -o json");
        text += &paragraph(&line, look, Tone::Quiet);
    }
    text += &paragraph(&fate(order, round), look, Tone::Plain);
    text
}

fn fate(order: &OrderRecord, round: &Round) -> String {
    let own = round.trades.iter().position(|trade| trade.order == order.id.number);
    let later = own.and_then(|own| round.trades.get(own + 1..)).unwrap_or_default();
    let by = |trades: Vec<u64>, what: &str| match trades.as_slice() {
        [] => String::new(),
        [one] => format!("{what} by order {one}. "),
        several => {
            let numbers: Vec<String> = several.iter().map(u64::to_string).collect();
            format!("{what} by orders {}. ", numbers.join(", "))
        }
    };
    let of = |fits: &dyn Fn(&Trade) -> bool| -> Vec<u64> {
        later.iter().filter(|trade| fits(trade)).map(|trade| trade.order).collect()
    };
    let bought = order.side == Side::Buy;
    let same = |trade: &Trade| trade.outcome == order.outcome;
    let sold = of(&|trade| bought && same(trade) && trade.side == Side::Sell);
    let hedged = of(&|trade| bought && !same(trade) && trade.side == Side::Buy);
    let mut text = by(hedged, "Hedged") + &by(sold, "Sold");
    match &round.end {
        None => {
            let [yes, no] = round.held;
            text += &format!("Still held: {yes} yes, {no} no.");
        }
        Some(end) => {
            let (at, profit) = (words::instant(end.at), words::signed(end.profit_usdc));
            text += &match end.payouts_usdc {
                Some([yes, no]) => format!(
                    "Settled at {at}: a share of yes paid {yes}, of no {no}; {} USDC came in.",
                    words::cents(end.amount_usdc)
                ),
                None => format!("Nothing was held any more at {at}."),
            };
            let word = if end.profit_usdc < Usdc::ZERO { "lost" } else { "made" };
            text += &format!(" The round {word} {} USDC.", profit.trim_start_matches(['+', '-']));
        }
    }
    text
}

/// Returns a span as it is read best: `250 ms`, `0.5 ms`, `1.25 s`, `3m`.
fn late(span: Duration) -> String {
    let thousandths = |micros: u128| {
        let fraction = format!("{:03}", micros % 1000);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}", micros / 1000)
    };
    match span.as_secs() {
        0 => format!("{} ms", thousandths(span.as_micros())),
        1..60 => format!("{} s", thousandths(span.as_millis())),
        _ => words::span(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_exact_where_it_is_short() {
        let check = |micros, text| assert_eq!(late(Duration::from_micros(micros)), text);
        check(0, "0 ms");
        check(250_000, "250 ms");
        check(1_500, "1.5 ms");
        check(1, "0.001 ms");
        check(1_250_000, "1.25 s");
        check(59_999_999, "59.999 s");
        check(180_000_000, "3m");
    }
}
