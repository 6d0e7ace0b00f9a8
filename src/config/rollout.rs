//! The section `[rollout]`: how the version that states it comes into force, and what ends its trial.

use crate::rollout::{Mode, RolloutPolicy};

use super::setting::{Range, Setting};
use super::values::Values;

static MODES: [&str; 3] = ["direct", "watch", "shadow"];

const MODE: Setting = Setting::other("mode", Range::Word(&MODES))
    .live(
        "How this version comes into force: `direct` at once; `watch` at once, and a trial puts the \
         last good version back when this one fails; `shadow` beside the one in force, without \
         orders, until a person promotes it.",
    )
    .or("direct");
const TRIAL: Setting = Setting::whole("trial_s", "seconds", (0, 604_800))
    .live("How long a trial takes, on the time of the events; 0 is no trial.")
    .or("600");
const FAILURES_MAX: Setting = Setting::whole("failures_max", "failures", (0, 1000))
    .live("How many failures a trial survives; a halt it never does.")
    .or("0");
const REJECTS_MAX: Setting = Setting::whole("rejects_max", "orders", (0, 1_000_000))
    .live(
        "How many orders the guard and the venue may refuse within a trial; a refusal that only \
         repeats the last one of its market does not count.",
    )
    .or("100");
const REJECT_SHARE_MAX: Setting = Setting::decimal("reject_share_max_frac", "fraction", ("0", "1"))
    .live("What share of the orders wanted within a trial may be refused; equal passes.")
    .or("0.5");
const REJECT_SHARE_INTENTS: Setting =
    Setting::whole("reject_share_intents_min", "orders", (1, 1_000_000))
        .live("The share counts from so many orders wanted on.")
        .or("20");
const DRAWDOWN_MAX: Setting = Setting::decimal("drawdown_max_usdc", "USDC", ("0.01", "1000000"))
    .live("How far the equity may fall from its highest within a trial.")
    .or("50");

pub(super) static ROLLOUT: [Setting; 7] =
    [MODE, TRIAL, FAILURES_MAX, REJECTS_MAX, REJECT_SHARE_MAX, REJECT_SHARE_INTENTS, DRAWDOWN_MAX];

/// Reads how a version comes into force.
pub(super) fn policy(values: &Values) -> Option<RolloutPolicy> {
    Some(RolloutPolicy {
        mode: values.word(&MODE, &Mode::ALL, Mode::name)?,
        trial: values.seconds(&TRIAL)?,
        failures_max: values.whole(&FAILURES_MAX)?,
        refused_max: values.whole(&REJECTS_MAX)?,
        refused_share_max: values
            .micros(&REJECT_SHARE_MAX)
            .and_then(|micros| u64::try_from(micros).ok())?,
        share_intents_min: values.whole(&REJECT_SHARE_INTENTS)?,
        drawdown_max_usdc: values.usdc(&DRAWDOWN_MAX)?,
    })
}
