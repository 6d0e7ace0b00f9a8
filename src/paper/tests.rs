//! What the paper venue fills, at what price, when, and what it refuses: a floor to trade on, and the cases.

use super::*;
use crate::book::Level;
use crate::intent::Purpose;
use crate::lifecycle::Gate;
use crate::market::TickSize;
use crate::open_orders::OpenOrders;
use crate::position::Portfolio;
use crate::price::Usdc;
use crate::risk::{
    Context, DayLimits, EntryLimits, GroupLimits, Groups, Limits, RiskGuard, SendLimits,
};

const MARKET: ConditionId = ConditionId::from_bytes([1; 32]);
const OTHER: ConditionId = ConditionId::from_bytes([2; 32]);
const LATENCY: u64 = 250;
const YES: Outcome = Outcome::Yes;
const NO: Outcome = Outcome::No;

/// A venue with two markets whose takers pay 7 % of p·(1−p), and the hands of two strategies, `a` and `b`.
struct Floor {
    venue: PaperVenue,
    now: Timestamp,
    numbers: u64,
}

impl Floor {
    fn new() -> Self {
        let venue = PaperVenue::new(Duration::from_millis(LATENCY));
        let mut floor = Self { venue, now: Timestamp::from_millis(1_000_000), numbers: 0 };
        for id in [MARKET, OTHER] {
            floor.tell(Kind::Market(Arc::new(market(id))));
        }
        floor
    }

    /// Tells the venue what happened now. Returns what it tells of orders, as text.
    fn tell(&mut self, kind: Kind) -> Vec<String> {
        let mut events = Vec::new();
        self.venue.on_event(&MarketEvent { at: self.now, kind }, &mut events);
        self.heard(&events)
    }

    /// Shows a book of the first market, as `price x shares` with bids and asks parted by `/`.
    fn book(&mut self, outcome: Outcome, text: &str) -> Vec<String> {
        self.book_of(MARKET, outcome, text)
    }

    fn book_of(&mut self, market: ConditionId, outcome: Outcome, text: &str) -> Vec<String> {
        let side = |text: &str| {
            let levels = text.split_whitespace().map(|level| {
                let (price, size) = level.split_once('x').unwrap();
                Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
            });
            levels.collect()
        };
        let (bids, asks) = text.split_once('/').unwrap();
        let book = Arc::new(OrderBook::new(self.now, side(bids), side(asks)));
        self.tell(Kind::Book { market, outcome, book })
    }

    /// Tells that somebody else traded.
    fn trade(&mut self, outcome: Outcome, price: &str, size: &str) -> Vec<String> {
        let (price, size) = (price.parse().unwrap(), size.parse().unwrap());
        let trade = Trade { market: MARKET, outcome, side: Side::Sell, price, size };
        self.tell(Kind::Trade(trade))
    }

    fn resolve(&mut self, yes: &str, no: &str) -> Vec<String> {
        let payouts = [yes, no].map(|pays| pays.parse().unwrap());
        self.tell(Kind::Resolved { market: MARKET, payouts })
    }

    /// Sends an order of a strategy, as `buy 10 yes at 0.5 FAK`. Returns its name.
    fn send(&mut self, strategy: &str, text: &str) -> ClientOrderId {
        self.send_in(MARKET, strategy, text)
    }

    fn send_in(&mut self, market: ConditionId, strategy: &str, text: &str) -> ClientOrderId {
        self.numbers += 1;
        let id: ClientOrderId = format!("{strategy}:{}", self.numbers).parse().unwrap();
        self.venue.submit(&order(id.clone(), self.now, intent(market, text)));
        id
    }

    /// Sends an order and waits until it has arrived.
    fn trade_now(&mut self, strategy: &str, text: &str) -> Vec<String> {
        self.send(strategy, text);
        self.wait(LATENCY)
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now = self.now + Duration::from_millis(millis);
        let mut events = Vec::new();
        self.venue.advance(self.now, &mut events);
        self.heard(&events)
    }

    fn heard(&self, events: &[OrderEvent]) -> Vec<String> {
        for strategy in ["a", "b"] {
            let account = self.account(strategy);
            assert_eq!(account.cash() + account.taken(), Usdc::ZERO, "nothing is made of nothing");
        }
        events.iter().map(text).collect()
    }

