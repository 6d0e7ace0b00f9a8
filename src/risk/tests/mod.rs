//! The rules of the guard, one by one, at their boundaries.

mod account;
mod entries;
mod explained;
mod grouped;
mod laws;
mod worst;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::fees::FeeSchedule;
use crate::intent::{Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{Fill, Liquidity};

const MARKET: ConditionId = ConditionId::from_bytes([1; 32]);
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn limits() -> Limits {
    Limits {
        market_exposure_max_usdc: usdc("40"),
        strategy_exposure_max_usdc: usdc("60"),
        open_orders_max: 2,
        order_rate_per_minute: 60,
        order_burst: 3,
        loss_streak_max: 2,
        loss_streak_cooldown: Duration::from_secs(600),
        drawdown_max_usdc: usdc("10"),
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    }
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn market() -> Market {
    Market {
        id: MARKET,
        slug: Arc::from("m"),
        question: Arc::from("q"),
        outcomes: [Arc::from("Up"), Arc::from("Down")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse().unwrap(),
        fees: FeeSchedule::FREE,
        opens_at: NOW,
        closes_at: NOW,
        strike_usd: None,
        event: None,
    }
}

fn intent(purpose: Purpose, side: Side, price: &str, size: &str) -> Intent {
    Intent {
        market: MARKET,
        outcome: Outcome::Yes,
        side,
        limit: price.parse().unwrap(),
        size: size.parse().unwrap(),
        time_in_force: TimeInForce::Fak,
        purpose,
    }
}

fn entry(price: &str, size: &str) -> Intent {
    intent(Purpose::Entry, Side::Buy, price, size)
}

fn fill(outcome: Outcome, price: &str, size: &str) -> Fill {
    Fill {
        number: 1,
        order: "a:1".parse().unwrap(),
        market: MARKET,
        outcome,
        side: Side::Buy,
        price: price.parse().unwrap(),
        size: size.parse().unwrap(),
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: NOW,
    }
}

fn holding(outcome: Outcome, price: &str, size: &str) -> Portfolio {
    let mut portfolio = Portfolio::default();
    portfolio.book(&fill(outcome, price, size)).unwrap();
    portfolio
}

/// The one place that asks the guard; returns the rule that refused, with used, limit and passing size.
fn check(guard: &mut RiskGuard, intent: Intent, portfolio: &Portfolio) -> Result<(), String> {
    check_at(guard, intent, portfolio, &OpenOrders::default(), NOW)
}

fn check_at(
    guard: &mut RiskGuard,
    intent: Intent,
    portfolio: &Portfolio,
    orders: &OpenOrders,
    now: Timestamp,
) -> Result<(), String> {
    let market = market();
    let context = Context {
        now,
        market: Some(&market),
        tick: market.tick,
        book: None,
        portfolio,
        orders,
        groups: &Groups::new(),
    };
    match guard.check(intent, &context) {
        Ok(approved) => {
            assert_eq!(*approved.intent(), intent);
            Ok(())
        }
        Err(no) => {
            let passing = no.passing.map(|size| format!(", {size} would pass")).unwrap_or_default();
            Err(format!("{} {} of {}{passing}", no.rule.name(), no.used, no.limit))
        }
    }
}

fn refused(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[test]
fn exposure_at_the_limit_passes_and_a_share_more_does_not() {
    let none = Portfolio::default();
    let mut guard = RiskGuard::new(limits());
    assert_eq!(check(&mut guard, entry("0.40", "100"), &none), Ok(()));
    let more = check(&mut guard, entry("0.40", "100.01"), &none);
    assert_eq!(more, refused("market_exposure 40.004 of 40, 100 would pass"));
}

#[test]
fn what_is_held_and_what_is_open_count_as_exposure() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::Yes, "0.30", "100");
    let no = check(&mut guard, entry("0.40", "50"), &held);
    assert_eq!(no, refused("market_exposure 50 of 40, 25 would pass"));
    let mut orders = OpenOrders::default();
    let other = Intent { market: ConditionId::from_bytes([2; 32]), ..entry("0.40", "100") };
    orders.add(1, other, Usdc::ZERO);
    let no = check_at(&mut guard, entry("0.40", "60"), &Portfolio::default(), &orders, NOW);
    assert_eq!(no, refused("strategy_exposure 64 of 60, 50 would pass"));
}

#[test]
fn an_exit_never_exceeds_what_is_held() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::Yes, "0.30", "100");
    let sell = |size| intent(Purpose::Exit, Side::Sell, "0.20", size);
    assert_eq!(check(&mut guard, sell("100"), &held), Ok(()));
    let no = check(&mut guard, sell("100.01"), &held);
    assert_eq!(no, refused("holdings 100.01 of 100, 100 would pass"));
    let naked = check(&mut guard, sell("10"), &Portfolio::default());
    assert_eq!(naked, refused("holdings 10 of 0"));
}

