//! What a venue knows of the orders that it was sent, for venues of our own making: it answers lookups truly.

use std::collections::{BTreeMap, VecDeque};

use super::lookup::{OrderKey, Standing};
use super::payload::OrderHash;
use crate::order::{ClientOrderId, Fill, OrderEvent, Submission, Update};

/// Orders that are over and are still known: days of what strategies send.
const ENDED_MAX: usize = 65_536;

/// The orders that a venue was sent, by the hash of their bytes, with all that came of each.
#[derive(Clone, Debug, Default)]
pub struct Register {
    orders: BTreeMap<OrderHash, Standing>,
    open: BTreeMap<ClientOrderId, OrderHash>,
    ended: VecDeque<OrderHash>,
}

impl Register {
    /// Takes in an order. Tells whether it is new: one that is known already must not be worked on a second time.
    pub fn take(&mut self, OrderKey { id, hash }: OrderKey) -> bool {
        if self.orders.contains_key(&hash) {
            return false;
        }
        self.orders.insert(hash, Standing::Open { fills: Vec::new() });
        self.open.insert(id, hash);
        true
    }

    /// Takes in what the venue is about to tell of an order.
    pub fn note(&mut self, event: &OrderEvent) {
        let Some(hash) = self.open.get(&event.order).copied() else { return };
        let Some(standing) = self.orders.get_mut(&hash) else { return };
        let after = match &event.update {
            Update::Submitted(Submission::Accepted | Submission::Unknown) => return,
            Update::Filled(fill) => {
                if let Standing::Open { fills } = standing {
                    fills.push(fill.clone());
                }
                return;
            }
            Update::Submitted(Submission::Rejected { reason, origin }) => {
                Standing::Rejected { reason: reason.clone(), origin: *origin }
            }
            Update::Done { unfilled, cause } => {
                Standing::Done { fills: standing.take_fills(), unfilled: *unfilled, cause: *cause }
            }
        };
        *standing = after;
        self.open.remove(&event.order);
        self.ended.push_back(hash);
        if ENDED_MAX < self.ended.len()
            && let Some(oldest) = self.ended.pop_front()
        {
            self.orders.remove(&oldest);
        }
    }

    /// Returns how the order of this hash stands.
    #[must_use]
    pub fn standing(&self, hash: OrderHash) -> Standing {
        self.orders.get(&hash).cloned().unwrap_or(Standing::Absent)
    }
}

impl Standing {
    /// Returns the fills that it tells of.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        match self {
            Self::Open { fills } | Self::Done { fills, .. } => fills,
            Self::Rejected { .. } | Self::Absent | Self::Unanswered { .. } => &[],
        }
    }

    fn take_fills(&mut self) -> Vec<Fill> {
        match self {
            Self::Open { fills } | Self::Done { fills, .. } => std::mem::take(fills),
            Self::Rejected { .. } | Self::Absent | Self::Unanswered { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Intent, Purpose, TimeInForce};
    use crate::market::{ConditionId, Outcome, Side};
    use crate::order::{DoneCause, Liquidity, Origin};
    use crate::order_path::Payload;
    use crate::price::{Size, Usdc};
    use crate::time::Timestamp;

    const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

    fn id() -> ClientOrderId {
        "a:1".parse().unwrap()
    }

    fn hash(run: &str) -> OrderHash {
        let intent = Intent {
            market: MARKET,
            outcome: Outcome::Yes,
            side: Side::Buy,
            limit: "0.4".parse().unwrap(),
            size: "10".parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
            purpose: Purpose::Entry,
        };
        Payload::of(run, &id(), Timestamp::UNIX_EPOCH, &intent).hash()
    }

    fn fill(number: u32) -> Fill {
        Fill {
            number,
            order: id(),
            market: MARKET,
            outcome: Outcome::Yes,
            side: Side::Buy,
            price: "0.4".parse().unwrap(),
            size: "2".parse().unwrap(),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Maker,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Tells a venue of these updates of its order, and compares how it stands then.
    fn check(updates: Vec<Update>, expected: &Standing) {
        let mut register = Register::default();
        assert_eq!(register.standing(hash("r")), Standing::Absent);
        assert!(register.take(OrderKey { id: id(), hash: hash("r") }));
        for update in updates {
            register.note(&OrderEvent { at: Timestamp::UNIX_EPOCH, order: id(), update });
        }
        assert_eq!(&register.standing(hash("r")), expected);
        assert!(!register.take(OrderKey { id: id(), hash: hash("r") }), "it is known");
        assert_eq!(&register.standing(hash("r")), expected, "and is not taken a second time");
        assert_eq!(register.standing(hash("other")), Standing::Absent);
    }

    #[test]
    fn an_order_stands_as_all_that_was_told_of_it_says() {
        let accepted = || Update::Submitted(Submission::Accepted);
        let filled = |number| Update::Filled(fill(number));
        let unfilled: Size = "6".parse().unwrap();
        let cause = DoneCause::Cancelled;
        check(vec![], &Standing::Open { fills: vec![] });
        check(vec![accepted(), filled(1)], &Standing::Open { fills: vec![fill(1)] });
        let done = Standing::Done { fills: vec![fill(1), fill(2)], unfilled, cause };
        let end = Update::Done { unfilled, cause };
        check(vec![accepted(), filled(1), filled(2), end], &done);
        let (reason, origin) = ("no".to_owned(), Origin::Order);
        let refused = Submission::Rejected { reason: reason.clone(), origin };
        check(vec![Update::Submitted(refused)], &Standing::Rejected { reason, origin });
    }
}
