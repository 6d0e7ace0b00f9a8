//! When a share is bought.

use std::ops::ControlFlow;

use super::super::entry::Terms;
use super::desk::{book, game, leading};
use super::*;
use crate::book::{Level, OrderBook};
use crate::fees::FeeSchedule;

/// The guests' share at 0.6, which is worth 0.880797.
const ENTRY: &str = "entry: buy 41.66 yes at 0.6";

fn terms(fair: &str, ask: &str, confidence: i64) -> Terms {
    let (fair, ask) = (usdc(fair), price(ask));
    let confidence = Frac::from_micros(confidence);
    Terms { outcome: YES, fair, confidence, ask, fees: FeeSchedule::FREE }
}

/// Checks how the rules of an entry end, and the numbers that they compared.
fn check(terms: &Terms, expected: &str, compared: &str) {
    let (found, numbers) = judge(terms, &config().entry);
    assert_eq!((found, numbers.as_str()), (expected, compared), "{terms:?}");
}

fn judge(terms: &Terms, rules: &config::Entry) -> (&'static str, String) {
    match terms.judge(rules) {
        ControlFlow::Continue(numbers) => ("approve", numbers.to_string()),
        ControlFlow::Break((reason, numbers)) => (reason.name(), numbers.to_string()),
    }
}

#[test]
fn the_worked_example_is_approved() {
    let compared = "p_yes 0.3, ask 0.15, edge 0.15, confidence 0.95, net_ev 0.142";
    check(&terms("0.3", "0.15", 950_000), "approve", compared);
}

#[test]
fn each_rule_passes_at_its_limit_and_fails_beside_it() {
    let says = |fair, ask, confidence, expected: &str| {
        let (found, _) = judge(&terms(fair, ask, confidence), &config().entry);
        assert_eq!(found, expected, "{fair} {ask} {confidence}");
    };
    says("0.2", "0.05", 700_000, "approve");
    says("0.2", "0.049999", 700_000, "price_low");
    says("0.9", "0.8", 700_000, "approve");
    says("0.9", "0.800001", 700_000, "price_high");
    says("0.2", "0.15", 700_000, "approve");
    says("0.199999", "0.15", 700_000, "no_edge");
    says("0.2", "0.15", 699_999, "low_confidence");
    // 0.05 − 2 % of 0.8 − 0.005 is 0.029; at an edge of 0.05 the costs leave enough at every price.
    says("0.85", "0.8", 700_000, "approve");
    let dear = |slippage| config::Entry { slippage_usdc: usdc(slippage), ..config().entry };
    let at_the_limit = terms("0.2", "0.15", 700_000);
    // 0.05 − 0.003 − 0.027 is the least that must be left.
    assert_eq!(judge(&at_the_limit, &dear("0.027")).0, "approve");
    let (reason, numbers) = judge(&at_the_limit, &dear("0.027001"));
    assert_eq!(reason, "no_ev");
    assert!(numbers.to_string().ends_with("net_ev 0.019999, net_ev_min 0.02"), "{numbers}");
}

#[test]
fn the_first_rule_that_fails_is_named() {
    let rules = config::Entry { ev_min_usdc: usdc("1"), ..config().entry };
    let says = |fair, ask, confidence| judge(&terms(fair, ask, confidence), &rules).0;
    assert_eq!(says("0", "0.04", 0), "price_low");
    assert_eq!(says("0", "0.81", 0), "price_high");
    assert_eq!(says("0", "0.5", 0), "no_edge");
    assert_eq!(says("0.9", "0.5", 0), "low_confidence");
    assert_eq!(says("0.9", "0.5", 950_000), "no_ev");
}

#[test]
fn the_fee_is_the_markets_own_where_it_is_dearer() {
    // 7 % of 0.15 × 0.85 is 0.008925, more than 2 % of 0.15.
    let fees = FeeSchedule::new(usdc("0.07"), 1).unwrap();
    let dear = Terms { fees, ..terms("0.3", "0.15", 950_000) };
    let compared = "p_yes 0.3, ask 0.15, edge 0.15, confidence 0.95, net_ev 0.136075";
    check(&dear, "approve", compared);
    let fees = FeeSchedule::new(usdc("0.001"), 1).unwrap();
    let cheap = Terms { fees, ..terms("0.3", "0.15", 950_000) };
    check(&cheap, "approve", &compared.replace("0.136075", "0.142"));
}

