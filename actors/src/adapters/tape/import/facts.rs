//! The facts of a recording: what the header of its tape says about it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::check::is_crossed;
use super::raw::RawMarket;
use super::{Options, Snapshots};

/// What the recordings are like, for the header.
#[derive(Debug)]
pub(super) struct Facts {
    /// The markets that have books.
    pub(super) markets: BTreeSet<usize>,
    levels_max: usize,
    crossed: usize,
    spacing_median_ms: u128,
    spacing_max_ms: u128,
    pub(super) sizes_rounded: u64,
}

impl Facts {
    pub(super) fn of(snapshots: &Snapshots) -> Self {
        let mut markets = BTreeSet::new();
        let mut last = BTreeMap::new();
        let mut spacings = Vec::new();
        let mut levels_max = 0;
        let mut crossed = 0;
        for snapshot in &snapshots.list {
            let (book, at) = (&snapshot.book, snapshot.book.at());
            markets.insert(snapshot.market);
            levels_max = levels_max.max(book.bids().len()).max(book.asks().len());
            crossed += usize::from(is_crossed(book));
            if let Some(before) = last.insert((snapshot.market, snapshot.outcome), at) {
                spacings.push(at.since(before).as_millis());
            }
        }
        spacings.sort_unstable();
        Self {
            markets,
            levels_max,
            crossed,
            spacing_median_ms: spacings.get(spacings.len() / 2).copied().unwrap_or(0),
            spacing_max_ms: spacings.last().copied().unwrap_or(0),
            sizes_rounded: snapshots.sizes_rounded,
        }
    }

    pub(super) fn title(&self, raw: &[RawMarket]) -> String {
        let slug = |index: Option<&usize>| {
            let market = index.and_then(|&index| raw.get(index));
            market.map_or("", |market| &*market.slug)
        };
        format!(
            "Order books of {} settled markets, {} to {}",
            self.markets.len(),
            slug(self.markets.first()),
            slug(self.markets.last())
        )
    }

    pub(super) fn notes(&self, options: &Options) -> Vec<String> {
        let (tick, min) = (RawMarket::TICK, RawMarket::MIN_SIZE);
        let (rate, exponent) = (options.fee_rate, options.fee_exponent);
        let mut notes = vec![
            "converted by `ploy tape import`; credit for the recording: Resolved Markets"
                .to_owned(),
            format!(
                "assumed, since the recording does not tell: a taker's fee of rate {rate} and exponent \
                 {exponent}, a price step of {tick} at first, a smallest order of {min} shares"
            ),
            "the step becomes 0.001 (0.0001) right before the first book that shows such a price; \
             the recording has no notice of it"
                .to_owned(),
            "a market is resolved at its end or at its last book, whichever is later; the payouts \
             are the recorded ones, the instant of the settlement is not known"
                .to_owned(),
            "there is no price of the underlying, no trade, no strike and no token id".to_owned(),
            format!(
                "books are snapshots with at most {} levels a side; those of one outcome are {} ms \
                 apart in the median and {} ms at most",
                self.levels_max, self.spacing_median_ms, self.spacing_max_ms
            ),
        ];
        if self.crossed != 0 {
            notes.push(format!(
                "books whose best bid is not below their best ask, kept as recorded although no \
                 matching engine leaves orders like that: {}",
                self.crossed
            ));
        }
        if self.sizes_rounded != 0 {
            notes.push(format!(
                "sizes with more than six decimals, the noise of binary fractions, were rounded to the \
                 nearest millionth: {} of them",
                self.sizes_rounded
            ));
        }
        notes
    }
}
