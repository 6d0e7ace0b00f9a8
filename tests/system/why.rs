//! `ploy why` of what happened on the shipped tape: an order that was sold, a refusal, a strategy that does not trade.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::stage::program::{Program, ploy};
use crate::stage::{folder, repo};

/// Returns a service that has played the shipped tape with three variants of a shipped strategy, and its address.
fn played(folder: &Path) -> (Program, String) {
    let config = folder.join("config");
    let strategies = config.join("strategies");
    fs::create_dir_all(&strategies).unwrap();
    fs::copy(repo("config/ploy.toml"), config.join("ploy.toml")).unwrap();
    let shipped = fs::read_to_string(repo("config/strategies/split_arb_legged.toml")).unwrap();
    let with = |name: &str, from: &str, to: &str| {
        assert!(shipped.contains(from), "{from}");
        fs::write(strategies.join(name), shipped.replace(from, to)).unwrap();
    };
    with("plain.toml", "size_shares = 20", "size_shares = 20");
    // An entry costs up to 7.4 USDC.
    with("small.toml", "market_exposure_max_usdc = 25", "market_exposure_max_usdc = 5");
    with("shy.toml", "target_sum_usdc = 0.95", "target_sum_usdc = 0.60");
    let tape = repo("config/tapes/btc-15m-2026-09-28.jsonl.gz");
    let (config, tape) = (config.to_str().unwrap(), tape.to_str().unwrap());
    let words = ["run", "--config", config, "--tape", tape, "--speed", "max"];
    let words = words.iter().chain(&["--listen", "127.0.0.1:0"]).copied().collect::<Vec<_>>();
    let mut program = Program::start(ploy(folder, &words));
    let started = program.logged("api.started");
    program.logged("feed.ended");
    let address = started["address"].as_str().unwrap().to_owned();
    (program, format!("http://{address}"))
}

/// Asks why. Returns the exit code and what was said.
fn why(folder: &Path, url: &str, words: &[&str]) -> (i32, String) {
    let words = [&["--url", url, "why"], words].concat();
    let ended = Program::to_end(ploy(folder, &words));
    (ended.status.code().unwrap(), ended.stdout + &ended.stderr)
}

/// Asks why, for programs.
fn exact(folder: &Path, url: &str, words: &[&str]) -> Value {
    let words = [words, &["-o", "json"]].concat();
    let words = [&["--url", url, "why"], words.as_slice()].concat();
    let ended = Program::to_end(ploy(folder, &words));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn what_happened_on_the_shipped_tape_is_told_from_its_cause_to_its_end() {
    let folder = folder();
    let (program, url) = played(folder.path());
    let said = |words: &[&str]| {
        let (code, text) = why(folder.path(), &url, words);
        assert_eq!(code, 0, "{text}");
        text
    };

    // An order that was filled and later sold.
    let order = said(&["plain/1"]);
    for words in [
        "09:02:11.672  a book of no came, 0 ms old\n",
        "decision 638: wanted buy 20 Up at 0.35 FAK (entry)\n",
        "gates       passed not_open, near_close, stale_book,",
        "compared    ask 0.35, entry_price_max 0.35, other_ask 0.66, other_ask_max 0.68\n",
        "market_exposure    passed              7.3185             25      17.6815\n",
        "09:02:11.922  +250 ms: filled 20 at 0.35, fee 0.3185 USDC, taker\n",
        "Sold by orders 2, 3. Nothing was held any more at 09:02:22.401. The round lost 1.52 USDC.",
    ] {
        assert!(order.contains(words), "{words}\n{order}");
    }
    // The same by the decision's number, and exactly.
    assert_eq!(said(&["plain@638"]), order);
    assert_eq!(said(&["plain:1"]), order);
    let json = exact(folder.path(), &url, &["plain/1"]);
    assert_eq!(json["decision"]["trigger"]["kind"], "book");
    assert_eq!(json["order"]["round"]["end"]["profit_usdc"], "-1.51523");
    assert_eq!(json["decision"]["risk"]["checks"].as_array().unwrap().len(), 24);

    // A refusal by exposure says what would have passed; the strategy's list names its number.
    let small = exact(folder.path(), &url, &["small"]);
    let first = small["decisions"].as_array().unwrap().last().unwrap();
    assert_eq!(first["cause"], "market_exposure", "{first}");
    let seq = first["seq"].to_string();
    let refused = said(&[&format!("small@{seq}")]);
    for words in [
        "market_exposure    REFUSED               7.3185              5     0\n",
        "throttle           not asked any more\n",
        "Refused by market_exposure: 7.3185 of 5.\n",
        "What would have passed: 13.66 shares, by this rule and all others.\n",
    ] {
        assert!(refused.contains(words), "{words}\n{refused}");
    }
    let newest = &small["decisions"][0]["seq"];
    assert!(said(&["small"]).contains(&format!("@{newest} ")));

    // A strategy that does not trade: reasons, counts, last numbers, since when.
    let shy = said(&["shy"]);
    assert!(shy.contains("Last intents\nnone yet\n"), "{shy}");
    let noes = shy.lines().filter(|line| line.contains(" hedge_distance "));
    let noes: Vec<&str> = noes.collect();
    assert!(noes.len() == 1 && noes[0].contains(", other_ask_max 0."), "{shy}");
    assert!(noes[0].contains(" 09:02:11  "), "{shy}");

    // What it was doing at a time.
    let then = said(&["plain", "--at", "09:02:15"]);
    assert!(then.starts_with("plain at 2026-09-28 09:02:15 UTC, PAPER, run "), "{then}");
    assert!(then.contains("\nheld 20 yes of btc-updown-15m-1790586000\n"), "{then}");
    assert!(then.contains("\n09:02:11  @638 "), "{then}");

    noes_of_then_are_exact(folder.path(), &url);

    // What is not there, and what makes no sense.
    let check = |words: &[&str], code: i32, text: &str| {
        let (exit, said) = why(folder.path(), &url, words);
        assert_eq!(exit, code, "{said}");
        assert!(said.contains(text), "{text}\n{said}");
    };
    check(&["plain/9999"], 3, "no order 9999 of plain was sent in run");
    check(&["plain@1"], 3, "noes and repeated refusals are only counted");
    check(&["nobody/1"], 3, "there are: plain, shy, small");
    check(&["plain/one"], 2, "nor an order of one (split_arb_legged/12)");
    drop(program);
}

/// Noes are not stored: the record is played again up to the instant.
fn noes_of_then_are_exact(folder: &Path, url: &str) {
    let at = "2026-09-28T09:02:15Z";
    let json = exact(folder, url, &["plain", "--at", at]);
    let noes = json["noes"].as_array().unwrap_or_else(|| panic!("{json}"));
    assert!(!noes.is_empty() && noes.iter().all(|no| no["last_at"].as_str().unwrap() <= at));
    let not_open = |noes: &[Value]| {
        let found = noes.iter().find(|no| no["cause"] == "not_open").map(|no| no["count"].clone());
        found.unwrap().as_u64().unwrap()
    };
    let now = exact(folder, url, &["plain"]);
    let now = now["strategy"]["kernel"]["causes"].as_array().unwrap_or_else(|| panic!("{now}"));
    assert!(not_open(noes) < not_open(now), "{} {}", not_open(noes), not_open(now));
}