#[test]
fn a_share_that_is_cheaper_than_the_chance_to_win_is_bought_at_the_ask() {
    let mut desk = Desk::leading(config());
    desk.trades(3);
    assert_eq!(desk.quote("0.59/0.6"), ENTRY);
    assert_eq!(
        desk.compared,
        "p_yes 0.880797, ask 0.6, edge 0.280797, confidence 0.95, net_ev 0.263797, warnings 2, \
         spread_frac 0.016807"
    );
    assert_eq!(desk.stage(), "Armed");
}

#[test]
fn the_size_is_the_amount_over_the_ask_with_two_decimals() {
    for (amount, expected) in [("25", "41.66"), ("3", "5"), ("100.5", "167.5"), ("3.005", "5")] {
        let mut desk = Desk::leading(Config { position_max_usdc: usdc(amount), ..config() });
        assert_eq!(desk.quote("0.59/0.6"), format!("entry: buy {expected} yes at 0.6"));
    }
}

#[test]
fn the_team_with_the_larger_edge_is_bought() {
    // Level with a minute to go: each team is worth about a half.
    let even = |desk: &mut Desk| desk.tell(game([90, 90], 4, 60));
    let check = |yes: &str, no: &str, expected: &str| {
        let mut desk = Desk::new(config());
        even(&mut desk);
        assert_eq!(desk.quotes(yes, no), expected, "{yes} {no}: {}", desk.compared);
    };
    check("0.435/0.44", "0.425/0.43", "entry: buy 58.13 no at 0.43");
    check("0.425/0.43", "0.435/0.44", "entry: buy 58.13 yes at 0.43");
    check("0.435/0.44", "0.435/0.44", "entry: buy 56.81 yes at 0.44");
    // The other team's share counts where one cannot be bought, or its book is crossed or missing.
    check("0.425/-", "0.435/0.44", "entry: buy 56.81 no at 0.44");
    check("0.44/0.43", "0.435/0.44", "entry: buy 56.81 no at 0.44");
    check("0.435/0.44", "0.44/0.43", "entry: buy 56.81 yes at 0.44");
    check("0.44/0.43", "0.44/0.43", "crossed_book");
}

#[test]
fn the_probability_is_that_of_the_team_whose_share_is_bought() {
    let mut desk = Desk::new(config());
    // The hosts lead by ten and have the ball.
    desk.tell(Game { possession: Some(0), ..game([90, 100], 4, 300) });
    assert_eq!(desk.quote("0.4/0.41"), "entry: buy 41.66 no at 0.6");
    assert!(desk.compared.starts_with("p_no 0.880797, ask 0.6"), "{}", desk.compared);
}

#[test]
fn the_first_gate_that_says_no_is_named() {
    // All gates say no at once; one after the other is opened.
    let mut desk = Desk::new(config());
    let opens_at = desk.now + Duration::from_secs(10);
    desk.announce(Market { slug: Arc::from("nba-gsw-bkn-2020-12-22-total-220"), ..desk::market() });
    desk.show(YES, book(desk.now, "0.7/0.6"));
    desk.feed("books", FeedState::Down);
    let order = desk.send("entry: buy 10 yes at 0.5");
    assert_eq!(desk.look(), "no_market");
    desk.announce(Market { opens_at, closes_at: desk.now, ..desk::market() });
    desk.show(YES, book(desk.now, "0.7/0.6"));
    assert_eq!(desk.look(), "not_open");
    assert_eq!(desk.compared, "opens_in 10s");
    desk.announce(Market { closes_at: desk.now, ..desk::market() });
    desk.show(YES, book(desk.now, "0.7/0.6"));
    assert_eq!(desk.look(), "near_close");
    desk.announce(desk::market());
    desk.show(YES, book(desk.now, "0.7/0.6"));
    assert_eq!(desk.look(), "pending_order");
    assert_eq!(desk.refused(order), "halted_state");
    assert_eq!(desk.compared, "feeds_down 1");
    desk.strategy.swings.get_mut(&desk::MARKET).unwrap().exited_at = Some(desk.now);
    desk.feed("books", FeedState::Up);
    assert_eq!(desk.look(), "cooldown");
    assert_eq!(desk.compared, "since_exit 0s, reset_after 300s");
    desk.wait_s(300);
    assert_eq!(desk.look(), "no_game");
    assert_eq!(desk.tell(game([0, 0], 0, 720)), ["not_in_play"]);
    desk.wait_s(61);
    assert_eq!(desk.look(), "stale_game");
    assert_eq!(desk.compared, "age 61s, game_age_max 60s");
    assert_eq!(desk.tell(leading()), ["stale_book"]);
    assert_eq!(desk.compared, "age 361s, book_age_max 5s");
    assert_eq!(desk.quotes("0.7/0.6", "-/-"), "filters");
    assert_eq!(desk.quotes("0.7/0.6", "0.7/0.6"), "crossed_book");
    assert_eq!(desk.compared, "bid 0.7, ask 0.6");
    assert_eq!(desk.quote("0.5/0.6"), "filters");
    assert_eq!(desk.quote("0.84/0.85"), "price_high");
    assert_eq!(desk.quote("0.79/0.8"), "entry: buy 31.25 yes at 0.8");
}

