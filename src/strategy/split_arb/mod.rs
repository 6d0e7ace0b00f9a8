//! `split_arb`: buy one outcome, then the other, for together under one USDC; one of them pays one.

use std::time::Duration;

use crate::price::{Price, Size, Usdc};

/// The settings of `split_arb`, as its file states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which of the two ways it trades.
    pub style: Style,
    /// Markets whose slug begins with one of these are traded.
    pub market_prefixes: Vec<String>,
    /// Shares of the first leg.
    pub size: Size,
    /// The highest ask at which a first leg is bought, in USDC a share; equal passes.
    pub entry_price_max: Price,
    /// What both legs together may cost, in USDC a pair. Legged: equal passes. Simultaneous: it must stay below.
    pub target_sum_usdc: Usdc,
    /// Legged only: how far above a fitting hedge the other ask may be when the first leg is bought, in USDC.
    pub hedge_slack_usdc: Usdc,
    /// What a pair must bring after fees, in USDC; equal passes.
    pub profit_min_usdc: Usdc,
    /// How long a leg waits for its hedge before it is sold; exactly that long still waits.
    pub hedge_wait_max: Duration,
    /// How many unhedged legs may be open at once.
    pub unhedged_max: u64,
    /// By what fraction of its entry price the bid of a leg may fall before it is sold; equal sells.
    pub unhedged_stop_frac: Usdc,
    /// A leg is sold when less than this is left until the market closes; no leg is bought then either.
    pub exit_before_close: Duration,
    /// The age past which a book is not decided on.
    pub book_age_max: Duration,
    /// How far apart the instants of the two books may be.
    pub book_skew_max: Duration,
    /// The wait after a failed exit before the next try; doubled each time, up to 30 s.
    pub exit_retry: Duration,
}

/// The two ways to trade it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One cheap leg now, its hedge when the price has moved.
    Legged,
    /// Both legs as fast as fills allow, when both together are cheap now.
    Simultaneous,
}