    fn account(&self, strategy: &str) -> Account {
        self.venue.account(&strategy.parse().unwrap())
    }

    /// Returns cash and the shares of yes and no of a strategy.
    fn holds(&self, strategy: &str) -> String {
        let account = self.account(strategy);
        let [yes, no] = Outcome::BOTH.map(|outcome| account.shares(MARKET, outcome));
        format!("{} USDC, {yes} yes, {no} no", account.cash())
    }
}

fn text(event: &OrderEvent) -> String {
    let order = &event.order;
    match &event.update {
        Update::Submitted(Submission::Rejected { reason, .. }) => {
            format!("{order} refused: {reason}")
        }
        Update::Submitted(Submission::Accepted) => format!("{order} accepted"),
        Update::Submitted(Submission::Unknown) => format!("{order} unknown"),
        Update::Filled(fill) => {
            assert_eq!((&fill.order, fill.at), (order, event.at));
            let Fill { number, size, price, fee, liquidity, .. } = fill;
            format!("{order}.{number}: {size} at {price}, fee {fee}, {liquidity:?}")
        }
        Update::Done { unfilled, cause } => format!("{order} done: {unfilled} left, {cause:?}"),
    }
}

fn market(id: ConditionId) -> Market {
    Market {
        id,
        slug: Arc::from("m"),
        question: Arc::from("q"),
        outcomes: [Arc::from("Up"), Arc::from("Down")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse().unwrap(),
        fees: FeeSchedule::new("0.07".parse().unwrap(), 1).unwrap(),
        opens_at: Timestamp::UNIX_EPOCH,
        closes_at: Timestamp::UNIX_EPOCH,
        strike_usd: None,
        event: None,
    }
}

fn intent(market: ConditionId, text: &str) -> Intent {
    let words: Vec<&str> = text.split(' ').collect();
    let [side, size, outcome, "at", limit, kind] = words[..] else { panic!("{text}") };
    let (side, purpose) = match side {
        "buy" => (Side::Buy, Purpose::Entry),
        "sell" => (Side::Sell, Purpose::Exit),
        other => panic!("{other}"),
    };
    let time_in_force = match kind {
        "FAK" => TimeInForce::Fak,
        "FOK" => TimeInForce::Fok,
        "GTC" => TimeInForce::Gtc,
        other => panic!("{other}"),
    };
    let outcome = if outcome == "yes" { YES } else { NO };
    let (limit, size) = (limit.parse().unwrap(), size.parse().unwrap());
    Intent { market, outcome, side, limit, size, time_in_force, purpose }
}

/// Has an intent approved by a guard that thinks both outcomes are held in plenty.
fn order(id: ClientOrderId, at: Timestamp, intent: Intent) -> Order {
    let plenty: Usdc = "100000000".parse().unwrap();
    let limits = Limits {
        market_exposure_max_usdc: plenty,
        strategy_exposure_max_usdc: plenty,
        open_orders_max: 1,
        order_rate_per_minute: 1,
        order_burst: 1,
        loss_streak_max: 1,
        loss_streak_cooldown: Duration::ZERO,
        drawdown_max_usdc: plenty,
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    };
    let mut portfolio = Portfolio::default();
    let (price, size) = ("0.1".parse().unwrap(), "1000000".parse().unwrap());
    portfolio
        .book(&Fill {
            number: 1,
            order: "x:1".parse().unwrap(),
            market: intent.market,
            outcome: intent.outcome,
            side: Side::Buy,
            price,
            size,
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at,
        })
        .unwrap();
    let market = market(intent.market);
    let (portfolio, orders) = (&portfolio, &OpenOrders::default());
    let context = Context {
        now: at,
        market: Some(&market),
        tick: market.tick,
        book: None,
        portfolio,
        orders,
        groups: &Groups::new(),
    };
    let mut guard = RiskGuard::new(limits);
    guard.set_gate(Gate::Open);
    Order::new(id, at, guard.check(intent, &context).unwrap())
}

#[test]
fn a_taker_walks_the_levels_within_its_limit_and_pays_a_fee_on_each() {
    let mut floor = Floor::new();
    floor.book(YES, "0.47x10 / 0.5x10 0.51x20 0.53x50");
    let got = floor.trade_now("a", "buy 100 yes at 0.52 FAK");
    assert_eq!(
        got,
        [
            "a:1 accepted",
            "a:1.1: 10 at 0.5, fee 0.175, Taker",
            "a:1.2: 20 at 0.51, fee 0.34986, Taker",
            "a:1 done: 70 left, Unmatched",
        ]
    );
    // 5 + 0.175 and 10.2 + 0.34986.
    assert_eq!(floor.holds("a"), "-15.72486 USDC, 30 yes, 0 no");
    let sold = floor.trade_now("a", "sell 30 yes at 0.4 FAK");
    let level = "a:2.1: 10 at 0.47, fee 0.17437, Taker";
    assert_eq!(sold, ["a:2 accepted", level, "a:2 done: 20 left, Unmatched"]);
    assert_eq!(floor.holds("a"), "-11.19923 USDC, 20 yes, 0 no");
}

#[test]
fn an_order_takes_no_more_than_it_wants() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10 0.51x20");
    let got = floor.trade_now("a", "buy 12.5 yes at 0.51 FAK");
    let second = "a:1.2: 2.5 at 0.51, fee 0.04373, Taker";
    assert_eq!(got[2..], [second, "a:1 done: 0 left, Filled"]);
}

