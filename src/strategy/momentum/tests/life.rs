//! Restarts, settlements, timers, and what is none of its business.

use super::*;

#[test]
fn it_wants_the_markets_of_its_series_and_their_prices() {
    let desk = Desk::new(directional());
    let wanted = desk.strategy.subscription();
    assert!(wanted.wants(&desk.markets[&BTC].market));
    assert!(wanted.wants_symbol(&"ETH".into()));
    assert!(!wanted.wants_symbol(&"SOL".into()));
}

#[test]
fn only_prices_and_books_of_its_own_are_looked_at() {
    let mut desk = Desk::new(directional());
    desk.quote(BTC, "-/0.3", "-/0.3");
    let gone = ConditionId::from_bytes([9; 32]);
    let book = Arc::new(OrderBook::default());
    for kind in [
        Kind::Spot { symbol: "SOL".into(), price_usd: usdc("150") },
        Kind::Tick { market: BTC, tick: TickSize::CENT },
        Kind::Gap { missed: 1 },
        Kind::Book { market: gone, outcome: Outcome::Yes, book },
        Kind::Market(Arc::new(market(gone, "sol", (0, 900)))),
    ] {
        assert_eq!(desk.event(kind.clone()), Vec::<String>::new(), "{kind:?}");
    }
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn a_settled_market_is_forgotten_and_what_it_used_up_is_not() {
    let mut desk = Desk::new(predictive());
    desk.fill(BTC, Outcome::Yes, Side::Buy, "10 at 0.3");
    desk.settle(BTC);
    let Momentum { held, markets, strikes, .. } = &desk.strategy;
    assert_eq!((held.len(), markets.len(), strikes.len()), (0, 1, 1));
    assert_eq!(desk.next_timer(), None);
    assert_eq!(desk.strategy.ledger.entries_today(desk.now), 1);
    assert_eq!(desk.strategy.ledger.last_entry(0), Some(desk.now));
    // The underlying is still known: the other one is free.
    assert_eq!(desk.strategy.ledger.last_entry(1), None);
}

#[test]
fn what_binds_no_more_is_forgotten() {
    let mut desk = Desk::new(directional());
    desk.trade(BTC, "10");
    let later = begin() + Duration::from_secs(4 * 900);
    desk.strategy.ledger.forget_old(later, Duration::from_secs(60));
    assert_eq!(desk.strategy.ledger.last_entry(0), None);
    // A market that closes much later keeps its window spent.
    let mut desk = Desk::new(directional());
    desk.change(|market| market.closes_at = begin() + Duration::from_secs(5 * 900));
    desk.trade(BTC, "10");
    desk.strategy.ledger.forget_old(later, Duration::from_secs(60));
    let window = Window::of(&desk.markets[&BTC].market);
    assert_eq!(desk.strategy.ledger.spent(window), Some(usdc("3")));
    // Until the quarter of an hour of its close is over.
    for (second, expected) in [(6 * 900 - 1, Some(usdc("3"))), (6 * 900, None)] {
        let now = begin() + Duration::from_secs(second);
        desk.strategy.ledger.forget_old(now, Duration::from_secs(60));
        assert_eq!(desk.strategy.ledger.spent(window), expected, "{second}");
    }
}

#[test]
fn what_was_bought_is_kept_for_half_an_hour_and_longer_where_the_cooldown_is() {
    for (cooldown, kept) in [(60, 1800), (3600, 3600)] {
        let mut desk = Desk::new(directional());
        desk.trade(BTC, "10");
        let cooldown = Duration::from_secs(cooldown);
        let last = desk.now + Duration::from_secs(kept);
        desk.strategy.ledger.forget_old(last, cooldown);
        assert_eq!(desk.strategy.ledger.last_entry(0), Some(desk.now));
        desk.strategy.ledger.forget_old(last + INSTANT, cooldown);
        assert_eq!(desk.strategy.ledger.last_entry(0), None);
    }
}

/// Returns a successor that was told the fills of the past before it saw any market.
fn successor(desk: &Desk, config: Config) -> Desk {
    let mut next = Desk::new(config.clone());
    next.strategy = Momentum::new(config);
    let markets = std::mem::take(&mut next.markets);
    for fill in &desk.fills {
        next.now = fill.at;
        let looks = next.ask(|strategy, view, looks| strategy.on_fill(fill, view, looks));
        assert_eq!(looks, Vec::<String>::new());
    }
    next.now = desk.now;
    next.orders = desk.orders.clone();
    drop(markets);
    next
}

/// Tells a successor of the markets that its predecessor knows.
fn announce_all(next: &mut Desk, desk: &Desk) {
    for (id, state) in &desk.markets {
        next.markets.insert(*id, state.clone());
        assert_eq!(next.event(Kind::Market(Arc::clone(&state.market))), Vec::<String>::new());
    }
}

#[test]
fn after_a_restart_the_fills_of_the_past_bring_everything_back() {
    let config = Config { daily_max: 2, ..directional() };
    let mut desk = Desk::new(config.clone());
    desk.trade(ETH, "20");
    desk.wait_s(20).fill(BTC, Outcome::Yes, Side::Buy, "40 at 0.3");
    desk.wait_s(10);
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    let mut next = successor(&desk, config);
    announce_all(&mut next, &desk);
    assert_eq!(next.strategy.held, desk.strategy.held);
    // Each gate, one after the other, in both.
    let both = |desk: &mut Desk, next: &mut Desk, expected: [&str; 2]| {
        let looks = desk.still("100200", "4010");
        assert_eq!(looks, expected);
        assert_eq!(next.still("100200", "4010"), expected);
        assert_eq!(next.compared, desk.compared);
    };
    both(&mut desk, &mut next, ["cooldown", "cooldown"]);
    for one in [&mut desk, &mut next] {
        one.wait_s(30).quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    }
    both(&mut desk, &mut next, ["cooldown", "daily_limit"]);
    for one in [&mut desk, &mut next] {
        one.strategy.config.cooldown = Duration::ZERO;
        one.strategy.config.daily_max = 3;
    }
    both(&mut desk, &mut next, ["position_open", "window_exposure"]);
    assert_eq!(desk.compared, "spent 18, cost 12, window_exposure_max 25");
}

#[test]
fn a_fill_of_a_market_that_is_not_known_counts_against_every_underlying() {
    let config = Config { best_edge: Some(Duration::ZERO), ..directional() };
    let mut desk = Desk::new(config.clone());
    desk.fill(BTC, Outcome::Yes, Side::Buy, "10 at 0.3");
    desk.wait_s(10);
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    let mut next = successor(&desk, config);
    // Only the market of ETH is told of: the other one may have closed meanwhile.
    let known = desk.markets.remove(&BTC).unwrap();
    announce_all(&mut next, &desk);
    let look = |next: &mut Desk| next.prices("ETH", &[(60, "4010"), (0, "4010")]);
    assert_eq!(look(&mut next), "cooldown");
    next.wait_s(60).quote(ETH, "-/0.3", "-/0.3");
    assert_eq!(look(&mut next), "position_open");
    // It is settled: no position any more, but which window it was in is not known.
    let mut settled = successor(&desk, next.strategy.config.clone());
    announce_all(&mut settled, &desk);
    settled.strategy.on_settled(BTC);
    settled.wait_s(60).quote(ETH, "-/0.3", "-/0.3");
    assert_eq!(look(&mut settled), "window_spent");
    // It is told of: it was BTC, in the same window.
    desk.markets.insert(BTC, known);
    next.strategy.config.best_edge = None;
    announce_all(&mut next, &desk);
    next.quote(ETH, "-/0.3", "-/0.3");
    assert_eq!(look(&mut next), "entry: buy 40 yes of eth at 0.3");
}

#[test]
fn a_position_of_the_past_is_watched_again_once_its_market_is_known() {
    let mut desk = Desk::new(predictive());
    desk.fill(BTC, Outcome::Yes, Side::Buy, "40 at 0.5");
    desk.wait_s(5);
    let mut next = successor(&desk, predictive());
    assert_eq!(next.next_timer(), None);
    announce_all(&mut next, &desk);
    assert_eq!(next.next_timer(), Some(Duration::from_secs(205) + INSTANT));
    next.show(BTC, Outcome::Yes, Duration::ZERO, "0.6/-");
    assert_eq!(next.book(BTC, Outcome::Yes), ["exit: sell 40 yes of btc at 0.6"]);
}

#[test]
fn a_position_whose_market_is_not_seen_does_not_wake_it_again_and_again() {
    let mut desk = Desk::new(predictive());
    desk.fill(BTC, Outcome::Yes, Side::Buy, "40 at 0.5");
    desk.markets.remove(&BTC);
    desk.wait(Duration::from_secs(210) + INSTANT);
    assert_eq!(desk.timer(), Vec::<String>::new());
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn a_timer_that_passed_unnoticed_is_made_up_for_once() {
    let mut desk = Desk::new(predictive());
    desk.fill(BTC, Outcome::Yes, Side::Buy, "40 at 0.5");
    desk.left_s(10).spot("ETH", "4000");
    assert_eq!(desk.next_timer(), Some(INSTANT));
    desk.wait(INSTANT);
    desk.show(BTC, Outcome::Yes, Duration::ZERO, "0.5/-");
    assert_eq!(desk.timer(), ["exit: sell 40 yes of btc at 0.5"]);
    assert_eq!(desk.next_timer(), None);
}
