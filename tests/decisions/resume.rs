//! A strategy that is written down and resumed after every event decides as if it had not been.

use crate::case::Case;
use crate::play::Play;
use crate::{momentum, nba_swing, split_arb};

#[test]
fn every_case_is_the_same_when_its_strategies_are_resumed_after_every_event() {
    let folders = [
        ("split_arb", split_arb::CASES),
        ("momentum", momentum::CASES),
        ("nba_swing", nba_swing::CASES),
    ];
    for name in folders
        .iter()
        .flat_map(|(folder, cases)| cases.iter().map(move |case| format!("{folder}/{case}")))
    {
        let case = Case::read(&name);
        let mut play = Play::new(&case);
        for event in &case.events {
            play.event(event);
            case.strategies.iter().for_each(|config| play.resume(config));
        }
        assert_eq!(play.end(), Play::all(&case), "{name}");
    }
}
