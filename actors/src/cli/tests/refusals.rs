//! What a refusal of each rule looks like: the guard's own answer as `ploy why` writes it, held against docs/risk.md.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ploy::lifecycle::Gate;
use ploy::order::{Origin, Submission};
use ploy::risk::example::Desk;
use ploy::risk::{Explanation, Limits, Rule};

use super::why::{entry, telling};
use super::*;
use crate::runtime::records::answer;

/// A refusal: what the example says of settings and surroundings, where it happens, and the order.
type Case = (&'static str, Desk, &'static str);

const BUY: &str = "buy 20 yes at 0.40";

/// Returns a desk by limits that are changed, after something happened.
fn desk(change: impl FnOnce(&mut Limits), before: impl FnOnce(&mut Desk)) -> Desk {
    let mut desk = Desk::with(change);
    before(&mut desk);
    desk
}

fn plain(before: impl FnOnce(&mut Desk)) -> Desk {
    desk(|_| {}, before)
}

/// Loses three rounds.
fn lose(desk: &mut Desk) {
    for _ in 0..3 {
        desk.round("-1");
    }
}

fn refused(origin: Origin) -> Submission {
    Submission::Rejected { reason: "no".into(), origin }
}

/// Returns a refusal of this rule. A new rule must say how it refuses.
fn case(rule: Rule) -> Case {
    match rule {
        Rule::Gate => {
            ("order entry is reduce-only", plain(|desk| desk.gate(Gate::ReduceOnly)), BUY)
        }
        Rule::LossStreak => ("`loss_streak_max = 3`, and three rounds were lost", plain(lose), BUY),
        Rule::RejectStreak => (
            "`reject_streak_max = 5`, and the venue refused five orders for what they asked",
            plain(|desk| {
                for _ in 0..5 {
                    desk.sent(&refused(Origin::Order));
                }
            }),
            BUY,
        ),
        Rule::FailureStreak => (
            "`failure_streak_max = 3`, and the answers to three orders were lost",
            plain(|desk| {
                for _ in 0..3 {
                    desk.sent(&Submission::Unknown);
                }
            }),
            BUY,
        ),
        Rule::Drawdown | Rule::DailyLoss | Rule::Trial => stopped(rule),
        Rule::UnknownMarket => {
            ("the market was never announced", Desk::new(), "buy 20 yes of 9 at 0.40")
        }
        Rule::PriceGrid => ("the market's step is 0.01", Desk::new(), "buy 20 yes at 0.405"),
        Rule::VenueMinimum => ("the market takes 5 shares", Desk::new(), "buy 4 yes at 0.40"),
        Rule::Holdings => {
            ("15 are held", plain(|desk| desk.fill("buy 15 yes at 0.40")), "sell 20 yes at 0.40")
        }
        Rule::OneOrderPerLeg => ("such an order is open", plain(|desk| desk.open(BUY)), BUY),
        Rule::OpenOrders => (
            "`open_orders_max = 1`, and one is open",
            desk(|limits| limits.open_orders_max = 1, |desk| desk.open("buy 20 no at 0.40")),
            BUY,
        ),
        Rule::PriceBand
        | Rule::StaleBook
        | Rule::BookDistance
        | Rule::CloseLeft
        | Rule::OrderSize
        | Rule::OrderNotional => slip(rule),
        Rule::MarketExposure
        | Rule::EventExposure
        | Rule::SymbolExposure
        | Rule::StrategyExposure => exposed(rule),
        Rule::Throttle => (
            "`order_rate_per_minute = 60`, `order_burst = 1`, and one was just sent",
            desk(|limits| limits.order_burst = 1, |desk| drop(desk.ask("buy 20 no at 0.40"))),
            BUY,
        ),
    }
}

fn stopped(rule: Rule) -> Case {
    let held = |desk: &mut Desk| {
        desk.fill("buy 100 yes at 0.40");
        desk.best_bid("0.30");
    };
    if rule == Rule::Drawdown {
        (
            "`drawdown_max_usdc = 10`, and 100 shares fell from 0.40 to 0.30",
            desk(|limits| limits.drawdown_max_usdc = "10".parse().unwrap(), held),
            "buy 20 no at 0.40",
        )
    } else if rule == Rule::DailyLoss {
        (
            "`daily_loss_max_usdc = 10`, and 100 shares fell from 0.40 to 0.30",
            desk(|limits| limits.day.loss_max_usdc = "10".parse().unwrap(), held),
            "buy 20 no at 0.40",
        )
    } else {
        (
            "`loss_streak_max = 3`, the cooldown is over, and an entry is held",
            plain(|desk| {
                lose(desk);
                desk.wait(600);
                assert_eq!(desk.ask(BUY), "passed");
                desk.fill(BUY);
            }),
            "buy 20 yes of 2 at 0.40",
        )
    }
}

