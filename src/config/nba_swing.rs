//! The settings of `nba_swing`: one declaration each, one list, and the typed value built from them.

use crate::numbers::Frac;
use crate::price::{MICROS, Price, Size, Usdc, decimal};
use crate::strategy::nba_swing::config::{
    Coefficients, Config, Entry, Exit, Filters, Training, Urgency,
};
use crate::strategy::nba_swing::teams::TeamCodes;

use super::reader::Reader;
use super::setting::{Range, Section, Setting};
use super::values::Values;

const TEAM_CODES: [TeamCodes; 1] = [TeamCodes::Nba];
/// What the file says of coefficients that nobody fitted.
const UNTRAINED: &str = "untrained";
/// The smallest order of the venue's markets, in shares.
const ORDER_MIN_SHARES: i64 = 5;

const MARKET_PREFIX: Setting = Setting::other("market_prefix", Range::Text).restart(
    "Markets whose slug begins with this are watched; those that go on with <guest>-<host>-<date>, and \
     nothing more, are traded.",
);
const TEAMS: Setting = Setting::other("team_codes", Range::Word(&["nba"])).restart(
    "The table that tells which codes of games and slugs mean the same team, and the league.",
);
const POSITION_MAX: Setting =
    Setting::decimal("position_max_usdc", "USDC", ("1", "1000000")).live(
        "What a position may cost at its limit; its shares are this divided by the ask, with two decimals.",
    );

const COEFFICIENTS_FROM: Setting = Setting::other("coefficients_from", Range::Text).restart(
    "The file in which the coefficients below were fitted to games, for the status to say; it is not read. \
     `untrained` says that nobody fitted them.",
);

const fn weight(key: &'static str, unit: &'static str) -> Setting {
    Setting::decimal(key, unit, ("-10", "10"))
}

const LEAD_WEIGHT: Setting =
    weight("lead_weight", "logits a point").live("What a point of the lead adds to the logit.");
const MINUTE_WEIGHT: Setting =
    weight("minute_weight", "logits a minute").live("What a minute left in the game adds.");
const BALL_WEIGHT: Setting = weight("ball_weight", "logits")
    .live("What having the ball adds; half of it where nobody knows.");
const SPREAD_WEIGHT: Setting = weight("spread_weight", "logits a point")
    .live("What a point of the spread before the game adds. No event tells the spread yet: it counts as 0.");
const ELO_WEIGHT: Setting = weight("elo_weight", "logits a rating point").live(
    "What a point of the ratings' difference adds. No event tells ratings yet: they count as 0.",
);
const SECOND_QUARTER_WEIGHT: Setting =
    weight("second_quarter_weight", "logits").live("What the second quarter adds.");
const THIRD_QUARTER_WEIGHT: Setting =
    weight("third_quarter_weight", "logits").live("What the third quarter adds.");
const FOURTH_QUARTER_WEIGHT: Setting =
    weight("fourth_quarter_weight", "logits").live("What the fourth quarter adds.");
const LEAD_MINUTE_WEIGHT: Setting = weight("lead_minute_weight", "logits a point and minute").live(
    "What a point of the lead adds for each minute left. Above zero a lead counts more the more time is left, \
     which is doubtful.",
);
const FOURTH_QUARTER_LEAD_WEIGHT: Setting = weight("fourth_quarter_lead_weight", "logits a point")
    .live("What a point of the lead adds in the fourth quarter, beside lead_weight.");

const SPREAD_MAX: Setting = Setting::decimal("spread_max_usdc", "USDC a share", ("0", "1"))
    .live("How far the best ask may be above the best bid for an entry.");
const SPREAD_FRAC_MAX: Setting = Setting::decimal("spread_frac_max", "fraction", ("0", "2"))
    .live("The same as a fraction of the middle between them: one cent at 0.455 is 0.022.");
const DEPTH_MIN: Setting = Setting::decimal("depth_min_usdc", "USDC", ("0", "1000000"))
    .live("What all bids and asks together must be worth for an entry.");
