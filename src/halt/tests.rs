//! Tests of the gates: who closes, what is left, who opens.

use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn id(name: &str) -> StrategyId {
    name.parse().unwrap()
}

fn why(reason: &str, seconds: u64) -> Why {
    Why { reason: reason.to_owned(), actor: "test".to_owned(), since: at(seconds) }
}

fn raise(cause: Cause) -> Input {
    Input::Raise { cause, why: why(cause.name(), 0) }
}

fn pause(name: &str, gate: Gate) -> Input {
    Input::Pause { scope: Scope::One(id(name)), gate, why: why("pause", 0) }
}

fn pause_all(gate: Gate) -> Input {
    Input::Pause { scope: Scope::All, gate, why: why("pause", 0) }
}

const AUTO: ResumeRule = ResumeRule::Auto { healthy: Duration::from_secs(30) };

fn tick(seconds: u64, rule: ResumeRule) -> Input {
    Input::Tick { at: at(seconds), rule }
}

/// Takes all of it in; each must be possible.
fn after(inputs: &[Input]) -> Gates {
    let mut gates = Gates::default();
    for input in inputs {
        gates.next(input.clone()).unwrap();
    }
    gates
}

/// What `a` and `b` may send after all of this.
fn check(inputs: &[Input], a: Gate, b: Gate) {
    let gates = after(inputs);
    assert_eq!((gates.of(&id("a")), gates.of(&id("b"))), (a, b), "{inputs:?}");
}

#[test]
fn the_strictest_of_halts_and_pauses_holds() {
    use Gate::{Closed, Open, ReduceOnly};
    check(&[], Open, Open);
    check(&[raise(Cause::Operator)], ReduceOnly, ReduceOnly);
    check(&[raise(Cause::SignalFile)], ReduceOnly, ReduceOnly);
    check(&[raise(Cause::VenueOutage)], ReduceOnly, ReduceOnly);
    check(&[raise(Cause::StoreOutage)], Closed, Closed);
    check(&[raise(Cause::AccountBroken)], Closed, Closed);
    check(&[raise(Cause::Watchdog)], Closed, Closed);
    check(&[raise(Cause::Operator), raise(Cause::StoreOutage)], Closed, Closed);
    check(&[pause("a", ReduceOnly)], ReduceOnly, Open);
    check(&[pause("a", Closed)], Closed, Open);
    check(&[pause("a", Closed), raise(Cause::Operator)], Closed, ReduceOnly);
    check(&[pause("a", Closed), pause("a", ReduceOnly)], ReduceOnly, Open);
    check(&[pause("a", Closed), pause("a", Open)], Open, Open);
    check(&[pause_all(ReduceOnly), pause("a", Closed)], Closed, ReduceOnly);
    check(&[pause_all(Closed), raise(Cause::Operator), Input::Resume], Open, Open);
    check(&[pause("a", ReduceOnly), raise(Cause::Operator), Input::Resume], ReduceOnly, Open);
}

#[test]
fn a_gate_that_only_closes_positions_lets_exits_and_hedges_pass() {
    let passes = |gate| {
        [Purpose::Entry, Purpose::Hedge, Purpose::Exit].map(|purpose| lets_pass(gate, purpose))
    };
    assert_eq!(passes(Gate::Open), [true, true, true]);
    assert_eq!(passes(Gate::ReduceOnly), [false, true, true]);
    assert_eq!(passes(Gate::Closed), [false, false, false]);
}

#[test]
fn halting_twice_changes_nothing_and_the_first_reason_stands() {
    let mut gates = after(&[raise(Cause::Operator)]);
    let again = Input::Raise { cause: Cause::Operator, why: why("another", 9) };
    assert_eq!(gates.next(again), Ok(vec![]));
    assert_eq!(gates.halt(Cause::Operator), Some(&why("operator", 0)));
}

#[test]
fn resuming_what_is_not_halted_changes_nothing() {
    let mut gates = after(&[pause("a", Gate::Closed)]);
    let before = gates.clone();
    assert_eq!(gates.next(Input::Resume), Ok(vec![]));
    assert_eq!(gates.next(pause("b", Gate::Open)), Ok(vec![]));
    assert_eq!(gates, before);
}

#[test]
fn a_person_resumes_when_what_caused_it_is_over_and_not_before() {
    for cause in [Cause::SignalFile, Cause::StoreOutage, Cause::VenueOutage] {
        let mut gates = after(&[raise(Cause::Operator), raise(cause)]);
        let before = gates.clone();
        let reason = cause.name().to_owned();
        assert_eq!(gates.next(Input::Resume), Err(StillThere { cause, reason }));
        assert_eq!(gates, before, "a resume that is refused changes nothing");
        gates.next(Input::Over { cause, at: at(5) }).unwrap();
        assert!(gates.is_halted(), "over is not resumed");
        let lifted = vec![Effect::Lifted(Cause::Operator), Effect::Lifted(cause)];
        assert_eq!(gates.next(Input::Resume), Ok(lifted));
        assert!(!gates.is_halted());
    }
}

