//! A ledger as one would write it who has all the time in the world: every balance is added up anew from the list of
//! all facts, in 128 bits, with its own formulas. What the real one is held against.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{Event, Owner, Settlement, Stage, Terms};
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{ClientOrderId, Fill};

/// What is expected to come of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Once,
    Duplicate,
    Waiting,
    Unattributed,
    Refused,
}

/// One owner's balances, in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balances {
    pub(super) cash: i128,
    pub(super) reserved: i128,
    pub(super) cost: i128,
    pub(super) realised: i128,
    pub(super) fees: i128,
    pub(super) rebates: i128,
    pub(super) payouts: i128,
    pub(super) volume: i128,
    pub(super) fills: u64,
    pub(super) shares: BTreeMap<(ConditionId, Outcome), Shares>,
    pub(super) waiting: usize,
}

/// The shares of one outcome, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    pub(super) pending: i128,
    pub(super) provisional: i128,
    pub(super) confirmed: i128,
    pub(super) offered: i128,
    pub(super) cost: i128,
}

#[derive(Clone, Debug)]
enum Fact {
    Fill(Fill, Stage),
    Split(String, i128),
    Merge(String, i128),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    orders: BTreeMap<ClientOrderId, Terms>,
    over: BTreeSet<ClientOrderId>,
    facts: Vec<(Owner, ConditionId, Fact)>,
    settled: BTreeMap<(Owner, ConditionId), Settlement>,
    notes: BTreeMap<(Owner, String), i128>,
}

impl Reference {
    pub(super) fn book(&mut self, event: &Event) -> Told {
        match event {
            Event::Recorded(terms) => self.recorded(terms),
            Event::Over { order } if !self.over.insert(order.clone()) => Told::Duplicate,
            Event::Over { order } if self.orders.contains_key(order) => Told::Once,
            Event::Over { .. } => Told::Unattributed,
            Event::Filled { fill, stage } => self.filled(fill, *stage),
            Event::Fee { owner, reference, amount } => {
                self.noted(owner, reference, -i128::from(amount.micros()))
            }
            Event::Rebate { owner, reference, amount } => {
                self.noted(owner, reference, i128::from(amount.micros()))
            }
            Event::Settled { owner, market, settlement } => {
                match self.settled.get(&(owner.clone(), *market)) {
                    Some(known) if known == settlement => Told::Duplicate,
                    Some(_) => Told::Refused,
                    None => {
                        self.settled.insert((owner.clone(), *market), *settlement);
                        Told::Once
                    }
                }
            }
            Event::Split { owner, market, reference, size } => {
                let fact = Fact::Split(reference.to_string(), i128::from(size.micros()));
                self.converted(owner, *market, fact)
            }
            Event::Merge { owner, market, reference, size } => {
                let fact = Fact::Merge(reference.to_string(), i128::from(size.micros()));
                self.converted(owner, *market, fact)
            }
        }
    }

    fn recorded(&mut self, terms: &Terms) -> Told {
        if let Some(known) = self.orders.get(&terms.order) {
            return if known == terms { Told::Duplicate } else { Told::Refused };
        }
        let of_order = |fact: &Fact| match fact {
            Fact::Fill(fill, _) => fill.order == terms.order,
            Fact::Split(..) | Fact::Merge(..) => false,
        };
        let mut strays = Vec::new();
        for (_, market, fact) in &self.facts {
            if let Fact::Fill(fill, stage) = fact
                && fill.order == terms.order
            {
                if !fits(terms, fill) {
                    return Told::Refused;
                }
                strays.push((*market, fill.clone(), *stage));
            }
        }
        self.facts.retain(|(_, _, fact)| !of_order(fact));
        strays.sort_by_key(|(_, fill, _)| fill.number);
        let owner = Owner::Strategy(terms.order.strategy.clone());
        for (market, fill, stage) in strays {
            self.facts.push((owner.clone(), market, Fact::Fill(fill, stage)));
        }
        self.orders.insert(terms.order.clone(), terms.clone());
        Told::Once
    }

