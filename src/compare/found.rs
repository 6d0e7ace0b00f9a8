//! Finding what differs: every pair of decisions counted, grouped and listed, as it comes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::align::{self, Instant};
use super::line::{Decided, Line, Set, Verdict};
use super::{
    Both, Change, Comparison, Counts, DIFFERENCES_MAX, Difference, ENTRIES_MAX, ENTRY, First,
    Listed, Mark, Parted, Setting, gates,
};
use crate::intent::Purpose;
use crate::time::Timestamp;

/// How many orders before the first difference, and of its market, are kept as marks.
const MARKS_MAX: usize = 500;

/// What was found so far.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) result: Comparison,
    changes: BTreeMap<(String, String), (u64, Timestamp)>,
    first_numbers: Option<Difference>,
    marks: Both<VecDeque<Mark>>,
}

impl Found {
    pub(super) fn new(sides: Both<Set>) -> Self {
        let settings = settings(&sides);
        let result = Comparison {
            sides,
            settings,
            counts: Counts::default(),
            changes: Vec::new(),
            first: None,
            parted: None,
            vanished: Listed::default(),
            appeared: Listed::default(),
            differences: Listed::default(),
            totals: Both::default(),
            pnl: Both::default(),
            orders: Both::default(),
        };
        let (changes, marks) = (BTreeMap::new(), Both::default());
        Self { result, changes, first_numbers: None, marks }
    }

    pub(super) fn instant(&mut self, at: Timestamp, a: Instant, b: Instant) {
        a.facts.iter().for_each(|fact| self.result.pnl.a.fact(fact));
        b.facts.iter().for_each(|fact| self.result.pnl.b.fact(fact));
        self.facts(at, a.facts, b.facts);
        for (a, b) in align::pair(a.decisions, b.decisions).into_values() {
            self.mark(a.as_ref(), b.as_ref());
            self.decision(Difference { at, sides: Both { a, b } });
        }
    }

    /// Notes when the facts of both sides are not the same any more. A decision of the same instant was taken
    /// knowing them, or led to them: both are told as later.
    fn facts(&mut self, at: Timestamp, a: Vec<Line>, b: Vec<Line>) {
        if self.result.parted.is_some() {
            return;
        }
        let (mut a, mut b) = (a.into_iter(), b.into_iter());
        loop {
            let facts = Both { a: a.next(), b: b.next() };
            match (&facts.a, &facts.b) {
                (None, None) => return,
                (Some(one), Some(other)) if align::is_same_fact(one, other) => {}
                (Some(_) | None, Some(_) | None) => {
                    let differences_before = self.result.differences.count;
                    self.result.parted = Some(Parted { at, facts, differences_before });
                    return;
                }
            }
        }
    }

    fn decision(&mut self, difference: Difference) {
        let counts = &mut self.result.counts;
        let (a, b) = (difference.sides.a.as_ref(), difference.sides.b.as_ref());
        match (a, b) {
            (Some(a), Some(b)) if is_same_verdict(a, b) => {
                if is_same_comparison(a, b) {
                    counts.same += 1;
                } else {
                    counts.numbers += 1;
                    self.first_numbers.get_or_insert(difference);
                }
                return;
            }
            (Some(_), Some(_)) => counts.changed += 1,
            (Some(_), None) => counts.only_a += 1,
            (None, Some(_)) => counts.only_b += 1,
            (None, None) => return,
        }
        let labels = labels(a, b);
        let change = self.changes.entry(labels).or_insert((0, difference.at));
        change.0 += 1;
        match (is_entry(a), is_entry(b)) {
            (true, false) => self.result.vanished.add(ENTRIES_MAX, &difference),
            (false, true) => self.result.appeared.add(ENTRIES_MAX, &difference),
            (true, true) | (false, false) => {}
        }
        self.result.differences.add(DIFFERENCES_MAX, &difference);
        if self.result.first.is_none() {
            let gates = gates::explain(&self.result.sides, &difference.sides);
            self.result.first = Some(First { difference, gates });
        }
    }

