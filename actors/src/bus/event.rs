//! EventBus: carries market events to every strategy that wants them, and each strategy's own order events to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ploy::event::{Kind, MarketEvent, Symbol};
use ploy::market::{ConditionId, Outcome};
use ploy::order::{OrderEvent, StrategyId};
use ploy::strategy::Subscription;
use ploy::tape::Books;
use ploy::time::Timestamp;

use super::Ticket;
use super::inbox::{Batch, Bounds, Inbox, Lane, Put};
use super::known::{Known, wants};

/// Public trades that may wait for one strategy; a strategy that is further behind is told of a gap.
const RING_MAX: usize = 4096;
/// Own order events, openings and settlements that may wait; more means that the strategy does not turn over.
const LOSSLESS_MAX: usize = 65_536;
/// Settled markets of which a late subscriber is still told: days of every 15-minute market there is.
const SETTLED_MAX: usize = 4096;

/// Carries events from feeds and executor to their readers.
#[derive(Clone, Debug, Default)]
pub struct EventBus {
    first: Option<First>,
    inner: Arc<Mutex<Inner>>,
}

/// Who is shown every market event before anybody else; it must not block.
#[derive(Clone)]
struct First(Arc<Show>);

type Show = dyn Fn(&MarketEvent, Past) + Send + Sync;

/// What waits for one reader, and how to wake it.
pub struct Mailbox {
    inbox: Inbox<Key, Delivery>,
    wake: OnceLock<Wake>,
    overflow: OnceLock<()>,
}

/// Wakes a reader. Must not block.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// One thing for a reader, with the ticket of what caused it.
#[derive(Debug)]
pub enum Delivery {
    /// Something happened outside.
    Market(MarketEvent, Ticket),
    /// Something happened to an order of the reader. In a box, so that books, of which there are many more,
    /// need not carry its size through every queue.
    Order(Box<OrderEvent>, Ticket),
    /// The time that the reader asked for has come.
    Timer(Timestamp, Ticket),
    /// What the reader remembers is to be stored now: everybody's of the same place in the events.
    Save(Ticket),
}

/// Whether what is carried is the past of a run that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// It is: nobody decides on it.
    Yes,
    /// It is news.
    No,
}

/// What a newer event replaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The book of an outcome.
    Book(ConditionId, Outcome),
    /// The price of an underlying.
    Spot(Symbol),
    /// The state of a game.
    Game(Arc<str>),
}

#[derive(Debug, Default)]
struct Inner {
    strategies: BTreeMap<StrategyId, Subscriber>,
    venue: Option<Arc<Mailbox>>,
    open: BTreeMap<ConditionId, Known>,
    settled: VecDeque<Settlement>,
    /// Where the books come from of the markets that are announced now, when somebody said it.
    books: Option<Books>,
    /// Where the books come from of the markets that each strategy was shown, also earlier incarnations of it.
    shown: BTreeMap<StrategyId, BTreeSet<Books>>,
    /// Whether all that was carried so far is the past of a run that goes on: who subscribes is shown it before.
    is_past: bool,
    /// What a strategy must be told of its orders when it subscribes, before all else.
    owed: BTreeMap<StrategyId, Vec<OrderEvent>>,
}

/// What somebody must be told who was away when a market of his was settled.
#[derive(Debug)]
struct Settlement {
    market: MarketEvent,
    resolved: MarketEvent,
}

/// Who reads, and what.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) subscription: Subscription,
    pub(super) mailbox: Arc<Mailbox>,
}

impl EventBus {
    /// Returns a bus that shows every market event to `first` before it carries it to anybody.
    #[must_use]
    pub fn shown_first(first: impl Fn(&MarketEvent, Past) + Send + Sync + 'static) -> Self {
        Self { first: Some(First(Arc::new(first))), inner: Arc::default() }
    }

