//! A world for the three strategies: its markets, what can happen in it, and a kernel of each strategy.

use std::collections::BTreeMap;

use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::Strategy as Any;

use super::properties::Fills;
use super::*;
use crate::config;
use crate::event::{FeedState, Game};
use crate::kernel::Kernel;
use crate::lifecycle::Gate;

/// Two markets of BTC, one after the other, one of ETH, and the winner of a game.
pub(super) const MARKETS: [ConditionId; 4] = [
    ConditionId::from_bytes([1; 32]),
    ConditionId::from_bytes([2; 32]),
    ConditionId::from_bytes([3; 32]),
    ConditionId::from_bytes([4; 32]),
];
/// The strategies.
pub(super) const NAMES: [&str; 3] = ["momentum", "nba", "split"];

/// One thing that happens, so many milliseconds after the one before.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) after: u64,
    /// By how many hundredths of a percent of their strikes BTC and ETH have moved; nothing is told of them
    /// where it is none.
    pub(super) spots: Option<[i64; 2]>,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// One book, with how far its ask is above its bid, in cents.
    Book {
        market: usize,
        yes: bool,
        bid: i64,
        spread: i64,
        shares: i64,
    },
    /// Both books of a market: the asks, with a cent between bid and ask.
    Pair {
        market: usize,
        asks: [i64; 2],
        shares: i64,
    },
    Trade {
        market: usize,
        cents: i64,
    },
    Game {
        score: [u16; 2],
        period: u8,
        clock_s: u16,
        is_final: bool,
    },
    Resolved {
        market: usize,
        yes: i64,
    },
    Feed(FeedState),
    Gap,
    /// Nothing.
    Quiet,
    /// Every open order is cancelled.
    Cancel,
    Gate(usize, Gate),
    Release(usize),
    /// A strategy is started again, where it has no open order.
    Restart(usize),
}

/// What outlives an incarnation: its fills and settlements, in their order.
#[derive(Clone, Debug)]
pub(super) enum Past {
    Filled(Fill),
    Settled(ConditionId, [Usdc; 2]),
}

/// What the witness of a strategy has written down.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The fills in markets that are not settled.
    pub(super) fills: Fills,
    pub(super) past: Arc<Mutex<Vec<Past>>>,
}

/// A strategy that writes down what it is told of its orders, and lets another decide.
#[derive(Debug)]
struct Witness {
    strategy: Box<dyn Strategy>,
    record: Record,
}

/// When the world begins: on the evening of the game.
pub(super) fn begin() -> Timestamp {
    "2020-12-23T02:00:00Z".parse().unwrap()
}

/// Returns what was told before the first step: the markets, and a minute of prices.
pub(super) fn prelude() -> Vec<MarketEvent> {
    let from = begin() - Duration::from_secs(62);
    let specs = [
        ("btc-1", (-660, 240), Some("100000")),
        ("btc-2", (0, 540), None),
        ("eth-1", (-640, 260), Some("4000")),
        ("nba-gsw-bkn-2020-12-22", (-86_400, 14_400), None),
    ];
    let markets = MARKETS.into_iter().zip(specs).map(|(id, (slug, span, strike))| {
        let outcomes = if slug.starts_with("nba") { ["Warriors", "Nets"] } else { ["Up", "Down"] };
        let [opens_at, closes_at] = [span.0, span.1]
            .map(|second: i64| Timestamp::from_micros(begin().micros() + second * 1_000_000));
        let market = Market {
            id,
            slug: slug.into(),
            question: "?".into(),
            outcomes: outcomes.map(Arc::from),
            tokens: None,
            tick: TickSize::CENT,
            min_size: size(5),
            fees: FeeSchedule::new(usdc("0.07"), 1).unwrap(),
            opens_at,
            closes_at,
            strike_usd: strike.map(usdc),
            event: None,
        };
        MarketEvent { at: from, kind: Kind::Market(Arc::new(market)) }
    });
    let spots = (0..62).flat_map(|second| spots(from + Duration::from_secs(second), [0, 0]));
    markets.chain(spots).collect()
}