    fn mark(&mut self, a: Option<&Decided>, b: Option<&Decided>) {
        let first = self.result.first.as_ref().map(|first| first.difference.market_id());
        for (decided, marks) in [(a, &mut self.marks.a), (b, &mut self.marks.b)] {
            let Some(decided) = decided.filter(|decided| decided.verdict == Verdict::Order) else {
                continue;
            };
            let (Some(market_id), Some(intent)) = (decided.market_id, decided.intent) else {
                continue;
            };
            if first.is_some_and(|first| first != Some(market_id)) {
                continue;
            }
            if marks.len() == MARKS_MAX {
                marks.pop_front();
            }
            marks.push_back(Mark { at: decided.at, market_id, intent });
        }
    }

    pub(super) fn finish(mut self) -> Comparison {
        let changes = self.changes.into_iter();
        self.result.changes = changes
            .map(|((from, to), (count, first_at))| Change { from, to, count, first_at })
            .collect();
        self.result.changes.sort_by(Change::rank);
        if self.result.first.is_none() {
            self.result.first = self.first_numbers.map(|difference| {
                let gates = gates::explain(&self.result.sides, &difference.sides);
                First { difference, gates }
            });
        }
        let market = self.result.first.as_ref().and_then(|first| first.difference.market_id());
        let own = |marks: VecDeque<Mark>| {
            marks.into_iter().filter(|mark| Some(mark.market_id) == market).collect()
        };
        self.result.orders = Both { a: own(self.marks.a), b: own(self.marks.b) };
        self.result
    }
}

/// Returns the settings that differ.
fn settings(sides: &Both<Set>) -> Vec<Setting> {
    let (a, b) = (&sides.a.settings, &sides.b.settings);
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| Setting {
            key: key.clone(),
            values: Both { a: a.get(key).cloned(), b: b.get(key).cloned() },
        })
        .collect()
}

fn is_entry(decided: Option<&Decided>) -> bool {
    let order = decided.filter(|decided| decided.verdict == Verdict::Order);
    order.and_then(|decided| decided.intent).is_some_and(|intent| intent.purpose == Purpose::Entry)
}

/// Tells whether both came out the same: verdict, gate or rule, and what was wanted.
fn is_same_verdict(a: &Decided, b: &Decided) -> bool {
    (a.verdict, &a.reason, &a.rule, a.intent) == (b.verdict, &b.reason, &b.rule, b.intent)
}

/// Tells whether both compared the same.
fn is_same_comparison(a: &Decided, b: &Decided) -> bool {
    (&a.numbers, &a.used, &a.limit, a.passing) == (&b.numbers, &b.used, &b.limit, b.passing)
}

/// Returns what it was and what it became.
fn labels(a: Option<&Decided>, b: Option<&Decided>) -> (String, String) {
    let (from, to) = (label(a), label(b));
    match (a.and_then(|a| a.intent), b.and_then(|b| b.intent)) {
        (Some(a), Some(b)) if from == to => {
            let parts = [
                ("outcome", a.outcome != b.outcome),
                ("side", a.side != b.side),
                ("limit", a.limit != b.limit),
                ("size", a.size != b.size),
                ("tif", a.tif != b.tif),
                ("purpose", a.purpose != b.purpose),
            ];
            let other: Vec<&str> =
                parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
            let both = format!("{from}, other {}", other.join(" and "));
            (both.clone(), both)
        }
        (Some(_) | None, Some(_) | None) => (from, to),
    }
}

fn label(decided: Option<&Decided>) -> String {
    let Some(decided) = decided else { return "nothing".to_owned() };
    match (decided.verdict, decided.cause()) {
        (Verdict::Order, _) => match decided.intent.map(|intent| intent.purpose) {
            Some(Purpose::Entry) | None => ENTRY.to_owned(),
            Some(purpose) => format!("{ENTRY} ({})", purpose.name()),
        },
        (Verdict::Rejected, cause) => format!("refused: {}", cause.unwrap_or("-")),
        (Verdict::No, cause) => cause.unwrap_or("-").to_owned(),
    }
}