#[test]
fn each_time_in_force_does_with_the_rest_what_it_says() {
    let check = |kind: &str, expected: &[&str], shares: &str| {
        let mut floor = Floor::new();
        floor.book(YES, "/ 0.5x10");
        let got = floor.trade_now("a", &format!("buy 20 yes at 0.5 {kind}"));
        assert_eq!(got, expected, "{kind}");
        assert_eq!(floor.account("a").shares(MARKET, YES), shares.parse().unwrap(), "{kind}");
    };
    let fill = "a:1.1: 10 at 0.5, fee 0.175, Taker";
    check("FAK", &["a:1 accepted", fill, "a:1 done: 10 left, Unmatched"], "10");
    check("FOK", &["a:1 accepted", "a:1 done: 20 left, Unmatched"], "0");
    check("GTC", &["a:1 accepted", fill], "10");
}

#[test]
fn a_fok_that_finds_all_is_filled() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10 0.51x10");
    let got = floor.trade_now("a", "buy 20 yes at 0.51 FOK");
    assert_eq!(got.last().unwrap(), "a:1 done: 0 left, Filled");
    assert_eq!(got.len(), 4);
}

#[test]
fn an_order_meets_the_book_that_stands_when_it_arrives() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.send("a", "buy 10 yes at 0.5 FAK");
    assert_eq!(floor.wait(LATENCY - 1), Vec::<String>::new());
    floor.book(YES, "/ 0.51x10");
    assert_eq!(floor.wait(1), ["a:1 accepted", "a:1 done: 10 left, Unmatched"]);
    // A better one is taken at its own price.
    floor.send("a", "buy 10 yes at 0.52 FAK");
    floor.book(YES, "/ 0.4x10");
    assert_eq!(floor.wait(LATENCY)[1], "a:2.1: 10 at 0.4, fee 0.168, Taker");
}

#[test]
fn orders_arrive_in_the_order_of_time_and_then_of_name() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.send("b", "buy 5 yes at 0.4 FAK");
    floor.send("a", "buy 5 yes at 0.4 FAK");
    floor.wait(10);
    floor.send("a", "buy 5 yes at 0.4 FAK");
    assert_eq!(floor.venue.next_due(), Some(Timestamp::from_millis(1_000_250)));
    let all = floor.wait(LATENCY);
    let accepted: Vec<_> = all.iter().filter(|line| line.ends_with("accepted")).collect();
    assert_eq!(accepted, ["a:2 accepted", "b:1 accepted", "a:3 accepted"]);
    assert_eq!(floor.venue.next_due(), None);
}

#[test]
fn a_cancel_ends_an_order_that_rests_and_never_overtakes_one_on_its_way() {
    let mut floor = Floor::new();
    floor.book(YES, "0.4x10 / 0.5x10");
    let order = floor.send("a", "buy 10 yes at 0.45 GTC");
    floor.venue.cancel(&order, floor.now);
    assert_eq!(floor.wait(LATENCY), ["a:1 accepted"]);
    assert_eq!(floor.wait(1), ["a:1 done: 10 left, Cancelled"]);
    // A second one finds nothing, and says nothing.
    floor.venue.cancel(&order, floor.now);
    assert_eq!(floor.wait(2 * LATENCY), Vec::<String>::new());
}

