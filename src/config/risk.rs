//! The settings of `[risk]`: what a strategy may do at most.

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{Price, Size};
use crate::risk::{DayLimits, EntryLimits, GroupLimits, Limits, SendLimits};

use super::reader::Reader;
use super::setting::{Range, Setting};
use super::values::Values;

const MARKET_EXPOSURE_MAX: Setting =
    Setting::decimal("market_exposure_max_usdc", "USDC", ("1", "1000000")).live(
        "What may be lost in one market at resolution, open orders included. At most \
         strategy_exposure_max_usdc.",
    );
const STRATEGY_EXPOSURE_MAX: Setting =
    Setting::decimal("strategy_exposure_max_usdc", "USDC", ("1", "1000000"))
        .live("What may be lost in all markets together at resolution, open orders included.");
const OPEN_ORDERS_MAX: Setting = Setting::whole("open_orders_max", "orders", (1, 1000))
    .live("How many orders may be open at once; protective ones are not refused for it.");
const ORDER_RATE: Setting = Setting::whole("order_rate_per_minute", "orders a minute", (1, 6000))
    .live("How many orders a minute may be sent in the long run.");
const ORDER_BURST: Setting = Setting::whole("order_burst", "orders", (1, 1000))
    .live("How many orders may be sent at once before that rate binds.");
const LOSS_STREAK_MAX: Setting = Setting::whole("loss_streak_max", "rounds", (1, 1000))
    .live("How many rounds in a row may be lost before entries wait.");
const LOSS_STREAK_COOLDOWN: Setting =
    Setting::whole("loss_streak_cooldown_s", "seconds", (1, 604_800))
        .live("How long entries wait after that many losses.");
const DRAWDOWN_MAX: Setting = Setting::decimal("drawdown_max_usdc", "USDC", ("1", "1000000"))
    .live("How far the equity may fall from its peak before entries wait for a person.");

const ORDER_SIZE_MAX: Setting =
    Setting::decimal("order_size_max_shares", "shares", ("1", "1000000"))
        .live("The most shares of one order that is no protection.")
        .or("1000");
const ORDER_NOTIONAL_MAX: Setting =
    Setting::decimal("order_notional_max_usdc", "USDC", ("1", "1000000"))
        .live("The most that one order that is no protection may cost at its limit, without fees.")
        .or("250");
const ENTRY_PRICE_MIN: Setting =
    Setting::decimal("entry_price_min", "USDC a share", ("0.0001", "0.9999"))
        .live("The guard's lowest limit of an entry. At most entry_price_max.")
        .or("0.01");
const ENTRY_PRICE_MAX: Setting =
    Setting::decimal("entry_price_max", "USDC a share", ("0.0001", "0.9999"))
        .live("The guard's highest limit of an entry.")
        .or("0.99");
const BOOK_DISTANCE_MAX: Setting =
    Setting::decimal("book_distance_max_frac", "fraction", ("0", "10"))
        .live("By how much of the best opposite price the limit of an entry may be beyond it.")
        .or("0.25");
const BOOK_AGE_MAX: Setting = Setting::whole("book_age_ms_max", "milliseconds", (1, 86_400_000))
    .live("The guard's oldest book for an entry, whatever the strategy accepts.")
    .or("30000");
const CLOSE_LEFT_MIN: Setting = Setting::whole("close_left_s_min", "seconds", (0, 604_800))
    .live("How long before the market's close the guard lets the last entry pass.")
    .or("0");

const DAILY_LOSS_MAX: Setting = Setting::decimal("daily_loss_max_usdc", "USDC", ("1", "1000000"))
    .live("What may be lost in a day, realised or not, before entries wait for the next one.")
    .or("100");
const DAY_STARTS_AT: Setting =
    Setting::whole("day_starts_at_min", "minutes after midnight", (0, 1439))
        .live("When a day begins, by the clocks of day_zone.")
        .or("0");
const DAY_ZONE: Setting = Setting::other("day_zone", Range::Zone)
    .live("By whose clocks a day begins. Days on which these are put forward or back are shorter or longer.")
    .or("UTC");

const REJECT_STREAK_MAX: Setting = Setting::whole("reject_streak_max", "orders", (1, 1000))
    .live("How many orders in a row the venue may refuse for what they ask before entries wait.")
    .or("5");
const FAILURE_STREAK_MAX: Setting = Setting::whole("failure_streak_max", "orders", (1, 1000))
    .live(
        "How many orders in a row may fail at the venue, refused for its own reasons or without an answer, \
         before entries wait.",
    )
    .or("3");
const VENUE_COOLDOWN: Setting = Setting::whole("venue_cooldown_s", "seconds", (1, 604_800))
    .live("How long entries wait after that many rejects or failures.")
    .or("300");

const EVENT_EXPOSURE_MAX: Setting =
    Setting::decimal("event_exposure_max_usdc", "USDC", ("1", "1000000"))
        .live("What may be lost in all markets of one event at resolution, open orders included.")
        .or("1000000");
