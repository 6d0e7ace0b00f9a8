//! Prometheus text, made from the one snapshot that every reader shares.
//!
//! Nothing is counted here: a series exists when the snapshot has its number, so a strategy that is removed
//! takes its series with it. No market, token, order or hash is ever a label; those are in log and store.

mod account;
mod process;
mod strategy;
mod text;

pub use process::ProcessInfo;

use ploy::halt::{Cause, GatesStatus};
use ploy::status::{FeedPhase, FeedStatus, RecordPhase, RecordStatus, StoreStatus, SystemStatus};
use text::{Family, Text, count, counter, gauge, units};

/// The content type that Prometheus expects with the text.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

const BUILD: Family<1> =
    gauge("ploy_build_info", ["version"], "Always 1; the label says what runs.");
const READY: Family<0> = gauge("ploy_ready", [], "Whether /readyz says yes.");
const SAFE_MODE: Family<0> = gauge(
    "ploy_safe_mode",
    [],
    "Whether no strategy starts until a person says so, because the program was started too often.",
);
const SNAPSHOT: Family<0> = gauge(
    "ploy_status_snapshot",
    [],
    "The number of the status snapshot shown here; the API's answers carry the same.",
);
const TAKEN: Family<0> = gauge(
    "ploy_status_timestamp_seconds",
    [],
    "When this snapshot was taken, by the machine's clock.",
);
const CLOCK: Family<0> = gauge(
    "ploy_clock_timestamp_seconds",
    [],
    "The time that decisions run on: of the events on a tape, else the machine's.",
);
const HALTED: Family<1> = gauge(
    "ploy_halted",
    ["cause"],
    "Whether all strategies are halted by this cause: 1 or 0, each cause always there.",
);
const PAUSED: Family<0> =
    gauge("ploy_paused", [], "Pauses in force: of single strategies, and the one of all.");
const FEED_CONNECTED: Family<1> =
    gauge("ploy_feed_connected", ["feed"], "Whether events can come from this feed.");
const FEED_STATE: Family<2> = gauge(
    "ploy_feed_state",
    ["feed", "state"],
    "Where the feed stands: 1 for the present state, 0 for the others.",
);
const FEED_LAST: Family<1> = gauge(
    "ploy_feed_last_message_timestamp_seconds",
    ["feed"],
    "The instant of the newest event, on the time that decisions run on.",
);
const FEED_MESSAGES: Family<1> =
    counter("ploy_feed_messages_total", ["feed"], "Events sent on to the strategies.");
const STORE_UP: Family<0> =
    gauge("ploy_store_up", [], "Whether the newest write to the store succeeded.");
const STORE_QUEUE: Family<0> = gauge("ploy_store_queue_depth", [], "Rows waiting to be written.");
const STORE_LAG: Family<0> =
    gauge("ploy_store_lag_seconds", [], "How long the oldest row that is not written waits.");
const STORE_REFUSED: Family<0> =
    counter("ploy_store_refused_total", [], "Rows that were refused because the queue was full.");
const STORE_FREE: Family<0> =
    gauge("ploy_store_free_bytes", [], "Bytes that are free where the file of the store is.");
const STORE_ROWS: Family<0> = counter("ploy_store_rows_total", [], "Rows written durably.");
const STORE_ERRORS: Family<0> =
    counter("ploy_store_errors_total", [], "Writes to the store that failed.");
const STORE_PRUNED: Family<0> = counter(
    "ploy_store_pruned_rows_total",
    [],
    "Rows of earlier runs deleted because of their age.",
);
const AUDIT_ROWS: Family<0> = gauge("ploy_audit_rows", [], "Rows of the audit chain.");
const AUDIT_CHECKED: Family<0> = gauge(
    "ploy_audit_checked_rows",
    [],
    "Up to which row of the audit chain this process has checked it.",
);
const AUDIT_BROKEN: Family<0> = gauge(
    "ploy_audit_broken",
    [],
    "Whether a row of the audit chain was found changed, removed, put in or cut off.",
);

const RECORD_UP: Family<0> = gauge(
    "ploy_record_up",
    [],
    "Whether what strategies take in is being recorded; 0 also where the settings say that it is not.",
);
const RECORD_FAILING: Family<0> =
    gauge("ploy_record_failing", [], "Whether the record cannot be written and is tried again.");
const RECORD_QUEUE: Family<0> =
    gauge("ploy_record_queue_depth", [], "Messages waiting to be written to the record.");
const RECORD_INPUTS: Family<0> =
    counter("ploy_record_inputs_total", [], "Inputs of strategies that were recorded.");
const RECORD_BYTES: Family<0> =
    counter("ploy_record_bytes_total", [], "What the record of this run has taken on the disk.");
const RECORD_LOST: Family<0> = counter(
    "ploy_record_lost_total",
    [],
    "Messages to the record that were not written: its queue was full, or no file could be written.",
);
const RECORD_DELETED: Family<0> = counter(
    "ploy_record_deleted_files_total",
    [],
    "Old files of records that were deleted to stay within their limit.",
);
const RECORD_ERRORS: Family<0> =
    counter("ploy_record_errors_total", [], "Writes to the record that failed.");

const LEDGER_IMBALANCE: Family<0> = gauge(
    "ploy_ledger_imbalance",
    [],
    "Whether the account's books do not add up, or a strategy's portfolio says otherwise: 1 calls a person.",
);
const ORDERS_UNKNOWN: Family<0> = gauge(
    "ploy_orders_unknown",
    [],
    "Orders of which nobody knows how they stand; the venue is asked about each.",
);
const ORDERS_UNKNOWN_AGE: Family<0> = gauge(
    "ploy_orders_unknown_age_seconds",
    [],
    "For how long the oldest of them is unknown, by the machine's clock; 0 where there is none.",
);
const CONFIG_FAULTS: Family<0> = gauge(
    "ploy_config_faults",
    [],
    "Faults of the strategies' files and their folder; what was read before stays in force.",
);
const CONFIG_LOOKED: Family<0> = gauge(
    "ploy_config_last_look_timestamp_seconds",
    [],
    "When the folder of strategies' settings was read last, on the machine's clock.",
);
const CONFIG_PENDING: Family<0> = gauge(
    "ploy_config_pending",
    [],
    "Strategies whose newer settings are not in force yet, or whose file is gone.",
);

