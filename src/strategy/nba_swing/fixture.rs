//! The fixture: which game a market asks about, read from its slug, and whether a game's state belongs to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Game;
use crate::market::{Market, Outcome};
use crate::time::Timestamp;

use super::teams::{Team, TeamCodes};

/// Two teams and the day on which they meet. The slug's first team is the guest, and the market's `Yes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    teams: [Team; 2],
    from: Timestamp,
}

/// The two teams of a game in one order, whoever is at home.
pub(super) type Pair = [Team; 2];

/// A slug's date is the American one. Games begin between 10:00 UTC of that day (05:00 or 06:00 in New York) and
/// 03:30 UTC of the next, and end before 10:00 UTC, so a day from 10:00 to 10:00 UTC needs no time zone.
const DAY_BEGINS: &str = "T10:00:00Z";
const DAY: Duration = Duration::from_hours(24);

impl Fixture {
    /// Returns the fixture of a market whose slug is `<prefix><guest>-<host>-<YYYY-MM-DD>` and nothing more; the
    /// slugs of other questions about a game go on. None too where the outcomes are named after the teams the
    /// other way round: then it is not known which team `Yes` is.
    pub(super) fn of(market: &Market, prefix: &str, codes: TeamCodes) -> Option<Self> {
        let rest = market.slug.strip_prefix(prefix)?;
        let (guest, rest) = rest.split_once('-')?;
        let (host, date) = rest.split_once('-')?;
        let teams = [codes.team(guest)?, codes.team(host)?];
        let [first, second] = teams;
        let [yes, no] = &market.outcomes;
        let is_swapped = second.is_named(yes) || first.is_named(no);
        if first == second || is_swapped || date.len() != "2020-12-22".len() {
            return None;
        }
        let from = format!("{date}{DAY_BEGINS}").parse().ok()?;
        Some(Self { teams, from })
    }

    /// Returns its teams as a key.
    pub(super) fn pair(&self) -> Pair {
        pair(self.teams)
    }

    /// Tells whether an instant is on its day.
    pub(super) fn is_on(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.from + DAY
    }

    /// Returns the team that a share of this outcome bets on.
    pub(super) const fn team(&self, outcome: Outcome) -> Team {
        let [guest, host] = self.teams;
        match outcome {
            Outcome::Yes => guest,
            Outcome::No => host,
        }
    }
}

/// Returns the teams of a game, host first as it names them, where it is of the league and both are known.
pub(super) fn teams(game: &Game, codes: TeamCodes) -> Option<[Team; 2]> {
    if !game.league.eq_ignore_ascii_case(codes.league()) {
        return None;
    }
    let [host, guest] = &game.teams;
    Some([codes.team(host)?, codes.team(guest)?])
}

/// Returns two teams as a key that does not depend on their order.
pub(super) fn pair(mut teams: [Team; 2]) -> Pair {
    teams.sort_unstable();
    teams
}
