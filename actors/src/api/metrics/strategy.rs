//! The series of one strategy.

use ploy::lifecycle::{Gate, Phase};
use ploy::price::{Usdc, parse_micros};
use ploy::risk::Rule;
use ploy::rollout::Stage;
use ploy::status::{KernelStatus, Mode, StrategyStatus};

use super::text::{Family, Text, count, counter, gauge, millis, units};

const STATE: Family<2> = gauge(
    "ploy_strategy_state",
    ["strategy", "state"],
    "Where the strategy stands in its life: 1 for the present phase, 0 for the others.",
);
const MODE: Family<2> = gauge(
    "ploy_strategy_mode",
    ["strategy", "mode"],
    "Whether its orders are paper or real: 1 for the present mode.",
);
const GATE: Family<2> = gauge(
    "ploy_strategy_gate",
    ["strategy", "gate"],
    "Whether its orders may pass: 1 for the present gate, 0 for the others.",
);
const CONFIG_APPLIED: Family<1> = gauge(
    "ploy_config_last_applied_timestamp_seconds",
    ["strategy"],
    "Since when its settings are in force, on the machine's clock.",
);
const RESTARTS: Family<2> = counter(
    "ploy_strategy_restarts_total",
    ["strategy", "cause"],
    "How often it was started again.",
);
const FAILURES: Family<1> = gauge(
    "ploy_strategy_failures",
    ["strategy"],
    "Failures that count against its restart budget now.",
);
const BUSY: Family<1> = gauge(
    "ploy_strategy_busy_seconds",
    ["strategy"],
    "For how long it has worked on its present input, when that is longer than its hang_warn_ms; else 0.",
);
const DEPENDENCY_TRIES: Family<1> = gauge(
    "ploy_strategy_dependency_tries",
    ["strategy"],
    "How often in a row something that it needs was missing at its start.",
);
const ROLLOUT: Family<2> = gauge(
    "ploy_strategy_rollout",
    ["strategy", "stage"],
    "How its newest settings come into force: 1 for the present stage, 0 for the others.",
);
const ROLLBACKS: Family<1> = counter(
    "ploy_strategy_rollbacks_total",
    ["strategy"],
    "Versions of its settings that were rolled back.",
);
const LAST_DECISION: Family<1> = gauge(
    "ploy_strategy_last_decision_timestamp_seconds",
    ["strategy"],
    "When it decided last, on the time that decisions run on.",
);
const LAST_TRADE: Family<1> = gauge(
    "ploy_strategy_last_trade_timestamp_seconds",
    ["strategy"],
    "When it was filled last, on the time that decisions run on.",
);
const DECISIONS: Family<2> = counter(
    "ploy_decisions_total",
    ["strategy", "action"],
    "Decisions: order (approved), rejected (by the guard) or no (by the strategy itself).",
);
const CAUSES: Family<3> = counter(
    "ploy_decision_causes_total",
    ["strategy", "action", "cause"],
    "Why it did not trade: the reason of a no, or the rule of a rejection, over all markets.",
);
const REJECTIONS: Family<2> =
    counter("ploy_risk_rejections_total", ["strategy", "rule"], "Intents that the guard refused.");
const RISK_USAGE: Family<2> = gauge(
    "ploy_risk_usage",
    ["strategy", "rule"],
    "How much of a limit is used, in the unit of the limit.",
);
const RISK_LIMIT: Family<2> = gauge(
    "ploy_risk_limit",
    ["strategy", "rule"],
    "The limit, in USDC or as a count, as its rule says.",
);
const RISK_TRIPPED: Family<1> =
    gauge("ploy_risk_tripped", ["strategy"], "Whether a breaker holds back its entries.");
const RISK_HALF_OPEN: Family<1> = gauge(
    "ploy_risk_half_open",
    ["strategy"],
    "Whether a breaker's cooldown is over and one entry at a time tries.",
);
const SUBMITTED: Family<1> =
    counter("ploy_orders_submitted_total", ["strategy"], "Orders approved and handed on.");
const ORDERS: Family<2> = counter(
    "ploy_orders_total",
    ["strategy", "result"],
    "What became of orders: first accepted, rejected or unknown, then filled or unfilled.",
);
const OPEN: Family<1> = gauge("ploy_open_orders", ["strategy"], "Orders outstanding now.");
const FILLS: Family<1> = counter("ploy_fills_total", ["strategy"], "Fills booked.");
const VOLUME: Family<1> = counter(
    "ploy_fill_notional_usdc_total",
    ["strategy"],
    "Price times size of all fills, in USDC.",
);
const FEES: Family<1> = counter("ploy_fees_usdc_total", ["strategy"], "Fees paid, in USDC.");
const REALIZED: Family<1> = gauge(
    "ploy_pnl_realized_usdc",
    ["strategy"],
    "Profit of what was sold or settled, after fees, in USDC.",
);
const UNREALIZED: Family<1> = gauge(
    "ploy_pnl_unrealized_usdc",
    ["strategy"],
    "Marked value less cost of what is held, in USDC.",
);
const DRAWDOWN: Family<1> =
    gauge("ploy_drawdown_usdc", ["strategy"], "How far the equity is below its peak, in USDC.");
