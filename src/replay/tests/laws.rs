//! What holds for the three strategies whatever events come: with the kernel around them, before the guard, at
//! the paper venue, through trips, gates, silences and restarts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::TestRunner;

use super::properties::{Fills, adds_up, cancel_all};
use super::world::{self, MARKETS, NAMES, Past, Record, Step, What, kernel};
use super::*;
use crate::decision::{Decision, Verdict};
use crate::event::FeedState;
use crate::lifecycle::Gate;

/// What one strategy has done, and whether it may do more, as told by its inputs and effects alone.
#[derive(Debug)]
struct Watch {
    seq: u64,
    at: Timestamp,
    gate: Gate,
    is_tripped: bool,
    down: BTreeSet<Arc<str>>,
    /// How many entries, hedges, exits and refusals there were.
    counts: [u64; 4],
}

/// How old the data is.
#[derive(Debug, Default)]
struct Told {
    /// What a strategy that comes back is told again.
    markets: BTreeMap<ConditionId, MarketEvent>,
    books: BTreeMap<(ConditionId, Outcome), MarketEvent>,
    spots: BTreeMap<Arc<str>, Timestamp>,
    game: Timestamp,
}

/// The strategies in their world.
struct Stage {
    style: usize,
    replay: Replay,
    records: BTreeMap<StrategyId, Record>,
    fills: BTreeMap<StrategyId, Fills>,
    watches: BTreeMap<StrategyId, Watch>,
    told: Told,
    now: Timestamp,
}

const BOOK_AGE_MAX: Duration = Duration::from_secs(5);
const SPOT_AGE_MAX: Duration = Duration::from_secs(3);
const GAME_AGE_MAX: Duration = Duration::from_secs(60);

impl Told {
    fn hear(&mut self, event: &MarketEvent) {
        match &event.kind {
            Kind::Market(market) => drop(self.markets.insert(market.id, event.clone())),
            Kind::Book { market, outcome, .. } => {
                self.books.insert((*market, *outcome), event.clone());
            }
            Kind::Spot { symbol, .. } => drop(self.spots.insert(Arc::clone(symbol), event.at)),
            Kind::Game(_) => self.game = event.at,
            Kind::Resolved { market, .. } => {
                self.markets.remove(market);
                self.books.retain(|(of, _), _| of != market);
            }
            Kind::Trade(_) | Kind::Tick { .. } | Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
    }

    fn book_age(&self, market: ConditionId, outcome: Outcome, now: Timestamp) -> Duration {
        let book = self.books.get(&(market, outcome));
        book.map_or(Duration::MAX, |book| now.since(book.at))
    }
}

impl Watch {
    const fn new() -> Self {
        Self {
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            gate: Gate::Open,
            is_tripped: false,
            down: BTreeSet::new(),
            counts: [0; 4],
        }
    }

    /// Takes in an effect, and fails where it should not have come.
    fn see(&mut self, id: &StrategyId, told: &Told, effect: &Effect) {
        match effect {
            Effect::Decided { decision, .. } => self.decided(id, told, decision),
            Effect::Tripped(_) => self.is_tripped = true,
            Effect::HalfOpen(_) | Effect::Released(_) => self.is_tripped = false,
            Effect::Submit(_) | Effect::Settled { .. } => {}
        }
    }

    fn decided(&mut self, id: &StrategyId, told: &Told, decision: &Decision) {
        assert_eq!(decision.seq, self.seq + 1, "{id}: decisions are numbered without holes");
        assert!(self.at <= decision.at, "{id}: time runs backwards");
        (self.seq, self.at) = (decision.seq, decision.at);
        match &decision.verdict {
            Verdict::Order { intent, .. } => {
                self.wanted(id, told, intent, decision.at);
                let protects = intent.purpose.is_protective();
                let passes = match self.gate {
                    Gate::Open => protects || !self.is_tripped,
                    Gate::ReduceOnly => protects,
                    Gate::Closed => false,
                };
                assert!(passes, "{id}: {intent:?} at {self:?}");
                let kind = match intent.purpose {
                    Purpose::Entry => 0,
                    Purpose::Hedge => 1,
                    Purpose::Exit => 2,
                };
                self.counts[kind] += 1;
            }
            Verdict::Rejected { intent, rejection } => {
                self.wanted(id, told, intent, decision.at);
                let rule = rejection.rule.name();
                let never = ["one_order_per_leg", "holdings", "price_grid", "unknown_market"];
                assert!(!never.contains(&rule), "{id} wants what can never be: {rule} {intent:?}");
                let binds_entries =
                    ["loss_streak", "drawdown", "daily_loss", "open_orders", "trial"]
                        .contains(&rule)
                        || ["market_exposure", "strategy_exposure"].contains(&rule);
                let protects = intent.purpose.is_protective();
                assert!(!(protects && binds_entries), "{id}: {rule} holds back {intent:?}");
                self.counts[3] += 1;
            }
            Verdict::No(_) => {}
        }
    }

