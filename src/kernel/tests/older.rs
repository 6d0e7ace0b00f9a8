//! What an older program wrote down of a kernel: its breaker had neither version, rejects, failures nor trial.
//!
//! The samples in `form_1/` were written by that program, of the same desks.

use super::checkpoint::{read, resumed, written};
use super::*;

const BUSY: &str = include_str!("form_1/busy.json");
const LOSS_STREAK: &str = include_str!("form_1/loss_streak.json");
const DRAWDOWN: &str = include_str!("form_1/drawdown.json");

/// Returns a desk at which a kernel goes on from a text.
fn desk(text: &str) -> Desk {
    resumed(serde_json::from_str(text).unwrap(), limits())
}

#[test]
fn what_an_older_program_wrote_is_read_whole_and_written_anew() {
    for text in [BUSY, LOSS_STREAK, DRAWDOWN] {
        assert!(!text.contains(r#""version""#) && !text.contains(r#""rejects""#));
        let kernel = read(text).unwrap();
        let breaker = kernel.guard.breaker();
        assert_eq!((breaker.rejects(), breaker.failures(), breaker.trial()), (0, 0, None));
        let written = serde_json::to_string(&kernel.checkpoint()).unwrap();
        assert!(written.contains(r#""breaker":{"version":2,"streak":"#), "{written}");
        let again = read(&written).unwrap();
        assert_eq!(serde_json::to_string(&again.checkpoint()).unwrap(), written);
        assert_eq!(again.status(), kernel.status());
    }
    assert_eq!(read(BUSY).unwrap().guard.breaker().streak(), 1);
}

#[test]
fn a_streaks_trip_of_an_older_program_stays_in_force_and_ends_half_open() {
    let mut desk = desk(LOSS_STREAK);
    assert!(desk.want("entry 10 yes at 0.4")[0].ends_with("refused loss_streak again"));
    desk.wait(60);
    assert!(desk.want("entry 10 yes at 0.4")[0].starts_with("half open loss_streak"));
}

#[test]
fn a_drawdowns_trip_of_an_older_program_waits_for_a_person() {
    let mut desk = desk(DRAWDOWN);
    desk.wait(1_000_000);
    assert!(desk.want_in(B, "entry 10 yes at 0.4")[0].ends_with("refused drawdown"));
    assert_eq!(desk.kernel.next_timer(), None);
    let at = desk.now;
    assert_eq!(desk.give(&Input::Release { at }).unwrap(), ["released drawdown"]);
}

#[test]
fn a_breaker_of_another_form_is_refused_by_its_number() {
    let text = written(&super::checkpoint::busy());
    let check = |from: &str, to: &str, expected: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let error = read(&changed).map(drop).unwrap_err();
        assert!(error.starts_with(expected) && error.contains(" at line "), "{error}");
    };
    for found in [0, 1, 3] {
        let unknown = format!(
            "form {found} of a breaker is not known to this program, which reads 1 (without a version) and 2"
        );
        check(r#""version":2"#, &format!(r#""version":{found}"#), &unknown);
        // What it has beside is not looked at.
        check(r#""version":2"#, &format!(r#""version":{found},"other":[]"#), &unknown);
    }
    check(r#""version":2,"#, "", "missing field `version`");
}
