//! The section `[restart]`: what a failure of the strategy leads to.

use crate::restart::{FailureOrders, RestartMode, RestartPolicy};

use super::reader::Reader;
use super::setting::{Range, Setting};
use super::values::Values;

const RESTART_MODE: Setting = Setting::other("mode", Range::Word(&["on_failure", "never"]))
    .live(
        "Which ends are followed by another try: `on_failure` a failure, as far as the budget reaches; \
         `never` none, the first failure halts. What ends by itself without a failure is never started \
         again by itself.",
    )
    .or("on_failure");
const BACKOFF_INITIAL: Setting =
    Setting::whole("backoff_initial_ms", "milliseconds", (10, 3_600_000))
        .live("The wait before the first retry. At most backoff_max_s.")
        .or("1000");
const BACKOFF_FACTOR: Setting = Setting::whole("backoff_factor", "times", (1, 10))
    .live("How many times longer each further wait is.")
    .or("2");
const BACKOFF_MAX: Setting =
    Setting::whole("backoff_max_s", "seconds", (1, 3600)).live("The longest wait.").or("60");
const JITTER: Setting = Setting::whole("jitter_percent", "percent", (0, 100))
    .live(
        "By how much a wait may be shorter or longer, so that strategies do not return all \
         at once.",
    )
    .or("20");
const FAILURES_MAX: Setting = Setting::whole("failures_max", "failures", (0, 1000))
    .live("How many failures within the window are retried; one more halts the strategy.")
    .or("5");
const WINDOW: Setting = Setting::whole("window_s", "seconds", (1, 86_400))
    .live("The sliding window in which failures count.")
    .or("600");
const RESET_AFTER: Setting = Setting::whole("reset_after_s", "seconds", (1, 86_400))
    .live("How long it must have been running for its failures to be forgotten.")
    .or("600");
const SAME_SIGNATURE_MAX: Setting = Setting::whole("same_signature_max", "times", (1, 1000))
    .live("The same panic so many times in a row halts: the next try would meet it again.")
    .or("3");
const START_TIMEOUT: Setting = Setting::whole("start_timeout_s", "seconds", (1, 600))
    .live("How long a start may take.")
    .or("10");
const STOP_GRACE: Setting = Setting::whole("stop_grace_s", "seconds", (1, 60))
    .live("How long an asked-for stop may take before it is ended by force.")
    .or("5");

const HANG_WARN: Setting = Setting::whole("hang_warn_ms", "milliseconds", (100, 600_000))
    .live("How long one input may take before it is warned of. Shorter than hang_after_s.")
    .or("3000");
const HANG_AFTER: Setting = Setting::whole("hang_after_s", "seconds", (1, 600))
    .live("How long one input may take before it counts as a hang and is ended by force.")
    .or("10");
const HANGS_MAX: Setting = Setting::whole("hangs_max", "hangs", (0, 1000))
    .live("How many hangs within the window are retried; one more halts the strategy.")
    .or("1");
const FAILURE_ORDERS: Setting = Setting::other(
    "on_failure_orders",
    Range::Word(&["cancel", "keep"]),
)
.live(
    "What becomes of open orders after a failure: `cancel`. `keep` is refused: the next try would \
             trade against orders that it does not know.",
)
.or("cancel");

pub(super) static RESTART: [Setting; 15] = [
    RESTART_MODE,
    BACKOFF_INITIAL,
    BACKOFF_FACTOR,
    BACKOFF_MAX,
    JITTER,
    FAILURES_MAX,
    WINDOW,
    RESET_AFTER,
    SAME_SIGNATURE_MAX,
    START_TIMEOUT,
    STOP_GRACE,
    HANG_WARN,
    HANG_AFTER,
    HANGS_MAX,
    FAILURE_ORDERS,
];

/// Reads the section.
pub(super) fn policy(values: &Values, reader: &mut Reader<'_>) -> Option<RestartPolicy> {
    let (initial, max) = (values.millis(&BACKOFF_INITIAL), values.seconds(&BACKOFF_MAX));
    if let (Some(initial), Some(max)) = (initial, max)
        && max < initial
    {
        let problem = format!(
            "a first wait of {} ms is longer than the longest; expected at most backoff_max_s, {} s",
            initial.as_millis(),
            max.as_secs()
        );
        reader.clash(values, [&BACKOFF_INITIAL, &BACKOFF_MAX], problem);
    }
    let (warn, hang) = (values.millis(&HANG_WARN), values.seconds(&HANG_AFTER));
    if let (Some(warn), Some(hang)) = (warn, hang)
        && hang <= warn
    {
        let problem = format!(
            "a warning after {} ms comes too late for a hang after {} s; expected less than hang_after_s",
            warn.as_millis(),
            hang.as_secs()
        );
        reader.clash(values, [&HANG_WARN, &HANG_AFTER], problem);
    }
    Some(RestartPolicy {
        mode: values.word(&RESTART_MODE, &RestartMode::ALL, RestartMode::name)?,
        backoff_initial: initial?,
        backoff_factor: values.whole(&BACKOFF_FACTOR)?,
        backoff_max: max?,
        jitter_percent: values.whole(&JITTER)?,
        failures_max: values.whole(&FAILURES_MAX)?,
        window: values.seconds(&WINDOW)?,
        reset_after: values.seconds(&RESET_AFTER)?,
        same_signature_max: values.whole(&SAME_SIGNATURE_MAX)?,
        start_timeout: values.seconds(&START_TIMEOUT)?,
        stop_grace: values.seconds(&STOP_GRACE)?,
        hang_warn: warn?,
        hang_after: hang?,
        hangs_max: values.whole(&HANGS_MAX)?,
        on_failure_orders: failure_orders(values, reader)?,
    })
}

/// Reads what becomes of the orders of a failed strategy; what cannot be kept is refused with the reason.
fn failure_orders(values: &Values, reader: &mut Reader<'_>) -> Option<FailureOrders> {
    if values.text(&FAILURE_ORDERS)? == "cancel" {
        return Some(FailureOrders::Cancel);
    }
    let problem = "\"keep\" cannot be honoured: a failed strategy forgets its orders, and the next try would \
                   trade against them; expected \"cancel\"";
    reader.clash(values, [&FAILURE_ORDERS, &FAILURE_ORDERS], problem.to_owned());
    None
}
