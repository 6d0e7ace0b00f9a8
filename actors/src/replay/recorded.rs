//! The record of a service as lines of a decisions file: what its strategies took in, played again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use ploy::compare::decoder::VERSION;
use ploy::compare::line::{self, End, Line, Played, Set, Total};
use ploy::config::StrategyConfig;
use ploy::kernel::Input;
use ploy::order::StrategyId;
use ploy::record::instant;
use ploy::replay::Watch as _;
use ploy::strategy::Saved;
use ploy::tape::Books;
use ploy::time::Timestamp;

use super::Tell;
use super::shown::{set, total};
use super::teller::Teller;
use crate::record::build::known;
use crate::record::fault::RecordError;
use crate::record::replay::{self, Step};
use crate::record::report::Report;

/// What is to be told of a record.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The files of one run, in their order.
    pub files: Vec<PathBuf>,
    /// From when on is told; what was before is played all the same.
    pub from: Option<Timestamp>,
    /// Up to when is played, this instant included.
    pub to: Option<Timestamp>,
}

/// What is known of a record after it was read once.
#[derive(Debug)]
pub struct Prepared {
    /// The first line of a decisions file.
    pub header: line::Header,
    /// How many inputs of each strategy there are up to the end that is wanted.
    inputs: BTreeMap<StrategyId, u64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Recorded {
    /// How it compares with what is recorded.
    pub report: Report,
    /// The last line of a decisions file, but for the number of lines. Its sums are of all that a strategy did, also
    /// before the record begins.
    pub end: End,
}

/// Reads a record once: which strategies there are, and when it ends, stands in the middle of it.
///
/// # Errors
/// When the record cannot be read.
pub fn prepare(wanted: &Wanted) -> Result<Prepared, RecordError> {
    let sets: RefCell<BTreeMap<StrategyId, Set>> = RefCell::default();
    let build = |config: &StrategyConfig, saved: Option<&Saved>| {
        // The first settings of a strategy in these files; what a later version changes shows in its decisions.
        sets.borrow_mut().entry(config.id.clone()).or_insert_with(|| set(config));
        known(config, saved)
    };
    let (mut from, mut to) = (None, Timestamp::default());
    let mut inputs: BTreeMap<StrategyId, u64> = BTreeMap::new();
    let played = replay::play(&wanted.files, &build, &mut |step: &Step<'_>| {
        let at = instant(step.input);
        if wanted.ends_before(at) {
            return ControlFlow::Break(());
        }
        from = from.or(Some(at));
        to = to.max(at);
        match inputs.get_mut(step.strategy) {
            Some(count) => *count += 1,
            None => drop(inputs.insert(step.strategy.clone(), 1)),
        }
        ControlFlow::Continue(())
    })?;
    let title = format!("the record of run {}", played.report.run);
    let from = from.unwrap_or_default();
    let header = line::Header {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        tapes: vec![Played { title, books: Books::None, from, to }],
        latency_ms: 0,
        from: wanted.from,
        to: wanted.to,
        strategies: sets.into_inner().into_values().collect(),
    };
    Ok(Prepared { header, inputs })
}

/// Plays a record; `tell` is given each line of a decisions file between the first and the last. When it fails, no
/// more is played.
///
/// # Errors
/// When the record cannot be read.
pub fn play<E>(
    wanted: &Wanted,
    prepared: &Prepared,
    tell: &mut dyn FnMut(Line) -> Result<(), E>,
) -> Result<Result<Recorded, E>, RecordError> {
    let mut teller = Teller::new(Tell::Lines, wanted.from);
    let mut left = prepared.inputs.clone();
    let mut totals: BTreeMap<StrategyId, Total> = BTreeMap::new();
    let (mut failed, mut events) = (None, 0);
    let played = replay::play(&wanted.files, &known, &mut |step: &Step<'_>| {
        if wanted.ends_before(instant(step.input)) {
            return ControlFlow::Break(());
        }
        events += 1;
        if let Input::Order(event) = step.input {
            teller.order(step.kernel, event);
        }
        step.effects.iter().for_each(|effect| teller.effect(step.kernel, effect));
        if let Some(left) = left.get_mut(step.strategy) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                let sums = total(step.strategy, &step.kernel.status(), None);
                totals.insert(step.strategy.clone(), sums);
            }
        }
        for line in teller.lines.drain(..) {
            if let Err(error) = tell(line) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    if let Some(error) = failed {
        return Ok(Err(error));
    }
    let end = End { lines: 0, events, strategies: totals.into_values().collect() };
    Ok(Ok(Recorded { report: played.report, end }))
}

impl Wanted {
    fn ends_before(&self, at: Timestamp) -> bool {
        self.to.is_some_and(|to| to < at)
    }
}
