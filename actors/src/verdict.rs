//! What is wrong with the whole system, in one sentence; or that nothing is.

use std::collections::BTreeMap;

use ploy::halt::Cause;
use ploy::lifecycle::{Gate, Phase};
use ploy::status::{FeedPhase, RecordPhase, StrategyStatus, SystemStatus};

use crate::words;

/// How many findings the sentence tells in full.
const TOLD_MAX: usize = 3;

/// How bad it is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// All is as it should be.
    Fine,
    /// Something is held back on purpose.
    Notice,
    /// Something needs a person, or is trying to mend itself.
    Wrong,
}

/// The judgement of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How bad it is.
    pub(crate) level: Level,
    /// The sentence.
    pub(crate) sentence: String,
}

impl Verdict {
    /// Judges a snapshot.
    pub(crate) fn of(status: &SystemStatus) -> Self {
        let mut findings = held_back(status);
        findings.extend(service(status));
        let strategies = status.strategies.iter();
        findings.extend(strategies.filter(|one| !is_told(status, one)).filter_map(strategy));
        // A stable sort: the worst first, otherwise in the order of the snapshot.
        findings.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = findings.first().map_or(Level::Fine, |(level, _)| *level);
        let rest = findings.len().saturating_sub(TOLD_MAX);
        let told: Vec<String> = findings.into_iter().take(TOLD_MAX).map(|(_, text)| text).collect();
        let sentence = match (level, rest) {
            (Level::Fine, _) => format!("Nothing is wrong: {}.", phases(status)),
            (Level::Notice | Level::Wrong, 0) => {
                format!("{}: {}.", phases(status), told.join("; "))
            }
            (Level::Notice | Level::Wrong, rest) => {
                format!("{}: {}; and {rest} more.", phases(status), told.join("; "))
            }
        };
        Self { level, sentence }
    }
}

/// Judges one strategy; none where nothing is to be said.
pub(crate) fn strategy(strategy: &StrategyStatus) -> Option<(Level, String)> {
    let id = &strategy.id;
    let wrong = |text: String| Some((Level::Wrong, text));
    match &strategy.phase {
        Phase::Halted { cause, .. } => {
            let cause = words::plain(cause);
            return wrong(format!(
                "{id} is halted - {cause} - let it go on with `ploy resume {id}`"
            ));
        }
        Phase::Quarantine { .. } => {
            return wrong(format!("{id} failed and its orders are being settled"));
        }
        Phase::Backoff { attempt, until } => {
            let at = words::clock(*until);
            return wrong(format!("{id} failed and waits for try {attempt} at {at}"));
        }
        Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Stopping { .. } => {
            return None;
        }
        Phase::Running => {}
    }
    if let Some(tripped) = &strategy.kernel.tripped {
        let why = words::plain(tripped);
        return wrong(format!(
            "the breaker of {id} is tripped - {why} - release it with `ploy resume {id}`"
        ));
    }
    match strategy.gate {
        Gate::Open => {
            let why = words::plain(strategy.config_pending.as_deref()?);
            Some((Level::Notice, format!("new settings of {id} wait: {why}")))
        }
        Gate::ReduceOnly => Some((Level::Notice, format!("{id} only closes positions"))),
        Gate::Closed => wrong(format!("no order of {id} may pass")),
    }
}

/// Returns who holds orders back, halts first: it is the first thing that is told.
fn held_back(status: &SystemStatus) -> Vec<(Level, String)> {
    let halts = status.gates.halts.iter().map(|halt| {
        let (cause, reason) = (halt.cause.name(), words::plain(&halt.why.reason));
        let instead = match (halt.over, halt.cause) {
            (true, _) => "let all go on with `ploy resume --all`",
            (false, Cause::SignalFile) => "remove the file, then `ploy resume --all`",
            (false, _) => "it is still there",
        };
        (Level::Wrong, format!("all are HALTED by {cause} - {reason} - {instead}"))
    });
    let pauses = status.gates.pauses.iter().map(|pause| {
        let reason = words::plain(&pause.why.reason);
        let (who, instead) = match &pause.strategy {
            Some(id) => (format!("{id} is"), format!("ploy resume {id}")),
            None => ("all are".to_owned(), "ploy resume --all".to_owned()),
        };
        (Level::Notice, format!("{who} paused - {reason} - let it go on with `{instead}`"))
    });
    let account = status.account.tripped.iter().map(|trip| {
        let (rule, used, limit) =
            (words::plain(&trip.rule), words::plain(&trip.used), words::plain(&trip.limit));
        let told = format!("no entry passes: {rule} of the whole account was {used} of {limit}");
        (Level::Wrong, told)
    });
    halts.chain(account).chain(pauses).collect()
}

