//! The rules of `momentum`, one by one, at their boundaries: a desk to play at, and the cases.

mod chance;
mod choice;
mod gates;
mod held;
mod history;
mod life;
mod rotation;
mod trend;
mod window;

use std::sync::Arc;

use super::config::{Directional, Exits, Method, Series, Settlement, Trend};
use super::*;
use crate::book::Level;
use crate::event::Symbol;
use crate::fees::FeeSchedule;
use crate::intent::TimeInForce;
use crate::numbers::Frac;
use crate::open_orders::OpenOrders;
use crate::order::{DoneCause, Liquidity, Origin, Submission, Update};
use crate::position::Portfolio;
use crate::price::{Price, Size};
use crate::strategy::{MarketState, Wish};

/// A market of BTC from the beginning on, for a quarter of an hour.
const BTC: ConditionId = ConditionId::from_bytes([1; 32]);
/// The same of ETH.
const ETH: ConditionId = ConditionId::from_bytes([2; 32]);
/// When both open: 2026-09-28T09:00:00Z, at the turn of a quarter of an hour.
const BEGIN_MS: i64 = 1_790_586_000_000;

/// The settings of the file that says nothing but its markets, for two underlyings, without the waiting for a
/// better signal.
fn config(method: Method) -> Config {
    let [btc, eth, price_max] = match method {
        Method::Directional(_) => ["0.005", "0.008", "0.55"],
        Method::Predictive { .. } | Method::Confirmatory { .. } => ["0.0005", "0.0008", "0.35"],
    };
    let series = |symbol: &str, prefix: &str, volatility| Series {
        symbol: symbol.into(),
        market_prefixes: vec![format!("{prefix}-updown-15m-"), format!("{prefix}-updown-5m-")],
        volatility: frac(volatility),
    };
    Config {
        method,
        series: vec![series("BTC", "btc", btc), series("ETH", "eth", eth)],
        size: size("40"),
        entry_price_max: price(price_max),
        left_min: Duration::from_secs(60),
        cooldown: Duration::from_secs(60),
        daily_max: 20,
        positions_max: 3,
        window_exposure_max_usdc: usdc("25"),
        best_edge: None,
        spot_age_max: Duration::from_secs(3),
        book_age_max: Duration::from_secs(5),
    }
}

/// Directional, for markets that the price at the close decides.
fn directional() -> Config {
    config(Method::Directional(Directional {
        left_max: Duration::from_secs(300),
        entry_price_min: price("0.1"),
        value_min_usdc: usdc("0.08"),
        reserve_usdc: usdc("0.01"),
        volatility_min: frac("0.005"),
        settlement: Settlement::Spot,
    }))
}

fn by_trend() -> Trend {
    Trend { move_min: frac("0.0005"), edge_min_usdc: usdc("0.03") }
}

fn confirmatory() -> Config {
    config(Method::Confirmatory { trend: by_trend(), left_max: Duration::from_secs(300) })
}

fn predictive() -> Config {
    let exits = Exits {
        take_profit: frac("0.2"),
        stop_loss: frac("0.15"),
        trailing_stop: frac("0.1"),
        before_close: Duration::from_secs(30),
        retry: Duration::from_secs(1),
    };
    config(Method::Predictive { trend: by_trend(), exits })
}

/// Changes the settings of the directional signal.
fn chance(how: impl FnOnce(&mut Directional)) -> Config {
    let mut config = directional();
    match &mut config.method {
        Method::Directional(settings) => how(settings),
        Method::Predictive { .. } | Method::Confirmatory { .. } => unreachable!(),
    }
    config
}

/// The venue's fee of a crypto market: 7 % of p·(1−p).
fn crypto() -> FeeSchedule {
    FeeSchedule::new(usdc("0.07"), 1).unwrap()
}

/// A strategy, markets without fees, and the hands that move them.
#[derive(Debug)]
struct Desk {
    strategy: Momentum,
    markets: BTreeMap<ConditionId, MarketState>,
    orders: OpenOrders,
    numbers: u64,
    fills: Vec<Fill>,
    now: Timestamp,
    /// The numbers of the newest look.
    compared: String,
}

impl Desk {
    /// Returns a desk 240 seconds before both markets close. Strikes are known: 100000 and 4000.
    fn new(config: Config) -> Self {
        let now = begin() + Duration::from_secs(660);
        let mut desk = Self {
            strategy: Momentum::new(config),
            markets: BTreeMap::new(),
            orders: OpenOrders::default(),
            numbers: 0,
            fills: Vec::new(),
            now,
            compared: String::new(),
        };
        for (id, coin, strike) in [(BTC, "btc", "100000"), (ETH, "eth", "4000")] {
            desk.announce(market(id, coin, (0, 900)), |market| {
                market.strike_usd = Some(usdc(strike));
            });
        }
        desk
    }