/// Returns the prices of BTC and ETH, so many hundredths of a percent from their strikes.
pub(super) fn spots(at: Timestamp, moves: [i64; 2]) -> [MarketEvent; 2] {
    let [btc, eth] = moves;
    [("BTC", 100_000_000_000, btc), ("ETH", 4_000_000_000, eth)].map(|(symbol, strike, by)| {
        let price_usd = Usdc::from_micros(strike + strike / 10_000 * by).unwrap();
        MarketEvent { at, kind: Kind::Spot { symbol: symbol.into(), price_usd } }
    })
}

/// Returns the events that a step tells.
pub(super) fn events(at: Timestamp, what: &What) -> Vec<MarketEvent> {
    let tell = |kind| vec![MarketEvent { at, kind }];
    match what {
        What::Book { market, yes, bid, spread, shares } => {
            let outcome = if *yes { Outcome::Yes } else { Outcome::No };
            let ask = (bid + spread).clamp(1, 99);
            vec![book(at, (MARKETS[*market], outcome), (*bid, *shares), (ask, *shares))]
        }
        What::Pair { market, asks, shares } => {
            let side = |(outcome, ask): (Outcome, i64)| {
                let bid = (ask - 1).max(1);
                book(at, (MARKETS[*market], outcome), (bid, *shares), (ask.max(2), *shares))
            };
            Outcome::BOTH.into_iter().zip(*asks).map(side).collect()
        }
        What::Trade { market, cents } => tell(Kind::Trade(Trade {
            market: MARKETS[*market],
            outcome: Outcome::Yes,
            side: Side::Buy,
            price: price(*cents),
            size: size(10),
        })),
        What::Game { score, period, clock_s, is_final } => tell(Kind::Game(Arc::new(Game {
            id: "1".into(),
            league: "NBA".into(),
            teams: ["BKN", "GSW"].map(Arc::from),
            score: *score,
            period: *period,
            clock_s: *clock_s,
            possession: None,
            is_final: *is_final,
        }))),
        What::Resolved { market, yes } => {
            let payouts = [*yes, 1_000_000 - yes].map(|micros| Usdc::from_micros(micros).unwrap());
            tell(Kind::Resolved { market: MARKETS[*market], payouts })
        }
        What::Feed(state) => tell(Kind::Feed { feed: "books".into(), state: *state }),
        What::Gap => tell(Kind::Gap { missed: 3 }),
        What::Quiet | What::Cancel | What::Gate(..) | What::Release(_) | What::Restart(_) => {
            Vec::new()
        }
    }
}

/// Any number of steps; most of them within a second of the one before.
pub(super) fn steps() -> impl Any<Value = Vec<Step>> {
    let gate = prop_oneof![Just(Gate::Open), Just(Gate::ReduceOnly), Just(Gate::Closed)];
    let what = prop_oneof![
        6 => (0..4_usize, any::<bool>(), 1..99_i64, -1..4_i64, 1..200_i64).prop_map(
            |(market, yes, bid, spread, shares)| What::Book { market, yes, bid, spread, shares }
        ),
        12 => (0..4_usize, 20..81_i64, -7..4_i64, 20..3000_i64).prop_map(
            |(market, ask, gap, shares)| {
                What::Pair { market, asks: [ask, 100 - ask + gap], shares }
            }
        ),
        1 => (0..4_usize, 1..100_i64).prop_map(|(market, cents)| What::Trade { market, cents }),
        5 => (40..70_u16, 40..70_u16, 0..6_u8, 0..730_u16, 0..20_u8).prop_map(
            |(host, guest, period, clock_s, last)| {
                What::Game { score: [host, guest], period, clock_s, is_final: last == 0 }
            }
        ),
        1 => (0..4_usize, prop_oneof![Just(0), Just(500_000), Just(1_000_000)])
            .prop_map(|(market, yes)| What::Resolved { market, yes }),
        1 => prop_oneof![1 => Just(FeedState::Down), 2 => Just(FeedState::Up)].prop_map(What::Feed),
        1 => Just(What::Gap),
        1 => Just(What::Quiet),
        1 => Just(What::Cancel),
        1 => (0..3_usize, gate).prop_map(|(strategy, gate)| What::Gate(strategy, gate)),
        1 => (0..3_usize).prop_map(What::Release),
        1 => (0..3_usize).prop_map(What::Restart),
    ];
    let after = prop_oneof![40 => 0..1_000_u64, 2 => 1_000..7_000_u64, 1 => 7_000..90_000_u64];
    let spots = prop_oneof![
        6 => (-40..40_i64, -40..40_i64).prop_map(|(btc, eth)| Some([btc, eth])),
        1 => Just(None),
    ];
    let step = (after, spots, what).prop_map(|(after, spots, what)| Step { after, spots, what });
    proptest::collection::vec(step, 1..120)
}

