//! How a comparison is told: to people in eighty columns, to programs, and as a page that nothing can break out of.

use std::convert::Infallible;

use expect_test::expect_file;
use ploy::compare::line::{End, Line, Set, Total};
use ploy::compare::{Curve, Lines, Point, compare};
use ploy::price::Usdc;
use ploy::time::Timestamp;
use serde_json::{Value, json};

use super::page::page;
use super::price::Prices;
use super::*;

struct There(std::vec::IntoIter<Line>);

impl Lines for There {
    type Error = Infallible;
    fn next_line(&mut self) -> Result<Option<Line>, Infallible> {
        Ok(self.0.next())
    }
}

/// What a stranger may have written wherever text comes from outside.
const EVIL: &str = "</style><script>alert('\"&')</script>";
const MARKET: &str = "0x0101010101010101010101010101010101010101010101010101010101010101";

fn line(line: Value) -> Line {
    serde_json::from_value(line).unwrap()
}

fn set(max: &str, slug: &str) -> Set {
    let settings = json!({"settings.entry_price_max_usdc": max, "settings.market_prefixes": slug});
    serde_json::from_value(json!({
        "id": "split-arb", "kind": "split_arb", "variant": "legged",
        "config_version": "981bc707ac0b".repeat(6), "text_sha256": "0", "settings": settings,
    }))
    .unwrap()
}

fn decision(second: u8, slug: &str, rest: &Value) -> Line {
    let mut decision = json!({
        "at": format!("2026-09-28T09:00:{second:02}Z"), "strategy": "split-arb", "seq": 1,
        "market": slug, "market_id": MARKET,
    });
    decision.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    line(json!({ "decision": decision }))
}

fn order(second: u8, slug: &str) -> Line {
    decision(
        second,
        slug,
        &json!({
            "verdict": "order", "order": 1,
            "intent": {"outcome": "yes", "side": "buy", "limit": "0.34", "size": "20",
                       "tif": "FAK", "purpose": "entry"},
            "numbers": {"ask": "0.34", "entry_price_max": "0.35", "other_ask": "0.67"},
        }),
    )
}

fn no(second: u8, slug: &str) -> Line {
    let numbers = json!({"ask": "0.34", "entry_price_max": "0.3"});
    decision(second, slug, &json!({"verdict": "no", "reason": "price_limit", "numbers": numbers}))
}

fn fill(second: u8, equity: &str) -> Line {
    line(json!({"fill": {
        "at": format!("2026-09-28T09:00:{second:02}Z"), "strategy": "split-arb", "order": 1,
        "number": 1, "market_id": MARKET, "outcome": "yes", "side": "buy", "price": "0.34",
        "size": "20", "fee_usdc": "0.31", "liquidity": "taker", "equity_usdc": equity,
    }}))
}

fn end(fills: u64, pnl: &str, failed: Option<&str>) -> Line {
    let pnl: Usdc = pnl.parse().unwrap();
    Line::End(End {
        lines: 1,
        events: 9,
        strategies: vec![Total {
            id: "split-arb".parse().unwrap(),
            decisions: 2,
            orders: fills,
            rejections: 0,
            fills,
            fees_usdc: Usdc::ZERO,
            volume_usdc: Usdc::ZERO,
            realised_usdc: pnl,
            pnl_usdc: pnl,
            drawdown_max_usdc: Usdc::ZERO,
            digest: "0".repeat(64),
            failed: failed.map(str::to_owned),
        }],
    })
}

/// Two orders of one side, none of the other.
fn told(slug: &str) -> Told {
    let a = vec![
        order(1, slug),
        fill(2, "-0.31"),
        order(3, slug),
        fill(4, "-0.9"),
        end(2, "-0.9", Some(slug)),
    ];
    let b = vec![no(1, slug), no(3, slug), end(0, "0", None)];
    let sides = Both { a: set("0.35", slug), b: set("0.3", "b") };
    let Ok(comparison) = compare(sides, &mut There(a.into_iter()), &mut There(b.into_iter()));
    let tape = Played {
        title: slug.to_owned(),
        books: Books::Modelled,
        from: "2026-09-28T09:00:00Z".parse().unwrap(),
        to: "2026-09-28T09:15:00Z".parse().unwrap(),
    };
    let names = Both { a: slug.to_owned(), b: "lower.toml".to_owned() };
    Told::new(names, vec![tape], vec![slug.to_owned()], comparison)
}

