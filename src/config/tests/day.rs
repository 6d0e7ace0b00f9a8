//! Tests of when a strategy's day begins.

use super::*;

#[test]
fn what_a_file_does_not_say_of_the_day_is_the_guards_preset() {
    let config = load(&least("legged")).unwrap();
    assert_eq!(config.limits.day, crate::risk::DayLimits::PRESET);
    let text = format!("{}day_starts_at_min = 1320\n", least("legged"));
    let starts_at = load(&text).unwrap().limits.day.starts_at;
    assert_eq!(starts_at, Duration::from_secs(22 * 3600));
}

#[test]
fn a_day_begins_by_the_clocks_of_a_known_zone() {
    let zone = |name: &str| load(&format!("{}day_zone = {name}\n", least("legged")));
    assert_eq!(zone("\"asia/tokyo\"").unwrap().limits.day.zone.name(), "Asia/Tokyo");
    let one = zone("\"Asia/Tokyo\"").unwrap().version;
    assert_eq!(zone("\"asia/tokyo\"").unwrap().version, one, "the spelling does not count");
    let expected = "expected a time zone, such as \"UTC\" or \"America/New_York\"";
    let fault = |name: &str| {
        told(&zone(name).unwrap_err())[0].split_once("day_zone: ").unwrap().1.to_owned()
    };
    let hint = "did you mean \"Europe/Berlin\"?";
    let unknown = format!("\"Europe/Berlim\" is not a known time zone; {expected} ({hint})");
    assert_eq!(fault("\"Europe/Berlim\""), unknown);
    assert_eq!(fault("2"), format!("2 is not a known time zone; {expected}"));
}
