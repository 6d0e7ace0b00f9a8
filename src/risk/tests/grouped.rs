//! Exposure in markets that belong together: of one event, and on one underlying.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::market::EventRef;
use crate::order::ClientOrderId;

/// Markets by number, holdings and open orders in them, and a guard.
struct Many {
    groups: Groups,
    markets: Vec<Arc<Market>>,
    portfolio: Portfolio,
    orders: OpenOrders,
    limits: Limits,
}

impl Many {
    /// Markets of these slugs; all of them are of one event where it is said what kind.
    fn of(slugs: &[&str], neg_risk: Option<bool>) -> Self {
        let event = neg_risk.map(|neg_risk| EventRef { id: "e".into(), neg_risk });
        let market = |(number, slug): (u8, &&str)| {
            let id = ConditionId::from_bytes([number; 32]);
            Arc::new(Market { id, slug: Arc::from(*slug), event: event.clone(), ..market() })
        };
        let markets: Vec<_> = (1..).zip(slugs).map(market).collect();
        let mut groups = Groups::new();
        markets.iter().for_each(|market| groups.add(Arc::clone(market)));
        let wide = usdc("1000000");
        let limits =
            Limits { market_exposure_max_usdc: wide, strategy_exposure_max_usdc: wide, ..limits() };
        let (portfolio, orders) = (Portfolio::default(), OpenOrders::default());
        Self { groups, markets, portfolio, orders, limits }
    }

    fn event_max(mut self, max: &str) -> Self {
        self.limits.groups.event_exposure_max_usdc = usdc(max);
        self
    }

    fn symbol_max(mut self, max: &str) -> Self {
        self.limits.groups.symbol_exposure_max_usdc = usdc(max);
        self
    }

    fn holds(&mut self, number: u8, outcome: Outcome, price: &str, size: &str) -> &mut Self {
        let id = ConditionId::from_bytes([number; 32]);
        let order = format!("a:{number}{}", if outcome == Outcome::Yes { 1 } else { 2 });
        let fill = fill(outcome, price, size);
        let fill = Fill { market: id, order: order.parse().unwrap(), ..fill };
        self.portfolio.book(&fill).unwrap();
        self
    }

    /// The one place that asks, for an order in a market by its number.
    fn ask(&self, number: u8, intent: Intent) -> Result<(), String> {
        let market = &self.markets[usize::from(number) - 1];
        let context = Context {
            now: NOW,
            market: Some(market),
            tick: TickSize::CENT,
            book: None,
            portfolio: &self.portfolio,
            orders: &self.orders,
            groups: &self.groups,
        };
        let intent = Intent { market: market.id, ..intent };
        let no = RiskGuard::new(self.limits.clone()).explain(&intent, &context).rejection();
        no.map_or(Ok(()), |no| {
            let passing = no.passing.map(|size| format!(", {size} would pass")).unwrap_or_default();
            Err(format!("{} {} of {}{passing}", no.rule.name(), no.used, no.limit))
        })
    }
}

fn on(outcome: Outcome, price: &str, size: &str) -> Intent {
    Intent { outcome, ..entry(price, size) }
}

#[test]
fn of_a_neg_risk_event_at_most_one_question_is_answered_by_yes() {
    let mut many = Many::of(&["a", "b", "c"], Some(true)).event_max("60");
    many.holds(1, Outcome::No, "0.70", "100").holds(2, Outcome::No, "0.70", "100");
    // Seventy are lost in one of the two, and thirty won in the other.
    assert_eq!(many.groups.worst_event(&many.portfolio, &many.orders), usdc("40"));
    // The third no is paid for by none of what it can lose: whichever comes true, two of three win.
    assert_eq!(many.ask(3, on(Outcome::No, "0.70", "100")), Ok(()));
    // A yes that does not come true is lost beside them.
    assert_eq!(many.ask(3, on(Outcome::Yes, "0.20", "100")), Ok(()));
    let no = many.ask(3, on(Outcome::Yes, "0.20", "101"));
    assert_eq!(no, refused("event_exposure 60.2 of 60, 100 would pass"));
}

#[test]
fn all_bets_on_yes_of_one_event_may_be_lost() {
    let mut many = Many::of(&["a", "b", "c"], Some(true)).event_max("60");
    many.holds(1, Outcome::Yes, "0.20", "100").holds(2, Outcome::Yes, "0.20", "100");
    assert_eq!(many.ask(3, on(Outcome::Yes, "0.20", "100")), Ok(()));
    let no = many.ask(3, on(Outcome::Yes, "0.20", "100.01"));
    assert_eq!(no, refused("event_exposure 60.002 of 60, 100 would pass"));
    // Without a common event nothing of it is asked.
    let mut apart = Many::of(&["a", "b", "c"], None).event_max("60");
    apart.holds(1, Outcome::Yes, "0.90", "1000");
    assert_eq!(apart.ask(3, on(Outcome::Yes, "0.20", "101")), Ok(()));
}

#[test]
fn questions_of_an_event_that_do_not_exclude_each_other_may_all_end_badly() {
    let mut many = Many::of(&["a", "b"], Some(false)).event_max("140");
    many.holds(1, Outcome::No, "0.70", "100");
    assert_eq!(many.ask(2, on(Outcome::No, "0.70", "100")), Ok(()));
    let no = many.ask(2, on(Outcome::No, "0.70", "101"));
    assert_eq!(no, refused("event_exposure 140.7 of 140, 100 would pass"));
    let exit = intent(Purpose::Exit, Side::Sell, "0.20", "10");
    many.limits.groups.event_exposure_max_usdc = usdc("1");
    assert_eq!(many.ask(1, Intent { outcome: Outcome::No, ..exit }), Ok(()), "an exit passes");
}