    /// Fails where an intent was decided on data that was too old.
    fn wanted(&self, id: &StrategyId, told: &Told, intent: &Intent, now: Timestamp) {
        let age = told.book_age(intent.market, intent.outcome, now);
        assert!(age <= BOOK_AGE_MAX, "{id}: {intent:?} on a book of {age:?}");
        if intent.purpose != Purpose::Entry {
            return;
        }
        match id.to_string().as_str() {
            "momentum" => {
                let symbol = if intent.market == MARKETS[2] { "ETH" } else { "BTC" };
                let age = now.since(told.spots[symbol]);
                assert!(age <= SPOT_AGE_MAX, "{id}: {intent:?} on a price of {age:?}");
            }
            "nba" => {
                let age = now.since(told.game);
                assert!(age <= GAME_AGE_MAX, "{id}: {intent:?} on a game of {age:?}");
                assert!(self.down.is_empty(), "{id}: {intent:?} while {:?}", self.down);
            }
            _ => {
                let age = told.book_age(intent.market, intent.outcome.other(), now);
                assert!(age <= BOOK_AGE_MAX, "{id}: {intent:?} beside a book of {age:?}");
            }
        }
    }
}

impl Stage {
    /// Returns the strategies, by one of their ways to trade, after the prelude.
    fn new(style: usize) -> Self {
        let records = world::records();
        let kernels = NAMES.into_iter().map(|name| {
            let record = records[&name.parse::<StrategyId>().unwrap()].clone();
            kernel(name, style, record, Memory::default())
        });
        let replay = Replay::new(kernels.collect::<Vec<_>>(), PaperVenue::new(LATENCY));
        let fills = records.iter().map(|(id, record)| (id.clone(), Arc::clone(&record.fills)));
        let mut stage = Self {
            style,
            replay,
            fills: fills.collect(),
            watches: records.keys().map(|id| (id.clone(), Watch::new())).collect(),
            records,
            told: Told::default(),
            now: world::begin(),
        };
        world::prelude().iter().for_each(|event| stage.play(event));
        stage
    }

    /// Plays an event. What is due before it is done first, so that nothing is judged by news to come.
    fn play(&mut self, event: &MarketEvent) {
        self.advance(event.at);
        self.told.hear(event);
        if let Kind::Feed { feed, state } = &event.kind {
            for watch in self.watches.values_mut() {
                match state {
                    FeedState::Down => watch.down.insert(Arc::clone(feed)),
                    FeedState::Up => watch.down.remove(feed),
                };
            }
        }
        let Self { replay, records, watches, told, .. } = self;
        let mut see = |id: &StrategyId, effect: &Effect| see(records, watches, told, id, effect);
        replay.play(event, &mut see).unwrap();
    }

    fn advance(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
        let Self { replay, records, watches, told, .. } = self;
        let mut see = |id: &StrategyId, effect: &Effect| see(records, watches, told, id, effect);
        replay.until(to, &mut Effects(&mut see)).unwrap();
    }

    /// Gives one strategy an input that no other has.
    fn tell(&mut self, id: &StrategyId, input: &Input) {
        let Self { replay, records, watches, told, .. } = self;
        let mut see = |id: &StrategyId, effect: &Effect| see(records, watches, told, id, effect);
        replay.give(id, input, &mut Effects(&mut see)).unwrap();
    }

