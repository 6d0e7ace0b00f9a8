//! The lines after the header as they are written: a number and exactly one thing that it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CommandNote, End, Gap, Line, Mark, PhaseNote, Recall, Saved, Start};
use crate::book::OrderBook;
use crate::event::{Kind, MarketEvent};
use crate::kernel::Input;
use crate::lifecycle::Gate;
use crate::order::{OrderEvent, StrategyId};
use crate::tape;
use crate::tape::line::LineIn as EventLine;
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateLine {
    at: Timestamp,
    gate: Gate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseLine {
    lines: u64,
}

/// What a line may hold: its number and exactly one kind; what was taken in also says by whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineIn {
    pub(super) n: u64,
    to: Option<BTreeMap<StrategyId, Mark>>,
    event: Option<Box<EventLine>>,
    book_at: Option<Timestamp>,
    order: Option<Box<OrderEvent>>,
    timer: Option<Timestamp>,
    gate: Option<GateLine>,
    release: Option<Timestamp>,
    start: Option<Box<Start>>,
    recall: Option<Box<Recall>>,
    checkpoint: Option<Box<Saved>>,
    end: Option<Box<End>>,
    gap: Option<Gap>,
    command: Option<CommandNote>,
    phase: Option<PhaseNote>,
    close: Option<CloseLine>,
}

impl LineIn {
    pub(super) fn what(self) -> Result<Line, String> {
        let mut event = self.event.map(|line| line.event()).transpose()?;
        if let Some(at) = self.book_at {
            let book = event.as_mut().and_then(book).ok_or("`book_at` without a book")?;
            *book = Arc::new(OrderBook::new(at, book.bids().to_vec(), book.asks().to_vec()));
        }
        let inputs = [
            event.map(Input::Market),
            self.order.map(|event| Input::Order(*event)),
            self.timer.map(Input::Timer),
            self.gate.map(|line| Input::Gate { at: line.at, gate: line.gate }),
            self.release.map(|at| Input::Release { at }),
        ];
        let others = [
            self.start.map(Line::Start),
            self.recall.map(|recall| Line::Recall(*recall)),
            self.checkpoint.map(Line::Checkpoint),
            self.end.map(Line::End),
            self.gap.map(Line::Gap),
            self.command.map(Line::Command),
            self.phase.map(Line::Phase),
            self.close.map(|line| Line::Close { lines: line.lines }),
        ];
        let mut inputs = inputs.into_iter().flatten();
        let mut others = others.into_iter().flatten();
        match (inputs.next(), inputs.next(), others.next(), others.next(), self.to) {
            (Some(input), None, None, _, Some(to)) if !to.is_empty() => {
                Ok(Line::Input { to, input })
            }
            (Some(_), None, None, _, _) => Err("it does not say who took this in".to_owned()),
            (None, _, Some(line), None, None) => Ok(line),
            (None, _, Some(_), None, Some(_)) => Err("nobody takes in such a line".to_owned()),
            (None, _, None, _, _) => Err("the line holds a number and nothing else".to_owned()),
            (Some(_), Some(_), _, _, _)
            | (Some(_), _, Some(_), _, _)
            | (_, _, Some(_), Some(_), _) => Err("the line says more than one thing".to_owned()),
        }
    }
}

/// A line to be written that is no input; the kind's name is its key.
#[derive(Default, Serialize)]
pub(super) struct LineOut<'a> {
    n: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'a Start>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recall: Option<&'a Recall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<&'a Saved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<&'a Gap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a CommandNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a PhaseNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<CloseLine>,
}

impl<'a> LineOut<'a> {
    pub(super) fn of(n: u64, what: &'a Line) -> Self {
        let mut line = Self { n, ..Self::default() };
        match what {
            Line::Start(start) => line.start = Some(start),
            Line::Recall(recall) => line.recall = Some(recall),
            Line::Input { .. } => {}
            Line::Checkpoint(saved) => line.checkpoint = Some(saved),
            Line::End(end) => line.end = Some(end),
            Line::Gap(gap) => line.gap = Some(gap),
            Line::Command(note) => line.command = Some(note),
            Line::Phase(note) => line.phase = Some(note),
            Line::Close { lines } => line.close = Some(CloseLine { lines: *lines }),
        }
        line
    }
}

/// Writes what was taken in: its kind as the key, then what it was.
pub(super) fn body(input: &Input) -> String {
    match input {
        Input::Market(event) => {
            let line = tape::encode(event);
            // On a tape a book is of the instant of its event; here it is what a strategy was given.
            match &event.kind {
                Kind::Book { book, .. } if book.at() != event.at => {
                    format!("\"event\":{line},\"book_at\":{}", json(&book.at()))
                }
                Kind::Book { .. } | Kind::Market(_) | Kind::Trade(_) | Kind::Spot { .. } => {
                    format!("\"event\":{line}")
                }
                Kind::Game(_) | Kind::Tick { .. } | Kind::Resolved { .. } => {
                    format!("\"event\":{line}")
                }
                Kind::Feed { .. } | Kind::Gap { .. } => format!("\"event\":{line}"),
            }
        }
        Input::Order(event) => format!("\"order\":{}", json(event)),
        Input::Timer(at) => format!("\"timer\":{}", json(at)),
        Input::Gate { at, gate } => {
            format!("\"gate\":{}", json(&GateLine { at: *at, gate: *gate }))
        }
        Input::Release { at } => format!("\"release\":{}", json(at)),
    }
}

/// Returns the book of an event that shows one.
fn book(event: &mut MarketEvent) -> Option<&mut Arc<OrderBook>> {
    match &mut event.kind {
        Kind::Book { book, .. } => Some(book),
        Kind::Market(_) | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => None,
        Kind::Tick { .. } | Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => None,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("an input is plain maps and strings")
}
