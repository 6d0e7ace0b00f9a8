//! What the kernel makes of its inputs: a strategy that wants what the test says, and the cases.

mod books;
mod checkpoint;
mod lasting;
mod memory;
mod older;
mod orders;
mod risk;
mod settling;
mod shown;

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::book::{Level, OrderBook};
use crate::decision::{Reason, Verdict};
use crate::event::Trade;
use crate::fees::FeeSchedule;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::lifecycle::Gate;
use crate::market::{Outcome, Side, TickSize};
use crate::numbers::Numbers;
use crate::open_orders::OpenOrder;
use crate::order::{DoneCause, Liquidity, Origin, Submission};
use crate::risk::{DayLimits, EntryLimits, GroupLimits, SendLimits};
use crate::strategy::{Saved, Subscription, Wish};
use crate::trigger::{Cause, Trigger};

const A: ConditionId = ConditionId::from_bytes([1; 32]);
const B: ConditionId = ConditionId::from_bytes([2; 32]);
const YES: Outcome = Outcome::Yes;
const NO: Outcome = Outcome::No;

/// What a test and its strategy share.
#[derive(Debug, Default)]
struct Hands {
    /// What the strategy says when it is asked next.
    wishes: Vec<Look>,
    /// What the strategy was told.
    told: Vec<String>,
    timer: Option<Timestamp>,
}

/// A strategy that wants what the test says.
#[derive(Debug)]
struct Puppet {
    subscription: Subscription,
    hands: Arc<Mutex<Hands>>,
}

impl Puppet {
    fn told(&self, what: &str, looks: &mut Vec<Look>) {
        let mut hands = self.hands.lock().unwrap();
        hands.told.push(what.to_owned());
        looks.append(&mut hands.wishes);
    }
}

impl Strategy for Puppet {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, _view: &View<'_>, looks: &mut Vec<Look>) {
        let kind = match &event.kind {
            Kind::Market(_) => "market",
            Kind::Book { .. } => "book",
            Kind::Trade(_) => "trade",
            Kind::Spot { .. } => "spot",
            Kind::Game(_) => "game",
            Kind::Tick { .. } => "tick",
            Kind::Resolved { .. } => "resolved",
            Kind::Feed { .. } => "feed",
            Kind::Gap { .. } => "gap",
        };
        self.told(kind, looks);
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        let held = view.portfolio.position(fill.market, fill.outcome).size;
        self.told(&format!("fill of {}, {held} held", fill.order), looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        let open = view.orders.len();
        self.told(&format!("end with {} left, {open} open", order.remaining()), looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.told(&format!("timer at {}", view.now), looks);
    }

    fn on_settled(&mut self, market: ConditionId) {
        let name = if market == A { "a" } else { "b" };
        self.told(&format!("{name} settled"), &mut Vec::new());
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.hands.lock().unwrap().timer
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}

/// A kernel, two announced markets without fees, and the hands that move it.
struct Desk {
    kernel: Kernel,
    hands: Arc<Mutex<Hands>>,
    now: Timestamp,
}

fn limits() -> Limits {
    Limits {
        market_exposure_max_usdc: usdc("40"),
        strategy_exposure_max_usdc: usdc("60"),
        open_orders_max: 2,
        order_rate_per_minute: 600,
        order_burst: 100,
        loss_streak_max: 2,
        loss_streak_cooldown: Duration::from_secs(60),
        drawdown_max_usdc: usdc("10"),
        entry: EntryLimits::PRESET,
        day: DayLimits { loss_max_usdc: Usdc::MAX, ..DayLimits::PRESET },
        sending: SendLimits::PRESET,
        groups: GroupLimits::PRESET,
        mark_grace: std::time::Duration::ZERO,
    }
}

fn market(id: ConditionId, slug: &str) -> Market {
    Market {
        id,
        slug: Arc::from(slug),
        question: Arc::from("q"),
        outcomes: [Arc::from("Up"), Arc::from("Down")],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse().unwrap(),
        fees: FeeSchedule::FREE,
        opens_at: Timestamp::UNIX_EPOCH,
        closes_at: Timestamp::UNIX_EPOCH,
        strike_usd: None,
        event: None,
    }
}

impl Desk {
    fn new() -> Self {
        Self::with(limits(), Memory::default())
    }

    fn with(limits: Limits, memory: Memory) -> Self {
        Self::of("a", limits, memory)
    }

    /// As a strategy of this name.
    fn named(name: &str, limits: Limits) -> Self {
        Self::of(name, limits, Memory::default())
    }

    fn of(name: &str, limits: Limits, memory: Memory) -> Self {
        let hands = Arc::<Mutex<Hands>>::default();
        let puppet = puppet(&hands);
        let kernel = Kernel::new(name.parse().unwrap(), puppet, limits, memory);
        let mut desk = Self { kernel, hands, now: Timestamp::from_millis(1_000_000) };
        for (id, slug) in [(A, "btc-a"), (B, "btc-b")] {
            desk.tell(Kind::Market(Arc::new(market(id, slug))));
        }
        desk.told();
        desk
    }

    /// Returns the desk at which its kernel goes on from a checkpoint.
    fn go_on(&self, checkpoint: Checkpoint) -> Self {
        let (id, limits) = (self.kernel.id().clone(), self.kernel.guard.limits().clone());
        let kernel = Kernel::resume(id, puppet(&self.hands), limits, checkpoint).unwrap();
        Self { kernel, hands: Arc::clone(&self.hands), now: self.now }
    }

    /// The one place that calls the kernel. Returns what came of the input, as text.
    fn give(&mut self, input: &Input) -> Result<Vec<String>, Broken> {
        let mut effects = Vec::new();
        self.kernel.handle(input, &mut effects)?;
        Ok(effects.iter().map(text).collect())
    }

    fn tell(&mut self, kind: Kind) -> Vec<String> {
        self.give(&Input::Market(MarketEvent { at: self.now, kind })).unwrap()
    }

    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now + Duration::from_secs(seconds);
        self
    }

    /// Returns what the strategy was told since the last time.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.hands.lock().unwrap().told)
    }

