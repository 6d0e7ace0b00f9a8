//! What is said of halts and pauses: answers for people, names for the audit, and what a wish may say.

use ploy::halt::{Cause, Effect, Gates, Scope};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;

use crate::ports::gates::{Ask, Denied, Wish};

/// The word for a pause where causes of halts stand beside it.
pub(super) const PAUSE: &str = "pause";
/// The longest reason.
const REASON_CHARS_MAX: usize = 200;
/// The longest name of somebody who asks.
const ACTOR_CHARS_MAX: usize = 64;

/// Checks what somebody wrote: it stands in log, store and on terminals.
pub(super) fn check(ask: &Ask) -> Result<(), Denied> {
    let fits = |text: &str, max: usize| {
        (1..=max).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control)
    };
    if !fits(&ask.reason, REASON_CHARS_MAX) {
        let why = format!("`reason` must be 1 to {REASON_CHARS_MAX} printable characters");
        return Err(Denied::Unfit(why));
    }
    if !fits(&ask.actor, ACTOR_CHARS_MAX) {
        let why = format!("`actor` must be 1 to {ACTOR_CHARS_MAX} printable characters");
        return Err(Denied::Unfit(why));
    }
    Ok(())
}

/// Returns a text of a file or a part as a reason: printable and not too long.
pub(super) fn bounded(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(REASON_CHARS_MAX).collect()
}

/// Returns the audit's word for what was asked.
pub(super) const fn action(wish: &Wish) -> &'static str {
    match wish {
        Wish::Halt => "halt",
        Wish::Resume | Wish::Pause(_, Gate::Open) => "resume",
        Wish::Pause(_, Gate::ReduceOnly | Gate::Closed) => PAUSE,
    }
}

/// Returns about whom it was asked, for the audit.
pub(super) fn subject(wish: &Wish) -> String {
    match wish {
        Wish::Halt | Wish::Resume | Wish::Pause(Scope::All, _) => "all".to_owned(),
        Wish::Pause(Scope::One(id), _) => id.to_string(),
    }
}

/// Returns the strategy that a pause is about.
pub(super) fn one(scope: &Scope) -> Option<StrategyId> {
    match scope {
        Scope::All => None,
        Scope::One(id) => Some(id.clone()),
    }
}

/// Returns the strategy that an effect is about.
pub(super) fn strategy_of(effect: &Effect) -> Option<StrategyId> {
    match effect {
        Effect::Raised(_) | Effect::Lifted(_) => None,
        Effect::Paused(scope) | Effect::Opened(scope) => one(scope),
    }
}

/// Returns a change in one line.
pub(super) fn told(effect: &Effect, before: &Gates, after: &Gates) -> String {
    match effect {
        Effect::Raised(cause) => {
            let reason = after.halt(*cause).map(|why| why.reason.as_str()).unwrap_or_default();
            format!(
                "all strategies are halted by {}: {reason}; {}",
                cause.name(),
                passes(cause.gate())
            )
        }
        Effect::Lifted(cause) => {
            let reason = before.halt(*cause).map(|why| why.reason.as_str()).unwrap_or_default();
            format!("the halt by {} is over ({reason}){}", cause.name(), rest(after))
        }
        Effect::Paused(scope) => {
            let pause = after.pause_of(scope);
            let reason = pause.map(|(_, why)| why.reason.as_str()).unwrap_or_default();
            let gate = pause.map_or(Gate::Closed, |(gate, _)| gate);
            format!("{} paused: {reason}; {}", names(scope), passes(gate))
        }
        Effect::Opened(scope) => format!("the pause of {} is over{}", whose(scope), rest(after)),
    }
}

/// Returns how what a wish is about stands: `open`, or `reduce_only: halted by operator; paused`.
pub(super) fn stands(wish: &Wish, gates: &Gates) -> String {
    let scope = match wish {
        Wish::Pause(scope, _) => scope,
        Wish::Halt | Wish::Resume => &Scope::All,
    };
    let (gate, own) = match scope {
        Scope::All => (gates.all(), None),
        Scope::One(id) => (gates.of(id), gates.pause_of(scope).map(|_| "paused")),
    };
    let halts = gates.is_halted().then(|| format!("halted by {}", causes(gates)));
    let all = gates.pause_of(&Scope::All).map(|_| "all paused".to_owned());
    let why: Vec<String> = halts.into_iter().chain(all).chain(own.map(str::to_owned)).collect();
    match why.is_empty() {
        true => gate.name().to_owned(),
        false => format!("{}: {}", gate.name(), why.join("; ")),
    }
}

/// Returns what came of a wish to close.
pub(super) fn closed(wish: &Wish, before: &Gates, after: &Gates) -> String {
    match wish {
        Wish::Pause(scope, gate) => match before.pause_of(scope) {
            Some((was, why)) if was == *gate => {
                format!("{} already paused by {}: {}", names(scope), why.actor, why.reason)
            }
            Some(_) | None => format!(
                "{} paused; {}",
                names(scope),
                passes(after.pause_of(scope).map_or(*gate, |(gate, _)| gate))
            ),
        },
        Wish::Halt | Wish::Resume => match before.halt(Cause::Operator) {
            Some(why) => format!("halted already by {}: {}", why.actor, why.reason),
            None if before.is_halted() => {
                format!("halted; it was halted before by {}", causes(before))
            }
            None => format!("all strategies are halted; {}", passes(after.all())),
        },
    }
}

/// Returns what came of a wish to open.
pub(super) fn opened(wish: &Wish, before: &Gates, after: &Gates, effects: &[Effect]) -> String {
    match (wish, effects) {
        (Wish::Pause(scope, _), []) => format!("{} not paused: nothing was changed", names(scope)),
        (Wish::Pause(scope, _), _) => {
            format!("the pause of {} is over{}", whose(scope), rest(after))
        }
        (Wish::Halt | Wish::Resume, []) => {
            format!("nothing was halted: nothing was changed{}", rest(after))
        }
        (Wish::Halt | Wish::Resume, _) => {
            let all = before.pause_of(&Scope::All).map(|_| "the pause of all".to_owned());
            let halts = before.is_halted().then(|| format!("the halt by {}", causes(before)));
            let over: Vec<String> = halts.into_iter().chain(all).collect();
            format!("{} is over{}", over.join(" and "), rest(after))
        }
    }
}

/// Returns what holds back still, after something was opened.
fn rest(after: &Gates) -> String {
    let mut rest = Vec::new();
    if after.is_halted() {
        rest.push(format!("all stay halted by {}", causes(after)));
    }
    if after.pause_of(&Scope::All).is_some() {
        rest.push("all stay paused".to_owned());
    }
    let paused: Vec<&str> = after.paused().map(|(id, _)| id.as_str()).collect();
    if !paused.is_empty() {
        rest.push(format!("paused by themselves: {}", paused.join(", ")));
    }
    if rest.is_empty() { String::new() } else { format!("; {}", rest.join("; ")) }
}

fn causes(gates: &Gates) -> String {
    let there = Cause::ALL.into_iter().filter(|cause| gates.halt(*cause).is_some());
    there.map(Cause::name).collect::<Vec<_>>().join(", ")
}

fn names(scope: &Scope) -> String {
    match scope {
        Scope::All => "all strategies are".to_owned(),
        Scope::One(id) => format!("{id} is"),
    }
}

fn whose(scope: &Scope) -> String {
    match scope {
        Scope::All => "all strategies".to_owned(),
        Scope::One(id) => id.to_string(),
    }
}

const fn passes(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "all orders pass",
        Gate::ReduceOnly => "only exits and hedges pass",
        Gate::Closed => "no order passes",
    }
}
