//! The kernel's part of the status: counts, positions, profit and loss, and how much of each limit is used.

use crate::decision::DecisionDigest;
use crate::market::ConditionId;
use crate::numbers::Value;
use crate::risk::Use;
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
            settling: self.waits(),
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
        self.listing(market).map_or_else(|| market.to_string(), |market| market.slug.to_string())
    }

    fn positions(&self) -> Vec<PositionStatus> {
        self.portfolio
            .positions()
            .map(|(id, outcome, position)| {
                let state = self.markets.get(&id);
                let listing = self.listing(id);
                let label = listing.map_or(outcome.name(), |market| market.label(outcome));
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
        let uses = self.guard.uses(&self.portfolio, &self.orders, &self.groups, self.now);
        let shown = |one: Use| RiskUse {
            rule: one.rule.name().into(),
            used: one.used.to_string(),
            limit: one.limit.to_string(),
            room: one.room().map(|room| room.to_string()).unwrap_or_default(),
            permille: one.permille(),
        };
        uses.into_iter().map(shown).collect()
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