    /// Subscribes a strategy, in the place of an earlier subscription of the same name. What is known of the
    /// markets it wants waits in its mailbox, first of all the settlement of markets of which it `held` shares
    /// when they were settled without it.
    #[must_use]
    pub fn subscribe(
        &self,
        id: &StrategyId,
        subscription: Subscription,
        held: &BTreeSet<ConditionId>,
        ticket: &Ticket,
    ) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new());
        let mut inner = self.lock();
        inner.forget(id);
        for event in inner.owed.remove(id).unwrap_or_default() {
            mailbox.put(Lane::Lossless, Delivery::Order(Box::new(event), ticket.clone()));
        }
        for Settlement { market, resolved } in &inner.settled {
            if resolved.market().is_some_and(|id| held.contains(&id)) {
                mailbox.market(market, ticket);
                mailbox.market(resolved, ticket);
            }
        }
        let Inner { open, shown, is_past, .. } = &mut *inner;
        for known in open.values_mut() {
            if wants(&subscription, &known.market) {
                shown.entry(id.clone()).or_default().extend(known.from);
                known.readers.insert(id.clone(), Arc::clone(&mailbox));
                if !*is_past {
                    known.events().for_each(|event| mailbox.market(event, ticket));
                }
            }
        }
        let subscriber = Subscriber { subscription, mailbox: Arc::clone(&mailbox) };
        inner.strategies.insert(id.clone(), subscriber);
        mailbox
    }

    /// Says whether what is carried is the past of a run that goes on, or news.
    pub fn say_past(&self, is_past: Past) {
        self.lock().is_past = is_past == Past::Yes;
    }

    /// Returns what is known of the markets that are wanted, while all of it is the past of a run that goes on. Whoever
    /// subscribes then is not told it once more.
    #[must_use]
    pub fn known(&self, subscription: &Subscription) -> Vec<MarketEvent> {
        let inner = self.lock();
        if !inner.is_past {
            return Vec::new();
        }
        let wanted = inner.open.values().filter(|known| wants(subscription, &known.market));
        wanted.flat_map(|known| known.events().cloned()).collect()
    }

    /// Keeps what a strategy must be told of its orders when it subscribes next, before all else.
    pub fn owe(&self, id: &StrategyId, events: Vec<OrderEvent>) {
        self.lock().owed.insert(id.clone(), events);
    }

    /// Has every strategy store what it remembers.
    pub fn save(&self, ticket: &Ticket) {
        for subscriber in self.lock().strategies.values() {
            subscriber.mailbox.put(Lane::Lossless, Delivery::Save(ticket.clone()));
        }
    }

    /// Ends a strategy's subscription. What waits in its mailbox, and what still comes for it, is dropped.
    pub fn unsubscribe(&self, id: &StrategyId) {
        self.lock().forget(id);
    }

    /// Returns how much waits for each strategy: values, not bytes.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<StrategyId, usize> {
        let inner = self.lock();
        inner.strategies.iter().map(|(id, one)| (id.clone(), one.mailbox.inbox.len())).collect()
    }

    /// Says where the books come from of the markets that are announced from here on.
    pub fn say_books(&self, books: Books) {
        self.lock().books = Some(books);
    }

    /// Returns where the books come from of the markets that each strategy was shown.
    #[must_use]
    pub fn books_shown(&self) -> BTreeMap<StrategyId, BTreeSet<Books>> {
        self.lock().shown.clone()
    }

    /// Subscribes the paper venue to everything.
    #[must_use]
    pub fn subscribe_venue(&self) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new());
        self.lock().venue = Some(Arc::clone(&mailbox));
        mailbox
    }

    /// Carries an event to everyone who wants it; to the venue last, so that what the venue makes of it comes
    /// to a strategy after the event itself.
    pub fn publish(&self, event: &MarketEvent, ticket: &Ticket) {
        let mut inner = self.lock();
        if let Some(First(show)) = &self.first {
            show(event, if inner.is_past { Past::Yes } else { Past::No });
        }
        inner.carry(event, ticket);
        if let Some(venue) = &inner.venue {
            venue.market(event, ticket);
        }
    }

    /// Carries an order event to the strategy whose order it is. Tells whether it is there.
    pub fn tell(&self, event: OrderEvent, ticket: Ticket) -> bool {
        let inner = self.lock();
        let subscriber = inner.strategies.get(&event.order.strategy);
        if let Some(subscriber) = subscriber {
            subscriber.mailbox.put(Lane::Lossless, Delivery::Order(Box::new(event), ticket));
        }
        subscriber.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    fn new() -> Self {
        let bounds = Bounds { ring_max: RING_MAX, lossless_max: LOSSLESS_MAX };
        Self { inbox: Inbox::new(bounds), wake: OnceLock::new(), overflow: OnceLock::new() }
    }

    /// Says how to wake the reader, and wakes it for what waits already.
    pub fn attach(&self, wake: Wake) {
        self.wake.get_or_init(|| wake)();
    }

    /// Takes out all that waits.
    pub fn take(&self) -> Batch<Delivery> {
        self.inbox.take()
    }

    /// Tells whether so much waited that something would have been lost: the reader must end.
    pub fn has_overflowed(&self) -> bool {
        self.overflow.get().is_some()
    }

    /// Puts in that the reader's time has come.
    pub fn timer(&self, at: Timestamp, ticket: Ticket) {
        self.put(Lane::Lossless, Delivery::Timer(at, ticket));
    }

    pub(super) fn market(&self, event: &MarketEvent, ticket: &Ticket) {
        let lane = match &event.kind {
            Kind::Book { market, outcome, .. } => Lane::Latest(Key::Book(*market, *outcome)),
            Kind::Spot { symbol, .. } => Lane::Latest(Key::Spot(Arc::clone(symbol))),
            Kind::Game(game) => Lane::Latest(Key::Game(Arc::clone(&game.id))),
            Kind::Trade(_) => Lane::Ring,
            Kind::Market(_) | Kind::Tick { .. } | Kind::Resolved { .. } => Lane::Lossless,
            Kind::Feed { .. } | Kind::Gap { .. } => Lane::Lossless,
        };
        self.put(lane, Delivery::Market(event.clone(), ticket.clone()));
    }

    fn put(&self, lane: Lane<Key>, delivery: Delivery) {
        match self.inbox.put(lane, delivery) {
            Put::Waiting => {}
            Put::Wake => self.ring(),
            Put::Overflow => {
                self.overflow.get_or_init(|| ());
                self.ring();
            }
        }
    }

    fn ring(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }
}

