//! The market filters of an entry: whether a market is in a condition to be traded. All of them are asked.

use std::time::Duration;

use crate::book::{Level, OrderBook};
use crate::numbers::{Frac, Numbers, Value};
use crate::price::{Price, Rounding, Usdc};

use super::config::Filters;
use super::ratio;

/// What is measured of a market, from one outcome's book and what has just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Readings {
    pub(super) bid: Option<Price>,
    pub(super) ask: Option<Price>,
    /// The spread as a fraction of the middle, rounded up.
    pub(super) spread_frac: Frac,
    /// What all bids, and all asks, are worth.
    pub(super) depth: [Usdc; 2],
    /// What the best bid, and the best ask, are worth.
    pub(super) best_depth: [Usdc; 2],
    /// How fast the middle moves either way, in USDC a second, where that is known.
    pub(super) velocity: Option<Usdc>,
    pub(super) lag: Duration,
    pub(super) quote_age: Duration,
    pub(super) same_side: u64,
    pub(super) trades: u64,
    /// How much one side outweighs the other, as a fraction of both, rounded up.
    pub(super) imbalance: Frac,
}

/// What has just happened, as readings need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    pub(super) velocity: Option<Usdc>,
    pub(super) lag: Duration,
    pub(super) quote_age: Duration,
    pub(super) same_side: u64,
    pub(super) trades: u64,
}

/// What all filters together say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Every filter that failed, in the order in which they are asked.
    pub(super) failed: Vec<Finding>,
    /// Every filter that is past the half of its limit, and trades that are few.
    pub(super) warned: Vec<Finding>,
}

/// A filter with what it compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    value: Value,
    limit_name: &'static str,
    limit: Value,
}

impl Readings {
    /// Measures a book.
    pub(super) fn of(book: &OrderBook, recent: Recent) -> Self {
        let worth = |levels: &[Level]| -> Usdc {
            levels.iter().map(|level| level.price.notional(level.size, Rounding::Down)).sum()
        };
        let depth = [worth(book.bids()), worth(book.asks())];
        let best_depth =
            [book.bids(), book.asks()].map(|levels| worth(levels.get(..1).unwrap_or_default()));
        let price = |level: Option<Level>| level.map(|level| level.price);
        let (bid, ask) = (price(book.best_bid()), price(book.best_ask()));
        let spread_frac = match (bid, ask) {
            (Some(bid), Some(ask)) => {
                let (bid, ask) = (bid.micros(), ask.micros());
                ratio::ceil(2 * (ask - bid), ask + bid)
            }
            (Some(_) | None, Some(_) | None) => Frac::default(),
        };
        let [bids, asks] = depth.map(Usdc::micros);
        let imbalance = ratio::ceil((bids - asks).abs(), bids + asks);
        let Recent { velocity, lag, quote_age, same_side, trades } = recent;
        Self {
            bid,
            ask,
            spread_frac,
            depth,
            best_depth,
            velocity,
            lag,
            quote_age,
            same_side,
            trades,
            imbalance,
        }
    }
}

impl Report {
    /// Asks every filter.
    pub(super) fn new(limits: &Filters, readings: &Readings) -> Self {
        let mut report = Self::default();
        report.spread(limits, readings);
        report.depth(limits, readings);
        let max = limits.velocity_max_usdc;
        if let Some(velocity) = readings.velocity {
            let bound = ("velocity", velocity.into(), "velocity_max", max.into());
            report.bound(max < velocity, max < velocity + velocity, bound);
        }
        let (lag, max) = (readings.lag, limits.lag_max);
        report.bound(max < lag, max < 2 * lag, ("lag", lag.into(), "lag_max", max.into()));
        let (age, max) = (readings.quote_age, limits.quote_age_max);
        report.bound(max < age, false, ("quote_age", age.into(), "quote_age_max", max.into()));
        let (same, max) = (readings.same_side, limits.same_side_max);
        let bound = ("same_side", same.into(), "same_side_max", max.into());
        report.bound(max < same, max / 2 < same, bound);
        let (trades, least) = (readings.trades, limits.trades_min);
        report.bound(false, trades < least, ("trades", trades.into(), "trades_min", least.into()));
        let (value, max) = (readings.imbalance, limits.imbalance_frac_max);
        let bound = ("imbalance", value.into(), "imbalance_max", max.into());
        report.bound(max < value, max < twice(value), bound);
        report
    }

    /// Returns how many filters failed, and the first three of them with their limits.
    pub(super) fn numbers(&self) -> Numbers {
        let failed = u64::try_from(self.failed.len()).unwrap_or(u64::MAX);
        let first = self.failed.iter().take(3);
        first.fold(Numbers::none().with("failed", failed), |numbers, finding| {
            let Finding { name, value, limit_name, limit } = *finding;
            numbers.with(name, value).with(limit_name, limit)
        })
    }

