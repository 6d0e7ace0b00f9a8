//! When shares are sold, by which order, and when they are held.

use super::super::exit::{Exit as Sale, Facts};
use super::super::holding::Holding;
use super::desk::{book, game, leading};
use super::*;
use crate::book::{Level, OrderBook};
use crate::market::Side;
use crate::order::Liquidity;

/// What is held of 100 shares bought at `entry`, with this peak.
fn holding(entry: &str, peak: &str, shares: &str) -> Holding {
    let deal = |side, shares, at| Fill {
        number: 1,
        order: "a:1".parse().unwrap(),
        market: desk::MARKET,
        outcome: YES,
        side,
        price: price(at),
        size: shares,
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: Timestamp::default(),
    };
    let bought = Holding::after(None, &deal(Side::Buy, size("100"), entry));
    let sold = size("100") - size(shares);
    let held = match sold.is_zero() {
        true => bought,
        false => Holding::after(bought, &deal(Side::Sell, sold, "0.000001")),
    };
    held.unwrap().risen_to(price(peak))
}

/// A position without worries: bought at 0.5, bid 0.5, worth 0.6, half of the game to come.
fn calm() -> Facts {
    Facts {
        price: price("0.5"),
        fair: Some(usdc("0.6")),
        fourth_left: None,
        depth: usdc("5000"),
        least: size("5"),
        holding: holding("0.5", "0.5", "100"),
    }
}

/// Checks which rule sells, by the name of its limit, and how many shares.
fn check(facts: Facts, expected: Option<&str>) {
    let sale = Sale::of(&config().exit, &facts);
    let text = sale.map(|sale| {
        let numbers = sale.numbers.to_string();
        let rules = [
            ("edge_min", "edge"),
            ("liquidity_min", "liquidity"),
            ("fall_max", "trailing"),
            ("edge_max", "partial"),
            ("time_stop", "time"),
        ];
        let rule = rules.iter().find(|(limit, _)| numbers.contains(&format!("{limit} ")));
        format!("{} {} {}", rule.unwrap().1, sale.size, sale.urgency.name())
    });
    assert_eq!(text.as_deref(), expected, "{facts:?}");
}

#[test]
fn a_position_without_worries_is_held() {
    check(calm(), None);
}

#[test]
fn all_is_sold_when_the_edge_is_gone() {
    let fair = |fair| Facts { fair: Some(usdc(fair)), ..calm() };
    check(fair("0.49"), None);
    check(fair("0.489999"), Some("edge 100 medium"));
}

#[test]
fn all_is_sold_when_the_book_is_too_thin_for_the_position() {
    let depth = |depth| Facts { depth: usdc(depth), ..calm() };
    check(depth("100"), None);
    check(depth("99.999999"), Some("liquidity 100 high"));
    check(Facts { depth: usdc("50"), holding: holding("0.5", "0.5", "50"), ..calm() }, None);
}

#[test]
fn the_trailing_stop_is_counted_from_the_peak_which_begins_at_the_entry() {
    let at =
        |bid, peak| Facts { price: price(bid), holding: holding("0.5", peak, "100"), ..calm() };
    check(at("0.45", "0.5"), None);
    check(at("0.449999", "0.5"), Some("trailing 100 medium"));
    check(at("0.45", "0.4"), None);
    check(at("0.54", "0.6"), None);
    check(at("0.539999", "0.6"), Some("trailing 100 medium"));
    let mut never = config().exit;
    never.trailing_stop_frac = Frac::from_micros(1_000_000);
    assert_eq!(Sale::of(&never, &at("0.000001", "0.999999")).map(|sale| sale.urgency), None);
}

#[test]
fn a_gain_is_taken_by_half_once_when_the_edge_is_nearly_gone() {
    let at = |bid, fair, shares| Facts {
        price: price(bid),
        fair: Some(usdc(fair)),
        holding: holding("0.5", bid, shares),
        ..calm()
    };
    check(at("0.6", "0.619999", "100"), Some("partial 50 medium"));
    check(at("0.6", "0.62", "100"), None);
    check(at("0.6", "0.590001", "100"), Some("partial 50 medium"));
    // Exactly the lower limit is neither gone nor nearly gone.
    check(at("0.6", "0.59", "100"), None);
    // Only at a gain, and only while more than 0.6 of what was bought is held.
    check(at("0.5", "0.51", "100"), None);
    check(at("0.500001", "0.51", "100"), Some("partial 50 medium"));
    check(at("0.6", "0.6", "60"), None);
    check(at("0.6", "0.6", "60.01"), Some("partial 30 medium"));
}