#[test]
fn a_cancel_of_an_earlier_clock_does_not_overtake_its_order_either() {
    let mut floor = Floor::new();
    floor.book(YES, "0.4x10 / 0.5x10");
    let order = floor.send("a", "buy 10 yes at 0.45 GTC");
    floor.venue.cancel(&order, Timestamp::UNIX_EPOCH);
    assert_eq!(floor.wait(LATENCY + 1), ["a:1 accepted", "a:1 done: 10 left, Cancelled"]);
}

#[test]
fn a_cancel_that_comes_after_the_fill_changes_nothing() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    let order = floor.send("a", "buy 10 yes at 0.5 GTC");
    assert_eq!(floor.wait(LATENCY).last().unwrap(), "a:1 done: 0 left, Filled");
    floor.venue.cancel(&order, floor.now);
    assert_eq!(floor.wait(2 * LATENCY), Vec::<String>::new());
    assert_eq!(floor.account("a").shares(MARKET, YES), "10".parse().unwrap());
}

#[test]
fn a_cancel_takes_as_long_as_an_order() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    let order = floor.send("a", "buy 10 yes at 0.45 GTC");
    floor.wait(LATENCY);
    floor.venue.cancel(&order, floor.now);
    floor.wait(LATENCY - 1);
    // Until then it may be filled.
    let fill = "a:1.1: 4 at 0.45, fee 0, Maker";
    assert_eq!(floor.book(YES, "/ 0.44x4"), [fill]);
    assert_eq!(floor.wait(2), ["a:1 done: 6 left, Cancelled"]);
}

#[test]
fn a_resting_order_is_filled_at_its_own_price_without_a_fee() {
    let mut floor = Floor::new();
    floor.book(YES, "0.4x10 / 0.5x10");
    assert_eq!(floor.trade_now("a", "buy 10 yes at 0.45 GTC"), ["a:1 accepted"]);
    assert_eq!(floor.book(YES, "0.4x10 / 0.46x10"), Vec::<String>::new());
    assert_eq!(floor.book(YES, "/ 0.43x4 0.45x2 0.46x9"), ["a:1.1: 6 at 0.45, fee 0, Maker"]);
    assert_eq!(floor.holds("a"), "-2.7 USDC, 6 yes, 0 no");
    // Shown once more, the same shares are not there a second time.
    assert_eq!(floor.book(YES, "/ 0.43x4 0.45x2 0.46x9"), Vec::<String>::new());
    // A book of the other outcome, or of another market, is none of its business.
    assert_eq!(floor.book(NO, "/ 0.3x10"), Vec::<String>::new());
    assert_eq!(floor.book_of(OTHER, YES, "/ 0.3x10"), Vec::<String>::new());
    let rest = ["a:1.2: 4 at 0.45, fee 0, Maker", "a:1 done: 0 left, Filled"];
    assert_eq!(floor.book(YES, "/ 0.45x10"), rest);
    // Nor for another order of the same strategy: 6 of the 10 are left.
    assert_eq!(
        floor.trade_now("a", "buy 10 yes at 0.45 FAK")[1],
        "a:2.1: 6 at 0.45, fee 0.10395, Taker"
    );
    assert_eq!(floor.book(YES, "/ 0.44x10"), Vec::<String>::new());
}

#[test]
fn a_resting_sell_is_filled_by_a_bid_at_its_price() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.trade_now("a", "buy 10 yes at 0.5 FAK");
    floor.trade_now("a", "sell 10 yes at 0.6 GTC");
    assert_eq!(floor.book(YES, "0.59x10 /"), Vec::<String>::new());
    let filled = ["a:2.1: 10 at 0.6, fee 0, Maker", "a:2 done: 0 left, Filled"];
    assert_eq!(floor.book(YES, "0.62x10 /"), filled);
    assert_eq!(floor.holds("a"), "0.825 USDC, 0 yes, 0 no");
}

