//! The teller: looks on while kernels are played, and writes down what is to be told.

use std::collections::VecDeque;

use ploy::compare::line::Line;
use ploy::compare::told;
use ploy::kernel::{Effect, Kernel};
use ploy::order::OrderEvent;
use ploy::replay::Watch;
use ploy::time::Timestamp;

use super::Tell;

/// Writes down what is told, in lines.
#[derive(Debug)]
pub(super) struct Teller {
    tell: Tell,
    from: Option<Timestamp>,
    pub(super) lines: VecDeque<Line>,
}

impl Teller {
    pub(super) const fn new(tell: Tell, from: Option<Timestamp>) -> Self {
        Self { tell, from, lines: VecDeque::new() }
    }

    fn tell(&mut self, at: Timestamp, line: impl FnOnce() -> Option<Line>) {
        if self.tell == Tell::Lines && self.from.is_none_or(|from| from <= at) {
            self.lines.extend(line());
        }
    }
}

impl Watch for Teller {
    fn effect(&mut self, kernel: &Kernel, effect: &Effect) {
        self.tell(kernel.now(), || told::effect(kernel, effect));
    }

    fn order(&mut self, kernel: &Kernel, event: &OrderEvent) {
        self.tell(kernel.now(), || told::order(kernel, event));
    }
}
