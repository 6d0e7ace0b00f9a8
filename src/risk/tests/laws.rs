//! What the guard lets pass keeps every limit, whatever happened before: random sequences against a reference that
//! tries every end of every market and every way in which open orders may be filled.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::book::Level;
use crate::market::EventRef;
use crate::open_orders::OpenOrder;
use crate::order::{ClientOrderId, DoneCause, Origin, Update};
use crate::price::Price;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Want(Intent),
    /// An open order is filled: so many percent of what is left of it.
    Fill(Index, u32),
    End(Index),
    Wait(u64),
    Book(u8, Outcome, [i64; 2]),
    Sent(Submission),
    Gate(Gate),
    Settle(u8, bool),
    Release,
}

/// The guard with its surroundings, as the kernel keeps them.
struct World {
    guard: RiskGuard,
    markets: BTreeMap<ConditionId, Arc<Market>>,
    groups: Groups,
    books: BTreeMap<(ConditionId, Outcome), OrderBook>,
    portfolio: Portfolio,
    orders: OpenOrders,
    now: Timestamp,
    number: u64,
    /// The equity when the day began, or when a person released the breaker since.
    day_began_at: Usdc,
    /// When orders were approved, and whether they were entries.
    approved: Vec<(Timestamp, bool)>,
    refused: BTreeSet<Rule>,
}

/// A sum of the guard may be a millionth off for each cost that it divided.
const ROUNDING: i64 = 8;

fn id(number: u8) -> ConditionId {
    ConditionId::from_bytes([number; 32])
}

