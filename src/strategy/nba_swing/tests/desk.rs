//! The desk: a strategy, one market and its game, and the hands that move them.

use super::*;
use crate::book::{Level, OrderBook};
use crate::event::Trade;
use crate::fees::FeeSchedule;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::Side;
use crate::open_orders::OpenOrders;
use crate::order::{DoneCause, Liquidity, Origin, Submission, Update};
use crate::position::Portfolio;
use crate::strategy::{MarketState, Wish};

pub(super) const MARKET: ConditionId = ConditionId::from_bytes([1; 32]);

/// The Warriors (guests, yes) at the Nets (hosts, no), without fees.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) strategy: NbaSwing,
    pub(super) markets: BTreeMap<ConditionId, MarketState>,
    pub(super) orders: OpenOrders,
    pub(super) now: Timestamp,
    /// The numbers of the newest look.
    pub(super) compared: String,
    numbers: u64,
}

/// The market of the game, as it is announced.
pub(super) fn market() -> Market {
    Market {
        id: MARKET,
        slug: Arc::from("nba-gsw-bkn-2020-12-22"),
        question: Arc::from("Warriors vs. Nets"),
        outcomes: [Arc::from("Warriors"), Arc::from("Nets")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: size("5"),
        fees: FeeSchedule::FREE,
        opens_at: "2020-12-20T00:00:00Z".parse().unwrap(),
        closes_at: "2020-12-23T06:00:00Z".parse().unwrap(),
        strike_usd: None,
        event: None,
    }
}

/// A state of the game: points of the guests and of the hosts, quarter, seconds left of it.
pub(super) fn game(score: [u16; 2], period: u8, clock_s: u16) -> Game {
    let [guest, host] = score;
    Game {
        id: Arc::from("0022000001"),
        league: Arc::from("NBA"),
        teams: [Arc::from("BKN"), Arc::from("GS")],
        score: [host, guest],
        period,
        clock_s,
        possession: None,
        is_final: false,
    }
}

/// A book of one level a side, `bid/ask` with `-` for none, 3000 shares each.
pub(super) fn book(at: Timestamp, quote: &str) -> OrderBook {
    let level = |text: &str| {
        let level = |text| Level { price: price(text), size: size("3000") };
        (text != "-").then(|| level(text)).into_iter().collect()
    };
    let (bid, ask) = quote.split_once('/').unwrap();
    OrderBook::new(at, level(bid), level(ask))
}

impl Desk {
    pub(super) fn new(config: Config) -> Self {
        Self::with_market(config, market())
    }

    pub(super) fn with_market(config: Config, market: Market) -> Self {
        let mut desk = Self {
            strategy: NbaSwing::new(config),
            markets: BTreeMap::new(),
            orders: OpenOrders::default(),
            now: "2020-12-23T02:00:00Z".parse().unwrap(),
            compared: String::new(),
            numbers: 0,
        };
        desk.announce(market);
        desk
    }

    /// A desk where the guests lead by ten with five minutes left and have the ball: p is 0.8808.
    pub(super) fn leading(config: Config) -> Self {
        let mut desk = Self::new(config);
        assert!(desk.tell(leading()).iter().all(|look| look == "stale_book"));
        desk
    }

    pub(super) fn announce(&mut self, market: Market) {
        let market = Arc::new(market);
        self.markets.insert(market.id, MarketState::new(Arc::clone(&market)));
        assert!(self.event(Kind::Market(market)).is_empty());
    }

    /// The one place that calls the strategy. Returns how each look ended, as text.
    pub(super) fn ask(
        &mut self,
        how: impl FnOnce(&mut NbaSwing, &View<'_>, &mut Vec<Look>),
    ) -> Vec<String> {
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

    pub(super) fn event(&mut self, kind: Kind) -> Vec<String> {
        let event = MarketEvent { at: self.now, kind };
        self.ask(|strategy, view, looks| strategy.on_event(&event, view, looks))
    }

    pub(super) fn wait(&mut self, span: Duration) -> &mut Self {
        self.now = self.now + span;
        self
    }

    pub(super) fn wait_s(&mut self, seconds: u64) -> &mut Self {
        self.wait(Duration::from_secs(seconds))
    }

    /// Tells a state of the game. Returns the looks.
    pub(super) fn tell(&mut self, game: Game) -> Vec<String> {
        self.event(Kind::Game(Arc::new(game)))
    }

    /// Shows the book of yes, and the one of no that is the same from the other side. Returns the look.
    pub(super) fn quote(&mut self, yes: &str) -> String {
        let other = |text: &str| match text {
            "-" => "-".to_owned(),
            text => price(text).complement().to_string(),
        };
        let (bid, ask) = yes.split_once('/').unwrap();
        self.quotes(yes, &format!("{}/{}", other(ask), other(bid)))
    }

    /// Shows both books. Returns the look.
    pub(super) fn quotes(&mut self, yes: &str, no: &str) -> String {
        let now = self.now;
        self.show(YES, book(now, yes));
        self.show(NO, book(now, no));
        self.look()
    }

    /// Puts a book in the view without a word to the strategy.
    pub(super) fn show(&mut self, outcome: Outcome, book: OrderBook) {
        let state = self.markets.get_mut(&MARKET).unwrap();
        *outcome.of_mut(&mut state.books) = Some(Arc::new(book));
    }

    /// Tells that the book of yes has come. Returns the look.
    pub(super) fn look(&mut self) -> String {
        let book = Arc::clone(self.markets[&MARKET].books[0].as_ref().unwrap());
        let mut looks = self.event(Kind::Book { market: MARKET, outcome: YES, book });
        assert_eq!(looks.len(), 1, "{looks:?}");
        looks.remove(0)
    }

    /// Tells so many trades, each a buy of yes.
    pub(super) fn trades(&mut self, times: usize) {
        let (price, size) = (price("0.5"), size("10"));
        for _ in 0..times {
            let trade = Trade { market: MARKET, outcome: YES, side: Side::Buy, price, size };
            assert!(self.event(Kind::Trade(trade)).is_empty());
        }
    }

    pub(super) fn feed(&mut self, name: &str, state: FeedState) {
        assert!(self.event(Kind::Feed { feed: Arc::from(name), state }).is_empty());
    }

    /// Leaves the order of a look outstanding. Returns its number.
    pub(super) fn send(&mut self, look: &str) -> u64 {
        let words: Vec<&str> = look.split(' ').collect();
        let [purpose, side, shares, outcome, "at", limit] = words[..] else { panic!("{look}") };
        self.numbers += 1;
        let intent = Intent {
            market: MARKET,
            outcome: if outcome == "yes" { YES } else { NO },
            side: if side == "buy" { Side::Buy } else { Side::Sell },
            limit: price(limit),
            size: size(shares),
            time_in_force: TimeInForce::Fak,
            purpose: if purpose == "entry:" { Purpose::Entry } else { Purpose::Exit },
        };
        self.orders.add(self.numbers, intent, Usdc::ZERO);
        self.numbers
    }

    /// Fills so many shares of an order at its limit. Returns the looks.
    pub(super) fn filled(&mut self, number: u64, shares: &str) -> Vec<String> {
        let order = self.orders.iter().find(|(n, _)| *n == number).unwrap().1;
        let Intent { outcome, side, limit, .. } = order.intent;
        let fill = self.deal(outcome, side, &format!("{shares} at {limit}"));
        self.orders.update(number, &Update::Filled(fill.clone()));
        self.ask(|strategy, view, looks| strategy.on_fill(&fill, view, looks))
    }

    /// Ends an order after so many shares of it were filled. Returns the look.
    pub(super) fn done(&mut self, number: u64, filled: &str) -> String {
        if filled != "0" {
            assert_eq!(self.filled(number, filled).len(), 1);
        }
        let unfilled = self.orders.iter().find(|(n, _)| *n == number).unwrap().1.remaining();
        self.end(number, &Update::Done { unfilled, cause: DoneCause::Unmatched })
    }

    /// Ends an order by the venue's refusal. Returns the look.
    pub(super) fn refused(&mut self, number: u64) -> String {
        let reason = "not enough balance".to_owned();
        self.end(number, &Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }))
    }

    fn end(&mut self, number: u64, update: &Update) -> String {
        let order = self.orders.update(number, update).unwrap();
        let mut looks = self.ask(|strategy, view, looks| strategy.on_done(&order, view, looks));
        assert_eq!(looks.len(), 1, "{looks:?}");
        looks.remove(0)
    }

    /// Tells a fill of the past, as a strategy that comes back is told: without a market in the view.
    pub(super) fn recall(&mut self, outcome: Outcome, side: Side, deal: &str) {
        let fill = self.deal(outcome, side, deal);
        let markets = std::mem::take(&mut self.markets);
        assert!(self.ask(|strategy, view, looks| strategy.on_fill(&fill, view, looks)).is_empty());
        self.markets = markets;
    }

    fn deal(&mut self, outcome: Outcome, side: Side, deal: &str) -> Fill {
        let (shares, at) = deal.split_once(" at ").unwrap();
        self.numbers += 1;
        Fill {
            number: 1,
            order: format!("a:{}", self.numbers).parse().unwrap(),
            market: MARKET,
            outcome,
            side,
            price: price(at),
            size: size(shares),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at: self.now,
        }
    }

    /// Buys by a whole entry at this quote of yes.
    pub(super) fn bought(&mut self, quote: &str) -> &mut Self {
        let look = self.quote(quote);
        assert!(look.starts_with("entry: "), "{look}: {}", self.compared);
        let order = self.send(&look);
        let shares = look.split(' ').nth(2).unwrap().to_owned();
        self.done(order, &shares);
        self
    }

    /// Tells that the time asked for has come. Returns the looks.
    pub(super) fn timer(&mut self) -> Vec<String> {
        let looks = self.ask(|strategy, view, looks| strategy.on_timer(view, looks));
        let next = self.strategy.next_timer();
        assert!(next.is_none_or(|at| self.now < at), "{next:?} is not after {}", self.now);
        looks
    }

    /// Returns how long from now the strategy wants to be woken.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.strategy.next_timer().map(|at| at.since(self.now))
    }

    /// Returns the stage of the market.
    pub(super) fn stage(&self) -> String {
        format!("{:?}", self.strategy.swings[&MARKET].stage)
    }

    /// Returns shares, entry and peak of the position.
    pub(super) fn held(&self) -> Option<String> {
        self.strategy.swings.get(&MARKET)?.holding.map(|held| {
            let (size, entry, peak) = (held.size(), held.entry(), held.peak());
            format!("{size} {} at {entry}, peak {peak}", held.outcome())
        })
    }
}

/// The guests lead by ten with five minutes left and have the ball.
pub(super) fn leading() -> Game {
    Game { possession: Some(1), ..game([100, 90], 4, 300) }
}

/// Returns how a look ended: the order wanted, or the reason.
fn text(look: &Look) -> String {
    match &look.wish {
        Wish::No(reason) => reason.name().to_owned(),
        Wish::Intent(intent) => {
            let Intent { market, outcome, limit, size, side, purpose, time_in_force } = intent;
            assert_eq!((Some(*market), *time_in_force), (look.market, TimeInForce::Fak));
            format!("{}: {side} {size} {outcome} at {limit}", purpose.name())
        }
    }
}