const POSITION_COST: Family<1> = gauge(
    "ploy_position_cost_usdc",
    ["strategy"],
    "What the shares held have cost, fees included, in USDC.",
);
const CONFLATED: Family<1> = counter(
    "ploy_events_conflated_total",
    ["strategy"],
    "Books that a newer one replaced before they were read.",
);
const DROPPED: Family<1> = counter(
    "ploy_events_dropped_total",
    ["strategy"],
    "Public trades missed because too many came at once.",
);

const SET_ASIDE: Family<1> = counter(
    "ploy_events_set_aside_total",
    ["strategy"],
    "Market events not given to it because it died at them before.",
);

/// These are shown from zero on, so that the first restart is seen as a rise.
const RESTART_CAUSES: [&str; 3] = ["config", "failure", "operator"];

pub(super) fn render(text: &mut Text, strategy: &StrategyStatus, mode: Mode) {
    let id = strategy.id.as_str();
    text.set_state(&STATE, id, &Phase::NAMES, strategy.phase.name());
    let gates = [Gate::Open, Gate::ReduceOnly, Gate::Closed].map(Gate::name);
    text.set_state(&GATE, id, &gates, strategy.gate.name());
    text.set(&MODE, [id, mode_name(mode)], 1.0);
    for cause in RESTART_CAUSES {
        text.set(&RESTARTS, [id, cause], 0.0);
    }
    if let Some(at) = strategy.config_since {
        text.set(&CONFIG_APPLIED, [id], units(at.micros()));
    }
    for (cause, restarts) in &strategy.restarts {
        text.set(&RESTARTS, [id, cause], count(*restarts));
    }
    text.set(&FAILURES, [id], count(u64::from(strategy.failures)));
    text.set(&BUSY, [id], millis(strategy.busy_ms.unwrap_or(0)));
    text.set(&DEPENDENCY_TRIES, [id], count(u64::from(strategy.dependency_tries)));
    text.set_state(&ROLLOUT, id, &Stage::NAMES, strategy.rollout.stage.name());
    text.set(&ROLLBACKS, [id], count(strategy.rollout.rollbacks));
    decisions(text, id, &strategy.kernel);
    risk(text, id, &strategy.kernel);
    orders(text, id, &strategy.kernel);
    money(text, id, &strategy.kernel);
    text.set(&CONFLATED, [id], count(strategy.kernel.conflated));
    text.set(&DROPPED, [id], count(strategy.kernel.missed));
    text.set(&SET_ASIDE, [id], count(strategy.kernel.set_aside));
}

const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Paper => "paper",
    }
}

fn decisions(text: &mut Text, id: &str, kernel: &KernelStatus) {
    let rejected: u64 = kernel.rejections.values().sum();
    let orders = kernel.intents.saturating_sub(rejected);
    let noes = kernel.decisions.saturating_sub(kernel.intents);
    for (action, decisions) in [("order", orders), ("rejected", rejected), ("no", noes)] {
        text.set(&DECISIONS, [id, action], count(decisions));
    }
    for tally in kernel.totals() {
        text.set(&CAUSES, [id, &tally.verdict, &tally.cause], count(tally.count));
    }
    if let Some(at) = kernel.last_decision_at {
        text.set(&LAST_DECISION, [id], units(at.micros()));
    }
}

fn risk(text: &mut Text, id: &str, kernel: &KernelStatus) {
    for rule in Rule::ALL {
        text.set(&REJECTIONS, [id, rule.name()], 0.0);
    }
    for (rule, refusals) in &kernel.rejections {
        text.set(&REJECTIONS, [id, rule], count(*refusals));
    }
    for limit in &kernel.risk {
        // Usage without its limit, or the reverse, would mislead: both or neither.
        if let (Ok(used), Ok(allowed)) = (parse_micros(&limit.used), parse_micros(&limit.limit)) {
            text.set(&RISK_USAGE, [id, &limit.rule], units(used));
            text.set(&RISK_LIMIT, [id, &limit.rule], units(allowed));
        }
    }
    text.set(&RISK_TRIPPED, [id], count(u64::from(kernel.tripped.is_some())));
    text.set(&RISK_HALF_OPEN, [id], count(u64::from(kernel.half_open.is_some())));
}

fn orders(text: &mut Text, id: &str, kernel: &KernelStatus) {
    let orders = &kernel.orders;
    text.set(&SUBMITTED, [id], count(orders.submitted));
    for (result, number) in [
        ("accepted", orders.accepted),
        ("rejected", orders.rejected),
        ("unknown", orders.unknown),
        ("filled", orders.filled),
        ("unfilled", orders.unfilled),
    ] {
        text.set(&ORDERS, [id, result], count(number));
    }
    text.set(&OPEN, [id], count(orders.open));
    text.set(&FILLS, [id], count(kernel.fills));
    if let Some(at) = kernel.last_trade_at {
        text.set(&LAST_TRADE, [id], units(at.micros()));
    }
}

fn money(text: &mut Text, id: &str, kernel: &KernelStatus) {
    let pnl = &kernel.pnl;
    let cost: Usdc = kernel.positions.iter().map(|held| held.cost_usdc).sum();
    for (family, amount) in [
        (&VOLUME, pnl.volume_usdc),
        (&FEES, pnl.fees_usdc),
        (&REALIZED, pnl.realised_usdc),
        (&UNREALIZED, pnl.unrealised_usdc),
        (&DRAWDOWN, pnl.drawdown_usdc),
        (&POSITION_COST, cost),
    ] {
        text.set(family, [id], units(amount.micros()));
    }
}
