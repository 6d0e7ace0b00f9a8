//! A seat: one strategy while a record is played, and how what it does compares with what is recorded.

use ploy::config::{self, StrategyConfig};
use ploy::kernel::{Broken, Effect, Input, Kernel, Memory};
use ploy::record::{End, Fact, Mark, Saved, Start};
use ploy::restart::{Failure, FailureClass};

use super::build::Build;
use super::fault::RecordError;
use super::report::{Difference, StrategyReport};
use super::track::mark;
use crate::panics;

/// One strategy while a record is played.
#[derive(Debug, Default)]
pub(super) struct Seat {
    state: State,
    report: StrategyReport,
    /// The version of the settings that it goes by.
    version: String,
    effects: Vec<Effect>,
    /// The number of the line up to which all is equal.
    checked: u64,
    /// Inputs that it had taken in when its state was lost, and inputs that were skipped since.
    lost_at: Option<u64>,
    skipped: u64,
}

/// What is known of a strategy at a place of the record.
#[derive(Debug, Default)]
enum State {
    /// Nothing: it waits for a start or a checkpoint.
    #[default]
    Unknown,
    /// It lives.
    Alive(Box<Kernel>),
    /// It failed while it was played; the record must say the same next.
    Dead { memory: Box<Memory>, failure: Failure },
    /// Its incarnation has ended, as the record says.
    Ended,
}

impl Seat {
    /// Builds the next incarnation.
    pub(super) fn start(
        &mut self,
        n: u64,
        start: Start,
        build: &Build<'_>,
    ) -> Result<(), RecordError> {
        let Start { strategy, version, settings, memory, .. } = start;
        let config = self.settings(n, &settings, (&strategy, &version))?;
        self.found(memory.inputs());
        self.version = version;
        self.report.incarnations += 1;
        self.report.expected = None;
        self.checked = n;
        self.state = match panics::catch(|| build(&config, None)) {
            Ok(Ok(built)) => {
                let limits = config.limits.clone();
                State::Alive(Box::new(Kernel::new(strategy, built, limits, memory)))
            }
            Ok(Err(source)) => return Err(RecordError::Misfit { n, strategy, source }),
            Err(message) => {
                let failure = Failure { class: FailureClass::Panic, message };
                State::Dead { memory: Box::new(memory), failure }
            }
        };
        Ok(())
    }

    /// Tells the incarnation something of the past.
    pub(super) fn recall(&mut self, fact: &Fact) {
        let State::Alive(kernel) = &mut self.state else { return };
        let told = panics::catch(|| match fact {
            Fact::Fill(fill) => kernel.recall_fill(fill),
            Fact::Settled { m, pays } => {
                kernel.recall_settlement(*m, *pays);
                Ok(())
            }
        });
        self.note(told);
    }

    /// Plays an input, unless how the strategy is before it is not known. Returns the kernel after it, with what
    /// came of it; nothing when it did not survive.
    pub(super) fn input(
        &mut self,
        n: u64,
        recorded: Mark,
        input: &Input,
    ) -> Option<(&Kernel, &[Effect])> {
        let played = match &self.state {
            State::Alive(kernel) => mark(kernel),
            State::Dead { failure, .. } => {
                let what = format!("it died when it was played: {}", told(failure));
                self.differs(n, what);
                self.lose();
                self.skip();
                return None;
            }
            State::Unknown | State::Ended => {
                self.skip();
                return None;
            }
        };
        if played != recorded {
            self.differs(n, format!("the digest begins with {played}, and {recorded} is recorded"));
            self.lose();
            self.skip();
            return None;
        }
        self.checked = n;
        self.report.inputs += 1;
        self.report.expected = None;
        self.effects.clear();
        let State::Alive(kernel) = &mut self.state else { return None };
        let handled = panics::catch(|| kernel.handle(input, &mut self.effects));
        self.note(handled);
        match &self.state {
            State::Alive(kernel) => Some((kernel, &self.effects)),
            State::Dead { .. } | State::Unknown | State::Ended => None,
        }
    }

    /// Compares with a checkpoint, and goes on from it where the state is not known or the settings are others from
    /// there on.
    pub(super) fn checkpoint(
        &mut self,
        n: u64,
        saved: Saved,
        build: &Build<'_>,
    ) -> Result<(), RecordError> {
        let Saved { strategy, version, settings, kernel: checkpoint, .. } = saved;
        match &self.state {
            State::Alive(kernel) if kernel.checkpoint() == checkpoint => {
                self.report.checkpoints += 1;
                self.checked = n;
                if self.version == version {
                    return Ok(());
                }
            }
            State::Alive(_) => self.differs(n, "it is not what the checkpoint says".to_owned()),
            State::Dead { failure, .. } => {
                let what = format!("it died when it was played: {}", told(failure));
                self.differs(n, what);
            }
            State::Unknown | State::Ended => {}
        }
        let config = self.settings(n, &settings, (&strategy, &version))?;
        self.found(checkpoint.memory().inputs());
        let misfit = |source| RecordError::Misfit { n, strategy: strategy.clone(), source };
        let built = panics::catch(|| build(&config, Some(checkpoint.strategy())));
        let built = match built {
            Ok(built) => built.map_err(misfit)?,
            Err(message) => {
                self.differs(n, format!("it cannot be built from the checkpoint: {message}"));
                self.state = State::Unknown;
                return Ok(());
            }
        };
        let resumed = Kernel::resume(strategy.clone(), built, config.limits, checkpoint);
        let kernel = resumed.map_err(|source| RecordError::Unfit { n, strategy, source })?;
        self.version = version;
        self.state = State::Alive(Box::new(kernel));
        self.checked = n;
        Ok(())
    }

