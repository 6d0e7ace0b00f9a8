//! Which market asks about which game.

use super::super::fixture::Fixture;
use super::desk::{game, market};
use super::*;

fn fixture(slug: &str, outcomes: [&str; 2]) -> Option<Fixture> {
    let market = Market { slug: Arc::from(slug), outcomes: outcomes.map(Arc::from), ..market() };
    Fixture::of(&market, "nba-", TeamCodes::Nba)
}

#[test]
fn a_slug_names_the_guests_first_and_they_are_yes() {
    let found = fixture("nba-nyk-bos-2024-10-22", ["Knicks", "Celtics"]).unwrap();
    let team = |code| TeamCodes::Nba.team(code).unwrap();
    assert_eq!((found.team(YES), found.team(NO)), (team("NY"), team("BOS")));
    for outcomes in [["New York Knicks", "Boston Celtics"], ["Yes", "No"]] {
        assert_eq!(fixture("nba-nyk-bos-2024-10-22", outcomes), Some(found));
    }
    let washington = fixture("nba-cle-wsh-2024-10-26", ["Cavaliers", "Wizards"]);
    assert_eq!(washington, fixture("nba-cle-was-2024-10-26", ["Cavaliers", "Wizards"]));
}

#[test]
fn a_slug_that_is_no_game_of_two_known_teams_is_no_fixture() {
    for slug in [
        "nba-nyk-bos-2024-10-22-total-220pt5",
        "nba-nyk-bos-2024-10-22-spread-home-5pt5",
        "nba-champion-2025",
        "nba-nyk-2024-10-22",
        "nba-nyk-nyk-2024-10-22",
        "nba-sog-cgs-2025-02-16",
        "nba-nyk-bos-2024-13-22",
        "nba-nyk-bos-2024-1-22",
        "nba-nyk-bos-",
        "nba-",
        "nfl-nyk-bos-2024-10-22",
    ] {
        assert_eq!(fixture(slug, ["Knicks", "Celtics"]), None, "{slug}");
    }
}

#[test]
fn outcomes_named_the_other_way_round_are_no_fixture() {
    for outcomes in [["Celtics", "Knicks"], ["Celtics", "No"], ["Yes", "Knicks"]] {
        assert_eq!(fixture("nba-nyk-bos-2024-10-22", outcomes), None, "{outcomes:?}");
    }
}

#[test]
fn a_game_belongs_to_the_american_day_on_which_it_begins() {
    let found = fixture("nba-gsw-bkn-2020-12-22", ["Warriors", "Nets"]).unwrap();
    let check = |at: &str, expected| assert_eq!(found.is_on(at.parse().unwrap()), expected, "{at}");
    check("2020-12-22T09:59:59.999999Z", false);
    check("2020-12-22T10:00:00Z", true);
    check("2020-12-23T00:06:19Z", true);
    check("2020-12-23T06:30:00Z", true);
    check("2020-12-23T09:59:59.999999Z", true);
    check("2020-12-23T10:00:00Z", false);
}

/// Tells a state of the game and checks whether the market looks at it.
fn check(change: impl FnOnce(&mut Game), is_ours: bool) {
    let mut desk = Desk::new(config());
    desk.quote("0.59/0.6");
    let mut game = game([100, 90], 4, 300);
    change(&mut game);
    let looks = desk.tell(game);
    assert_eq!(looks.len(), usize::from(is_ours), "{looks:?}");
    assert_eq!(desk.quote("0.59/0.6") != "no_game", is_ours);
}

#[test]
fn a_game_is_matched_by_league_and_teams_in_any_spelling_and_order() {
    check(|_| {}, true);
    check(|game| game.league = Arc::from("nba"), true);
    check(|game| game.teams = ["brk", "gsw"].map(Arc::from), true);
    check(|game| game.teams = ["GSW", "BKN"].map(Arc::from), true);
    check(|game| game.id = Arc::from("401267178"), true);
    check(|game| game.league = Arc::from("WNBA"), false);
    check(|game| game.teams = ["BKN", "LAL"].map(Arc::from), false);
    check(|game| game.teams = ["BKN", "SOG"].map(Arc::from), false);
}

#[test]
fn a_source_that_names_the_other_team_as_host_is_understood() {
    let mut desk = Desk::new(config());
    // The Warriors, whose share is yes, are named first here, with their points first.
    let mut swapped = game([90, 100], 4, 300);
    swapped.teams = ["GSW", "BKN"].map(Arc::from);
    desk.tell(swapped);
    assert_eq!(desk.quote("0.59/0.6"), "entry: buy 41.66 yes at 0.6");
}

#[test]
fn a_state_of_another_day_is_no_state_of_this_game() {
    let mut desk = Desk::new(Config { game_age_max: Duration::from_hours(48), ..config() });
    desk.now = "2020-12-22T09:00:00Z".parse().unwrap();
    assert!(desk.tell(game([100, 90], 4, 300)).is_empty());
    desk.now = "2020-12-22T10:30:00Z".parse().unwrap();
    assert_eq!(desk.quote("0.59/0.6"), "no_game");
    assert_eq!(desk.tell(game([100, 90], 4, 300)).len(), 1);
}

#[test]
fn a_game_that_was_told_before_its_market_is_remembered() {
    let mut desk = Desk::new(config());
    desk.strategy = NbaSwing::new(config());
    assert!(desk.tell(game([100, 90], 4, 300)).is_empty());
    desk.announce(market());
    assert_eq!(desk.quote("0.59/0.6"), "entry: buy 41.66 yes at 0.6");
}
