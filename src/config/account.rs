//! The settings of `[account]`: what all strategies together may do at most. No limit has a default.

use std::time::Duration;

use crate::risk::{AccountLimits, DayLimits, RateLimit};

use super::setting::{Range, Setting};
use super::values::Values;

const OPEN_ORDERS_MAX: Setting = Setting::whole("open_orders_max", "orders", (1, 10_000))
    .restart("How many orders of all strategies may be open at once; protective ones are not refused for it.");
const OPEN_NOTIONAL_MAX: Setting =
    usdc("open_notional_max_usdc").restart(
        "What the open orders of all strategies may come to at their limits, fees of purchases included.",
    );
const GROSS_EXPOSURE_MAX: Setting = usdc("gross_exposure_max_usdc")
    .restart("What all that is held has cost, and open purchases may still cost, together.");
const MARKET_EXPOSURE_MAX: Setting = usdc("market_exposure_max_usdc").restart(
    "What all strategies together may lose in one market at resolution, open orders included.",
);
const EVENT_EXPOSURE_MAX: Setting = usdc("event_exposure_max_usdc")
    .restart("What all strategies together may lose in all markets of one event.");
const SYMBOL_EXPOSURE_MAX: Setting = usdc("symbol_exposure_max_usdc")
    .restart("What all strategies together may lose in all markets on one underlying.");
const WORST_LOSS_MAX: Setting = usdc("worst_loss_max_usdc").restart(
    "What all strategies together may lose in all markets at resolution; a neg-risk event is taken as one.",
);
const DAILY_LOSS_MAX: Setting = usdc("daily_loss_max_usdc").restart(
    "What all strategies together may lose in a day, realised or not, before entries wait for the next one.",
);
const DAY_STARTS_AT: Setting =
    Setting::whole("day_starts_at_min", "minutes after midnight", (0, 1439))
        .restart("When a day of the account begins, by the clocks of day_zone.");
const DAY_ZONE: Setting = Setting::other("day_zone", Range::Zone)
.or("UTC").restart(
    "By whose clocks a day of the account begins. Days on which these are put forward or back are shorter or longer.",
);
const DRAWDOWN_MAX: Setting = usdc("drawdown_max_usdc").restart(
    "How far the equity of all strategies may fall from its peak before entries wait for a person.",
);
const ORDER_RATE: Setting = Setting::whole("order_rate_per_minute", "orders a minute", (1, 60_000))
    .restart("How many orders of all strategies a minute may be sent in the long run.");
const ORDER_BURST: Setting = Setting::whole("order_burst", "orders", (1, 10_000)).restart(
    "How many orders of all strategies may be sent at once before that rate binds. Protective ones may overdraw it once \
     more.",
);
const CANCEL_RATE: Setting =
    Setting::whole("cancel_rate_per_minute", "cancels a minute", (1, 60_000)).restart(
        "How many cancels a minute there may be in the long run before no entry may rest.",
    );
const CANCEL_BURST: Setting = Setting::whole("cancel_burst", "cancels", (1, 10_000)).restart(
    "How many cancels there may be at once before that rate binds. No cancel is held back.",
);
const MARK_AGE_MAX: Setting = Setting::whole("mark_age_s_max", "seconds", (1, 86_400)).restart(
    "How old a bid may be; shares without a younger one count as worth nothing where an entry asks.",
);

pub(super) static ACCOUNT: [Setting; 16] = [
    OPEN_ORDERS_MAX,
    OPEN_NOTIONAL_MAX,
    GROSS_EXPOSURE_MAX,
    MARKET_EXPOSURE_MAX,
    EVENT_EXPOSURE_MAX,
    SYMBOL_EXPOSURE_MAX,
    WORST_LOSS_MAX,
    DAILY_LOSS_MAX,
    DAY_STARTS_AT,
    DAY_ZONE,
    DRAWDOWN_MAX,
    ORDER_RATE,
    ORDER_BURST,
    CANCEL_RATE,
    CANCEL_BURST,
    MARK_AGE_MAX,
];

/// Reads the limits.
pub(super) fn limits(values: &Values) -> Option<AccountLimits> {
    let minutes: u64 = values.whole(&DAY_STARTS_AT)?;
    Some(AccountLimits {
        open_orders_max: values.whole(&OPEN_ORDERS_MAX)?,
        open_notional_max_usdc: values.usdc(&OPEN_NOTIONAL_MAX)?,
        gross_exposure_max_usdc: values.usdc(&GROSS_EXPOSURE_MAX)?,
        market_exposure_max_usdc: values.usdc(&MARKET_EXPOSURE_MAX)?,
        event_exposure_max_usdc: values.usdc(&EVENT_EXPOSURE_MAX)?,
        symbol_exposure_max_usdc: values.usdc(&SYMBOL_EXPOSURE_MAX)?,
        worst_loss_max_usdc: values.usdc(&WORST_LOSS_MAX)?,
        day: DayLimits {
            loss_max_usdc: values.usdc(&DAILY_LOSS_MAX)?,
            starts_at: Duration::from_mins(minutes),
            zone: values.zone(&DAY_ZONE)?,
        },
        drawdown_max_usdc: values.usdc(&DRAWDOWN_MAX)?,
        orders: RateLimit {
            per_minute: values.whole(&ORDER_RATE)?,
            burst: values.whole(&ORDER_BURST)?,
        },
        cancels: RateLimit {
            per_minute: values.whole(&CANCEL_RATE)?,
            burst: values.whole(&CANCEL_BURST)?,
        },
        mark_age_max: values.seconds(&MARK_AGE_MAX)?,
    })
}

const fn usdc(key: &'static str) -> Setting {
    Setting::decimal(key, "USDC", ("1", "1000000"))
}