    /// Shows a book of an outcome with this bid, or none.
    fn bid(&mut self, market: ConditionId, outcome: Outcome, bid: &str) -> Vec<String> {
        let level = |price: &str| Level { price: price.parse().unwrap(), size: size("1000") };
        let bids = if bid == "-" { Vec::new() } else { vec![level(bid)] };
        let book = Arc::new(OrderBook::new(self.now, bids, vec![level("0.99")]));
        self.tell(Kind::Book { market, outcome, book })
    }

    /// Has the strategy look at a market and say no.
    fn no(&mut self, market: ConditionId, reason: Reason, count: u64) -> Vec<String> {
        let numbers = Numbers::none().with("known", count);
        self.hands.lock().unwrap().wishes.push(Look::no(market, reason, numbers));
        self.tell(Kind::Gap { missed: 1 })
    }

    /// Has the strategy want an order of the first market, as `entry 100 yes at 0.33`.
    fn want(&mut self, text: &str) -> Vec<String> {
        self.want_in(A, text)
    }

    fn want_in(&mut self, market: ConditionId, text: &str) -> Vec<String> {
        let look = Look::intent(intent(market, text), Numbers::none());
        self.hands.lock().unwrap().wishes.push(look);
        self.tell(Kind::Gap { missed: 1 })
    }

    fn update(&mut self, number: u64, update: Update) -> Result<Vec<String>, Broken> {
        let order = ClientOrderId { strategy: "a".parse().unwrap(), number };
        self.give(&Input::Order(OrderEvent { at: self.now, order, update }))
    }

    fn submission(&mut self, number: u64, submission: Submission) -> Vec<String> {
        self.update(number, Update::Submitted(submission)).unwrap()
    }

    /// Tells a fill of an open order of ours, as `1: 60 at 0.33`, the number within its order first.
    fn fill(&mut self, number: u64, text: &str) -> Result<Vec<String>, Broken> {
        let open = self.kernel.orders().iter().find(|(open, _)| *open == number);
        let intent = open.map(|(_, order)| order.intent);
        let fill = fill(number, &intent.unwrap_or_else(intent_of_none), text, self.now);
        self.update(number, Update::Filled(fill))
    }

