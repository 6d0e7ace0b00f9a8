//! The settings of the service: one declaration each, and one list a section.

use crate::config::account::ACCOUNT;
use crate::config::setting::{Range, Section, Setting};

pub(super) const FEED_KIND: Setting = Setting::other("kind", Range::Word(&["tape"]))
    .restart("Where market events come from: `tape` plays recordings.");
pub(super) const FEED_PATHS: Setting = Setting::other("paths", Range::Texts).restart(
    "The tapes' paths, from the folder of this file; `.gz` is unpacked. Several are played as one, by \
     time; events of one instant in the order of the list.",
);
pub(super) const FEED_SPEED: Setting = Setting::other("speed", Range::Speed)
    .restart(
        "How fast it is played: \"1x\" as recorded, \"max\" as fast as decisions are \
         settled. The decisions are the same.",
    )
    .or("1x");
pub(super) const VENUE_KIND: Setting = Setting::other("kind", Range::Word(&["paper", "simulated"]))
    .restart(
        "Where orders go: `paper` fills them in memory against the books of the feed; `simulated` sends them to a \
         simulated venue in another process, for rehearsals. Neither ever trades.",
    );
pub(super) const ADDRESS: Setting = Setting::other("address", Range::Loopback)
    .restart("Where the simulated venue listens, on this machine. Only with \"simulated\".")
    .or_derived("none: the paper venue is in the process");
pub(super) const LATENCY: Setting = Setting::whole("latency_ms", "milliseconds", (0, 60_000))
    .restart(
        "How much event time passes between an order's sending and its matching at the paper venue, also of \
         versions in shadow.",
    )
    .or("250");
pub(super) const STORE_PATH: Setting = Setting::other("path", Range::Text)
    .restart("The path of the database, from the folder that the program is started in.")
    .or("data/ploy.db");
pub(super) const STORE_URL_FILE: Setting = Setting::other("url_file", Range::Text)
    .restart(
        "A file whose one line is the address of a PostgreSQL database, such as \
         postgresql://USER:PASSWORD@HOST/DATABASE, from the folder that the program is started in. The \
         environment's PLOY_STORE_URL comes before it; an address never stands in this file.",
    )
    .or_derived("none: the database is the file of path");
pub(super) const STORE_KEEP: Setting = Setting::whole("keep_days", "days", (0, 3650))
    .restart(
        "How long the decisions, errors, phases and trips of earlier runs are kept; 0 keeps all. The run in \
         progress, orders, fills, settlements and the audit chain are never deleted.",
    )
    .or("90");
pub(super) const RECORD_ENABLED: Setting = Setting::other("enabled", Range::Switch)
    .restart("Whether all that strategies take in is recorded, so that it can be played again.")
    .or("true");
pub(super) const RECORD_FOLDER: Setting = Setting::other("folder", Range::Text)
    .restart("The folder of the record's files, from the folder of the database.")
    .or("record");
pub(super) const RECORD_FILE: Setting = Setting::whole("file_mb", "MiB", (1, 4096))
    .restart("How large a file grows before the next is begun. At most half of total_mb.")
    .or("64");
pub(super) const RECORD_SPAN: Setting = Setting::whole("file_minutes", "minutes", (1, 1440))
    .restart("How long a file is written to before the next is begun.")
    .or("60");
pub(super) const RECORD_TOTAL: Setting = Setting::whole("total_mb", "MiB", (2, 1_048_576))
    .restart("How large all files together grow before the oldest are deleted.")
    .or("2048");
pub(super) const RESUME: Setting = Setting::other("resume", Range::Word(&["manual", "auto"]))
    .restart(
        "Whether an outage of store or venue that is over lets trading go on by itself: `manual` waits for a \
         person's `ploy resume --all`, `auto` for healthy_s. What a person or the signal file halted always waits \
         for a person.",
    )
    .or("manual");
pub(super) const HEALTHY: Setting = Setting::whole("healthy_s", "seconds", (0, 3600))
    .restart("How long all must have been well before `auto` lets trading go on.")
    .or("30");