#[test]
fn a_hedge_only_completes_pairs() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::No, "0.30", "100");
    let hedge = |size| intent(Purpose::Hedge, Side::Buy, "0.60", size);
    assert_eq!(check(&mut guard, hedge("100"), &held), Ok(()));
    assert!(check(&mut guard, hedge("101"), &held).is_err());
    let mut paired = held.clone();
    let mut second = fill(Outcome::Yes, "0.60", "100");
    second.number = 2;
    paired.book(&second).unwrap();
    assert_eq!(check(&mut guard, hedge("5"), &paired), refused("holdings 5 of 0"));
}

#[test]
fn the_same_shares_are_not_hedged_and_sold_at_once() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::No, "0.30", "100");
    let hedge = |size| intent(Purpose::Hedge, Side::Buy, "0.60", size);
    let sell =
        |size| Intent { outcome: Outcome::No, ..intent(Purpose::Exit, Side::Sell, "0.20", size) };
    let mut hedging = OpenOrders::default();
    hedging.add(1, hedge("60"), Usdc::ZERO);
    let no = check_at(&mut guard, sell("50"), &held, &hedging, NOW);
    assert_eq!(no, refused("holdings 50 of 40, 40 would pass"));
    assert_eq!(check_at(&mut guard, sell("40"), &held, &hedging, NOW), Ok(()));
    let mut selling = OpenOrders::default();
    selling.add(1, sell("60"), Usdc::ZERO);
    let no = check_at(&mut guard, hedge("50"), &held, &selling, NOW);
    assert_eq!(no, refused("holdings 50 of 40, 40 would pass"));
}

#[test]
fn an_entry_that_sells_is_no_entry() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::Yes, "0.30", "100");
    let short = intent(Purpose::Entry, Side::Sell, "0.20", "10");
    assert_eq!(check(&mut guard, short, &held), refused("holdings 10 of 0"));
}

#[test]
fn a_closed_gate_refuses_all_and_reduce_only_lets_protection_pass() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::Yes, "0.30", "100");
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "10");
    guard.set_gate(Gate::ReduceOnly);
    assert_eq!(check(&mut guard, exit, &held), Ok(()));
    assert_eq!(check(&mut guard, entry("0.40", "10"), &held), refused("gate 1 of 0"));
    guard.set_gate(Gate::Closed);
    assert_eq!(check(&mut guard, exit, &held), refused("gate 1 of 0"));
}

#[test]
fn what_the_venue_would_refuse_is_not_sent() {
    let none = Portfolio::default();
    let mut guard = RiskGuard::new(limits());
    let mut say = |intent| check(&mut guard, intent, &none);
    assert_eq!(say(entry("0.40", "5")), Ok(()));
    assert_eq!(say(entry("0.40", "4.99")), refused("venue_minimum 4.99 of 5"));
    assert_eq!(say(entry("0.40", "5.001")), refused("venue_minimum 5.001 of 5"));
    assert_eq!(say(entry("0.10", "9")), refused("venue_minimum 0.9 of 1"));
    assert_eq!(say(entry("0.405", "10")), refused("price_grid 0.405 of 0.01"));
}

#[test]
fn the_least_that_a_buy_must_cost_passes_and_binds_no_sale() {
    let mut guard = RiskGuard::new(limits());
    assert_eq!(check(&mut guard, entry("0.10", "10"), &Portfolio::default()), Ok(()));
    let held = holding(Outcome::Yes, "0.30", "100");
    let cheap = intent(Purpose::Exit, Side::Sell, "0.10", "9");
    assert_eq!(check(&mut guard, cheap, &held), Ok(()));
}