/// Tells whether all that is to be said of a strategy is that a halt or a pause holds it back, which is said already.
fn is_told(status: &SystemStatus, strategy: &StrategyStatus) -> bool {
    let paused = status.gates.pauses.iter().find(|one| one.strategy.as_ref() == Some(&strategy.id));
    let held = paused.map_or(status.gates.gate, |pause| pause.gate.max(status.gates.gate));
    strategy.phase == Phase::Running
        && strategy.kernel.tripped.is_none()
        && strategy.gate != Gate::Open
        && strategy.gate == held
}

fn service(status: &SystemStatus) -> Vec<(Level, String)> {
    let mut findings = Vec::new();
    let mut wrong = |text: String| findings.push((Level::Wrong, text));
    for reason in &status.not_ready {
        wrong(format!("not ready: {}", words::plain(reason)));
    }
    if status.feed.state == FeedPhase::Failed {
        let error = status.feed.error.as_deref().unwrap_or("it does not say how");
        wrong(format!("the feed failed: {}", words::plain(error)));
    }
    if !status.store.up {
        let error = status.store.last_error.as_deref();
        let error = words::plain(error.unwrap_or("it does not say how"));
        wrong(format!("the store is down: {error}"));
    }
    if let Some(oldest) = status.unknown_orders.orders.first() {
        let orders = words::plural(status.unknown_orders.count, "order");
        let (id, why) = (&oldest.order, words::plain(&oldest.why));
        wrong(format!("{orders} of unknown fate, {id} the oldest: {why}"));
    }
    if let Some(why) = &status.store.audit.broken {
        wrong(format!("the audit chain was touched: {}", words::plain(why)));
    }
    if status.record.state == RecordPhase::Failing {
        let error = status.record.last_error.as_deref();
        let error = words::plain(error.unwrap_or("it does not say how"));
        wrong(format!("what strategies take in is not recorded: {error}"));
    }
    let config = &status.config;
    if let Some(error) = &config.error {
        wrong(format!("the settings cannot be read: {}", words::plain(error)));
    }
    if let Some(first) = config.faults.first() {
        let (count, first) = (config.faults.len(), words::plain(first));
        let faults = words::plural(u64::try_from(count).unwrap_or(u64::MAX), "fault");
        wrong(format!("{faults} in the settings, the older ones stay in force: {first}"));
    }
    findings
}

