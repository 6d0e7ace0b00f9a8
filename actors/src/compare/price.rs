//! What a market cost while it was decided on, read from the tapes a second time, for a chart.

use std::path::PathBuf;
use std::time::Duration;

use ploy::compare::{Both, Curve, First, Mark, Point};
use ploy::event::Kind;
use ploy::market::{ConditionId, Outcome};
use ploy::price::Usdc;
use ploy::time::Timestamp;

use crate::adapters::tape::{TapeError, merged};

/// What is drawn before the first order and after the last, at least.
const AROUND: Duration = Duration::from_secs(60);

/// Returns the stretch that is worth a chart: the orders of both sides around the first difference.
#[must_use]
pub fn stretch(first: &First, orders: &Both<Vec<Mark>>) -> (Timestamp, Timestamp) {
    let marks = orders.a.iter().chain(&orders.b).map(|mark| mark.at);
    let all = marks.chain([first.difference.at]);
    let (from, to) = all.fold((first.difference.at, first.difference.at), |(from, to), at| {
        (from.min(at), to.max(at))
    });
    let around = AROUND.max(to.since(from) / 2);
    (from - around, to + around)
}

/// The price of one market over time.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// The market's short name.
    pub slug: String,
    /// What the two outcomes are called.
    pub labels: [String; 2],
    /// The middle between best bid and best ask of yes, in USDC a share.
    pub middle: Curve,
}

/// Reads the tapes and returns what the market cost between two instants, both included.
///
/// # Errors
/// When a tape cannot be read.
pub fn of(
    tapes: &[PathBuf],
    market: ConditionId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Prices, TapeError> {
    let (_, mut events) = merged::open(tapes)?;
    let mut prices = Prices::default();
    while let Some(event) = events.next_event()? {
        if to < event.at {
            break;
        }
        match &event.kind {
            Kind::Market(known) if known.id == market => {
                prices.slug = known.slug.to_string();
                prices.labels = [Outcome::Yes, Outcome::No].map(|of| known.label(of).to_owned());
            }
            Kind::Book { market: of, outcome: Outcome::Yes, book }
                if *of == market && from <= event.at =>
            {
                let (bid, ask) = (book.best_bid(), book.best_ask());
                if let (Some(bid), Some(ask)) = (bid, ask) {
                    let sum = bid.price.micros() + ask.price.micros();
                    let usdc = Usdc::from_micros(sum / 2).unwrap_or_default();
                    prices.middle.add(Point { at: event.at, usdc });
                }
            }
            Kind::Resolved { market: of, .. } if *of == market => break,
            Kind::Market(_)
            | Kind::Book { .. }
            | Kind::Trade(_)
            | Kind::Spot { .. }
            | Kind::Game(_)
            | Kind::Tick { .. }
            | Kind::Resolved { .. }
            | Kind::Feed { .. }
            | Kind::Gap { .. } => {}
        }
    }
    Ok(prices)
}
