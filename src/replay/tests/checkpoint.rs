//! A kernel that is written down, read and resumed anywhere goes on as the undisturbed one does, byte for byte.

use std::collections::BTreeSet;

use proptest::prelude::{Just, ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::strategy::Strategy as Any;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;
use crate::config::{self, StrategyConfig};
use crate::event::{FeedState, Game};
use crate::kernel::{Checkpoint, Kernel};
use crate::lifecycle::Gate;

/// One thing that happens, so many milliseconds after the one before.
#[derive(Clone, Copy, Debug)]
struct Step {
    after: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// The price of yes moves by so many cents; the book of no is so many cents off its mirror.
    Quotes {
        market: usize,
        by: i64,
        off: i64,
    },
    /// One side of one book is gone.
    OneSided {
        market: usize,
    },
    /// The price of the underlying moves by so many USD.
    Spot {
        by: i64,
    },
    /// The guests, on whom yes bets, lead by so many points, in this quarter.
    Game {
        lead: u16,
        period: u8,
    },
    Trade {
        market: usize,
        side: Side,
    },
    Tick {
        market: usize,
        micros: i64,
    },
    Feed(FeedState),
    Resolved {
        market: usize,
    },
    Announced {
        market: usize,
    },
    Gate(Gate),
    Release,
    /// Every open order is cancelled.
    Cancel,
}

/// Where the world stands, so that prices move and do not jump.
struct World {
    slugs: [&'static str; 2],
    cents: [i64; 2],
    spot: i64,
    now: Timestamp,
}

/// Ten minutes after the markets have opened and five before they close.
const BEGIN_MS: i64 = 1_790_586_600_000;

fn steps() -> impl Any<Value = Vec<Step>> {
    let market = || 0..2_usize;
    let quotes = (market(), -2..=2_i64, -8..3_i64).prop_map(|(market, by, off)| What::Quotes {
        market,
        by,
        off,
    });
    let what = prop_oneof![
        24 => quotes,
        2 => market().prop_map(|market| What::OneSided { market }),
        12 => (-120..130_i64).prop_map(|by| What::Spot { by }),
        8 => (0..20_u16, 2..5_u8).prop_map(|(lead, period)| What::Game { lead, period }),
        3 => (market(), prop_oneof![Just(Side::Buy), Just(Side::Sell)])
            .prop_map(|(market, side)| What::Trade { market, side }),
        1 => (market(), prop_oneof![Just(10_000), Just(1_000)])
            .prop_map(|(market, micros)| What::Tick { market, micros }),
        1 => prop_oneof![Just(FeedState::Up), Just(FeedState::Down)].prop_map(What::Feed),
        1 => market().prop_map(|market| What::Resolved { market }),
        1 => market().prop_map(|market| What::Announced { market }),
        1 => prop_oneof![
            6 => Just(Gate::Open),
            1 => Just(Gate::ReduceOnly),
            1 => Just(Gate::Closed),
        ]
        .prop_map(What::Gate),
        1 => Just(What::Release),
        1 => Just(What::Cancel),
    ];
    let step = (0..1_500_u64, what).prop_map(|(after, what)| Step { after, what });
    proptest::collection::vec(step, 60..160)
}

impl World {
    fn new(config: &StrategyConfig) -> Self {
        let slugs = match config.kind {
            config::Kind::NbaSwing(_) => ["nba-gsw-bkn-2026-09-27", "nba-lal-bos-2026-09-27"],
            config::Kind::SplitArb(_) | config::Kind::Momentum(_) | config::Kind::Drill(_) => {
                ["btc-updown-15m-1790586000", "btc-updown-15m-1790586001"]
            }
        };
        Self { slugs, cents: [33, 40], spot: 100_000, now: millis(BEGIN_MS) }
    }

    /// Returns a minute of prices, so that there is a history, and the first announcements.
    fn prologue(&mut self) -> Vec<MarketEvent> {
        let spots = (1..=70).map(|second| {
            let at = self.now - Duration::from_secs(71 - second);
            MarketEvent { at, kind: spot(self.spot) }
        });
        let markets = [0, 1].map(|market| MarketEvent { at: self.now, kind: self.market(market) });
        spots.chain(markets).collect()
    }

    fn market(&self, market: usize) -> Kind {
        let Kind::Market(rules) = super::market(MARKETS[market]).kind else { unreachable!() };
        let opens_at = millis(BEGIN_MS) - Duration::from_secs(600);
        Kind::Market(Arc::new(Market {
            slug: Arc::from(self.slugs[market]),
            opens_at,
            closes_at: opens_at + Duration::from_secs(900),
            strike_usd: (market == 0).then(|| usdc("100000")),
            event: None,
            ..Market::clone(&rules)
        }))
    }

    /// Returns the events of a step; none where it is none of the market's.
    fn events(&mut self, what: What) -> Vec<MarketEvent> {
        let at = self.now;
        let one = |kind| vec![MarketEvent { at, kind }];
        match what {
            What::Quotes { market, by, off } => {
                let yes = (self.cents[market] + by).clamp(5, 90);
                self.cents[market] = yes;
                let no = (99 - yes + off).clamp(2, 97);
                [(Outcome::Yes, yes), (Outcome::No, no)]
                    .map(|(outcome, bid)| {
                        book(at, (MARKETS[market], outcome), (bid, 4_000), (bid + 1, 4_000))
                    })
                    .into()
            }
            What::OneSided { market } => {
                let book = Arc::new(OrderBook::new(at, Vec::new(), Vec::new()));
                one(Kind::Book { market: MARKETS[market], outcome: Outcome::No, book })
            }
            What::Spot { by } => {
                self.spot += by;
                one(spot(self.spot))
            }
            What::Game { lead, period } => one(Kind::Game(Arc::new(Game {
                id: Arc::from("1"),
                league: Arc::from("NBA"),
                teams: [Arc::from("BKN"), Arc::from("GS")],
                score: [80, 80 + lead],
                period,
                clock_s: 400,
                possession: None,
                is_final: false,
            }))),
            What::Trade { market, side } => one(Kind::Trade(Trade {
                market: MARKETS[market],
                outcome: Outcome::Yes,
                side,
                price: price(self.cents[market]),
                size: size(30),
            })),
            What::Tick { market, micros } => {
                let tick = TickSize::from_micros(micros).unwrap();
                one(Kind::Tick { market: MARKETS[market], tick })
            }
            What::Feed(state) => one(Kind::Feed { feed: Arc::from("books"), state }),
            What::Resolved { market } => {
                let payouts = [usdc("1"), usdc("0")];
                one(Kind::Resolved { market: MARKETS[market], payouts })
            }
            What::Announced { market } => one(self.market(market)),
            What::Gate(_) | What::Release | What::Cancel => Vec::new(),
        }
    }
}

fn spot(usd: i64) -> Kind {
    Kind::Spot { symbol: Arc::from("BTC"), price_usd: usdc(&usd.to_string()) }
}

/// All that came of a play: effects, status, and the kernel in the end, as text.
#[derive(Debug, PartialEq)]
struct Outcomes {
    effects: Vec<Effect>,
    status: String,
    end: String,
    fills: u64,
}

/// Plays steps, and writes the kernel down, reads it and resumes it before those that are `cuts`.
fn play(config: &StrategyConfig, steps: &[Step], cuts: &BTreeSet<usize>) -> Outcomes {
    let kernel = Kernel::new(
        config.id.clone(),
        config.kind.build(),
        config.limits.clone(),
        Memory::default(),
    );
    let mut replay = Replay::new([kernel], PaperVenue::new(LATENCY));
    let mut effects = Vec::new();
    let see = &mut |_: &StrategyId, effect: &Effect| effects.push(effect.clone());
    let mut world = World::new(config);
    world.prologue().iter().for_each(|event| replay.play(event, see).unwrap());
    for (place, Step { after, what }) in steps.iter().enumerate() {
        if cuts.contains(&place) {
            let resumed = again(config, &replay.kernels[&config.id]);
            replay.restart(resumed);
        }
        world.now = world.now + Duration::from_millis(*after);
        for event in world.events(*what) {
            replay.play(&event, see).unwrap();
        }
        let at = world.now;
        let input = match what {
            What::Gate(gate) => Input::Gate { at, gate: *gate },
            What::Release => Input::Release { at },
            What::Cancel => {
                cancel_all(&mut replay, at);
                continue;
            }
            What::Quotes { .. } | What::OneSided { .. } | What::Spot { .. } => continue,
            What::Game { .. } | What::Trade { .. } | What::Tick { .. } => continue,
            What::Feed(_) | What::Resolved { .. } | What::Announced { .. } => continue,
        };
        replay.until(at, &mut Effects(see)).unwrap();
        replay.give(&config.id, &input, &mut Effects(see)).unwrap();
    }
    replay.finish(see).unwrap();
    let kernel = &replay.kernels[&config.id];
    let status = kernel.status();
    Outcomes {
        effects,
        fills: status.fills,
        status: serde_json::to_string(&status).unwrap(),
        end: serde_json::to_string(&kernel.checkpoint()).unwrap(),
    }
}

fn cancel_all(replay: &mut Replay, at: Timestamp) {
    for (strategy, kernel) in &replay.kernels {
        for (number, _) in kernel.orders().iter() {
            let id = ClientOrderId { strategy: strategy.clone(), number };
            replay.venue.cancel(&id, at);
        }
    }
}

/// Returns the kernel of what was written of another.
fn again(config: &StrategyConfig, kernel: &Kernel) -> Kernel {
    let text = serde_json::to_string(&kernel.checkpoint()).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
    assert_eq!(checkpoint, kernel.checkpoint());
    let strategy = config.kind.restore(checkpoint.strategy()).unwrap();
    let (id, limits) = (config.id.clone(), config.limits.clone());
    let again = Kernel::resume(id, strategy, limits, checkpoint).unwrap();
    assert_eq!(serde_json::to_string(&again.checkpoint()).unwrap(), text);
    assert_eq!((again.status(), again.next_timer()), (kernel.status(), kernel.next_timer()));
    again
}

/// Checks a strategy with the settings of a shipped file, and that it does trade.
fn check(settings: &str) {
    let mut config = config::strategy("a.toml", "a".parse().unwrap(), settings).unwrap();
    // Room for the fee of the largest position, too.
    config.limits.market_exposure_max_usdc = usdc("50");
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 10,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let fills = std::cell::Cell::new(0);
    let cuts = proptest::collection::btree_set(0..160_usize, 1..12);
    let judge = |(steps, cuts, every): (Vec<Step>, BTreeSet<usize>, bool)| {
        let cuts = if every { (0..steps.len()).collect() } else { cuts };
        let undisturbed = play(&config, &steps, &BTreeSet::new());
        let resumed = play(&config, &steps, &cuts);
        prop_assert_eq!(&resumed.effects, &undisturbed.effects);
        prop_assert_eq!(&resumed.status, &undisturbed.status);
        prop_assert!(resumed == undisturbed);
        fills.set(fills.get() + undisturbed.fills);
        Ok::<(), TestCaseError>(())
    };
    if let Err(error) = runner.run(&(steps(), cuts, any::<bool>()), judge) {
        panic!("{error}");
    }
    assert!(0 < fills.get(), "it never traded");
}

/// What stands where a text is broken.
const WORDS: &[&str] =
    &["", "0", "9", "-", ".5", "\"", ",", "{", "[", "}", "null", "true", "\"more\":1,", "é", "1e9"];

/// Where a text is broken, how many bytes of it are gone, and what stands there instead.
type Wound = (proptest::sample::Index, usize, &'static str);

/// Breaks checkpoints of a strategy at random places. What can still be read goes on; nothing panics.
fn check_broken(settings: &str) {
    let config = config::strategy("a.toml", "a".parse().unwrap(), settings).unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let wound = (any::<proptest::sample::Index>(), 0..4_usize, proptest::sample::select(WORDS));
    let wounds = proptest::collection::vec(wound, 200);
    let (read, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let judge = |(steps, wounds): (Vec<Step>, Vec<Wound>)| {
        let text = play(&config, &steps, &BTreeSet::new()).end;
        for (place, cut, word) in wounds {
            let mut broken = text.clone().into_bytes();
            let from = place.index(broken.len());
            broken.splice(from..(from + cut).min(text.len()), word.bytes());
            let went_on = serde_json::from_slice::<Checkpoint>(&broken).ok().and_then(|found| {
                let strategy = config.kind.restore(found.strategy()).ok()?;
                Kernel::resume(config.id.clone(), strategy, config.limits.clone(), found).ok()
            });
            let Some(mut kernel) = went_on else {
                refused.set(refused.get() + 1);
                continue;
            };
            read.set(read.get() + 1);
            let at = kernel.next_timer().unwrap_or_default();
            prop_assert!(kernel.handle(&Input::Timer(at), &mut Vec::new()).is_ok());
            prop_assert!(kernel.status().inputs != 0);
        }
        Ok::<(), TestCaseError>(())
    };
    if let Err(error) = runner.run(&(steps(), wounds), judge) {
        panic!("{error}");
    }
    let (read, refused) = (read.get(), refused.get());
    assert!(0 < read && read < refused, "{read} were read and {refused} refused");
}

macro_rules! shipped {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
    };
}

#[test]
fn a_resumed_split_arb_goes_on_as_the_undisturbed_one() {
    check(shipped!("config/strategies/split_arb_legged.toml"));
    check(shipped!("config/strategies/split_arb_simultaneous.toml"));
}

#[test]
fn a_resumed_momentum_goes_on_as_the_undisturbed_one() {
    // The world below is one of 15-minute markets.
    let directional = shipped!("config/strategies/momentum.toml")
        .replace("btc-updown-5m-", "btc-updown-15m-")
        .replace("btc_sigma_frac = 0.001", "btc_sigma_frac = 0.005")
        .replace("left_s_max = 300", "left_s_max = 900");
    check(&directional);
    check(shipped!("docs/examples/momentum_predictive.toml"));
    check(shipped!("docs/examples/momentum_confirmatory.toml"));
}

#[test]
fn a_resumed_nba_swing_goes_on_as_the_undisturbed_one() {
    check(shipped!("config/strategies/nba_swing.toml"));
}

#[test]
fn a_broken_checkpoint_is_refused_and_never_a_panic() {
    check_broken(shipped!("config/strategies/split_arb_legged.toml"));
    check_broken(shipped!("docs/examples/momentum_predictive.toml"));
    check_broken(shipped!("config/strategies/nba_swing.toml"));
}