/// Returns how many strategies are in which phase, those that run first.
fn phases(status: &SystemStatus) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for strategy in &status.strategies {
        *counts.entry(strategy.phase.name()).or_default() += 1;
    }
    let order = ["running", "warming", "starting", "stopping", "stopped"];
    let bad = ["backoff", "quarantine", "halted"];
    let named = order.iter().chain(&bad).filter_map(|phase| {
        let number = counts.get(phase)?;
        Some(format!("{number} {phase}"))
    });
    let text: Vec<String> = named.collect();
    if text.is_empty() {
        return "0 strategies".to_owned();
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ploy::halt::{Gates, Input, Scope, Why};

    #[test]
    fn settings_that_cannot_be_used_are_wrong_and_those_that_wait_are_told() {
        check(
            |status| status.config.faults = vec!["a.toml:3:1: x".to_owned(), "b".to_owned()],
            Level::Wrong,
            "2 running: 2 faults in the settings, the older ones stay in force: a.toml:3:1: x.",
        );
        check(
            |status| status.config.error = Some("config is gone".to_owned()),
            Level::Wrong,
            "2 running: the settings cannot be read: config is gone.",
        );
        check(
            |status| status.strategies[0].config_pending = Some("shares are held".to_owned()),
            Level::Notice,
            "2 running: new settings of split-arb wait: shares are held.",
        );
    }

    fn check(change: impl FnOnce(&mut SystemStatus), level: Level, sentence: &str) {
        let mut status = sample::healthy();
        change(&mut status);
        let verdict = Verdict::of(&status);
        assert_eq!((verdict.level, verdict.sentence.as_str()), (level, sentence));
    }

    #[test]
    fn the_sentence_says_that_nothing_is_wrong_or_what_is_and_what_helps() {
        check(|_| (), Level::Fine, "Nothing is wrong: 2 running.");
        check(|s| s.strategies.clear(), Level::Fine, "Nothing is wrong: 0 strategies.");
        check(
            |s| s.strategies[0].phase = Phase::Stopped,
            Level::Fine,
            "Nothing is wrong: 1 running, 1 stopped.",
        );
        check(
            |s| s.strategies[1].phase = halted("lost 52.10 of 50 USDC"),
            Level::Wrong,
            "1 running, 1 halted: split-both is halted - lost 52.10 of 50 USDC - let it go on with \
             `ploy resume split-both`.",
        );
        check(
            |s| s.strategies[0].gate = Gate::ReduceOnly,
            Level::Notice,
            "2 running: split-arb only closes positions.",
        );
        check(
            |s| s.strategies[0].gate = Gate::Closed,
            Level::Wrong,
            "2 running: no order of split-arb may pass.",
        );
        check(
            |s| s.strategies[0].kernel.tripped = Some("drawdown 6 of 5".to_owned()),
            Level::Wrong,
            "2 running: the breaker of split-arb is tripped - drawdown 6 of 5 - release it with \
             `ploy resume split-arb`.",
        );
    }

    #[test]
    fn a_halt_is_told_first_and_not_again_for_every_strategy() {
        let why = |reason: &str| Why {
            reason: reason.to_owned(),
            actor: "ann".to_owned(),
            since: ploy::time::Timestamp::UNIX_EPOCH,
        };
        let raise = |cause, reason| Input::Raise { cause, why: why(reason) };
        check(
            |s| {
                let mut gates = Gates::default();
                gates.next(raise(Cause::Operator, "odd fills")).unwrap();
                gates.next(raise(Cause::SignalFile, "data/HALT is there")).unwrap();
                s.gates = gates.status();
                s.strategies.iter_mut().for_each(|one| one.gate = Gate::ReduceOnly);
                s.feed.state = FeedPhase::Failed;
                s.feed.error = Some("cut off".to_owned());
            },
            Level::Wrong,
            "2 running: all are HALTED by operator - odd fills - let all go on with \
             `ploy resume --all`; all are HALTED by signal_file - data/HALT is there - remove the \
             file, then `ploy resume --all`; the feed failed: cut off.",
        );
        check(
            |s| {
                let mut gates = Gates::default();
                let scope = Scope::One("split-arb".parse().unwrap());
                gates.next(Input::Pause { scope, gate: Gate::Closed, why: why("a look") }).unwrap();
                s.gates = gates.status();
                s.strategies[0].gate = Gate::Closed;
            },
            Level::Notice,
            "2 running: split-arb is paused - a look - let it go on with `ploy resume split-arb`.",
        );
    }

    #[test]
    fn the_worst_is_told_first_and_the_fourth_is_counted() {
        check(
            |s| {
                s.strategies[0].gate = Gate::ReduceOnly;
                s.strategies[1].phase = halted("c");
                s.not_ready = vec!["the store is down".to_owned()];
                s.feed.state = FeedPhase::Failed;
                s.feed.error = Some("cut off after line 7".to_owned());
            },
            Level::Wrong,
            "1 running, 1 halted: not ready: the store is down; the feed failed: cut off after line \
             7; split-both is halted - c - let it go on with `ploy resume split-both`; and 1 more.",
        );
    }

    #[test]
    fn a_cause_cannot_command_a_terminal() {
        let mut status = sample::healthy();
        status.strategies[0].phase = halted("\u{1b}[2J");
        assert!(!Verdict::of(&status).sentence.contains('\u{1b}'));
    }

    #[test]
    fn a_record_that_cannot_be_written_is_wrong_and_one_that_is_off_is_not() {
        check(
            |s| {
                s.record.state = RecordPhase::Failing;
                s.record.last_error = Some("write a line: no space left on device".to_owned());
            },
            Level::Wrong,
            "2 running: what strategies take in is not recorded: write a line: no space left on \
             device.",
        );
        check(|s| s.record.state = RecordPhase::Off, Level::Fine, "Nothing is wrong: 2 running.");
    }

    fn halted(cause: &str) -> Phase {
        Phase::Halted { class: ploy::restart::FailureClass::Panic, cause: cause.to_owned() }
    }
}
