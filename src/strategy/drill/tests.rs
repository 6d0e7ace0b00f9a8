//! When a drill fails, and how; what it trades is in `tests/decisions`.

use super::*;

fn config(fault: Trouble) -> Config {
    Config {
        market_prefixes: vec!["btc-".to_owned()],
        size: "5".parse().unwrap(),
        fault,
        on_input: 0,
        every: 0,
        repeat: 0,
        fault_number: 0,
        span: Duration::from_secs(2),
        grow_bytes: 7,
    }
}

/// Returns the inputs, of the first thousand, at which it fails.
fn fails_at(config: Config) -> Vec<u64> {
    let mut drill = Drill::new(config);
    (1..1000).filter(|input| drill.fault(*input).is_some()).collect()
}

#[test]
fn it_fails_at_its_nth_input_and_again_as_often_as_it_is_told() {
    let at = |on_input, every, repeat| {
        fails_at(Config { on_input, every, repeat, ..config(Trouble::Error) })
    };
    assert_eq!(at(0, 10, 10), Vec::<u64>::new());
    assert_eq!(at(3, 0, 9), [3]);
    assert_eq!(at(3, 10, 0), [3]);
    assert_eq!(at(3, 10, 2), [3, 13, 23]);
    assert_eq!(at(1, 1, 2), [1, 2, 3]);
}

#[test]
fn a_raised_number_is_a_command_that_is_carried_out_once() {
    let before = Drill::new(Config { fault_number: 4, ..config(Trouble::Hang) });
    let AnySaved::Drill(saved) = before.save() else { panic!("a drill's") };
    let raised = |number| {
        let config = Config { fault_number: number, ..config(Trouble::Hang) };
        let mut drill = Drill::restore(config, saved);
        (1..10)
            .filter_map(|input| drill.fault(input).map(|fault| (input, fault)))
            .collect::<Vec<_>>()
    };
    assert_eq!(raised(4), []);
    assert_eq!(raised(3), []);
    assert_eq!(raised(5), [(1, Fault::Drill(Ordeal(Trial::Hang)))]);
    assert_eq!(raised(9).len(), 1);
}

#[test]
fn each_trouble_is_told_to_whoever_runs_it() {
    let told = |fault| Drill::new(Config { on_input: 1, ..config(fault) }).fault(1);
    let span = Some(Duration::from_secs(2));
    assert_eq!(told(Trouble::None), None);
    assert_eq!(told(Trouble::SlowStart), None);
    assert!(matches!(told(Trouble::Error), Some(Fault::Error(_))));
    assert!(matches!(told(Trouble::Config), Some(Fault::Config(_))));
    for (fault, trial) in [
        (Trouble::Spin, Trial::Spin(span)),
        (Trouble::Hang, Trial::Hang),
        (Trouble::Grow, Trial::Grow(7)),
    ] {
        let Some(Fault::Drill(ordeal)) = told(fault) else { panic!("{fault:?}") };
        assert_eq!(ordeal.trial(), trial);
    }
    assert!(std::panic::catch_unwind(|| told(Trouble::Panic)).is_err());
}

#[test]
fn only_a_slow_start_is_told_before_the_first_input() {
    for fault in Trouble::ALL {
        let start = |span| Drill::new(Config { on_input: 1, span, ..config(fault) }).fault(0);
        let slow = |span| Some(Fault::Drill(Ordeal(Trial::SlowStart(span))));
        let second = Duration::from_secs(1);
        let is_slow = fault == Trouble::SlowStart;
        assert_eq!(start(second), slow(Some(second)).filter(|_| is_slow), "{fault:?}");
        assert_eq!(start(Duration::ZERO), slow(None).filter(|_| is_slow), "{fault:?}");
    }
}
