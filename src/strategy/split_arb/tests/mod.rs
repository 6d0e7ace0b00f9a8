//! The rules of `split_arb`, one by one, at their boundaries: a desk to play at, and the cases.

mod books;
mod entry;
mod fills;
mod leg;
mod life;

use std::sync::Arc;

use super::*;
use crate::book::Level;
use crate::fees::FeeSchedule;
use crate::market::{Market, TickSize};
use crate::order::{DoneCause, Liquidity, Origin, Submission, Update};
use crate::position::Portfolio;
use crate::strategy::Wish;

const MARKET: ConditionId = ConditionId::from_bytes([1; 32]);
const OTHER: ConditionId = ConditionId::from_bytes([2; 32]);
/// Markets close an hour after the desk begins.
const HOUR: u64 = 3600;

/// The first style with the numbers it always had: one leg at most at 0.35, a pair for at most 0.70.
fn legged() -> Config {
    Config {
        style: Style::Legged,
        market_prefixes: vec!["btc-".to_owned()],
        size: size("100"),
        entry_price_max: price("0.35"),
        target_sum_usdc: usdc("0.7"),
        hedge_slack_usdc: usdc("0.1"),
        profit_min_usdc: usdc("0.05"),
        hedge_wait_max: Duration::from_secs(900),
        unhedged_max: 3,
        unhedged_stop_frac: usdc("0.1"),
        exit_before_close: Duration::from_secs(30),
        book_age_max: Duration::from_secs(5),
        book_skew_max: Duration::from_secs(2),
        exit_retry: Duration::from_secs(1),
    }
}

/// The second style with the numbers it always had: a pair below 0.98, the first leg at most at 0.49.
fn simultaneous() -> Config {
    Config {
        style: Style::Simultaneous,
        size: size("50"),
        entry_price_max: price("0.49"),
        target_sum_usdc: usdc("0.98"),
        profit_min_usdc: usdc("0.02"),
        hedge_wait_max: Duration::from_secs(30),
        ..legged()
    }
}

/// The venue's fee of a crypto market: 7 % of p·(1−p).
fn crypto() -> FeeSchedule {
    FeeSchedule::new(usdc("0.07"), 1).unwrap()
}

/// A strategy, two markets without fees, and the hands that move them.
#[derive(Debug)]
struct Desk {
    strategy: SplitArb,
    markets: BTreeMap<ConditionId, MarketState>,
    orders: OpenOrders,
    numbers: u64,
    fills: Vec<Fill>,
    now: Timestamp,
    /// The numbers of the newest look.
    compared: String,
}

impl Desk {
    fn new(config: Config) -> Self {
        let begin = Timestamp::from_millis(1_790_586_000_000);
        let market = |id| {
            Arc::new(Market {
                id,
                slug: Arc::from("btc-updown-15m-1790586000"),
                question: Arc::from("Bitcoin up or down?"),
                outcomes: [Arc::from("Up"), Arc::from("Down")],
                tokens: None,
                tick: TickSize::CENT,
                min_size: size("5"),
                fees: FeeSchedule::FREE,
                opens_at: begin,
                closes_at: begin + Duration::from_secs(HOUR),
                strike_usd: None,
                event: None,
            })
        };
        Self {
            strategy: SplitArb::new(config),
            markets: [MARKET, OTHER].map(|id| (id, MarketState::new(market(id)))).into(),
            orders: OpenOrders::default(),
            numbers: 0,
            fills: Vec::new(),
            now: begin,
            compared: String::new(),
        }
    }

    fn with_fees(config: Config, fees: FeeSchedule) -> Self {
        let mut desk = Self::new(config);
        desk.change(|market| market.fees = fees);
        desk
    }

    /// Changes the rules of the first market.
    fn change(&mut self, how: impl FnOnce(&mut Market)) {
        let state = self.markets.get_mut(&MARKET).unwrap();
        how(Arc::make_mut(&mut state.market));
        state.tick = state.market.tick;
    }

