//! A strategy that is started again goes on as if it had not been.

use ploy::event::{Kind, MarketEvent};
use ploy::order::StrategyId;

use crate::case::Case;
use crate::play::Play;

/// Starts the strategy again after every event of a case in turn, and compares what it decides from then on.
/// Returns at how many places it was started again.
fn check(name: &str) -> usize {
    let case = Case::read(name);
    let [strategy] = case.strategies.as_slice() else { panic!("{name}: one strategy") };
    let undisturbed = Play::all(&case);
    let mut places = 0;
    for cut in 1..case.events.len() {
        let (before, after) = case.events.split_at(cut);
        let mut play = Play::new(&case);
        before.iter().for_each(|event| play.event(event));
        // The service lets all orders end before a strategy is started again.
        if !play.kernel().orders().is_empty() {
            continue;
        }
        let lines = play.story().lines.len();
        let (so_far, to_come) = undisturbed.split_at(lines);
        assert_eq!(play.story().lines, so_far, "{name}: before event {cut}");
        play.restart(strategy);
        known(before).for_each(|event| play.event(event));
        // What it says of the books it is told again is no news, as long as it wants nothing.
        let again = play.story().lines.split_off(lines);
        let wants = |(_, line): &(StrategyId, String)| line.contains("order");
        assert!(!again.iter().any(wants), "{name}: after event {cut}: {again:?}");
        after.iter().for_each(|event| play.event(event));
        let gone_on = play.end();
        // The number of decisions counts those on what was told again, too.
        let counts = |(_, line): &&(StrategyId, String)| line.contains(" decisions; ");
        let decided = |lines: &[(StrategyId, String)]| -> Vec<_> {
            lines.iter().filter(|line| !counts(line)).cloned().collect()
        };
        let (_, gone_on) = gone_on.split_at(lines);
        assert_eq!(decided(gone_on), decided(to_come), "{name}: after event {cut}");
        places += 1;
    }
    places
}

/// Returns what a strategy is told that comes late: the open markets, their price steps and newest books.
fn known(events: &[MarketEvent]) -> impl Iterator<Item = &MarketEvent> {
    events
        .iter()
        .enumerate()
        .filter(|(i, event)| {
            let later = events.iter().skip(i + 1);
            match &event.kind {
                Kind::Market(market) => !later.clone().any(
                    |e| matches!(&e.kind, Kind::Resolved { market: id, .. } if *id == market.id),
                ),
                Kind::Book { market, outcome, .. } => !later.clone().any(|e| match &e.kind {
                    Kind::Book { market: m, outcome: o, .. } => (m, o) == (market, outcome),
                    Kind::Resolved { market: m, .. } => m == market,
                    Kind::Market(_) | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => false,
                    Kind::Tick { .. } | Kind::Feed { .. } | Kind::Gap { .. } => false,
                }),
                Kind::Tick { .. } => true,
                Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => false,
                Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => false,
            }
        })
        .map(|(_, event)| event)
}

#[test]
fn a_strategy_started_again_anywhere_decides_as_if_it_had_not_been() {
    for (name, least) in [
        ("a_cheap_leg_is_hedged_when_the_price_has_moved", 5),
        ("only_fills_make_legs", 3),
        ("a_full_pair_is_held_to_resolution", 5),
        ("a_leg_is_sold_when_its_wait_is_over", 5),
        ("a_losing_streak_stops_entries_for_a_while", 5),
        ("a_deep_drawdown_stops_entries_until_a_person_releases_it", 5),
        ("a_settled_market_pays", 5),
    ] {
        let places = check(&format!("split_arb/{name}"));
        assert!(least <= places, "{name}: only {places} places");
    }
}
