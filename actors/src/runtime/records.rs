//! Decisions, fills, trips and settlements as rows for the store and lines for people.

use ploy::decision::{Decision, Verdict};
use ploy::intent::Intent;
use ploy::kernel::Kernel;
use ploy::market::{ConditionId, Market};
use ploy::order::{Fill, OrderEvent, StrategyId, Submission, Update};
use ploy::price::{Size, Usdc};
use ploy::risk::{Check, Explanation, Rejection, Rule, Trip};
use ploy::status::Recent;
use ploy::time::Timestamp;

use crate::bus::status::StatusBus;
use crate::ports::why::{CheckRecord, Grounds, RiskAnswer};
use crate::ports::{DecisionRecord, RiskRecord, Settlement};
use crate::telemetry::events;

/// Returns the row of a decision; nothing for a no (noes are counted) and for a refusal that only repeats the
/// market's last one.
pub(super) fn decision(
    kernel: &Kernel,
    decision: &Decision,
    repeated: bool,
    risk: Option<&Explanation>,
) -> Option<DecisionRecord> {
    let mut numbers: Vec<(String, String)> =
        decision.numbers.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
    let (verdict, cause, intent) = match &decision.verdict {
        Verdict::No(_) => return None,
        Verdict::Rejected { .. } if repeated => return None,
        Verdict::Order { order, intent } => ("order", order.to_string(), intent),
        Verdict::Rejected { intent, rejection } => {
            numbers.extend(refusal(rejection));
            ("rejected", rejection.rule.name().to_owned(), intent)
        }
    };
    let market = decision.market.and_then(|id| kernel.listing(id));
    Some(DecisionRecord {
        seq: decision.seq,
        at: decision.at,
        strategy: kernel.id().clone(),
        market_id: decision.market.map(|id| id.to_string()),
        market: market.map(|market| market.slug.to_string()),
        verdict: verdict.to_owned(),
        cause,
        intent: Some(line(intent, market.map(AsRef::as_ref))),
        numbers,
        grounds: Some(Grounds {
            trigger: decision.trigger,
            gates: kernel
                .gates()
                .of(intent.purpose)
                .iter()
                .map(|gate| gate.name().into())
                .collect(),
            risk: risk.map(answer),
        }),
    })
}

pub(crate) fn answer(risk: &Explanation) -> RiskAnswer {
    let check = |check: &Check| CheckRecord {
        rule: check.rule.name().to_owned(),
        finding: check.finding.name().to_owned(),
        used: check.finding.compared().map(|(used, _)| used.to_string()),
        limit: check.finding.compared().map(|(_, limit)| limit.to_string()),
        room: check.room().map(|room| room.to_string()),
    };
    let checks = risk.checks.iter().map(check).collect();
    RiskAnswer { checks, passing: risk.passing, until: risk.until }
}

fn refusal(rejection: &Rejection) -> impl Iterator<Item = (String, String)> {
    let passing = rejection.passing.map(|size| ("would_pass".to_owned(), size.to_string()));
    [
        ("used".to_owned(), rejection.used.to_string()),
        ("limit".to_owned(), rejection.limit.to_string()),
    ]
    .into_iter()
    .chain(passing)
}

fn line(intent: &Intent, market: Option<&Market>) -> String {
    let label = market.map_or(intent.outcome.name(), |market| market.label(intent.outcome));
    format!(
        "{} {} {label} at {} {} ({})",
        intent.side,
        intent.size,
        intent.limit,
        intent.time_in_force.name(),
        intent.purpose.name()
    )
}

/// Returns the row of a settlement: what each share paid, the cash that came in, the profit of the round.
pub(super) fn settlement(
    strategy: &StrategyId,
    market: &Market,
    (payouts, amount, profit): ([Usdc; 2], Usdc, Usdc),
    at: Timestamp,
) -> Settlement {
    let market: ConditionId = market.id;
    Settlement { strategy: strategy.clone(), market, payouts, amount, profit, at }
}

/// Returns the row of a trip.
pub(super) fn tripped(strategy: &StrategyId, trip: &Trip) -> RiskRecord {
    RiskRecord {
        at: trip.at,
        strategy: strategy.clone(),
        event: "tripped".to_owned(),
        rule: trip.rule.name().to_owned(),
        used: trip.used.to_string(),
        limit: trip.limit.to_string(),
    }
}

/// Returns the row of a release.
pub(super) fn released(strategy: &StrategyId, rule: Rule, at: Timestamp) -> RiskRecord {
    turned("released", strategy, rule, at)
}