#[test]
fn no_half_is_sold_that_the_venue_would_not_take_or_that_leaves_such_a_rest() {
    let least = |least| Facts {
        price: price("0.6"),
        fair: Some(usdc("0.6")),
        least: size(least),
        holding: holding("0.5", "0.6", "100"),
        ..calm()
    };
    check(least("50"), Some("partial 50 medium"));
    check(least("50.000001"), None);
    // The odd cent stays with the rest: it makes no half of 30.
    let odd = Facts { holding: holding("0.5", "0.6", "60.01"), ..least("30.01") };
    check(odd, None);
    check(Facts { least: size("30"), ..odd }, Some("partial 30 medium"));
}

#[test]
fn the_time_stop_sells_late_in_the_fourth_quarter_what_has_gained_too_little() {
    let late = |left: u64, bid| Facts {
        price: price(bid),
        fourth_left: Some(Duration::from_secs(left)),
        holding: holding("0.5", bid, "100"),
        ..calm()
    };
    check(late(120, "0.5"), None);
    check(late(119, "0.5"), Some("time 100 medium"));
    check(late(119, "0.549999"), Some("time 100 medium"));
    check(late(119, "0.55"), None);
    check(Facts { fourth_left: None, ..late(0, "0.5") }, None);
}

#[test]
fn the_first_rule_that_fits_is_taken() {
    // All fit at once; one after the other is mended.
    let mut facts = Facts {
        price: price("0.52"),
        fair: Some(usdc("0.4")),
        fourth_left: Some(Duration::from_secs(1)),
        depth: usdc("1"),
        least: size("5"),
        holding: holding("0.5", "0.9", "100"),
    };
    check(facts, Some("edge 100 medium"));
    facts.fair = Some(usdc("0.53"));
    check(facts, Some("liquidity 100 high"));
    facts.depth = usdc("5000");
    check(facts, Some("trailing 100 medium"));
    facts.holding = holding("0.5", "0.52", "100");
    check(facts, Some("partial 50 medium"));
    facts.fair = Some(usdc("0.6"));
    check(facts, Some("time 100 medium"));
    facts.fourth_left = Some(Duration::from_secs(120));
    check(facts, None);
}

#[test]
fn without_a_game_the_book_alone_is_asked() {
    let blind = Facts { fair: None, fourth_left: None, ..calm() };
    check(blind, None);
    check(Facts { depth: usdc("99"), ..blind }, Some("liquidity 100 high"));
    check(Facts { price: price("0.4"), ..blind }, Some("trailing 100 medium"));
    check(Facts { price: price("0.6"), holding: holding("0.5", "0.6", "100"), ..blind }, None);
}

/// A desk with 41.66 shares of the guests at 0.6, worth 0.880797 each.
fn holding_desk(config: Config) -> Desk {
    let mut desk = Desk::leading(config);
    desk.bought("0.59/0.6");
    desk.wait_s(10);
    desk
}

/// The score has turned: the guests' share is worth hardly anything.
fn turned() -> Game {
    game([90, 100], 4, 290)
}

#[test]
fn the_urgency_of_a_rule_is_the_limit_of_its_order() {
    let check = |urgency, quote: &str, expected: &str| {
        let mut config = config();
        config.exit.edge_urgency = urgency;
        let mut desk = holding_desk(config);
        desk.tell(turned());
        assert_eq!(desk.quote(quote), format!("exit: sell 41.66 yes at {expected}"), "{urgency:?}");
    };
    check(Urgency::Low, "0.56/0.58", "0.58");
    check(Urgency::Medium, "0.56/0.58", "0.56");
    check(Urgency::High, "0.56/0.58", "0.54");
    check(Urgency::Critical, "0.56/0.58", "0.01");
    // No ask to ask, and no step below the lowest price.
    check(Urgency::Low, "0.56/-", "0.56");
    check(Urgency::High, "0.15/0.17", "0.13");
    let mut config = config();
    config.exit.edge_urgency = Urgency::High;
    config.exit.liquidity_min = Frac::default();
    let mut desk = holding_desk(config);
    desk.tell(game([50, 100], 4, 290));
    assert_eq!(desk.quote("0.02/0.03"), "exit: sell 41.66 yes at 0.01");
    assert_eq!(desk.quote("0.01/0.02"), "exit: sell 41.66 yes at 0.01");
}

