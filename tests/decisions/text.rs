//! How a case is written down: a line a decision, a fill, an end of an order, a settlement, a trip.

use std::collections::BTreeMap;
use std::sync::Arc;

use ploy::decision::{Decision, Verdict};
use ploy::event::Kind;
use ploy::intent::Intent;
use ploy::kernel::{Effect, Kernel};
use ploy::market::ConditionId;
use ploy::numbers::Numbers;
use ploy::open_orders::OpenOrder;
use ploy::order::Fill;
use ploy::price::decimal;
use ploy::risk::Trip;
use ploy::time::Timestamp;

use crate::case::Case;

/// Knows what the lines of a case leave out: when it began, and the market where there is only one.
#[derive(Debug)]
pub(crate) struct Text {
    from: Timestamp,
    slugs: BTreeMap<ConditionId, Arc<str>>,
    /// The instant of the newest event.
    pub(crate) now: Timestamp,
}

impl Text {
    pub(crate) fn of(case: &Case) -> Self {
        let from = case.header.from;
        let slugs = case.events.iter().filter_map(|event| match &event.kind {
            Kind::Market(market) => Some((market.id, Arc::clone(&market.slug))),
            Kind::Book { .. } | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => None,
            Kind::Tick { .. } | Kind::Resolved { .. } => None,
            Kind::Feed { .. } | Kind::Gap { .. } => None,
        });
        Self { from, slugs: slugs.collect(), now: from }
    }

    /// Writes an effect down; that an order is sent, its decision says already.
    pub(crate) fn effect(&self, effect: &Effect) -> Option<String> {
        match effect {
            Effect::Decided { decision, .. } => Some(self.decision(decision)),
            Effect::Submit(_) => None,
            Effect::Settled { market, payouts: [yes, no], amount, profit } => {
                let market = self.market(market.id);
                let text = format!("settled{market} at {yes}/{no}: {amount} USDC, profit {profit}");
                Some(self.line(self.now, &text))
            }
            Effect::Tripped(trip) => Some(self.trip(trip)),
            // Its trip has told when.
            Effect::HalfOpen(rule) => Some(format!("{:>10}  half open {}", "", rule.name())),
            Effect::Released(rule) => Some(format!("{:>10}  released {}", "", rule.name())),
        }
    }

    pub(crate) fn fill(&self, at: Timestamp, fill: &Fill) -> String {
        let Fill { number, order, size, outcome, price, fee, .. } = fill;
        let (market, liquidity) = (self.market(fill.market), fill.liquidity);
        let order = order.number;
        let text = format!(
            "fill {order}.{number}: {size} {outcome}{market} at {price}, fee {fee}, {liquidity:?}"
        );
        self.line(at, &text.to_lowercase())
    }

    pub(crate) fn ended(&self, at: Timestamp, order: &OpenOrder) -> String {
        let purpose = order.intent.purpose.name();
        self.line(at, &format!("{purpose} ended: {} of {} filled", order.filled, order.intent.size))
    }

    /// Writes down what was made in the end.
    pub(crate) fn end(&self, kernel: &Kernel) -> Vec<String> {
        let (portfolio, status) = (kernel.portfolio(), kernel.status());
        let mut lines = vec![String::from("in the end")];
        lines.extend(portfolio.positions().map(|(market, outcome, position)| {
            let market = self.market(market);
            format!("holds {} {outcome}{market} for {}", position.size, position.cost)
        }));
        let pnl = status.pnl;
        lines.push(format!(
            "made {} of {} traded, fees {}; equity {}, drawdown at most {}",
            pnl.realised_usdc,
            pnl.volume_usdc,
            pnl.fees_usdc,
            pnl.total_usdc,
            pnl.drawdown_max_usdc
        ));
        let orders = status.orders;
        lines.push(format!(
            "{} decisions; {} orders: {} filled, {} unfilled, {} refused, {} open",
            status.decisions,
            orders.submitted,
            orders.filled,
            orders.unfilled,
            orders.rejected,
            orders.open
        ));
        lines
    }

    fn decision(&self, decision: &Decision) -> String {
        let text = match &decision.verdict {
            Verdict::Order { order, intent } => format!("order {order}: {}", self.intent(intent)),
            Verdict::Rejected { intent, rejection } => {
                let passing = rejection.passing.map(|size| format!(", {size} would pass"));
                format!(
                    "refused {}, {} of {}{}: {}",
                    rejection.rule.name(),
                    rejection.used,
                    rejection.limit,
                    passing.unwrap_or_default(),
                    self.intent(intent)
                )
            }
            Verdict::No(reason) => {
                let market = decision.market.map(|id| self.market(id)).unwrap_or_default();
                format!("no {}{market}", reason.name())
            }
        };
        self.line(decision.at, &format!("{text}{}", compared(&decision.numbers)))
    }

    fn intent(&self, intent: &Intent) -> String {
        let Intent { market, outcome, side, limit, size, time_in_force, purpose } = intent;
        let (purpose, kind, market) = (purpose.name(), time_in_force.name(), self.market(*market));
        format!("{purpose} {side} {size} {outcome}{market} at {limit} {kind}")
    }

    fn trip(&self, trip: &Trip) -> String {
        let until = trip.until.map(|at| format!("until {}", self.time(at)));
        let until = until.unwrap_or_else(|| "until a person releases it".to_owned());
        let (rule, used, limit) = (trip.rule.name(), trip.used, trip.limit);
        self.line(trip.at, &format!("tripped {rule}, {used} of {limit}, {until}"))
    }

    /// Names a market, unless there is only one.
    fn market(&self, id: ConditionId) -> String {
        let slug = self.slugs.get(&id).filter(|_| self.slugs.len() != 1);
        slug.map(|slug| format!(" of {slug}")).unwrap_or_default()
    }

    fn time(&self, at: Timestamp) -> String {
        decimal(at.micros() - self.from.micros())
    }

    fn line(&self, at: Timestamp, text: &str) -> String {
        format!("{:>10}  {text}", self.time(at))
    }
}

fn compared(numbers: &Numbers) -> String {
    if numbers.iter().next().is_none() { String::new() } else { format!(" [{numbers}]") }
}
