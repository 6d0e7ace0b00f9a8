//! Lines of a decisions file, made of what a kernel did.

use std::sync::Arc;

use super::line::{Decided, Done, Filled, Line, Risk, Settled, Verdict, Wanted};
use super::pairs::Pairs;
use crate::decision::{self, Decision};
use crate::kernel::{Effect, Kernel};
use crate::market::ConditionId;
use crate::order::{DoneCause, OrderEvent, StrategyId, Submission, Update};
use crate::risk::Rule;
use crate::time::Timestamp;

/// Returns the line of an effect; an order that goes out stands in its decision.
#[must_use]
pub fn effect(kernel: &Kernel, effect: &Effect) -> Option<Line> {
    let (at, strategy) = (kernel.now(), kernel.id().clone());
    match effect {
        Effect::Decided { decision, .. } => Some(Line::Decision(decided(kernel, decision))),
        Effect::Submit(_) => None,
        Effect::Settled { market, payouts, amount, profit } => Some(Line::Settled(Settled {
            at,
            strategy,
            market: Arc::clone(&market.slug),
            market_id: market.id,
            pays: *payouts,
            amount_usdc: *amount,
            profit_usdc: *profit,
            equity_usdc: kernel.portfolio().equity(),
        })),
        Effect::Tripped(trip) => Some(Line::Risk(Risk {
            at,
            strategy,
            event: "tripped".to_owned(),
            rule: trip.rule.name().to_owned(),
            used: Some(trip.used.to_string()),
            limit: Some(trip.limit.to_string()),
        })),
        Effect::HalfOpen(rule) => Some(turned(at, strategy, "half_open", *rule)),
        Effect::Released(rule) => Some(turned(at, strategy, "released", *rule)),
    }
}

fn turned(at: Timestamp, strategy: StrategyId, event: &str, rule: Rule) -> Line {
    let (event, rule) = (event.to_owned(), rule.name().to_owned());
    Line::Risk(Risk { at, strategy, event, rule, used: None, limit: None })
}

/// Returns the line of what a kernel was told of its order; that the venue has it is not worth one.
#[must_use]
pub fn order(kernel: &Kernel, event: &OrderEvent) -> Option<Line> {
    let at = kernel.now();
    let (strategy, order) = (event.order.strategy.clone(), event.order.number);
    let done = |cause: &str, unfilled, reason| {
        let (strategy, cause) = (strategy.clone(), cause.to_owned());
        Some(Line::Done(Done { at, strategy, order, cause, unfilled, reason }))
    };
    match &event.update {
        Update::Submitted(Submission::Accepted | Submission::Unknown) => None,
        Update::Submitted(Submission::Rejected { reason, .. }) => {
            done("refused", None, Some(reason.clone()))
        }
        Update::Done { unfilled, cause } => done(word(*cause), Some(*unfilled), None),
        Update::Filled(fill) => Some(Line::Fill(Filled {
            at,
            strategy: strategy.clone(),
            order,
            number: fill.number,
            market: slug(kernel, Some(fill.market)),
            market_id: fill.market,
            outcome: fill.outcome,
            side: fill.side,
            price: fill.price,
            size: fill.size,
            fee_usdc: fill.fee,
            liquidity: fill.liquidity,
            equity_usdc: kernel.portfolio().equity(),
        })),
    }
}

fn decided(kernel: &Kernel, decision: &Decision) -> Decided {
    let mut decided = Decided {
        at: decision.at,
        strategy: kernel.id().clone(),
        seq: decision.seq,
        market: slug(kernel, decision.market),
        market_id: decision.market,
        verdict: Verdict::No,
        order: None,
        reason: None,
        rule: None,
        intent: None,
        used: None,
        limit: None,
        passing: None,
        numbers: Pairs::from(&decision.numbers),
    };
    match &decision.verdict {
        decision::Verdict::No(reason) => decided.reason = Some(reason.name().to_owned()),
        decision::Verdict::Order { order, intent } => {
            decided.verdict = Verdict::Order;
            decided.order = Some(*order);
            decided.intent = Some(Wanted::from(intent));
        }
        decision::Verdict::Rejected { intent, rejection } => {
            decided.verdict = Verdict::Rejected;
            decided.intent = Some(Wanted::from(intent));
            decided.rule = Some(rejection.rule.name().to_owned());
            decided.used = Some(rejection.used.to_string());
            decided.limit = Some(rejection.limit.to_string());
            decided.passing = rejection.passing;
        }
    }
    decided
}

fn slug(kernel: &Kernel, id: Option<ConditionId>) -> Option<Arc<str>> {
    kernel.listing(id?).map(|market| Arc::clone(&market.slug))
}

const fn word(cause: DoneCause) -> &'static str {
    match cause {
        DoneCause::Filled => "filled",
        DoneCause::Unmatched => "unmatched",
        DoneCause::Cancelled => "cancelled",
        DoneCause::Resolved => "resolved",
        DoneCause::Absent => "absent",
    }
}