fn span(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns limits of which another one binds first each time.
fn bounds(tight: usize) -> Limits {
    let at = |place: usize, max: &str| usdc(if place == tight { max } else { "60" });
    let entry = EntryLimits {
        size_max: "70".parse().unwrap(),
        notional_max_usdc: usdc("22"),
        price_min: "0.06".parse().unwrap(),
        price_max: "0.90".parse().unwrap(),
        close_left_min: span(60),
        ..EntryLimits::PRESET
    };
    Limits {
        market_exposure_max_usdc: at(0, "25"),
        strategy_exposure_max_usdc: at(1, "30"),
        open_orders_max: 4,
        order_rate_per_minute: 30,
        order_burst: 4,
        loss_streak_max: 1,
        loss_streak_cooldown: span(100),
        drawdown_max_usdc: usdc("15"),
        entry,
        day: DayLimits { loss_max_usdc: usdc("12"), ..DayLimits::PRESET },
        sending: SendLimits { reject_streak_max: 2, failure_streak_max: 2, cooldown: span(60) },
        groups: GroupLimits {
            event_exposure_max_usdc: at(2, "20"),
            symbol_exposure_max_usdc: at(3, "20"),
        },
        mark_grace: Duration::ZERO,
    }
}

impl World {
    /// Markets 1 and 2 are of one event, 1 and 3 on one underlying.
    fn new(neg_risk: bool, tight: usize) -> Self {
        let event = EventRef { id: "e".into(), neg_risk };
        let kinds = [("btc-updown-15m-1", true), ("nba-a", true), ("btc-updown-15m-3", false)];
        let market = |(number, (slug, of_event)): (u8, (&str, bool))| {
            let event = of_event.then(|| event.clone());
            let closes_at = NOW + span(300 + 100 * u64::from(number));
            let (id, slug) = (id(number), Arc::from(slug));
            (id, Arc::new(Market { id, slug, event, closes_at, ..market() }))
        };
        let markets: BTreeMap<_, _> = (1..).zip(kinds).map(market).collect();
        let mut groups = Groups::new();
        markets.values().for_each(|market| groups.add(Arc::clone(market)));
        Self {
            guard: RiskGuard::new(bounds(tight)),
            markets,
            groups,
            books: BTreeMap::new(),
            portfolio: Portfolio::default(),
            orders: OpenOrders::default(),
            now: NOW,
            number: 0,
            day_began_at: Usdc::ZERO,
            approved: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    fn context(&self, intent: &Intent) -> Context<'_> {
        let Self { groups, portfolio, orders, now, .. } = self;
        let market = self.markets.get(&intent.market).map(Arc::as_ref);
        let (tick, book) = (TickSize::CENT, self.books.get(&(intent.market, intent.outcome)));
        Context { now: *now, market, tick, book, portfolio, orders, groups }
    }

    /// Has a step happen as the kernel does it, and looks whether a law is broken.
    fn play(&mut self, step: &Step) {
        self.advance(span(0));
        match step {
            Step::Want(intent) => self.want(*intent),
            Step::Fill(index, percent) => self.fill(*index, *percent),
            Step::End(index) => {
                if let Some((number, order)) = self.open(*index) {
                    let unfilled = order.remaining();
                    let done = Update::Done { unfilled, cause: DoneCause::Cancelled };
                    self.orders.update(number, &done);
                }
            }
            Step::Wait(seconds) => self.advance(span(*seconds)),
            Step::Book(number, outcome, cents) => self.book(id(*number), *outcome, *cents),
            Step::Sent(submission) => drop(self.guard.sent(submission, self.now)),
            Step::Gate(gate) => self.guard.set_gate(*gate),
            Step::Settle(number, yes) => self.settle(id(*number), *yes),
            Step::Release => {
                let (fall, equity) = (self.portfolio.drawdown(), self.portfolio.equity());
                if self.guard.release(fall, equity).is_some() {
                    self.day_began_at = equity;
                }
            }
        }
        self.at_all_times();
    }

    fn advance(&mut self, by: Duration) {
        self.now = self.now + by;
        let Self { guard, portfolio, now, .. } = self;
        let mut began = None;
        guard.turn_day(|| *began.insert(portfolio.equity()), *now);
        guard.cool_down(*now);
        self.day_began_at = began.unwrap_or(self.day_began_at);
    }

    fn watch(&mut self) {
        self.portfolio.watch_drawdown();
        let (fall, equity) = (self.portfolio.drawdown(), self.portfolio.equity());
        self.guard.drawdown(fall, self.now);
        self.guard.daily(equity, self.now);
        // Too much was lost since the day began, or a person forgave: entries wait.
        let lost = self.day_began_at - equity;
        if self.guard.limits().day.loss_max_usdc <= lost {
            assert!(self.guard.breaker().trip().is_some_and(|trip| !trip.rule.is_streak()));
        }
        assert_eq!(self.guard.lost_today(equity), lost);
    }

    fn open(&self, index: Index) -> Option<(u64, OpenOrder)> {
        let open: Vec<_> = self.orders.iter().map(|(number, order)| (number, *order)).collect();
        (!open.is_empty()).then(|| *index.get(&open))
    }

    fn fill(&mut self, index: Index, percent: u32) {
        let Some((number, order)) = self.open(index) else { return };
        let cents = order.remaining().micros() / 10_000 * i64::from(percent) / 100;
        let size = Size::from_micros(cents.max(1) * 10_000).unwrap();
        let Intent { market, outcome, side, limit, .. } = order.intent;
        let order = ClientOrderId { strategy: "a".parse().unwrap(), number };
        let (fee, liquidity, at) = (Usdc::ZERO, Liquidity::Taker, self.now);
        let left = self.orders.iter().find(|(open, _)| *open == number).unwrap().1.remaining();
        self.number += 1;
        let number_of_fill = u32::try_from(self.number).unwrap();
        let fill = Fill {
            number: number_of_fill,
            order,
            market,
            outcome,
            side,
            price: limit,
            size: size.min(left),
            fee,
            liquidity,
            at,
        };
        let booked = self.portfolio.book(&fill).expect("no more is sold than is held");
        self.orders.update(number, &Update::Filled(fill.clone()));
        if fill.size == left {
            let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
            self.orders.update(number, &done);
        }
        if let crate::position::Booked::Once { round: Some(profit) } = booked {
            self.guard.round(profit, self.now);
        }
        self.watch();
    }

    fn book(&mut self, market: ConditionId, outcome: Outcome, [bid, ask]: [i64; 2]) {
        let level = |cents: i64| Level {
            price: Price::from_micros(cents * 10_000).unwrap(),
            size: Size::THOUSAND,
        };
        let book = OrderBook::new(self.now, vec![level(bid)], vec![level(ask)]);
        self.books.insert((market, outcome), book);
        if self.portfolio.is_held(market) {
            self.portfolio.mark(market, outcome, Some(level(bid).price));
            self.watch();
        }
    }

    fn settle(&mut self, market: ConditionId, yes: bool) {
        let open: Vec<u64> = self.orders.iter().map(|(number, _)| number).collect();
        for number in open {
            let order = *self.orders.iter().find(|(open, _)| *open == number).unwrap().1;
            if order.intent.market == market {
                let done = Update::Done { unfilled: order.remaining(), cause: DoneCause::Resolved };
                self.orders.update(number, &done);
            }
        }
        let payouts = if yes { [usdc("1"), usdc("0")] } else { [usdc("0"), usdc("1")] };
        if let Some((_, profit)) = self.portfolio.settle(market, payouts) {
            self.guard.round(profit, self.now);
            self.watch();
        }
    }

    fn want(&mut self, intent: Intent) {
        self.monotone(&intent);
        self.protection_passes(&intent);
        let mut guard = self.guard.clone();
        match guard.check(intent, &self.context(&intent)) {
            Err(no) => {
                self.refused.insert(no.rule);
                self.guard = guard;
            }
            Ok(approved) => {
                assert_eq!(*approved.intent(), intent);
                self.before(&intent);
                self.guard = guard;
                self.number += 1;
                self.guard.numbered(&approved, self.number);
                self.orders.add(self.number, intent, Usdc::ZERO);
                self.approved.push((self.now, !intent.purpose.is_protective()));
                self.after(&intent);
            }
        }
    }

    /// What must be so for an order to be let in.
    fn before(&self, intent: &Intent) {
        let Limits { entry, open_orders_max, .. } = *self.guard.limits();
        let held = |outcome| self.portfolio.position(intent.market, outcome).size;
        let (gate, is_entry) = (self.guard.gate(), intent.purpose == Purpose::Entry);
        assert!(gate == Gate::Open || (gate == Gate::ReduceOnly && !is_entry), "{gate:?}");
        assert_eq!(self.orders.of_leg(intent.market, intent.outcome).count(), 0);
        match intent.purpose {
            Purpose::Exit => assert!(intent.size <= held(intent.outcome)),
            Purpose::Hedge => {
                let single = held(intent.outcome.other()).saturating_sub(held(intent.outcome));
                assert!(intent.size <= single);
            }
            Purpose::Entry => {
                assert_eq!(self.guard.breaker().trip(), None);
                assert!(self.orders.len() < usize::try_from(open_orders_max).unwrap());
                assert!(intent.size <= entry.size_max);
                assert!(intent.notional() <= entry.notional_max_usdc);
                assert!(entry.price_min <= intent.limit && intent.limit <= entry.price_max);
                let left = self.markets[&intent.market].closes_at.since(self.now);
                assert!(entry.close_left_min <= left);
                if let Some(book) = self.books.get(&(intent.market, intent.outcome)) {
                    assert!(self.now.since(book.at()) <= entry.book_age_max);
                    let ask = book.best_ask().unwrap().price.micros();
                    // A quarter, without a division.
                    assert!(4 * intent.limit.micros() <= 5 * ask);
                }
            }
        }
    }

    /// What must be so once it is let in.
    fn after(&self, intent: &Intent) {
        self.throttled();
        if intent.purpose == Purpose::Entry {
            let GroupLimits { event_exposure_max_usdc, symbol_exposure_max_usdc } =
                self.guard.limits().groups;
            if intent.market != id(3) {
                self.within(self.worst_of_event(), event_exposure_max_usdc);
            }
            if intent.market != id(2) {
                let all = [1, 3].map(|number| self.worst_of(id(number)));
                self.within(all.into_iter().sum(), symbol_exposure_max_usdc);
            }
        }
    }

    /// What is so at any time, because only what was let in can make it worse.
    fn at_all_times(&self) {
        let limits = self.guard.limits();
        let worst = self.markets.keys().map(|market| self.worst_of(*market));
        for loss in worst.clone() {
            self.within(loss, limits.market_exposure_max_usdc);
        }
        self.within(worst.sum(), limits.strategy_exposure_max_usdc);
        for (market, outcome) in self.markets.keys().flat_map(|id| Outcome::BOTH.map(|o| (*id, o)))
        {
            let sold: Size = self
                .orders
                .of_leg(market, outcome)
                .filter(|order| order.intent.side == Side::Sell)
                .map(OpenOrder::remaining)
                .sum();
            assert!(sold <= self.portfolio.position(market, outcome).size, "{sold} are to be sold");
        }
    }

    fn within(&self, loss: i64, limit: Usdc) {
        assert!(loss <= limit.micros() + ROUNDING, "{loss} of {limit} at {}", self.now);
    }

    /// Entries are at most a burst and what the rate gave since, and all orders a burst more.
    fn throttled(&self) {
        let Limits { order_rate_per_minute, order_burst, .. } = *self.guard.limits();
        for (first, (from, _)) in self.approved.iter().enumerate() {
            let since = self.now.since(*from).as_micros();
            let refilled = u64::try_from(since * u128::from(order_rate_per_minute) / 60_000_000);
            let refilled = refilled.unwrap();
            let of = |entries: bool| {
                let all = self.approved[first..].iter().filter(|(_, entry)| *entry || !entries);
                u64::try_from(all.count()).unwrap()
            };
            assert!(of(true) <= order_burst + refilled + 1, "entries");
            assert!(of(false) <= 2 * order_burst + refilled + 1, "orders");
        }
    }

    /// An exit of shares without a pair passes a trip and a gate that lets only reduce, however much is at risk.
    fn protection_passes(&self, intent: &Intent) {
        let mut guard = self.guard.clone();
        guard.set_gate(Gate::ReduceOnly);
        guard.drawdown(usdc("1000"), self.now);
        assert!(guard.breaker().trip().is_some());
        guard.throttle = Throttle::new(30, 4);
        let single = |outcome: Outcome| {
            let held = |outcome| self.portfolio.position(intent.market, outcome).size;
            held(outcome).saturating_sub(held(outcome.other())).floor_to_cents()
        };
        let (side, purpose) = (Side::Sell, Purpose::Exit);
        let exit = Intent { side, purpose, size: single(intent.outcome), ..*intent };
        let open = self.orders.of_market(intent.market).count();
        let min_size = self.markets[&intent.market].min_size;
        if min_size <= exit.size && open == 0 {
            assert_eq!(guard.judge(&exit, &self.context(&exit)), Ok(()));
        }
        let entry = Intent { side: Side::Buy, purpose: Purpose::Entry, ..*intent };
        assert!(guard.judge(&entry, &self.context(&entry)).is_err());
    }

    /// What passes a guard with one limit lowered passes the guard as it is.
    fn monotone(&self, intent: &Intent) {
        let context = self.context(intent);
        let loose = self.guard.judge(intent, &context);
        for lower in LOWERED {
            let mut limits = self.guard.limits().clone();
            lower(&mut limits);
            let mut tight = RiskGuard::new(limits);
            tight.restore(self.guard.breaker().clone());
            tight.stand(self.guard.standing());
            let tight = tight.judge(intent, &context);
            assert!(loose.is_ok() || tight.is_err(), "{loose:?} passes with less");
        }
    }

    /// Returns the losses of a market, in millionths, for yes and for no, with every open order filled or not.
    fn losses(&self, market: ConditionId) -> Vec<[i64; 2]> {
        let open: Vec<OpenOrder> = self.orders.of_market(market).copied().collect();
        let ways = 0..1_usize << open.len();
        ways.map(|way| {
            let mut held = Outcome::BOTH.map(|outcome| {
                let position = self.portfolio.position(market, outcome);
                (position.size.micros(), position.cost.micros())
            });
            let filled = open.iter().enumerate().filter(|(place, _)| (way >> place) & 1 == 1);
            for (_, order) in filled {
                let (size, cost) = order.intent.outcome.of_mut(&mut held);
                let remaining = order.remaining().micros();
                match order.intent.side {
                    Side::Buy => {
                        *size += remaining;
                        *cost += order.reserved().micros();
                    }
                    Side::Sell => {
                        let kept = i128::from(*size - remaining) * i128::from(*cost);
                        *cost = i64::try_from(kept / i128::from(*size)).unwrap();
                        *size -= remaining;
                    }
                }
            }
            let cost = held[0].1 + held[1].1;
            [cost - held[0].0, cost - held[1].0]
        })
        .collect()
    }

    fn worst_of(&self, market: ConditionId) -> i64 {
        self.losses(market).into_iter().flatten().max().unwrap_or_default().max(0)
    }

    /// Returns the worst of the event, in whichever way it may end.
    fn worst_of_event(&self) -> i64 {
        let worst = [1, 2].map(|number| {
            let losses = self.losses(id(number));
            [0, 1].map(|end: usize| losses.iter().map(|loss| loss[end]).max().unwrap_or_default())
        });
        let [[yes, no], [other_yes, other_no]] = worst;
        let neg_risk = self.markets[&id(1)].event.as_ref().is_some_and(|event| event.neg_risk);
        if neg_risk {
            return [no + other_no, yes + other_no, no + other_yes]
                .into_iter()
                .max()
                .unwrap()
                .max(0);
        }
        yes.max(no).max(0) + other_yes.max(other_no).max(0)
    }
}

/// Every limit that an order is held against, lowered.
const LOWERED: [fn(&mut Limits); 14] = [
    |limits| limits.market_exposure_max_usdc = usdc("20"),
    |limits| limits.strategy_exposure_max_usdc = usdc("30"),
    |limits| limits.groups.event_exposure_max_usdc = usdc("15"),
    |limits| limits.groups.symbol_exposure_max_usdc = usdc("15"),
    |limits| limits.open_orders_max = 1,
    |limits| limits.order_rate_per_minute = 1,
    |limits| limits.order_burst = 1,
    |limits| limits.entry.size_max = "10".parse().unwrap(),
    |limits| limits.entry.notional_max_usdc = usdc("5"),
    |limits| limits.entry.price_min = "0.40".parse().unwrap(),
    |limits| limits.entry.price_max = "0.60".parse().unwrap(),
    |limits| limits.entry.book_distance_max = crate::numbers::Frac::from_micros(0),
    |limits| limits.entry.book_age_max = span(1),
    |limits| limits.entry.close_left_min = span(1000),
];

fn outcome() -> impl Strategy<Value = Outcome> {
    select(Outcome::BOTH.to_vec())
}

fn wanted() -> impl Strategy<Value = Intent> {
    let purpose = prop_oneof![
        5 => Just(Purpose::Entry),
        1 => Just(Purpose::Hedge),
        2 => Just(Purpose::Exit),
    ];
    let size = prop_oneof![8 => 500..6000_i64, 1 => 400..9000_i64];
    let cents = prop_oneof![8 => 20..70_i64, 1 => 3..97_i64];
    (1..4_u8, purpose, outcome(), cents, size).prop_map(
        |(market, purpose, outcome, cents, size)| Intent {
            market: id(market),
            outcome,
            side: if purpose == Purpose::Exit { Side::Sell } else { Side::Buy },
            limit: Price::from_micros(cents * 10_000).unwrap(),
            size: Size::from_micros(size * 10_000).unwrap(),
            time_in_force: TimeInForce::Fak,
            purpose,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let refused = |origin| Submission::Rejected { reason: String::new(), origin };
    let sent = vec![
        Submission::Accepted,
        Submission::Unknown,
        refused(Origin::Order),
        refused(Origin::Venue),
        refused(Origin::Unsent),
    ];
    let gates = vec![Gate::Open, Gate::Open, Gate::ReduceOnly, Gate::Closed];
    let cents = (2..95_i64, 1..5_i64).prop_map(|(bid, spread)| [bid, bid + spread]);
    prop_oneof![
        16 => wanted().prop_map(Step::Want),
        6 => (any::<Index>(), 1..=100_u32).prop_map(|(index, percent)| Step::Fill(index, percent)),
        4 => any::<Index>().prop_map(Step::End),
        4 => select(vec![1, 3, 20, 31, 200, 700]).prop_map(Step::Wait),
        6 => (1..4_u8, outcome(), cents).prop_map(|(market, o, cents)| Step::Book(market, o, cents)),
        3 => select(sent).prop_map(Step::Sent),
        1 => select(gates).prop_map(Step::Gate),
        1 => (1..4_u8, any::<bool>()).prop_map(|(market, yes)| Step::Settle(market, yes)),
        1 => Just(Step::Release),
    ]
}

fn steps() -> impl Strategy<Value = (bool, usize, Vec<Step>)> {
    (any::<bool>(), 0..4_usize, prop::collection::vec(step(), 1..60))
}

proptest! {
    #[test]
    fn whatever_happens_what_is_let_in_keeps_every_limit(
        (neg_risk, tight, steps) in steps(),
    ) {
        let mut world = World::new(neg_risk, tight);
        steps.iter().for_each(|step| world.play(step));
    }
}

/// What is never met proves nothing.
#[test]
fn the_sequences_meet_every_rule_and_let_orders_in() {
    let mut runner = TestRunner::deterministic();
    let (mut refused, mut entries, mut protective) = (BTreeSet::new(), 0, 0);
    for _ in 0..400 {
        let (neg_risk, tight, steps) = steps().new_tree(&mut runner).unwrap().current();
        let mut world = World::new(neg_risk, tight);
        steps.iter().for_each(|step| world.play(step));
        refused.extend(world.refused);
        entries += world.approved.iter().filter(|(_, entry)| *entry).count();
        protective += world.approved.iter().filter(|(_, entry)| !entry).count();
    }
    // Prices are on the grid, and the markets known: those rules are looked at by themselves.
    let beside = [Rule::PriceGrid, Rule::UnknownMarket];
    let missed = Rule::ALL.into_iter().filter(|rule| !refused.contains(rule));
    let missed: Vec<Rule> = missed.filter(|rule| !beside.contains(rule)).collect();
    assert_eq!(missed, []);
    assert!(500 < entries && 10 < protective, "{entries} entries, {protective} protective");
}
