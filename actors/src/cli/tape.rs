//! `ploy tape`: makes tapes from raw recordings and from models, and checks them.

use std::io;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use ploy::price::Usdc;
use ploy::time::Timestamp;

use crate::adapters::tape::check::{check, together};
use crate::adapters::tape::import::{self, Options, import_resolved_markets};
use crate::adapters::tape::model;

/// What can be done with tapes.
#[derive(Debug, Subcommand)]
pub enum TapeCommand {
    /// Makes a tape from raw recordings
    Import(Import),
    /// Makes a tape with modelled books, around recorded prices or a recorded game, or wholly invented
    #[command(subcommand)]
    Model(Model),
    /// Reads tapes to their end and tells what is on them; several also as one
    Check(Check),
}

/// The raw files, and what they do not tell.
#[derive(Debug, Args)]
pub struct Import {
    /// In what form the raw files are
    #[arg(long, value_enum)]
    format: Format,
    /// The raw books, gzip or plain
    #[arg(long, value_name = "FILE")]
    books: PathBuf,
    /// The raw list of markets
    #[arg(long, value_name = "FILE")]
    markets: PathBuf,
    /// The tape to write; gzip if its name ends in .gz
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The rate of the taker's fee, 0 to 1
    #[arg(long, value_name = "RATE", default_value = import::FEE_RATE)]
    fee_rate: Usdc,
    /// The exponent of the taker's fee, 0 to 4
    #[arg(long, value_name = "N", default_value_t = import::FEE_EXPONENT)]
    fee_exponent: u8,
    /// Where the data comes from
    #[arg(long, value_name = "TEXT", default_value = import::SOURCE)]
    source: String,
    /// What may be done with the data
    #[arg(long, value_name = "TEXT", default_value = import::LICENCE)]
    licence: String,
}

/// The forms of raw files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Order books of Resolved Markets: a book a line, and a list of markets
    ResolvedMarkets,
}

/// Of what a tape is modelled. The same words make the same tape.
#[derive(Debug, Subcommand)]
pub enum Model {
    /// Up-or-down markets, from the prices of their underlying
    Crypto(Crypto),
    /// The moneyline market of a game, from its score and clock
    Nba(Nba),
}

/// Prices and markets, or that both are to be invented.
#[derive(Debug, Args)]
pub struct Crypto {
    /// The recorded prices, CSV, gzip or plain
    #[arg(
        long,
        value_name = "FILE",
        requires = "markets",
        required_unless_present = "synthetic",
        conflicts_with = "synthetic"
    )]
    prices: Option<PathBuf>,
    /// The recorded markets, a JSON object a line, gzip or plain
    #[arg(long, value_name = "FILE", requires = "prices")]
    markets: Option<PathBuf>,
    #[command(flatten)]
    rest: Modelled,
}

/// A game, or that it is to be invented.
#[derive(Debug, Args)]
pub struct Nba {
    /// The recorded play-by-play, JSON, gzip or plain
    #[arg(
        long,
        value_name = "FILE",
        requires = "boxscore",
        required_unless_present = "synthetic",
        conflicts_with = "synthetic"
    )]
    play_by_play: Option<PathBuf>,
    /// The box score of the game, JSON, gzip or plain
    #[arg(long, value_name = "FILE", requires = "play_by_play")]
    boxscore: Option<PathBuf>,
    #[command(flatten)]
    rest: Modelled,
}

