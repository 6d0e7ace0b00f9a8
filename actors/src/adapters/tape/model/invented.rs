//! An invented game: possessions of two teams by seeded dice, from the tip-off to the end.

use std::time::Duration;

use ploy::time::Timestamp;

use super::dice::Dice;
use super::nba::{Match, State};
use super::walk;

/// The teams, home and away, by code and name: real ones, because only those are known; the game is not.
const TEAMS: [(&str, &str); 2] = [("MIA", "Heat"), ("DEN", "Nuggets")];
/// How long a possession lasts on the game's clock, in seconds.
const POSSESSION_S: (i64, i64) = (8, 22);
/// How much longer the world's clock runs than the game's, in thousandths: fouls, free throws, timeouts.
const STRETCH: u64 = 2_000;
/// The breaks between quarters and at half-time.
const BREAK: Duration = Duration::from_secs(120);
const HALF_TIME: Duration = Duration::from_secs(600);
const QUARTER_S: u16 = 720;
const OVERTIME_S: u16 = 300;

/// Returns a game that begins at `tip`.
pub(super) fn game(tip: Timestamp, seed: u64) -> Match {
    let day: String = tip.to_string().chars().take(10).collect();
    let mut game = Match {
        id: format!("invented-{seed}").into(),
        market: walk::id(seed, "the invented game"),
        teams: TEAMS.map(|(code, name)| (code.into(), name.into())),
        day,
        states: Vec::new(),
    };
    let mut dice = Dice::new(seed, "game");
    let mut state = State {
        at: tip,
        score: [0, 0],
        period: 1,
        clock_s: QUARTER_S,
        possession: Some(0),
        is_final: false,
    };
    game.states.push(state);
    loop {
        play(&mut state, &mut dice);
        game.states.push(state);
        if 0 < state.clock_s {
            continue;
        }
        let [home, away] = state.score;
        if 4 <= state.period && home != away {
            break;
        }
        state.at = state.at + if state.period == 2 { HALF_TIME } else { BREAK };
        state.period = state.period.saturating_add(1);
        state.clock_s = if state.period <= 4 { QUARTER_S } else { OVERTIME_S };
        game.states.push(state);
    }
    state.at = state.at + Duration::from_secs(10);
    state.is_final = true;
    game.states.push(state);
    game
}

/// Plays one possession.
fn play(state: &mut State, dice: &mut Dice) {
    let (short, long) = POSSESSION_S;
    let length = u16::try_from(dice.between(short, long)).unwrap_or(1).min(state.clock_s);
    let aside = u64::try_from(dice.between(0, 4_000)).unwrap_or(0);
    state.at = state.at + Duration::from_millis(u64::from(length) * STRETCH + aside);
    state.clock_s -= length;
    let points = match dice.between(0, 99) {
        ..48 => 0,
        48..53 => 1,
        53..86 => 2,
        86.. => 3,
    };
    let [home, away] = &mut state.score;
    let side = if state.possession == Some(0) { home } else { away };
    *side += points;
    state.possession = if state.possession == Some(0) { Some(1) } else { Some(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_has_four_quarters_or_more_a_winner_and_scores_that_only_rise() {
        for seed in 0..40 {
            let game = game("2026-09-28T10:02:00Z".parse().unwrap(), seed);
            assert_eq!(game.slug(), "nba-den-mia-2026-09-28");
            assert!(game.states.is_sorted_by_key(|state| (state.at, state.period)));
            for pair in game.states.windows(2) {
                assert!(pair[0].score[0] <= pair[1].score[0], "{pair:?}");
                assert!(pair[0].score[1] <= pair[1].score[1], "{pair:?}");
                assert!(pair[1].period != pair[0].period || pair[1].clock_s <= pair[0].clock_s);
                assert!(!pair[0].is_final);
            }
            let last = game.states.last().unwrap();
            assert!(last.is_final && 4 <= last.period && last.score[0] != last.score[1]);
            assert!(last.score.iter().all(|points| (60..160).contains(points)), "{last:?}");
        }
    }
}
