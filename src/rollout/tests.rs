//! Every move of a roll-out, and what holds whatever happens to it.

use std::time::Duration;

use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy;

use super::*;

const G: &str = "g";
const X: &str = "x";

fn policy(mode: Mode) -> RolloutPolicy {
    RolloutPolicy {
        mode,
        trial: Duration::from_secs(600),
        failures_max: 0,
        refused_max: 10,
        refused_share_max: 500_000,
        share_intents_min: 4,
        drawdown_max_usdc: "5".parse().unwrap(),
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn settled() -> Rollout {
    Rollout::recall(Some(G.to_owned()), Stage::Settled)
}

fn with(stage: Stage) -> Rollout {
    Rollout { stage, ..settled() }
}

fn trial(until: Option<u64>) -> Rollout {
    with(Stage::Trial { version: X.to_owned(), until: until.map(at), failures: 0 })
}

fn rolled_back(why: &str) -> Rollout {
    with(Stage::RolledBack { version: X.to_owned(), why: why.to_owned() })
}

fn shadow() -> Rollout {
    with(Stage::Shadow { version: X.to_owned(), since: at(1) })
}

fn aside(why: &str) -> Rollout {
    with(Stage::SetAside { version: X.to_owned(), why: why.to_owned() })
}

fn good(version: &str) -> Rollout {
    Rollout::recall(Some(version.to_owned()), Stage::Settled)
}

fn offered(version: &str, mode: Mode) -> Input {
    Input::Offered { version: version.to_owned(), mode, now: at(1) }
}

fn in_force(version: &str) -> Input {
    Input::InForce { version: version.to_owned() }
}

fn failed(halts: bool) -> Input {
    Input::Failed { what: "a bug".to_owned(), halts }
}

fn back(why: &str) -> Option<Effect> {
    Some(Effect::RollBack { to: G.to_owned(), why: why.to_owned() })
}

fn check(from: &Rollout, input: &Input, mode: Mode, to: &Rollout, effect: Option<Effect>) {
    let (next, done) = from.next(input, &policy(mode)).unwrap();
    assert_eq!((&next, done), (to, effect), "{from:?} at {input:?}");
}

#[test]
fn a_direct_version_is_good_as_soon_as_it_is_in_force() {
    check(&settled(), &offered(X, Mode::Direct), Mode::Direct, &settled(), Some(Effect::Apply));
    check(&settled(), &in_force(X), Mode::Direct, &good(X), Some(Effect::Good));
}

#[test]
fn without_a_good_version_before_there_is_neither_trial_nor_shadow() {
    let first = Rollout::default();
    check(&first, &offered(X, Mode::Shadow), Mode::Shadow, &first, Some(Effect::Apply));
    check(&first, &in_force(X), Mode::Watch, &good(X), Some(Effect::Good));
}

#[test]
fn a_watched_version_is_on_trial_from_when_it_runs_and_passes_once() {
    check(&settled(), &offered(X, Mode::Watch), Mode::Watch, &settled(), Some(Effect::Apply));
    check(&settled(), &in_force(X), Mode::Watch, &trial(None), Some(Effect::Began));
    let until = Some(Effect::Until(at(602)));
    check(&trial(None), &Input::Runs { now: at(2) }, Mode::Watch, &trial(Some(602)), until);
    let on = trial(Some(602));
    let time = |now, runs| Input::Time { now: at(now), runs };
    check(&on, &time(601, true), Mode::Watch, &on, None);
    check(&on, &time(602, false), Mode::Watch, &trial(None), None);
    check(&on, &time(602, true), Mode::Watch, &good(X), Some(Effect::Good));
    check(&good(X), &time(602, true), Mode::Watch, &good(X), None);
    check(&on, &in_force(X), Mode::Watch, &on, None);
    check(&on, &Input::Runs { now: at(9) }, Mode::Watch, &on, None);
}

#[test]
fn a_failure_or_too_many_refusals_bring_the_good_version_back() {
    let on = trial(Some(602));
    let why = "it failed: a bug";
    check(&on, &failed(false), Mode::Watch, &rolled_back(why), back(why));
    check(&trial(None), &failed(true), Mode::Watch, &rolled_back(why), back(why));
    let counted =
        |intents, refused| Input::Counted(Counts { intents, refused, ..Counts::default() });
    check(&on, &counted(20, 10), Mode::Watch, &on, None);
    let why = "11 orders were refused, at most 10 may be";
    check(&on, &counted(22, 11), Mode::Watch, &rolled_back(why), back(why));
    check(&on, &counted(3, 3), Mode::Watch, &on, None);
    let why = "3 of 4 orders wanted were refused, at most a share of 0.5 may be";
    check(&on, &counted(4, 3), Mode::Watch, &rolled_back(why), back(why));
    let lost = |usdc: &str| {
        Input::Counted(Counts { drawdown_usdc: usdc.parse().unwrap(), ..Counts::default() })
    };
    check(&on, &lost("5"), Mode::Watch, &on, None);
    let why = "its equity fell by 5.01 USDC, at most 5 may be lost";
    check(&on, &lost("5.01"), Mode::Watch, &rolled_back(why), back(why));
}

#[test]
fn as_many_failures_as_allowed_are_survived_but_never_a_halt() {
    let lenient = RolloutPolicy { failures_max: 1, ..policy(Mode::Watch) };
    let (once, effect) = trial(Some(602)).next(&failed(false), &lenient).unwrap();
    assert_eq!((once.stage().name(), effect), ("trial", None));
    let (twice, _) = once.next(&failed(false), &lenient).unwrap();
    assert_eq!(twice, rolled_back("it failed: a bug"));
    let (halted, _) = trial(Some(602)).next(&failed(true), &lenient).unwrap();
    assert_eq!(halted, rolled_back("it failed: a bug"));
}

#[test]
fn what_was_rolled_back_is_taken_up_again_only_after_another_version() {
    let gone = rolled_back("a bug");
    let hold = Some(Effect::Hold("was rolled back: a bug".to_owned()));
    for mode in Mode::ALL {
        check(&gone, &offered(X, mode), mode, &gone, hold.clone());
    }
    check(&gone, &in_force(G), Mode::Direct, &gone, None);
    check(&gone, &Input::Restarted, Mode::Watch, &gone, None);
    check(&gone, &offered("y", Mode::Watch), Mode::Watch, &settled(), Some(Effect::Apply));
    check(&gone, &offered(G, Mode::Watch), Mode::Watch, &settled(), Some(Effect::Apply));
}

#[test]
fn a_shadow_waits_for_a_person() {
    check(&settled(), &offered(X, Mode::Shadow), Mode::Shadow, &shadow(), Some(Effect::Shadow));
    let runs = Some(Effect::Hold("runs in shadow".to_owned()));
    check(&shadow(), &offered(X, Mode::Shadow), Mode::Shadow, &shadow(), runs);
    check(&shadow(), &failed(true), Mode::Direct, &shadow(), None);
    check(&shadow(), &Input::Promote, Mode::Direct, &settled(), Some(Effect::Apply));
    check(&settled(), &in_force(X), Mode::Shadow, &trial(None), Some(Effect::Began));
    let why = "discarded by a person".to_owned();
    let gone = Some(Effect::SetAside(why.clone()));
    check(&shadow(), &Input::Discard { why: why.clone() }, Mode::Direct, &aside(&why), gone);
    let what = "a bug".to_owned();
    let failed = Some(Effect::SetAside("it failed: a bug".to_owned()));
    let end = aside("it failed: a bug");
    check(&shadow(), &Input::ShadowFailed { what }, Mode::Direct, &end, failed);
    let hold = Some(Effect::Hold("was set aside: it failed: a bug".to_owned()));
    check(&end, &offered(X, Mode::Shadow), Mode::Shadow, &end, hold);
    check(&end, &offered("y", Mode::Direct), Mode::Direct, &settled(), Some(Effect::Apply));
    check(&shadow(), &Input::Restarted, Mode::Direct, &settled(), None);
}

#[test]
fn a_person_may_end_a_trial_either_way() {
    let on = trial(Some(602));
    check(&on, &Input::Promote, Mode::Watch, &good(X), Some(Effect::Good));
    let why = "discarded by a person";
    let discard = Input::Discard { why: why.to_owned() };
    check(&on, &discard, Mode::Watch, &rolled_back(why), back(why));
}

#[test]
fn a_person_decides_about_nothing_where_there_is_nothing() {
    for from in [settled(), rolled_back("a bug"), aside("a bug")] {
        for input in [Input::Promote, Input::Discard { why: String::new() }] {
            assert_eq!(from.next(&input, &policy(Mode::Watch)), Err(Nothing), "{from:?}");
        }
    }
}

#[test]
fn the_next_version_within_a_trial_goes_back_to_the_same_good_one() {
    let on = trial(Some(602));
    check(&on, &offered("y", Mode::Watch), Mode::Watch, &on, Some(Effect::Apply));
    let (next, effect) = on.next(&in_force("y"), &policy(Mode::Watch)).unwrap();
    assert_eq!((next.version(), next.good(), effect), (Some("y"), Some(G), Some(Effect::Began)));
    check(&on, &in_force(G), Mode::Watch, &settled(), None);
    let why = "waits until the trial of the version in force is over".to_owned();
    check(&on, &offered("y", Mode::Shadow), Mode::Shadow, &on, Some(Effect::Hold(why)));
}

fn any_input() -> impl Strategy<Value = Input> {
    let version = || (0..4_u8).prop_map(|number| format!("v{number}"));
    let mode = (0..3_usize).prop_map(|number| Mode::ALL[number]);
    let what = String::from("a bug");
    prop_oneof![
        (version(), mode).prop_map(|(version, mode)| offered(&version, mode)),
        version().prop_map(|version| in_force(&version)),
        (0..2000_u64).prop_map(|now| Input::Runs { now: at(now) }),
        (0..30_u64, 0..30_u64).prop_map(|(intents, refused)| {
            Input::Counted(Counts { intents, refused, ..Counts::default() })
        }),
        any::<bool>().prop_map(failed),
        (0..2000_u64, any::<bool>()).prop_map(|(now, runs)| Input::Time { now: at(now), runs }),
        proptest::strategy::Just(Input::ShadowFailed { what: what.clone() }),
        proptest::strategy::Just(Input::Promote),
        proptest::strategy::Just(Input::Discard { why: what }),
        proptest::strategy::Just(Input::Restarted),
    ]
}

proptest! {
    #[test]
    fn the_good_version_is_never_lost_and_is_replaced_only_by_one_that_passed(
        inputs in proptest::collection::vec((any_input(), 0..3_usize), 1..80)
    ) {
        let mut state = Rollout::default();
        for (input, mode) in inputs {
            let policy = policy(Mode::ALL[mode]);
            let Ok((next, effect)) = state.next(&input, &policy) else { continue };
            prop_assert!(state.good().is_none() || next.good().is_some());
            prop_assert_eq!(state.good() != next.good(), effect == Some(Effect::Good)
                && state.good() != next.good());
            if state.good() != next.good() {
                prop_assert_eq!(&effect, &Some(Effect::Good));
            }
            if let Some(Effect::RollBack { to, .. }) = &effect {
                prop_assert_eq!(Some(to.as_str()), state.good());
                prop_assert_eq!(next.version(), state.version());
            }
            state = next;
        }
    }

    #[test]
    fn what_was_rolled_back_or_set_aside_is_never_applied_before_another_version_is_offered(
        inputs in proptest::collection::vec((any_input(), 0..3_usize), 1..80)
    ) {
        let mut state = Rollout::default();
        for (input, mode) in inputs {
            let Ok((next, effect)) = state.next(&input, &policy(Mode::ALL[mode])) else { continue };
            let is_out = matches!(state.stage(), Stage::RolledBack { .. } | Stage::SetAside { .. });
            if let (true, Input::Offered { version, .. }) = (is_out, &input)
                && state.version() == Some(version)
            {
                prop_assert!(matches!(effect, Some(Effect::Hold(_))), "{:?}", effect);
                prop_assert_eq!(&next, &state);
            }
            state = next;
        }
    }

    #[test]
    fn a_trial_ends_exactly_once(
        inputs in proptest::collection::vec((any_input(), 0..3_usize), 1..80)
    ) {
        let mut state = Rollout::default();
        for (input, mode) in inputs {
            let Ok((next, effect)) = state.next(&input, &policy(Mode::ALL[mode])) else { continue };
            let is_end = matches!(effect, Some(Effect::RollBack { .. }));
            let was_on_trial = matches!(state.stage(), Stage::Trial { .. });
            prop_assert!(!is_end || was_on_trial);
            if is_end {
                let (again, effect) = next.next(&failed(true), &policy(Mode::Watch)).unwrap();
                prop_assert_eq!((&again, effect), (&next, None));
            }
            state = next;
        }
    }
}
