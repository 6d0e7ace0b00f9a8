//! A whole game, played through kernel, guard and paper venue: the strategy buys, takes a gain by half, and sells.

use std::fmt::Write as _;

use expect_test::expect;

use super::desk::{MARKET, book, game, market};
use super::*;
use crate::decision::Verdict;
use crate::event::Trade;
use crate::fees::FeeSchedule;
use crate::kernel::{Effect, Kernel, Memory};
use crate::market::Side;
use crate::order::StrategyId;
use crate::paper::PaperVenue;
use crate::replay::Replay;
use crate::risk::{DayLimits, EntryLimits, GroupLimits, Limits, SendLimits};

/// The game: seconds since its beginning here, points of guests and hosts, quarter, seconds left of it, and the bid
/// of the guests' share in cents that a market maker would show, one cent below its ask.
const GAME: [(u64, [u16; 2], u8, u16, u32); 12] = [
    (0, [80, 84], 4, 600, 30),
    (30, [84, 84], 4, 570, 48),
    (60, [88, 84], 4, 540, 60),
    (90, [91, 84], 4, 510, 70),
    (120, [94, 84], 4, 480, 80),
    (150, [96, 86], 4, 450, 87),
    (180, [98, 88], 4, 420, 88),
    (210, [100, 90], 4, 390, 88),
    (240, [100, 94], 4, 360, 77),
    (270, [100, 97], 4, 330, 66),
    (300, [100, 100], 4, 300, 50),
    (330, [100, 103], 4, 270, 38),
];

fn limits() -> Limits {
    Limits {
        market_exposure_max_usdc: usdc("50"),
        strategy_exposure_max_usdc: usdc("100"),
        open_orders_max: 4,
        order_rate_per_minute: 60,
        order_burst: 10,
        loss_streak_max: 5,
        loss_streak_cooldown: Duration::from_secs(1800),
        drawdown_max_usdc: usdc("50"),
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    }
}

/// Returns the tape: at each step the game's state, then two quotes with a trade between them.
fn tape() -> Vec<MarketEvent> {
    let begin: Timestamp = "2020-12-23T02:00:00Z".parse().unwrap();
    let fees = FeeSchedule::new(usdc("0.03"), 1).unwrap();
    let mut events =
        vec![MarketEvent { at: begin, kind: Kind::Market(Arc::new(Market { fees, ..market() })) }];
    for (second, score, quarter, left, bid) in GAME {
        let at = begin + Duration::from_secs(second);
        let mut add = |millis, kind| {
            events.push(MarketEvent { at: at + Duration::from_millis(millis), kind });
        };
        add(0, Kind::Game(Arc::new(game(score, quarter, left))));
        let side = if second % 60 == 0 { Side::Buy } else { Side::Sell };
        for after in [500, 12_000] {
            for (outcome, bid) in [(NO, 99 - bid), (YES, bid)] {
                let quote = format!("0.{bid}/0.{}", bid + 1);
                let book = Arc::new(book(at + Duration::from_millis(after), &quote));
                add(after, Kind::Book { market: MARKET, outcome, book });
            }
            let (price, size) = (price(&format!("0.{bid}")), size("25"));
            add(after, Kind::Trade(Trade { market: MARKET, outcome: YES, side, price, size }));
        }
    }
    events
}

/// Returns what one play of the tape came to: orders and changes of reason, and the digest of all decisions.
fn play() -> (String, String) {
    let id: StrategyId = "nba".parse().unwrap();
    let strategy = Box::new(NbaSwing::new(config()));
    let kernel = Kernel::new(id.clone(), strategy, limits(), Memory::default());
    let mut replay = Replay::new([kernel], PaperVenue::new(Duration::from_millis(250)));
    let (mut told, mut reason) = (String::new(), String::new());
    let mut see = |_: &StrategyId, effect: &Effect| {
        let Effect::Decided { decision, .. } = effect else { return };
        let (at, numbers) = (decision.at.to_string(), decision.numbers);
        let line = match &decision.verdict {
            Verdict::Order { intent, .. } => {
                let (side, size) = (intent.side, intent.size);
                format!("{side} {size} {} at {}", intent.outcome, intent.limit)
            }
            Verdict::Rejected { rejection, .. } => format!("refused by {}", rejection.rule.name()),
            Verdict::No(reason) => reason.name().to_owned(),
        };
        if line != reason {
            writeln!(told, "{}", format!("{} {line} {numbers}", &at[14..]).trim_end()).unwrap();
            reason = line;
        }
    };
    for event in tape() {
        replay.play(&event, &mut see).unwrap();
    }
    replay.finish(&mut see).unwrap();
    let kernel = &replay.kernels()[&id];
    let portfolio = kernel.portfolio();
    assert_eq!(portfolio.positions().count(), 0);
    assert_eq!(replay.venue().account(&id).cash(), portfolio.cash());
    writeln!(told, "made {} after {} of fees", portfolio.realised(), portfolio.fees()).unwrap();
    (told, kernel.status().digest)
}

