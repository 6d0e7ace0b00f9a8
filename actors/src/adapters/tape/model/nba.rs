//! A game with its moneyline market: states of a game as they came, and a modelled book that follows them late.

use std::sync::Arc;
use std::time::Duration;

use ploy::event::{Game, Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, TickSize};
use ploy::price::Usdc;
use ploy::time::Timestamp;

use super::dice::Dice;
use super::fair;
use super::fees;
use super::quotes::{ERROR_KEPT, Habits, Maker};

/// A game from its first state to its last, which is final.
#[derive(Clone, Debug)]
pub(super) struct Match {
    /// The source's id of the game.
    pub(super) id: Arc<str>,
    /// The market's id.
    pub(super) market: ConditionId,
    /// Home and away, each with its code and its name.
    pub(super) teams: [(Arc<str>, Arc<str>); 2],
    /// The American day, as slugs have it.
    pub(super) day: String,
    /// By time.
    pub(super) states: Vec<State>,
}

/// A game at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) at: Timestamp,
    /// Home and away.
    pub(super) score: [u16; 2],
    pub(super) period: u8,
    pub(super) clock_s: u16,
    pub(super) possession: Option<u8>,
    pub(super) is_final: bool,
}

/// The rate of the venue's fee for sports.
const FEE_RATE: &str = "0.05";
/// How long before the first state the market opens.
const OPENS_BEFORE: Duration = Duration::from_mins(15);
/// How long after that it closes: longer than any game.
const OPEN_FOR: Duration = Duration::from_hours(6);
/// How long after the end it is settled.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// The time from one book to the next.
const REFRESH: Duration = Duration::from_secs(3);
/// By how much a book is behind the game, from and to.
const DELAY: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(12));
/// A market of a game that many watch: deep, and a cent or two wide.
const HABITS: Habits =
    Habits { half_spread: 4_000, error_step: 6_000, levels: 5, shares: (150, 600) };

impl Match {
    /// Returns all events by time: at one instant the market first, then the game, the books, the settlement.
    pub(super) fn events(&self, seed: u64) -> Vec<MarketEvent> {
        let (Some(first), Some(last)) = (self.states.first(), self.states.last()) else {
            return Vec::new();
        };
        let opens_at = first.at - OPENS_BEFORE;
        let market = Arc::new(self.market(opens_at));
        let mut events = vec![MarketEvent { at: opens_at, kind: Kind::Market(market) }];
        events.extend(self.states.iter().map(|state| self.told(state)));
        let mut dice = Dice::new(seed, "moneyline");
        let mut maker = Maker::new(HABITS);
        let (from, to) = DELAY;
        let more = i64::try_from((to - from).as_micros()).unwrap_or(0);
        let mut at = opens_at + Duration::from_secs(1);
        while at < last.at + to {
            let late = u64::try_from(dice.between(0, more)).unwrap_or(0);
            let away = 1_000_000 - self.chance_home(at - (from + Duration::from_micros(late)));
            events.extend(maker.quote(away, (self.market, at), &mut dice));
            at = at + REFRESH;
        }
        let one = Usdc::from_micros(1_000_000).unwrap_or_default();
        let [home, away] = last.score;
        let payouts = if home < away { [one, Usdc::ZERO] } else { [Usdc::ZERO, one] };
        let kind = Kind::Resolved { market: self.market, payouts };
        events.push(MarketEvent { at: last.at + SETTLED_AFTER, kind });
        events.sort_by_key(|event| event.at);
        events
    }

    /// The first outcome is the guest, as the venue has it.
    fn market(&self, opens_at: Timestamp) -> Market {
        let [home, away] = &self.teams;
        Market {
            id: self.market,
            slug: self.slug().into(),
            question: format!("{} vs. {}", away.1, home.1).into(),
            outcomes: [Arc::clone(&away.1), Arc::clone(&home.1)],
            tokens: None,
            tick: TickSize::CENT,
            min_size: super::min_size(),
            fees: fees(FEE_RATE).unwrap_or(FeeSchedule::FREE),
            opens_at,
            closes_at: opens_at + OPEN_FOR,
            strike_usd: None,
            event: None,
        }
    }

    /// Returns the market's short name: guest, host and day.
    pub(super) fn slug(&self) -> String {
        let [home, away] = self.teams.each_ref().map(|(code, _)| code.to_lowercase());
        format!("nba-{away}-{home}-{}", self.day)
    }

    fn told(&self, state: &State) -> MarketEvent {
        let State { at, score, period, clock_s, possession, is_final } = *state;
        let teams = self.teams.each_ref().map(|(code, _)| Arc::clone(code));
        let (id, league) = (Arc::clone(&self.id), "NBA".into());
        let game = Game { id, league, teams, score, period, clock_s, possession, is_final };
        MarketEvent { at, kind: Kind::Game(Arc::new(game)) }
    }

    /// Returns the chance of the home team, in millionths, by the state at an instant.
    fn chance_home(&self, at: Timestamp) -> i64 {
        let place = self.states.partition_point(|state| state.at <= at);
        let Some(state) = place.checked_sub(1).and_then(|place| self.states.get(place)) else {
            return fair::chance_home(0, fair::GAME_S);
        };
        let [home, away] = state.score.map(i32::from);
        if state.is_final {
            return if away < home { 1_000_000 } else { 0 };
        }
        let quarters = u16::from(4_u8.saturating_sub(state.period));
        fair::chance_home(home - away, quarters * 12 * 60 + state.clock_s)
    }
}

/// Says what the model assumes, for the header of a tape.
pub(super) fn notes(seed: u64) -> Vec<String> {
    let Habits { half_spread, error_step, levels, shares: (from, to) } = HABITS;
    let (least, most) = DELAY;
    vec![
        format!(
            "MODELLED books, seed {seed}: the middle is the home team's chance \
             Φ((lead + {} · left)/√({}² · left + 0.5²)), left as a part of 48 minutes (of an overtime what is left of \
             it), plus an error that keeps {ERROR_KEPT} thousandths of itself from book to book and changes by \
             {error_step} millionths of a USDC (standard deviation)",
            fair::HOME_POINTS,
            fair::GAME_SIGMA_POINTS
        ),
        format!(
            "a book comes every {} s from {} minutes before the game to its end and is {} to {} s behind the game; a \
             real market is often ahead of what feeds of scores tell",
            REFRESH.as_secs(),
            OPENS_BEFORE.as_secs() / 60,
            least.as_secs(),
            most.as_secs()
        ),
        format!(
            "bid and ask stand {half_spread} millionths of a USDC or more from the middle, on whole cents, each one \
             time in five a cent further; {levels} levels a side a cent apart, {from} to {to} shares at the best and \
             n times as many at the n-th; both outcomes are one book seen from two sides"
        ),
        format!(
            "assumed: the fee (rate {FEE_RATE}, exponent 1), the price step 0.01, the smallest order of 5 shares, \
             that the market is settled {} s after the end; there are no trades and no token ids",
            SETTLED_AFTER.as_secs()
        ),
        super::MEANING.to_owned(),
    ]
}
