//! Anything may happen in any order: no stage breaks, and no more is sold than is held.

use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_assert, prop_oneof, proptest};

use super::desk::{Desk, MARKET, game, leading};
use super::{FeedState, Game, Size, config, size};

/// What may happen to a market, in any order.
#[derive(Clone, Debug)]
enum Move {
    Quote(u32, u32),
    Score(u16, u16, u8, u16),
    Final,
    Feed(FeedState),
    Send,
    Fill(u8),
    Done,
    Wait(u64),
    Timer,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (1_u32..99, 0_u32..4).prop_map(|(bid, spread)| Move::Quote(bid, spread)),
        4 => (0_u16..60, 0_u16..60, 0_u8..6, 0_u16..730).prop_map(|(a, b, q, s)| Move::Score(a, b, q, s)),
        1 => Just(Move::Final),
        2 => prop_oneof![Just(FeedState::Up), Just(FeedState::Down)].prop_map(Move::Feed),
        4 => Just(Move::Send),
        4 => (1_u8..=4).prop_map(Move::Fill),
        4 => Just(Move::Done),
        4 => (0_u64..90).prop_map(Move::Wait),
        2 => Just(Move::Timer),
    ];
    prop::collection::vec(one, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_happens_no_stage_breaks_and_no_more_is_sold_than_is_held(moves in moves()) {
        let mut desk = Desk::leading(config());
        let mut wanted: Option<String> = None;
        let mut open: Option<(u64, Size)> = None;
        for step in moves {
            let looks = match step {
                Move::Quote(bid, spread) => {
                    let ask = (bid + spread).min(99);
                    vec![desk.quote(&format!("0.{bid:02}/0.{ask:02}"))]
                }
                Move::Score(guest, host, quarter, left) => desk.tell(game([guest, host], quarter, left)),
                Move::Final => desk.tell(Game { is_final: true, ..leading() }),
                Move::Feed(state) => {
                    desk.feed("books", state);
                    Vec::new()
                }
                Move::Send => {
                    if let (None, Some(look)) = (open, wanted.take()) {
                        let shares = look.split(' ').nth(2).unwrap();
                        open = Some((desk.send(&look), size(shares)));
                    }
                    Vec::new()
                }
                Move::Fill(quarters) => match &mut open {
                    Some((order, left)) if !left.is_zero() => {
                        let part = left.micros() * i64::from(quarters) / 4;
                        let part = Size::from_micros(part.max(1)).unwrap();
                        *left -= part;
                        desk.filled(*order, &part.to_string())
                    }
                    Some(_) | None => Vec::new(),
                },
                Move::Done => open.take().map(|(order, _)| desk.done(order, "0")).into_iter().collect(),
                Move::Wait(seconds) => {
                    desk.wait_s(seconds);
                    Vec::new()
                }
                Move::Timer => desk.timer(),
            };
            if let Some(look) = looks.last() {
                wanted = look.contains(": ").then(|| look.clone());
                let held = desk.strategy.swings[&MARKET].holding;
                if look.starts_with("exit: ") {
                    let shares = size(look.split(' ').nth(2).unwrap());
                    prop_assert!(shares <= held.unwrap().size());
                }
                prop_assert!(!look.starts_with("entry: ") || held.is_none());
                prop_assert!(wanted.is_none() || open.is_none(), "one order at a time");
            }
        }
    }
}
