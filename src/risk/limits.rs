//! The limits of one strategy, as its file states them.

use std::time::Duration;

use crate::price::Usdc;

/// What a strategy may do at most. Every limit must be stated in its file; none has a default that approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What may be lost in one market at resolution, open orders included, in USDC.
    pub market_exposure_max_usdc: Usdc,
    /// What may be lost in all markets together at resolution, open orders included, in USDC.
    pub strategy_exposure_max_usdc: Usdc,
    /// How many orders may be open at once; protective ones are not refused for it.
    pub open_orders_max: u64,
    /// How many orders a minute may be sent in the long run.
    pub order_rate_per_minute: u64,
    /// How many may be sent at once before that rate binds.
    pub order_burst: u64,
    /// How many rounds in a row may be lost before entries wait.
    pub loss_streak_max: u64,
    /// How long entries then wait.
    pub loss_streak_cooldown: Duration,
    /// How far the equity may fall from its peak before entries wait for a person, in USDC.
    pub drawdown_max_usdc: Usdc,
}
