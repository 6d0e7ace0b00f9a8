//! The guard's answer in full agrees with its short one, whatever is asked.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::order::Origin;

/// Something that happens to a guard or its surroundings before it is asked.
#[derive(Clone, Debug)]
enum Before {
    Gate(Gate),
    Round(i64),
    Sent(Submission),
    Cooled(u64),
    Tries(u64),
    Drawdown(i64),
    Release,
    Taken(u64),
    Holds(Outcome, u32),
    Open(Outcome, Purpose, u32),
}

#[derive(Clone, Debug, Default)]
struct Scene {
    portfolio: Portfolio,
    orders: OpenOrders,
    groups: Groups,
}

fn guard() -> RiskGuard {
    RiskGuard::new(limits())
}

impl Scene {
    fn after(befores: &[Before], guard: &mut RiskGuard) -> Self {
        let mut scene = Self::default();
        for (number, before) in (1..).zip(befores) {
            match before.clone() {
                Before::Gate(gate) => guard.set_gate(gate),
                Before::Round(cents) => drop(guard.round(cents_of(cents), NOW)),
                Before::Sent(submission) => drop(guard.sent(&submission, NOW)),
                Before::Cooled(seconds) => {
                    guard.cool_down(NOW + Duration::from_secs(seconds));
                }
                Before::Tries(number) => guard.breaker.tries(number, MARKET),
                Before::Drawdown(cents) => drop(guard.drawdown(cents_of(cents), NOW)),
                Before::Release => drop(guard.release(Usdc::ZERO, Usdc::ZERO)),
                Before::Taken(times) => (0..times).for_each(|_| guard.throttle.take(NOW)),
                Before::Holds(outcome, shares) => {
                    let fill = Fill {
                        number,
                        order: "a:1".parse().unwrap(),
                        market: MARKET,
                        outcome,
                        side: Side::Buy,
                        price: "0.4".parse().unwrap(),
                        size: size_of(shares),
                        fee: Usdc::ZERO,
                        liquidity: Liquidity::Taker,
                        at: NOW,
                    };
                    scene.portfolio.book(&fill).unwrap();
                }
                Before::Open(outcome, purpose, shares) => {
                    let side = if purpose == Purpose::Exit { Side::Sell } else { Side::Buy };
                    let intent = Intent { outcome, ..intent(purpose, side, "0.4", "5") };
                    let intent = Intent { size: size_of(shares), ..intent };
                    scene.orders.add(u64::from(number), intent, Usdc::ZERO);
                }
            }
        }
        scene
    }

    fn context<'a>(&'a self, market: Option<&'a Market>) -> Context<'a> {
        let Self { portfolio, orders, groups } = self;
        Context { now: NOW, market, tick: TickSize::CENT, book: None, portfolio, orders, groups }
    }
}

fn cents_of(cents: i64) -> Usdc {
    Usdc::from_micros(cents * 10_000).unwrap()
}

fn size_of(shares: u32) -> Size {
    Size::from_micros(i64::from(shares) * 1_000_000).unwrap()
}

fn submission() -> impl Strategy<Value = Submission> {
    let origins = [Origin::Unsent, Origin::Order, Origin::Venue];
    let refused = origins.map(|origin| Submission::Rejected { reason: String::new(), origin });
    select([&refused[..], &[Submission::Accepted, Submission::Unknown]].concat())
}

fn before() -> impl Strategy<Value = Before> {
    let outcome = || select(Outcome::BOTH.to_vec());
    let purpose = || select(vec![Purpose::Entry, Purpose::Hedge, Purpose::Exit]);
    prop_oneof![
        select(vec![Gate::Open, Gate::ReduceOnly, Gate::Closed]).prop_map(Before::Gate),
        (-500..500_i64).prop_map(Before::Round),
        submission().prop_map(Before::Sent),
        (0..1000_u64).prop_map(Before::Cooled),
        (0..8_u64).prop_map(Before::Tries),
        (-500..1500_i64).prop_map(Before::Drawdown),
        Just(Before::Release),
        (0..8_u64).prop_map(Before::Taken),
        (outcome(), 1..80_u32).prop_map(|(outcome, shares)| Before::Holds(outcome, shares)),
        (outcome(), purpose(), 1..80_u32).prop_map(|(o, p, shares)| Before::Open(o, p, shares)),
    ]
}