/// Returns the snapshot and the process as Prometheus text, sorted, each series once.
#[must_use]
pub fn render(status: &SystemStatus, process: &ProcessInfo) -> String {
    let mut text = Text::default();
    text.set(&BUILD, [&status.version], 1.0);
    text.set(&READY, [], count(u64::from(status.is_ready())));
    text.set(&SAFE_MODE, [], count(u64::from(status.safe_mode.is_some())));
    text.set(&SNAPSHOT, [], count(status.snapshot));
    text.set(&TAKEN, [], units(status.taken_at.micros()));
    text.set(&CLOCK, [], units(status.now.micros()));
    gates(&mut text, &status.gates);
    feed(&mut text, &status.feed);
    store(&mut text, &status.store);
    record(&mut text, &status.record);
    text.set(&LEDGER_IMBALANCE, [], count(u64::from(status.ledger.broken.is_some())));
    account::render(&mut text, &status.account);
    unknown(&mut text, status);
    config(&mut text, status);
    for strategy in &status.strategies {
        strategy::render(&mut text, strategy, status.mode);
    }
    process.render(&mut text);
    text.encode()
}

fn gates(text: &mut Text, gates: &GatesStatus) {
    for cause in Cause::ALL {
        let is_there = gates.halts.iter().any(|halt| halt.cause == cause);
        text.set(&HALTED, [cause.name()], count(u64::from(is_there)));
    }
    text.set(&PAUSED, [], count_of(gates.pauses.len()));
}

fn feed(text: &mut Text, feed: &FeedStatus) {
    let name = feed.name.as_str();
    let connected = match feed.state {
        FeedPhase::Playing => 1,
        FeedPhase::Waiting | FeedPhase::Ended | FeedPhase::Failed => 0,
    };
    text.set(&FEED_CONNECTED, [name], count(connected));
    let states = [FeedPhase::Waiting, FeedPhase::Playing, FeedPhase::Ended, FeedPhase::Failed];
    text.set_state(&FEED_STATE, name, &states.map(feed_state), feed_state(feed.state));
    if let Some(at) = feed.last_event_at {
        text.set(&FEED_LAST, [name], units(at.micros()));
    }
    text.set(&FEED_MESSAGES, [name], count(feed.events));
}

const fn feed_state(state: FeedPhase) -> &'static str {
    match state {
        FeedPhase::Waiting => "waiting",
        FeedPhase::Playing => "playing",
        FeedPhase::Ended => "ended",
        FeedPhase::Failed => "failed",
    }
}

fn store(text: &mut Text, store: &StoreStatus) {
    text.set(&STORE_UP, [], count(u64::from(store.up)));
    text.set(&STORE_QUEUE, [], count(store.queued));
    let lag_us = i64::try_from(store.lag_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
    text.set(&STORE_LAG, [], units(lag_us));
    text.set(&STORE_ROWS, [], count(store.rows));
    text.set(&STORE_REFUSED, [], count(store.refused));
    text.set(&STORE_ERRORS, [], count(store.errors));
    if let Some(free) = store.free_bytes {
        text.set(&STORE_FREE, [], count(free));
    }
    text.set(&STORE_PRUNED, [], count(store.audit.pruned));
    text.set(&AUDIT_ROWS, [], count(store.audit.rows));
    text.set(&AUDIT_CHECKED, [], count(store.audit.checked));
    text.set(&AUDIT_BROKEN, [], count(u64::from(store.audit.broken.is_some())));
}

fn record(text: &mut Text, record: &RecordStatus) {
    let (up, failing) = match record.state {
        RecordPhase::Off => (0, 0),
        RecordPhase::Recording => (1, 0),
        RecordPhase::Failing => (0, 1),
    };
    text.set(&RECORD_UP, [], count(up));
    text.set(&RECORD_FAILING, [], count(failing));
    text.set(&RECORD_QUEUE, [], count(record.queued));
    text.set(&RECORD_INPUTS, [], count(record.inputs));
    text.set(&RECORD_BYTES, [], count(record.bytes));
    text.set(&RECORD_LOST, [], count(record.lost));
    text.set(&RECORD_DELETED, [], count(record.deleted));
    text.set(&RECORD_ERRORS, [], count(record.errors));
}

fn unknown(text: &mut Text, status: &SystemStatus) {
    let oldest = status.unknown_orders.oldest_since.unwrap_or(status.taken_at);
    text.set(&ORDERS_UNKNOWN, [], count(status.unknown_orders.count));
    let age = status.taken_at.since(oldest).as_micros();
    text.set(&ORDERS_UNKNOWN_AGE, [], units(i64::try_from(age).unwrap_or(i64::MAX)));
}

fn config(text: &mut Text, status: &SystemStatus) {
    let unreadable = usize::from(status.config.error.is_some());
    text.set(&CONFIG_FAULTS, [], count_of(status.config.faults.len() + unreadable));
    if let Some(at) = status.config.looked_at {
        text.set(&CONFIG_LOOKED, [], units(at.micros()));
    }
    let pending = status.strategies.iter().filter(|one| one.config_pending.is_some()).count();
    text.set(&CONFIG_PENDING, [], count_of(pending));
}

fn count_of(number: usize) -> f64 {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}