    fn done(&mut self, number: u64, unfilled: &str) -> Vec<String> {
        let unfilled = size(unfilled);
        let cause = if unfilled.is_zero() { DoneCause::Filled } else { DoneCause::Unmatched };
        self.update(number, Update::Done { unfilled, cause }).unwrap()
    }

    /// Has the strategy trade all of an order at its limit. Returns what came of the fill.
    fn trade(&mut self, market: ConditionId, text: &str) -> Vec<String> {
        let wanted = self.want_in(market, text);
        let number = self.kernel.memory().last_order;
        assert_eq!(wanted[0], format!("submit {number}"), "{wanted:?}");
        let Intent { limit, size, .. } = intent(market, text);
        let came = self.fill(number, &format!("1: {size} at {limit}")).unwrap();
        self.done(number, "0");
        came
    }

    fn settle(&mut self, market: ConditionId, yes: &str, no: &str) -> Vec<String> {
        self.tell(Kind::Resolved { market, payouts: [usdc(yes), usdc(no)] })
    }

    fn cash(&self) -> String {
        self.kernel.portfolio().cash().to_string()
    }
}

/// Returns a strategy that is moved by these hands, and watches the markets of the desk.
fn puppet(hands: &Arc<Mutex<Hands>>) -> Box<Puppet> {
    let (slug_prefixes, symbols) = (vec!["btc-".to_owned()], vec!["BTC".into()]);
    let subscription = Subscription { slug_prefixes, symbols };
    Box::new(Puppet { subscription, hands: Arc::clone(hands) })
}

/// Writes down what came of an input.
fn text(effect: &Effect) -> String {
    match effect {
        Effect::Decided { decision, repeated, .. } => {
            let what = match &decision.verdict {
                Verdict::Order { order, .. } => format!("order {order}"),
                Verdict::Rejected { rejection, .. } => format!("refused {}", rejection.rule.name()),
                Verdict::No(reason) => format!("no {}", reason.name()),
            };
            format!("{} {what}{}", decision.seq, if *repeated { " again" } else { "" })
        }
        Effect::Submit(order) => format!("submit {}", order.id().number),
        Effect::Settled { market, amount, profit, .. } => {
            format!("{} settled for {amount}, profit {profit}", market.slug)
        }
        Effect::Tripped(trip) => {
            let until = trip.until.map(|until| format!(" for {:?}", until.since(trip.at)));
            let (rule, used) = (trip.rule.name(), trip.used);
            format!("tripped {rule} at {used}{}", until.unwrap_or_default())
        }
        Effect::HalfOpen(rule) => format!("half open {}", rule.name()),
        Effect::Released(rule) => format!("released {}", rule.name()),
    }
}

/// Reads an intent, as `entry 100 yes at 0.33`.
fn intent(market: ConditionId, text: &str) -> Intent {
    let words: Vec<&str> = text.split(' ').collect();
    let [purpose, shares, outcome, "at", limit] = words[..] else { panic!("{text}") };
    let (purpose, side) = match purpose {
        "entry" => (Purpose::Entry, Side::Buy),
        "hedge" => (Purpose::Hedge, Side::Buy),
        "exit" => (Purpose::Exit, Side::Sell),
        other => panic!("{other}"),
    };
    let outcome = if outcome == "yes" { YES } else { NO };
    let (limit, size) = (limit.parse().unwrap(), size(shares));
    let time_in_force = TimeInForce::Fak;
    Intent { market, outcome, side, limit, size, time_in_force, purpose }
}

/// Returns what a fill of an order that is not open is taken to be for.
fn intent_of_none() -> Intent {
    intent(A, "entry 5 yes at 0.5")
}

fn fill(number: u64, intent: &Intent, text: &str, at: Timestamp) -> Fill {
    let (within, deal) = text.split_once(": ").unwrap();
    let (shares, price) = deal.split_once(" at ").unwrap();
    let Intent { market, outcome, side, .. } = *intent;
    Fill {
        number: within.parse().unwrap(),
        order: ClientOrderId { strategy: "a".parse().unwrap(), number },
        market,
        outcome,
        side,
        price: price.parse().unwrap(),
        size: size(shares),
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at,
    }
}