const BEST_DEPTH_MIN: Setting = Setting::decimal("best_depth_min_usdc", "USDC", ("0", "1000000"))
    .live("What the best bid and the best ask together must be worth for an entry.");
const VELOCITY_MAX: Setting = Setting::decimal("velocity_max_usdc_s", "USDC a second", ("0", "1"))
    .live("How fast the middle may move for an entry, either way.");
const VELOCITY_WINDOW: Setting = Setting::whole("velocity_window_s", "seconds", (1, 60))
    .live("The time over which that is measured, from its first quote to its last.");
const LAG_MAX: Setting = Setting::whole("lag_ms_max", "milliseconds", (0, 60_000)).live(
    "How far the book may be behind the newest event of its market, a trade or the other outcome's book, for \
     an entry.",
);
const QUOTE_AGE_MAX: Setting = Setting::whole("quote_age_ms_max", "milliseconds", (0, 60_000))
    .live("How old the book may be for an entry; book_age_ms_max binds before it.");
const SAME_SIDE_MAX: Setting = Setting::whole("same_side_max", "trades", (1, 1000))
    .live("How many trades in a row may have gone the same way for an entry.");
const TRADES_MIN: Setting = Setting::whole("trades_min", "trades", (0, 1000))
    .live("How many trades there should be before an entry; fewer only warn.");
const TRADES_WINDOW: Setting = Setting::whole("trades_window_s", "seconds", (1, 3600))
    .live("The time over which trades are looked at.");
const IMBALANCE_MAX: Setting = Setting::decimal("imbalance_frac_max", "fraction", ("0", "1"))
    .live("How much bids and asks may outweigh each other for an entry, as a fraction of both.");

const PRICE_MIN: Setting = Setting::decimal("price_min_usdc", "USDC a share", ("0.001", "0.999"))
    .live("The lowest ask that is bought: below it hardly anybody trades.");
const PRICE_MAX: Setting = Setting::decimal("price_max_usdc", "USDC a share", ("0.001", "0.999"))
    .live(
        "The highest ask that is bought: above it little is left to win. At least price_min_usdc.",
    );
const EDGE_MIN: Setting = Setting::decimal("edge_min_usdc", "USDC a share", ("0", "1"))
    .live("By how much the probability must be above the ask.");
const CONFIDENCE_MIN: Setting = Setting::decimal("confidence_min", "fraction", ("0", "1"))
    .live("How sure the model must be: 1 less its uncertainty.");
const FEE_FRAC: Setting = Setting::decimal("fee_frac", "fraction", ("0", "1")).live(
    "What fees are taken for at least, as a fraction of the price; the market's own where dearer.",
);
const SLIPPAGE: Setting = Setting::decimal("slippage_usdc", "USDC a share", ("0", "1"))
    .live("What is taken for slippage.");
const EV_MIN: Setting = Setting::decimal("net_ev_min_usdc", "USDC a share", ("0", "1"))
    .live("What must be expected after fees and slippage.");

const URGENCY: Range = Range::Word(&["low", "medium", "high", "critical"]);

const EXIT_EDGE_MIN: Setting = Setting::decimal("exit_edge_min_usdc", "USDC a share", ("-1", "1"))
    .live(
        "All is sold when the probability less the bid is below this. Below partial_edge_max_usdc.",
    );
const EDGE_URGENCY: Setting = Setting::other("exit_edge_urgency", URGENCY).live(
    "How that is sold: `low` asks the ask, which only a risen book gives; `medium` takes the bid; `high` goes \
     two steps below it; `critical` takes any price. Nothing rests: what is not had at once is asked for again.",
);
const LIQUIDITY_MIN: Setting = Setting::decimal("liquidity_min", "times", ("0", "1000"))
    .live("All is sold when the book is worth less than so many times what is held.");
const LIQUIDITY_URGENCY: Setting =
    Setting::other("liquidity_urgency", URGENCY).live("How that is sold.");
