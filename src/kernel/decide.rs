//! How a look becomes a decision: the guard is asked, an approved intent is numbered and handed on.

use crate::decision::{Decision, Verdict};
use crate::intent::Intent;
use crate::market::TickSize;
use crate::order::ClientOrderId;
use crate::risk::{Approved, Context, Explanation, Rejection, RiskGuard};
use crate::strategy::{Look, Wish};
use crate::trigger::Trigger;

use super::{Effect, Kernel, Order};

impl Kernel {
    /// Turns looks into decisions: an intent goes to the guard, and every look is numbered and noted.
    pub(super) fn decide(&mut self, trigger: Trigger, effects: &mut Vec<Effect>) {
        let mut looks = std::mem::take(&mut self.looks);
        for look in looks.drain(..) {
            let (verdict, approval) = match look.wish {
                Wish::No(reason) => (Verdict::No(reason), None),
                Wish::Intent(intent) => self.ask(intent, effects),
            };
            let seq = self.memory.seq + 1;
            let Look { market, numbers, .. } = look;
            let decision = Decision { seq, at: self.now, trigger, market, verdict, numbers };
            let repeated = self.memory.note(&decision);
            let risk = match &decision.verdict {
                Verdict::Rejected { intent, .. } if !repeated => {
                    let (guard, context) = self.guarded(intent);
                    Some(Box::new(guard.explain(intent, &context)))
                }
                Verdict::Order { .. } | Verdict::Rejected { .. } | Verdict::No(_) => approval,
            };
            effects.push(Effect::Decided { decision, repeated, risk });
        }
        self.looks = looks;
    }

    /// Asks the guard; an approved intent is numbered and handed on.
    fn ask(
        &mut self,
        intent: Intent,
        effects: &mut Vec<Effect>,
    ) -> (Verdict, Option<Box<Explanation>>) {
        let (approved, risk) = match self.check(intent) {
            Err(rejection) => return (Verdict::Rejected { intent, rejection }, None),
            Ok(approval) => approval,
        };
        let market = self.markets.get(&intent.market);
        let fees = market.map(|state| state.market.fees).unwrap_or_default();
        let number = self.memory.last_order + 1;
        self.memory.last_order = number;
        self.guard.numbered(&approved, number);
        self.memory.orders.submitted += 1;
        self.orders.add(number, intent, fees.taker_fee(intent.size, intent.limit));
        let id = ClientOrderId { strategy: self.id.clone(), number };
        effects.push(Effect::Submit(Order::new(id, self.now, approved)));
        (Verdict::Order { order: number, intent }, Some(risk))
    }

    /// Asks the guard; an approval comes with how the order fared with every rule before it was counted.
    fn check(&mut self, intent: Intent) -> Result<(Approved, Box<Explanation>), Rejection> {
        let (guard, context) = self.guarded(&intent);
        guard.judge(&intent, &context)?;
        let risk = Box::new(guard.explain(&intent, &context));
        Ok((guard.check(intent, &context)?, risk))
    }

    /// Borrows the guard, and what it looks at beside this intent.
    fn guarded(&mut self, intent: &Intent) -> (&mut RiskGuard, Context<'_>) {
        let state = self.markets.get(&intent.market);
        let context = Context {
            now: self.now,
            market: state.map(|state| state.market.as_ref()),
            tick: state.map_or(TickSize::CENT, |state| state.tick),
            book: state.and_then(|state| state.book(intent.outcome)),
            portfolio: &self.portfolio,
            orders: &self.orders,
            groups: &self.groups,
        };
        (&mut self.guard, context)
    }
}
