//! The state of a game as this strategy sees it: whether it can be decided on, and a team's view of it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Game;
use crate::time::Timestamp;

use super::model::{Ball, Inputs};
use super::teams::Team;

/// The newest state of a game, with its instant and its teams, host first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    pub(super) game: Arc<Game>,
    pub(super) teams: [Team; 2],
    pub(super) at: Timestamp,
}

/// What is known of a market's game.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scene<'a> {
    /// Nothing.
    Unknown,
    /// Something, but it is this old.
    Stale(Duration),
    /// It has not begun, or its clock makes no sense.
    NotPlaying,
    /// It is over, whenever that was told.
    Over,
    /// It is being played.
    Playing(&'a Seen),
}

/// A quarter, in seconds.
const QUARTER_S: u16 = 12 * 60;

impl<'a> Scene<'a> {
    /// Returns what the newest state of a game amounts to now.
    pub(super) fn of(seen: Option<&'a Seen>, now: Timestamp, age_max: Duration) -> Self {
        let Some(seen) = seen else { return Self::Unknown };
        let age = now.since(seen.at);
        if seen.game.is_final {
            Self::Over
        } else if age_max < age {
            Self::Stale(age)
        } else if seen.game.period == 0 || QUARTER_S < seen.game.clock_s {
            Self::NotPlaying
        } else {
            Self::Playing(seen)
        }
    }
}

impl Seen {
    /// Returns the game from the side of one of its teams.
    pub(super) fn inputs(&self, team: Team) -> Inputs {
        let [host, guest] = self.game.score.map(i64::from);
        let [is_host, is_guest] = self.teams.map(|other| other == team);
        let lead = if is_host { host - guest } else { guest - host };
        let ball = match self.game.possession {
            Some(0) if is_host => Ball::Ours,
            Some(1) if is_guest => Ball::Ours,
            Some(0 | 1) => Ball::Theirs,
            Some(_) | None => Ball::Unknown,
        };
        let left_s = i64::from(self.left_s());
        Inputs { lead, left_s, quarter: self.game.period, ball, spread: 0, elo: 0 }
    }

    /// Returns the time left in the game where its last quarter is played.
    pub(super) fn fourth_quarter_left(&self) -> Option<Duration> {
        (self.game.period == 4).then(|| Duration::from_secs(u64::from(self.left_s())))
    }

    /// Returns the seconds left in the game; those of the period in an overtime.
    fn left_s(&self) -> u32 {
        let quarters = u32::from(4_u8.saturating_sub(self.game.period));
        quarters * u32::from(QUARTER_S) + u32::from(self.game.clock_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::nba_swing::teams::TeamCodes;

    fn seen(period: u8, clock_s: u16) -> Seen {
        let codes = ["BKN", "GSW"];
        let game = Game {
            id: Arc::from("1"),
            league: Arc::from("NBA"),
            teams: codes.map(Arc::from),
            score: [50, 61],
            period,
            clock_s,
            possession: None,
            is_final: false,
        };
        let teams = codes.map(|code| TeamCodes::Nba.team(code).unwrap());
        Seen { game: Arc::new(game), teams, at: Timestamp::from_millis(1_000_000) }
    }

    fn check(period: u8, clock_s: u16, expected: &str) {
        let seen = seen(period, clock_s);
        let scene = Scene::of(Some(&seen), seen.at, Duration::from_secs(60));
        let found = match scene {
            Scene::Unknown => "unknown".to_owned(),
            Scene::Stale(age) => format!("stale {age:?}"),
            Scene::NotPlaying => "not playing".to_owned(),
            Scene::Over => "over".to_owned(),
            Scene::Playing(seen) => format!("{} s left", seen.left_s()),
        };
        assert_eq!(found, expected, "{period} {clock_s}");
    }

    #[test]
    fn the_time_left_counts_the_quarters_to_come_and_no_overtime() {
        check(1, 720, "2880 s left");
        check(2, 0, "1440 s left");
        check(3, 30, "750 s left");
        check(4, 119, "119 s left");
        check(5, 300, "300 s left");
        check(0, 720, "not playing");
        check(1, 721, "not playing");
    }

    #[test]
    fn each_team_sees_the_game_from_its_side() {
        let game = |possession| {
            let mut seen = seen(3, 60);
            Arc::make_mut(&mut seen.game).possession = possession;
            seen
        };
        for (possession, host, guest) in [
            (None, Ball::Unknown, Ball::Unknown),
            (Some(0), Ball::Ours, Ball::Theirs),
            (Some(1), Ball::Theirs, Ball::Ours),
            (Some(7), Ball::Unknown, Ball::Unknown),
        ] {
            let seen = game(possession);
            let sides = seen.teams.map(|team| seen.inputs(team));
            assert_eq!(sides.map(|inputs| inputs.lead), [-11, 11]);
            assert_eq!(sides.map(|inputs| inputs.ball), [host, guest], "{possession:?}");
        }
    }

    #[test]
    fn a_state_is_stale_past_its_age_and_a_final_one_never() {
        let (mut seen, minute) = (seen(3, 60), Duration::from_secs(60));
        let at = seen.at + minute;
        let scene = |seen: &Seen, at| format!("{:?}", Scene::of(Some(seen), at, minute));
        assert!(scene(&seen, at).starts_with("Playing"));
        assert_eq!(scene(&seen, at + Duration::from_micros(1)), "Stale(60.000001s)");
        Arc::make_mut(&mut seen.game).is_final = true;
        assert_eq!(scene(&seen, at + minute), "Over");
    }
}
