//! The settings of `momentum`: one declaration each, and one list a mode.

use crate::config::setting::{Range, Setting};

use super::MODE;

/// The settings of one underlying.
pub(super) struct Coin {
    /// Its name.
    pub(super) symbol: &'static str,
    /// Which markets ask for its price.
    pub(super) prefixes: Setting,
    /// How much it moves, for the directional mode.
    pub(super) sigma: Setting,
    /// How much it moves, for the others.
    pub(super) baseline: Setting,
}

const fn prefixes(key: &'static str, doc: &'static str) -> Setting {
    Setting::other(key, Range::Texts).restart(doc).or_derived("none: the underlying is not traded")
}

const fn sigma(key: &'static str) -> Setting {
    Setting::decimal(key, "fraction", ("0.0001", "0.5"))
        .live("The standard deviation of the price over 15 minutes, whatever the window is.")
}

const fn baseline(key: &'static str) -> Setting {
    Setting::decimal(key, "fraction", ("0.00001", "0.1"))
        .live("The usual standard deviation from one price to the next.")
}

pub(super) const BTC: Coin = Coin {
    symbol: "BTC",
    prefixes: prefixes(
        "btc_market_prefixes",
        "Markets whose slug begins with one of these ask whether the price of BTC goes up.",
    ),
    sigma: sigma("btc_sigma_frac").or("0.005"),
    baseline: baseline("btc_baseline_frac").or("0.0005"),
};
pub(super) const ETH: Coin = Coin {
    symbol: "ETH",
    prefixes: prefixes("eth_market_prefixes", "The same for ETH."),
    sigma: sigma("eth_sigma_frac").or("0.008"),
    baseline: baseline("eth_baseline_frac").or("0.0008"),
};
pub(super) const SOL: Coin = Coin {
    symbol: "SOL",
    prefixes: prefixes("sol_market_prefixes", "The same for SOL."),
    sigma: sigma("sol_sigma_frac").or("0.015"),
    baseline: baseline("sol_baseline_frac").or("0.0015"),
};
pub(super) const XRP: Coin = Coin {
    symbol: "XRP",
    prefixes: prefixes("xrp_market_prefixes", "The same for XRP."),
    sigma: sigma("xrp_sigma_frac").or("0.010"),
    baseline: baseline("xrp_baseline_frac").or("0.0012"),
};
pub(super) static COINS: [Coin; 4] = [BTC, ETH, SOL, XRP];

pub(super) const SIZE: Setting = Setting::decimal("size_shares", "shares", ("5", "1000000"))
    .live("Shares of an entry.")
    .or("40");
pub(super) const ENTRY_PRICE_MIN: Setting =
    Setting::decimal("entry_price_min_usdc", "USDC a share", ("0.001", "0.999"))
        .live("The lowest ask at which is bought; equal passes. At most entry_price_max_usdc.")
        .or("0.10");
pub(super) const ENTRY_PRICE_MAX: Setting =
    Setting::decimal("entry_price_max_usdc", "USDC a share", ("0.001", "0.999"))
        .live("The highest ask at which is bought; equal passes.");
pub(super) const VALUE_MIN: Setting =
    Setting::decimal("value_min_usdc", "USDC a share", ("0", "1"))
        .live("What a share must be worth above its price, its fee and reserve_usdc; equal passes.")
        .or("0.08");
pub(super) const RESERVE: Setting = Setting::decimal("reserve_usdc", "USDC a share", ("0", "1"))
    .live("What is taken off the worth of a share for what the signal does not know.")
    .or("0.01");
pub(super) const SIGMA_MIN: Setting =
    Setting::decimal("sigma_frac_min", "fraction", ("0.0001", "0.5"))
        .live("The least standard deviation over 15 minutes that is reckoned with.")
        .or("0.005");
pub(super) const SETTLEMENT: Setting = Setting::other(
    "settlement",
    Range::Word(&["twap60", "spot"]),
)
.live(
    "Which price decides: the mean of the last 60 seconds, or the price at the close. A mean can \
         move for 40 seconds less.",
)
.or("twap60");
pub(super) const MOVE_MIN: Setting = Setting::decimal(
    "move_min_frac",
    "fraction",
    ("0.00001", "0.1"),
)
.live("The least momentum at the usual volatility; half to twice as much at others. Equal passes.")
.or("0.0005");
pub(super) const EDGE_MIN: Setting = Setting::decimal("edge_min_usdc", "USDC a share", ("0", "1"))
    .live("How far the fair value must be above the ask; equal passes.")
    .or("0.03");