const SYMBOL_EXPOSURE_MAX: Setting =
    Setting::decimal("symbol_exposure_max_usdc", "USDC", ("1", "1000000"))
        .live("What may be lost in all markets on one underlying, open orders included.")
        .or("1000000");
const MARK_GRACE: Setting = Setting::whole("mark_grace_s", "seconds", (0, 3600))
    .live("How long what is held is worth its last bid once nobody bids; then it is worth nothing.")
    .or("0");

pub(super) static RISK: [Setting; 24] = [
    MARKET_EXPOSURE_MAX,
    STRATEGY_EXPOSURE_MAX,
    OPEN_ORDERS_MAX,
    ORDER_RATE,
    ORDER_BURST,
    LOSS_STREAK_MAX,
    LOSS_STREAK_COOLDOWN,
    DRAWDOWN_MAX,
    ORDER_SIZE_MAX,
    ORDER_NOTIONAL_MAX,
    ENTRY_PRICE_MIN,
    ENTRY_PRICE_MAX,
    BOOK_DISTANCE_MAX,
    BOOK_AGE_MAX,
    CLOSE_LEFT_MIN,
    DAILY_LOSS_MAX,
    DAY_STARTS_AT,
    DAY_ZONE,
    REJECT_STREAK_MAX,
    FAILURE_STREAK_MAX,
    VENUE_COOLDOWN,
    EVENT_EXPOSURE_MAX,
    SYMBOL_EXPOSURE_MAX,
    MARK_GRACE,
];

/// Reads the limits.
pub(super) fn limits(values: &Values, reader: &mut Reader<'_>) -> Option<Limits> {
    let market_exposure_max_usdc = values.usdc(&MARKET_EXPOSURE_MAX);
    let strategy_exposure_max_usdc = values.usdc(&STRATEGY_EXPOSURE_MAX);
    if let (Some(market), Some(strategy)) = (market_exposure_max_usdc, strategy_exposure_max_usdc)
        && strategy < market
    {
        let problem = format!(
            "{market} USDC in one market are more than in all together; expected at most \
             strategy_exposure_max_usdc, {strategy}"
        );
        reader.clash(values, [&MARKET_EXPOSURE_MAX, &STRATEGY_EXPOSURE_MAX], problem);
    }
    let entry = entry_limits(values, reader);
    Some(Limits {
        market_exposure_max_usdc: market_exposure_max_usdc?,
        strategy_exposure_max_usdc: strategy_exposure_max_usdc?,
        open_orders_max: values.whole(&OPEN_ORDERS_MAX)?,
        order_rate_per_minute: values.whole(&ORDER_RATE)?,
        order_burst: values.whole(&ORDER_BURST)?,
        loss_streak_max: values.whole(&LOSS_STREAK_MAX)?,
        loss_streak_cooldown: values.seconds(&LOSS_STREAK_COOLDOWN)?,
        drawdown_max_usdc: values.usdc(&DRAWDOWN_MAX)?,
        entry: entry?,
        day: DayLimits {
            loss_max_usdc: values.usdc(&DAILY_LOSS_MAX)?,
            starts_at: values
                .whole(&DAY_STARTS_AT)
                .map(|min: u64| Duration::from_secs(60 * min))?,
            zone: values.zone(&DAY_ZONE)?,
        },
        sending: SendLimits {
            reject_streak_max: values.whole(&REJECT_STREAK_MAX)?,
            failure_streak_max: values.whole(&FAILURE_STREAK_MAX)?,
            cooldown: values.seconds(&VENUE_COOLDOWN)?,
        },
        groups: GroupLimits {
            event_exposure_max_usdc: values.usdc(&EVENT_EXPOSURE_MAX)?,
            symbol_exposure_max_usdc: values.usdc(&SYMBOL_EXPOSURE_MAX)?,
        },
        mark_grace: values.seconds(&MARK_GRACE)?,
    })
}

fn entry_limits(values: &Values, reader: &mut Reader<'_>) -> Option<EntryLimits> {
    let (price_min, price_max) = (price(values, &ENTRY_PRICE_MIN), price(values, &ENTRY_PRICE_MAX));
    if let (Some(min), Some(max)) = (price_min, price_max)
        && max < min
    {
        let problem = format!(
            "{min} USDC a share are more than the highest limit; expected at most entry_price_max, {max}"
        );
        reader.clash(values, [&ENTRY_PRICE_MIN, &ENTRY_PRICE_MAX], problem);
    }
    Some(EntryLimits {
        size_max: values
            .micros(&ORDER_SIZE_MAX)
            .and_then(|micros| Size::from_micros(micros).ok())?,
        notional_max_usdc: values.usdc(&ORDER_NOTIONAL_MAX)?,
        price_min: price_min?,
        price_max: price_max?,
        book_distance_max: values.micros(&BOOK_DISTANCE_MAX).map(Frac::from_micros)?,
        book_age_max: values.millis(&BOOK_AGE_MAX)?,
        close_left_min: values.seconds(&CLOSE_LEFT_MIN)?,
    })
}

fn price(values: &Values, setting: &Setting) -> Option<Price> {
    Price::from_micros(values.micros(setting)?).ok()
}