fn prices(slug: &str) -> Prices {
    let mut middle = Curve::default();
    for (second, usdc) in [(0, "0.4"), (2, "0.35"), (9, "0.2")] {
        let at = Timestamp::from_millis(1_790_586_000_000 + 1000 * second);
        middle.add(Point { at, usdc: usdc.parse().unwrap() });
    }
    Prices { slug: slug.to_owned(), labels: [slug.to_owned(), "Down".to_owned()], middle }
}

#[test]
fn people_read_it_in_eighty_columns() {
    let text = told("btc-1").to_string();
    expect_file!["told.txt"].assert_eq(&text);
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn programs_read_everything() {
    let json = serde_json::to_value(told("btc-1")).unwrap();
    assert_eq!(
        json["counts"],
        json!({"same": 0, "numbers": 0, "changed": 2, "only_a": 0, "only_b": 0})
    );
    assert_eq!(json["changes"][0]["from"], "order");
    assert_eq!(json["changes"][0]["to"], "price_limit");
    assert_eq!(json["changes"][0]["count"], 2);
    assert_eq!(json["vanished"]["count"], 2);
    assert_eq!(json["vanished"]["first"][0]["sides"]["a"]["intent"]["limit"], "0.34");
    assert_eq!(json["first"]["gates"][8]["passage"], json!({"a": "passed", "b": "failed"}));
    assert_eq!(json["settings"][0]["key"], "settings.entry_price_max_usdc");
    assert_eq!(json["totals"]["a"]["pnl_usdc"], "-0.9");
    assert_eq!(json["parted"]["differences_before"], 1);
}

#[test]
fn the_page_says_what_the_text_says_and_needs_nothing_else() {
    let page = page(&told("btc-1"), Some(&prices("btc-1")));
    for part in [
        "2 of 2 decisions came out differently; 2 entries vanish.",
        "Modelled book",
        "prefers-color-scheme: dark",
        "width=device-width",
        "<h2>Price of btc-1 in btc-1</h2>",
        "settings.entry_price_max_usdc",
        "order → price_limit",
    ] {
        assert!(page.contains(part), "no `{part}`:\n{page}");
    }
    for part in ["http://", "https://", "src=", "url(", "@import", "<link", "<script"] {
        assert!(!page.contains(part), "`{part}` leads elsewhere");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    assert_eq!(page.matches("<circle class=\"mark a\"").count(), 2);
}

#[test]
fn no_text_breaks_out_of_the_page() {
    let page = page(&told(EVIL), Some(&prices(EVIL)));
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.contains("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"));
    // What is opened is closed, whatever stands between.
    for tag in ["table", "section", "ul", "ol", "li", "svg", "p", "div", "span", "tr", "td", "th"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn no_text_commands_a_terminal() {
    let text = told("a\u{1b}[2Jb").to_string();
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_failed_side_is_said_and_known() {
    assert!(told("why it failed").has_failed());
    assert!(told("why it failed").to_string().contains("A FAILED: why it failed"));
}

#[test]
fn the_verdict_is_one_sentence() {
    let check = |a: Vec<Line>, b: Vec<Line>, expected: &str| {
        let sides = Both { a: set("1", "m"), b: set("1", "m") };
        let Ok(comparison) = compare(sides, &mut There(a.into_iter()), &mut There(b.into_iter()));
        assert_eq!(verdict(&comparison), expected);
    };
    let other =
        || decision(1, "m", &json!({"verdict": "no", "reason": "price_limit", "numbers": {}}));
    check(vec![no(1, "m")], vec![no(1, "m")], "No difference: 1 decision, the same on both sides.");
    check(
        vec![no(1, "m")],
        vec![other()],
        "Every decision came out the same; 1 decision compared other numbers.",
    );
    check(
        vec![order(1, "m"), no(2, "m")],
        vec![no(1, "m"), order(2, "m")],
        "2 of 2 decisions came out differently; 1 entry vanishes; 1 entry appears.",
    );
    check(vec![no(1, "m")], vec![], "1 of 1 decision came out differently.");
}
