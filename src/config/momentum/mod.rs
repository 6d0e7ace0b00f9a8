//! The settings of `momentum`: which a mode has, how they fit together, and the typed value built from them.

mod declared;

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{Price, Rounding, Size, decimal};
use crate::strategy::momentum::config::{
    Config, Directional, Exits, Method, Mode, Series, Settlement, Trend,
};

use super::reader::Reader;
use super::setting::{Range, Section, Setting};
use super::values::Values;
use declared::{
    BEST_EDGE_ONLY, BOOK_AGE_MAX, BTC, COINS, CONFIRMATORY, COOLDOWN, Coin, DAILY_MAX, DIRECTIONAL,
    EDGE_MIN, ENTRY_PRICE_MAX, ENTRY_PRICE_MIN, ETH, EXIT_BEFORE_CLOSE, EXIT_RETRY, LEFT_MAX,
    LEFT_MIN, MOVE_MIN, NOT_CONFIRMATORY, NOT_DIRECTIONAL, NOT_PREDICTIVE, POSITIONS_MAX,
    PREDICTIVE, RESERVE, SETTLEMENT, SIGMA_MIN, SIGNAL_DELAY, SIZE, SPOT_AGE_MAX, STOP_LOSS,
    TAKE_PROFIT, TRAILING_STOP, VALUE_MIN, WINDOW_EXPOSURE_MAX,
};

pub(super) const MODES: [Mode; 3] = [Mode::Directional, Mode::Predictive, Mode::Confirmatory];
const SETTLEMENTS: [Settlement; 2] = [Settlement::Twap60, Settlement::Spot];

/// Which mode a file has: it decides which other settings there are.
pub(super) const MODE: Setting =
    Setting::other("mode", Range::Word(&["directional", "predictive", "confirmatory"])).restart(
        "`directional` buys by the chance that the price ends above the strike and holds to resolution; \
         `predictive` buys by the momentum of the last minute, in the market with the most time left, \
         and sells by rules; `confirmatory` buys by that momentum in the market that closes first and \
         holds to resolution.",
    );

/// Returns the word for a mode in files and answers.
pub(super) const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Directional => "directional",
        Mode::Predictive => "predictive",
        Mode::Confirmatory => "confirmatory",
    }
}

const fn settlement_name(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Twap60 => "twap60",
        Settlement::Spot => "spot",
    }
}

/// Returns the section `[settings]` of a mode.
pub(super) const fn section(mode: Mode) -> Section {
    let (settings, refused): (&[Setting], &[_]) = match mode {
        Mode::Directional => (&DIRECTIONAL, &NOT_DIRECTIONAL),
        Mode::Predictive => (&PREDICTIVE, &NOT_PREDICTIVE),
        Mode::Confirmatory => (&CONFIRMATORY, &NOT_CONFIRMATORY),
    };
    Section { name: "settings", settings, refused }
}

/// Builds the typed settings; what was at fault has been noted.
pub(super) fn config(values: &Values, reader: &mut Reader<'_>) -> Option<Config> {
    let mode = values.word(&MODE, &MODES, mode_name)?;
    fit_together(values, reader);
    let series = series(mode, values, reader);
    Some(Config {
        method: match mode {
            Mode::Directional => Method::Directional(directional(values)?),
            Mode::Predictive => Method::Predictive { trend: trend(values)?, exits: exits(values)? },
            Mode::Confirmatory => {
                Method::Confirmatory { trend: trend(values)?, left_max: values.seconds(&LEFT_MAX)? }
            }
        },
        series: series?,
        size: Size::from_micros(values.micros(&SIZE)?).ok()?,
        entry_price_max: price(values, &ENTRY_PRICE_MAX)?,
        left_min: values.seconds(&LEFT_MIN)?,
        cooldown: values.seconds(&COOLDOWN)?,
        daily_max: values.whole(&DAILY_MAX)?,
        positions_max: values.whole(&POSITIONS_MAX)?,
        window_exposure_max_usdc: values.usdc(&WINDOW_EXPOSURE_MAX)?,
        best_edge: best_edge(values)?,
        spot_age_max: values.millis(&SPOT_AGE_MAX)?,
        book_age_max: values.millis(&BOOK_AGE_MAX)?,
    })
}

fn directional(values: &Values) -> Option<Directional> {
    Some(Directional {
        left_max: values.seconds(&LEFT_MAX)?,
        entry_price_min: price(values, &ENTRY_PRICE_MIN)?,
        value_min_usdc: values.usdc(&VALUE_MIN)?,
        reserve_usdc: values.usdc(&RESERVE)?,
        volatility_min: frac(values, &SIGMA_MIN)?,
        settlement: values.word(&SETTLEMENT, &SETTLEMENTS, settlement_name)?,
    })
}