const TRAILING_STOP: Setting = Setting::decimal("trailing_stop_frac", "fraction", ("0", "1")).live(
    "All is sold when the bid is further below its peak than this fraction of it; 1 is never.",
);
const TRAILING_URGENCY: Setting =
    Setting::other("trailing_urgency", URGENCY).live("How that is sold.");
const PARTIAL_EDGE_MAX: Setting =
    Setting::decimal("partial_edge_max_usdc", "USDC a share", ("-1", "1"))
        .live("Half is sold at a gain when the probability less the bid is below this.");
const PARTIAL_HELD: Setting = Setting::decimal("partial_held_frac_min", "fraction", ("0.5", "1"))
    .live("That only while more than this fraction of what was bought is held, which is once.");
const PARTIAL_URGENCY: Setting =
    Setting::other("partial_urgency", URGENCY).live("How that is sold.");
const TIME_STOP: Setting = Setting::whole("time_stop_s", "seconds", (0, 720)).live(
    "All is sold when less than this is left of the fourth quarter and too little was gained.",
);
const TIME_STOP_GAIN: Setting = Setting::decimal("time_stop_gain_frac", "fraction", ("-1", "100"))
    .live("What gain, as a fraction of the entry price, is enough to go on then; equal is enough.");
const TIME_URGENCY: Setting = Setting::other("time_urgency", URGENCY).live("How that is sold.");

const GAME_AGE_MAX: Setting = Setting::whole("game_age_s_max", "seconds", (1, 600))
    .live("A state of the game older than this is not decided on.");
const BOOK_AGE_MAX: Setting = Setting::whole("book_age_ms_max", "milliseconds", (100, 60_000))
    .live("A book older than this is not decided on.");
const RESET_AFTER: Setting = Setting::whole("reset_after_s", "seconds", (0, 86_400))
    .live("How long a market rests after its shares were sold before it is entered again.");
const EXIT_RETRY: Setting = Setting::whole("exit_retry_ms", "milliseconds", (100, 30_000))
    .live("The wait after a failed exit before the next try; doubled each time, up to 30 s.");

static SETTINGS: [Setting; 49] = [
    MARKET_PREFIX.or("nba-"),
    TEAMS.or("nba"),
    POSITION_MAX.begin("10"),
    COEFFICIENTS_FROM.or(UNTRAINED),
    LEAD_WEIGHT.or("0.15"),
    MINUTE_WEIGHT.or("-0.02"),
    BALL_WEIGHT.or("0.05"),
    SPREAD_WEIGHT.or("0.03"),
    ELO_WEIGHT.or("0.001"),
    SECOND_QUARTER_WEIGHT.or("0"),
    THIRD_QUARTER_WEIGHT.or("0"),
    FOURTH_QUARTER_WEIGHT.or("0.1"),
    LEAD_MINUTE_WEIGHT.or("0.005"),
    FOURTH_QUARTER_LEAD_WEIGHT.or("0.02"),
    SPREAD_MAX.or("0.05"),
    SPREAD_FRAC_MAX.or("0.02"),
    DEPTH_MIN.or("1000"),
    BEST_DEPTH_MIN.or("100"),
    VELOCITY_MAX.or("0.01"),
    VELOCITY_WINDOW.or("10"),
    LAG_MAX.or("2000"),
    QUOTE_AGE_MAX.or("5000"),
    SAME_SIDE_MAX.or("5"),
    TRADES_MIN.or("3"),
    TRADES_WINDOW.or("60"),
    IMBALANCE_MAX.or("0.8"),
    PRICE_MIN.or("0.05"),
    PRICE_MAX.or("0.80"),
    EDGE_MIN.or("0.05"),
    CONFIDENCE_MIN.or("0.70"),
    FEE_FRAC.or("0.02"),
    SLIPPAGE.or("0.005"),
    EV_MIN.or("0.02"),
    EXIT_EDGE_MIN.or("-0.01"),
    EDGE_URGENCY.or("medium"),
    LIQUIDITY_MIN.or("2"),
    LIQUIDITY_URGENCY.or("high"),
    TRAILING_STOP.or("0.10"),
    TRAILING_URGENCY.or("medium"),
    PARTIAL_EDGE_MAX.or("0.02"),
    PARTIAL_HELD.or("0.6"),
    PARTIAL_URGENCY.or("medium"),
    TIME_STOP.or("120"),
    TIME_STOP_GAIN.or("0.10"),
    TIME_URGENCY.or("medium"),
    GAME_AGE_MAX.or("60"),
    BOOK_AGE_MAX.or("5000"),
    RESET_AFTER.or("300"),
    EXIT_RETRY.or("1000"),
];

