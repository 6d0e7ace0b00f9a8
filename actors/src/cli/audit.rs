//! `ploy audit`: reads the audit chain in the store; no service is asked, and one may run.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ploy::audit::Head;
use ploy::market::ConditionId;
use ploy::time::Timestamp;
use serde_json::{Value, json};

use super::form::Output;
use super::look::{Look, Tone};
use super::{Exit, output};
use crate::ports::audit::{AuditQuery, AuditRecord};
use crate::settings;
use crate::store::audit::{self, Report};
use crate::words;

/// Which store, and what is asked of its audit chain.
#[derive(Debug, Args)]
pub struct AuditCommand {
    /// Folder with ploy.toml, which says where the store is
    #[arg(long, global = true, env = "PLOY_CONFIG", default_value = "config", value_name = "DIR")]
    pub config: PathBuf,
    /// Database file, instead of the store of `PLOY_STORE_URL` or ploy.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// What is asked.
    #[command(subcommand)]
    pub verb: AuditVerb,
}

/// What can be asked of an audit chain.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Look whether a row was changed, removed, put in or cut off; exit with 10 when one was
    Verify(VerifyArgs),
    /// Who did what, before and after; the newest last
    Log(LogArgs),
}

/// What must be in the chain.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A head that was written down elsewhere, as `ploy audit verify` and `ploy status -o json` tell it; several times
    #[arg(long = "head", value_name = "NUMBER:HASH")]
    pub heads: Vec<Head>,
}

/// Which rows are shown.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only what is about this strategy
    #[arg(long, value_name = "ID")]
    pub strategy: Option<String>,
    /// Only what this one did: a person, `config`, `manager`, `venue`, `risk`, a strategy
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// Only what was done so: `order`, `fill`, `stop`, `halt_raised`
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only what was written at this time or later, by the machine's clock
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Only what was written before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// How many rows at most, the newest ones
    #[arg(long, value_name = "ROWS", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// Does it, and writes what came of it.
///
/// # Errors
/// When the store cannot be found or read, or the answer not be written.
pub(super) fn run(command: &AuditCommand, format: Output) -> anyhow::Result<Exit> {
    let location = settings::location(&command.config, command.store.as_deref())?;
    let (json, text, exit) = match &command.verb {
        AuditVerb::Verify(args) => {
            let report = audit::verify(&location, &args.heads)?;
            let exit = if report.is_sound() { Exit::Done } else { Exit::Unhealthy };
            (verified(&report), told(&report), exit)
        }
        AuditVerb::Log(args) => {
            let records = audit::log(&location, &args.query())?;
            (json!({"items": records}), table(&records, Look::of_stdout()), Exit::Done)
        }
    };
    let text = match format {
        Output::Text => text,
        Output::Json => format!("{json:#}\n"),
    };
    output::answer(&text).context("write the answer")?;
    Ok(exit)
}

fn verified(report: &Report) -> Value {
    json!({
        "place": report.place,
        "sound": report.is_sound(),
        "rows": report.rows,
        "since": report.since,
        "pruned": report.pruned.number,
        "head": report.head.to_string(),
        "broken": report.broken.as_ref().map(ToString::to_string),
        "faults": report.faults,
    })
}

/// Says what was found, the verdict last.
fn told(report: &Report) -> String {
    let mut text = format!("{}: {} fit", report.place, words::plural(report.rows, "row"));
    if let Some(since) = report.since {
        let _infallible = write!(text, ", since {since}; what was before has no row");
    }
    text.push('\n');
    if report.pruned.number != 0 {
        let pruned = report.pruned.number;
        let _infallible = writeln!(text, "rows up to {pruned} were deleted with age");
    }
    let _infallible = writeln!(text, "head {}", report.head);
    for fault in report.broken.iter().map(ToString::to_string).chain(report.faults.clone()) {
        let _infallible = writeln!(text, "WRONG: {}", words::plain(&fault));
    }
    if report.is_sound() {
        text.push_str("nothing is wrong\n");
    }
    text
}