pub(super) const LEFT_MIN: Setting = Setting::whole("left_s_min", "seconds", (1, 86_400))
    .live("The least time that a market must have left to be bought; equal passes.")
    .or("60");
pub(super) const LEFT_MAX: Setting = Setting::whole("left_s_max", "seconds", (1, 86_400))
    .live("The most time that a market may have left to be bought; equal passes.")
    .or("300");
pub(super) const COOLDOWN: Setting = Setting::whole("cooldown_s", "seconds", (0, 86_400))
    .live("How long an underlying is not entered again after an entry into it was filled.")
    .or("60");
pub(super) const DAILY_MAX: Setting =
    Setting::whole("entries_per_day_max", "entries", (1, 100_000))
        .live("How many entries may be filled on one day in UTC.")
        .or("20");
pub(super) const POSITIONS_MAX: Setting = Setting::whole("positions_max", "positions", (1, 1000))
    .live("How many positions may be open at once, at most one an underlying.")
    .or("3");
pub(super) const WINDOW_EXPOSURE_MAX: Setting =
    Setting::decimal("window_exposure_max_usdc", "USDC", ("1", "1000000"))
        .live(
            "What the entries into markets that close within the same quarter of an hour may cost, \
             without fees; equal passes. At least size_shares × entry_price_max_usdc.",
        )
        .or("25");
pub(super) const BEST_EDGE_ONLY: Setting = Setting::other("best_edge_only", Range::Switch)
    .live(
        "Whether only one entry is made in markets that close within the same quarter of an hour: the \
         one with the largest edge.",
    )
    .or("true");
pub(super) const SIGNAL_DELAY: Setting =
    Setting::whole("signal_delay_ms", "milliseconds", (0, 60_000))
        .live("With best_edge_only, how long the first signal of a window waits for better ones.")
        .or("2000");
pub(super) const SPOT_AGE_MAX: Setting =
    Setting::whole("spot_age_ms_max", "milliseconds", (100, 60_000))
        .live("A price of an underlying older than this is not decided on.")
        .or("3000");
pub(super) const BOOK_AGE_MAX: Setting =
    Setting::whole("book_age_ms_max", "milliseconds", (100, 60_000))
        .live("A book older than this is not decided on.")
        .or("5000");
pub(super) const TAKE_PROFIT: Setting = Setting::decimal(
    "take_profit_frac",
    "fraction",
    ("0.01", "100"),
)
.live("A position is sold when the bid is by this fraction above its entry price; equal sells.")
.or("0.20");
pub(super) const STOP_LOSS: Setting = Setting::decimal("stop_loss_frac", "fraction", ("0.01", "1"))
    .live("A position is sold when the bid is by this fraction below its entry price; equal sells.")
    .or("0.15");
pub(super) const TRAILING_STOP: Setting =
    Setting::decimal("trailing_stop_frac", "fraction", ("0.01", "1"))
        .live(
            "A position that was worth more than its entry price is sold when the bid is by this \
         fraction below its highest since the entry; equal sells.",
        )
        .or("0.10");
pub(super) const EXIT_BEFORE_CLOSE: Setting =
    Setting::whole("exit_before_close_s", "seconds", (0, 86_400))
        .live("A position is sold when less than this is left. Less than left_s_min.")
        .or("30");
pub(super) const EXIT_RETRY: Setting =
    Setting::whole("exit_retry_ms", "milliseconds", (100, 30_000))
        .live("The wait after a failed exit before the next try; doubled each time, up to 30 s.")
        .or("1000");

pub(super) static DIRECTIONAL: [Setting; 26] = [
    MODE.or("directional"),
    BTC.prefixes,
    ETH.prefixes,
    SOL.prefixes,
    XRP.prefixes,
    SIZE,
    ENTRY_PRICE_MIN,
    ENTRY_PRICE_MAX.or("0.55"),
    VALUE_MIN,
    RESERVE,
    SETTLEMENT,
    BTC.sigma,
    ETH.sigma,
    SOL.sigma,
    XRP.sigma,
    SIGMA_MIN,
    LEFT_MIN,
    LEFT_MAX,
    COOLDOWN,
    DAILY_MAX,
    POSITIONS_MAX,
    WINDOW_EXPOSURE_MAX,
    BEST_EDGE_ONLY,
    SIGNAL_DELAY,
    SPOT_AGE_MAX,
    BOOK_AGE_MAX,
];

