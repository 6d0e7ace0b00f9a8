//! A strategy that is written down and resumed after every event decides as if it had not been.

use crate::case::Case;
use crate::play::Play;
use crate::split_arb::CASES;

#[test]
fn every_case_is_the_same_when_its_strategies_are_resumed_after_every_event() {
    for name in CASES {
        let case = Case::read(name);
        let mut play = Play::new(&case);
        for event in &case.events {
            play.event(event);
            case.strategies.iter().for_each(|config| play.resume(config));
        }
        assert_eq!(play.end(), Play::all(&case), "{name}");
    }
}
