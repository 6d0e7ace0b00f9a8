//! A comparison that goes on while both sides are played.

use std::collections::VecDeque;

use super::align::Instant;
use super::found::Found;
use super::line::{Line, Set, Total};
use super::{Both, Comparison};
use crate::time::Timestamp;

/// What was found so far, and what belongs to an instant that is not over. Its memory does not grow with what is
/// played.
#[derive(Clone)]
pub struct Running {
    found: Found,
    waiting: Both<VecDeque<Line>>,
}

impl Running {
    /// Returns a comparison of two sides that have told nothing.
    #[must_use]
    pub fn new(sides: Both<Set>) -> Self {
        Self { found: Found::new(sides), waiting: Both::default() }
    }

    /// Takes in what both sides told, in the order of time, when both are played up to `now`.
    pub fn tell(&mut self, lines: Both<VecDeque<Line>>, now: Timestamp) {
        self.waiting.a.extend(lines.a);
        self.waiting.b.extend(lines.b);
        self.take(Some(now));
    }

    /// Returns what was found, with what each side has come to.
    #[must_use]
    pub fn result(&self, totals: Both<Option<Total>>) -> Comparison {
        let mut all = self.clone();
        all.take(None);
        all.found.result.totals = totals;
        all.found.finish()
    }

    /// Compares every instant that is over: all before `now`, or all.
    fn take(&mut self, now: Option<Timestamp>) {
        let Self { found, waiting: Both { a, b } } = self;
        let first = |lines: &VecDeque<Line>| lines.front().and_then(Line::at);
        while let Some(at) = first(a).into_iter().chain(first(b)).min() {
            if now.is_some_and(|now| now <= at) {
                return;
            }
            found.instant(at, instant(a, at), instant(b, at));
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// Takes what one side told of an instant.
fn instant(lines: &mut VecDeque<Line>, at: Timestamp) -> Instant {
    let mut instant = Instant::default();
    while let Some(line) = lines.pop_front_if(|line| line.at() == Some(at)) {
        match line {
            Line::Decision(decided) => instant.decisions.push(decided),
            Line::Fill(_) | Line::Done(_) | Line::Settled(_) | Line::Risk(_) => {
                instant.facts.push(line);
            }
            Line::Decisions(_) | Line::End(_) => {}
        }
    }
    instant
}