    /// Returns these numbers with how many filters warned, and the first of them.
    pub(super) fn warnings(&self, numbers: Numbers) -> Numbers {
        let warned = u64::try_from(self.warned.len()).unwrap_or(u64::MAX);
        let numbers = numbers.with("warnings", warned);
        self.warned.first().map_or(numbers, |first| numbers.with(first.name, first.value))
    }

    fn spread(&mut self, limits: &Filters, readings: &Readings) {
        let (Some(bid), Some(ask)) = (readings.bid, readings.ask) else {
            let there = u64::from(readings.bid.is_some()) + u64::from(readings.ask.is_some());
            self.bound(true, false, ("quotes", there.into(), "quotes_min", 2.into()));
            return;
        };
        let (spread, max) = (Usdc::from(ask) - bid.into(), limits.spread_max_usdc);
        self.bound(max < spread, false, ("spread", spread.into(), "spread_max", max.into()));
        let (value, max) = (readings.spread_frac, limits.spread_frac_max);
        let bound = ("spread_frac", value.into(), "spread_frac_max", max.into());
        self.bound(max < value, max < twice(value), bound);
    }

    fn depth(&mut self, limits: &Filters, readings: &Readings) {
        let both = |[bids, asks]: [Usdc; 2]| bids + asks;
        let (depth, least) = (both(readings.depth), limits.depth_min_usdc);
        let bound = ("depth", depth.into(), "depth_min", least.into());
        self.bound(depth < least, depth < least + least, bound);
        let (best, least) = (both(readings.best_depth), limits.best_depth_min_usdc);
        let bound = ("best_depth", best.into(), "best_depth_min", least.into());
        self.bound(best < least, false, bound);
    }

    /// Notes what one filter says: that it failed, else that it warns.
    fn bound(
        &mut self,
        failed: bool,
        warned: bool,
        (name, value, limit_name, limit): (&'static str, Value, &'static str, Value),
    ) {
        let finding = Finding { name, value, limit_name, limit };
        if failed {
            self.failed.push(finding);
        } else if warned {
            self.warned.push(finding);
        }
    }
}