    fn filled(&mut self, told: &Fill, stage: Stage) -> Told {
        let owner = match self.orders.get(&told.order) {
            Some(terms) if !fits(terms, told) => return Told::Refused,
            Some(terms) => Owner::Strategy(terms.order.strategy.clone()),
            None => Owner::Unattributed,
        };
        let before = self.balances(&owner).waiting;
        let known = self.facts.iter_mut().find_map(|(_, _, fact)| match fact {
            Fact::Fill(fill, stage) if (&fill.order, fill.number) == (&told.order, told.number) => {
                Some((fill, stage))
            }
            Fact::Fill(..) | Fact::Split(..) | Fact::Merge(..) => None,
        });
        match known {
            Some((known, _)) if Fill { at: told.at, ..known.clone() } != *told => {
                return Told::Refused;
            }
            Some((_, was)) => match (*was, stage) {
                (Stage::Confirmed, Stage::Failed) | (Stage::Failed, Stage::Confirmed) => {
                    return Told::Refused;
                }
                (Stage::Matched, Stage::Confirmed | Stage::Failed) => *was = stage,
                _ => return Told::Duplicate,
            },
            None => {
                self.facts.push((owner.clone(), told.market, Fact::Fill(told.clone(), stage)));
            }
        }
        if before < self.balances(&owner).waiting {
            Told::Waiting
        } else if owner == Owner::Unattributed {
            Told::Unattributed
        } else {
            Told::Once
        }
    }

    fn noted(&mut self, owner: &Owner, reference: &str, amount: i128) -> Told {
        match self.notes.get(&(owner.clone(), reference.to_owned())) {
            Some(known) if *known == amount => Told::Duplicate,
            Some(_) => Told::Refused,
            None => {
                self.notes.insert((owner.clone(), reference.to_owned()), amount);
                Told::Once
            }
        }
    }

    fn converted(&mut self, owner: &Owner, market: ConditionId, fact: Fact) -> Told {
        let name = |fact: &Fact| match fact {
            Fact::Split(name, _) | Fact::Merge(name, _) => Some(name.clone()),
            Fact::Fill(..) => None,
        };
        let known = self.facts.iter().find(|(whose, where_, known)| {
            (whose, *where_) == (owner, market) && name(known) == name(&fact)
        });
        match known.map(|(_, _, known)| format!("{known:?}") == format!("{fact:?}")) {
            Some(true) => return Told::Duplicate,
            Some(false) => return Told::Refused,
            None => {}
        }
        let before = self.balances(owner).waiting;
        self.facts.push((owner.clone(), market, fact));
        if before < self.balances(owner).waiting { Told::Waiting } else { Told::Once }
    }

    pub(super) fn owners(&self) -> BTreeSet<Owner> {
        let facts = self.facts.iter().map(|(owner, _, _)| owner.clone());
        let orders = self.orders.keys().map(|id| Owner::Strategy(id.strategy.clone()));
        let settled = self.settled.keys().map(|(owner, _)| owner.clone());
        let notes = self.notes.keys().map(|(owner, _)| owner.clone());
        facts.chain(orders).chain(settled).chain(notes).collect()
    }

    fn filled_of(&self, id: &ClientOrderId) -> i128 {
        let size = |fact: &Fact| match fact {
            Fact::Fill(fill, stage) if fill.order == *id && *stage != Stage::Failed => {
                i128::from(fill.size.micros())
            }
            Fact::Fill(..) | Fact::Split(..) | Fact::Merge(..) => 0,
        };
        self.facts.iter().map(|(_, _, fact)| size(fact)).sum()
    }

    /// Adds up everything that an owner has.
    pub(super) fn balances(&self, owner: &Owner) -> Balances {
        let mut sum = Balances::default();
        let mut markets: BTreeMap<ConditionId, Vec<&Fact>> = BTreeMap::new();
        for (whose, market, fact) in &self.facts {
            if whose == owner {
                let is_fill = matches!(fact, Fact::Fill(_, Stage::Matched | Stage::Confirmed));
                sum.fills += u64::from(is_fill);
                markets.entry(*market).or_default().push(fact);
            }
        }
        for (market, facts) in &markets {
            let mut queue: Vec<&Fact> = Vec::new();
            for fact in facts {
                queue.push(fact);
                while let Some(at) = queue.iter().position(|fact| sum.takes(*market, fact)) {
                    queue.remove(at);
                }
            }
            sum.waiting += queue.len();
            if let Some(settlement) = self.settled.get(&(owner.clone(), *market)) {
                sum.settle(*market, *settlement);
            }
        }
        for ((_, reference), amount) in self.notes.iter().filter(|((whose, _), _)| whose == owner) {
            sum.cash += amount;
            sum.realised += amount;
            match reference.starts_with("fee") {
                true => sum.fees -= amount,
                false => sum.rebates += amount,
            }
        }
        for (id, terms) in &self.orders {
            if Owner::Strategy(id.strategy.clone()) == *owner && !self.over.contains(id) {
                let rest = (i128::from(terms.size.micros()) - self.filled_of(id)).max(0);
                sum.tie(terms, rest);
            }
        }
        sum.shares.retain(|_, shares| *shares != Shares::default());
        sum
    }
}