impl Inner {
    /// Carries an event to the strategies that want it, and keeps what a late one must be told.
    fn carry(&mut self, event: &MarketEvent, ticket: &Ticket) {
        let Self { strategies, open, settled, books, shown, .. } = self;
        match &event.kind {
            Kind::Market(market) => {
                let known = open.entry(market.id).or_insert_with(|| Known::new(event, strategies));
                known.market = event.clone(); // a later announcement may tell more: a strike
                known.from = known.from.into_iter().chain(*books).reduce(Books::and);
                for id in known.readers.keys() {
                    shown.entry(id.clone()).or_default().extend(known.from);
                }
                known.carry(event, ticket);
            }
            Kind::Book { market, outcome, .. } => {
                if let Some(known) = open.get_mut(market) {
                    *outcome.of_mut(&mut known.books) = Some(event.clone());
                    known.carry(event, ticket);
                }
            }
            Kind::Tick { market, .. } => {
                if let Some(known) = open.get_mut(market) {
                    known.tick = Some(event.clone());
                    known.carry(event, ticket);
                }
            }
            Kind::Trade(trade) => {
                if let Some(known) = open.get(&trade.market) {
                    known.carry(event, ticket);
                }
            }
            Kind::Resolved { market, .. } => {
                if let Some(known) = open.remove(market) {
                    known.carry(event, ticket);
                    let (market, resolved) = (known.market, event.clone());
                    settled.push_back(Settlement { market, resolved });
                }
                if SETTLED_MAX < settled.len() {
                    settled.pop_front();
                }
            }
            Kind::Spot { symbol, .. } => {
                let wanting = strategies.values().filter(|s| s.subscription.wants_symbol(symbol));
                wanting.for_each(|subscriber| subscriber.mailbox.market(event, ticket));
            }
            Kind::Game(_) | Kind::Feed { .. } | Kind::Gap { .. } => {
                strategies.values().for_each(|subscriber| subscriber.mailbox.market(event, ticket));
            }
        }
    }