#[test]
fn somebody_who_trades_through_a_resting_order_fills_it_and_one_at_its_price_does_not() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.trade_now("a", "buy 10 yes at 0.45 GTC");
    assert_eq!(floor.trade(YES, "0.45", "7"), Vec::<String>::new());
    assert_eq!(floor.trade(NO, "0.4", "7"), Vec::<String>::new());
    assert_eq!(floor.trade(YES, "0.44", "7"), ["a:1.1: 7 at 0.45, fee 0, Maker"]);
    let rest = ["a:1.2: 3 at 0.45, fee 0, Maker", "a:1 done: 0 left, Filled"];
    assert_eq!(floor.trade(YES, "0.44", "7"), rest);
    // The same the other way round for a sell.
    floor.trade_now("a", "sell 10 yes at 0.6 GTC");
    assert_eq!(floor.trade(YES, "0.6", "7"), Vec::<String>::new());
    assert_eq!(floor.trade(YES, "0.61", "7"), ["a:2.1: 7 at 0.6, fee 0, Maker"]);
}

#[test]
fn what_was_taken_is_not_there_again_until_the_level_changes() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10 0.51x10");
    floor.trade_now("a", "buy 8 yes at 0.5 FAK");
    let filled = |lines: Vec<String>| lines.len() - 2;
    let second = floor.trade_now("a", "buy 8 yes at 0.5 FAK");
    assert_eq!(second[1], "a:2.1: 2 at 0.5, fee 0.035, Taker");
    assert_eq!(filled(floor.trade_now("a", "buy 8 yes at 0.5 FAK")), 0);
    // The recording shows the same size once more: it never knew of us.
    floor.book(YES, "/ 0.5x10 0.51x10");
    floor.book(YES, "/ 0.5x10 0.51x11");
    assert_eq!(filled(floor.trade_now("a", "buy 8 yes at 0.5 FAK")), 0);
    // Another size is another order, all of it.
    floor.book(YES, "/ 0.5x9 0.51x10");
    let again = floor.trade_now("a", "buy 20 yes at 0.5 FAK");
    assert_eq!(again[1], "a:5.1: 9 at 0.5, fee 0.1575, Taker");
    // A level that went away and came back is a new one, too.
    floor.book(YES, "/ 0.51x10");
    floor.book(YES, "/ 0.5x9");
    assert_eq!(filled(floor.trade_now("a", "buy 9 yes at 0.5 FAK")), 1);
}

#[test]
fn what_was_taken_is_not_there_again_in_the_other_outcomes_book() {
    // Buying yes at 0.46 takes the same shares as selling no at 0.54.
    let mut floor = Floor::new();
    floor.book(YES, "0.44x10 / 0.46x10");
    floor.book(NO, "0.54x10 / 0.56x10");
    floor.trade_now("a", "buy 10 no at 0.56 FAK");
    floor.trade_now("a", "buy 7 yes at 0.46 FAK");
    let sold = floor.trade_now("a", "sell 10 no at 0.54 FAK");
    assert_eq!(sold[1..], ["a:3.1: 3 at 0.54, fee 0.05216, Taker", "a:3 done: 7 left, Unmatched"]);
    // And the no that was bought at 0.56 stood as a bid for yes at 0.44.
    let sold = floor.trade_now("a", "sell 7 yes at 0.44 FAK");
    assert_eq!(sold[1], "a:4 done: 7 left, Unmatched");
    // A change seen in the one book is a change in the other. The first book after a bite is what is
    // compared with, whatever its size: it may have been on its way already.
    floor.book(NO, "0.54x10 / 0.56x11");
    assert_eq!(floor.trade_now("a", "buy 20 no at 0.56 FAK").len(), 3);
    floor.book(YES, "0.44x12 / 0.46x10");
    floor.book(NO, "0.54x10 / 0.56x12");
    let again = floor.trade_now("a", "buy 20 no at 0.56 FAK");
    assert_eq!(again[1], "a:6.1: 12 at 0.56, fee 0.20698, Taker");
}

#[test]
fn what_was_taken_is_not_there_for_a_resting_order_either() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.trade_now("a", "buy 6 yes at 0.5 GTC");
    let rest = floor.trade_now("a", "buy 6 yes at 0.5 GTC");
    assert_eq!(rest[1..], ["a:2.1: 4 at 0.5, fee 0.07, Taker"]);
    assert_eq!(floor.book(YES, "/ 0.5x10"), Vec::<String>::new());
    let end = "a:2 done: 0 left, Filled";
    assert_eq!(floor.book(YES, "/ 0.5x11"), ["a:2.2: 2 at 0.5, fee 0, Maker", end]);
}

