//! Laws: nothing differs from itself, and the comparison from the other side is the same one, mirrored.

use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Any;

use super::*;

/// One thing that a side tells, so many seconds after the one before.
fn told() -> impl Any<Value = (i64, u8, u8)> {
    (prop_oneof![0..2_i64, 0..5_i64], 1..3_u8, any::<u8>())
}

fn side() -> impl Any<Value = Vec<Line>> {
    proptest::collection::vec(told(), 0..30).prop_map(|all| {
        let mut now = 0;
        let mut lines = Vec::new();
        for (after, market, what) in all {
            now += after;
            lines.push(match what % 8 {
                0 => order(now, market, u64::from(what), "0.35"),
                1 => order(now, market, u64::from(what), "0.34"),
                2 => refused(now, market, "market_exposure"),
                3 => refused(now, market, "throttle"),
                4 => fill(now, market, u64::from(what), "0.35"),
                5 => no(now, market, "await_hedge"),
                6 => Line::Decision(Decided { numbers: Pairs::default(), ..decided(now, market) }),
                _ => no(now, market, "price_limit"),
            });
        }
        lines
    })
}

fn variants() -> impl Any<Value = Both<Set>> {
    any::<(bool, bool)>().prop_map(|(a, b)| {
        let of = |is_legged| {
            let variant = if is_legged { "legged" } else { "simultaneous" };
            Set { variant: variant.to_owned(), ..set(&[("x", variant)]) }
        };
        Both { a: of(a), b: of(b) }
    })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(lines in side()) {
        let comparison = compared(sets(), &lines, &lines);
        prop_assert!(comparison.is_same());
        prop_assert!(comparison.changes.is_empty() && comparison.first.is_none());
        prop_assert_eq!(comparison.parted, None);
        prop_assert_eq!(comparison.vanished.count + comparison.appeared.count, 0);
        let decisions = lines.iter().filter(|line| matches!(line, Line::Decision(_))).count();
        prop_assert_eq!(comparison.counts.same, u64::try_from(decisions).unwrap());
    }

    #[test]
    fn the_other_side_sees_the_same_mirrored(sides in variants(), a in side(), b in side()) {
        let here = compared(sides.clone(), &a, &b);
        let there = compared(sides.mirrored(), &b, &a);
        prop_assert_eq!(here.mirrored(), there);
    }

    #[test]
    fn every_decision_is_counted_once(a in side(), b in side()) {
        let Counts { same, numbers, changed, only_a, only_b } = compared(sets(), &a, &b).counts;
        let decisions = |lines: &[Line]| {
            lines.iter().filter(|line| matches!(line, Line::Decision(_))).count()
        };
        let both = same + numbers + changed;
        prop_assert_eq!(both + only_a, u64::try_from(decisions(&a)).unwrap());
        prop_assert_eq!(both + only_b, u64::try_from(decisions(&b)).unwrap());
    }

    #[test]
    fn a_comparison_told_piece_by_piece_finds_what_one_of_the_whole_does(
        sides in variants(), a in side(), b in side(), pieces in 1..6_i64
    ) {
        let whole = compared(sides.clone(), &a, &b);
        let mut running = running::Running::new(sides);
        let end = |lines: &[Line]| lines.last().and_then(Line::at);
        let last = end(&a).max(end(&b)).unwrap_or_default().micros();
        let mut from = i64::MIN;
        for piece in 1..=pieces {
            let to = if piece == pieces { i64::MAX } else { last / pieces * piece };
            let part = |lines: &[Line]| {
                let within = |line: &&Line| {
                    let at = line.at().unwrap_or_default().micros();
                    from < at && at <= to
                };
                lines.iter().filter(within).cloned().collect()
            };
            running.tell(Both { a: part(&a), b: part(&b) }, Timestamp::from_micros(to));
            from = to;
        }
        prop_assert_eq!(running.result(whole.totals.clone()), whole);
    }
}