#[test]
fn markets_on_one_underlying_share_its_cap_and_others_have_their_own() {
    let slugs = ["btc-updown-15m-1", "bitcoin-up-or-down-noon", "eth-updown-15m-1", "nba-a-b"];
    let mut many = Many::of(&slugs, None).symbol_max("50");
    many.holds(1, Outcome::Yes, "0.40", "100").holds(4, Outcome::Yes, "0.90", "1000");
    assert_eq!(many.ask(2, on(Outcome::No, "0.50", "20")), Ok(()));
    let no = many.ask(2, on(Outcome::No, "0.50", "30"));
    assert_eq!(no, refused("symbol_exposure 55 of 50, 20 would pass"));
    // The other side of the same market nets.
    assert_eq!(many.ask(1, on(Outcome::No, "0.50", "80")), Ok(()));
    assert_eq!(many.ask(3, on(Outcome::Yes, "0.50", "100")), Ok(()));
    assert_eq!(many.ask(4, on(Outcome::Yes, "0.50", "100")), Ok(()));
    assert_eq!(many.groups.worst_symbol(&many.portfolio, &many.orders), usdc("40"));
}

#[test]
fn while_a_limit_is_passed_without_an_order_no_entry_passes_and_every_exit_does() {
    let mut many = Many::of(&["a", "b"], None);
    many.holds(1, Outcome::Yes, "0.40", "100");
    many.limits.market_exposure_max_usdc = usdc("40");
    assert_eq!(many.ask(2, on(Outcome::Yes, "0.40", "10")), Ok(()));
    // The limit is lowered below what is at risk in the first market.
    many.limits.market_exposure_max_usdc = usdc("39.99");
    let no = many.ask(2, on(Outcome::Yes, "0.40", "10"));
    assert_eq!(no, refused("market_exposure 40 of 39.99"));
    assert_eq!(many.ask(1, intent(Purpose::Exit, Side::Sell, "0.20", "100")), Ok(()));
    let hedge = intent(Purpose::Hedge, Side::Buy, "0.50", "100");
    assert_eq!(many.ask(1, Intent { outcome: Outcome::No, ..hedge }), Ok(()));
    // Where all together are above theirs, it is the same.
    many.limits.market_exposure_max_usdc = usdc("1000");
    many.limits.strategy_exposure_max_usdc = usdc("39");
    let no = many.ask(2, on(Outcome::Yes, "0.40", "10"));
    assert_eq!(no, refused("strategy_exposure 44 of 39"));
    assert_eq!(many.ask(1, intent(Purpose::Exit, Side::Sell, "0.20", "100")), Ok(()));
}

#[test]
fn an_underlying_is_named_by_the_venues_short_name() {
    let symbol = |slug: &str| {
        let market = Market { slug: slug.into(), ..market() };
        market.underlying().map(str::to_owned)
    };
    assert_eq!(symbol("btc-updown-15m-1790586000").as_deref(), Some("btc"));
    assert_eq!(symbol("bitcoin-up-or-down-june-5").as_deref(), Some("btc"));
    assert_eq!(symbol("ethereum-up-or-down-june-5").as_deref(), Some("eth"));
    assert_eq!(symbol("solana-up-or-down-june-5").as_deref(), Some("sol"));
    assert_eq!(symbol("xrp-updown-5m-1").as_deref(), Some("xrp"));
    for none in ["nba-bkn-gsw-2020-12-22", "updown", "will-btc-updown-1", ""] {
        assert_eq!(symbol(none), None, "{none}");
    }
}

proptest! {
    /// The worst of an event is the worst over every way in which it can end, each market paid out by hand.
    #[test]
    fn the_worst_of_an_event_is_the_worst_way_in_which_it_can_end(
        held in prop::collection::vec(
            (1..5_u8, select(Outcome::BOTH.to_vec()), 1..100_i64, 5..200_i64),
            0..8,
        ),
        neg_risk in any::<bool>(),
    ) {
        let mut many = Many::of(&["a", "b", "c", "d"], Some(neg_risk));
        let (mut cost, mut shares) = (0, [[0; 2]; 4]);
        for (order, (number, outcome, cents, size)) in (1..).zip(held) {
            let id = ConditionId::from_bytes([number; 32]);
            let order = ClientOrderId { strategy: "a".parse().unwrap(), number: order };
            let price = crate::price::Price::from_micros(cents * 10_000).unwrap();
            let size_of = Size::from_micros(size * 1_000_000).unwrap();
            let fill = Fill { market: id, order, price, size: size_of, ..fill(outcome, "0.5", "5") };
            many.portfolio.book(&fill).unwrap();
            cost += cents * size * 10_000;
            *outcome.of_mut(&mut shares[usize::from(number) - 1]) += size * 1_000_000;
        }
        // Bit by bit: which of the four questions are answered by yes.
        let ends = (0..16_u8).filter(|end| !neg_risk || end.count_ones() <= 1);
        let paid = |end: u8| -> i64 {
            let of = |(place, [yes, no]): (usize, &[i64; 2])| {
                if end >> place & 1 == 1 { *yes } else { *no }
            };
            shares.iter().enumerate().map(of).sum()
        };
        let worst = ends.map(|end| cost - paid(end)).max().unwrap_or_default().max(0);
        let found = many.groups.worst_event(&many.portfolio, &many.orders).micros();
        if neg_risk {
            prop_assert_eq!(found, worst);
        } else {
            // A sure profit in one market makes no loss of another good.
            prop_assert!(worst <= found);
        }
    }
}
