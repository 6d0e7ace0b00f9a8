//! The settings of `split_arb`: one declaration each, one list a style, and the typed value built from them.

use crate::price::{Price, Size, Usdc, decimal};
use crate::strategy::split_arb::{Config, Style};

use super::reader::Reader;
use super::setting::{Range, Section, Setting};
use super::value::Value;
use super::values::Values;

pub(super) const STYLES: [Style; 2] = [Style::Legged, Style::Simultaneous];

pub(super) const STYLE: Setting = Setting::other("style", Range::Word(&["legged", "simultaneous"]))
    .restart(
        "`legged` buys one cheap leg now and its hedge when the price has moved; \
         `simultaneous` buys both legs as fast as fills allow, when both together are cheap \
         now.",
    );
const MARKET_PREFIXES: Setting = Setting::other("market_prefixes", Range::Texts)
    .restart("Markets whose slug begins with one of these are traded.");
const SIZE: Setting = Setting::decimal("size_shares", "shares", ("5", "1000000"))
    .live("Shares of the first leg; the hedge is as large as what was filled of it.");
const ENTRY_PRICE_MAX: Setting =
    Setting::decimal("entry_price_max_usdc", "USDC a share", ("0.001", "0.999")).live(
        "The highest ask at which a first leg is bought; equal passes. Below target_sum_usdc.",
    );
const TARGET_SUM: Setting = Setting::decimal("target_sum_usdc", "USDC a pair", ("0.01", "1")).live(
    "What both legs together may cost. Legged: equal passes. Simultaneous: both asks \
         must stay below.",
);
const HEDGE_SLACK: Setting = Setting::decimal("hedge_slack_usdc", "USDC a share", ("0", "1"))
    .live("How far above a fitting hedge the other ask may be when the first leg is bought.");
const PROFIT_MIN: Setting = Setting::decimal("profit_min_usdc", "USDC a pair", ("0", "1"))
    .live("What a pair must bring after fees; equal passes.");
const HEDGE_WAIT_MAX: Setting = Setting::whole("hedge_wait_s_max", "seconds", (1, 86_400))
    .live("How long a leg waits for its hedge before it is sold; exactly that long still waits.");
const UNHEDGED_MAX: Setting = Setting::whole("unhedged_max", "legs", (1, 1000))
    .live("How many unhedged legs may be open at once; one too small to be sold does not count.");
const UNHEDGED_STOP: Setting = Setting::decimal("unhedged_stop_frac", "fraction", ("0.01", "1"))
    .live(
        "By what fraction of its entry price the bid of a leg may fall before it is sold; \
         equal sells.",
    );
const EXIT_BEFORE_CLOSE: Setting = Setting::whole("exit_before_close_s", "seconds", (0, 86_400))
    .live(
        "A leg is sold when less than this is left until the market closes; no leg is bought \
         then either.",
    );
const BOOK_AGE_MAX: Setting = Setting::whole("book_age_ms_max", "milliseconds", (100, 60_000))
    .live("A book older than this is not decided on.");
const BOOK_SKEW_MAX: Setting = Setting::whole("book_skew_ms_max", "milliseconds", (0, 60_000))
    .live("How far apart the instants of the two books of a market may be.");
const EXIT_RETRY: Setting = Setting::whole("exit_retry_ms", "milliseconds", (100, 30_000))
    .live("The wait after a failed exit before the next try; doubled each time, up to 30 s.");

static LEGGED: [Setting; 14] = [
    STYLE,
    MARKET_PREFIXES,
    SIZE.or("100"),
    ENTRY_PRICE_MAX.or("0.35"),
    TARGET_SUM.or("0.70"),
    HEDGE_SLACK.or("0.10"),
    PROFIT_MIN.or("0.05"),
    HEDGE_WAIT_MAX.or("900"),
    UNHEDGED_MAX.or("3"),
    UNHEDGED_STOP.or("0.10"),
    EXIT_BEFORE_CLOSE.or("30"),
    BOOK_AGE_MAX.or("5000"),
    BOOK_SKEW_MAX.or("500"),
    EXIT_RETRY.or("1000"),
];