/// What every modelled tape is told.
#[derive(Debug, Args)]
pub struct Modelled {
    /// Invent everything: nothing recorded is on the tape
    #[arg(long, requires = "from")]
    synthetic: bool,
    /// With --synthetic: the instant at which it begins
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// All that is not recorded follows from this number
    #[arg(long, value_name = "N")]
    seed: u64,
    /// The tape to write; gzip if its name ends in .gz
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The tapes to check.
#[derive(Debug, Args)]
pub struct Check {
    /// The tapes
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Prints the reports as JSON, a line each where there are several
    #[arg(long)]
    json: bool,
}

/// Runs a command and writes its answer to `out`.
///
/// # Errors
/// When the command fails, or the answer cannot be written.
pub fn run(command: TapeCommand, out: &mut impl io::Write) -> anyhow::Result<()> {
    match command {
        TapeCommand::Import(import) => run_import(import, out),
        TapeCommand::Model(model) => run_model(&model, out),
        TapeCommand::Check(check) => run_check(&check, out),
    }
}

fn run_import(import: Import, out: &mut impl io::Write) -> anyhow::Result<()> {
    let options = Options {
        fee_rate: import.fee_rate,
        fee_exponent: import.fee_exponent,
        source: import.source,
        licence: import.licence,
    };
    let summary = match import.format {
        Format::ResolvedMarkets => {
            import_resolved_markets(&import.books, &import.markets, &import.out, &options)?
        }
    };
    write!(out, "{}: {summary}", import.out.display()).context("write the answer")
}

fn run_model(command: &Model, out: &mut impl io::Write) -> anyhow::Result<()> {
    let needed = "either the raw files or --synthetic with --from is needed, and not both";
    let (path, summary) = match command {
        Model::Crypto(Crypto { prices, markets, rest: Modelled { from, seed, out: path, .. } }) => {
            let summary = match (prices, markets, from) {
                (Some(prices), Some(markets), None) => model::crypto(prices, markets, *seed, path)?,
                (None, None, Some(from)) => model::synthetic_crypto(*from, *seed, path)?,
                (Some(_) | None, Some(_) | None, Some(_) | None) => anyhow::bail!(needed),
            };
            (path, summary)
        }
        Model::Nba(Nba {
            play_by_play,
            boxscore,
            rest: Modelled { from, seed, out: path, .. },
        }) => {
            let summary = match (play_by_play, boxscore, from) {
                (Some(plays), Some(scores), None) => model::nba(plays, scores, *seed, path)?,
                (None, None, Some(from)) => model::synthetic_nba(*from, *seed, path)?,
                (Some(_) | None, Some(_) | None, Some(_) | None) => anyhow::bail!(needed),
            };
            (path, summary)
        }
    };
    write!(out, "{}: {summary}", path.display()).context("write the answer")
}

fn run_check(command: &Check, out: &mut impl io::Write) -> anyhow::Result<()> {
    for (number, file) in command.files.iter().enumerate() {
        let report = check(file)?;
        if !command.json {
            let gap = if number == 0 { "" } else { "\n" };
            write!(out, "{gap}{report}").context("write the answer")?;
        } else if command.files.len() == 1 {
            let json = serde_json::to_string_pretty(&report).context("write it as JSON")?;
            writeln!(out, "{json}").context("write the answer")?;
        } else {
            let json = serde_json::to_string(&report).context("write it as JSON")?;
            writeln!(out, "{json}").context("write the answer")?;
        }
    }
    if command.files.len() == 1 {
        return Ok(());
    }
    let together = together(&command.files)?;
    if command.json {
        let json = serde_json::to_string(&together).context("write it as JSON")?;
        writeln!(out, "{json}").context("write the answer")
    } else {
        write!(out, "\n{together}").context("write the answer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: TapeCommand,
    }

    fn tape(args: &[&str]) -> anyhow::Result<String> {
        let command = Cli::try_parse_from([&["tape"], args].concat())?.command;
        let mut out = Vec::new();
        run(command, &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn an_imported_tape_is_checked_in_words_and_in_json() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        let (books, markets, out) = (place("books"), place("markets"), place("out.jsonl.gz"));
        let id = "ab".repeat(32);
        let market = r#"[{"market_id":"ID","slug":"up-1","question":"Up?","start_ts":1000,"end_ts":2000,"outcome_up":"Up","outcome_down":"Down","payout_up":1.0,"payout_down":0.0}]"#;
        std::fs::write(&markets, market.replace("ID", &id)).unwrap();
        let book = r#"{"m":0,"t":1500,"s":"UP","b":[],"a":[["0.5","3"]]}"#;
        std::fs::write(&books, book).unwrap();

        let import =
            ["import", "--format", "resolved-markets", "--books", &books, "--markets", &markets];
        let usual = tape(&[&import[..], &["--out", &out]].concat()).unwrap();
        assert!(usual.contains("3 events from 1970-01-01T00:00:01.5Z"), "{usual}");
        let words = tape(&["check", &out]).unwrap();
        assert!(words.contains("fee of rate 0.07 and exponent 1"), "{words}");
        let json = tape(&["check", "--json", &out]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["markets"][0]["payouts"], serde_json::json!(["1", "0"]));

        let fee = ["--out", &out, "--fee-rate", "0.25", "--fee-exponent", "2"];
        tape(&[&import[..], &fee].concat()).unwrap();
        let words = tape(&["check", &out]).unwrap();
        assert!(words.contains("fee of rate 0.25 and exponent 2"), "{words}");
    }

    /// Returns the lines of a tape.
    fn lines(path: &std::path::Path) -> Vec<String> {
        let mut lines = crate::adapters::tape::lines::Lines::open(path).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(line.text.to_owned());
        }
        all
    }

    #[test]
    fn the_commands_of_the_page_make_the_shipped_synthetic_tapes_again() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let page = std::fs::read_to_string(root.join("docs/tape.md")).unwrap().replace("\\\n", " ");
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("again.jsonl");
        let mut made = 0;
        for line in page.lines().filter(|line| line.contains("--synthetic --from 2026")) {
            let words: Vec<&str> = line.split_whitespace().skip(2).collect();
            let (shipped, rest) = words.split_last().unwrap();
            tape(&[rest, &[out.to_str().unwrap()]].concat()).unwrap();
            assert!(lines(&out) == lines(&root.join(shipped)), "{line} makes another tape");
            made += 1;
        }
        assert_eq!(made, 2);
    }

    #[test]
    fn a_model_wants_its_raw_files_or_that_all_is_invented() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("t.jsonl").display().to_string();
        let refused = |words: &str| {
            let mut args: Vec<&str> = words.split(' ').collect();
            args.extend(["--out", &out]);
            tape(&args).unwrap_err().to_string()
        };
        let check = |words: &str, expected: &str| {
            let error = refused(words);
            assert!(error.contains(expected), "{words}: {error}");
        };
        check("model crypto --seed 1", "--prices <FILE>");
        check("model crypto --seed 1 --prices a", "--markets <FILE>");
        check("model crypto --synthetic --seed 1", "--from <TIME>");
        check("model crypto --synthetic --from 2026-09-28T10:00:00Z", "--seed <N>");
        check(
            "model crypto --seed 1 --prices a --markets b --from 2026-09-28T10:00:00Z",
            "and not both",
        );
        check("model nba --seed 1 --play-by-play a", "--boxscore <FILE>");
        check("model nba --seed 1 --synthetic --from now", "invalid value 'now'");
        check("model nba --seed 1 --play-by-play a --boxscore b", "a: there is no such");
        check("model crypto --seed 1 --prices a --markets b", "a: there is no such");
        let both =
            "model crypto --seed 1 --prices a --markets b --synthetic --from 2026-09-28T10:00:00Z";
        check(both, "cannot be used with");
    }

