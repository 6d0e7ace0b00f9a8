//! The rules of `nba_swing`, one by one, at their boundaries: a desk to play at, and the cases.

mod any_order;
mod desk;
mod entry;
mod exit;
mod life;
mod matching;
mod played;

use std::sync::Arc;

use super::config::{Coefficients, Entry, Exit, Filters, Training, Urgency};
use super::teams::TeamCodes;
use super::*;
use crate::market::{Outcome, TickSize};
use crate::numbers::Frac;
use crate::price::{Price, Size, Usdc};
use desk::Desk;

const YES: Outcome = Outcome::Yes;
const NO: Outcome = Outcome::No;

/// The settings with the numbers that they always had, which are the defaults of the file.
pub(crate) fn config() -> Config {
    Config {
        market_prefix: "nba-".to_owned(),
        team_codes: TeamCodes::Nba,
        position_max_usdc: usdc("25"),
        coefficients: Coefficients::UNTRAINED,
        training: Training::Untrained,
        filters: Filters {
            spread_max_usdc: usdc("0.05"),
            spread_frac_max: Frac::from_micros(20_000),
            depth_min_usdc: usdc("1000"),
            best_depth_min_usdc: usdc("100"),
            velocity_max_usdc: usdc("0.01"),
            velocity_window: Duration::from_secs(10),
            lag_max: Duration::from_secs(2),
            quote_age_max: Duration::from_secs(5),
            same_side_max: 5,
            trades_min: 3,
            trades_window: Duration::from_secs(60),
            imbalance_frac_max: Frac::from_micros(800_000),
        },
        entry: Entry {
            price_min: price("0.05"),
            price_max: price("0.8"),
            edge_min_usdc: usdc("0.05"),
            confidence_min: Frac::from_micros(700_000),
            fee_frac: Frac::from_micros(20_000),
            slippage_usdc: usdc("0.005"),
            ev_min_usdc: usdc("0.02"),
        },
        exit: Exit {
            edge_min_usdc: usdc("-0.01"),
            edge_urgency: Urgency::Medium,
            liquidity_min: Frac::from_micros(2_000_000),
            liquidity_urgency: Urgency::High,
            trailing_stop_frac: Frac::from_micros(100_000),
            trailing_urgency: Urgency::Medium,
            partial_edge_max_usdc: usdc("0.02"),
            partial_held_frac: Frac::from_micros(600_000),
            partial_urgency: Urgency::Medium,
            time_stop: Duration::from_secs(120),
            time_stop_gain_frac: Frac::from_micros(100_000),
            time_urgency: Urgency::Medium,
        },
        game_age_max: Duration::from_secs(60),
        book_age_max: Duration::from_secs(5),
        reset_after: Duration::from_secs(300),
        exit_retry: Duration::from_secs(1),
    }
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn size(text: &str) -> Size {
    text.parse().unwrap()
}

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}
