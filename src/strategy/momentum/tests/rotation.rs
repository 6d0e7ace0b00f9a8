//! Hours of markets, one after the other, with the kernel, the guard and the paper venue around the strategy.

use std::collections::BTreeSet;

use super::super::config::Mode;
use super::*;
use crate::kernel::{Effect, Kernel, Memory};
use crate::paper::PaperVenue;
use crate::replay::Replay;
use crate::risk::{DayLimits, EntryLimits, GroupLimits, Limits, SendLimits};

/// How long after its close a market is settled.
const SETTLES_AFTER: u64 = 90;
/// The first market opens so many seconds after the first price.
const LEAD: u64 = 120;

/// Returns the events of so many markets of an underlying, one after the other, each open for `window` seconds,
/// numbered from `first` on. A second has a price and both books. In each window the price rises by 0.3 % (of
/// ETH 0.5 %) within its middle and falls back after its end. The strikes are not told: they are the prices at
/// the openings.
fn events(symbol: &str, first: u64, windows: u64, window: u64) -> Vec<MarketEvent> {
    let mut events = Vec::new();
    let start = begin();
    let id = |n: u64| ConditionId::from_bytes([u8::try_from(first + n).unwrap(); 32]);
    let coin = symbol.to_lowercase();
    let rise = 270.min(window - 120);
    for second in (0..LEAD + windows * window + SETTLES_AFTER + 1).step_by(2) {
        let at = start - Duration::from_secs(LEAD) + Duration::from_secs(second);
        let mut tell = |kind| events.push(MarketEvent { at, kind });
        let into = second.saturating_sub(LEAD);
        let (number, into) = (into / window, into % window);
        // A market is announced a window before it opens, and a minute of the first one early.
        for n in (0..windows).filter(|n| second == (LEAD + n * window).saturating_sub(window)) {
            tell(Kind::Market(Arc::new(market(id(n), &coin, (n * window, (n + 1) * window)))));
        }
        if LEAD <= second && number < windows {
            let rising = window - rise - 10 <= into;
            let (yes, no) = if rising { ("0.35", "0.6") } else { ("0.5", "0.51") };
            for (outcome, ask) in [(Outcome::Yes, yes), (Outcome::No, no)] {
                let level = |at: Price| vec![Level { price: at, size: size("1000") }];
                let bid = Price::from_micros(price(ask).micros() - 20_000).unwrap();
                let book = Arc::new(OrderBook::new(at, level(bid), level(price(ask))));
                tell(Kind::Book { market: id(number), outcome, book });
            }
        }
        let high = LEAD <= second && number < windows && window - rise <= into;
        let [low, top] = if symbol == "BTC" { ["100000", "100300"] } else { ["4000", "4020"] };
        let price_usd = usdc(if high { top } else { low });
        tell(Kind::Spot { symbol: symbol.into(), price_usd });
        for n in 0..windows {
            if second == LEAD + (n + 1) * window + SETTLES_AFTER {
                tell(Kind::Resolved { market: id(n), payouts: [usdc("1"), Usdc::ZERO] });
            }
        }
    }
    events
}

fn limits() -> Limits {
    Limits {
        market_exposure_max_usdc: usdc("100"),
        strategy_exposure_max_usdc: usdc("500"),
        open_orders_max: 10,
        order_rate_per_minute: 600,
        order_burst: 100,
        loss_streak_max: 100,
        loss_streak_cooldown: Duration::from_secs(1),
        drawdown_max_usdc: usdc("1000"),
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    }
}

/// Plays markets of BTC to their end. Returns what [`play_all`] does.
fn play(config: Config, windows: u64, window: u64) -> (Vec<u8>, usize, String) {
    play_all(config, &events("BTC", 1, windows, window))
}

/// Plays events to their end. Returns which markets were entered, by number from 1, and how many exits there
/// were, with the fingerprint of all decisions.
fn play_all(config: Config, events: &[MarketEvent]) -> (Vec<u8>, usize, String) {
    let kernel = Kernel::new(
        "a".parse().unwrap(),
        Box::new(Momentum::new(config)),
        limits(),
        Memory::default(),
    );
    let mut replay = Replay::new([kernel], PaperVenue::new(Duration::from_millis(250)));
    let (mut entered, mut exits) = (Vec::new(), 0);
    let mut see = |_: &_, effect: &Effect| {
        if let Effect::Submit(order) = effect {
            match order.intent().purpose {
                Purpose::Entry => entered.push(order.intent().market.bytes()[0]),
                Purpose::Exit | Purpose::Hedge => exits += 1,
            }
        }
    };
    for event in events {
        replay.play(event, &mut see).unwrap();
    }
    replay.finish(&mut see).unwrap();
    let kernel = replay.kernels().values().next().unwrap();
    assert_eq!(kernel.portfolio().positions().count(), 0, "all was sold or settled");
    (entered, exits, kernel.status().digest)
}

fn all(windows: u8) -> Vec<u8> {
    (1..=windows).collect()
}

#[test]
fn as_one_market_closes_the_next_is_traded_for_hours() {
    for config in [directional(), confirmatory()] {
        let (entered, exits, _) = play(config.clone(), 8, 900);
        assert_eq!((entered, exits), (all(8), 0), "{:?}", config.method.mode());
    }
    let (mut entered, exits, _) = play(predictive(), 8, 900);
    assert_eq!(entered.len(), exits);
    entered.dedup();
    assert_eq!(entered, all(8));
}

#[test]
fn the_same_hours_give_the_same_decisions() {
    assert_eq!(play(directional(), 2, 900), play(directional(), 2, 900));
}

#[test]
fn markets_of_five_minutes_take_turns_too() {
    let config = Config { window_exposure_max_usdc: usdc("60"), daily_max: 100, ..directional() };
    let (entered, _, _) = play(config, 24, 300);
    assert_eq!(entered, all(24));
}

#[test]
fn dozens_of_markets_of_both_lengths_follow_one_another_and_each_is_traded() {
    // Four hours without a restart; once everything later than the first three windows was starved.
    let mut all_events = events("BTC", 1, 48, 300);
    all_events.extend(events("ETH", 101, 16, 900));
    all_events.sort_by_key(|event| event.at);
    for config in [directional(), confirmatory(), predictive()] {
        let window_exposure_max_usdc = usdc("100");
        let config = Config { window_exposure_max_usdc, daily_max: 1000, ..config };
        let mode = config.method.mode();
        let (entered, exits, _) = play_all(config, &all_events);
        let markets: BTreeSet<u8> = entered.iter().copied().collect();
        let expected: BTreeSet<u8> = (1..=48).chain(101..=116).collect();
        assert_eq!(markets, expected, "{mode:?}");
        // Where positions are held to resolution, each market is entered once.
        let once = (entered.len(), exits) == (64, 0);
        assert!(once || (mode == Mode::Predictive && exits == entered.len()), "{mode:?}: {exits}");
    }
}

#[test]
fn one_entry_a_quarter_of_an_hour_is_made_where_only_the_best_is_wanted() {
    let best_edge = Some(Duration::from_secs(2));
    let config = Config { best_edge, daily_max: 100, ..directional() };
    let (entered, _, _) = play(config, 24, 300);
    // The third market of each quarter closes at its end, which is the beginning of the next window.
    assert_eq!(entered, [1, 3, 6, 9, 12, 15, 18, 21, 24]);
}

#[test]
fn the_entries_of_a_day_end_with_their_number() {
    let config = Config { daily_max: 3, ..directional() };
    assert_eq!(play(config, 5, 900).0, all(3));
}
