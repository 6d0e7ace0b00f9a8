//! The lines after the header as they are written: a time and exactly one kind, each with its own keys.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::{Level, OrderBook};
use crate::event::{FeedState, Game, Kind, MarketEvent, Symbol, Trade};
use crate::market::{ConditionId, Market, Outcome, Side, TickSize};
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// Price and shares of a level, as a pair of strings.
#[derive(Serialize, Deserialize)]
struct Rung(Price, Size);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookLine {
    m: ConditionId,
    o: Outcome,
    b: Vec<Rung>,
    a: Vec<Rung>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeLine {
    m: ConditionId,
    o: Outcome,
    side: Side,
    p: Price,
    s: Size,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpotLine {
    symbol: Symbol,
    usd: Usdc,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TickLine {
    m: ConditionId,
    tick: TickSize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolvedLine {
    m: ConditionId,
    pays: [Usdc; 2],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedLine {
    name: Arc<str>,
    state: FeedState,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapLine {
    missed: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) events: u64,
}

/// What a line may hold: its time and exactly one kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineIn {
    t: Option<i64>,
    book: Option<BookLine>,
    market: Option<Arc<Market>>,
    trade: Option<TradeLine>,
    spot: Option<SpotLine>,
    game: Option<Arc<Game>>,
    tick: Option<TickLine>,
    resolved: Option<ResolvedLine>,
    feed: Option<FeedLine>,
    gap: Option<GapLine>,
    pub(super) end: Option<EndLine>,
}

impl LineIn {
    pub(crate) fn event(self) -> Result<MarketEvent, String> {
        let micros = self.t.ok_or("the time `t` is missing")?;
        let at = Timestamp::from_micros(micros);
        if at.micros() != micros {
            return Err(format!(
                "`t` is {micros}, which is no microsecond of the years 1970 to 9999"
            ));
        }
        let mut kinds = [
            self.book.map(|line| line.kind(at)),
            self.market.map(Kind::Market),
            self.trade.map(TradeLine::kind),
            self.spot.map(|line| Kind::Spot { symbol: line.symbol, price_usd: line.usd }),
            self.game.map(Kind::Game),
            self.tick.map(|line| Kind::Tick { market: line.m, tick: line.tick }),
            self.resolved.map(|line| Kind::Resolved { market: line.m, payouts: line.pays }),
            self.feed.map(|line| Kind::Feed { feed: line.name, state: line.state }),
            self.gap.map(|line| Kind::Gap { missed: line.missed }),
        ]
        .into_iter()
        .flatten();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok(MarketEvent { at, kind }),
            (None, _) => Err("the line holds a time and nothing that happened".to_owned()),
            (Some(_), Some(_)) => Err("the line holds more than one event".to_owned()),
        }
    }
}

impl BookLine {
    fn kind(self, at: Timestamp) -> Kind {
        let levels = |rungs: Vec<Rung>| {
            rungs.into_iter().map(|Rung(price, size)| Level { price, size }).collect()
        };
        let book = Arc::new(OrderBook::new(at, levels(self.b), levels(self.a)));
        Kind::Book { market: self.m, outcome: self.o, book }
    }
}

impl TradeLine {
    fn kind(self) -> Kind {
        Kind::Trade(Trade {
            market: self.m,
            outcome: self.o,
            side: self.side,
            price: self.p,
            size: self.s,
        })
    }
}

/// A line to be written; the kind's name is its key.
#[derive(Default, Serialize)]
pub(super) struct LineOut<'a> {
    t: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    book: Option<BookLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market: Option<&'a Market>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade: Option<TradeLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spot: Option<SpotLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    game: Option<&'a Game>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<TickLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<ResolvedLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed: Option<FeedLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<GapLine>,
}

impl<'a> LineOut<'a> {
    pub(super) fn of(event: &'a MarketEvent) -> Self {
        let mut line = Self { t: event.at.micros(), ..Self::default() };
        match &event.kind {
            Kind::Market(market) => line.market = Some(market),
            Kind::Book { market, outcome, book } => {
                let rungs = |levels: &[Level]| {
                    levels.iter().map(|level| Rung(level.price, level.size)).collect()
                };
                let (b, a) = (rungs(book.bids()), rungs(book.asks()));
                line.book = Some(BookLine { m: *market, o: *outcome, b, a });
            }
            Kind::Trade(trade) => {
                let Trade { market: m, outcome: o, side, price: p, size: s } = *trade;
                line.trade = Some(TradeLine { m, o, side, p, s });
            }
            Kind::Spot { symbol, price_usd } => {
                line.spot = Some(SpotLine { symbol: Arc::clone(symbol), usd: *price_usd });
            }
            Kind::Game(game) => line.game = Some(game),
            Kind::Tick { market, tick } => {
                line.tick = Some(TickLine { m: *market, tick: *tick });
            }
            Kind::Resolved { market, payouts } => {
                line.resolved = Some(ResolvedLine { m: *market, pays: *payouts });
            }
            Kind::Feed { feed, state } => {
                line.feed = Some(FeedLine { name: Arc::clone(feed), state: *state });
            }
            Kind::Gap { missed } => line.gap = Some(GapLine { missed: *missed }),
        }
        line
    }
}