#[test]
fn an_exit_tells_what_it_compared() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    assert_eq!(desk.quote("0.58/0.59"), "exit: sell 41.66 yes at 0.58");
    assert_eq!(desk.compared, "p 0.128607, bid 0.58, edge -0.451393, edge_min -0.01");
}

#[test]
fn a_hold_tells_what_it_compared_and_counts_its_warnings() {
    let mut desk = holding_desk(config());
    desk.tell(leading());
    assert_eq!(desk.quote("0.62/0.63"), "holding");
    assert_eq!(
        desk.compared,
        "p 0.880797, bid 0.62, edge 0.260797, peak 0.62, gain 0.033333, liquidity 145.184519, \
         warnings 0"
    );
    // Little edge; late; little liquidity.
    let warnings = |desk: &mut Desk, quote: &str| {
        assert_eq!(desk.quote(quote), "holding", "{}", desk.compared);
        desk.compared.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(warnings(&mut desk, "0.85/0.86"), "0");
    assert_eq!(warnings(&mut desk, "0.850797/0.86"), "0");
    assert_eq!(warnings(&mut desk, "0.851/0.86"), "1");
    desk.tell(Game { clock_s: 240, ..leading() });
    assert_eq!(warnings(&mut desk, "0.82/0.83"), "0");
    desk.tell(Game { clock_s: 239, ..leading() });
    assert_eq!(warnings(&mut desk, "0.82/0.83"), "1");
}

#[test]
fn a_book_of_less_than_three_times_what_is_held_is_warned_of() {
    let mut desk = holding_desk(config());
    desk.tell(leading());
    let mut warnings = |shares: &str| {
        let bids = vec![Level { price: price("0.6"), size: size(shares) }];
        desk.show(YES, OrderBook::new(desk.now, bids, Vec::new()));
        assert_eq!(desk.look(), "holding");
        desk.compared.split(", ").skip(5).collect::<Vec<_>>().join(", ")
    };
    // 41.66 shares are held: three times as many are enough.
    assert_eq!(warnings("124.98"), "liquidity 3, warnings 0");
    assert_eq!(warnings("124.97"), "liquidity 2.999759, warnings 1");
}

#[test]
fn a_gain_is_taken_by_half_and_the_rest_is_held() {
    let mut desk = holding_desk(config());
    desk.tell(leading());
    let look = desk.quote("0.87/0.88");
    assert_eq!(look, "exit: sell 20.83 yes at 0.87");
    assert_eq!(
        desk.compared,
        "bid 0.87, edge 0.010797, edge_max 0.02, entry 0.6, held 1, held_min 0.6"
    );
    assert_eq!(desk.stage(), "Managing");
    let order = desk.send(&look);
    assert_eq!(desk.quote("0.87/0.88"), "pending_order");
    assert_eq!(
        (desk.done(order, "20.83").as_str(), desk.stage().as_str()),
        ("holding", "Managing")
    );
    assert_eq!(desk.held().unwrap(), "20.83 yes at 0.6, peak 0.87");
    // Half of it is no more than 0.6: no second half.
    assert_eq!(desk.quote("0.87/0.88"), "holding");
}

#[test]
fn with_a_stale_game_the_stops_of_the_book_go_on() {
    let mut desk = holding_desk(config());
    desk.wait_s(61);
    assert_eq!(desk.quote("0.6/0.61"), "stale_game");
    assert_eq!(desk.quote("0.53/0.54"), "exit: sell 41.66 yes at 0.53");
    assert_eq!(desk.compared, "bid 0.53, peak 0.6, fall 0.116667, fall_max 0.1");
}

#[test]
fn a_clock_that_makes_no_sense_is_no_game() {
    let mut desk = holding_desk(config());
    desk.tell(Game { clock_s: 999, ..turned() });
    assert_eq!(desk.quote("0.6/0.61"), "not_in_play");
    assert_eq!(desk.quote("0.53/0.54"), "exit: sell 41.66 yes at 0.53");
}

#[test]
fn what_is_held_at_the_end_of_the_game_is_held_to_resolution() {
    let mut desk = holding_desk(config());
    desk.tell(Game { is_final: true, clock_s: 0, ..turned() });
    assert_eq!(desk.quote("0.01/0.02"), "not_in_play");
    desk.wait_s(600);
    assert_eq!(desk.quote("0.01/0.02"), "not_in_play");
}

#[test]
fn nothing_is_sold_on_a_book_that_is_old_crossed_or_without_a_bid() {
    let mut desk = holding_desk(config());
    let stale = desk.tell(turned());
    assert_eq!(stale, ["stale_book"]);
    assert_eq!(desk.compared, "age 10s, book_age_max 5s");
    assert_eq!(desk.quote("0.6/0.59"), "crossed_book");
    assert_eq!(desk.quote("-/0.59"), "one_sided_book");
    // The other outcome's book does not matter.
    desk.show(YES, book(desk.now, "0.58/0.59"));
    desk.show(NO, book(desk.now, "0.6/0.5"));
    assert_eq!(desk.look(), "exit: sell 41.66 yes at 0.58");
}

#[test]
fn an_exit_that_left_shares_is_tried_again_each_time_later() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    let mut expected = vec![1, 2, 4, 8, 16, 30, 30];
    expected.reverse();
    let mut look = desk.quote("0.58/0.59");
    for _ in 0..7 {
        let order = desk.send(&look);
        assert_eq!(desk.stage(), "Exiting");
        assert_eq!(
            (desk.done(order, "0").as_str(), desk.stage().as_str()),
            ("exit_backoff", "Managing")
        );
        let wait = desk.next_timer().unwrap();
        assert_eq!(wait.as_secs(), expected.pop().unwrap());
        assert_eq!(desk.wait(wait - INSTANT).timer(), [""; 0]);
        desk.show(YES, book(desk.now, "0.58/0.59"));
        desk.tell(turned());
        look = desk.wait(INSTANT).timer().remove(0);
        assert_eq!(look, "exit: sell 41.66 yes at 0.58", "{}", desk.compared);
        assert_eq!(desk.next_timer(), None);
    }
}