    fn step(&mut self, step: &Step) {
        let at = self.now + Duration::from_millis(step.after);
        self.advance(at);
        let spots = step.spots.map(|moves| world::spots(at, moves));
        spots.iter().flatten().for_each(|event| self.play(event));
        world::events(at, &step.what).iter().for_each(|event| self.play(event));
        match &step.what {
            What::Cancel => cancel_all(&mut self.replay, at),
            What::Gate(strategy, gate) => {
                let id: StrategyId = NAMES[*strategy].parse().unwrap();
                self.watches.get_mut(&id).unwrap().gate = *gate;
                self.tell(&id, &Input::Gate { at, gate: *gate });
            }
            What::Release(strategy) => {
                self.tell(&NAMES[*strategy].parse().unwrap(), &Input::Release { at });
            }
            What::Restart(strategy) => self.restart(NAMES[*strategy]),
            What::Book { .. } | What::Pair { .. } | What::Trade { .. } | What::Game { .. } => {}
            What::Resolved { .. } | What::Feed(_) | What::Gap | What::Quiet => {}
        }
        adds_up(&self.replay, &self.fills, &MARKETS);
    }

    /// Starts a strategy again: nothing stays but the facts, and what a strategy must remember. It is told of
    /// the markets and newest books anew.
    fn restart(&mut self, name: &str) {
        let id: StrategyId = name.parse().unwrap();
        let old = &self.replay.kernels[&id];
        if !old.orders().is_empty() {
            return;
        }
        let record = self.records[&id].clone();
        let mut new = kernel(name, self.style, record.clone(), old.memory());
        let past = record.past.lock().unwrap().clone();
        for fact in &past {
            match fact {
                Past::Filled(fill) => new.recall_fill(fill).unwrap(),
                Past::Settled(market, payouts) => new.recall_settlement(*market, *payouts),
            }
        }
        assert_eq!(
            new.portfolio().positions().collect::<Vec<_>>(),
            old.portfolio().positions().collect::<Vec<_>>(),
            "a restart leaves positions as they were"
        );
        self.replay.restart(new);
        let watch = self.watches.get_mut(&id).unwrap();
        watch.gate = Gate::Open;
        watch.down.clear();
        let known = self.told.markets.values().chain(self.told.books.values());
        for event in known.cloned().collect::<Vec<_>>() {
            self.tell(&id, &Input::Market(event));
        }
    }
}

fn see(
    records: &BTreeMap<StrategyId, Record>,
    watches: &mut BTreeMap<StrategyId, Watch>,
    told: &Told,
    id: &StrategyId,
    effect: &Effect,
) {
    if let Effect::Settled { market, payouts, .. } = effect {
        records[id].past.lock().unwrap().push(Past::Settled(market.id, *payouts));
    }
    watches.get_mut(id).unwrap().see(id, told, effect);
}

/// Plays steps to the three strategies and looks after every one whether all holds. Returns the digest of each
/// strategy's decisions, and how many entries, hedges, exits and refusals there were.
fn check(style: usize, steps: &[Step]) -> Vec<(String, [u64; 4])> {
    let mut stage = Stage::new(style);
    steps.iter().for_each(|step| stage.step(step));
    stage.advance(stage.now + AFTER_END);
    adds_up(&stage.replay, &stage.fills, &MARKETS);
    let kernels = stage.replay.kernels().iter();
    kernels.map(|(id, kernel)| (kernel.status().digest, stage.watches[id].counts)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Decisions are numbered without holes; no intent stands on data that is too old; no entry passes a tripped
    /// breaker or a closed gate, and no limit of entries holds an exit back; no leg has two orders; no more is sold than is held; positions are the sum of
    /// the fills; no limit of exposure is passed; a restart leaves positions as they were; and the same once more
    /// gives the same, byte for byte.
    #[test]
    fn whatever_happens_the_strategies_keep_the_laws(style in 0..6_usize, steps in world::steps()) {
        prop_assert_eq!(check(style, &steps), check(style, &steps));
    }
}

#[test]
fn in_such_a_world_every_strategy_does_all_that_it_can_do() {
    let mut runner = TestRunner::deterministic();
    let mut sums = [[0; 4]; 3];
    for style in 0..36 {
        let steps = world::steps().new_tree(&mut runner).unwrap().current();
        for (sum, (_, counts)) in sums.iter_mut().zip(check(style % 6, &steps)) {
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
    let [momentum, nba, split] = sums;
    let often = |counts: [u64; 4], which: &[usize]| which.iter().all(|kind| 1 <= counts[*kind]);
    assert!(often(momentum, &[0, 2, 3]), "entries, exits, refusals of momentum: {momentum:?}");
    assert!(often(nba, &[0, 2, 3]), "entries, exits, refusals of nba_swing: {nba:?}");
    assert!(often(split, &[0, 1, 2, 3]), "all of split_arb: {split:?}");
}
