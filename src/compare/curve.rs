//! A curve over time that keeps its size: when it is full, every second point goes, and fewer are taken from then on.

use serde::Serialize;

use super::line::Line;
use crate::price::Usdc;
use crate::time::Timestamp;

/// Profit and loss over time, in USDC, at most [`Curve::MAX`] points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// The points, in the order of time.
    pub points: Vec<Point>,
    /// Of how many values each point is the first; 1 where none is left out.
    pub every: u64,
    seen: u64,
    last: Option<Point>,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub usdc: Usdc,
}

impl Curve {
    /// How many points it has at most.
    pub const MAX: usize = 800;

    /// Takes in a value that is no earlier than the one before.
    pub fn add(&mut self, point: Point) {
        let every = self.every.max(1);
        self.every = every;
        if self.seen.is_multiple_of(every) {
            if self.points.len() == Self::MAX {
                let mut keep = false;
                self.points.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.every = 2 * every;
            }
            if self.seen.is_multiple_of(self.every) {
                self.points.push(point);
            }
        }
        self.seen += 1;
        self.last = Some(point);
    }

    /// Returns the points, and the newest value where it is none of them.
    pub fn whole(&self) -> impl Iterator<Item = Point> {
        let last = self.last.filter(|last| self.points.last() != Some(last));
        self.points.iter().copied().chain(last)
    }

    /// Takes in what a fact says of profit and loss.
    pub(super) fn fact(&mut self, fact: &Line) {
        let point = match fact {
            Line::Fill(fill) => Point { at: fill.at, usdc: fill.equity_usdc },
            Line::Settled(settled) => Point { at: settled.at, usdc: settled.equity_usdc },
            Line::Decisions(_)
            | Line::Decision(_)
            | Line::Done(_)
            | Line::Risk(_)
            | Line::End(_) => return,
        };
        self.add(point);
    }
}