fn slip(rule: Rule) -> Case {
    if rule == Rule::PriceBand {
        (
            "`entry_price_max = 0.90`",
            desk(|limits| limits.entry.price_max = "0.90".parse().unwrap(), |_| {}),
            "buy 20 yes at 0.95",
        )
    } else if rule == Rule::StaleBook {
        (
            "`book_age_ms_max = 30000`, and the newest book is of 31 s ago",
            plain(|desk| {
                desk.best_ask("0.40");
                desk.wait(31);
            }),
            BUY,
        )
    } else if rule == Rule::BookDistance {
        (
            "`book_distance_max_frac = 0.25`, and somebody sells at 0.40",
            plain(|desk| desk.best_ask("0.40")),
            "buy 20 yes at 0.51",
        )
    } else if rule == Rule::CloseLeft {
        (
            "`close_left_s_min = 60`, half a minute before the close",
            desk(
                |limits| limits.entry.close_left_min = Duration::from_secs(60),
                |desk| desk.wait(870),
            ),
            BUY,
        )
    } else if rule == Rule::OrderSize {
        ("`order_size_max_shares = 1000`", Desk::new(), "buy 1200 yes at 0.10")
    } else {
        ("`order_notional_max_usdc = 250`", Desk::new(), "buy 600 yes at 0.50")
    }
}

fn exposed(rule: Rule) -> Case {
    let held = |desk: &mut Desk| desk.fill("buy 100 yes at 0.40");
    let max = "50".parse().unwrap();
    if rule == Rule::MarketExposure {
        (
            "`market_exposure_max_usdc = 50`, and 40 were paid for 100 yes",
            desk(|limits| limits.market_exposure_max_usdc = max, held),
            "buy 40 yes at 0.40",
        )
    } else if rule == Rule::EventExposure {
        (
            "`event_exposure_max_usdc = 50`, and 40 were paid for 100 yes of another market of the event",
            desk(|limits| limits.groups.event_exposure_max_usdc = max, held),
            "buy 40 yes of 2 at 0.40",
        )
    } else if rule == Rule::SymbolExposure {
        (
            "`symbol_exposure_max_usdc = 50`, and 40 were paid for 100 yes of another market on `btc`",
            desk(|limits| limits.groups.symbol_exposure_max_usdc = max, held),
            "buy 40 yes of 2 at 0.40",
        )
    } else {
        (
            "`strategy_exposure_max_usdc = 50`, and 40 were paid for 100 yes of another market",
            desk(|limits| limits.strategy_exposure_max_usdc = max, held),
            "buy 40 yes of 2 at 0.40",
        )
    }
}

/// Returns what `ploy why` says of a refusal, below the table of rules.
async fn said(order: &str, explanation: &Explanation) -> String {
    let no = explanation.rejection().unwrap();
    let mut numbers = vec![("used", no.used.to_string()), ("limit", no.limit.to_string())];
    numbers.extend(no.passing.map(|size| ("would_pass", size.to_string())));
    let risk = serde_json::to_value(answer(explanation)).unwrap();
    let mut decision = entry("rejected", no.rule.name(), &json!(numbers), &risk);
    let purpose = if order.starts_with("sell") { "exit" } else { "entry" };
    decision["intent"] = format!("{order} FAK ({purpose})").into();
    let story = json!({"run": "0197a1b2", "decision": decision, "order": null});
    let wide = Look { width: 200, colour: false };
    let said = telling(story).ask("why split-arb@345", wide).await.unwrap();
    let from = said.text.find("\nRefused by ").unwrap();
    let end = said.text.find("\n\nTimes are those").unwrap();
    said.text[from + 1..end].trim_end().to_owned() + "\n"
}

#[tokio::test]
async fn the_page_shows_what_a_refusal_of_each_rule_says() {
    let mut block = String::new();
    for rule in Rule::ALL {
        let (when, desk, order) = case(rule);
        let explanation = desk.explain(order);
        assert_eq!(explanation.rejection().unwrap().rule, rule, "{order}");
        let said = said(order, &explanation).await;
        block += &format!("`{order}`, {when}:\n\n```text\n{said}```\n\n");
    }
    hold("refusals", &block);
}

/// Holds docs/risk.md to a block between two marks of this name, or writes it there.
pub(super) fn hold(name: &str, block: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/risk.md");
    let text = fs::read_to_string(&page).unwrap();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let (before, rest) = text.split_once(&open).unwrap();
    let (shown, after) = rest.split_once(&close).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(page, format!("{before}{open}{block}{close}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, block, "docs/risk.md: write it anew with UPDATE_EXPECT=1");
}