    /// Makes a market known, changed in this way; one that is known already is told of anew.
    fn announce(&mut self, mut market: Market, how: impl FnOnce(&mut Market)) {
        how(&mut market);
        let market = Arc::new(market);
        let state = MarketState::new(Arc::clone(&market));
        let old = self.markets.insert(market.id, state);
        if let Some(old) = old {
            self.markets.get_mut(&market.id).unwrap().books = old.books;
        }
        assert_eq!(self.event(Kind::Market(market)), Vec::<String>::new());
    }

    /// Changes the rules of the market of BTC.
    fn change(&mut self, how: impl FnOnce(&mut Market)) {
        let market = Market::clone(&self.markets[&BTC].market);
        self.announce(market, how);
    }

    /// Takes the known markets away, also out of the strategy's sight.
    fn without_markets(config: Config) -> Self {
        let mut desk = Self::new(config);
        for market in [BTC, ETH] {
            desk.settle(market);
        }
        desk
    }

    fn settle(&mut self, market: ConditionId) {
        self.markets.remove(&market);
        self.strategy.on_settled(market);
    }

    /// The one place that calls the strategy. Returns how each look ended, as text.
    fn ask(&mut self, how: impl FnOnce(&mut Momentum, &View<'_>, &mut Vec<Look>)) -> Vec<String> {
        let portfolio = Portfolio::default();
        let view = View {
            now: self.now,
            markets: &self.markets,
            portfolio: &portfolio,
            orders: &self.orders,
        };
        let mut looks = Vec::new();
        how(&mut self.strategy, &view, &mut looks);
        if let Some(look) = looks.last() {
            self.compared = look.numbers.to_string();
        }
        looks.iter().map(text).collect()
    }

    fn event(&mut self, kind: Kind) -> Vec<String> {
        let event = MarketEvent { at: self.now, kind };
        self.ask(|strategy, view, looks| strategy.on_event(&event, view, looks))
    }

    /// Lets time go on.
    fn wait(&mut self, span: Duration) -> &mut Self {
        self.now = self.now + span;
        self
    }

    fn wait_s(&mut self, seconds: u64) -> &mut Self {
        self.wait(Duration::from_secs(seconds))
    }

    /// Goes to so many seconds before the first markets close.
    fn left_s(&mut self, seconds: u64) -> &mut Self {
        self.now = begin() + Duration::from_secs(900 - seconds);
        self
    }

    /// Tells a price of an underlying now. Returns the look, the last where others came with it.
    fn spot(&mut self, symbol: &str, price_usd: &str) -> String {
        let mut looks =
            self.event(Kind::Spot { symbol: Symbol::from(symbol), price_usd: usdc(price_usd) });
        looks.pop().expect("a price of its own is looked at")
    }

    /// Tells prices of an underlying, each with how many seconds ago it was; the oldest first. Returns the
    /// look at the last of them.
    fn prices(&mut self, symbol: &str, prices: &[(u64, &str)]) -> String {
        let now = self.now;
        let mut last = String::new();
        for (age, price) in prices {
            self.now = now - Duration::from_secs(*age);
            last = self.spot(symbol, price);
        }
        self.now = now;
        last
    }

    /// Tells a price of BTC that stood still for a minute and has just moved from the one to the other.
    fn moved(&mut self, from: &str, to: &str) -> String {
        self.prices("BTC", &[(60, from), (30, from), (10, from), (0, to)])
    }

    /// Tells a price of both underlyings that has not moved for a minute.
    fn still(&mut self, btc: &str, eth: &str) -> [String; 2] {
        [("BTC", btc), ("ETH", eth)].map(|(symbol, price)| {
            self.prices(symbol, &[(60, price), (30, price), (10, price), (0, price)])
        })
    }

    /// Puts both books of a market in the view, each as `bid/ask` with `-` for none, without a word to the
    /// strategy.
    fn quote(&mut self, market: ConditionId, yes: &str, no: &str) -> &mut Self {
        self.show(market, Outcome::Yes, Duration::ZERO, yes);
        self.show(market, Outcome::No, Duration::ZERO, no);
        self
    }

    /// Puts a book of this age in the view.
    fn show(&mut self, market: ConditionId, outcome: Outcome, age: Duration, quote: &str) {
        let level = |text: &str| {
            let size = size("1000");
            (text != "-").then(|| Level { price: price(text), size }).into_iter().collect()
        };
        let (bid, ask) = quote.split_once('/').unwrap();
        let book = OrderBook::new(self.now - age, level(bid), level(ask));
        *outcome.of_mut(&mut self.markets.get_mut(&market).unwrap().books) = Some(Arc::new(book));
    }

    /// Tells that a book of this outcome has come. Returns the looks.
    fn book(&mut self, market: ConditionId, outcome: Outcome) -> Vec<String> {
        let book = self.markets[&market].books.clone();
        let book = Arc::clone(outcome.of(&book).as_ref().unwrap());
        self.event(Kind::Book { market, outcome, book })
    }

    /// Books a fill, as `shares at price`, without an order around it. Returns the looks.
    fn fill(
        &mut self,
        market: ConditionId,
        outcome: Outcome,
        side: Side,
        deal: &str,
    ) -> Vec<String> {
        self.numbers += 1;
        let (shares, at) = deal.split_once(" at ").unwrap();
        let fill = Fill {
            number: 1,
            order: format!("a:{}", self.numbers).parse().unwrap(),
            market,
            outcome,
            side,
            price: price(at),
            size: size(shares),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at: self.now,
        };
        self.fills.push(fill.clone());
        self.ask(|strategy, view, looks| strategy.on_fill(&fill, view, looks))
    }

    /// Books a fill of an entry into the market of BTC and takes the position away again: a cooldown, a day's
    /// entry and a window are used up.
    fn trade(&mut self, market: ConditionId, shares: &str) {
        self.fill(market, Outcome::Yes, Side::Buy, &format!("{shares} at 0.3"));
        self.fill(market, Outcome::Yes, Side::Sell, &format!("{shares} at 0.3"));
    }

    /// Leaves an order outstanding. Returns its number.
    fn send(&mut self, market: ConditionId, purpose: Purpose, shares: &str) -> u64 {
        self.numbers += 1;
        let side = match purpose {
            Purpose::Exit => Side::Sell,
            Purpose::Entry | Purpose::Hedge => Side::Buy,
        };
        let intent = Intent {
            market,
            outcome: Outcome::Yes,
            side,
            limit: price("0.3"),
            size: size(shares),
            time_in_force: TimeInForce::Fak,
            purpose,
        };
        self.orders.add(self.numbers, intent, Usdc::ZERO);
        self.numbers
    }

    /// Ends an order without a fill. Returns the looks.
    fn unmatched(&mut self, number: u64) -> Vec<String> {
        let unfilled = Size::ZERO;
        self.end(number, &Update::Done { unfilled, cause: DoneCause::Unmatched })
    }

    /// Ends an order by the venue's refusal. Returns the looks.
    fn refused(&mut self, number: u64) -> Vec<String> {
        let reason = "not enough balance".to_owned();
        self.end(number, &Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }))
    }

    fn end(&mut self, number: u64, update: &Update) -> Vec<String> {
        let order = self.orders.update(number, update).unwrap();
        self.ask(|strategy, view, looks| strategy.on_done(&order, view, looks))
    }

    /// Tells that the time asked for has come. Returns the looks.
    fn timer(&mut self) -> Vec<String> {
        let looks = self.ask(|strategy, view, looks| strategy.on_timer(view, looks));
        let next = self.strategy.next_timer();
        assert!(next.is_none_or(|at| self.now < at), "{next:?} is not after {}", self.now);
        looks
    }

    /// Returns how long from now the strategy wants to be woken.
    fn next_timer(&self) -> Option<Duration> {
        self.strategy.next_timer().map(|at| at.since(self.now))
    }
}