fn wanted() -> impl Strategy<Value = Intent> {
    let purposes = select(vec![Purpose::Entry, Purpose::Hedge, Purpose::Exit]);
    let sides = select(vec![Side::Buy, Side::Sell]);
    // Few prices and sizes, so that grids and boundaries are met often.
    let prices = select(vec!["0.05", "0.30", "0.405", "0.50", "0.99"]);
    let sizes = select(vec!["4.99", "5", "5.001", "10", "40", "100", "100000"]);
    let outcomes = select(Outcome::BOTH.to_vec());
    (purposes, sides, prices, sizes, outcomes).prop_map(|(purpose, side, price, size, outcome)| {
        Intent { outcome, ..intent(purpose, side, price, size) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_explanation_says_what_the_check_says(
        befores in prop::collection::vec(before(), 0..6),
        intent in wanted(),
        is_known in prop::bool::weighted(0.95),
    ) {
        let mut guard = guard();
        let scene = Scene::after(&befores, &mut guard);
        let market = market();
        let context = scene.context(is_known.then_some(&market));
        let explanation = guard.explain(&intent, &context);
        prop_assert_eq!(guard.judge(&intent, &context).err(), explanation.rejection());
        let checked = guard.clone().check(intent, &context);
        prop_assert_eq!(checked.err(), explanation.rejection());

        // Every rule is told in its place; nothing is asked after the first that refuses.
        let rules = explanation.checks.map(|check| check.rule);
        prop_assert_eq!(rules, Rule::ALL);
        let names = explanation.checks.map(|check| check.finding.name());
        let refused = names.iter().position(|name| *name == "refused");
        for (place, name) in names.into_iter().enumerate() {
            let is_behind = refused.is_some_and(|refused| refused < place);
            prop_assert_eq!(is_behind, name == "not_reached");
        }
        let rule = refused.map(|place| rules[place]);
        prop_assert_eq!(rule, explanation.rejection().map(|rejection| rejection.rule));

        // What is said to pass passes, and is less than what was refused.
        if let Some(size) = explanation.passing {
            prop_assert!(size < intent.size);
            prop_assert_eq!(guard.judge(&Intent { size, ..intent }, &context), Ok(()));
        }
        if let Some(until) = explanation.until {
            guard.cool_down(until);
            let rule = guard.judge(&intent, &Context { now: until, ..context }).err();
            let rule = rule.map(|rejection| rejection.rule);
            prop_assert!(rule.is_none() || rule != explanation.rejection().map(|no| no.rule));
        }
    }
}

/// Says an explanation, one rule a line: what was compared, and the room that is left.
fn text(explanation: &Explanation) -> String {
    let line = |check: &Check| {
        let compared = check.finding.compared();
        let compared = compared.map(|(used, limit)| format!(" {used} of {limit}"));
        let room = check.room().map(|room| format!(", {room} left"));
        let (compared, room) = (compared.unwrap_or_default(), room.unwrap_or_default());
        format!("{} {}{compared}{room}\n", check.rule.name(), check.finding.name())
    };
    let mut text: String = explanation.checks.iter().map(line).collect();
    if let Some(passing) = explanation.passing {
        text += &format!("{passing} would pass\n");
    }
    if let Some(until) = explanation.until {
        text += &format!("passes after {:?}\n", until.since(NOW));
    }
    text
}

#[test]
fn an_entry_is_held_against_every_rule_that_is_for_entries() {
    let scene = Scene { portfolio: holding(Outcome::Yes, "0.30", "100"), ..Scene::default() };
    let market = market();
    let explanation = guard().explain(&entry("0.40", "10"), &scene.context(Some(&market)));
    let expected = expect_test::expect![[r"
        gate passed
        loss_streak passed 0 of 2, 2 left
        reject_streak passed 0 of 5, 5 left
        failure_streak passed 0 of 3, 3 left
        drawdown passed 0 of 10, 10 left
        daily_loss passed 0 of 1000000000000, 1000000000000 left
        trial exempt
        unknown_market passed
        price_grid passed 0.4 of 0.01
        venue_minimum passed 10 of 5
        holdings exempt
        one_order_per_leg passed 1 of 1, 0 left
        open_orders passed 1 of 2, 1 left
        price_band passed 0.4 of 0.99
        stale_book exempt
        book_distance exempt
        close_left passed 0s of 0s
        order_size passed 10 of 1000, 990 left
        order_notional passed 4 of 250, 246 left
        market_exposure passed 34 of 40, 6 left
        event_exposure exempt
        symbol_exposure exempt
        strategy_exposure passed 34 of 60, 26 left
        throttle passed 1 of 3, 2 left
    "]];
    expected.assert_eq(&text(&explanation));
}

#[test]
fn a_refused_entry_is_told_what_passes_every_rule_and_not_only_the_first() {
    let mut limits = limits();
    limits.strategy_exposure_max_usdc = usdc("36");
    let guard = RiskGuard::new(limits);
    let scene = Scene { portfolio: holding(Outcome::Yes, "0.30", "100"), ..Scene::default() };
    let market = market();
    let explanation = guard.explain(&entry("0.40", "30"), &scene.context(Some(&market)));
    assert_eq!(explanation.rejection().unwrap().passing, Some("25".parse().unwrap()));
    assert_eq!(explanation.passing, Some("15".parse().unwrap()));
    assert!(text(&explanation).ends_with(
        "market_exposure refused 42 of 40, 0 left\nevent_exposure not_reached\nsymbol_exposure \
         not_reached\nstrategy_exposure not_reached\n\
         throttle not_reached\n15 would pass\n"
    ));
}

#[test]
fn a_trip_is_told_with_its_numbers_and_its_end_and_holds_for_entries_only() {
    let mut guard = guard();
    guard.round(usdc("-1"), NOW);
    guard.round(usdc("-1"), NOW);
    let scene = Scene { portfolio: holding(Outcome::Yes, "0.30", "100"), ..Scene::default() };
    let market = market();
    let context = scene.context(Some(&market));
    let refused = text(&guard.explain(&entry("0.40", "10"), &context));
    assert!(refused.starts_with("gate passed\nloss_streak refused 2 of 2, 0 left\n"), "{refused}");
    assert!(refused.ends_with("passes after 600s\n"), "{refused}");
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "10");
    let passed = text(&guard.explain(&exit, &context));
    let expected = expect_test::expect![[r"
        gate passed
        loss_streak exempt
        reject_streak exempt
        failure_streak exempt
        drawdown exempt
        daily_loss exempt
        trial exempt
        unknown_market passed
        price_grid passed 0.2 of 0.01
        venue_minimum passed 10 of 5
        holdings passed 10 of 100, 90 left
        one_order_per_leg passed 1 of 1, 0 left
        open_orders exempt
        price_band exempt
        stale_book exempt
        book_distance exempt
        close_left exempt
        order_size exempt
        order_notional exempt
        market_exposure passed 30 of 40, 10 left
        event_exposure exempt
        symbol_exposure exempt
        strategy_exposure passed 30 of 60, 30 left
        throttle passed 1 of 6, 5 left
    "]];
    expected.assert_eq(&passed);
}
