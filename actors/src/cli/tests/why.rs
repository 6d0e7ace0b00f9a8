//! `ploy why` of an order, of a decision and of a time: the story as it is read.

use super::*;

/// What was used, what is allowed, and what of it is left.
type Compared = (&'static str, &'static str, Option<&'static str>);

/// Returns what the guard found: the rules up to a refusal, in short.
fn checks(refused: Option<&str>) -> Value {
    let rules = [
        ("gate", "passed", None),
        ("loss_streak", "passed", Some(("0", "5", Some("5")))),
        ("price_grid", "passed", Some(("0.34", "0.01", None))),
        ("holdings", "exempt", None),
        ("market_exposure", "passed", Some(("34", "50", Some("16")))),
        ("throttle", "passed", Some(("1", "20", Some("19")))),
    ];
    let mut is_over = false;
    let mut check = |(rule, finding, compared): (&str, &str, Option<Compared>)| {
        let finding = match refused {
            Some(no) if no == rule => "refused",
            Some(_) if is_over => "not_reached",
            Some(_) | None => finding,
        };
        is_over |= finding == "refused";
        let compared = match finding {
            "not_reached" => None,
            "refused" => Some(("61", "50", Some("0"))),
            _ => compared,
        };
        json!({
            "rule": rule, "finding": finding, "used": compared.map(|(used, _, _)| used),
            "limit": compared.map(|(_, limit, _)| limit),
            "room": compared.and_then(|(_, _, room)| room),
        })
    };
    rules.into_iter().map(&mut check).collect()
}

pub(super) fn entry(verdict: &str, cause: &str, numbers: &Value, risk: &Value) -> Value {
    json!({
        "seq": 345, "at": "2026-09-28T09:12:03.25Z", "strategy": "split-arb",
        "market_id": "0x1", "market": "btc-updown-15m-1790586000", "verdict": verdict,
        "cause": cause, "intent": "buy 100 Up at 0.34 FAK (entry)", "numbers": numbers,
        "trigger": {"kind": "book", "outcome": "yes", "at": "2026-09-28T09:12:03.2Z"},
        "gates": ["not_open", "near_close", "stale_book", "one_sided_book", "crossed_book",
            "book_skew", "pending_order", "max_unhedged", "price_limit", "hedge_distance"],
        "risk": risk
    })
}

fn bought() -> Value {
    let risk = json!({"checks": checks(None), "passing": null, "until": null});
    let numbers = json!([["ask", "0.34"], ["entry_price_max", "0.35"], ["other_ask", "0.67"]]);
    let order = json!({
        "id": "split-arb:12", "at": "2026-09-28T09:12:03.25Z", "market_id": "0x1",
        "outcome": "yes", "side": "buy", "limit": "0.34", "size": "100", "time_in_force": "FAK",
        "purpose": "entry", "state": "filled", "filled": "60", "cause": "unmatched"
    });
    let event = |kind: &str, fill: Value, cause: Value, unfilled: Value| {
        json!({
            "at": "2026-09-28T09:12:03.5Z", "kind": kind, "fill": fill, "cause": cause,
            "unfilled": unfilled
        })
    };
    let trade = |order: u64, purpose: &str, side: &str, at: &str, cash: &str| {
        json!({
            "order": order, "purpose": purpose, "side": side, "outcome": "yes", "at": at,
            "size": "60", "cash_usdc": cash
        })
    };
    json!({
        "run": "0197a1b2",
        "decision": entry("order", "12", &numbers, &risk),
        "order": {
            "order": order,
            "events": [
                event("accepted", Value::Null, Value::Null, Value::Null),
                event("filled", json!(1), Value::Null, Value::Null),
                event("done", Value::Null, json!("unmatched"), json!("40")),
            ],
            "fills": [{
                "order": "split-arb:12", "number": 1, "at": "2026-09-28T09:12:03.5Z",
                "market_id": "0x1", "outcome": "yes", "side": "buy", "price": "0.34",
                "size": "60", "fee_usdc": "0.75", "liquidity": "taker"
            }],
            "round": {
                "trades": [
                    trade(12, "entry", "buy", "2026-09-28T09:12:03.5Z", "-21.15"),
                    trade(13, "exit", "sell", "2026-09-28T09:20:00.25Z", "17.3"),
                ],
                "held": ["0", "0"],
                "end": {
                    "at": "2026-09-28T09:20:00.25Z", "payouts_usdc": null, "amount_usdc": "0",
                    "profit_usdc": "-3.85"
                }
            }
        }
    })
}

fn refused() -> Value {
    let passing = json!("40");
    let risk =
        json!({"checks": checks(Some("market_exposure")), "passing": passing, "until": null});
    let numbers =
        json!([["ask", "0.34"], ["used", "61"], ["limit", "50"], ["would_pass", "67.64"]]);
    json!({
        "run": "0197a1b2",
        "decision": entry("rejected", "market_exposure", &numbers, &risk), "order": null
    })
}

pub(super) fn telling(story: Value) -> Setting {
    Setting { story, ..Setting::of(sample::healthy()) }
}

#[tokio::test]
async fn an_order_is_told_from_what_moved_it_to_what_became_of_it() {
    check(
        telling(bought()),
        "why split-arb/12",
        NARROW,
        expect![[r#"
            split-arb/12: btc-updown-15m-1790586000, 2026-09-28, PAPER, run 0197a1b2

            09:12:03.200  a book of yes came, 50 ms old
            09:12:03.250  decision 345: wanted buy 100 Up at 0.34 FAK (entry)
              gates       passed not_open, near_close, stale_book, one_sided_book,
                          crossed_book, book_skew, pending_order, max_unhedged, price_limit,
                          hedge_distance
              compared    ask 0.34, entry_price_max 0.35, other_ask 0.67

            RISK RULE        FINDING           USED          LIMIT  LEFT
            gate             passed
            loss_streak      passed               0              5     5
            price_grid       passed            0.34  steps of 0.01
            holdings         not for an entry
            market_exposure  passed              34             50    16
            throttle         passed               1             20    19

            09:12:03.250  order 12 sent: buy 100 yes at 0.34 FAK (entry)
            09:12:03.500  +250 ms: the venue took it
            09:12:03.500  +250 ms: filled 60 at 0.34, fee 0.75 USDC, taker
            09:12:03.500  +250 ms: ended: unmatched, 40 shares unfilled

            What became of it
            AT            ORDER          PURPOSE  SHARES           CASH
            09:12:03.500  12 (this one)  entry    bought 60 yes  -21.15
            09:20:00.250  13             exit     sold 60 yes    +17.30
            Sold by order 13. Nothing was held any more at 09:20:00.250. The round lost 3.85
            USDC.

            Times are those of the events, in UTC; + is since the decision.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_order_is_told_in_sixty_columns_too() {
    let narrow = Look { width: 60, colour: false };
    let said = telling(bought()).ask("why split-arb:12", narrow).await.unwrap();
    assert!(said.text.lines().all(|line| line.chars().count() <= 60), "{}", said.text);
}

#[tokio::test]
async fn a_refusal_tells_what_would_have_passed() {
    check(
        telling(refused()),
        "why split-arb@345",
        NARROW,
        expect![[r#"
            split-arb@345: btc-updown-15m-1790586000, 2026-09-28, PAPER, run 0197a1b2

            09:12:03.200  a book of yes came, 50 ms old
            09:12:03.250  decision 345: wanted buy 100 Up at 0.34 FAK (entry)
              gates       passed not_open, near_close, stale_book, one_sided_book,
                          crossed_book, book_skew, pending_order, max_unhedged, price_limit,
                          hedge_distance
              compared    ask 0.34

            RISK RULE        FINDING             USED          LIMIT  LEFT
            gate             passed
            loss_streak      passed                 0              5     5
            price_grid       passed              0.34  steps of 0.01
            holdings         not for an entry
            market_exposure  REFUSED               61             50     0
            throttle         not asked any more

            Refused by market_exposure: 61 of 50.
            What would have passed: 67.64 shares by this rule, 40 by this rule and all
            others.

            Times are those of the events, in UTC; + is since the decision.
        "#]],
    )
    .await;
}

/// Tells what would have passed, of a refusal by this rule.
async fn passes(rule: &str, numbers: Value, passing: Value, until: Value) -> String {
    let risk = json!({"checks": [], "passing": passing, "until": until});
    let decision = entry("rejected", rule, &numbers, &risk);
    let story = json!({"run": "0197a1b2", "decision": decision, "order": null});
    let wide = Look { width: 200, colour: false };
    let said = telling(story).ask("why split-arb@345", wide).await.unwrap();
    let line = said.text.lines().find_map(|line| line.strip_prefix("What would have passed: "));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn every_rule_says_what_would_have_passed() {
    let sized = || json!([["would_pass", "40"], ["used", "54.4"], ["limit", "50"]]);
    let plain = || json!([["used", "3"], ["limit", "0.01"]]);
    let null = || Value::Null;
    assert_eq!(
        passes("holdings", sized(), json!("40"), null()).await,
        "40 shares, by this rule and all others."
    );
    assert_eq!(
        passes("market_exposure", sized(), null(), null()).await,
        "40 shares by this rule, and no size by all others."
    );
    let until = json!("2026-09-28T09:30:00Z");
    let then = "the same order from 09:30:00.000 on.";
    assert_eq!(passes("loss_streak", plain(), null(), until.clone()).await, then);
    assert_eq!(passes("throttle", plain(), null(), until).await, then);
    let few = json!([["used", "100"], ["limit", "150"]]);
    let more = "at least 150 shares, with at most two decimals.";
    assert_eq!(passes("venue_minimum", few, null(), null()).await, more);
    for (rule, words) in [
        ("gate", "the same order once order entry is open again."),
        ("drawdown", "nothing, until a person says `ploy resume split-arb`."),
        ("unknown_market", "nothing, until the market is announced."),
        ("price_grid", "a price in whole steps of 0.01."),
        ("venue_minimum", "an order worth at least 0.01 USDC."),
        ("holdings", "nothing: there are no such shares."),
        ("one_order_per_leg", "the same order once the one that is open has ended."),
        ("open_orders", "the same order once an open one has ended."),
        ("price_band", "a price on this side of 0.01."),
        ("stale_book", "the same order once a newer book came."),
        ("book_distance", "a limit nearer to the best opposite price."),
        ("close_left", "nothing: the market closes too soon."),
        ("order_size", "no size: what is left is less than the market's smallest order."),
        ("order_notional", "no size: what is left is less than the market's smallest order."),
        ("market_exposure", "no size: what is left is less than the market's smallest order."),
        ("event_exposure", "no size: what is left is less than the market's smallest order."),
        ("symbol_exposure", "no size: what is left is less than the market's smallest order."),
        ("strategy_exposure", "no size: what is left is less than the market's smallest order."),
        ("trial", "the same order once the one that is the trial has ended, and its round."),
    ] {
        assert_eq!(passes(rule, plain(), null(), null()).await, words, "{rule}");
    }
}

#[tokio::test]
async fn a_decision_of_an_older_version_is_told_as_far_as_it_is_known() {
    let mut story = bought();
    for name in ["trigger", "gates", "risk"] {
        story["decision"].as_object_mut().unwrap().remove(name);
    }
    story["order"]["events"] = json!([]);
    story["order"]["fills"] = json!([]);
    story["order"]["round"] = Value::Null;
    check(
        telling(story),
        "why split-arb/12",
        NARROW,
        expect![[r#"
            split-arb/12: btc-updown-15m-1790586000, 2026-09-28, PAPER, run 0197a1b2

            09:12:03.250  decision 345: wanted buy 100 Up at 0.34 FAK (entry)
              compared    ask 0.34, entry_price_max 0.35, other_ask 0.67

            What moved it and what the guard found was not stored by this version.

            09:12:03.250  order 12 sent: buy 100 yes at 0.34 FAK (entry)
                          nothing was told of it yet

            Times are those of the events, in UTC; + is since the decision.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_time_is_told_with_what_was_held_and_wanted_around_it() {
    let strategy = json!("split-arb");
    let moment = json!({
        "run": "0197a1b2", "strategy": strategy, "at": "2026-09-28T09:15:00Z",
        "phase": {
            "at": "2026-09-28T09:00:00Z", "strategy": strategy, "from": "warming",
            "to": "running", "why": "its first events came"
        },
        "tripped": {
            "at": "2026-09-28T09:14:00Z", "strategy": strategy, "event": "tripped",
            "rule": "loss_streak", "used": "5", "limit": "5"
        },
        "before": [bought()["decision"], refused()["decision"]],
        "after": [],
        "orders": [bought()["order"]["order"]],
        "held": [{"market_id": "0x1", "market": "btc-updown-15m", "outcome": "yes", "size": "60"}],
        "noes": null
    });
    check(
        telling(moment),
        "why split-arb --at 09:15",
        NARROW,
        expect![[r#"
            split-arb at 2026-09-28 09:15:00 UTC, PAPER, run 0197a1b2
            running since 2026-09-28 09:00:00: its first events came
            breaker tripped at 09:14:00: loss_streak 5 of 5; entries waited
            held 60 yes of btc-updown-15m
            order 12 was open: buy 100 yes at 0.34 (entry), sent 09:12:03, 60 filled

            Intents before
            AT        DECISION  WANTED                  WHAT CAME OF IT
            09:12:03  @345      buy 100 Up at 0.34 FAK  order 12 (ask 0.34, entry_price_max
                                (entry)                 0.35, other_ask 0.67)
            09:12:03  @345      buy 100 Up at 0.34 FAK  refused: market_exposure 61 of 50,
                                (entry)                 67.64 would have passed (ask 0.34)

            Intents after
            none

            What it kept saying no to
             TIMES  REASON       NEWEST NUMBERS            SINCE     LAST
            60,148  price_limit  ask 0.46, max_entry 0.35  09:00:01  12:30:00
               820  stale_book   age 6.1s, limit 5s        09:00:00  12:20:00
            Said both before and after; counts and numbers are those of now.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn exact_values_stand_in_json() {
    let said = telling(bought()).ask("why split-arb/12 -o json", NARROW).await.unwrap();
    let json: Value = serde_json::from_str(&said.text).unwrap();
    assert_eq!(json, bought());
}

#[tokio::test]
async fn what_is_not_there_ends_with_three_and_what_makes_no_sense_with_two() {
    let no = async |line: &str| telling(Value::Null).ask(line, NARROW).await.unwrap_err();
    let none = no("why split-arb/99").await;
    assert_eq!((none.exit(), none.exit().code()), (Exit::NotFound, 3));
    assert!(none.to_string().starts_with("no order 99 of split-arb was sent in run 0197a1b2"));
    for line in [
        "why split-arb/1 --at 09:15",
        "why split-arb --run 01",
        "why split-arb --run 01 --at 09:15",
    ] {
        let no = no(line).await;
        assert_eq!((no.exit(), no.exit().code()), (Exit::Usage, 2), "{line}");
    }
}