#[test]
fn strategies_do_not_take_from_each_other() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    let fills = ["a", "b"].map(|strategy| floor.trade_now(strategy, "buy 10 yes at 0.5 FAK").len());
    assert_eq!(fills, [3, 3]);
    assert_eq!(floor.holds("a"), floor.holds("b"));
}

#[test]
fn what_is_not_held_cannot_be_sold() {
    let mut floor = Floor::new();
    floor.book(YES, "0.4x100 / 0.5x100");
    floor.trade_now("a", "buy 20 yes at 0.5 FAK");
    let refused = |id: u64| [format!("a:{id} refused: not enough balance: fewer shares are held")];
    assert_eq!(floor.trade_now("a", "sell 20.01 yes at 0.4 FAK"), refused(2));
    assert_eq!(floor.trade_now("a", "sell 5 no at 0.4 FAK"), refused(3));
    // What rests for sale is not there for another sale; another strategy's shares are not ours.
    assert_eq!(floor.trade_now("a", "sell 15 yes at 0.6 GTC"), ["a:4 accepted"]);
    assert_eq!(floor.trade_now("a", "sell 6 yes at 0.4 FAK"), refused(5));
    assert_eq!(floor.trade_now("a", "sell 5 yes at 0.4 FAK").len(), 3);
    let other = floor.trade_now("b", "sell 5 yes at 0.4 FAK");
    assert_eq!(other, ["b:7 refused: not enough balance: fewer shares are held"]);
}

#[test]
fn a_market_that_is_not_known_takes_no_order_and_one_without_a_book_fills_none() {
    let mut floor = Floor::new();
    floor.send_in(ConditionId::from_bytes([9; 32]), "a", "buy 10 yes at 0.5 FAK");
    let unknown = "a:1 refused: no book exists for this market: it is not known, or settled";
    assert_eq!(floor.wait(LATENCY), [unknown]);
    let got = floor.trade_now("a", "buy 10 yes at 0.5 FAK");
    assert_eq!(got, ["a:2 accepted", "a:2 done: 10 left, Unmatched"]);
}

#[test]
fn a_settlement_ends_resting_orders_pays_shares_and_closes_the_market() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.4x100");
    floor.book(NO, "/ 0.5x100");
    floor.book_of(OTHER, YES, "/ 0.5x100");
    floor.trade_now("a", "buy 10 yes at 0.4 FAK");
    floor.trade_now("b", "buy 10 no at 0.5 FAK");
    floor.trade_now("a", "buy 10 yes at 0.3 GTC");
    floor.send_in(OTHER, "b", "buy 10 yes at 0.4 GTC");
    floor.wait(LATENCY);
    let [before_a, before_b] = ["a", "b"].map(|strategy| floor.account(strategy).cash());
    assert_eq!(floor.resolve("1", "0"), ["a:3 done: 10 left, Resolved"]);
    assert_eq!(floor.account("a").cash() - before_a, "10".parse().unwrap());
    assert_eq!(floor.account("b").cash(), before_b);
    assert!(floor.holds("b").ends_with("0 yes, 0 no"));
    // What comes later finds no market; the other one goes on.
    assert_eq!(floor.book(YES, "/ 0.2x100"), Vec::<String>::new());
    assert!(floor.trade_now("a", "buy 10 yes at 0.5 FAK")[0].contains("refused"));
    assert_eq!(floor.book_of(OTHER, YES, "/ 0.4x100").len(), 2);
}

#[test]
fn a_drawn_market_pays_half_for_each() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.4x100");
    floor.book(NO, "/ 0.5x100");
    floor.trade_now("a", "buy 10 yes at 0.4 FAK");
    floor.trade_now("a", "buy 5 no at 0.5 FAK");
    let before = floor.account("a").cash();
    floor.resolve("0.5", "0.5");
    assert_eq!(floor.account("a").cash() - before, "7.5".parse().unwrap());
}

#[test]
fn a_second_announcement_of_a_market_keeps_its_books() {
    let mut floor = Floor::new();
    floor.book(YES, "/ 0.5x10");
    floor.tell(Kind::Market(Arc::new(market(MARKET))));
    assert_eq!(floor.trade_now("a", "buy 10 yes at 0.5 FAK").len(), 3);
}