    #[test]
    fn several_tapes_are_checked_each_and_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let paths =
            ["a.jsonl", "b.jsonl"].map(|name| folder.path().join(name).display().to_string());
        for (path, books) in paths.iter().zip(["recorded", "modelled"]) {
            let header = r#"{"tape":"ploy","version":1,"title":"t","source":"s","licence":"l","books":"BOOKS","from":"2026-09-28T09:00:00Z","to":"2026-09-28T09:00:00Z"}"#;
            let body =
                "{\"t\":1790586000000000,\"gap\":{\"missed\":1}}\n{\"end\":{\"events\":1}}\n";
            std::fs::write(path, format!("{}\n{body}", header.replace("BOOKS", books))).unwrap();
        }
        let [one, other] = &paths;
        let words = tape(&["check", one, other]).unwrap();
        let last = words.lines().last().unwrap();
        assert_eq!(
            last,
            "2 tapes as one: books modelled, markets 0, events 2, from 2026-09-28T09:00:00Z to 2026-09-28T09:00:00Z"
        );
        let json = tape(&["check", "--json", one, other]).unwrap();
        let lines: Vec<serde_json::Value> =
            json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2]["events"], 2);
        assert!(tape(&["check", one, one]).unwrap_err().to_string().contains("given twice"));
    }

    #[test]
    fn a_missing_tape_is_an_error_that_names_it() {
        let error = tape(&["check", "missing.jsonl"]).unwrap_err();
        assert!(error.to_string().starts_with("missing.jsonl: there is no such tape"));
    }
}