pub(super) const SIGNAL_FILE: Setting = Setting::other("signal_file", Range::Text)
    .restart(
        "The name of a file that halts all strategies while it is there, from the folder of the database; its \
         first line is the reason.",
    )
    .or("HALT");
pub(super) const WATCH: Setting = Setting::other("watch", Range::Word(&["notify", "poll"]))
    .restart(
        "What tells that a file of a strategy has changed: `notify` by the system's file events, `poll` by \
         reading the folder every rescan_s alone, as network folders need it.",
    )
    .or("notify");
pub(super) const QUIET: Setting = Setting::whole("quiet_ms", "milliseconds", (10, 5000))
    .restart(
        "How long nothing may happen in the folder before it is read: a file is seldom written at one \
         stroke. At most rescan_s.",
    )
    .or("250");
pub(super) const RESCAN: Setting = Setting::whole("rescan_s", "seconds", (1, 3600))
    .restart("How often the folder is read without any file event: some get lost.")
    .or("5");
pub(super) const LISTEN: Setting = Setting::other("listen", Range::Loopback)
    .restart(
        "Where the API listens. Only this machine may reach it: there is no authentication \
         yet. Port 0 lets the machine choose.",
    )
    .or("127.0.0.1:8080");
pub(super) const LEVEL: Setting =
    Setting::other("level", Range::Word(&["error", "warn", "info", "debug", "trace"]))
        .restart("The least level that is written.")
        .or("info");
pub(super) const FORMAT: Setting =
    Setting::other("format", Range::Word(&["auto", "json", "pretty"]))
        .restart("How a line is written; `auto` is pretty on a terminal and JSON elsewhere.")
        .or("auto");
pub(super) const RESTING: Setting = Setting::other("orders", Range::Word(&["cancel", "keep"]))
    .restart(
        "What becomes of orders that rest at the venue. `keep` is refused with the paper venue, which ends with \
         the process, and with a simulated one. Positions are never closed.",
    )
    .or("cancel");
pub(super) const DEADLINE: Setting = Setting::whole("deadline_s", "seconds", (1, 300))
    .restart("How long an orderly end may take in all before the process ends by force.")
    .or("25");

pub(super) const STARTS_MAX: Setting = Setting::whole("starts_max", "starts", (2, 100))
    .restart(
        "The start of this number within the window leads to safe mode, in which no strategy starts until a \
         person says so. Those before it count when their process did not end in good order.",
    )
    .or("3");
pub(super) const STARTS_WINDOW: Setting = Setting::whole("window_s", "seconds", (10, 86_400))
    .restart("The sliding window in which starts count.")
    .or("600");

static FEED: [Setting; 3] = [FEED_KIND, FEED_PATHS, FEED_SPEED];
static VENUE: [Setting; 3] = [VENUE_KIND, ADDRESS, LATENCY];
static STORE: [Setting; 3] = [STORE_PATH, STORE_URL_FILE, STORE_KEEP];
static RECORD: [Setting; 5] =
    [RECORD_ENABLED, RECORD_FOLDER, RECORD_FILE, RECORD_SPAN, RECORD_TOTAL];
static CONFIG: [Setting; 3] = [WATCH, QUIET, RESCAN];
static API: [Setting; 1] = [LISTEN];
static LOG: [Setting; 2] = [LEVEL, FORMAT];
static PROCESS: [Setting; 2] = [STARTS_MAX, STARTS_WINDOW];
static HALT: [Setting; 3] = [RESUME, HEALTHY, SIGNAL_FILE];
static SHUTDOWN: [Setting; 2] = [RESTING, DEADLINE];

/// Returns the sections of the service's file.
pub(in crate::config) fn sections() -> Vec<Section> {
    vec![
        Section::new("feed", &FEED),
        Section::new("venue", &VENUE),
        Section::new("account", &ACCOUNT),
        Section::new("store", &STORE),
        Section::new("record", &RECORD),
        Section::new("halt", &HALT),
        Section::new("config", &CONFIG),
        Section::new("api", &API),
        Section::new("log", &LOG),
        Section::new("shutdown", &SHUTDOWN),
        Section::new("process", &PROCESS),
    ]
}