#[test]
fn what_an_exit_sold_is_gone_and_the_rest_is_asked_for_again() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    let look = desk.quote("0.58/0.59");
    let order = desk.send(&look);
    assert_eq!(desk.done(order, "30"), "exit_backoff");
    assert_eq!(desk.compared, "attempt 1, wait 1s");
    assert_eq!(desk.held().unwrap(), "11.66 yes at 0.6, peak 0.6");
    assert_eq!(desk.wait_s(1).timer(), ["exit: sell 11.66 yes at 0.58"]);
}

#[test]
fn what_is_below_the_venues_smallest_order_is_held_to_resolution() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    let look = desk.quote("0.58/0.59");
    let order = desk.send(&look);
    assert_eq!(desk.done(order, "36.67"), "below_minimum");
    assert_eq!(desk.compared, "size 4.99, min_size 5");
    assert_eq!(desk.wait_s(1).timer(), ["below_minimum"]);
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn exactly_the_venues_smallest_order_is_sold() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    let look = desk.quote("0.58/0.59");
    let order = desk.send(&look);
    assert_eq!(desk.done(order, "36.66"), "exit_backoff");
    assert_eq!(desk.wait_s(1).timer(), ["exit: sell 5 yes at 0.58"]);
}

#[test]
fn a_refused_exit_waits_too() {
    let mut desk = holding_desk(config());
    desk.tell(turned());
    let look = desk.quote("0.58/0.59");
    let order = desk.send(&look);
    assert_eq!(desk.refused(order), "exit_backoff");
}