#[test]
fn the_fee_counts_as_exposure() {
    let market = Market { fees: FeeSchedule::new(usdc("0.07"), 1).unwrap(), ..market() };
    let (portfolio, orders) = (Portfolio::default(), OpenOrders::default());
    let (tick, now) = (market.tick, NOW);
    let context = Context {
        now,
        market: Some(&market),
        tick,
        book: None,
        portfolio: &portfolio,
        orders: &orders,
        groups: &Groups::new(),
    };
    // A share at 0.50 costs 0.0175 more: 77 of them 39.8475, and 78 of them 40.365.
    let mut guard = RiskGuard::new(limits());
    assert!(guard.check(entry("0.50", "77"), &context).is_ok());
    let no = guard.check(entry("0.50", "78"), &context).unwrap_err();
    assert_eq!((no.used, no.passing), (Value::Usdc(usdc("40.365")), "77.29".parse().ok()));
}

#[test]
fn a_size_that_would_pass_is_told_only_where_the_venue_takes_it() {
    let mut guard = RiskGuard::new(limits());
    for (held, would) in [("0.38", ", 5 would pass"), ("0.3801", "")] {
        let held = holding(Outcome::Yes, held, "100");
        let no = check(&mut guard, entry("0.40", "50"), &held).unwrap_err();
        assert!(no.ends_with(&format!(" of 40{would}")), "{no}");
    }
}

#[test]
fn protection_passes_however_many_orders_are_open_and_however_much_is_at_risk() {
    let mut guard = RiskGuard::new(limits());
    let mut orders = OpenOrders::default();
    for number in 0..5 {
        let market = ConditionId::from_bytes([9; 32]);
        orders.add(number, Intent { market, ..entry("0.40", "100") }, Usdc::ZERO);
    }
    let held = holding(Outcome::Yes, "0.90", "1000");
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "1000");
    assert_eq!(check_at(&mut guard, exit, &held, &orders, NOW), Ok(()));
    let hedge =
        Intent { outcome: Outcome::No, ..intent(Purpose::Hedge, Side::Buy, "0.90", "1000") };
    assert_eq!(check_at(&mut guard, hedge, &held, &orders, NOW), Ok(()));
}

#[test]
fn the_guard_tells_its_gate_its_limits_and_its_breaker() {
    let mut guard = RiskGuard::new(limits());
    assert_eq!((guard.gate(), guard.limits()), (Gate::Open, &limits()));
    guard.set_gate(Gate::ReduceOnly);
    guard.round(usdc("-1"), NOW);
    assert_eq!((guard.gate(), guard.breaker().streak()), (Gate::ReduceOnly, 1));
    let mut next = RiskGuard::new(limits());
    next.restore(guard.breaker().clone());
    assert!(next.round(usdc("-1"), NOW).is_some(), "the streak goes on");
}