/// Returns the section `[settings]`.
pub(super) const fn section() -> Section {
    Section::new("settings", &SETTINGS)
}

/// Builds the typed settings; what was at fault has been noted.
pub(super) fn config(values: &Values, reader: &mut Reader<'_>) -> Option<Config> {
    let (entry, exit) = (entry(values, reader), exit(values, reader));
    let coefficients = coefficients(values);
    let training = training(values, coefficients, reader);
    size_fits(values, reader);
    Some(Config {
        market_prefix: values.text(&MARKET_PREFIX)?,
        team_codes: values.word(&TEAMS, &TEAM_CODES, |codes| match codes {
            TeamCodes::Nba => "nba",
        })?,
        position_max_usdc: values.usdc(&POSITION_MAX)?,
        coefficients: coefficients?,
        training: training?,
        filters: filters(values)?,
        entry: entry?,
        exit: exit?,
        game_age_max: values.seconds(&GAME_AGE_MAX)?,
        book_age_max: values.millis(&BOOK_AGE_MAX)?,
        reset_after: values.seconds(&RESET_AFTER)?,
        exit_retry: values.millis(&EXIT_RETRY)?,
    })
}

fn coefficients(values: &Values) -> Option<Coefficients> {
    Some(Coefficients {
        lead: values.micros(&LEAD_WEIGHT)?,
        minute: values.micros(&MINUTE_WEIGHT)?,
        ball: values.micros(&BALL_WEIGHT)?,
        spread: values.micros(&SPREAD_WEIGHT)?,
        elo: values.micros(&ELO_WEIGHT)?,
        second_quarter: values.micros(&SECOND_QUARTER_WEIGHT)?,
        third_quarter: values.micros(&THIRD_QUARTER_WEIGHT)?,
        fourth_quarter: values.micros(&FOURTH_QUARTER_WEIGHT)?,
        lead_minute: values.micros(&LEAD_MINUTE_WEIGHT)?,
        fourth_quarter_lead: values.micros(&FOURTH_QUARTER_LEAD_WEIGHT)?,
    })
}

/// Returns where the coefficients come from. The placeholders themselves come from no fit, whatever file is named.
fn training(
    values: &Values,
    coefficients: Option<Coefficients>,
    reader: &mut Reader<'_>,
) -> Option<Training> {
    let file = values.text(&COEFFICIENTS_FROM)?;
    if file == UNTRAINED {
        return Some(Training::Untrained);
    }
    if coefficients == Some(Coefficients::UNTRAINED) {
        let problem = format!(
            "the coefficients are still the untrained ones; expected those that were fitted in {file}, or \
             \"{UNTRAINED}\""
        );
        reader.clash(values, [&COEFFICIENTS_FROM, &LEAD_WEIGHT], problem);
    }
    Some(Training::Fitted { file })
}

fn frac(values: &Values, setting: &Setting) -> Option<Frac> {
    values.micros(setting).map(Frac::from_micros)
}

fn filters(values: &Values) -> Option<Filters> {
    Some(Filters {
        spread_max_usdc: values.usdc(&SPREAD_MAX)?,
        spread_frac_max: frac(values, &SPREAD_FRAC_MAX)?,
        depth_min_usdc: values.usdc(&DEPTH_MIN)?,
        best_depth_min_usdc: values.usdc(&BEST_DEPTH_MIN)?,
        velocity_max_usdc: values.usdc(&VELOCITY_MAX)?,
        velocity_window: values.seconds(&VELOCITY_WINDOW)?,
        lag_max: values.millis(&LAG_MAX)?,
        quote_age_max: values.millis(&QUOTE_AGE_MAX)?,
        same_side_max: values.whole(&SAME_SIDE_MAX)?,
        trades_min: values.whole(&TRADES_MIN)?,
        trades_window: values.seconds(&TRADES_WINDOW)?,
        imbalance_frac_max: frac(values, &IMBALANCE_MAX)?,
    })
}