    /// The one place that calls the strategy. Returns how each look ended, as text.
    fn ask(&mut self, how: impl FnOnce(&mut SplitArb, &View<'_>, &mut Vec<Look>)) -> Vec<String> {
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

    /// Asks where exactly one look is due.
    fn ask_once(&mut self, how: impl FnOnce(&mut SplitArb, &View<'_>, &mut Vec<Look>)) -> String {
        let mut looks = self.ask(how);
        assert_eq!(looks.len(), 1, "{looks:?}");
        looks.remove(0)
    }

    /// Lets time go on.
    fn wait(&mut self, span: Duration) -> &mut Self {
        self.now = self.now + span;
        self
    }

    fn wait_s(&mut self, seconds: u64) -> &mut Self {
        self.wait(Duration::from_secs(seconds))
    }

    /// Shows both books of the first market now, each as `bid/ask` with `-` for none. Returns the look.
    fn quote(&mut self, yes: &str, no: &str) -> String {
        self.quote_in(MARKET, yes, no)
    }

    fn quote_in(&mut self, market: ConditionId, yes: &str, no: &str) -> String {
        self.show(market, Outcome::Yes, Duration::ZERO, yes);
        self.show(market, Outcome::No, Duration::ZERO, no);
        self.look(market)
    }

    /// Puts a book of this age in the view without a word to the strategy.
    fn show(&mut self, market: ConditionId, outcome: Outcome, age: Duration, quote: &str) {
        let level = |text: &str| {
            let size = size("1000");
            (text != "-").then(|| Level { price: price(text), size }).into_iter().collect()
        };
        let (bid, ask) = quote.split_once('/').unwrap();
        let book = OrderBook::new(self.now - age, level(bid), level(ask));
        *outcome.of_mut(&mut self.markets.get_mut(&market).unwrap().books) = Some(Arc::new(book));
    }

    /// Tells that a book of the market has come.
    fn look(&mut self, market: ConditionId) -> String {
        let book = Arc::clone(self.markets[&market].books[0].as_ref().unwrap());
        let kind = Kind::Book { market, outcome: Outcome::Yes, book };
        let event = MarketEvent { at: self.now, kind };
        self.ask_once(|strategy, view, looks| strategy.on_event(&event, view, looks))
    }

    /// Books a fill of the first market, as `shares at price` or `shares at price + fee`, without an order
    /// around it. Returns the looks.
    fn fill(&mut self, outcome: Outcome, side: Side, deal: &str) -> Vec<String> {
        self.fill_in(MARKET, outcome, side, deal)
    }

    fn fill_in(
        &mut self,
        market: ConditionId,
        outcome: Outcome,
        side: Side,
        deal: &str,
    ) -> Vec<String> {
        self.numbers += 1;
        let (shares, deal) = deal.split_once(" at ").unwrap();
        let (at, fee) = deal.split_once(" + ").unwrap_or((deal, "0"));
        let fill = Fill {
            number: 1,
            order: format!("a:{}", self.numbers).parse().unwrap(),
            market,
            outcome,
            side,
            price: price(at),
            size: size(shares),
            fee: usdc(fee),
            liquidity: Liquidity::Taker,
            at: self.now,
        };
        self.fills.push(fill.clone());
        self.ask(|strategy, view, looks| strategy.on_fill(&fill, view, looks))
    }

    /// Leaves an order of the first market outstanding. Returns its number.
    fn send(&mut self, purpose: Purpose, outcome: Outcome, shares: &str) -> u64 {
        self.send_in(MARKET, purpose, outcome, shares)
    }

    fn send_in(
        &mut self,
        market: ConditionId,
        purpose: Purpose,
        outcome: Outcome,
        shares: &str,
    ) -> u64 {
        self.numbers += 1;
        let intent = Intent {
            market,
            outcome,
            side: side(purpose),
            limit: price("0.33"),
            size: size(shares),
            time_in_force: TimeInForce::Fak,
            purpose,
        };
        self.orders.add(self.numbers, intent, Usdc::ZERO);
        self.numbers
    }

    /// Ends an order after so many shares of it were filled. Returns the look.
    fn done(&mut self, number: u64, filled: &str) -> String {
        let order = self.orders.iter().find(|(n, _)| *n == number).unwrap().1;
        let (intent, filled) = (order.intent, size(filled));
        if !filled.is_zero() {
            let Intent { outcome, side, limit, .. } = intent;
            assert_eq!(self.fill(outcome, side, &format!("{filled} at {limit}")).len(), 1);
            let fill = self.fills.last().unwrap().clone();
            self.orders.update(number, &Update::Filled(fill));
        }
        let unfilled = intent.size.saturating_sub(filled);
        self.end(number, &Update::Done { unfilled, cause: DoneCause::Unmatched })
    }

    /// Ends an order by the venue's refusal. Returns the look.
    fn refused(&mut self, number: u64) -> String {
        let reason = "not enough balance".to_owned();
        self.end(number, &Update::Submitted(Submission::Rejected { reason, origin: Origin::Order }))
    }

    fn end(&mut self, number: u64, update: &Update) -> String {
        let order = self.orders.update(number, update).unwrap();
        self.ask_once(|strategy, view, looks| strategy.on_done(&order, view, looks))
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

    /// Returns the open leg of a market: outcome, shares, cost without fees, fees.
    fn leg(&self, market: ConditionId) -> Option<String> {
        self.strategy.legs.get(&market).map(Leg::text)
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
            format!("{}: {side} {size} {outcome} at {limit}", purpose.name())
        }
    }
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
