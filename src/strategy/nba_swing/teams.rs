//! Team codes: the thirty teams of the NBA, by every code that a source of games or the venue writes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A table of team codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamCodes {
    /// The teams of the NBA, by the codes of the league, of the big sports sites and of the venue.
    Nba,
}

/// One team, whatever code it was named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Team(&'static Entry);

/// The codes of a team, the league's own first, and the name that the venue calls its outcome by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    codes: &'static [&'static str],
    name: &'static str,
}

impl TeamCodes {
    /// Returns the league's name, as games carry it.
    #[must_use]
    pub const fn league(self) -> &'static str {
        match self {
            Self::Nba => "NBA",
        }
    }

    /// Returns the team that a source means by this code, in capitals or not.
    pub(super) fn team(self, code: &str) -> Option<Team> {
        let table = match self {
            Self::Nba => &NBA,
        };
        let means =
            |entry: &&Entry| entry.codes.iter().any(|known| known.eq_ignore_ascii_case(code));
        table.iter().find(means).map(Team)
    }
}

/// Written by its league's code.
impl Serialize for Team {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.codes.first().copied().unwrap_or(self.0.name))
    }
}

impl<'de> Deserialize<'de> for Team {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format_args!("`{code}` is no code of a team"));
        TeamCodes::Nba.team(&code).ok_or_else(unknown)
    }
}

impl Team {
    /// Tells whether an outcome's label is this team's: `Knicks` or `New York Knicks`.
    pub(super) fn is_named(self, label: &str) -> bool {
        let name = self.0.name;
        let end = label.len().checked_sub(name.len()).and_then(|start| label.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(name))
    }
}

const fn entry(codes: &'static [&'static str], name: &'static str) -> Entry {
    Entry { codes, name }
}

/// Sources: the league's statistics (three letters), a sports site (`GS`, `NO`, `NY`, `SA`, `UTAH`, `WSH`), a
/// reference site (`BRK`, `CHO`, `PHO`), and the slugs of a whole season at the venue, which are the league's
/// but for `wsh`, seen once.
static NBA: [Entry; 30] = [
    entry(&["ATL"], "Hawks"),
    entry(&["BOS"], "Celtics"),
    entry(&["BKN", "BK", "BRK"], "Nets"),
    entry(&["CHA", "CHO"], "Hornets"),
    entry(&["CHI"], "Bulls"),
    entry(&["CLE"], "Cavaliers"),
    entry(&["DAL"], "Mavericks"),
    entry(&["DEN"], "Nuggets"),
    entry(&["DET"], "Pistons"),
    entry(&["GSW", "GS"], "Warriors"),
    entry(&["HOU"], "Rockets"),
    entry(&["IND"], "Pacers"),
    entry(&["LAC"], "Clippers"),
    entry(&["LAL"], "Lakers"),
    entry(&["MEM"], "Grizzlies"),
    entry(&["MIA"], "Heat"),
    entry(&["MIL"], "Bucks"),
    entry(&["MIN"], "Timberwolves"),
    entry(&["NOP", "NO"], "Pelicans"),
    entry(&["NYK", "NY"], "Knicks"),
    entry(&["OKC"], "Thunder"),
    entry(&["ORL"], "Magic"),
    entry(&["PHI"], "76ers"),
    entry(&["PHX", "PHO"], "Suns"),
    entry(&["POR"], "Trail Blazers"),
    entry(&["SAC"], "Kings"),
    entry(&["SAS", "SA"], "Spurs"),
    entry(&["TOR"], "Raptors"),
    entry(&["UTA", "UTAH"], "Jazz"),
    entry(&["WAS", "WSH"], "Wizards"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(codes: &str, label: &str) {
        let teams: Vec<Option<Team>> =
            codes.split(' ').map(|code| TeamCodes::Nba.team(code)).collect();
        let team = teams[0].unwrap_or_else(|| panic!("{codes}"));
        assert!(teams.iter().all(|other| *other == Some(team)), "{codes}");
        assert!(team.is_named(label), "{codes} {label}");
    }

    #[test]
    fn each_of_the_thirty_teams_is_known_by_all_its_codes() {
        let rows = [
            ("ATL atl", "Atlanta Hawks"),
            ("BOS bos", "Boston Celtics"),
            ("BKN bkn BK BRK", "Brooklyn Nets"),
            ("CHA cha CHO", "Charlotte Hornets"),
            ("CHI chi", "Chicago Bulls"),
            ("CLE cle", "Cleveland Cavaliers"),
            ("DAL dal", "Dallas Mavericks"),
            ("DEN den", "Denver Nuggets"),
            ("DET det", "Detroit Pistons"),
            ("GSW gsw GS", "Golden State Warriors"),
            ("HOU hou", "Houston Rockets"),
            ("IND ind", "Indiana Pacers"),
            ("LAC lac", "LA Clippers"),
            ("LAL lal", "Los Angeles Lakers"),
            ("MEM mem", "Memphis Grizzlies"),
            ("MIA mia", "Miami Heat"),
            ("MIL mil", "Milwaukee Bucks"),
            ("MIN min", "Minnesota Timberwolves"),
            ("NOP nop NO", "New Orleans Pelicans"),
            ("NYK nyk NY", "New York Knicks"),
            ("OKC okc", "Oklahoma City Thunder"),
            ("ORL orl", "Orlando Magic"),
            ("PHI phi", "Philadelphia 76ers"),
            ("PHX phx PHO", "Phoenix Suns"),
            ("POR por", "Portland Trail Blazers"),
            ("SAC sac", "Sacramento Kings"),
            ("SAS sas SA", "San Antonio Spurs"),
            ("TOR tor", "Toronto Raptors"),
            ("UTA uta UTAH", "Utah Jazz"),
            ("WAS was WSH wsh", "Washington Wizards"),
        ];
        assert_eq!(rows.len(), NBA.len());
        for (codes, label) in rows {
            check(codes, label);
        }
    }

    #[test]
    fn no_code_and_no_name_means_two_teams() {
        let mut words: Vec<&str> =
            NBA.iter().flat_map(|entry| entry.codes.iter().copied().chain([entry.name])).collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }

    #[test]
    fn what_is_no_team_is_not_known() {
        for code in ["", "sog", "kys", "G", "GSWX", "nba"] {
            assert_eq!(TeamCodes::Nba.team(code), None, "{code}");
        }
        let knicks = TeamCodes::Nba.team("nyk").unwrap();
        assert!(knicks.is_named("knicks") && !knicks.is_named("Celtics") && !knicks.is_named(""));
    }
}
