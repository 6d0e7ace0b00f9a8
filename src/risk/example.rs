//! A desk for the examples of this documentation: three markets, a guard with small limits, and orders as text.
//!
//! Nothing in the program uses it. An order reads `buy 20 yes at 0.40` (an entry), `hedge 20 no at 0.55` or
//! `sell 20 yes at 0.30` (an exit), and `buy 20 no of 2 at 0.40` where it is not of the first market. Of the three
//! markets, all on `btc` and of one neg-risk event, at most one is answered by yes. Orders are free of fees.

use std::sync::Arc;
use std::time::Duration;

use crate::book::{Level, OrderBook};
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::lifecycle::Gate;
use crate::market::{ConditionId, EventRef, Market, Outcome, Side, TickSize};
use crate::open_orders::OpenOrders;
use crate::order::{ClientOrderId, Fill, Liquidity, Submission};
use crate::position::Portfolio;
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

use super::{
    Context, DayLimits, EntryLimits, Explanation, GroupLimits, Groups, Limits, RiskGuard,
    SendLimits, Turn,
};

/// A guard, what it looks at, and the time.
#[derive(Debug)]
pub struct Desk {
    guard: RiskGuard,
    markets: Vec<Arc<Market>>,
    groups: Groups,
    book: Option<OrderBook>,
    portfolio: Portfolio,
    orders: OpenOrders,
    number: u64,
    now: Timestamp,
}

const PLAIN: &str = "an example is written in plain words";

