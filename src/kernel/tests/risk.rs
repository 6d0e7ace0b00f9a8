//! Gate, breaker and settlement.

use super::*;

fn gate(desk: &mut Desk, gate: Gate) {
    let at = desk.now;
    assert_eq!(desk.give(&Input::Gate { at, gate }), Ok(NOTHING));
}

fn release(desk: &mut Desk) -> Vec<String> {
    let at = desk.now;
    desk.give(&Input::Release { at }).unwrap()
}

#[test]
fn a_gate_lets_pass_what_it_says() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 20 yes at 0.4");
    gate(&mut desk, Gate::ReduceOnly);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4"), ["2 refused gate"]);
    assert_eq!(desk.want("exit 10 yes at 0.4"), ["submit 2", "3 order 2"]);
    gate(&mut desk, Gate::Closed);
    assert_eq!(desk.want("hedge 10 no at 0.4"), ["4 refused gate"]);
    gate(&mut desk, Gate::Open);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4"), ["submit 3", "5 order 3"]);
}

#[test]
fn losses_in_a_row_trip_the_breaker_and_time_lets_one_entry_try() {
    let mut desk = Desk::new();
    for trip in [false, true] {
        desk.trade(A, "entry 10 yes at 0.4");
        let came = desk.trade(A, "exit 10 yes at 0.3");
        assert_eq!(came.iter().any(|line| line == "tripped loss_streak at 2 for 60s"), trip);
    }
    let until = desk.now + Duration::from_secs(60);
    assert_eq!(desk.kernel.next_timer(), Some(until));
    assert!(desk.want("entry 10 yes at 0.4")[0].ends_with("refused loss_streak"));
    desk.wait(60);
    assert_eq!(desk.give(&Input::Timer(until)).unwrap(), ["half open loss_streak"]);
    assert_eq!(desk.kernel.next_timer(), None);
    assert_eq!(desk.kernel.status().half_open.as_deref(), Some("loss_streak"));
    assert_eq!(desk.want("entry 10 yes at 0.4")[0], "submit 5");
}

/// Returns a desk whose breaker is half open after a losing streak, with four orders behind it.
fn half_open() -> Desk {
    let mut desk = Desk::new();
    for _ in 0..2 {
        desk.trade(A, "entry 10 yes at 0.4");
        desk.trade(A, "exit 10 yes at 0.3");
    }
    desk.wait(60);
    let at = desk.now;
    assert_eq!(desk.give(&Input::Timer(at)).unwrap(), ["half open loss_streak"]);
    desk
}

#[test]
fn a_trial_is_one_entry_until_its_round_is_over() {
    let mut desk = half_open();
    // What finds nobody has shown nothing: the next entry may try.
    desk.want("entry 10 yes at 0.4");
    assert!(desk.want_in(B, "entry 10 yes at 0.4")[0].ends_with("refused trial"));
    desk.done(5, "10");
    desk.trade(A, "entry 10 yes at 0.4");
    assert!(desk.want_in(B, "entry 10 yes at 0.4")[0].ends_with("refused trial again"));
    // Protection passes, and a loss trips it again for the whole cooldown.
    assert_eq!(desk.trade(A, "exit 10 yes at 0.3"), ["tripped loss_streak at 3 for 60s"]);
    assert_eq!(desk.kernel.status().half_open, None);
    desk.wait(60);
    assert_eq!(desk.bid(B, YES, "0.4"), ["half open loss_streak"]);
    desk.trade(B, "entry 10 yes at 0.4");
    assert_eq!(desk.trade(B, "exit 10 yes at 0.5"), ["released loss_streak"]);
    assert_eq!(desk.want("entry 10 yes at 0.4")[0], "submit 10");
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4")[0], "submit 11");
}

#[test]
fn a_trial_goes_on_in_the_next_incarnation() {
    let mut desk = half_open();
    desk.want("entry 10 yes at 0.4");
    let mut next = Desk::with(limits(), desk.kernel.memory());
    assert_eq!(next.kernel.status().half_open.as_deref(), Some("loss_streak"));
    // The order was closed with the incarnation that sent it, and has shown nothing.
    assert_eq!(next.want("entry 10 yes at 0.4")[0], "submit 6");
    assert!(next.want_in(B, "entry 10 yes at 0.4")[0].ends_with("refused trial"));
    assert_eq!(release(&mut next), ["released loss_streak"]);
    assert_eq!(next.want_in(B, "entry 10 yes at 0.4")[0], "submit 7");
}

/// Has the strategy want an order of A and tells what came of sending it. Returns what came of that.
fn send(desk: &mut Desk, submission: Submission) -> Vec<String> {
    desk.want("entry 10 yes at 0.4");
    let number = desk.kernel.memory().last_order;
    let mut came = desk.submission(number, submission);
    if desk.kernel.orders().contains(number) {
        came.extend(desk.done(number, "10"));
    }
    came
}

