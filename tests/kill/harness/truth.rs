//! What is compared: the journal of the venue, which outlives every kill, with what the service has stored.

use std::collections::{BTreeMap, BTreeSet};

use actors::adapters::simulated::exchange::{Act, Exchange};
use ploy::market::{Outcome, Side};
use ploy::order::Fill;
use ploy::order_path::{OrderHash, Standing};
use ploy::price::Size;

use super::stored::{EndRow, Facts, FillRow, OrderRow};

/// Follows the journal and the store, and notes every difference.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// How much of the journal has been read.
    read: usize,
    /// Orders that came to the venue, each with its place in the journal.
    received: BTreeMap<OrderHash, usize>,
    /// Orders that are stored. One may be seen there before it is read in the journal.
    stored: BTreeSet<OrderHash>,
    /// Orders that were read in the journal since the store was read last.
    fresh: BTreeSet<OrderHash>,
    /// Facts before this number have been compared for good.
    low: i64,
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    /// Every difference that no wait mends.
    pub(crate) wrong: Vec<String>,
}

impl Truth {
    /// Returns from which fact on the store is read.
    pub(crate) const fn low(&self) -> i64 {
        self.low
    }

    /// Reads on in the journal.
    pub(crate) fn follow(&mut self, exchange: &Exchange) {
        for entry in exchange.journal().iter().skip(self.read) {
            self.read += 1;
            match &entry.what {
                Act::Received(wanted) => {
                    self.orders += 1;
                    if self.received.insert(entry.hash, self.read).is_some() {
                        self.wrong.push(format!("{} was sent twice", wanted.order));
                    }
                    self.fresh.insert(entry.hash);
                }
                Act::Double => self.wrong.push(format!("order {} came twice", entry.hash)),
                Act::Oversold => {
                    self.wrong.push(format!("order {} sells more than is held", entry.hash));
                }
                Act::Filled(_) => self.fills += 1,
                Act::Taken | Act::Refused | Act::Ended { .. } => {}
            }
        }
    }

    /// Compares facts with the venue. Returns what does not agree yet of the orders that came before `known` entries of
    /// the journal; what can never agree any more is noted.
    pub(crate) fn compare(
        &mut self,
        exchange: &Exchange,
        facts: &Facts,
        known: usize,
    ) -> Vec<String> {
        let mut waits = Vec::new();
        let mut low = facts.orders.last().map_or(self.low, |order| order.seq + 1);
        for order in &facts.orders {
            let Some(hash) = order.hash.as_ref().and_then(|hash| hash.parse().ok()) else {
                self.wrong.push(format!("{} is stored without its hash", name(order)));
                continue;
            };
            self.stored.insert(hash);
            match self.one(exchange.standing(hash), order, facts) {
                Ok(()) => {}
                Err(why) => {
                    low = low.min(order.seq);
                    if self.received.get(&hash).is_some_and(|place| *place <= known) {
                        waits.push(format!("{}: {why}", name(order)));
                    }
                }
            }
        }
        self.low = self.low.max(low);
        for hash in std::mem::take(&mut self.fresh).difference(&self.stored) {
            self.wrong.push(format!("order {hash} came to the venue and is not stored"));
        }
        waits
    }

    /// Compares one order.
    ///
    /// # Errors
    /// What does not agree yet.
    fn one(&mut self, standing: Standing, order: &OrderRow, facts: &Facts) -> Result<(), String> {
        let of = |strategy: &str, number| order.strategy == strategy && order.number == number;
        let ends: Vec<&EndRow> =
            facts.ends.iter().filter(|end| of(&end.strategy, end.number)).collect();
        let mut fills: Vec<FillRow> =
            facts.fills.iter().filter(|fill| of(&fill.strategy, fill.number)).cloned().collect();
        fills.sort();
        let made: Vec<FillRow> = standing.fills().iter().map(row).collect();
        for fill in fills.iter().filter(|fill| !made.contains(fill)) {
            self.wrong.push(format!("the venue never made this fill: {fill:?}"));
        }
        if 1 < ends.len() {
            self.wrong.push(format!("{} ended more than once: {ends:?}", name(order)));
        }
        let Some(end) = ends.first() else {
            return Err(format!("it has no end; the venue says {standing:?}"));
        };
        match &standing {
            Standing::Open { .. } => Err("it ended here, and is open at the venue".to_owned()),
            Standing::Done { unfilled, .. } => {
                let lacks = made.iter().filter(|fill| !fills.contains(fill)).count();
                if lacks != 0 {
                    Err(format!("{lacks} of its {} fills are not stored", made.len()))
                } else if end.unfilled != Some(unfilled.micros()) {
                    Err(format!("{end:?}, and the venue left {unfilled}"))
                } else {
                    Ok(())
                }
            }
            Standing::Rejected { .. } if end.kind != "rejected" => {
                Err(format!("{end:?}, and the venue refused it"))
            }
            Standing::Rejected { .. } | Standing::Absent => Ok(()),
            Standing::Unanswered { .. } => Err("the venue gives no answer".to_owned()),
        }
    }
}

/// Returns what the venue's fills come to: shares by strategy, market and outcome, and fills by strategy.
pub(crate) fn holdings(
    exchange: &Exchange,
) -> (BTreeMap<(String, String, String), i64>, BTreeMap<String, u64>) {
    let (mut shares, mut fills) = (BTreeMap::new(), BTreeMap::new());
    for entry in exchange.journal() {
        if let Act::Filled(fill) = &entry.what {
            let row = row(fill);
            let sign = match fill.side {
                Side::Buy => 1,
                Side::Sell => -1,
            };
            *fills.entry(row.strategy.clone()).or_default() += 1;
            *shares.entry((row.strategy, row.market, row.outcome)).or_default() += sign * row.size;
        }
    }
    (shares, fills)
}

fn name(order: &OrderRow) -> String {
    format!("{}:{}", order.strategy, order.number)
}

/// Returns a fill as it is stored.
pub(crate) fn row(fill: &Fill) -> FillRow {
    FillRow {
        strategy: fill.order.strategy.to_string(),
        number: i64::try_from(fill.order.number).unwrap_or(i64::MAX),
        fill: i64::from(fill.number),
        market: fill.market.to_string(),
        outcome: match fill.outcome {
            Outcome::Yes => "yes".to_owned(),
            Outcome::No => "no".to_owned(),
        },
        side: match fill.side {
            Side::Buy => "buy".to_owned(),
            Side::Sell => "sell".to_owned(),
        },
        price: fill.price.micros(),
        size: Size::micros(fill.size),
        fee: fill.fee.micros(),
    }
}
