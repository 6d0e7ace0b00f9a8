//! The rules for single entries: price, book, time to the close, size and cost of one order.

use super::*;
use crate::book::{Level, OrderBook};

/// What an order meets: a book, an instant, and the limits of single orders.
struct Met {
    book: Option<OrderBook>,
    now: Timestamp,
    entry: EntryLimits,
}

impl Met {
    fn new() -> Self {
        Self { book: None, now: NOW, entry: EntryLimits::PRESET }
    }

    /// Returns the guard's answer, where plenty may be at risk.
    fn ask(&self, intent: Intent) -> Result<(), String> {
        let plenty = usdc("100000");
        let limits = Limits {
            market_exposure_max_usdc: plenty,
            strategy_exposure_max_usdc: plenty,
            entry: self.entry,
            ..limits()
        };
        let market = Market { closes_at: NOW + Duration::from_secs(3600), ..market() };
        let portfolio = holding(Outcome::Yes, "0.30", "100000");
        let context = Context {
            now: self.now,
            market: Some(&market),
            tick: TickSize::from_micros(1000).unwrap(),
            book: self.book.as_ref(),
            portfolio: &portfolio,
            orders: &OpenOrders::default(),
            groups: &Groups::new(),
        };
        let no = RiskGuard::new(limits).explain(&intent, &context).rejection();
        no.map_or(Ok(()), |no| {
            let passing = no.passing.map(|size| format!(", {size} would pass")).unwrap_or_default();
            Err(format!("{} {} of {}{passing}", no.rule.name(), no.used, no.limit))
        })
    }
}

fn book(ask: &str) -> Option<OrderBook> {
    let asks = [ask].into_iter().filter(|ask| !ask.is_empty());
    let level = |price: &str| Level { price: price.parse().unwrap(), size: Size::MAX };
    Some(OrderBook::new(NOW, vec![level("0.001")], asks.map(level).collect()))
}

#[test]
fn an_order_of_the_largest_size_passes_and_a_hundredth_more_does_not() {
    let met = Met::new();
    assert_eq!(met.ask(entry("0.10", "1000")), Ok(()));
    let no = met.ask(entry("0.10", "1000.01"));
    assert_eq!(no, refused("order_size 1000.01 of 1000, 1000 would pass"));
}

#[test]
fn an_order_of_the_largest_cost_passes_and_a_share_more_does_not() {
    let met = Met::new();
    assert_eq!(met.ask(entry("0.50", "500")), Ok(()));
    let no = met.ask(entry("0.50", "500.01"));
    assert_eq!(no, refused("order_notional 250.005 of 250, 500 would pass"));
}

#[test]
fn what_is_told_to_pass_is_no_less_than_the_venue_takes() {
    let mut met = Met::new();
    met.entry.size_max = "4.999".parse().unwrap();
    assert_eq!(met.ask(entry("0.50", "10")), refused("order_size 10 of 4.999"));
    met.entry.size_max = "6.009".parse().unwrap();
    assert_eq!(met.ask(entry("0.50", "10")), refused("order_size 10 of 6.009, 6 would pass"));
}

#[test]
fn prices_within_the_band_pass_and_its_ends_with_them() {
    let met = Met::new();
    for price in ["0.010", "0.5", "0.990"] {
        assert_eq!(met.ask(entry(price, "200")), Ok(()), "{price}");
    }
    assert_eq!(met.ask(entry("0.009", "200")), refused("price_band 0.009 of 0.01"));
    assert_eq!(met.ask(entry("0.991", "200")), refused("price_band 0.991 of 0.99"));
}

#[test]
fn a_limit_a_quarter_beyond_the_book_passes_and_a_step_more_does_not() {
    let met = Met { book: book("0.4"), ..Met::new() };
    for price in ["0.02", "0.4", "0.5"] {
        assert_eq!(met.ask(entry(price, "50")), Ok(()), "{price}");
    }
    assert_eq!(met.ask(entry("0.501", "50")), refused("book_distance 0.2525 of 0.25"));
    // With nobody to buy from the order rests: there is nothing to be far from.
    assert_eq!(Met { book: book(""), ..Met::new() }.ask(entry("0.9", "50")), Ok(()));
}

#[test]
fn a_book_of_the_greatest_age_passes_and_an_older_one_does_not() {
    let mut met = Met { book: book("0.4"), ..Met::new() };
    met.now = NOW + Duration::from_secs(30);
    assert_eq!(met.ask(entry("0.4", "50")), Ok(()));
    met.now = met.now + Duration::from_micros(1000);
    assert_eq!(met.ask(entry("0.4", "50")), refused("stale_book 30.001s of 30s"));
}

#[test]
fn an_entry_passes_while_as_much_is_left_as_must_be() {
    let mut met = Met::new();
    met.entry.close_left_min = Duration::from_secs(60);
    met.now = NOW + Duration::from_secs(3540);
    assert_eq!(met.ask(entry("0.4", "50")), Ok(()));
    met.now = met.now + Duration::from_millis(1);
    assert_eq!(met.ask(entry("0.4", "50")), refused("close_left 59.999s of 60s"));
    met.now = NOW + Duration::from_secs(9999);
    assert_eq!(met.ask(entry("0.4", "50")), refused("close_left 0s of 60s"));
    met.entry.close_left_min = Duration::ZERO;
    assert_eq!(met.ask(entry("0.4", "50")), Ok(()));
}

#[test]
fn no_rule_for_entries_holds_back_protection() {
    let met = Met {
        book: book("0.4"),
        now: NOW + Duration::from_secs(9999),
        entry: EntryLimits { size_max: Size::ZERO, ..EntryLimits::PRESET },
    };
    assert!(met.ask(entry("0.4", "50")).is_err());
    for price in ["0.001", "0.999"] {
        let exit = intent(Purpose::Exit, Side::Sell, price, "100000");
        assert_eq!(met.ask(exit), Ok(()));
        let hedge =
            Intent { outcome: Outcome::No, ..intent(Purpose::Hedge, Side::Buy, price, "100000") };
        assert_eq!(met.ask(hedge), Ok(()));
    }
}