    /// Compares with the end of an incarnation.
    pub(super) fn end(&mut self, n: u64, end: &End) {
        let (memory, died) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Alive(kernel) => (kernel.memory(), None),
            State::Dead { memory, failure } => (*memory, Some(failure)),
            State::Unknown => {
                self.lost_at = self.lost_at.or(Some(end.inputs));
                return;
            }
            State::Ended => return,
        };
        self.report.decisions = memory.digest().count();
        self.report.digest = memory.digest().hex();
        self.report.expected = Some(end.digest.clone());
        let counts = [
            ("inputs", memory.inputs(), end.inputs),
            ("decisions", memory.digest().count(), end.decisions),
        ];
        let unequal = counts.into_iter().find(|(_, played, recorded)| played != recorded);
        if let Some((what, played, recorded)) = unequal {
            self.differs(n, format!("it ended with {played} {what}, and {recorded} are recorded"));
        } else if self.report.digest != end.digest {
            self.differs(n, "it ended with another digest than is recorded".to_owned());
        } else if !is_same_death(died.as_ref(), end.died.as_ref()) {
            let word = |failure: Option<&Failure>| failure.map_or("lived".to_owned(), told);
            let (played, recorded) = (word(died.as_ref()), word(end.died.as_ref()));
            self.differs(n, format!("it ended otherwise: {played}; recorded: {recorded}"));
        } else {
            self.report.ends += 1;
            self.checked = n;
        }
    }

    /// Forgets how the strategy is: something is missing in the record.
    pub(super) fn lose(&mut self) {
        let inputs = match std::mem::take(&mut self.state) {
            State::Alive(kernel) => {
                self.report.decisions = kernel.digest().count();
                self.report.digest = kernel.digest().hex();
                Some(kernel.memory().inputs())
            }
            State::Dead { memory, .. } => Some(memory.inputs()),
            State::Unknown | State::Ended => return,
        };
        (self.lost_at, self.skipped) = (inputs, 0);
    }

    /// Returns what came of it, and the kernel when it lives.
    pub(super) fn finish(self) -> (StrategyReport, Option<Kernel>) {
        let mut report = self.report;
        match self.state {
            State::Alive(kernel) => {
                report.decisions = kernel.digest().count();
                report.digest = kernel.digest().hex();
                (report, Some(*kernel))
            }
            State::Dead { memory, .. } => {
                report.decisions = memory.digest().count();
                report.digest = memory.digest().hex();
                (report, None)
            }
            State::Unknown | State::Ended => (report, None),
        }
    }

    /// Reads recorded settings.
    fn settings(
        &mut self,
        n: u64,
        text: &str,
        (strategy, version): (&ploy::order::StrategyId, &str),
    ) -> Result<StrategyConfig, RecordError> {
        let read = config::strategy("the record", strategy.clone(), text);
        let config =
            read.map_err(|faults| RecordError::Settings { n, strategy: strategy.clone(), faults })?;
        if config.version != version {
            let note = "to this program its settings mean something else than was recorded";
            self.report.note = Some(note.to_owned());
        }
        Ok(config)
    }

    /// Takes in what came of giving the kernel something.
    fn note(&mut self, outcome: Result<Result<(), Broken>, String>) {
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(broken)) => {
                Failure { class: FailureClass::Accounting, message: broken.to_string() }
            }
            Err(message) => Failure { class: FailureClass::Panic, message },
        };
        if let State::Alive(kernel) = &self.state {
            let memory = Box::new(kernel.memory());
            self.state = State::Dead { memory, failure };
        }
    }

    /// Counts what is missing between where the state was lost and where it is known again.
    fn found(&mut self, inputs: u64) {
        if let Some(before) = self.lost_at.take() {
            self.report.missing += inputs.saturating_sub(before).saturating_sub(self.skipped);
        }
        self.skipped = 0;
    }

    const fn skip(&mut self) {
        self.skipped += 1;
        self.report.skipped += 1;
    }

    /// Notes the first difference.
    fn differs(&mut self, at: u64, what: String) {
        let after = self.checked;
        self.report.difference.get_or_insert(Difference { after, at, what });
    }
}

/// Tells whether an incarnation died when it was played of what it died of when it was recorded. What came from
/// outside (it did not keep up, its start took too long) cannot come again.
fn is_same_death(played: Option<&Failure>, recorded: Option<&Failure>) -> bool {
    let from_inside = |failure: &&Failure| match failure.class {
        FailureClass::Panic | FailureClass::Accounting => true,
        FailureClass::Config | FailureClass::Dependency => false,
        FailureClass::StartTimeout | FailureClass::Error | FailureClass::Forbidden => false,
        FailureClass::Hang | FailureClass::Killed => false,
    };
    match (played, recorded.filter(from_inside)) {
        (None, None) => true,
        (Some(played), Some(recorded)) => {
            played.class == recorded.class && said(&played.message) == said(&recorded.message)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Returns what was said, without the place in the program: that is another one in every version.
fn said(message: &str) -> &str {
    let text = message.strip_prefix("panicked: ").unwrap_or(message);
    match text.rsplit_once(" at ") {
        Some((text, place)) if place.contains(".rs:") => text,
        Some(_) | None => text,
    }
}

fn told(failure: &Failure) -> String {
    format!("{}: {}", failure.class.name(), failure.message)
}
