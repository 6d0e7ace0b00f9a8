//! The life of a strategy against a model of it: whatever happens, in whatever order, both stand at the same place.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this is tests, and a helper of a test fails by panicking"
)]

mod driven;
mod model;

use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use driven::Driven;
use model::{Model, Step};

/// What holds the life to its model.
#[derive(Debug)]
struct LifeTest;

impl StateMachineTest for LifeTest {
    type SystemUnderTest = Driven;
    type Reference = Model;

    fn init_test(_: &Model) -> Driven {
        Driven::default()
    }

    fn apply(
        mut driven: Driven,
        model: &<Model as ReferenceStateMachine>::State,
        step: Step,
    ) -> Driven {
        let before = driven.seen();
        driven.apply(&step);
        let after = driven.seen();
        if before.halted.is_some() && after.halted.is_none() {
            let of_config = before.halted == Some(ploy::restart::FailureClass::Config);
            let by_version = matches!(step, Step::Version(_) | Step::Process { .. }) && of_config;
            assert!(by_version || step == Step::Resume, "{step:?} has left a halt");
        }
        if matches!(step, Step::Timer(_)) && model.wanted == Some(false) {
            assert_eq!(before.phase, after.phase, "a timer has undone a stop");
        }
        driven
    }

    fn check_invariants(driven: &Driven, model: &Model) {
        assert_eq!(driven.seen(), model.seen());
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_life_is_as_its_model_says_whatever_happens(sequential 1..80 => LifeTest);
}