fn entry(values: &Values, reader: &mut Reader<'_>) -> Option<Entry> {
    let price = |setting| values.usdc(setting).and_then(|amount| amount.to_price().ok());
    let (min, max): (Option<Price>, Option<Price>) = (price(&PRICE_MIN), price(&PRICE_MAX));
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        let problem = format!(
            "no ask is between {min} and {max} USDC; expected at most price_max_usdc, {max}"
        );
        reader.clash(values, [&PRICE_MIN, &PRICE_MAX], problem);
    }
    Some(Entry {
        price_min: min?,
        price_max: max?,
        edge_min_usdc: values.usdc(&EDGE_MIN)?,
        confidence_min: frac(values, &CONFIDENCE_MIN)?,
        fee_frac: frac(values, &FEE_FRAC)?,
        slippage_usdc: values.usdc(&SLIPPAGE)?,
        ev_min_usdc: values.usdc(&EV_MIN)?,
    })
}

fn exit(values: &Values, reader: &mut Reader<'_>) -> Option<Exit> {
    let urgency = |setting| values.word(setting, &Urgency::ALL, Urgency::name);
    let (all, half) = (values.usdc(&EXIT_EDGE_MIN), values.usdc(&PARTIAL_EDGE_MAX));
    if let (Some(all), Some(half)) = (all, half)
        && half <= all
    {
        let problem = format!(
            "all is sold below an edge of {all} USDC, so half never is; expected less than \
             partial_edge_max_usdc, {half}"
        );
        reader.clash(values, [&EXIT_EDGE_MIN, &PARTIAL_EDGE_MAX], problem);
    }
    Some(Exit {
        edge_min_usdc: all?,
        edge_urgency: urgency(&EDGE_URGENCY)?,
        liquidity_min: frac(values, &LIQUIDITY_MIN)?,
        liquidity_urgency: urgency(&LIQUIDITY_URGENCY)?,
        trailing_stop_frac: frac(values, &TRAILING_STOP)?,
        trailing_urgency: urgency(&TRAILING_URGENCY)?,
        partial_edge_max_usdc: half?,
        partial_held_frac: frac(values, &PARTIAL_HELD)?,
        partial_urgency: urgency(&PARTIAL_URGENCY)?,
        time_stop: values.seconds(&TIME_STOP)?,
        time_stop_gain_frac: frac(values, &TIME_STOP_GAIN)?,
        time_urgency: urgency(&TIME_URGENCY)?,
    })
}

