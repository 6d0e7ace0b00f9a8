//! What holds whatever books come, whatever is traded, and whatever a strategy wants.

use std::collections::BTreeMap;

use proptest::prelude::{Just, ProptestConfig, any, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Any;

use super::*;
use crate::kernel::Kernel;
use crate::numbers::Numbers;
use crate::price::Rounding;
use crate::risk::worst_loss;

/// A strategy that wants one thing after the other, whatever it sees.
#[derive(Debug)]
struct Dice {
    subscription: Subscription,
    wants: Vec<Want>,
    next: usize,
    fills: Fills,
}

/// Every fill that was told.
pub(super) type Fills = Arc<Mutex<Vec<Fill>>>;

/// One thing that a strategy wants.
#[derive(Clone, Copy, Debug)]
struct Want {
    market: ConditionId,
    outcome: Outcome,
    purpose: Purpose,
    cents: i64,
    shares: i64,
    time_in_force: TimeInForce,
}

/// One thing that happens, so many milliseconds after the one before.
#[derive(Clone, Debug)]
struct Step {
    after: i64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Book {
        place: (ConditionId, Outcome),
        bid: (i64, i64),
        ask: (i64, i64),
    },
    Trade {
        place: (ConditionId, Outcome),
        cents: i64,
        shares: i64,
    },
    Resolved {
        market: ConditionId,
        yes: i64,
    },
    /// Every open order is cancelled.
    Cancel,
}

impl Dice {
    /// Wants the next thing, where it is one that could make sense: one order a market, and only what is not
    /// part of a pair is sold.
    fn throw(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        let Some(want) = self.wants.get(self.next % self.wants.len()).copied() else { return };
        self.next += 1;
        let Want { market, outcome, purpose, cents, shares, time_in_force } = want;
        if view.orders.of_market(market).count() != 0 {
            return;
        }
        let held = |outcome| view.portfolio.position(market, outcome).size;
        let (side, size) = match purpose {
            Purpose::Entry | Purpose::Hedge => (Side::Buy, size(shares)),
            Purpose::Exit => {
                let single = held(outcome).saturating_sub(held(outcome.other()));
                (Side::Sell, single.floor_to_cents())
            }
        };
        let limit = price(cents);
        let intent = Intent { market, outcome, side, limit, size, time_in_force, purpose };
        looks.push(Look::intent(intent, Numbers::none()));
    }
}

impl Strategy for Dice {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, _event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.throw(view, looks);
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.fills.lock().unwrap().push(fill.clone());
        self.throw(view, looks);
    }

    fn on_done(&mut self, _order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.throw(view, looks);
    }

    fn on_timer(&mut self, _view: &View<'_>, _looks: &mut Vec<Look>) {}

    fn on_settled(&mut self, market: ConditionId) {
        self.fills.lock().unwrap().retain(|fill| fill.market != market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}

fn place() -> impl Any<Value = (ConditionId, Outcome)> {
    (0..2_usize, any::<bool>())
        .prop_map(|(market, yes)| (MARKETS[market], if yes { Outcome::Yes } else { Outcome::No }))
}

fn want() -> impl Any<Value = Want> {
    let purpose = prop_oneof![
        3 => Just(Purpose::Entry),
        2 => Just(Purpose::Hedge),
        2 => Just(Purpose::Exit),
    ];
    let kind = prop_oneof![Just(TimeInForce::Fak), Just(TimeInForce::Fok), Just(TimeInForce::Gtc)];
    (place(), purpose, 1..100_i64, 5..120_i64, kind).prop_map(
        |((market, outcome), purpose, cents, shares, time_in_force)| Want {
            market,
            outcome,
            purpose,
            cents,
            shares,
            time_in_force,
        },
    )
}

fn step() -> impl Any<Value = Step> {
    let level = || (1..100_i64, 1..200_i64);
    let what = prop_oneof![
        12 => (place(), level(), level())
            .prop_map(|(place, bid, ask)| What::Book { place, bid, ask }),
        3 => (place(), level())
            .prop_map(|(place, (cents, shares))| What::Trade { place, cents, shares }),
        2 => Just(What::Cancel),
        1 => (0..2_usize, prop_oneof![Just(0), Just(500_000), Just(1_000_000)])
            .prop_map(|(market, yes)| What::Resolved { market: MARKETS[market], yes }),
    ];
    (0..400_i64, what).prop_map(|(after, what)| Step { after, what })
}

/// Plays steps to strategies that want these things, and looks after every one of them whether all adds up.
/// Returns the digests of the decisions.
fn check(wants: &[Vec<Want>; 2], steps: &[Step]) -> Vec<String> {
    let mut told = BTreeMap::new();
    let kernels = ["a", "b"].into_iter().zip(wants).map(|(name, wants)| {
        let id: StrategyId = name.parse().unwrap();
        let fills = Fills::default();
        told.insert(id.clone(), Arc::clone(&fills));
        let slug_prefixes = vec!["m".to_owned()];
        let subscription = Subscription { slug_prefixes, symbols: Vec::new() };
        let dice = Dice { subscription, wants: wants.clone(), next: 0, fills };
        Kernel::new(id, Box::new(dice), limits(), Memory::default())
    });
    let kernels: Vec<_> = kernels.collect();
    let mut replay = Replay::new(kernels, PaperVenue::new(LATENCY));
    let see = &mut |_: &StrategyId, _: &Effect| {};
    MARKETS.iter().for_each(|id| replay.play(&market(*id), see).unwrap());
    let mut now = millis(1000);
    for Step { after, what } in steps {
        now = now + Duration::from_millis(u64::try_from(*after).unwrap());
        if let Some(event) = event(now, what) {
            replay.play(&event, see).unwrap();
        } else {
            cancel_all(&mut replay, now);
        }
        adds_up(&replay, &told, &MARKETS);
    }
    replay.finish(see).unwrap();
    adds_up(&replay, &told, &MARKETS);
    replay.kernels().values().map(|kernel| kernel.status().digest).collect()
}

fn event(at: Timestamp, what: &What) -> Option<MarketEvent> {
    let kind = match what {
        What::Book { place, bid, ask } => return Some(book(at, *place, *bid, *ask)),
        What::Trade { place: (market, outcome), cents, shares } => Kind::Trade(Trade {
            market: *market,
            outcome: *outcome,
            side: Side::Sell,
            price: price(*cents),
            size: size(*shares),
        }),
        What::Resolved { market, yes } => {
            let payouts = [*yes, 1_000_000 - yes].map(|micros| Usdc::from_micros(micros).unwrap());
            Kind::Resolved { market: *market, payouts }
        }
        What::Cancel => return None,
    };
    Some(MarketEvent { at, kind })
}

pub(super) fn cancel_all(replay: &mut Replay, at: Timestamp) {
    for (strategy, kernel) in &replay.kernels {
        for (number, _) in kernel.orders().iter() {
            let id = ClientOrderId { strategy: strategy.clone(), number };
            replay.venue.cancel(&id, at);
        }
    }
}

/// Looks whether what each strategy has, what it was told and what the venue has agree, and within limits.
pub(super) fn adds_up(
    replay: &Replay,
    told: &BTreeMap<StrategyId, Fills>,
    markets: &[ConditionId],
) {
    for (id, kernel) in replay.kernels() {
        let (portfolio, orders) = (kernel.portfolio(), kernel.orders());
        let account = replay.venue().account(id);
        // The venue has paid what waits here for the end of an order.
        let waits: BTreeMap<ConditionId, [Usdc; 2]> = kernel
            .status()
            .settling
            .iter()
            .map(|waits| (waits.market_id.parse().unwrap(), waits.payouts_usdc))
            .collect();
        let paid = waits.iter().flat_map(|(market, payouts)| {
            let shares = Outcome::BOTH.map(|outcome| portfolio.position(*market, outcome).size);
            payouts.iter().zip(shares).map(|(pays, size)| pays.times(size, Rounding::Down))
        });
        assert_eq!(portfolio.cash() + paid.sum::<Usdc>(), account.cash());
        assert_eq!(account.cash() + account.taken(), Usdc::ZERO);
        let fills = told[id].lock().unwrap();
        for market in markets.iter().copied() {
            for outcome in Outcome::BOTH {
                let held = portfolio.position(market, outcome).size;
                let sum = |side| {
                    let its = fills.iter().filter(|fill| {
                        (fill.market, fill.outcome, fill.side) == (market, outcome, side)
                    });
                    its.map(|fill| fill.size).sum::<Size>()
                };
                assert_eq!(held, sum(Side::Buy) - sum(Side::Sell));
                let paid = waits.contains_key(&market).then_some(Size::ZERO);
                assert_eq!(paid.unwrap_or(held), account.shares(market, outcome));
                assert!(orders.of_leg(market, outcome).count() <= 1);
                let exits = orders.of_leg(market, outcome);
                let exits = exits.filter(|order| order.intent.purpose == Purpose::Exit);
                let to_sell: Size = exits.map(OpenOrder::remaining).sum();
                assert!(to_sell <= held, "{to_sell} of {held} are to be sold");
            }
            let is_settled = kernel.listing(market).is_none();
            assert!(!is_settled || !portfolio.is_held(market), "it is released");
            assert!(!is_settled || orders.of_market(market).next().is_none(), "nothing is open");
            assert_eq!(waits.contains_key(&market), !is_settled && kernel.market(market).is_none());
            let used = worst_loss(portfolio, orders, market);
            let most = limits().market_exposure_max_usdc + rounding(&fills);
            assert!(used <= most, "{used} in one");
        }
        let used: Usdc = markets.iter().map(|market| worst_loss(portfolio, orders, *market)).sum();
        assert!(used <= limits().strategy_exposure_max_usdc + rounding(&fills), "{used} in all");
    }
}

/// Returns by how much fills may have cost more than one fill of their sum: each fee and each price is
/// rounded on its own, to a hundred-thousandth and a millionth of a USDC.
fn rounding(fills: &[Fill]) -> Usdc {
    let each = usdc("0.000011");
    each.times(size(i64::try_from(fills.len()).unwrap()), Rounding::Up)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Positions are the sum of the fills, cash is what the venue says, no limit is passed, nothing is sold
    /// that is not held, no leg has two orders; and the same once more gives the same, byte for byte.
    #[test]
    fn whatever_happens_the_books_add_up_within_the_limits(
        wants in [
            proptest::collection::vec(want(), 1..40),
            proptest::collection::vec(want(), 1..40),
        ],
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        prop_assert_eq!(check(&wants, &steps), check(&wants, &steps));
    }
}