impl Balances {
    /// Books a fact, or says that it gives away more than there is.
    fn takes(&mut self, market: ConditionId, fact: &Fact) -> bool {
        match fact {
            Fact::Fill(fill, stage) => *stage == Stage::Failed || self.takes_fill(fill, *stage),
            Fact::Split(_, size) => {
                self.cash -= size;
                self.cost += size;
                for (outcome, cost) in [(Outcome::Yes, size - size / 2), (Outcome::No, size / 2)] {
                    let shares = self.shares.entry((market, outcome)).or_default();
                    shares.confirmed += size;
                    shares.cost += cost;
                }
                true
            }
            Fact::Merge(_, size) => {
                let owns = |outcome| {
                    self.shares.get(&(market, outcome)).map_or(0, |s| s.confirmed + s.provisional)
                };
                if owns(Outcome::Yes) < *size || owns(Outcome::No) < *size {
                    return false;
                }
                let cost =
                    self.give(market, Outcome::Yes, *size) + self.give(market, Outcome::No, *size);
                self.cash += size;
                self.realised += size - cost;
                true
            }
        }
    }

    fn takes_fill(&mut self, fill: &Fill, stage: Stage) -> bool {
        let (price, size) = (i128::from(fill.price.micros()), i128::from(fill.size.micros()));
        let fee = i128::from(fill.fee.micros());
        let down = price * size / 1_000_000;
        let up = (price * size + 999_999) / 1_000_000;
        let shares = self.shares.entry((fill.market, fill.outcome)).or_default();
        match fill.side {
            Side::Buy => {
                match stage {
                    Stage::Matched => shares.provisional += size,
                    Stage::Confirmed | Stage::Failed => shares.confirmed += size,
                }
                shares.cost += up + fee;
                self.cost += up + fee;
                self.cash -= up + fee;
            }
            Side::Sell if shares.confirmed + shares.provisional < size => return false,
            Side::Sell => {
                let cost = self.give(fill.market, fill.outcome, size);
                self.cash += down - fee;
                self.realised += down - fee - cost;
            }
        }
        self.fees += fee;
        self.volume += down;
        true
    }

    /// Takes shares away and returns what they cost on the average.
    fn give(&mut self, market: ConditionId, outcome: Outcome, size: i128) -> i128 {
        let shares = self.shares.entry((market, outcome)).or_default();
        let owned = shares.confirmed + shares.provisional;
        let cost = if owned == size { shares.cost } else { shares.cost * size / owned };
        shares.confirmed -= size;
        shares.cost -= cost;
        self.cost -= cost;
        cost
    }

    fn settle(&mut self, market: ConditionId, settlement: Settlement) {
        for outcome in Outcome::BOTH {
            let Some(shares) = self.shares.remove(&(market, outcome)) else { continue };
            let owned = shares.confirmed + shares.provisional;
            let pays = match settlement {
                Settlement::Void => shares.cost,
                Settlement::Paid([yes, no]) => {
                    let each = if outcome == Outcome::Yes { yes } else { no };
                    i128::from(each.micros()) * owned / 1_000_000
                }
            };
            self.cash += pays;
            self.payouts += pays;
            self.realised += pays - shares.cost;
            self.cost -= shares.cost;
        }
    }

    fn tie(&mut self, terms: &Terms, rest: i128) {
        let shares = self.shares.entry((terms.market, terms.outcome)).or_default();
        match terms.side {
            Side::Sell => {
                shares.confirmed -= rest;
                shares.offered += rest;
            }
            Side::Buy if rest == 0 => {}
            Side::Buy => {
                let fee = i128::from(terms.fee.micros()) * rest / i128::from(terms.size.micros());
                let most = (i128::from(terms.limit.micros()) * rest + 999_999) / 1_000_000 + fee;
                shares.pending += rest;
                self.reserved += most;
                self.cash -= most;
            }
        }
    }
}

fn fits(terms: &Terms, fill: &Fill) -> bool {
    terms.market == fill.market && terms.outcome == fill.outcome && terms.side == fill.side
}