#[test]
fn a_game_is_bought_into_sold_by_half_at_its_height_and_left_when_it_turns() {
    let (told, _) = play();
    expect![[r#"
        00:00Z stale_book
        00:00.5Z no_edge p_no 0.691043, ask 0.7, edge -0.008957, edge_min 0.05
        00:30Z stale_book age 18s, book_age_max 5s
        00:30.5Z no_edge p_no 0.483756, ask 0.52, edge -0.036244, edge_min 0.05
        00:30.5Z filters failed 1, spread_frac 0.020619, spread_frac_max 0.02
        00:42Z no_edge p_no 0.483756, ask 0.52, edge -0.036244, edge_min 0.05
        00:42Z filters failed 1, spread_frac 0.020619, spread_frac_max 0.02
        01:00Z stale_book age 18s, book_age_max 5s
        01:00.5Z filters failed 1, spread_frac 0.025317, spread_frac_max 0.02
        01:00.5Z buy 40.98 yes at 0.61 p_yes 0.691043, ask 0.61, edge 0.081043, confidence 0.95, net_ev 0.063843, warnings 1, spread_frac 0.016529
        01:00.75Z pending_order open_orders 1
        01:00.75Z holding p 0.691043, bid 0.6, edge 0.091043, peak 0.61, gain -0.016394, liquidity 147.632991, warnings 0
        01:12Z stale_book age 11.5s, book_age_max 5s
        01:12Z holding p 0.691043, bid 0.6, edge 0.091043, peak 0.61, gain -0.016394, liquidity 147.632991, warnings 0
        01:30Z stale_book age 18s, book_age_max 5s
        01:30.5Z holding p 0.808841, bid 0.7, edge 0.108841, peak 0.7, gain 0.14754, liquidity 147.45869, warnings 0
        01:42Z stale_book age 11.5s, book_age_max 5s
        01:42Z holding p 0.808841, bid 0.7, edge 0.108841, peak 0.7, gain 0.14754, liquidity 147.45869, warnings 0
        02:00Z stale_book age 18s, book_age_max 5s
        02:00.5Z holding p 0.887455, bid 0.8, edge 0.087455, peak 0.8, gain 0.311475, liquidity 147.327964, warnings 0
        02:12Z stale_book age 11.5s, book_age_max 5s
        02:12Z holding p 0.887455, bid 0.8, edge 0.087455, peak 0.8, gain 0.311475, liquidity 147.327964, warnings 0
        02:30Z stale_book age 18s, book_age_max 5s
        02:30.5Z sell 20.49 yes at 0.87 bid 0.87, edge 0.015948, edge_max 0.02, entry 0.61, held 1, held_min 0.6
        02:30.75Z pending_order open_orders 1
        02:30.75Z holding p 0.885948, bid 0.87, edge 0.015948, peak 0.87, gain 0.426229, liquidity 294.508675, warnings 1
        02:42Z stale_book age 11.5s, book_age_max 5s
        02:42Z holding p 0.885948, bid 0.87, edge 0.015948, peak 0.87, gain 0.426229, liquidity 294.508675, warnings 1
        03:00Z stale_book age 18s, book_age_max 5s
        03:00.5Z holding p 0.884423, bid 0.88, edge 0.004423, peak 0.88, gain 0.442622, liquidity 294.489551, warnings 1
        03:12Z stale_book age 11.5s, book_age_max 5s
        03:12Z holding p 0.884423, bid 0.88, edge 0.004423, peak 0.88, gain 0.442622, liquidity 294.489551, warnings 1
        03:30Z stale_book age 18s, book_age_max 5s
        03:30.5Z holding p 0.882881, bid 0.88, edge 0.002881, peak 0.88, gain 0.442622, liquidity 294.489551, warnings 1
        03:42Z stale_book age 11.5s, book_age_max 5s
        03:42Z holding p 0.882881, bid 0.88, edge 0.002881, peak 0.88, gain 0.442622, liquidity 294.489551, warnings 1
        04:00Z stale_book age 18s, book_age_max 5s
        04:00.5Z sell 20.49 yes at 0.77 bid 0.77, peak 0.88, fall 0.125, fall_max 0.1
        04:00.75Z pending_order open_orders 1
        04:00.75Z cooldown since_exit 0s, reset_after 300s
        made 8.13495 after 0.47085 of fees
    "#]].assert_eq(&told);
}

#[test]
fn two_plays_of_a_game_are_the_same_byte_for_byte() {
    assert_eq!(play(), play());
}