#[test]
fn every_rule_is_named_as_in_files_and_answers() {
    let names = Rule::ALL.map(Rule::name);
    let expected = [
        "gate",
        "loss_streak",
        "reject_streak",
        "failure_streak",
        "drawdown",
        "daily_loss",
        "trial",
        "unknown_market",
        "price_grid",
        "venue_minimum",
        "holdings",
        "one_order_per_leg",
        "open_orders",
        "price_band",
        "stale_book",
        "book_distance",
        "close_left",
        "order_size",
        "order_notional",
        "market_exposure",
        "event_exposure",
        "symbol_exposure",
        "strategy_exposure",
        "throttle",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_market_that_is_not_known_is_not_traded() {
    let (portfolio, orders) = (Portfolio::default(), OpenOrders::default());
    let tick = TickSize::CENT;
    let context = Context {
        now: NOW,
        market: None,
        tick,
        book: None,
        portfolio: &portfolio,
        orders: &orders,
        groups: &Groups::new(),
    };
    let no = RiskGuard::new(limits()).check(entry("0.40", "10"), &context).unwrap_err();
    assert_eq!(no.rule, Rule::UnknownMarket);
}

#[test]
fn one_order_a_leg_and_so_many_in_all() {
    let none = Portfolio::default();
    let mut guard = RiskGuard::new(limits());
    let mut orders = OpenOrders::default();
    orders.add(1, entry("0.10", "10"), Usdc::ZERO);
    let no = check_at(&mut guard, entry("0.40", "10"), &none, &orders, NOW);
    assert_eq!(no, refused("one_order_per_leg 2 of 1"));
    let other_leg = Intent { outcome: Outcome::No, ..entry("0.40", "10") };
    assert_eq!(check_at(&mut guard, other_leg, &none, &orders, NOW), Ok(()));
    orders.add(2, Intent { market: ConditionId::from_bytes([2; 32]), ..other_leg }, Usdc::ZERO);
    let no = check_at(&mut guard, other_leg, &none, &orders, NOW);
    assert_eq!(no, refused("open_orders 3 of 2"));
}

#[test]
fn orders_pass_at_the_rate_and_protection_may_overdraw() {
    let none = Portfolio::default();
    let held = holding(Outcome::Yes, "0.30", "100");
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "10");
    let mut guard = RiskGuard::new(limits());
    for _ in 0..3 {
        assert_eq!(check(&mut guard, entry("0.40", "10"), &none), Ok(()));
    }
    assert_eq!(check(&mut guard, entry("0.40", "10"), &none), refused("throttle 4 of 3"));
    for _ in 0..3 {
        assert_eq!(check(&mut guard, exit, &held), Ok(()));
    }
    assert_eq!(check(&mut guard, exit, &held), refused("throttle 7 of 6"));
    let orders = OpenOrders::default();
    let later = NOW + Duration::from_secs(4);
    assert_eq!(check_at(&mut guard, entry("0.40", "10"), &none, &orders, later), Ok(()));
    let no = check_at(&mut guard, entry("0.40", "10"), &none, &orders, later);
    assert_eq!(no, refused("throttle 4 of 3"));
}

#[test]
fn a_streak_of_losses_stops_entries_until_its_cooldown_is_over() {
    let none = Portfolio::default();
    let mut guard = RiskGuard::new(limits());
    assert_eq!(guard.round(usdc("-1"), NOW), None);
    assert_eq!(guard.round(usdc("1"), NOW), None);
    assert_eq!(guard.round(usdc("-1"), NOW), None);
    let Some(Turn::Tripped(trip)) = guard.round(usdc("-1"), NOW) else { panic!("a trip") };
    assert_eq!((trip.rule, trip.until), (Rule::LossStreak, Some(NOW + Duration::from_secs(600))));
    assert_eq!(check(&mut guard, entry("0.40", "10"), &none), refused("loss_streak 2 of 2"));
    assert_eq!(guard.cool_down(NOW + Duration::from_secs(599)), None);
    assert_eq!(
        guard.cool_down(NOW + Duration::from_secs(600)),
        Some(Turn::HalfOpen(Rule::LossStreak))
    );
    assert_eq!(check(&mut guard, entry("0.40", "10"), &none), Ok(()));
}

#[test]
fn a_deep_drawdown_stops_entries_until_a_person_releases_it() {
    let none = Portfolio::default();
    let held = holding(Outcome::Yes, "0.30", "100");
    let mut guard = RiskGuard::new(limits());
    assert_eq!(guard.drawdown(usdc("9.99"), NOW), None);
    assert!(guard.drawdown(usdc("10"), NOW).is_some());
    assert_eq!(check(&mut guard, entry("0.40", "10"), &none), refused("drawdown 10 of 10"));
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "10");
    assert_eq!(check(&mut guard, exit, &held), Ok(()));
    assert_eq!(guard.cool_down(NOW + Duration::from_secs(1_000_000)), None);
    assert_eq!(guard.release(usdc("10"), Usdc::ZERO), Some(Rule::Drawdown));
    assert_eq!(guard.drawdown(usdc("19.99"), NOW), None);
    assert!(guard.drawdown(usdc("20"), NOW).is_some());
}

#[test]
fn a_profit_of_nothing_is_neither_win_nor_loss() {
    let mut guard = RiskGuard::new(limits());
    assert_eq!(guard.round(usdc("-1"), NOW), None);
    assert_eq!(guard.round(usdc("0"), NOW), None);
    assert!(guard.round(usdc("-1"), NOW).is_some());
}

#[test]
fn the_rules_are_listed_in_the_order_they_are_asked() {
    assert!(Rule::ALL.is_sorted());
}

fn answered(guard: &mut RiskGuard, origin: crate::order::Origin) -> Option<Turn> {
    guard.sent(&Submission::Rejected { reason: "no".into(), origin }, NOW)
}

/// Returns what the guard finds of one rule, for an entry.
fn found(guard: &RiskGuard, rule: Rule, portfolio: &Portfolio, orders: &OpenOrders) -> String {
    let (market, groups) = (market(), Groups::new());
    let (tick, book) = (market.tick, None);
    let context =
        Context { now: NOW, market: Some(&market), tick, book, portfolio, orders, groups: &groups };
    let explanation = guard.explain(&entry("0.40", "10"), &context);
    let check = explanation.checks.iter().find(|check| check.rule == rule).unwrap();
    let compared = check.finding.compared().map(|(used, limit)| format!(" {used} of {limit}"));
    format!("{}{}", check.finding.name(), compared.unwrap_or_default())
}