    fn forget(&mut self, id: &StrategyId) {
        self.strategies.remove(id);
        self.open.values_mut().for_each(|known| drop(known.readers.remove(id)));
    }
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("First").finish_non_exhaustive()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("waiting", &self.inbox.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::book::OrderBook;
    use ploy::fees::FeeSchedule;
    use ploy::market::{Market, TickSize};
    use ploy::price::{Size, Usdc};

    fn event(kind: Kind) -> MarketEvent {
        MarketEvent { at: Timestamp::UNIX_EPOCH, kind }
    }

    fn id(number: u8) -> ConditionId {
        ConditionId::from_bytes([number; 32])
    }

    /// Market 1 has the slug `btc-1`, market 2 `eth-2`.
    fn market(number: u8) -> MarketEvent {
        let coin = if number == 1 { "btc" } else { "eth" };
        event(Kind::Market(Arc::new(Market {
            id: id(number),
            slug: format!("{coin}-{number}").into(),
            question: "?".into(),
            outcomes: ["Up".into(), "Down".into()],
            tokens: None,
            tick: TickSize::CENT,
            min_size: Size::ZERO,
            fees: FeeSchedule::FREE,
            opens_at: Timestamp::UNIX_EPOCH,
            closes_at: Timestamp::UNIX_EPOCH,
            strike_usd: None,
            event: None,
        })))
    }

    fn book(number: u8) -> MarketEvent {
        let book = Arc::new(OrderBook::default());
        event(Kind::Book { market: id(number), outcome: Outcome::Yes, book })
    }

    fn resolved(number: u8) -> MarketEvent {
        event(Kind::Resolved { market: id(number), payouts: [Usdc::ZERO; 2] })
    }

    fn publish(bus: &EventBus, events: &[MarketEvent]) {
        events.iter().for_each(|event| bus.publish(event, &Ticket::none()));
    }

    fn subscribe(bus: &EventBus, prefix: &str) -> Arc<Mailbox> {
        let slug_prefixes = vec![prefix.to_owned()];
        let subscription = Subscription { slug_prefixes, symbols: vec!["BTC".into()] };
        bus.subscribe(&"s".parse().unwrap(), subscription, &BTreeSet::new(), &Ticket::none())
    }

    fn check(mailbox: &Mailbox, events: &[MarketEvent]) {
        let got = mailbox.take().items.into_iter().map(|delivery| match delivery {
            Delivery::Market(event, _) => event,
            Delivery::Order(..) | Delivery::Timer(..) | Delivery::Save(..) => {
                panic!("nobody sent one")
            }
        });
        assert_eq!(got.collect::<Vec<_>>(), events);
    }

    #[test]
    fn a_strategy_sees_the_markets_that_it_wants_until_they_are_settled() {
        let bus = EventBus::default();
        let mailbox = subscribe(&bus, "btc");
        publish(&bus, &[market(1), market(2), book(1), book(2)]);
        check(&mailbox, &[market(1), book(1)]);
        publish(&bus, &[resolved(1), resolved(2), book(1), event(Kind::Gap { missed: 1 })]);
        check(&mailbox, &[resolved(1), event(Kind::Gap { missed: 1 })]);
    }

    #[test]
    fn an_underlying_is_told_to_those_who_want_it() {
        let bus = EventBus::default();
        let mailbox = subscribe(&bus, "btc");
        let spot =
            |symbol: &str| event(Kind::Spot { symbol: symbol.into(), price_usd: Usdc::ZERO });
        publish(&bus, &[spot("BTC"), spot("ETH")]);
        check(&mailbox, &[spot("BTC")]);
    }

    #[test]
    fn who_comes_late_is_told_what_is_known_and_then_what_is_new() {
        let bus = EventBus::default();
        let tick = event(Kind::Tick { market: id(1), tick: TickSize::CENT });
        publish(&bus, &[market(1), book(1), tick.clone(), market(2), book(2)]);
        let mailbox = subscribe(&bus, "btc");
        check(&mailbox, &[market(1), tick, book(1)]);
        publish(&bus, &[book(1), book(2)]);
        check(&mailbox, &[book(1)]);
    }

    #[test]
    fn who_comes_late_is_told_the_newest_announcement_of_a_market() {
        let bus = EventBus::default();
        let Kind::Market(first) = market(1).kind else { panic!("a market") };
        let strike_usd = Some("64000".parse().unwrap());
        let told = event(Kind::Market(Arc::new(Market { strike_usd, ..first.as_ref().clone() })));
        publish(&bus, &[market(1), told.clone()]);
        check(&subscribe(&bus, "btc"), &[told]);
    }

    #[test]
    fn a_new_subscription_takes_the_place_of_the_earlier_one() {
        let bus = EventBus::default();
        let before = subscribe(&bus, "btc");
        publish(&bus, &[market(1), market(2)]);
        let after = subscribe(&bus, "eth");
        check(&before, &[market(1)]);
        publish(&bus, &[book(1), book(2)]);
        check(&before, &[]);
        check(&after, &[market(2), book(2)]);
        bus.unsubscribe(&"s".parse().unwrap());
        publish(&bus, &[book(2)]);
        check(&after, &[]);
    }

    #[test]
    fn who_saw_modelled_books_is_known_also_of_late_and_of_new_incarnations() {
        let bus = EventBus::default();
        let shown = |bus: &EventBus| {
            let shown = bus.books_shown().remove(&"s".parse().unwrap());
            shown.unwrap_or_default().into_iter().collect::<Vec<_>>()
        };
        bus.say_books(Books::Modelled);
        publish(&bus, &[market(2)]);
        bus.say_books(Books::Recorded);
        publish(&bus, &[market(1)]);
        drop(subscribe(&bus, "btc"));
        assert_eq!(shown(&bus), [Books::Recorded]);
        publish(&bus, &[market(1)]);
        drop(subscribe(&bus, "eth"));
        assert_eq!(shown(&bus), [Books::Recorded, Books::Modelled]);
        bus.unsubscribe(&"s".parse().unwrap());
        assert_eq!(shown(&bus), [Books::Recorded, Books::Modelled]);
    }

    #[test]
    fn a_market_of_two_tapes_has_modelled_books_where_either_has() {
        let bus = EventBus::default();
        drop(subscribe(&bus, "btc"));
        for books in [Books::Modelled, Books::None] {
            bus.say_books(books);
            publish(&bus, &[market(1)]);
        }
        let shown = bus.books_shown();
        assert!(shown.values().all(|books| *books == BTreeSet::from([Books::Modelled])));
    }

    #[test]
    fn the_venue_sees_everything() {
        let bus = EventBus::default();
        let venue = bus.subscribe_venue();
        publish(&bus, &[market(1), book(1), book(2)]);
        check(&venue, &[market(1), book(1), book(2)]);
    }
}