/// Notes that the dearest share that is bought is too dear for the venue's smallest order.
fn size_fits(values: &Values, reader: &mut Reader<'_>) {
    let price = values.usdc(&PRICE_MAX).and_then(|amount| amount.to_price().ok());
    let least = Size::from_micros(ORDER_MIN_SHARES * MICROS).unwrap_or_default();
    if let (Some(price), Some(max)) = (price, values.usdc(&POSITION_MAX))
        && Size::affordable(max, price) < least
    {
        let needed = Usdc::from(price).times(least, crate::price::Rounding::Up);
        let problem = format!(
            "{} USDC buy fewer than {ORDER_MIN_SHARES} shares at price_max_usdc, {price}, which the venue \
             refuses; expected at least {needed}",
            decimal(max.micros())
        );
        reader.clash(values, [&POSITION_MAX, &PRICE_MAX], problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Fault, Kind, StrategyConfig};
    use crate::strategy::nba_swing::tests::config as pinned;

    /// The least that a file must say; `LINES` stands for more settings.
    const LEAST: &str = "[strategy]
kind = \"nba_swing\"
enabled = true
[settings]
position_max_usdc = 25
LINES
[risk]
market_exposure_max_usdc = 25
strategy_exposure_max_usdc = 100
open_orders_max = 4
order_rate_per_minute = 60
order_burst = 10
loss_streak_max = 5
loss_streak_cooldown_s = 1800
drawdown_max_usdc = 50
";

    fn load(lines: &str) -> Result<StrategyConfig, Vec<Fault>> {
        let text = LEAST.replace("LINES", lines);
        crate::config::strategy("a.toml", "a".parse().unwrap(), &text)
    }

    fn settings(lines: &str) -> Config {
        let kind = load(lines).unwrap().kind;
        let Kind::NbaSwing(config) = kind else { panic!("{kind:?}") };
        *config
    }

    /// Checks the only fault of more lines in `[settings]`, which begin at line 6.
    fn check(lines: &str, fault: &str) {
        let faults = load(lines).unwrap_err();
        let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(told, [format!("a.toml:{fault}")], "{lines}");
    }

    #[test]
    fn the_defaults_are_the_numbers_that_it_always_had() {
        assert_eq!(settings(""), pinned());
    }

    #[test]
    fn the_amount_at_risk_must_be_stated() {
        let text = LEAST.replace("position_max_usdc = 25\nLINES\n", "");
        let faults = crate::config::strategy("a.toml", "a".parse().unwrap(), &text).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "a.toml:4:2: settings.position_max_usdc: missing; expected 1 to 1000000 USDC"
        );
    }

    #[test]
    fn the_status_says_untrained_until_a_fitted_file_is_named() {
        let variant = |lines: &str| load(lines).unwrap().kind.variant();
        assert_eq!(variant(""), "untrained");
        assert_eq!(variant("lead_weight = 0.16"), "untrained");
        assert_eq!(variant("coefficients_from = \"2026.json\"\nlead_weight = 0.16"), "fitted");
        let fitted = settings("coefficients_from = \"2026.json\"\nelo_weight = 0.002");
        assert_eq!(fitted.training, Training::Fitted { file: "2026.json".to_owned() });
    }

    #[test]
    fn the_placeholders_do_not_pass_for_fitted_ones() {
        check(
            "coefficients_from = \"2026.json\"",
            "6:1: settings.coefficients_from: the coefficients are still the untrained ones; expected \
             those that were fitted in 2026.json, or \"untrained\"",
        );
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        check(
            "price_min_usdc = 0.81",
            "6:1: settings.price_min_usdc: no ask is between 0.81 and 0.8 USDC; expected at most \
             price_max_usdc, 0.8",
        );
        check(
            "exit_edge_min_usdc = 0.02",
            "6:1: settings.exit_edge_min_usdc: all is sold below an edge of 0.02 USDC, so half never \
             is; expected less than partial_edge_max_usdc, 0.02",
        );
        let amount = |text: &str| {
            let text = LEAST.replace("_usdc = 25\nLINES", &format!("_usdc = {text}"));
            crate::config::strategy("a.toml", "a".parse().unwrap(), &text)
        };
        assert!(amount("4").is_ok());
        let faults = amount("3.999999").unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "a.toml:5:1: settings.position_max_usdc: 3.999999 USDC buy fewer than 5 shares at \
             price_max_usdc, 0.8, which the venue refuses; expected at least 4"
        );
    }

    #[test]
    fn words_and_signs_are_read() {
        let config = settings("trailing_urgency = \"critical\"\nminute_weight = -0.5");
        assert_eq!(config.exit.trailing_urgency, Urgency::Critical);
        assert_eq!(config.coefficients.minute, -500_000);
        check(
            "partial_urgency = \"hi\"",
            "6:19: settings.partial_urgency: \"hi\" is not a known word; expected \"low\", \"medium\", \
             \"high\" or \"critical\" (did you mean \"high\"?)",
        );
        check(
            "trailing_stop_frac = 10",
            "6:22: settings.trailing_stop_frac: 10 is out of range; expected a fraction of 0 to 1 (it is \
             a fraction, not a percentage: did you mean 0.1?)",
        );
    }
}