static SIMULTANEOUS: [Setting; 13] = [
    STYLE,
    MARKET_PREFIXES,
    SIZE.or("50"),
    ENTRY_PRICE_MAX.or_derived("half of target_sum_usdc"),
    TARGET_SUM.or("0.98"),
    PROFIT_MIN.or("0.02"),
    HEDGE_WAIT_MAX.or("30"),
    UNHEDGED_MAX.or("3"),
    UNHEDGED_STOP.or("0.10"),
    EXIT_BEFORE_CLOSE.or("30"),
    BOOK_AGE_MAX.or("5000"),
    BOOK_SKEW_MAX.or("500"),
    EXIT_RETRY.or("1000"),
];

/// Returns the word for a style in files and answers.
pub(super) const fn style_name(style: Style) -> &'static str {
    match style {
        Style::Legged => "legged",
        Style::Simultaneous => "simultaneous",
    }
}

/// Returns the section `[settings]` of a style.
pub(super) const fn section(style: Style) -> Section {
    match style {
        Style::Legged => Section::new("settings", &LEGGED),
        Style::Simultaneous => Section {
            name: "settings",
            settings: &SIMULTANEOUS,
            refused: &[(
                HEDGE_SLACK.key,
                "only style \"legged\" has it; \"simultaneous\" buys no leg whose hedge is not cheap now",
            )],
        },
    }
}

/// Builds the typed settings; what was at fault has been noted.
pub(super) fn config(values: &mut Values, reader: &mut Reader<'_>) -> Option<Config> {
    let style = values.word(&STYLE, &STYLES, style_name)?;
    if style == Style::Simultaneous {
        derive(values);
    }
    if let (Some(entry), Some(target)) =
        (values.micros(&ENTRY_PRICE_MAX), values.micros(&TARGET_SUM))
        && target <= entry
    {
        let problem = format!(
            "an entry at {} USDC leaves nothing for the other leg; expected less than target_sum_usdc, {}",
            decimal(entry),
            decimal(target)
        );
        reader.clash(values, [&ENTRY_PRICE_MAX, &TARGET_SUM], problem);
    }
    Some(Config {
        style,
        market_prefixes: values.texts(&MARKET_PREFIXES)?,
        size: Size::from_micros(values.micros(&SIZE)?).ok()?,
        entry_price_max: Price::from_micros(values.micros(&ENTRY_PRICE_MAX)?).ok()?,
        target_sum_usdc: values.usdc(&TARGET_SUM)?,
        hedge_slack_usdc: match style {
            Style::Legged => values.usdc(&HEDGE_SLACK)?,
            Style::Simultaneous => Usdc::ZERO,
        },
        profit_min_usdc: values.usdc(&PROFIT_MIN)?,
        hedge_wait_max: values.seconds(&HEDGE_WAIT_MAX)?,
        unhedged_max: values.whole(&UNHEDGED_MAX)?,
        unhedged_stop_frac: values.usdc(&UNHEDGED_STOP)?,
        exit_before_close: values.seconds(&EXIT_BEFORE_CLOSE)?,
        book_age_max: values.millis(&BOOK_AGE_MAX)?,
        book_skew_max: values.millis(&BOOK_SKEW_MAX)?,
        exit_retry: values.millis(&EXIT_RETRY)?,
    })
}

/// Fills in the defaults that follow from other settings.
fn derive(values: &mut Values) {
    if values.micros(&ENTRY_PRICE_MAX).is_some() {
        return;
    }
    if let Some(target) = values.micros(&TARGET_SUM) {
        values.set(ENTRY_PRICE_MAX.key, Value::Decimal(target / 2), None);
    }
}