/// Returns a kernel of a strategy, by one of its ways to trade.
pub(super) fn kernel(name: &str, style: usize, record: Record, memory: Memory) -> Kernel {
    let text = match name {
        "momentum" => {
            let mode = ["directional", "predictive", "confirmatory"][style % 3];
            let limits = if mode == "predictive" { "" } else { "left_s_max = 600\n" };
            format!(
                "kind = \"momentum\"\nenabled = true\n[settings]\nmode = \"{mode}\"\n\
                 btc_market_prefixes = [\"btc-\"]\neth_market_prefixes = [\"eth-\"]\n\
                 entry_price_max_usdc = 0.6\nbest_edge_only = {}\nsignal_delay_ms = 500\n\
                 cooldown_s = 2\n{limits}",
                style < 3
            )
        }
        "nba" => "kind = \"nba_swing\"\nenabled = true\n[settings]\nposition_max_usdc = 25\n\
                  spread_max_usdc = 1\nspread_frac_max = 2\ndepth_min_usdc = 0\n\
                  best_depth_min_usdc = 0\nvelocity_max_usdc_s = 1\nlag_ms_max = 60000\n\
                  same_side_max = 1000\nreset_after_s = 2\n"
            .to_owned(),
        _ => {
            let style = ["simultaneous", "legged"][style % 2];
            format!(
                "kind = \"split_arb\"\nenabled = true\n[settings]\nstyle = \"{style}\"\n\
                 market_prefixes = [\"btc-\", \"eth-\"]\n"
            )
        }
    };
    let risk = "[risk]\nmarket_exposure_max_usdc = 40\nstrategy_exposure_max_usdc = 60\n\
                open_orders_max = 2\norder_rate_per_minute = 60\norder_burst = 20\n\
                loss_streak_max = 4\nloss_streak_cooldown_s = 2\ndrawdown_max_usdc = 50\n";
    let text = format!("[strategy]\n{text}{risk}");
    let config = config::strategy("world", name.parse().unwrap(), &text);
    let config = config.unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.limits, limits());
    let strategy = Box::new(Witness { strategy: config.kind.build(), record });
    Kernel::new(config.id, strategy, config.limits, memory)
}

/// Returns the records of all strategies, still empty.
pub(super) fn records() -> BTreeMap<StrategyId, Record> {
    NAMES.into_iter().map(|name| (name.parse().unwrap(), Record::default())).collect()
}

impl Strategy for Witness {
    fn subscription(&self) -> &Subscription {
        self.strategy.subscription()
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.strategy.on_event(event, view, looks);
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        let mut past = self.record.past.lock().unwrap();
        let is_same = |fact: &Past| match fact {
            Past::Filled(old) => (&old.order, old.number) == (&fill.order, fill.number),
            Past::Settled(..) => false,
        };
        // What a later incarnation is told again is no news.
        if !past.iter().any(is_same) {
            past.push(Past::Filled(fill.clone()));
            self.record.fills.lock().unwrap().push(fill.clone());
        }
        drop(past);
        self.strategy.on_fill(fill, view, looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.strategy.on_done(order, view, looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.strategy.on_timer(view, looks);
    }

    fn on_settled(&mut self, market: ConditionId) {
        self.record.fills.lock().unwrap().retain(|fill| fill.market != market);
        self.strategy.on_settled(market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.strategy.next_timer()
    }

    fn save(&self) -> crate::strategy::Saved {
        self.strategy.save()
    }
}
