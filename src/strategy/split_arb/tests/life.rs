//! Timers, restarts, settlements, and what is none of its business.

use super::*;

const YES: Outcome = Outcome::Yes;

fn event(desk: &mut Desk, kind: Kind) -> Vec<String> {
    let event = MarketEvent { at: desk.now, kind };
    desk.ask(|strategy, view, looks| strategy.on_event(&event, view, looks))
}

#[test]
fn without_a_leg_no_timer_is_wanted() {
    let mut desk = Desk::new(legged());
    desk.quote("-/0.33", "-/0.45");
    assert_eq!(desk.next_timer(), None);
    assert_eq!(desk.timer(), Vec::<String>::new());
}

#[test]
fn a_leg_wakes_the_strategy_the_instant_its_wait_is_over() {
    let mut desk = Desk::new(legged());
    desk.fill(YES, Side::Buy, "100 at 0.33");
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(900) + INSTANT));
    desk.wait_s(899);
    desk.quote("0.32/-", "-/0.7");
    desk.wait_s(1);
    assert_eq!(desk.timer(), Vec::<String>::new());
    desk.wait(INSTANT);
    assert_eq!(desk.timer(), ["exit: sell 100 yes at 0.32"]);
    // Nothing came of it: no second wake at the same instant, the next is before the close.
    let close = Duration::from_secs(HOUR - 30 - 900);
    assert_eq!(desk.next_timer(), Some(close));
    desk.wait(close);
    assert_eq!(desk.timer(), ["stale_book"]);
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn a_timer_that_passed_unnoticed_is_made_up_for_once() {
    let mut desk = Desk::new(legged());
    desk.fill(YES, Side::Buy, "100 at 0.33");
    desk.wait_s(905);
    desk.quote_in(OTHER, "-/0.5", "-/0.5");
    assert_eq!(desk.next_timer(), Some(INSTANT));
    desk.show(MARKET, YES, Duration::ZERO, "0.32/-");
    assert_eq!(desk.timer(), ["exit: sell 100 yes at 0.32"]);
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(HOUR - 30 - 905) + INSTANT));
}

#[test]
fn the_earliest_leg_wakes_the_strategy_and_each_is_looked_at_in_its_turn() {
    let mut desk = Desk::new(legged());
    desk.fill_in(OTHER, YES, Side::Buy, "10 at 0.33");
    desk.wait_s(10).fill(YES, Side::Buy, "100 at 0.33");
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(890) + INSTANT));
    desk.wait(Duration::from_secs(890) + INSTANT);
    desk.show(OTHER, YES, Duration::ZERO, "0.32/-");
    desk.show(MARKET, YES, Duration::ZERO, "0.32/-");
    assert_eq!(desk.timer(), ["exit: sell 10 yes at 0.32"]);
    desk.wait_s(10);
    desk.show(MARKET, YES, Duration::ZERO, "0.31/-");
    assert_eq!(desk.timer(), ["exit: sell 100 yes at 0.31"]);
}

#[test]
fn a_leg_of_a_market_that_is_not_seen_does_not_wake_it_again_and_again() {
    let mut desk = Desk::new(legged());
    let hidden = desk.markets.remove(&MARKET).unwrap();
    assert_eq!(desk.fill(YES, Side::Buy, "100 at 0.33"), Vec::<String>::new());
    desk.wait(Duration::from_secs(900) + INSTANT);
    assert_eq!(desk.timer(), Vec::<String>::new());
    assert_eq!(desk.next_timer(), None);
    // It is announced again: the close is known now.
    let market = Arc::clone(&hidden.market);
    desk.markets.insert(MARKET, hidden);
    assert_eq!(event(&mut desk, Kind::Market(market)), Vec::<String>::new());
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(HOUR - 30 - 900)));
}

#[test]
fn after_a_restart_the_same_fills_give_the_same_legs_and_the_same_looks() {
    let mut desk = Desk::new(legged());
    desk.quote("0.32/0.33", "0.44/0.45");
    desk.fill(YES, Side::Buy, "60 at 0.33 + 0.9");
    desk.wait_s(5).fill(YES, Side::Buy, "40 at 0.34 + 0.6");
    desk.wait_s(5).fill(Outcome::No, Side::Buy, "30 at 0.36 + 0.4");
    desk.fill_in(OTHER, Outcome::No, Side::Buy, "50 at 0.3");
    desk.wait_s(5).fill_in(OTHER, Outcome::No, Side::Sell, "20 at 0.3");
    assert_eq!(desk.leg(MARKET).as_deref(), Some("70 yes for 23.38 + 1.05"));

    // Its successor is told the fills of the past before it sees any market.
    let mut next = Desk::new(legged());
    let markets = std::mem::take(&mut next.markets);
    for fill in &desk.fills {
        next.now = fill.at;
        let looks = next.ask(|strategy, view, looks| strategy.on_fill(fill, view, looks));
        assert_eq!(looks, Vec::<String>::new());
    }
    next.markets = markets;
    next.now = desk.now;
    assert_eq!(next.leg(MARKET), desk.leg(MARKET));
    assert_eq!(next.leg(OTHER), desk.leg(OTHER));
    assert_eq!(next.next_timer(), desk.next_timer());
    for (yes, no) in [("0.33/0.34", "0.4/0.42"), ("0.33/0.34", "0.3/0.36"), ("0.2/-", "-/0.5")] {
        for market in [MARKET, OTHER] {
            let looks = [&mut desk, &mut next].map(|d| d.wait_s(1).quote_in(market, yes, no));
            assert_eq!(looks[0], looks[1]);
            assert_eq!(desk.compared, next.compared);
        }
    }
    assert_eq!(next.next_timer(), desk.next_timer());
    assert_eq!(next.strategy.legs, desk.strategy.legs);
}

#[test]
fn a_settled_market_is_forgotten() {
    let mut desk = Desk::new(legged());
    desk.fill(YES, Side::Buy, "100 at 0.33");
    desk.strategy.on_settled(MARKET);
    assert_eq!((desk.leg(MARKET), desk.next_timer()), (None, None));
}

#[test]
fn only_a_book_of_a_known_market_is_looked_at() {
    let mut desk = Desk::new(legged());
    desk.quote("-/0.33", "-/0.45");
    let market = Arc::clone(&desk.markets[&MARKET].market);
    let gone = ConditionId::from_bytes([9; 32]);
    let book = Arc::new(OrderBook::default());
    for kind in [
        Kind::Market(market),
        Kind::Tick { market: MARKET, tick: TickSize::CENT },
        Kind::Gap { missed: 1 },
        Kind::Book { market: gone, outcome: YES, book },
    ] {
        assert_eq!(event(&mut desk, kind.clone()), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn it_wants_the_markets_of_its_prefixes_and_no_price_of_an_underlying() {
    let desk = Desk::new(legged());
    let wanted = desk.strategy.subscription();
    assert!(wanted.wants(&desk.markets[&MARKET].market));
    assert_eq!(
        (wanted.slug_prefixes.as_slice(), wanted.symbols.len()),
        (&["btc-".to_owned()][..], 0)
    );
}

#[test]
fn an_order_that_ends_after_its_leg_is_gone_changes_nothing() {
    let mut desk = Desk::new(legged());
    let order = desk.send(Purpose::Exit, YES, "100");
    desk.quote("-/0.33", "-/0.45");
    assert_eq!(desk.done(order, "0"), "entry: buy 100 yes at 0.33");
    assert_eq!(desk.next_timer(), None);
}
