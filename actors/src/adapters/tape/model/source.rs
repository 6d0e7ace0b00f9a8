//! Raw files of a model: prices and markets of a day, play-by-play and box score of a game.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ploy::event::Symbol;
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, TickSize};
use ploy::price::{Size, Usdc};
use ploy::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Number;

use super::super::lines::Lines;
use super::ModelError;
use super::crypto::{Day, Round, Tick};
use super::nba::{Match, State};
use super::walk;

/// The columns of a file of prices.
const COLUMNS: &str = "feed_ts_ms,value,full_accuracy_value,server_ts_ms,recv_ms";
/// The longest file that is read as one value, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What was read of a day, and what of it is not on the tape.
#[derive(Clone, Debug)]
pub(super) struct ReadDay {
    pub(super) day: Day,
    /// Rows of prices.
    pub(super) rows: usize,
    /// Rows that came after a newer price.
    pub(super) late: usize,
}

#[derive(Deserialize)]
struct RawMarket {
    slug: Arc<str>,
    asset: String,
    condition_id: ConditionId,
    token_ids: [Arc<str>; 2],
    start_sec: i64,
    end_sec: i64,
    resolved: bool,
    outcome_prices: [Usdc; 2],
    strike_value: Option<String>,
    raw: RawGamma,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawGamma {
    question: Arc<str>,
    fee_schedule: RawFees,
    order_min_size: Number,
    uma_end_date: Timestamp,
}

#[derive(Deserialize)]
struct RawFees {
    rate: Number,
    exponent: u8,
}

#[derive(Deserialize)]
struct PlayByPlay {
    game: Actions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Actions {
    game_id: Arc<str>,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    order_number: u64,
    time_actual: Timestamp,
    clock: String,
    period: u8,
    action_type: String,
    #[serde(default)]
    sub_type: String,
    possession: u64,
    score_home: String,
    score_away: String,
}

#[derive(Deserialize)]
struct BoxScore {
    game: Box_,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Box_ {
    game_id: Arc<str>,
    game_et: String,
    home_team: Team,
    away_team: Team,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Team {
    team_id: u64,
    team_name: Arc<str>,
    team_tricode: Arc<str>,
    score: u16,
}

/// Reads the prices and the markets of a day.
pub(super) fn day(prices: &Path, markets: &Path) -> Result<ReadDay, ModelError> {
    let (ticks, rows) = ticks(prices)?;
    let mut rounds = Vec::new();
    let mut symbol: Option<Symbol> = None;
    let mut seen = BTreeSet::new();
    let mut lines = Lines::open(markets)?;
    while let Some(line) = lines.next_line()? {
        let failed = |problem: String| ModelError::line(markets, line.number, problem);
        let raw: RawMarket =
            serde_json::from_str(line.text).map_err(|error| failed(error.to_string()))?;
        let of = Symbol::from(raw.asset.to_uppercase());
        let known = symbol.get_or_insert_with(|| Arc::clone(&of));
        if *known != of {
            return Err(failed(format!("a market of {of} among those of {known}")));
        }
        if !seen.insert(raw.condition_id) {
            return Err(failed(format!("the market {} was there before", raw.slug)));
        }
        rounds.push(raw.round().map_err(failed)?);
    }
    let Some(symbol) = symbol.filter(|_| !ticks.is_empty()) else {
        return Err(ModelError::Empty);
    };
    let late = rows - ticks.len();
    Ok(ReadDay { day: Day { symbol, ticks, rounds }, rows, late })
}

/// Reads prices in the order in which they were received, and leaves out those that came after a newer one.
fn ticks(path: &Path) -> Result<(Vec<Tick>, usize), ModelError> {
    let mut lines = Lines::open(path)?;
    let mut rows: Vec<(i64, i64, Usdc)> = Vec::new();
    while let Some(line) = lines.next_line()? {
        if line.number == 1 {
            if line.text.trim_end() != COLUMNS {
                let problem = format!("the columns {COLUMNS} are expected");
                return Err(ModelError::line(path, 1, problem));
            }
            continue;
        }
        let row = row(line.text.trim_end());
        rows.push(row.ok_or_else(|| {
            ModelError::line(path, line.number, "not a price with its times".to_owned())
        })?);
    }
    let count = rows.len();
    rows.sort_by_key(|(_, received, _)| *received);
    let mut newest = i64::MIN;
    rows.retain(|(told, _, _)| {
        let keeps = newest <= *told;
        newest = newest.max(*told);
        keeps
    });
    let tick = |(_, received, price)| Tick { at: Timestamp::from_millis(received), price };
    Ok((rows.into_iter().map(tick).collect(), count))
}

/// Reads a row: when the price was, when it was received (milliseconds), and the exact price.
fn row(text: &str) -> Option<(i64, i64, Usdc)> {
    let mut cells = text.split(',');
    let (told, _, exact) = (cells.next()?, cells.next()?, cells.next()?);
    let (_, received) = (cells.next()?, cells.next()?);
    if cells.next().is_some() {
        return None;
    }
    let price = scaled(exact).filter(|price| Usdc::ZERO < *price)?;
    Some((told.parse().ok()?, received.parse().ok()?, price))
}

/// Reads a price that is written in units of 1e-18 USD, to the nearest millionth.
pub(super) fn scaled(text: &str) -> Option<Usdc> {
    let units: i128 = text.parse().ok()?;
    let micros = (units + 500_000_000_000).div_euclid(1_000_000_000_000);
    Usdc::from_micros(i64::try_from(micros).ok()?).ok()
}

impl RawMarket {
    fn round(self) -> Result<Round, String> {
        if !self.resolved {
            return Err(format!("the market {} is not settled", self.slug));
        }
        let strike = match &self.strike_value {
            Some(text) => Some(scaled(text).ok_or_else(|| format!("`{text}` is no strike"))?),
            None => None,
        };
        let rate: Usdc =
            self.raw.fee_schedule.rate.to_string().parse().map_err(|e| format!("fee: {e}"))?;
        let fees = FeeSchedule::new(rate, self.raw.fee_schedule.exponent);
        let min_size: Result<Size, _> = self.raw.order_min_size.to_string().parse();
        let market = Market {
            id: self.condition_id,
            slug: self.slug,
            question: self.raw.question,
            outcomes: ["Up".into(), "Down".into()],
            tokens: Some(self.token_ids),
            tick: TickSize::CENT,
            min_size: min_size.map_err(|error| format!("smallest order: {error}"))?,
            fees: fees.map_err(|error| format!("fee: {error}"))?,
            opens_at: Timestamp::from_millis(self.start_sec.saturating_mul(1000)),
            closes_at: Timestamp::from_millis(self.end_sec.saturating_mul(1000)),
            strike_usd: None,
            event: None,
        };
        let resolved_at = self.raw.uma_end_date.max(market.closes_at);
        Ok(Round { market, strike, payouts: self.outcome_prices, resolved_at })
    }
}

/// Reads a game.
pub(super) fn game(play_by_play: &Path, box_score: &Path, seed: u64) -> Result<Match, ModelError> {
    let PlayByPlay { game: plays } = value(play_by_play)?;
    let BoxScore { game: told } = value(box_score)?;
    let failed = |problem: String| ModelError::line(play_by_play, 1, problem);
    if plays.game_id != told.game_id {
        let (one, other) = (&plays.game_id, &told.game_id);
        return Err(failed(format!("the game {one}, and the box score is of {other}")));
    }
    let states = states(plays.actions, [told.home_team.team_id, told.away_team.team_id]);
    let states = states.map_err(failed)?;
    let last = states.last().map(|state| (state.score, state.is_final));
    let final_score = [told.home_team.score, told.away_team.score];
    if last != Some((final_score, true)) {
        let [home, away] = final_score;
        return Err(failed(format!("it does not end with the box score's {home} to {away}")));
    }
    let day: String = told.game_et.chars().take(10).collect();
    let mut game = Match {
        market: ConditionId::from_bytes([0; 32]),
        id: told.game_id,
        teams: [told.home_team, told.away_team].map(|team| (team.team_tricode, team.team_name)),
        day,
        states,
    };
    game.market = walk::id(seed, &game.slug());
    Ok(game)
}

/// Returns what changed, when it was written down. Where an action was written down after a later one, it is told
/// at the later one's instant.
fn states(mut actions: Vec<Action>, teams: [u64; 2]) -> Result<Vec<State>, String> {
    actions.sort_by_key(|action| action.order_number);
    let [home, away] = teams;
    let mut states: Vec<State> = Vec::new();
    for action in actions {
        let number = action.order_number;
        let points = |text: &str| {
            text.parse::<u16>().map_err(|error| format!("action {number}: score `{text}`: {error}"))
        };
        let clock_s = clock(&action.clock)
            .ok_or_else(|| format!("action {number}: `{}` is no clock", action.clock))?;
        let possession = match action.possession {
            team if team == home => Some(0),
            team if team == away => Some(1),
            _ => None,
        };
        let state = State {
            at: states.last().map_or(action.time_actual, |last| last.at.max(action.time_actual)),
            score: [points(&action.score_home)?, points(&action.score_away)?],
            period: action.period,
            clock_s,
            possession,
            is_final: action.action_type == "game" && action.sub_type == "end",
        };
        let says_nothing = |last: &State| State { at: state.at, ..*last } == state;
        if !states.last().is_some_and(says_nothing) {
            states.push(state);
        }
    }
    Ok(states)
}

/// Reads `PT11M58.00S` as whole seconds, rounded down.
fn clock(text: &str) -> Option<u16> {
    let (minutes, seconds) = text.strip_prefix("PT")?.strip_suffix('S')?.split_once('M')?;
    let (seconds, _) = seconds.split_once('.').unwrap_or((seconds, ""));
    let minutes: u16 = minutes.parse().ok().filter(|minutes| *minutes <= 60)?;
    Some(minutes * 60 + seconds.parse::<u16>().ok().filter(|seconds| *seconds < 60)?)
}

/// Reads a file that is one JSON value.
fn value<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let mut lines = Lines::open(path)?;
    let mut text = String::new();
    while let Some(line) = lines.next_line()? {
        text.push_str(line.text);
        text.push('\n');
        if TEXT_BYTES_MAX < text.len() {
            let problem = format!("more than {TEXT_BYTES_MAX} bytes");
            return Err(ModelError::line(path, line.number, problem));
        }
    }
    serde_json::from_str(&text).map_err(|error| {
        let line = u64::try_from(error.line()).unwrap_or(0);
        ModelError::line(path, line, error.to_string())
    })
}
