//! An order in doubt, step by step: what is asked, what is believed, and what is told.

use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{ClientOrderId, Liquidity, Origin};
use ploy::order_path::Payload;
use ploy::price::Usdc;
use ploy::time::Timestamp;

use super::*;

const WINDOWS: Windows =
    Windows { answer: Some(Duration::from_secs(1)), admission: Duration::from_secs(10) };

fn size(text: &str) -> Size {
    text.parse().unwrap()
}

fn intent() -> Intent {
    Intent {
        market: ConditionId::from_bytes([7; 32]),
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.4".parse().unwrap(),
        size: size("10"),
        time_in_force: TimeInForce::Gtc,
        purpose: Purpose::Entry,
    }
}

fn stored(is_accepted: bool, fills: &[Fill]) -> Told {
    let id: ClientOrderId = "a:1".parse().unwrap();
    let payload = Payload::of("r", &id, Timestamp::UNIX_EPOCH, &intent());
    let key = OrderKey { id, hash: payload.hash() };
    let fills = fills.iter().map(|fill| (fill.number, fill.clone())).collect();
    Told { key, payload, is_accepted, is_over: false, fills }
}

fn fill(number: u32, shares: &str) -> Fill {
    let Intent { market, outcome, side, limit, .. } = intent();
    Fill {
        number,
        order: "a:1".parse().unwrap(),
        market,
        outcome,
        side,
        price: limit,
        size: size(shares),
        fee: Usdc::ZERO,
        liquidity: Liquidity::Maker,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// An order of which an earlier process is known to have told this much, and a clock of its own.
struct Desk {
    track: Track,
    now: Instant,
}

impl Desk {
    fn inherits(is_accepted: bool, fills: &[Fill]) -> Self {
        let now = Instant::now();
        Self { track: Track::inherited(stored(is_accepted, fills), now), now }
    }

    /// An order that was sent by this process.
    fn sent() -> Self {
        let now = Instant::now();
        let mut track = Track::known(stored(false, &[]), now);
        track.answer_by = WINDOWS.answer.map(|within| now + within);
        Self { track, now }
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    /// Returns the question that is put now.
    fn asks(&mut self) -> Lookup {
        match self.track.wake(self.now, WINDOWS) {
            Some(Step::Ask(lookup)) => lookup,
            other => panic!("it does not ask: {other:?}"),
        }
    }

    /// Puts a question and has it answered at once. Returns what is told and done, in words.
    fn finds(&mut self, standing: Standing) -> String {
        let lookup = self.asks();
        self.answers(lookup, standing)
    }

    fn answers(&mut self, lookup: Lookup, standing: Standing) -> String {
        let found = Found { lookup, at: Timestamp::UNIX_EPOCH, standing };
        let (updates, step) = self.track.found(&found, self.now, WINDOWS);
        let mut words: Vec<String> = updates.iter().map(word).collect();
        for update in &updates {
            assert_eq!(self.track.hear(update, self.now), Heard::New, "{update:?}");
            assert_ne!(self.track.hear(update, self.now), Heard::New, "{update:?} again");
        }
        words.extend(step.map(|step| format!("{step:?}")));
        words.join(", ")
    }
}

fn word(update: &Update) -> String {
    match update {
        Update::Submitted(Submission::Accepted) => "accepted".to_owned(),
        Update::Submitted(Submission::Rejected { .. }) => "rejected".to_owned(),
        Update::Submitted(Submission::Unknown) => "unknown".to_owned(),
        Update::Filled(fill) => format!("fill {}", fill.number),
        Update::Done { unfilled, cause } => format!("{cause:?} {unfilled} left"),
    }
}

fn open(fills: &[Fill]) -> Standing {
    Standing::Open { fills: fills.to_vec() }
}

fn done(fills: &[Fill], unfilled: &str) -> Standing {
    let cause = DoneCause::Cancelled;
    Standing::Done { fills: fills.to_vec(), unfilled: size(unfilled), cause }
}

#[test]
fn an_order_without_a_word_is_unknown_after_the_answers_window_and_asked_about_at_once() {
    let mut desk = Desk::sent();
    assert_eq!(desk.track.wake(desk.now, WINDOWS), None);
    assert_eq!(desk.track.due(), Some(desk.now + Duration::from_secs(1)));
    desk.after(1);
    assert_eq!(desk.track.wake(desk.now, WINDOWS), Some(Step::Doubt));
    let unknown = Update::Submitted(Submission::Unknown);
    assert_eq!(desk.track.hear(&unknown, desk.now), Heard::New);
    assert_eq!(desk.track.hear(&unknown, desk.now), Heard::Known);
    assert_eq!(desk.finds(open(&[])), "accepted");
    assert_eq!((desk.track.why(), desk.track.due()), (None, None), "it rests, and is wanted");
}

#[test]
fn an_order_that_was_answered_is_not_waited_for() {
    let mut desk = Desk::sent();
    desk.track.hear(&Update::Submitted(Submission::Accepted), desk.now);
    assert_eq!(desk.track.due(), None);
}

#[test]
fn what_the_venue_found_is_told_as_far_as_it_was_not_told_before() {
    let (one, two) = (fill(1, "4"), fill(2, "6"));
    let all = [one.clone(), two.clone()];
    let told = Desk::inherits(false, &[]).finds(done(&all, "0"));
    assert_eq!(told, "accepted, fill 1, fill 2, Cancelled 0 left");
    let told = Desk::inherits(true, std::slice::from_ref(&one)).finds(done(&all, "0"));
    assert_eq!(told, "fill 2, Cancelled 0 left");
    let told = Desk::inherits(false, &[]).finds(done(&[], "10"));
    assert_eq!(told, "accepted, Cancelled 10 left");
    let (reason, origin) = ("no".to_owned(), Origin::Order);
    assert_eq!(Desk::inherits(false, &[]).finds(Standing::Rejected { reason, origin }), "rejected");
}

#[test]
fn an_inherited_order_that_rests_is_cancelled_until_it_ends() {
    let mut desk = Desk::inherits(true, &[]);
    assert_eq!(desk.finds(open(&[])), "Cancel");
    assert_eq!(desk.track.wake(desk.now, WINDOWS), None, "not at once again");
    assert_eq!(desk.after(1).finds(open(&[fill(1, "4")])), "fill 1, Cancel");
    assert_eq!(desk.after(1).finds(done(&[fill(1, "4")], "6")), "Cancelled 6 left");
    assert!(desk.track.is_over() && desk.track.due().is_none());
}

#[test]
fn an_order_that_nobody_heard_of_is_released_only_once_it_must_have_arrived() {
    let mut desk = Desk::inherits(false, &[]);
    let early = desk.asks();
    // An answer that comes late is as old as its question.
    assert_eq!(desk.after(10).answers(early, Standing::Absent), "");
    assert!(!desk.track.is_over());
    assert_eq!(desk.after(1).finds(Standing::Absent), "Absent 10 left");
    assert!(desk.track.is_over());
}

#[test]
fn an_order_that_the_venue_had_is_released_only_after_a_cancel_must_have_arrived() {
    let mut desk = Desk::inherits(true, &[fill(1, "4")]);
    desk.after(11);
    assert_eq!(desk.finds(Standing::Absent), "Cancel");
    assert_eq!(desk.track.due(), Some(desk.now + WINDOWS.admission));
    assert_eq!(desk.after(10).finds(Standing::Absent), "Absent 6 left");
}

#[test]
fn an_answer_that_does_not_add_up_is_not_relied_on() {
    let known = [fill(1, "4")];
    for bad in [open(&[]), done(&[], "10"), done(&known, "5"), done(&[fill(2, "4")], "6")] {
        let mut desk = Desk::inherits(true, &known);
        assert_eq!(desk.finds(bad.clone()), "", "{bad:?}");
        assert!(desk.track.why().is_some_and(|why| why.contains("answer")), "{bad:?}");
    }
    let mut desk = Desk::inherits(true, &known);
    let (reason, origin) = ("no".to_owned(), Origin::Order);
    assert_eq!(desk.finds(Standing::Rejected { reason, origin }), "");
    assert!(!desk.track.is_over());
}

#[test]
fn a_venue_that_cannot_be_asked_is_asked_again_ever_later_and_never_taken_for_a_no() {
    let mut desk = Desk::inherits(false, &[]);
    let mut waits = Vec::new();
    for _ in 0..7 {
        let reason = "no route".to_owned();
        assert_eq!(desk.finds(Standing::Unanswered { reason }), "");
        let due = desk.track.due().unwrap();
        waits.push((due - desk.now).as_millis());
        desk.now = due;
    }
    assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
    assert_eq!(desk.track.why(), Some("the venue cannot be asked: no route"));
    // A question whose answer is lost is put again; an answer to the older one says nothing.
    let lost = desk.asks();
    assert_eq!(desk.track.wake(desk.now, WINDOWS), None);
    desk.after(1);
    assert_eq!(desk.track.wake(desk.now, WINDOWS), None);
    assert_eq!(desk.track.why(), Some("the venue did not answer the question"));
    assert_eq!(desk.answers(lost, done(&[], "10")), "");
}

#[test]
fn a_cancel_of_which_nothing_comes_is_asked_about() {
    let mut desk = Desk::sent();
    desk.track.hear(&Update::Submitted(Submission::Accepted), desk.now);
    desk.track.cancel(desk.now, WINDOWS);
    assert_eq!(desk.track.wake(desk.now, WINDOWS), None);
    assert_eq!(desk.after(1).finds(open(&[])), "Cancel");
    assert_eq!(desk.after(1).finds(done(&[], "10")), "Cancelled 10 left");
}

#[test]
fn what_is_told_again_is_known_and_a_fill_that_changed_contradicts() {
    let mut desk = Desk::inherits(true, &[fill(1, "4")]);
    let hear = |desk: &mut Desk, update: &Update| desk.track.hear(update, desk.now);
    assert_eq!(hear(&mut desk, &Update::Filled(fill(1, "4"))), Heard::Known);
    assert_eq!(hear(&mut desk, &Update::Filled(fill(1, "5"))), Heard::Contradicts);
    let end = Update::Done { unfilled: size("6"), cause: DoneCause::Cancelled };
    assert_eq!(hear(&mut desk, &end), Heard::New);
    assert_eq!(hear(&mut desk, &end), Heard::Known);
    assert_eq!(hear(&mut desk, &Update::Submitted(Submission::Accepted)), Heard::Known);
    // Money that moved is never known before it is told.
    assert_eq!(hear(&mut desk, &Update::Filled(fill(2, "1"))), Heard::New);
}

#[test]
fn an_end_that_is_told_before_all_fills_is_believed_once_the_venue_was_asked() {
    let mut desk = Desk::inherits(true, &[fill(1, "4")]);
    let lost = desk.asks();
    assert_eq!(desk.track.hear(&Update::Filled(fill(3, "3")), desk.now), Heard::New);
    let (unfilled, cause) = (Size::ZERO, DoneCause::Filled);
    let done = Update::Done { unfilled, cause };
    assert_eq!(desk.track.hear(&done, desk.now), Heard::Known, "the second fill is missing");
    assert!(!desk.track.is_over());
    let fills = vec![fill(1, "4"), fill(2, "3"), fill(3, "3")];
    let found = desk.answers(lost, Standing::Done { fills, unfilled, cause });
    assert_eq!(found, "fill 2, Filled 0 left");
    assert!(desk.track.is_over());

    let mut desk = Desk::sent();
    assert_eq!(desk.track.hear(&done, desk.now), Heard::Known, "no fill was told");
    let fills = vec![fill(1, "10")];
    let found = desk.finds(Standing::Done { fills, unfilled, cause });
    assert_eq!(found, "accepted, fill 1, Filled 0 left");
}