fn size(text: &str) -> crate::price::Size {
    text.parse().unwrap()
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

const NOTHING: Vec<String> = Vec::new();

#[test]
fn a_strategy_is_told_of_its_markets_and_underlyings_only() {
    let mut desk = Desk::new();
    let other = ConditionId::from_bytes([9; 32]);
    let book = Arc::new(OrderBook::default());
    let trade = |market| {
        let (price, size) = ("0.5".parse().unwrap(), size("5"));
        Kind::Trade(Trade { market, outcome: YES, side: Side::Buy, price, size })
    };
    let spot = |symbol: &str| Kind::Spot { symbol: symbol.into(), price_usd: usdc("1") };
    for (kind, told) in [
        (Kind::Market(Arc::new(market(other, "eth-a"))), None),
        (Kind::Book { market: other, outcome: YES, book: Arc::clone(&book) }, None),
        (Kind::Tick { market: other, tick: TickSize::CENT }, None),
        (trade(other), None),
        (spot("ETH"), None),
        (Kind::Market(Arc::new(market(A, "btc-a"))), Some("market")),
        (Kind::Book { market: A, outcome: YES, book }, Some("book")),
        (Kind::Tick { market: A, tick: TickSize::CENT }, Some("tick")),
        (trade(A), Some("trade")),
        (spot("BTC"), Some("spot")),
        (Kind::Gap { missed: 1 }, Some("gap")),
    ] {
        assert_eq!(desk.tell(kind.clone()), NOTHING);
        assert_eq!(desk.told(), told.into_iter().collect::<Vec<_>>(), "{kind:?}");
    }
    assert_eq!(desk.kernel.status().markets, 2);
}

#[test]
fn the_newest_book_and_the_newest_step_are_what_is_known() {
    let mut desk = Desk::new();
    desk.bid(A, YES, "0.4");
    desk.bid(A, YES, "0.5");
    desk.bid(A, NO, "0.3");
    let bid = |desk: &Desk, outcome| {
        let book = desk.kernel.market(A).unwrap().book(outcome).unwrap();
        book.best_bid().unwrap().price.to_string()
    };
    assert_eq!((bid(&desk, YES), bid(&desk, NO)), ("0.5".to_owned(), "0.3".to_owned()));
    assert_eq!(desk.want("entry 10 yes at 0.335")[0], "1 refused price_grid");
    desk.tell(Kind::Tick { market: A, tick: TickSize::from_micros(5_000).unwrap() });
    assert_eq!(desk.want("entry 10 yes at 0.335")[0], "submit 1");
    // An announcement of a market that is known changes nothing of that.
    desk.tell(Kind::Market(Arc::new(market(A, "btc-a"))));
    assert_eq!(bid(&desk, YES), "0.5");
}

#[test]
fn decisions_are_numbered_in_one_row_and_time_never_runs_back() {
    let mut desk = Desk::new();
    assert_eq!(desk.no(A, Reason::NoSignal, 1), ["1 no no_signal"]);
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["submit 1", "2 order 1"]);
    let newest = desk.now;
    desk.now = Timestamp::from_millis(500_000);
    assert_eq!(desk.no(A, Reason::NoSignal, 1), ["3 no no_signal"]);
    assert_eq!(desk.kernel.status().last_decision_at, Some(newest));
    // Several looks at once are several decisions.
    desk.hands.lock().unwrap().wishes.push(Look::no(B, Reason::NoEdge, Numbers::none()));
    assert_eq!(desk.no(A, Reason::NoEdge, 1), ["4 no no_edge", "5 no no_edge"]);
    assert_eq!(desk.kernel.status().decisions, 5);
}

#[test]
fn a_timer_reaches_the_strategy_at_its_time() {
    let mut desk = Desk::new();
    assert_eq!(desk.kernel.next_timer(), None);
    let due = desk.now + Duration::from_secs(5);
    desk.hands.lock().unwrap().timer = Some(due);
    assert_eq!(desk.kernel.next_timer(), Some(due));
    assert_eq!(desk.give(&Input::Timer(due)), Ok(NOTHING));
    assert_eq!(desk.told(), [format!("timer at {due}")]);
    // What is due is no reason to wake it again.
    assert_eq!(desk.kernel.next_timer(), None);
}