fn refused(origin: Origin) -> Submission {
    Submission::Rejected { reason: "no".into(), origin }
}

#[test]
fn failures_of_the_venue_in_a_row_trip_the_breaker_until_it_takes_an_order() {
    let mut desk = Desk::new();
    assert_eq!(send(&mut desk, refused(Origin::Venue)), NOTHING);
    assert_eq!(send(&mut desk, refused(Origin::Unsent)), NOTHING);
    assert_eq!(send(&mut desk, refused(Origin::Order)), NOTHING);
    assert_eq!(send(&mut desk, Submission::Unknown), NOTHING);
    let trip = ["tripped failure_streak at 3 for 300s"];
    assert_eq!(send(&mut desk, refused(Origin::Venue)), trip);
    assert!(desk.want("entry 10 yes at 0.4")[0].ends_with("refused failure_streak"));
    desk.wait(300);
    assert_eq!(desk.want("entry 10 yes at 0.4")[..2], ["half open failure_streak", "submit 6"]);
    assert!(desk.want_in(B, "entry 10 yes at 0.4")[0].ends_with("refused trial"));
    assert_eq!(desk.submission(6, Submission::Accepted), ["released failure_streak"]);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4")[0], "submit 7");
}

#[test]
fn our_own_rejects_in_a_row_trip_the_breaker_and_an_acceptance_ends_them() {
    let mut desk = Desk::new();
    for trip in [false, false, false, false] {
        assert_eq!(send(&mut desk, refused(Origin::Order)).is_empty(), !trip);
    }
    assert_eq!(send(&mut desk, Submission::Accepted), NOTHING);
    for trip in [false, false, false, false, true] {
        assert_eq!(send(&mut desk, refused(Origin::Order)).is_empty(), !trip);
    }
    assert!(desk.want("entry 10 yes at 0.4")[0].ends_with("refused reject_streak"));
    // What is told of an order that is over is no news.
    assert_eq!(desk.submission(1, Submission::Accepted), NOTHING);
    assert!(desk.want("entry 10 yes at 0.4")[0].ends_with("refused reject_streak again"));
}

#[test]
fn any_input_after_its_time_ends_a_trip() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        desk.trade(A, "entry 10 yes at 0.4");
        desk.trade(A, "exit 10 yes at 0.3");
    }
    desk.wait(61);
    let came = desk.want("entry 10 yes at 0.4");
    assert_eq!(came[..2], ["half open loss_streak", "submit 5"]);
}

#[test]
fn a_person_releases_any_trip() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        desk.trade(A, "entry 10 yes at 0.4");
        desk.trade(A, "exit 10 yes at 0.3");
    }
    assert_eq!(release(&mut desk), ["released loss_streak"]);
    assert_eq!(release(&mut desk), NOTHING);
    assert_eq!(desk.want("entry 10 yes at 0.4")[0], "submit 5");
}

#[test]
fn a_fall_of_what_is_held_trips_the_breaker_until_a_person_releases_it() {
    let mut desk = Desk::new();
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    assert_eq!(desk.bid(A, YES, "0.31"), NOTHING);
    assert_eq!(desk.bid(A, YES, "0.3"), ["tripped drawdown at 10"]);
    assert_eq!(desk.bid(A, YES, "0.29"), NOTHING);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4"), ["2 refused drawdown"]);
    assert_eq!(desk.want("exit 100 yes at 0.29")[0], "submit 2");
    desk.wait(1_000_000);
    assert_eq!(desk.kernel.next_timer(), None);
    // What was lost by then is forgiven: the next trip is 10 further down.
    assert_eq!(release(&mut desk), ["released drawdown"]);
    assert_eq!(desk.bid(A, YES, "0.2"), NOTHING);
    assert_eq!(desk.bid(A, YES, "0.19"), ["tripped drawdown at 10"]);
}

#[test]
fn a_purchase_is_no_fall() {
    // Forty USDC are spent on shares worth as much, whatever the order of books and fills is.
    let mut desk = Desk::new();
    desk.trade(A, "entry 50 yes at 0.4");
    assert_eq!(desk.bid(B, YES, "0.4"), NOTHING);
    assert_eq!(desk.trade(B, "entry 50 yes at 0.4"), NOTHING);
    assert_eq!(desk.bid(B, YES, "0.39"), NOTHING);
    assert_eq!(desk.kernel.portfolio().drawdown(), usdc("0.5"));
    // The book that is known tells at once what a fill is worth.
    desk.bid(A, NO, "0.2");
    desk.trade(A, "entry 50 no at 0.3");
    assert_eq!(desk.kernel.portfolio().drawdown(), Usdc::ZERO);
}