pub(super) static PREDICTIVE: [Setting; 27] = [
    MODE.or("directional"),
    BTC.prefixes,
    ETH.prefixes,
    SOL.prefixes,
    XRP.prefixes,
    SIZE,
    ENTRY_PRICE_MAX.or("0.35"),
    MOVE_MIN,
    BTC.baseline,
    ETH.baseline,
    SOL.baseline,
    XRP.baseline,
    EDGE_MIN,
    LEFT_MIN,
    COOLDOWN,
    DAILY_MAX,
    POSITIONS_MAX,
    WINDOW_EXPOSURE_MAX,
    BEST_EDGE_ONLY,
    SIGNAL_DELAY,
    SPOT_AGE_MAX,
    BOOK_AGE_MAX,
    TAKE_PROFIT,
    STOP_LOSS,
    TRAILING_STOP,
    EXIT_BEFORE_CLOSE,
    EXIT_RETRY,
];

pub(super) static CONFIRMATORY: [Setting; 23] = [
    MODE.or("directional"),
    BTC.prefixes,
    ETH.prefixes,
    SOL.prefixes,
    XRP.prefixes,
    SIZE,
    ENTRY_PRICE_MAX.or("0.35"),
    MOVE_MIN,
    BTC.baseline,
    ETH.baseline,
    SOL.baseline,
    XRP.baseline,
    EDGE_MIN,
    LEFT_MIN,
    LEFT_MAX,
    COOLDOWN,
    DAILY_MAX,
    POSITIONS_MAX,
    WINDOW_EXPOSURE_MAX,
    BEST_EDGE_ONLY,
    SIGNAL_DELAY,
    SPOT_AGE_MAX,
    BOOK_AGE_MAX,
];

pub(super) const BY_CHANCE: &str =
    "only mode \"directional\" has it; the others do not reckon with the strike";
pub(super) const BY_TREND: &str =
    "mode \"directional\" does not have it; it does not look at the momentum";
pub(super) const BY_RULES: &str = "only mode \"predictive\" has it; the others hold to resolution";
pub(super) const UNLIMITED: &str =
    "mode \"predictive\" does not have it; it takes the market with the most time left";

pub(super) static NOT_DIRECTIONAL: [(&str, &str); 11] = [
    (MOVE_MIN.key, BY_TREND),
    (EDGE_MIN.key, BY_TREND),
    (BTC.baseline.key, BY_TREND),
    (ETH.baseline.key, BY_TREND),
    (SOL.baseline.key, BY_TREND),
    (XRP.baseline.key, BY_TREND),
    (TAKE_PROFIT.key, BY_RULES),
    (STOP_LOSS.key, BY_RULES),
    (TRAILING_STOP.key, BY_RULES),
    (EXIT_BEFORE_CLOSE.key, BY_RULES),
    (EXIT_RETRY.key, BY_RULES),
];
pub(super) static NOT_PREDICTIVE: [(&str, &str); 10] = [
    (ENTRY_PRICE_MIN.key, BY_CHANCE),
    (VALUE_MIN.key, BY_CHANCE),
    (RESERVE.key, BY_CHANCE),
    (SETTLEMENT.key, BY_CHANCE),
    (BTC.sigma.key, BY_CHANCE),
    (ETH.sigma.key, BY_CHANCE),
    (SOL.sigma.key, BY_CHANCE),
    (XRP.sigma.key, BY_CHANCE),
    (SIGMA_MIN.key, BY_CHANCE),
    (LEFT_MAX.key, UNLIMITED),
];
pub(super) static NOT_CONFIRMATORY: [(&str, &str); 14] = [
    (ENTRY_PRICE_MIN.key, BY_CHANCE),
    (VALUE_MIN.key, BY_CHANCE),
    (RESERVE.key, BY_CHANCE),
    (SETTLEMENT.key, BY_CHANCE),
    (BTC.sigma.key, BY_CHANCE),
    (ETH.sigma.key, BY_CHANCE),
    (SOL.sigma.key, BY_CHANCE),
    (XRP.sigma.key, BY_CHANCE),
    (SIGMA_MIN.key, BY_CHANCE),
    (TAKE_PROFIT.key, BY_RULES),
    (STOP_LOSS.key, BY_RULES),
    (TRAILING_STOP.key, BY_RULES),
    (EXIT_BEFORE_CLOSE.key, BY_RULES),
    (EXIT_RETRY.key, BY_RULES),
];