/// Returns a market that is open for this span, in seconds from the beginning; of the series of 15 minutes,
/// unless it is open for five.
fn market(id: ConditionId, coin: &str, (opens, closes): (u64, u64)) -> Market {
    let minutes = if closes - opens == 300 { 5 } else { 15 };
    Market {
        id,
        slug: format!("{coin}-updown-{minutes}m-{}", BEGIN_MS / 1000).into(),
        question: "Up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: size("5"),
        fees: FeeSchedule::FREE,
        opens_at: begin() + Duration::from_secs(opens),
        closes_at: begin() + Duration::from_secs(closes),
        strike_usd: None,
        event: None,
    }
}

/// Returns how a look ended: the order wanted, or the reason.
fn text(look: &Look) -> String {
    match &look.wish {
        Wish::No(reason) => reason.name().to_owned(),
        Wish::Intent(intent) => {
            let Intent { market, outcome, limit, size, .. } = intent;
            let Intent { side, purpose, time_in_force, .. } = intent;
            assert_eq!((Some(*market), *time_in_force), (look.market, TimeInForce::Fak));
            let coin = match *market {
                BTC => "btc",
                ETH => "eth",
                _ => "another",
            };
            format!("{}: {side} {size} {outcome} of {coin} at {limit}", purpose.name())
        }
    }
}

fn begin() -> Timestamp {
    Timestamp::from_millis(BEGIN_MS)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn size(text: &str) -> Size {
    text.parse().unwrap()
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn frac(text: &str) -> Frac {
    Frac::from_micros(crate::price::parse_micros(text).unwrap())
}
