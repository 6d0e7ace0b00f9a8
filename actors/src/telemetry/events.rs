//! The closed list of event names in the log: what alert rules and people may rely on.

use tracing::Level;

/// One kind of event: its name never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The value of `event.name`.
    pub name: &'static str,
    /// The level at which it is logged.
    pub level: Level,
    /// What has happened.
    pub meaning: &'static str,
    /// What a person should do about it.
    pub action: &'static str,
}

/// Defines each name once, as a constant and as a row of [`EVENTS`].
macro_rules! events {
    ($($constant:ident = $name:literal, $level:ident, $meaning:literal, $action:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $meaning)]
            pub const $constant: &str = $name;
        )*
        /// Every event, sorted by part: no other name may be logged.
        pub const EVENTS: &[Event] = &[
            $(Event { name: $name, level: Level::$level, meaning: $meaning, action: $action },)*
        ];
    };
}

events! {
    SERVICE_STARTED = "service.started", INFO,
        "The process runs and begins to build its parts.",
        "Nothing.";
    SERVICE_READY = "service.ready", INFO,
        "Every part that readiness asks for is there.",
        "Nothing.";
    RUN_BEGUN = "run.begun", INFO,
        "A new run begins; `why` says why no earlier one goes on.",
        "Nothing.";
    RUN_CONTINUED = "run.continued", INFO,
        "The newest run goes on from its newest durable instant, `from`.",
        "Nothing. `ploy run --new-run` begins a new one instead.";
    SERVICE_STOPPING = "service.stopping", INFO,
        "A stop was asked for; no new order goes out from here on.",
        "Nothing, if you asked for it.";
    SERVICE_STOPPED = "service.stopped", INFO,
        "All is settled and stored; the process ends.",
        "Nothing, if you asked for it.";
    SERVICE_FAILED = "service.failed", ERROR,
        "The service cannot start or go on; the process ends with an error.",
        "Read `error.message`, mend the cause, start again.";
    PROCESS_PANICKED = "process.panicked", ERROR,
        "A thread or task panicked; its supervisor says in the next lines what comes of it.",
        "It is a defect: report it with this line and those before it.";
    PROCESS_COMPROMISED = "process.compromised", ERROR,
        "A strategy hangs and burns its thread: nothing is sent any more, all is halted by `watchdog`, and the process ends with exit code 12.",
        "Start it again, look, then `ploy resume --all`. The strategy is tried once more, or is halted; its input stands in the record.";
    WATCHDOG_FIRED = "watchdog.fired", ERROR,
        "The manager itself could not act on a hang: all was halted by `watchdog` and the process ended with exit code 12.",
        "Start it again; read `error.message` and the lines before it. It is a defect: report it.";
    PROCESS_SAFE_MODE_ENTERED = "process.safe_mode_entered", ERROR,
        "The program was started too often without an orderly end between: no strategy starts.",
        "Find out why it ended; then `ploy safe-mode leave`.";
    PROCESS_SAFE_MODE_LEFT = "process.safe_mode_left", INFO,
        "A person has left safe mode: the strategies that are wanted start.",
        "Nothing.";
    PART_FAILED = "part.failed", ERROR,
        "A part that only shows (the API, the status) has failed and is started again; trading goes on.",
        "Read `error.message`; it is a defect: report it.";
    CONFIG_REJECTED = "config.rejected", ERROR,
        "A settings file has faults; nothing that runs was changed.",
        "Mend the file at the line named.";
    CONFIG_MENDED = "config.mended", INFO,
        "A settings file that had faults has none any more, or the folder can be read again.",
        "Nothing.";
    CONFIG_APPLIED = "config.applied", INFO,
        "A new version of a strategy's settings is in force.",
        "Nothing.";
    CONFIG_PENDING = "config.pending", WARN,
        "A new version of a strategy's settings waits: it would leave a market in which a position is held.",
        "Nothing: it is applied when the position is gone. Or put the market back.";
    CONFIG_RELOADED = "config.reloaded", INFO,
        "Somebody had the folder of strategies' settings read at once.",
        "Nothing.";
    CONFIG_WRITTEN = "config.written", INFO,
        "Somebody changed a strategy's file by the API or the command line.",
        "Nothing.";
    CONFIG_REMOVED = "config.removed", WARN,
        "The file of a strategy is gone; the strategy is stopped and kept in history.",
        "Put the file back if it was not meant.";
    ACCOUNT_BROKEN = "account.broken", ERROR,
        "The books of a strategy are broken: what it holds and what it was told do not fit. It is halted, and all is halted by `account_broken`.",
        "Compare its fills with the venue's, then `ploy resume --all`; it stays halted itself.";
    SERVICE_HALTED = "service.halted", ERROR,
        "All strategies are halted by `cause`: no entry leaves, and no order at all where `cause` closes.",
        "See `ploy status`; mend the cause, then `ploy resume --all`.";
    SERVICE_RESUMED = "service.resumed", INFO,
        "The halt by `cause` is over.",
        "Nothing.";
    HALT_UNWRITTEN = "halt.unwritten", ERROR,
        "A halt holds, but neither the store nor the signal file could take it: a new process would not know of it.",
        "Write the signal file by hand, then look at the disk.";
    GATE_LATE = "gate.late", ERROR,
        "A gate has moved and these strategies have not taken it in; the executor holds their orders back all the same.",
        "Look whether they hang.";
    ROLLOUT_BEGAN = "rollout.began", INFO,
        "A new version of a strategy's settings is in force and on trial.",
        "Nothing.";
    ROLLOUT_PASSED = "rollout.passed", INFO,
        "A version has passed its trial, or a person took it for good: it is the one to come back to.",
        "Nothing.";
    ROLLOUT_ROLLED_BACK = "rollout.rolled_back", ERROR,
        "A version on trial failed, halted, or was refused too often: the last good one is put in force again.",
        "Read `why`; mend the file: this version is not taken up again before it says another.";
    ROLLOUT_HELD = "rollout.held", WARN,
        "A version is not taken up: it was rolled back or set aside, or waits for the end of a trial.",
        "Mend the file, or wait for the end of the trial.";
    ROLLOUT_SHADOW = "rollout.shadow", INFO,
        "A new version of a strategy's settings runs beside the one in force, without orders.",
        "Look at it with `ploy config compare`, then promote or discard it.";
    ROLLOUT_SET_ASIDE = "rollout.set_aside", WARN,
        "A version in shadow failed, or a person discarded it; the one in force is untouched.",
        "Read `why`; mend the file where it failed.";
    STRATEGY_STARTED = "strategy.started", INFO,
        "A strategy runs and may trade as far as its gate allows.",
        "Nothing.";
    STRATEGY_STOPPED = "strategy.stopped", INFO,
        "A strategy has ended because somebody asked for it; its positions stay.",
        "Nothing.";
    STRATEGY_FAILED = "strategy.failed", ERROR,
        "A strategy failed; its open orders are being settled.",
        "Read `error.message`; it is tried again unless it is halted.";
    STRATEGY_SLOW = "strategy.slow", WARN,
        "A strategy has worked on one input for longer than its `hang_warn_ms`.",
        "Nothing, if it is seldom; what hangs is ended after its `hang_after_s`.";
    STRATEGY_EVENT_SET_ASIDE = "strategy.event_set_aside", WARN,
        "A strategy was told again of the market event at which it died; it was not given to it.",
        "Read the failure before it; the event stands in the record of the incarnation that died.";
    STRATEGY_BACKOFF = "strategy.backoff", WARN,
        "A strategy waits for its next try.",
        "Nothing, unless it comes back here.";
    STRATEGY_DEPENDENCY_MISSING = "strategy.dependency_missing", ERROR,
        "Something that a strategy needs was missing five times in a row; it goes on waiting, without end.",
        "Read `error.message`; bring back what is missing, or stop the strategy.";
    STRATEGY_HALTED = "strategy.halted", ERROR,
        "A strategy failed for good and waits for a person.",
        "Find the cause, then `ploy resume` it.";
    STRATEGY_PAUSED = "strategy.paused", WARN,
        "A person holds back the orders of a strategy, or of all.",
        "Nothing; `ploy resume` ends it.";
    STRATEGY_RESUMED = "strategy.resumed", INFO,
        "A person let a halted or paused strategy, or a tripped breaker, go on.",
        "Nothing.";
    ORDER_SUBMITTED = "order.submitted", INFO,
        "An approved order was stored and handed to the venue.",
        "Nothing.";
    ORDER_FILLED = "order.filled", INFO,
        "Shares of an order were bought or sold.",
        "Nothing.";
    ORDER_UNFILLED = "order.unfilled", INFO,
        "An order ended without any fill.",
        "Nothing.";
    ORDER_LOST = "order.lost", WARN,
        "An order is proven not to be at its venue, which was lost on its way or by the venue: what was not filled of it never will be.",
        "Nothing: the paper venue loses its orders with the process, another one should not. Its strategy is told.";
    ORDER_REJECTED = "order.rejected", WARN,
        "The venue, or the executor before sending, refused an order.",
        "Read the reason; many of one kind are a wrong setting.";
    ORDER_UNKNOWN = "order.unknown", ERROR,
        "The venue's answer was lost: the order may rest on its book.",
        "Compare with the venue; nothing more is sent for this market and outcome meanwhile.";
    ORDER_INHERITED = "order.inherited", WARN,
        "An earlier process sent orders whose end is not stored: the venue is asked about each.",
        "Nothing; their strategies start when all are known. The status shows what is left.";
    RISK_REJECTED = "risk.rejected", INFO,
        "The guard refused an intent; `risk.rule` names the rule.",
        "Nothing; the decision is stored with the numbers that were compared.";
    RISK_TRIPPED = "risk.tripped", WARN,
        "A breaker tripped: entries wait, exits go on.",
        "Look at the losses; a drawdown waits for `ploy resume`.";
    ACCOUNT_TRIPPED = "account.tripped", ERROR,
        "A limit of the whole account was reached or passed: entries of all strategies wait, exits go on.",
        "Look at `ploy status`; a drawdown waits for `ploy resume --all`.";
    RISK_HALF_OPEN = "risk.half_open", INFO,
        "The cooldown of a tripped breaker is over: one entry at a time tries.",
        "Nothing; the next loss, reject or failure trips it again, a success releases it.";
    RISK_RELEASED = "risk.released", INFO,
        "A tripped breaker lets entries pass again.",
        "Nothing.";
    MARKET_SETTLED = "market.settled", INFO,
        "A market was resolved while shares of it were held; they turned into cash.",
        "Nothing.";
    LEDGER_BROKEN = "ledger.broken", ERROR,
        "The account's books do not add up, or a strategy's portfolio says otherwise; `error.message` says where.",
        "Stop trading (`ploy stop` each strategy), compare `ploy ledger` with the venue, and report it with this line.";
    AUDIT_CHECKED = "audit.checked", INFO,
        "All rows of the audit chain were read and fit; `head` is the newest one of them, by number and hash.",
        "Nothing. Kept elsewhere, the line proves later that no row before it was touched: `--head` of `ploy audit verify`.";
    AUDIT_BROKEN = "audit.broken", ERROR,
        "A row of the audit chain was changed, removed, put in or cut off; `error.message` says which.",
        "Copy the store (`ploy db backup`), run `ploy audit verify`, find out who can write to the database.";
    STORE_PRUNED = "store.pruned", INFO,
        "Rows that explain, of runs older than `keep_days`, were deleted.",
        "Nothing.";
    FEED_STARTED = "feed.started", INFO,
        "A feed sends events.",
        "Nothing.";
    FEED_ENDED = "feed.ended", INFO,
        "A tape has ended; no more events come.",
        "Nothing.";
    FEED_FAILED = "feed.failed", ERROR,
        "A feed broke; its strategies see no more events.",
        "Read `error.message`, which names the place.";
    STORE_FAILED = "store.failed", ERROR,
        "A write to the store failed; no order is sent that is not stored.",
        "Look at the disk: space, permissions, health.";
    STORE_RECOVERED = "store.recovered", INFO,
        "The store takes writes again.",
        "Nothing.";
    STORE_FULL = "store.full", ERROR,
        "More rows wait to be written than the queue holds.",
        "Look at the disk's speed; the rows named were refused.";
    RECORD_STARTED = "record.started", INFO,
        "A file of the record of what strategies take in was begun.",
        "Nothing.";
    RECORD_FAILED = "record.failed", ERROR,
        "The record cannot be written; trading goes on, and this stretch of it cannot be played again.",
        "Look at the disk: space, permissions, health. It is tried again without end.";
    RECORD_RECOVERED = "record.recovered", INFO,
        "The record is written again, in a new file.",
        "Nothing.";
    RECORD_LOST = "record.lost", WARN,
        "What a strategy took in is missing in the record: more came than could be written. Playing goes on after it.",
        "Nothing for once; if it comes often, the disk is too slow.";
    RECORD_DELETED = "record.deleted", INFO,
        "An old file of a record was deleted, because all together may take no more room.",
        "Copy files that must be kept, or raise `total_mb`.";
    COMMAND_ACCEPTED = "command.accepted", INFO,
        "Somebody asked for something and it is being done.",
        "Nothing.";
    COMMAND_REFUSED = "command.refused", WARN,
        "Somebody asked for something that cannot be; the answer says why.",
        "Nothing.";
    API_STARTED = "api.started", INFO,
        "The API listens at the address named.",
        "Nothing.";
    API_FAILED = "api.failed", ERROR,
        "The API cannot listen, or ended early.",
        "Free the address, or set another.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_is_a_part_and_what_happened_to_it_and_stands_there_once() {
        let mut seen = BTreeSet::new();
        for event in EVENTS {
            let (part, what) = event.name.split_once('.').expect(event.name);
            let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(lower(part) && lower(what), "{}", event.name);
            assert!(seen.insert(event.name), "{} twice", event.name);
            assert!(event.meaning.ends_with('.') && event.action.ends_with('.'));
        }
    }
}