fn trend(values: &Values) -> Option<Trend> {
    Some(Trend { move_min: frac(values, &MOVE_MIN)?, edge_min_usdc: values.usdc(&EDGE_MIN)? })
}

fn exits(values: &Values) -> Option<Exits> {
    Some(Exits {
        take_profit: frac(values, &TAKE_PROFIT)?,
        stop_loss: frac(values, &STOP_LOSS)?,
        trailing_stop: frac(values, &TRAILING_STOP)?,
        before_close: values.seconds(&EXIT_BEFORE_CLOSE)?,
        retry: values.millis(&EXIT_RETRY)?,
    })
}

fn best_edge(values: &Values) -> Option<Option<Duration>> {
    let delay = values.millis(&SIGNAL_DELAY)?;
    Some(values.switch(&BEST_EDGE_ONLY)?.then_some(delay))
}

/// Returns the underlyings that have markets: at least one, and no market of two of them.
fn series(mode: Mode, values: &Values, reader: &mut Reader<'_>) -> Option<Vec<Series>> {
    let mut all: Vec<(&Coin, Vec<String>)> = Vec::new();
    for coin in &COINS {
        let Some(prefixes) = values.texts(&coin.prefixes) else {
            continue;
        };
        let meets = |one: &&String, other: &String| {
            one.starts_with(other.as_str()) || other.starts_with(one.as_str())
        };
        for (earlier, taken) in &all {
            if let Some(twice) =
                prefixes.iter().find(|one| taken.iter().any(|other| meets(one, other)))
            {
                let problem = format!("markets of \"{twice}\" would be of {} too", earlier.symbol);
                reader.clash(values, [&coin.prefixes, &earlier.prefixes], problem);
            }
        }
        all.push((coin, prefixes));
    }
    if all.is_empty() {
        let keys: Vec<&str> = COINS.iter().map(|coin| coin.prefixes.key).collect();
        let problem = format!("no markets are named; expected one of {} at least", keys.join(", "));
        reader.clash(values, [&BTC.prefixes, &ETH.prefixes], problem);
    }
    all.into_iter()
        .map(|(coin, market_prefixes)| {
            let setting = match mode {
                Mode::Directional => &coin.sigma,
                Mode::Predictive | Mode::Confirmatory => &coin.baseline,
            };
            let volatility = frac(values, setting)?;
            Some(Series { symbol: coin.symbol.into(), market_prefixes, volatility })
        })
        .collect()
}

/// Notes settings that fit alone and do not fit together.
fn fit_together(values: &Values, reader: &mut Reader<'_>) {
    if let (Some(min), Some(max)) =
        (values.micros(&ENTRY_PRICE_MIN), values.micros(&ENTRY_PRICE_MAX))
        && max < min
    {
        let problem = format!(
            "an ask of at least {} USDC leaves nothing to buy; expected at most entry_price_max_usdc, {}",
            decimal(min),
            decimal(max)
        );
        reader.clash(values, [&ENTRY_PRICE_MIN, &ENTRY_PRICE_MAX], problem);
    }
    if let (Some(min), Some(max)) = (values.whole::<u64>(&LEFT_MIN), values.whole::<u64>(&LEFT_MAX))
        && max < min
    {
        let problem =
            format!("{min} s are more than the most; expected at most left_s_max, {max} s");
        reader.clash(values, [&LEFT_MIN, &LEFT_MAX], problem);
    }
    if let (Some(exit), Some(min)) =
        (values.whole::<u64>(&EXIT_BEFORE_CLOSE), values.whole::<u64>(&LEFT_MIN))
        && min <= exit
    {
        let problem = format!(
            "what is bought with {min} s left would be sold at once; expected less than left_s_min, {min} s"
        );
        reader.clash(values, [&EXIT_BEFORE_CLOSE, &LEFT_MIN], problem);
    }
    if let (Some(size), Some(price), Some(max)) =
        (values.micros(&SIZE), price(values, &ENTRY_PRICE_MAX), values.usdc(&WINDOW_EXPOSURE_MAX))
        && let Ok(size) = Size::from_micros(size)
        && max < price.notional(size.floor_to_cents(), Rounding::Up)
    {
        let problem = format!(
            "{size} shares at {price} cost more than a window may; expected at most window_exposure_max_usdc, \
             {max}"
        );
        reader.clash(values, [&SIZE, &WINDOW_EXPOSURE_MAX], problem);
    }
}

fn price(values: &Values, setting: &Setting) -> Option<Price> {
    Price::from_micros(values.micros(setting)?).ok()
}

fn frac(values: &Values, setting: &Setting) -> Option<Frac> {
    values.micros(setting).map(Frac::from_micros)
}

#[cfg(test)]
mod tests;