impl Desk {
    /// Returns a desk by these limits, changed as the example says.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// assert_eq!(Desk::new().ask("buy 20 yes at 0.40"), "passed");
    /// ```
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits {
            market_exposure_max_usdc: usdc("1000"),
            strategy_exposure_max_usdc: usdc("1000"),
            open_orders_max: 10,
            order_rate_per_minute: 60,
            order_burst: 10,
            loss_streak_max: 3,
            loss_streak_cooldown: Duration::from_secs(600),
            drawdown_max_usdc: usdc("1000"),
            entry: EntryLimits::PRESET,
            day: DayLimits { loss_max_usdc: usdc("1000"), ..DayLimits::PRESET },
            sending: SendLimits::PRESET,
            groups: GroupLimits::PRESET,
            mark_grace: Duration::ZERO,
        };
        change(&mut limits);
        let now = Timestamp::UNIX_EPOCH;
        let market = |number: u8| {
            Arc::new(Market {
                id: ConditionId::from_bytes([number; 32]),
                slug: format!("btc-updown-15m-{number}").into(),
                question: "up?".into(),
                outcomes: ["Up".into(), "Down".into()],
                tokens: None,
                tick: TickSize::CENT,
                min_size: "5".parse().expect(PLAIN),
                fees: Default::default(),
                opens_at: now,
                closes_at: now + Duration::from_secs(900),
                strike_usd: None,
                event: Some(EventRef { id: "e".into(), neg_risk: true }),
            })
        };
        let markets: Vec<_> = (1..=3).map(market).collect();
        let mut groups = Groups::new();
        markets.iter().for_each(|market| groups.add(Arc::clone(market)));
        let (guard, portfolio) = (RiskGuard::new(limits), Portfolio::default());
        let (orders, number, book) = (OpenOrders::default(), 0, None);
        Self { guard, markets, groups, book, portfolio, orders, number, now }
    }

    /// Returns a desk by limits that are in nobody's way.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// Asks the guard. Returns `passed`, or which rule refused with used and limit, and a size that would have passed.
    pub fn ask(&mut self, order: &str) -> String {
        let intent = intent(order);
        let mut guard = self.guard.clone();
        match guard.check(intent, &self.context(&intent)) {
            Ok(approved) => {
                self.number += 1;
                guard.numbered(&approved, self.number);
                self.guard = guard;
                "passed".to_owned()
            }
            Err(no) => {
                let passing = no.passing.map(|size| format!(", {size} would pass"));
                let passing = passing.unwrap_or_default();
                format!("{}: {} of {}{passing}", no.rule.name(), no.used, no.limit)
            }
        }
    }

    /// Says how an order fares with every rule; nothing is taken for it.
    #[must_use]
    pub fn explain(&self, order: &str) -> Explanation {
        let intent = intent(order);
        self.guard.explain(&intent, &self.context(&intent))
    }

    fn context(&self, intent: &Intent) -> Context<'_> {
        let Self { markets, groups, book, portfolio, orders, now, .. } = self;
        let market = markets.iter().find(|market| market.id == intent.market).map(Arc::as_ref);
        let (now, tick, book) = (*now, TickSize::CENT, book.as_ref());
        Context { now, market, tick, book, portfolio, orders, groups }
    }

    /// Opens or closes order entry.
    pub const fn gate(&mut self, gate: Gate) {
        self.guard.set_gate(gate);
    }

    /// Leaves an order open, without asking.
    pub fn open(&mut self, order: &str) {
        self.number += 1;
        self.orders.add(self.number, intent(order), Usdc::ZERO);
    }

    /// Has an order filled whole at its limit, without asking.
    pub fn fill(&mut self, order: &str) {
        self.number += 1;
        let Intent { market, outcome, side, limit, size, .. } = intent(order);
        let strategy = "a".parse().expect(PLAIN);
        let order = ClientOrderId { strategy, number: self.number };
        let (fee, liquidity, at) = (Usdc::ZERO, Liquidity::Taker, self.now);
        let fill = Fill {
            number: 1,
            order,
            market,
            outcome,
            side,
            price: limit,
            size,
            fee,
            liquidity,
            at,
        };
        self.portfolio.book(&fill).expect("an example sells what it holds");
    }

    /// Has a book come: somebody sells at this price.
    pub fn best_ask(&mut self, price: &str) {
        let level = Level { price: price.parse().expect(PLAIN), size: Size::THOUSAND };
        self.book = Some(OrderBook::new(self.now, Vec::new(), vec![level]));
    }

    /// Has what is held of yes in the first market be worth this price a share.
    pub fn best_bid(&mut self, price: &str) {
        let market = ConditionId::from_bytes([1; 32]);
        self.portfolio.mark(market, Outcome::Yes, price.parse::<Price>().ok());
        self.watch();
    }

    /// Has nobody bid for yes in the first market; the last bid counts as long as the limits say.
    pub fn no_bid(&mut self) {
        let until = self.now + self.guard.limits().mark_grace;
        self.portfolio.keep_mark(ConditionId::from_bytes([1; 32]), Outcome::Yes, until);
        self.wait(0);
    }

    /// Ends a round with this profit.
    pub fn round(&mut self, profit: &str) {
        self.guard.round(usdc(profit), self.now);
    }

    /// Hears what came of sending an order.
    pub fn sent(&mut self, submission: &Submission) -> Option<Turn> {
        self.guard.sent(submission, self.now)
    }

    /// Lets so many seconds pass.
    pub fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        let Self { guard, portfolio, now, .. } = self;
        guard.turn_day(|| portfolio.equity(), *now);
        guard.cool_down(*now);
        portfolio.drop_marks(*now);
        self.watch();
    }

    fn watch(&mut self) {
        let Self { guard, portfolio, now, .. } = self;
        guard.turn_day(|| Usdc::ZERO, *now);
        portfolio.watch_drawdown();
        guard.drawdown(portfolio.drawdown(), *now);
        guard.daily(portfolio.equity(), *now);
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the intent that an example speaks of.
fn intent(order: &str) -> Intent {
    let words: Vec<&str> = order.split(' ').collect();
    let (what, size, outcome, market, limit) = match words.as_slice() {
        [what, size, outcome, "at", limit] => (*what, size, *outcome, "1", limit),
        [what, size, outcome, "of", market, "at", limit] => (*what, size, *outcome, *market, limit),
        _ => ("", &"", "", "", &""),
    };
    let (side, purpose) = match what {
        "sell" => (Side::Sell, Purpose::Exit),
        "hedge" => (Side::Buy, Purpose::Hedge),
        _ => (Side::Buy, Purpose::Entry),
    };
    Intent {
        market: ConditionId::from_bytes([market.parse().expect(PLAIN); 32]),
        outcome: if outcome == "no" { Outcome::No } else { Outcome::Yes },
        side,
        limit: limit.parse().expect(PLAIN),
        size: size.parse().expect(PLAIN),
        time_in_force: TimeInForce::Fak,
        purpose,
    }
}

fn usdc(text: &str) -> Usdc {
    text.parse().expect(PLAIN)
}
