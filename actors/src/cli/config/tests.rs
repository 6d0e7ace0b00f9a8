//! Tests of `ploy config`: what it says to people, what to programs, and how it ends.

use std::path::PathBuf;

use clap::Parser;
use expect_test::{Expect, expect};

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: ConfigCommand,
}

fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

fn config(args: &[&str], output: Output) -> (anyhow::Result<Found>, String) {
    let command = Cli::try_parse_from([&["config"], args].concat()).unwrap().command;
    let mut out = Vec::new();
    let found = answer(&command, output, &mut out);
    (found, String::from_utf8(out).unwrap())
}

/// A copy of the legged file with something replaced, as `a.toml` in a folder of its own.
fn edited(from: &str, to: &str) -> (tempfile::TempDir, String) {
    let text = fs::read_to_string(shipped("strategies/split_arb_legged.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    fs::write(&path, text.replace(from, to)).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[track_caller]
fn check_text(args: &[&str], folder: &str, wanted: &Expect) -> Found {
    let (found, text) = config(args, Output::Text);
    wanted.assert_eq(&text.replace(folder, "FOLDER"));
    found.unwrap()
}

#[test]
fn the_shipped_folder_is_fine() {
    let (found, text) = config(&["check", &shipped("").display().to_string()], Output::Text);
    assert_eq!(found.unwrap(), Found::Fine);
    assert!(
        2 < text.lines().count() && text.lines().all(|line| line.ends_with(": fine")),
        "{text}"
    );
}

#[test]
fn a_fault_is_pointed_at() {
    let (folder, path) = edited("size_shares = 20", "size_share = 20");
    let found = check_text(
        &["check", &path],
        &folder.path().display().to_string(),
        &expect![[r#"
            FOLDER/a.toml:25:1: settings.size_share: unknown setting (did you mean `size_shares`?)
               |
            25 | size_share = 20
               | ^^^^^^^^^^
        "#]],
    );
    assert_eq!(found, Found::Faults);
    let (_, json) = config(&["check", &path], Output::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["files"], &json["faults"][0]["line"]), (&json!(1), &json!(25)));
    assert_eq!(json["faults"][0]["hint"], "did you mean `size_shares`?");
}

#[test]
fn a_difference_says_what_it_needs() {
    let (folder, path) = edited("drawdown_max_usdc = 50", "drawdown_max_usdc = 40");
    let legged = shipped("strategies/split_arb_legged.toml").display().to_string();
    let place = folder.path().display().to_string();
    let found = check_text(
        &["diff", &legged, &path],
        &place,
        &expect![[r#"
            risk.drawdown_max_usdc: 50 -> 40  (live)
            rollout.drawdown_max_usdc: 50 -> 40  (live)
            the running strategy can take this over
        "#]],
    );
    assert_eq!(found, Found::Differences);
    let found = check_text(
        &["diff", &path, &path],
        &place,
        &expect![[r"
            no difference: both files mean the same
        "]],
    );
    assert_eq!(found, Found::Fine);
    let (folder, path) = edited(r#"["btc-updown-15m-"]"#, r#"["eth-"]"#);
    check_text(
        &["diff", &legged, &path],
        &folder.path().display().to_string(),
        &expect![[r#"
            settings.market_prefixes: ["btc-updown-15m-"] -> ["eth-"]  (restart)
            this needs a restart of the strategy; its positions stay
        "#]],
    );
}

#[test]
fn a_file_with_faults_is_not_compared() {
    let (_folder, path) = edited("size_shares = 20", "size_shares = 2");
    let (found, _) = config(&["diff", &path, &path], Output::Text);
    let said = found.unwrap_err().to_string();
    assert!(said.contains("has faults") && said.contains("5 to 1000000 shares"), "{said}");
}

#[test]
fn a_setting_is_explained_once_for_all_that_share_it() {
    check_text(
        &["explain", "risk.drawdown"],
        "no such folder",
        &expect![[r#"
            risk.drawdown_max_usdc
              of split_arb legged, split_arb simultaneous, momentum directional, momentum predictive, momentum confirmatory, nba_swing, drill
              How far the equity may fall from its peak before entries wait for a person. USDC, 1 to 1000000. live
              it must be stated
        "#]],
    );
    let (found, _) = config(&["explain", "sizes"], Output::Text);
    assert!(found.unwrap_err().to_string().starts_with("no setting is called \"sizes\""));
}

#[test]
fn a_new_file_is_fine_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    for (i, kind) in NewKind::value_variants().iter().enumerate() {
        let name = kind.to_possible_value().unwrap().get_name().to_owned();
        let path = folder.path().join(format!("s{i}.toml")).display().to_string();
        let (found, _) = config(&["new", &name, "--out", &path], Output::Text);
        assert_eq!(found.unwrap(), Found::Fine);
        let (found, text) = config(&["check", &path], Output::Text);
        assert_eq!(found.unwrap(), Found::Fine, "{text}");
        let (found, _) = config(&["new", &name, "--out", &path], Output::Text);
        assert!(found.unwrap_err().to_string().contains("is it there already?"));
    }
}

#[test]
fn what_a_file_means_is_shown_with_its_defaults() {
    let (_folder, path) = edited("book_age_ms_max = 5000\n", "");
    let (found, text) = config(&["show", &path], Output::Text);
    assert_eq!(found.unwrap(), Found::Fine);
    assert!(text.contains("\nbook_age_ms_max = 5000  # default\n"), "{text}");
    assert!(text.contains("\nsize_shares = 20\n"), "{text}");
}

/// The committed schemas are what the program would write now.
#[test]
fn the_schemas_for_editors_are_current() {
    for (name, schema) in
        [("ploy.json", config::service_schema()), ("strategy.json", config::strategy_schema())]
    {
        let path = shipped("schema").join(name);
        let now = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == now, "config/schema/{name} is old; UPDATE_EXPECT=1 writes it anew");
    }
}

#[test]
fn control_characters_of_a_file_never_reach_the_terminal() {
    let (_folder, path) = edited("size_shares = 20", "\u{1b}[31mred = 20");
    let (_, text) = config(&["check", &path], Output::Text);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}