/// Returns the rows as lines for people.
fn table(records: &[AuditRecord], look: Look) -> String {
    const HEAD: [&str; 7] = [">ROW", "WRITTEN", "WHO", "DID", "TO", "BEFORE", "AFTER"];
    let plain = |text: &str| (Tone::Plain, words::plain(text));
    let row = |record: &AuditRecord| {
        vec![
            (Tone::Quiet, record.number.to_string()),
            plain(&record.at.to_string()),
            plain(&record.actor),
            plain(&record.action),
            plain(&short(&record.subject)),
            plain(&state(record.before.as_ref())),
            plain(&state(record.after.as_ref())),
        ]
    };
    look.table(&HEAD, records.iter().map(row).collect()) + "\n"
}

/// Returns a state as one line: its names with what they stand at.
fn state(state: Option<&Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), short);
    match state {
        None => "-".to_owned(),
        Some(Value::Object(fields)) => {
            let pairs = fields.iter().map(|(name, value)| format!("{name}={}", text(value)));
            pairs.collect::<Vec<_>>().join(" ")
        }
        Some(other) => text(other),
    }
}

/// Returns the beginning of what is the id of a market, and anything else as it is; `-o json` has the whole of it.
fn short(text: &str) -> String {
    const SHOWN: usize = 10;
    let is_id = text.parse::<ConditionId>().is_ok();
    text.get(..SHOWN).filter(|_| is_id).map_or_else(|| text.to_owned(), |begin| format!("{begin}…"))
}

impl LogArgs {
    fn query(&self) -> AuditQuery {
        let Self { strategy, actor, action, since, until, limit } = self;
        AuditQuery {
            strategy: strategy.clone(),
            actor: actor.clone(),
            action: action.clone(),
            since: *since,
            until: *until,
            before: None,
            limit: *limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::audit::{Break, Hash};

    fn record(number: u64, action: &str, before: Option<Value>, after: Value) -> AuditRecord {
        AuditRecord {
            number,
            at: Timestamp::from_millis(1_000),
            event_at: Timestamp::from_millis(500),
            run: "r".to_owned(),
            strategy: Some("momentum".to_owned()),
            actor: "ann\u{1b}".to_owned(),
            action: action.to_owned(),
            subject: "momentum".to_owned(),
            before,
            after: Some(after),
            hash: "ab".repeat(32),
        }
    }

    #[test]
    fn the_log_is_aligned_and_says_before_and_after() {
        let records = [
            record(9, "stop", Some(json!({"state": "running"})), json!({"answer": "accepted"})),
            record(10, "phase", None, json!({"phase": "stopped", "why": "stop by ann"})),
        ];
        let shown = table(&records, Look { width: 160, colour: false });
        let lines: Vec<&str> = shown.lines().collect();
        let column = lines[0].find("AFTER").unwrap();
        assert_eq!(&lines[1][column..], "answer=accepted");
        assert_eq!(&lines[2][column..], "phase=stopped why=stop by ann");
        assert!(lines[1].contains("state=running") && lines[2].contains("  -  "), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn a_market_is_shown_by_the_beginning_of_its_id() {
        let market = format!("0x{}", "ab".repeat(32));
        let records = [AuditRecord {
            subject: market.clone(),
            ..record(1, "settlement", None, json!({"market": market, "price": "0.4"}))
        }];
        let shown = table(&records, Look { width: 160, colour: false });
        assert!(
            shown.contains("  0xabababab…  ") && shown.contains("market=0xabababab… price=0.4"),
            "{shown}"
        );
        assert!(!shown.contains(&market), "{shown}");
    }

    #[test]
    fn a_report_says_since_when_and_what_is_wrong() {
        let mut report = Report {
            place: "ploy.db".to_owned(),
            rows: 3,
            since: Some(Timestamp::from_millis(0)),
            pruned: Head { number: 4, hash: Hash::ZERO },
            head: Head { number: 7, hash: Hash::ZERO },
            broken: None,
            faults: Vec::new(),
        };
        let shown = told(&report);
        let first = "ploy.db: 3 rows fit, since 1970-01-01T00:00:00Z; what was before has no row\n";
        assert!(shown.starts_with(first) && shown.ends_with("nothing is wrong\n"), "{shown}");
        assert!(shown.contains("rows up to 4 were deleted with age\nhead 7:0000"), "{shown}");
        report.broken = Some(Break::Changed { number: 8 });
        report.faults.push("2 orders have no row in the chain".to_owned());
        let shown = told(&report);
        assert!(
            shown.contains("WRONG: row 8 was changed") && shown.contains("WRONG: 2 orders"),
            "{shown}"
        );
        assert_eq!(verified(&report)["sound"], json!(false));
    }
}