/// Returns the row of a cooldown's end, after which one entry at a time tries.
pub(super) fn half_open(strategy: &StrategyId, rule: Rule, at: Timestamp) -> RiskRecord {
    turned("half_open", strategy, rule, at)
}

fn turned(event: &str, strategy: &StrategyId, rule: Rule, at: Timestamp) -> RiskRecord {
    RiskRecord {
        at,
        strategy: strategy.clone(),
        event: event.to_owned(),
        rule: rule.name().to_owned(),
        used: String::new(),
        limit: String::new(),
    }
}

/// Says on log and board what happened to an order; an acceptance is not worth a line.
pub(super) fn say_order(event: &OrderEvent, kernel: &Kernel, board: &StatusBus) {
    let id = kernel.id();
    let (order, number, at) = (&event.order, event.order.number, event.at);
    let (name, message) = match &event.update {
        Update::Submitted(Submission::Accepted) => return,
        Update::Submitted(Submission::Rejected { reason, .. }) => {
            let message = format!("order {number} refused: {reason}");
            tracing::warn!(event.name = events::ORDER_REJECTED, strategy.id = %id, order.id = %order, "{message}");
            (events::ORDER_REJECTED, message)
        }
        Update::Submitted(Submission::Unknown) => {
            let message = format!("order {number}: the venue's answer was lost");
            tracing::error!(event.name = events::ORDER_UNKNOWN, strategy.id = %id, order.id = %order, "{message}");
            (events::ORDER_UNKNOWN, message)
        }
        Update::Filled(fill) => {
            let message = filled(fill, kernel);
            tracing::info!(event.name = events::ORDER_FILLED, strategy.id = %id, order.id = %order, event_at = %at, "{message}");
            (events::ORDER_FILLED, message)
        }
        Update::Done { unfilled, .. } if *unfilled == Size::ZERO => return,
        Update::Done { unfilled, .. } => {
            let message = format!("order {number} ended, {unfilled} shares unfilled");
            tracing::info!(event.name = events::ORDER_UNFILLED, strategy.id = %id, order.id = %order, event_at = %at, "{message}");
            (events::ORDER_UNFILLED, message)
        }
    };
    say(board, at, id, name, message);
}

fn filled(fill: &Fill, kernel: &Kernel) -> String {
    let verb = match fill.side {
        ploy::market::Side::Buy => "bought",
        ploy::market::Side::Sell => "sold",
    };
    let Fill { size, outcome, price, fee, .. } = fill;
    let label = kernel.listing(fill.market).map_or(outcome.name(), |market| market.label(*outcome));
    format!("{verb} {size} {label} at {price}, fee {fee} (order {})", fill.order.number)
}

/// Says on log and board that a market was settled.
pub(super) fn say_settlement(settlement: &Settlement, market: &Market, board: &StatusBus) {
    let Settlement { strategy, amount, profit, at, .. } = settlement;
    let message = format!("{} settled: {amount} USDC in, profit {profit}", market.slug);
    tracing::info!(
        event.name = events::MARKET_SETTLED,
        strategy.id = %strategy,
        market.id = %market.id,
        profit_usdc = %profit,
        "{message}"
    );
    say(board, *at, strategy, events::MARKET_SETTLED, message);
}

/// Says on log and board that the breaker tripped, is half open, or let go.
pub(super) fn say_risk(record: &RiskRecord, board: &StatusBus) {
    let RiskRecord { rule, used, limit, strategy, .. } = record;
    let (name, message) = if record.event == "tripped" {
        let message = format!("breaker tripped: {rule} {used} of {limit}; entries wait");
        tracing::warn!(event.name = events::RISK_TRIPPED, strategy.id = %strategy, risk.rule = rule, "{message}");
        (events::RISK_TRIPPED, message)
    } else if record.event == "half_open" {
        let message = format!("breaker half open: {rule}; one entry may try");
        tracing::info!(event.name = events::RISK_HALF_OPEN, strategy.id = %strategy, risk.rule = rule, "{message}");
        (events::RISK_HALF_OPEN, message)
    } else {
        let message = format!("breaker released: {rule}");
        tracing::info!(event.name = events::RISK_RELEASED, strategy.id = %strategy, risk.rule = rule, "{message}");
        (events::RISK_RELEASED, message)
    };
    say(board, record.at, strategy, name, message);
}

fn say(board: &StatusBus, at: Timestamp, id: &StrategyId, event: &str, message: String) {
    board.say(Recent { at, strategy: Some(id.clone()), event: event.to_owned(), message });
}