#[test]
fn an_outage_that_comes_back_begins_its_healthy_time_anew() {
    let cause = Cause::StoreOutage;
    let over = |seconds| Input::Over { cause, at: at(seconds) };
    let mut gates = after(&[raise(cause), over(10), tick(39, AUTO)]);
    assert!(gates.is_halted());
    gates.next(raise(cause)).unwrap();
    gates.next(over(40)).unwrap();
    gates.next(over(60)).unwrap();
    assert_eq!(gates.next(tick(69, AUTO)), Ok(vec![]));
    assert_eq!(gates.next(tick(70, AUTO)), Ok(vec![Effect::Lifted(cause)]));
}

#[test]
fn only_outages_resume_by_themselves_and_only_where_the_setting_says_so() {
    for cause in Cause::ALL {
        let inputs = [raise(cause), Input::Over { cause, at: at(1) }];
        let mut gates = after(&inputs);
        assert_eq!(gates.next(tick(10_000, ResumeRule::Manual)), Ok(vec![]));
        let lifted = gates.next(tick(10_000, AUTO)).unwrap();
        let is_outage = matches!(cause, Cause::StoreOutage | Cause::VenueOutage);
        assert_eq!(!lifted.is_empty(), is_outage, "{cause:?}");
    }
}

#[test]
fn what_is_shown_names_each_cause_and_each_pause() {
    let gates = after(&[raise(Cause::SignalFile), pause_all(Gate::ReduceOnly)]);
    let status = gates.status();
    assert_eq!(status.gate, Gate::ReduceOnly);
    assert_eq!((status.halts[0].cause, status.halts[0].over), (Cause::SignalFile, false));
    assert_eq!(status.pauses[0].strategy, None);
}

fn causes() -> impl proptest::strategy::Strategy<Value = Cause> {
    prop::sample::select(Cause::ALL.to_vec())
}

fn gates() -> impl proptest::strategy::Strategy<Value = Gate> {
    prop::sample::select(vec![Gate::Open, Gate::ReduceOnly, Gate::Closed])
}

fn inputs() -> impl proptest::strategy::Strategy<Value = Input> {
    prop_oneof![
        causes().prop_map(raise),
        (causes(), 0_u64..100).prop_map(|(cause, s)| Input::Over { cause, at: at(s) }),
        Just(Input::Resume),
        (0_u64..200).prop_map(|s| tick(s, AUTO)),
        gates().prop_map(|gate| pause("a", gate)),
        gates().prop_map(pause_all),
    ]
}

proptest! {
    #[test]
    fn the_order_of_causes_does_not_matter(
        mut all in prop::collection::vec(causes(), 0..8),
        turn in 0_usize..8,
    ) {
        let inputs: Vec<Input> = all.iter().copied().map(raise).collect();
        let first = after(&inputs);
        if !all.is_empty() {
            let turn = turn % all.len();
            all.rotate_left(turn);
        }
        let inputs: Vec<Input> = all.into_iter().map(raise).collect();
        prop_assert_eq!(first, after(&inputs));
    }

    #[test]
    fn whatever_happens_the_gate_is_the_strictest_and_saying_it_twice_changes_nothing(
        all in prop::collection::vec(inputs(), 0..40),
    ) {
        let mut gates = Gates::default();
        for input in all {
            let before = gates.clone();
            let effects = gates.next(input.clone());
            if let Err(refused) = &effects {
                prop_assert_eq!(&gates, &before);
                prop_assert!(gates.halt(refused.cause).is_some());
            }
            let once = gates.clone();
            prop_assert!(gates.next(input.clone()).is_err() || gates == once);
            prop_assert_eq!(gates.next(input.clone()).unwrap_or_default(), vec![]);
            let strictest = Cause::ALL.iter().filter(|cause| gates.halt(**cause).is_some());
            let strictest = strictest.map(|cause| cause.gate()).max().unwrap_or_default();
            prop_assert!(strictest <= gates.all());
            prop_assert_eq!(gates.of(&id("a")), gates.all().max(gates.own(&id("a"))));
            prop_assert_eq!(gates.of(&id("b")), gates.all());
            // Nothing but a resume, or an outage that has healed, ever lifts a cause.
            for cause in Cause::ALL {
                let lifted = before.halt(cause).is_some() && gates.halt(cause).is_none();
                let by_itself = matches!(input, Input::Tick { .. })
                    && matches!(cause, Cause::StoreOutage | Cause::VenueOutage);
                prop_assert!(!lifted || input == Input::Resume || by_itself);
            }
        }
    }
}