#[test]
fn rejects_and_failures_are_used_before_they_trip() {
    use crate::order::Origin;
    let mut guard = RiskGuard::new(limits());
    for origin in [Origin::Order, Origin::Order, Origin::Venue, Origin::Unsent] {
        assert_eq!(answered(&mut guard, origin), None);
    }
    let (none, open) = (Portfolio::default(), OpenOrders::default());
    assert_eq!(found(&guard, Rule::RejectStreak, &none, &open), "passed 2 of 5");
    assert_eq!(found(&guard, Rule::FailureStreak, &none, &open), "passed 1 of 3");
    let uses = guard.uses(&none, &open, &Groups::new(), NOW);
    let of = |rule| uses.iter().find(|one| one.rule == rule).unwrap().used;
    assert_eq!(of(Rule::RejectStreak), Value::Count(2));
    assert_eq!(of(Rule::FailureStreak), Value::Count(1));
    // What is written of them is read.
    let text = serde_json::to_string(guard.breaker()).unwrap();
    assert_eq!(serde_json::from_str::<Breaker>(&text).unwrap(), *guard.breaker());
    let other = text.replacen("2", "3", 1);
    assert!(serde_json::from_str::<Breaker>(&other).unwrap_err().to_string().starts_with("form 3"));
}

#[test]
fn the_lowest_price_of_the_band_is_held_against_its_upper_end() {
    let mut limits = limits();
    limits.entry.price_min = "0.40".parse().unwrap();
    let (none, open) = (Portfolio::default(), OpenOrders::default());
    let of =
        |limits: &Limits| found(&RiskGuard::new(limits.clone()), Rule::PriceBand, &none, &open);
    assert_eq!(of(&limits), "passed 0.4 of 0.99");
    limits.entry.price_min = "0.41".parse().unwrap();
    assert_eq!(of(&limits), "refused 0.4 of 0.41");
}

#[test]
fn a_trial_is_the_newest_entry_until_its_order_or_its_round_is_over() {
    use crate::order::Origin;
    let none = Portfolio::default();
    for rule in [Rule::LossStreak, Rule::FailureStreak] {
        let mut guard = RiskGuard::new(limits());
        if rule == Rule::LossStreak {
            guard.round(usdc("-1"), NOW);
            guard.round(usdc("-1"), NOW);
        } else {
            for _ in 0..3 {
                answered(&mut guard, Origin::Venue);
            }
        }
        let later = NOW + Duration::from_secs(600);
        assert_eq!(guard.cool_down(later), Some(Turn::HalfOpen(rule)));
        assert_eq!(guard.breaker().trial().map(|trial| trial.rule), Some(rule));
        // Protection is no trial.
        let (held, mut open) = (holding(Outcome::Yes, "0.40", "20"), OpenOrders::default());
        let exit = intent(Purpose::Exit, Side::Sell, "0.30", "10");
        open.add(1, exit, Usdc::ZERO);
        guard.numbered(&Approved { intent: exit }, 1);
        assert_eq!(found(&guard, Rule::Trial, &none, &open), "passed 1 of 1");
        guard.numbered(&Approved { intent: entry("0.40", "10") }, 1);
        assert_eq!(found(&guard, Rule::Trial, &none, &open), "refused 2 of 1");
        let over = OpenOrders::default();
        assert_eq!(found(&guard, Rule::Trial, &none, &over), "passed 1 of 1");
        let round = if rule == Rule::LossStreak { "refused 2 of 1" } else { "passed 1 of 1" };
        assert_eq!(found(&guard, Rule::Trial, &held, &over), round);
    }
}

#[test]
fn protection_is_bound_by_what_is_no_limit_of_risk_and_by_the_exposure_of_broken_pairs() {
    let bound = |purpose| {
        let rules = Rule::ALL.into_iter().filter(|rule| rule.binds(purpose));
        rules.map(Rule::name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(bound(Purpose::Entry).split(' ').count(), Rule::COUNT);
    let always = "gate unknown_market price_grid venue_minimum holdings one_order_per_leg";
    assert_eq!(bound(Purpose::Hedge), format!("{always} throttle"));
    let exposure = "market_exposure strategy_exposure";
    assert_eq!(bound(Purpose::Exit), format!("{always} {exposure} throttle"));
}