#[test]
fn a_profit_by_a_sale_is_no_room_for_a_fall() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 50 yes at 0.4");
    desk.trade(A, "exit 50 yes at 0.55");
    assert_eq!(desk.kernel.portfolio().drawdown(), Usdc::ZERO);
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    assert_eq!(desk.bid(A, YES, "0.31"), NOTHING);
    assert_eq!(desk.bid(A, YES, "0.3"), ["tripped drawdown at 10"]);
}

#[test]
fn a_settlement_pays_closes_the_round_and_forgets_the_market() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "hedge 10 no at 0.5");
    desk.told();
    assert_eq!(desk.settle(A, "0", "1"), ["btc-a settled for 10, profit 1"]);
    assert_eq!((desk.told(), desk.cash().as_str()), (vec!["a settled".to_owned()], "1"));
    assert_eq!(desk.settle(A, "0", "1"), NOTHING);
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["3 refused unknown_market"]);
    // Nothing held: nothing comes of it, and the strategy is told all the same.
    assert_eq!(desk.settle(B, "0.5", "0.5"), NOTHING);
    assert_eq!(desk.told().last().unwrap(), "b settled");
}

#[test]
fn lost_settlements_trip_the_breaker_and_a_win_ends_the_streak() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    assert_eq!(desk.settle(A, "0", "1"), ["btc-a settled for 0, profit -4"]);
    desk.trade(B, "entry 10 yes at 0.4");
    let trip = "tripped loss_streak at 2 for 60s";
    assert_eq!(desk.settle(B, "0", "1"), ["btc-b settled for 0, profit -4", trip]);

    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.3");
    desk.trade(A, "entry 10 yes at 0.4");
    assert_eq!(desk.settle(A, "1", "0"), ["btc-a settled for 10, profit 6"]);
    desk.trade(B, "entry 10 yes at 0.4");
    assert_eq!(desk.settle(B, "0", "1"), ["btc-b settled for 0, profit -4"]);
}

#[test]
fn a_lost_settlement_may_be_too_deep_a_fall() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 30 yes at 0.4");
    let settled = desk.settle(A, "0", "1");
    assert_eq!(settled, ["btc-a settled for 0, profit -12", "tripped drawdown at 12"]);
}

/// A desk whose day ends after so many seconds, and on which ten USDC may be lost in a day.
fn day_of(seconds: u64) -> Desk {
    let desk = Desk::new();
    let starts_at = (desk.now + Duration::from_secs(seconds)).micros().rem_euclid(86_400_000_000);
    let starts_at = Duration::from_micros(starts_at.unsigned_abs());
    let day = DayLimits { loss_max_usdc: usdc("10"), starts_at, ..DayLimits::PRESET };
    let limits = Limits { drawdown_max_usdc: usdc("1000"), day, ..limits() };
    Desk::with(limits, Memory::default())
}

#[test]
fn a_days_loss_waits_for_the_next_day_which_comes_without_a_trade() {
    let mut desk = day_of(3600);
    let midnight = desk.now + Duration::from_secs(3600);
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    assert_eq!(desk.bid(A, YES, "0.31"), NOTHING);
    // What is not realised counts as well.
    assert_eq!(desk.bid(A, YES, "0.3"), ["tripped daily_loss at 10 for 3600s"]);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4"), ["2 refused daily_loss"]);
    assert_eq!(desk.kernel.next_timer(), Some(midnight));
    desk.wait(3600);
    assert_eq!(desk.give(&Input::Timer(midnight)).unwrap(), ["released daily_loss"]);
    // The new day begins at what was left: ten more may be lost.
    assert_eq!(desk.bid(A, YES, "0.21"), NOTHING);
    assert_eq!(desk.bid(A, YES, "0.2"), ["tripped daily_loss at 10 for 86400s"]);
    assert_eq!(release(&mut desk), ["released daily_loss"]);
    assert_eq!(desk.bid(A, YES, "0.11"), NOTHING);
}

#[test]
fn a_days_loss_waits_for_the_midnight_of_its_zone_also_where_that_day_is_longer() {
    // Clocks in New York are put back on 1 November 2026: from midnight to midnight it is 25 hours.
    let zone = "America/New_York".parse().unwrap();
    let day = DayLimits { loss_max_usdc: usdc("10"), zone, ..DayLimits::PRESET };
    let limits = Limits { drawdown_max_usdc: usdc("1000"), day, ..limits() };
    let mut desk = Desk::with(limits, Memory::default());
    desk.now = "2026-11-01T04:00:00Z".parse().unwrap();
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    assert_eq!(desk.bid(A, YES, "0.3"), ["tripped daily_loss at 10 for 90000s"]);
    let midnight = "2026-11-02T05:00:00Z".parse().unwrap();
    assert_eq!(desk.kernel.next_timer(), Some(midnight));
    assert_eq!(desk.give(&Input::Timer(midnight)).unwrap(), ["released daily_loss"]);
}

