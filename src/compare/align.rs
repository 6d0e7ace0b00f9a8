//! Alignment: the lines of two sides, an instant at a time, and what belongs to what within it.

use std::collections::BTreeMap;

use super::Lines;
use super::line::{Decided, End, Line};
use crate::market::ConditionId;
use crate::time::Timestamp;

/// One side, with the line that comes next.
#[derive(Debug)]
pub(super) struct Side<'a, L> {
    lines: &'a mut L,
    next: Option<Line>,
    end: Option<End>,
}

/// What one side told of one instant.
#[derive(Debug, Default)]
pub(super) struct Instant {
    /// The decisions, in their order.
    pub(super) decisions: Vec<Decided>,
    /// Fills, settlements and ends of orders, in their order.
    pub(super) facts: Vec<Line>,
}

/// What belongs together: the looks at one market at one instant, one after the other.
pub(super) type Key = (Option<ConditionId>, usize);

impl<'a, L: Lines> Side<'a, L> {
    /// Returns a side whose header has been read.
    pub(super) fn new(lines: &'a mut L) -> Result<Self, L::Error> {
        let mut side = Self { lines, next: None, end: None };
        side.advance()?;
        Ok(side)
    }

    /// Returns the instant of the next line, or nothing at the end.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.next.as_ref().and_then(Line::at)
    }

    /// Takes all lines of an instant.
    pub(super) fn take(&mut self, at: Timestamp) -> Result<Instant, L::Error> {
        let mut instant = Instant::default();
        while self.at() == Some(at) {
            match self.next.take() {
                Some(Line::Decision(decided)) => instant.decisions.push(decided),
                Some(fact) => instant.facts.push(fact),
                None => {}
            }
            self.advance()?;
        }
        Ok(instant)
    }

    /// Returns the sums; there are none where the side was told no end.
    pub(super) fn end(self) -> Option<End> {
        self.end
    }

    fn advance(&mut self) -> Result<(), L::Error> {
        self.next = None;
        while let Some(line) = self.lines.next_line()? {
            match line {
                Line::Decisions(_) => {}
                Line::End(end) => self.end = Some(end),
                Line::Decision(_)
                | Line::Fill(_)
                | Line::Done(_)
                | Line::Settled(_)
                | Line::Risk(_) => {
                    self.next = Some(line);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Returns the decisions of one instant in pairs, by market and by which look at it they were.
pub(super) fn pair(
    a: Vec<Decided>,
    b: Vec<Decided>,
) -> BTreeMap<Key, (Option<Decided>, Option<Decided>)> {
    let mut pairs: BTreeMap<Key, (Option<Decided>, Option<Decided>)> = BTreeMap::new();
    for (key, decided) in keyed(a) {
        pairs.entry(key).or_default().0 = Some(decided);
    }
    for (key, decided) in keyed(b) {
        pairs.entry(key).or_default().1 = Some(decided);
    }
    pairs
}

fn keyed(decisions: Vec<Decided>) -> impl Iterator<Item = (Key, Decided)> {
    let mut seen: BTreeMap<Option<ConditionId>, usize> = BTreeMap::new();
    decisions.into_iter().map(move |decided| {
        let occurrence = seen.entry(decided.market_id).or_default();
        *occurrence += 1;
        ((decided.market_id, *occurrence), decided)
    })
}

/// Tells whether two facts are the same. Numbers of orders are counters: they do not count.
pub(super) fn is_same_fact(a: &Line, b: &Line) -> bool {
    match (a, b) {
        (Line::Fill(a), Line::Fill(b)) => {
            (a.market_id, a.outcome, a.side, a.price, a.size, a.fee_usdc, a.number)
                == (b.market_id, b.outcome, b.side, b.price, b.size, b.fee_usdc, b.number)
        }
        (Line::Settled(a), Line::Settled(b)) => {
            (a.market_id, a.pays, a.amount_usdc, a.profit_usdc)
                == (b.market_id, b.pays, b.amount_usdc, b.profit_usdc)
        }
        (Line::Done(a), Line::Done(b)) => {
            (&a.cause, a.unfilled, &a.reason) == (&b.cause, b.unfilled, &b.reason)
        }
        (Line::Risk(a), Line::Risk(b)) => {
            (&a.event, &a.rule, &a.used, &a.limit) == (&b.event, &b.rule, &b.used, &b.limit)
        }
        (
            Line::Decisions(_)
            | Line::Decision(_)
            | Line::Fill(_)
            | Line::Done(_)
            | Line::Settled(_)
            | Line::Risk(_)
            | Line::End(_),
            _,
        ) => false,
    }
}
