//! The signal: what the price of the underlying says, before any book is looked at, and at an ask.

use std::time::Duration;

use crate::market::Outcome;
use crate::numbers::{Frac, Numbers};
use crate::price::{MICROS, Price, Usdc};

use super::config::{Directional, Trend};
use super::{directional, trend};

/// What a signal is read from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Basis<'a> {
    /// How far the price is from the strike, in USD.
    Strike(&'a Directional, Usdc),
    /// How far the price has moved.
    Trend(&'a Trend),
}

/// What the price of the underlying says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal<'a> {
    /// The chance that it ends above the strike.
    Chance { settings: &'a Directional, up: Frac, spot: Usdc, strike: Usdc },
    /// Its momentum, and the least one that counts.
    Trend { settings: &'a Trend, momentum: Frac, threshold: Frac },
}

impl<'a> Signal<'a> {
    /// Reads the directional signal from the price and the strike, when so much is left until the close.
    pub(super) fn chance(
        settings: &'a Directional,
        (spot, strike): (Usdc, Usdc),
        volatility: Frac,
        left: Duration,
    ) -> Self {
        let span = directional::open_span(settings.settlement, left);
        let sigma = volatility.max(settings.volatility_min);
        let up = directional::chance_up(spot, strike, sigma, span);
        Self::Chance { settings, up, spot, strike }
    }

    /// Reads the momentum signal; `volatility` is the newest (millionths of a millionth), `usual` the settings'.
    pub(super) fn trend(
        settings: &'a Trend,
        momentum: Frac,
        volatility: Option<i128>,
        usual: Frac,
    ) -> Self {
        let threshold = trend::threshold(settings.move_min, volatility, usual);
        Self::Trend { settings, momentum, threshold }
    }

    /// Returns the side that it speaks for; no on ties.
    pub(super) fn outcome(self) -> Outcome {
        let up = match self {
            Self::Chance { up, .. } => MICROS / 2 < up.micros(),
            Self::Trend { momentum, .. } => 0 < momentum.micros(),
        };
        if up { Outcome::Yes } else { Outcome::No }
    }

    /// Tells whether it is one: a momentum must be large enough; a chance is judged by its price alone.
    pub(super) fn is_strong(self) -> bool {
        match self {
            Self::Chance { .. } => true,
            Self::Trend { momentum, threshold, .. } => threshold <= momentum.abs(),
        }
    }

    /// Returns what it was read from.
    pub(super) fn numbers(self) -> Numbers {
        match self {
            Self::Chance { up, spot, strike, .. } => {
                Numbers::none().with("chance_up", up).with("spot", spot).with("strike", strike)
            }
            Self::Trend { momentum, threshold, .. } => {
                Numbers::none().with("momentum", momentum).with("threshold", threshold)
            }
        }
    }

    /// Returns the lowest ask at which is bought, where there is one.
    pub(super) const fn ask_min(self) -> Option<Price> {
        match self {
            Self::Chance { settings, .. } => Some(settings.entry_price_min),
            Self::Trend { .. } => None,
        }
    }

    /// Returns the least edge at which is bought, in USDC a share.
    pub(super) const fn edge_min(self) -> Usdc {
        match self {
            Self::Chance { settings, .. } => settings.value_min_usdc,
            Self::Trend { settings, .. } => settings.edge_min_usdc,
        }
    }

    /// Returns the edge of a share bought at this ask with this fee, in USDC, and what was compared.
    pub(super) fn edge(self, ask: Price, fee: Usdc) -> (Usdc, Numbers) {
        match self {
            Self::Chance { settings, up, spot, strike } => {
                let chance = match self.outcome() {
                    Outcome::Yes => up,
                    Outcome::No => Frac::from_micros(MICROS - up.micros()),
                };
                let value = directional::value(chance, ask, fee, settings.reserve_usdc);
                let numbers = Numbers::none()
                    .with("chance", chance)
                    .with("ask", ask)
                    .with("fee", fee)
                    .with("value", value)
                    .with("value_min", settings.value_min_usdc)
                    .with("spot", spot)
                    .with("strike", strike);
                (value, numbers)
            }
            Self::Trend { settings, momentum, threshold } => {
                let fair = trend::fair_value(momentum);
                let edge = fair - ask.into();
                let numbers = Numbers::none()
                    .with("momentum", momentum)
                    .with("threshold", threshold)
                    .with("fair_value", fair)
                    .with("ask", ask)
                    .with("edge", edge)
                    .with("edge_min", settings.edge_min_usdc)
                    .with("confidence", trend::confidence(momentum, edge));
                (edge, numbers)
            }
        }
    }
}