#[test]
fn the_news_that_open_a_day_count_to_it() {
    let mut desk = day_of(60);
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    desk.bid(A, YES, "0.35");
    desk.wait(60);
    // Five were lost yesterday; nine are lost by the first book of the day.
    assert_eq!(desk.bid(A, YES, "0.26"), NOTHING);
    assert_eq!(desk.bid(A, YES, "0.25"), ["tripped daily_loss at 10 for 86400s"]);
}

/// A desk on which what is held is worth its last bid for so many seconds once nobody bids.
fn grace_of(seconds: u64) -> Desk {
    let mut desk = Desk::with(
        Limits { mark_grace: Duration::from_secs(seconds), ..limits() },
        Memory::default(),
    );
    desk.bid(A, YES, "0.4");
    desk.trade(A, "entry 100 yes at 0.4");
    desk
}

#[test]
fn without_a_grace_one_book_without_a_bid_is_a_fall() {
    assert_eq!(grace_of(0).bid(A, YES, "-"), ["tripped drawdown at 40"]);
}

#[test]
fn one_book_without_a_bid_is_no_fall_within_the_grace() {
    let mut desk = grace_of(10);
    assert_eq!(desk.bid(A, YES, "-"), NOTHING);
    let end = desk.now + Duration::from_secs(10);
    assert_eq!(desk.kernel.next_timer(), Some(end));
    let shown = |desk: &Desk| {
        let position = desk.kernel.status().positions.remove(0);
        (position.bid, position.last_bid, position.last_bid_until)
    };
    assert_eq!(shown(&desk), (None, "0.4".parse().ok(), Some(end)));
    // A second such book does not put it off, and a bid ends it.
    desk.wait(5);
    assert_eq!(desk.bid(A, YES, "-"), NOTHING);
    assert_eq!(desk.kernel.next_timer(), Some(end));
    assert_eq!(desk.bid(A, YES, "0.39"), NOTHING);
    assert_eq!((desk.kernel.next_timer(), shown(&desk)), (None, ("0.39".parse().ok(), None, None)));
    assert_eq!(desk.kernel.portfolio().drawdown(), usdc("1"));
}

#[test]
fn after_the_grace_what_nobody_bids_for_is_worth_nothing() {
    let mut desk = grace_of(10);
    desk.bid(A, YES, "-");
    desk.wait(10);
    let at = desk.now;
    assert_eq!(desk.give(&Input::Timer(at)).unwrap(), ["tripped drawdown at 40"]);
    assert_eq!(desk.kernel.next_timer(), None);
    // Still no bid: there is no last one to be kept.
    assert_eq!(desk.bid(A, YES, "-"), NOTHING);
    assert_eq!(desk.kernel.portfolio().drawdown(), usdc("40"));
}

#[test]
fn a_grace_goes_on_in_the_next_incarnation() {
    let mut desk = grace_of(10);
    desk.bid(A, YES, "-");
    let limits = Limits { mark_grace: Duration::from_secs(10), ..limits() };
    let mut next = Desk::with(limits, desk.kernel.memory());
    let bought = fill(1, &intent(A, "entry 100 yes at 0.4"), "1: 100 at 0.4", desk.now);
    next.kernel.recall_fill(&bought).unwrap();
    next.now = desk.now + Duration::from_secs(9);
    assert_eq!(next.bid(A, YES, "-"), NOTHING);
    next.wait(1);
    assert_eq!(next.no(A, Reason::NoSignal, 1), ["tripped drawdown at 40", "2 no no_signal"]);
}

#[test]
fn a_limit_that_is_lowered_below_what_is_lost_trips_at_the_next_input() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 30 yes at 0.4");
    assert_eq!(desk.trade(A, "exit 30 yes at 0.2"), NOTHING);
    let checkpoint = || desk.kernel.checkpoint();
    let lower = |text: &str| {
        let day = DayLimits { loss_max_usdc: usdc(text), ..DayLimits::PRESET };
        let fall = Limits { drawdown_max_usdc: usdc(text), ..limits() };
        let day = Limits { drawdown_max_usdc: usdc("1000"), day, ..limits() };
        [fall, day].map(|limits| {
            let mut desk = super::checkpoint::resumed(checkpoint(), limits);
            // Nothing is held, so that no book would ever ask.
            let came = desk.want("entry 10 yes at 0.4");
            came[0].clone()
        })
    };
    assert_eq!(lower("6.000001"), ["submit 3", "submit 3"]);
    let day = "tripped daily_loss at 6 for 85400s";
    assert_eq!(lower("6"), ["tripped drawdown at 6", day]);
}
