//! The tape of the kill test: short markets whose prices swing so that strategies trade all the time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actors::adapters::tape::writer::{Effort, TapeWriter};
use ploy::book::{Level, OrderBook};
use ploy::event::{Kind, MarketEvent};
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::price::{Price, Usdc};
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;

use super::fees;

/// What the short names of its markets begin with.
pub(crate) const PREFIX: &str = "kill-";
/// How often a market is opened, and how long after its opening it pays, in seconds. It pays earlier than was announced, in
/// the midst of trading: of the orders that are open then the venue tells afterwards.
const EVERY: u64 = 6;
const LIFE: u64 = 20;
const ANNOUNCED: u64 = 40;
/// The lowest and the highest ask of yes, in cents, and by how much it moves in a second.
const LOW: u64 = 28;
const HIGH: u64 = 74;
const MOVE: u64 = 3;

/// Writes a tape that is so long.
pub(crate) fn write(path: &Path, span: Duration) -> anyhow::Result<()> {
    let from: Timestamp = "2026-09-28T09:00:00Z".parse()?;
    let header = Header {
        tape: "ploy".to_owned(),
        version: ploy::tape::VERSION,
        title: "swings".to_owned(),
        source: "made for the kill test".to_owned(),
        licence: "none".to_owned(),
        books: Books::Modelled,
        from,
        to: from + span,
        notes: Vec::new(),
    };
    let mut writer = TapeWriter::create(path, &header, Effort::Quick)?;
    for second in 0..span.as_secs() {
        let at = from + Duration::from_secs(second);
        let number = second / EVERY;
        if second % EVERY == 0 {
            writer.write(&MarketEvent { at, kind: Kind::Market(Arc::new(market(number, at)?)) })?;
        }
        for number in number.saturating_sub(LIFE / EVERY + 1)..=number {
            let age = second - number * EVERY;
            if age < LIFE {
                for outcome in Outcome::BOTH {
                    writer.write(&book(number, outcome, age, at)?)?;
                }
            } else if age == LIFE {
                let (one, none) = ("1".parse::<Usdc>()?, Usdc::ZERO);
                let payouts = if number % 2 == 0 { [one, none] } else { [none, one] };
                let kind = Kind::Resolved { market: id(number), payouts };
                writer.write(&MarketEvent { at, kind })?;
            }
        }
    }
    writer.finish()?;
    Ok(())
}

fn id(number: u64) -> ConditionId {
    let mut bytes = [0; 32];
    for (byte, part) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *byte = part;
    }
    ConditionId::from_bytes(bytes)
}

fn market(number: u64, opens_at: Timestamp) -> anyhow::Result<Market> {
    Ok(Market {
        id: id(number),
        slug: format!("{PREFIX}{number}").into(),
        question: "Up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse()?,
        fees: fees()?,
        opens_at,
        closes_at: opens_at + Duration::from_secs(ANNOUNCED),
        strike_usd: None,
        event: None,
    })
}

/// Returns a book: the ask of yes swings between its bounds, the bid is a cent below, and no mirrors it.
fn book(number: u64, outcome: Outcome, age: u64, at: Timestamp) -> anyhow::Result<MarketEvent> {
    let (way, width) = ((age + 7 * number) * MOVE, HIGH - LOW);
    let ask = LOW + (way % (2 * width)).abs_diff(width);
    let (bid, ask) = match outcome {
        Outcome::Yes => (ask - 1, ask),
        Outcome::No => (100 - ask, 101 - ask),
    };
    let level = |cents: u64| -> anyhow::Result<Level> {
        let price = Price::from_micros(i64::try_from(cents)? * 10_000)?;
        Ok(Level { price, size: "1000".parse()? })
    };
    let book = Arc::new(OrderBook::new(at, vec![level(bid)?], vec![level(ask)?]));
    Ok(MarketEvent { at, kind: Kind::Book { market: id(number), outcome, book } })
}
