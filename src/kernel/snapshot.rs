//! The kernel's part of the status: counts, positions, profit and loss, and how much of each limit is used.

use crate::decision::DecisionDigest;
use crate::market::ConditionId;
use crate::numbers::Value;
use crate::price::{Usdc, decimal};
use crate::risk::{worst_loss, worst_loss_total};
use crate::status::{KernelStatus, PnlStatus, PositionStatus, RiskUse, Tally};
use crate::time::Timestamp;

use super::Kernel;
use super::tallies::{Cause, Count};

impl Kernel {
    /// Returns the newest instant that it knows of.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the fingerprint of all decisions so far, of all incarnations.
    #[must_use]
    pub const fn digest(&self) -> &DecisionDigest {
        self.memory.digest()
    }

    /// Returns all that is shown of the kernel.
    #[must_use]
    pub fn status(&self) -> KernelStatus {
        let memory = &self.memory;
        let mut orders = memory.orders;
        orders.open = u64::try_from(self.orders.len()).unwrap_or(u64::MAX);
        KernelStatus {
            inputs: memory.inputs,
            decisions: memory.seq,
            digest: memory.digest.hex(),
            intents: memory.intents,
            causes: self.causes(),
            orders,
            fills: memory.fills,
            rejections: memory
                .rejections
                .iter()
                .map(|(rule, n)| (rule.name().into(), *n))
                .collect(),
            last_decision_at: memory.last_decision_at,
            last_trade_at: memory.last_trade_at,
            positions: self.positions(),
            pnl: self.pnl(),
            risk: self.risk(),
            tripped: self.guard.breaker().trip().map(|trip| {
                let until = trip.until.map_or("a person resumes it".into(), |at| at.to_string());
                format!("{}: {} of {}, until {until}", trip.rule.name(), trip.used, trip.limit)
            }),
            half_open: self.guard.breaker().trial().map(|trial| trial.rule.name().to_owned()),
            markets: u64::try_from(self.markets.len()).unwrap_or(u64::MAX),
            ..KernelStatus::default()
        }
    }

    fn causes(&self) -> Vec<Tally> {
        let tallies = &self.memory.tallies;
        let all = tallies.all().map(|(cause, count)| tally(None, cause, count));
        let open = tallies.open();
        let open = open.map(|(market, cause, count)| tally(Some(self.slug(market)), cause, count));
        all.chain(open).collect()
    }

    fn slug(&self, market: ConditionId) -> String {
        self.markets
            .get(&market)
            .map_or_else(|| market.to_string(), |state| state.market.slug.to_string())
    }

    fn positions(&self) -> Vec<PositionStatus> {
        self.portfolio
            .positions()
            .map(|(id, outcome, position)| {
                let state = self.markets.get(&id);
                let label = state.map_or(outcome.name(), |state| state.market.label(outcome));
                let book = state.and_then(|state| state.book(outcome));
                PositionStatus {
                    market: self.slug(id),
                    market_id: id.to_string(),
                    outcome,
                    label: label.to_owned(),
                    size: position.size,
                    cost_usdc: position.cost,
                    bid: book.and_then(|book| book.best_bid()).map(|level| level.price),
                    last_bid: self.portfolio.kept_mark(id, outcome).map(|(bid, _)| bid),
                    last_bid_until: self.portfolio.kept_mark(id, outcome).map(|(_, until)| until),
                }
            })
            .collect()
    }

    fn pnl(&self) -> PnlStatus {
        let portfolio = &self.portfolio;
        let total = portfolio.equity();
        PnlStatus {
            realised_usdc: portfolio.realised(),
            unrealised_usdc: total - portfolio.realised(),
            total_usdc: total,
            fees_usdc: portfolio.fees(),
            volume_usdc: portfolio.volume(),
            cash_usdc: portfolio.cash(),
            drawdown_usdc: portfolio.drawdown(),
            drawdown_max_usdc: portfolio.drawdown_max(),
        }
    }

    fn risk(&self) -> Vec<RiskUse> {
        let (limits, breaker) = (self.guard.limits(), self.guard.breaker());
        let (portfolio, orders) = (&self.portfolio, &self.orders);
        let worst_market = portfolio
            .markets()
            .chain(orders.iter().map(|(_, order)| order.intent.market))
            .map(|market| worst_loss(portfolio, orders, market))
            .max()
            .unwrap_or_default();
        let all = worst_loss_total(portfolio, orders);
        let event = self.groups.worst_event(portfolio, orders);
        let symbol = self.groups.worst_symbol(portfolio, orders);
        let open = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        vec![
            cash("market_exposure", worst_market, limits.market_exposure_max_usdc),
            cash("event_exposure", event, limits.groups.event_exposure_max_usdc),
            cash("symbol_exposure", symbol, limits.groups.symbol_exposure_max_usdc),
            cash("strategy_exposure", all, limits.strategy_exposure_max_usdc),
            count("open_orders", open, limits.open_orders_max),
            count("loss_streak", breaker.streak(), limits.loss_streak_max),
            count("reject_streak", breaker.rejects(), limits.sending.reject_streak_max),
            count("failure_streak", breaker.failures(), limits.sending.failure_streak_max),
            cash("drawdown", portfolio.drawdown(), limits.drawdown_max_usdc),
            cash("daily_loss", self.guard.lost_today(portfolio.equity()), limits.day.loss_max_usdc),
        ]
    }
}

fn tally(market: Option<String>, cause: Cause, count: &Count) -> Tally {
    Tally {
        verdict: cause.verdict().to_owned(),
        cause: cause.name().to_owned(),
        market,
        count: count.count,
        first_at: count.first_at,
        last_at: count.last_at,
        numbers: count
            .numbers
            .iter()
            .map(|(name, value): (&str, Value)| (name.to_owned(), value.to_string()))
            .collect(),
    }
}

fn cash(rule: &str, used: Usdc, limit: Usdc) -> RiskUse {
    let permille = share(used.micros(), limit.micros());
    RiskUse { rule: rule.into(), used: decimal(used.micros()), limit: limit.to_string(), permille }
}

fn count(rule: &str, used: u64, limit: u64) -> RiskUse {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let permille = share(signed(used), signed(limit));
    RiskUse { rule: rule.into(), used: used.to_string(), limit: limit.to_string(), permille }
}

/// Used ÷ limit in thousandths; 1000 where nothing is allowed.
fn share(used: i64, limit: i64) -> u64 {
    let share = i128::from(used.max(0)) * 1000;
    share.checked_div(i128::from(limit)).map_or(1000, |share| u64::try_from(share).unwrap_or(0))
}