#[test]
fn a_book_and_a_game_may_be_as_old_as_allowed() {
    let mut desk = Desk::leading(config());
    desk.quote("0.59/0.6");
    desk.wait_s(5);
    assert_eq!(desk.tell(leading()), [ENTRY]);
    desk.wait(INSTANT);
    assert_eq!(desk.tell(leading()), ["stale_book"]);
    desk.wait_s(60);
    assert_eq!(desk.quote("0.59/0.6"), ENTRY);
    desk.wait(INSTANT);
    assert_eq!(desk.quote("0.59/0.6"), "stale_game");
}

#[test]
fn all_filters_that_fail_are_told() {
    let mut desk = Desk::leading(config());
    let level = |price: &str| vec![Level { price: price.parse().unwrap(), size: size("10") }];
    desk.show(YES, OrderBook::new(desk.now, level("0.5"), level("0.6")));
    assert_eq!(desk.look(), "filters");
    assert_eq!(
        desk.compared,
        "failed 4, spread 0.1, spread_max 0.05, spread_frac 0.181819, spread_frac_max 0.02, \
         depth 11, depth_min 1000"
    );
}

#[test]
fn a_row_of_trades_the_same_way_and_a_fast_price_stop_an_entry() {
    let mut desk = Desk::leading(config());
    desk.trades(5);
    assert_eq!(desk.quote("0.59/0.6"), ENTRY);
    desk.trades(1);
    assert_eq!(desk.quote("0.59/0.6"), "filters");
    assert_eq!(desk.compared, "failed 1, same_side 6, same_side_max 5");
    // A minute later they are forgotten; the price has moved by 0.03 in two seconds.
    desk.wait_s(59).tell(leading());
    assert_eq!(desk.wait_s(2).quote("0.59/0.6"), ENTRY);
    assert_eq!(desk.wait_s(2).quote("0.62/0.63"), "filters");
    assert_eq!(desk.compared, "failed 1, velocity 0.015, velocity_max 0.01");
    assert_eq!(desk.wait_s(9).quote("0.62/0.63"), "entry: buy 39.68 yes at 0.63");
}

#[test]
fn a_book_that_its_market_has_left_behind_stops_an_entry() {
    let mut desk = Desk::leading(config());
    desk.quote("0.59/0.6");
    desk.wait_s(2).trades(1);
    assert_eq!(desk.tell(leading()), [ENTRY]);
    desk.wait(INSTANT).trades(1);
    assert_eq!(desk.tell(leading()), ["filters"]);
    assert_eq!(desk.compared, "failed 1, lag 2.000001s, lag_max 2s");
}

#[test]
fn an_entry_that_found_too_little_waits_for_a_newer_book() {
    let mut desk = Desk::leading(config());
    let look = desk.quote("0.59/0.6");
    let order = desk.send(&look);
    assert_eq!(desk.quote("0.59/0.6"), "pending_order");
    assert_eq!((desk.done(order, "0").as_str(), desk.stage().as_str()), ("spent_book", "Watch"));
    assert_eq!(desk.compared, "ask 0.6, age 0s, since_end 0s");
    assert_eq!(desk.wait(INSTANT).quote("0.59/0.6"), ENTRY);
}