fn twice(fraction: Frac) -> Frac {
    Frac::from_micros(fraction.micros().saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::nba_swing::tests::config;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn usdc(text: &str) -> Usdc {
        text.parse().unwrap()
    }

    /// The market in good condition that the filters were first tried on.
    fn good() -> Readings {
        Readings {
            bid: Some(price("0.45")),
            ask: Some(price("0.46")),
            spread_frac: Frac::from_micros(2_200),
            depth: [usdc("2000"), usdc("1800")],
            best_depth: [usdc("500"), usdc("450")],
            velocity: Some(usdc("0.001")),
            lag: Duration::from_millis(500),
            quote_age: Duration::from_secs(2),
            same_side: 2,
            trades: 10,
            imbalance: Frac::from_micros(50_000),
        }
    }

    /// Checks which filters fail and which warn, in their order.
    fn check(readings: &Readings, failed: &[&str], warned: &[&str]) {
        let report = Report::new(&config().filters, readings);
        let names = |findings: &[Finding]| -> Vec<&str> {
            findings.iter().map(|finding| finding.name).collect()
        };
        assert_eq!(names(&report.failed), failed, "{readings:?}");
        assert_eq!(names(&report.warned), warned, "{readings:?}");
    }

    #[test]
    fn a_market_in_good_condition_passes_without_a_warning() {
        check(&good(), &[], &[]);
    }

    #[test]
    fn a_missing_quote_fails_and_skips_the_other_spread_checks() {
        let wide = Readings { spread_frac: Frac::from_micros(900_000), ..good() };
        check(&Readings { bid: None, ..wide }, &["quotes"], &[]);
        check(&Readings { ask: None, ..wide }, &["quotes"], &[]);
        check(&Readings { bid: None, ask: None, ..wide }, &["quotes"], &[]);
    }

    #[test]
    fn the_spread_is_held_against_both_its_limits() {
        let ask = |ask| Readings { ask: Some(price(ask)), ..good() };
        check(&ask("0.5"), &[], &[]);
        check(&ask("0.500001"), &["spread"], &[]);
        let frac = |micros| Readings { spread_frac: Frac::from_micros(micros), ..good() };
        check(&frac(10_000), &[], &[]);
        check(&frac(10_001), &[], &["spread_frac"]);
        check(&frac(20_000), &[], &["spread_frac"]);
        check(&frac(20_001), &["spread_frac"], &[]);
    }

    #[test]
    fn the_book_must_be_deep_enough_in_all_and_at_its_best() {
        let depth = |bids, asks| Readings { depth: [usdc(bids), usdc(asks)], ..good() };
        check(&depth("1000", "1000"), &[], &[]);
        check(&depth("1000", "999.999999"), &[], &["depth"]);
        check(&depth("500", "500"), &[], &["depth"]);
        check(&depth("500", "499.999999"), &["depth"], &[]);
        let best = |bid, ask| Readings { best_depth: [usdc(bid), usdc(ask)], ..good() };
        check(&best("100", "0"), &[], &[]);
        check(&best("50", "49.999999"), &["best_depth"], &[]);
    }

    #[test]
    fn a_price_that_moves_too_fast_fails_and_one_of_no_known_speed_does_not() {
        let velocity = |v: &str| Readings { velocity: Some(usdc(v)), ..good() };
        check(&velocity("0.005"), &[], &[]);
        check(&velocity("0.005001"), &[], &["velocity"]);
        check(&velocity("0.01"), &[], &["velocity"]);
        check(&velocity("0.010001"), &["velocity"], &[]);
        check(&Readings { velocity: None, ..good() }, &[], &[]);
    }

    #[test]
    fn late_and_old_data_fail() {
        let lag = |millis| Readings { lag: Duration::from_millis(millis), ..good() };
        check(&lag(1_000), &[], &[]);
        check(&lag(1_001), &[], &["lag"]);
        check(&lag(2_000), &[], &["lag"]);
        check(&lag(2_001), &["lag"], &[]);
        let age = |millis| Readings { quote_age: Duration::from_millis(millis), ..good() };
        check(&age(5_000), &[], &[]);
        check(&age(5_001), &["quote_age"], &[]);
    }

    #[test]
    fn a_row_of_trades_the_same_way_fails_and_few_trades_only_warn() {
        let same = |same_side| Readings { same_side, ..good() };
        check(&same(2), &[], &[]);
        check(&same(3), &[], &["same_side"]);
        check(&same(5), &[], &["same_side"]);
        check(&same(6), &["same_side"], &[]);
        check(&Readings { trades: 3, ..good() }, &[], &[]);
        check(&Readings { trades: 2, ..good() }, &[], &["trades"]);
    }

    #[test]
    fn a_lopsided_book_fails() {
        let imbalance = |micros| Readings { imbalance: Frac::from_micros(micros), ..good() };
        check(&imbalance(400_000), &[], &[]);
        check(&imbalance(400_001), &[], &["imbalance"]);
        check(&imbalance(800_000), &[], &["imbalance"]);
        check(&imbalance(800_001), &["imbalance"], &[]);
    }

    #[test]
    fn every_failure_and_every_warning_is_collected() {
        let bad = Readings {
            bid: Some(price("0.4")),
            spread_frac: Frac::from_micros(139_535),
            depth: [usdc("10"), usdc("1")],
            best_depth: [usdc("10"), usdc("1")],
            velocity: Some(usdc("0.02")),
            lag: Duration::from_secs(3),
            quote_age: Duration::from_secs(6),
            same_side: 9,
            trades: 0,
            imbalance: Frac::from_micros(818_182),
            ..good()
        };
        let failed = [
            "spread",
            "spread_frac",
            "depth",
            "best_depth",
            "velocity",
            "lag",
            "quote_age",
            "same_side",
            "imbalance",
        ];
        check(&bad, &failed, &["trades"]);
        let report = Report::new(&config().filters, &bad);
        assert_eq!(
            report.numbers().to_string(),
            "failed 9, spread 0.06, spread_max 0.05, spread_frac 0.139535, spread_frac_max 0.02, \
             depth 11, depth_min 1000"
        );
        let numbers = report.warnings(Numbers::none());
        assert_eq!(numbers.to_string(), "warnings 1, trades 0");
    }

    #[test]
    fn readings_are_measured_from_all_levels_of_the_book() {
        let level = |text: &str| {
            let (size, price) = text.split_once(" at ").unwrap();
            Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
        };
        let (bids, asks) = (["100 at 0.45", "50 at 0.4"], ["10 at 0.46", "100 at 0.5"]);
        let book = OrderBook::new(
            crate::time::Timestamp::default(),
            bids.map(level).to_vec(),
            asks.map(level).to_vec(),
        );
        let recent = Recent {
            velocity: None,
            lag: Duration::ZERO,
            quote_age: Duration::ZERO,
            same_side: 0,
            trades: 0,
        };
        let readings = Readings::of(&book, recent);
        assert_eq!(readings.depth, [usdc("65"), usdc("54.6")]);
        assert_eq!(readings.best_depth, [usdc("45"), usdc("4.6")]);
        // 0.01 of 0.455, and 10.4 of 119.6, both rounded up.
        let fractions = [readings.spread_frac, readings.imbalance].map(Frac::micros);
        assert_eq!(fractions, [21_979, 86_957]);
        let empty = Readings::of(&OrderBook::default(), recent);
        let fractions = [empty.spread_frac, empty.imbalance].map(Frac::micros);
        assert_eq!((empty.bid, empty.ask, fractions), (None, None, [0, 0]));
    }
}
