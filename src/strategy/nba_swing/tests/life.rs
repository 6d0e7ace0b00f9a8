//! How a market goes from stage to stage, through halts and restarts.

use super::desk::{MARKET, book, leading};
use super::*;
use crate::market::Side;

const ENTRY: &str = "entry: buy 41.66 yes at 0.6";
const EXIT: &str = "exit: sell 41.66 yes at 0.53";

/// Checks how a look ended and at which stage the market is then.
fn check(desk: &Desk, look: &str, expected: &str, stage: &str) {
    assert_eq!((look, desk.stage().as_str()), (expected, stage), "{}", desk.compared);
}

#[test]
fn a_round_goes_through_all_stages() {
    let mut desk = Desk::leading(config());
    assert_eq!(desk.stage(), "Watch");
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, ENTRY, "Armed");
    let entry = desk.send(&look);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, "pending_order", "Entering");
    let look = desk.filled(entry, "41.66").remove(0);
    check(&desk, &look, "pending_order", "Managing");
    let look = desk.done(entry, "0");
    check(&desk, &look, "holding", "Managing");
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, EXIT, "Exiting");
    let exit = desk.send(&look);
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, "pending_order", "Exiting");
    let look = desk.filled(exit, "41.66").remove(0);
    check(&desk, &look, "pending_order", "Exited");
    let look = desk.done(exit, "0");
    check(&desk, &look, "cooldown", "Exited");
    desk.wait_s(300).tell(leading());
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, ENTRY, "Armed");
}

#[test]
fn a_signal_that_no_order_followed_is_lost_or_stays() {
    // The guard may refuse: then nothing is outstanding.
    let mut desk = Desk::leading(config());
    desk.quote("0.59/0.6");
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, ENTRY, "Armed");
    let look = desk.quote("0.84/0.85");
    check(&desk, &look, "price_high", "Watch");
}

#[test]
fn an_entry_that_ends_before_another_look_is_cancelled() {
    let mut desk = Desk::leading(config());
    let look = desk.quote("0.59/0.6");
    let entry = desk.send(&look);
    let look = desk.refused(entry);
    check(&desk, &look, "spent_book", "Watch");
}

#[test]
fn an_entry_filled_in_part_is_a_position_of_that_part() {
    let mut desk = Desk::leading(config());
    let look = desk.quote("0.59/0.6");
    let entry = desk.send(&look);
    let look = desk.done(entry, "20");
    check(&desk, &look, "holding", "Managing");
    assert_eq!(desk.held().unwrap(), "20 yes at 0.6, peak 0.6");
}

#[test]
fn an_exit_that_the_guard_refused_is_judged_anew() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, EXIT, "Exiting");
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, EXIT, "Exiting");
    // The cause is gone.
    let look = desk.quote("0.6/0.61");
    check(&desk, &look, "holding", "Managing");
}

#[test]
fn a_market_rests_exactly_as_long_as_said_and_a_rest_of_nothing_is_none() {
    for rest in [0, 300] {
        let mut desk = Desk::leading(Config { reset_after: Duration::from_secs(rest), ..config() });
        desk.bought("0.59/0.6");
        let look = desk.quote("0.53/0.54");
        let exit = desk.send(&look);
        let look = desk.done(exit, "41.66");
        if rest == 0 {
            // The time stop and the trailing stop would sell it at once again: that is what the rest is for.
            check(&desk, &look, "entry: buy 46.29 yes at 0.54", "Armed");
            continue;
        }
        check(&desk, &look, "cooldown", "Exited");
        desk.wait(Duration::from_secs(rest) - INSTANT).tell(leading());
        let look = desk.quote("0.59/0.6");
        check(&desk, &look, "cooldown", "Exited");
        let look = desk.wait(INSTANT).quote("0.59/0.6");
        check(&desk, &look, ENTRY, "Armed");
    }
}

#[test]
fn a_feed_that_is_down_halts_entries_until_the_last_one_is_back() {
    let mut desk = Desk::leading(config());
    desk.feed("books", FeedState::Down);
    desk.feed("games", FeedState::Down);
    desk.feed("books", FeedState::Down);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, "halted_state", "Halt");
    assert_eq!(desk.compared, "feeds_down 2");
    desk.feed("books", FeedState::Up);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, "halted_state", "Halt");
    desk.feed("games", FeedState::Up);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, ENTRY, "Armed");
}

#[test]
fn a_halt_with_shares_held_resumes_into_managing_them() {
    // It used to resume into watching, and forgot the position.
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    desk.feed("books", FeedState::Down);
    let look = desk.quote("0.6/0.61");
    check(&desk, &look, "holding", "Halt");
    desk.feed("books", FeedState::Up);
    let look = desk.quote("0.6/0.61");
    check(&desk, &look, "holding", "Managing");
    assert_eq!(desk.held().unwrap(), "41.66 yes at 0.6, peak 0.6");
}

#[test]
fn exits_pass_a_halt() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    desk.feed("games", FeedState::Down);
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, EXIT, "Halt");
    let exit = desk.send(&look);
    let look = desk.done(exit, "41.66");
    check(&desk, &look, "halted_state", "Halt");
    desk.feed("games", FeedState::Up);
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, "cooldown", "Watch");
}

#[test]
fn a_halt_ends_only_when_what_was_on_its_way_has_arrived() {
    let mut desk = Desk::leading(config());
    let look = desk.quote("0.59/0.6");
    let entry = desk.send(&look);
    desk.feed("books", FeedState::Down);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, "pending_order", "Halt");
    desk.feed("books", FeedState::Up);
    let look = desk.quote("0.59/0.6");
    check(&desk, &look, "pending_order", "Halt");
    let look = desk.filled(entry, "41.66").remove(0);
    check(&desk, &look, "pending_order", "Halt");
    let look = desk.done(entry, "0");
    check(&desk, &look, "holding", "Managing");
}

/// A new incarnation that knows the game and no market yet.
fn reborn(desk: &Desk) -> Desk {
    let mut reborn = Desk::leading(config());
    reborn.now = desk.now;
    reborn
}

#[test]
fn a_position_and_its_entry_survive_a_restart() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    let mut desk = reborn(&desk);
    desk.recall(YES, Side::Buy, "41.66 at 0.6");
    let look = desk.quote("0.6/0.61");
    check(&desk, &look, "holding", "Managing");
    assert_eq!(desk.held().unwrap(), "41.66 yes at 0.6, peak 0.6");
    let look = desk.quote("0.53/0.54");
    check(&desk, &look, EXIT, "Exiting");
}

#[test]
fn the_peak_survives_a_restart_as_far_as_fills_tell_it() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    assert_eq!(desk.quote("0.7/0.71"), "holding");
    assert_eq!(desk.held().unwrap(), "41.66 yes at 0.6, peak 0.7");
    // A peak that was only quoted is lost: the stop begins at the entry again.
    let mut after = reborn(&desk);
    after.recall(YES, Side::Buy, "41.66 at 0.6");
    assert_eq!(after.held().unwrap(), "41.66 yes at 0.6, peak 0.6");
    assert_eq!(after.quote("0.62/0.63"), "holding");
    assert_eq!(desk.quote("0.62/0.63"), "exit: sell 41.66 yes at 0.62");
    // One at which a half was sold is not.
    let mut after = reborn(&desk);
    after.recall(YES, Side::Buy, "41.66 at 0.6");
    after.recall(YES, Side::Sell, "20.83 at 0.7");
    assert_eq!(after.held().unwrap(), "20.83 yes at 0.6, peak 0.7");
    assert_eq!(after.stage(), "Managing");
    assert_eq!(after.quote("0.62/0.63"), "exit: sell 20.83 yes at 0.62");
}

#[test]
fn a_rest_survives_a_restart_and_so_does_the_end_of_a_round() {
    let mut desk = Desk::leading(config());
    desk.recall(YES, Side::Buy, "41.66 at 0.6");
    desk.recall(YES, Side::Sell, "41.66 at 0.7");
    assert_eq!(desk.stage(), "Exited");
    desk.wait_s(299).tell(leading());
    assert_eq!(desk.quote("0.59/0.6"), "cooldown");
    assert_eq!(desk.wait_s(1).quote("0.59/0.6"), ENTRY);
}

#[test]
fn rounds_of_the_past_follow_each_other_whatever_the_rest_is_now() {
    let mut desk = Desk::leading(config());
    desk.recall(YES, Side::Buy, "41.66 at 0.6");
    desk.recall(YES, Side::Sell, "41.66 at 0.7");
    desk.recall(NO, Side::Buy, "50 at 0.4");
    assert_eq!(
        (desk.stage().as_str(), desk.held().unwrap().as_str()),
        ("Managing", "50 no at 0.4, peak 0.4")
    );
}

#[test]
fn a_settled_market_is_forgotten() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    desk.markets.clear();
    desk.strategy.on_settled(MARKET);
    assert!(desk.strategy.swings.is_empty());
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn the_peak_follows_quotes_while_an_order_is_pending() {
    let mut desk = Desk::leading(config());
    let look = desk.quote("0.59/0.6");
    let entry = desk.send(&look);
    desk.filled(entry, "20");
    assert_eq!(desk.quote("0.75/0.76"), "pending_order");
    assert_eq!(desk.held().unwrap(), "20 yes at 0.6, peak 0.75");
    // A crossed book is no quote.
    assert_eq!(desk.quote("0.9/0.89"), "pending_order");
    assert_eq!(desk.held().unwrap(), "20 yes at 0.6, peak 0.75");
}

#[test]
fn a_timer_that_went_by_unnoticed_is_made_up_for() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    let look = desk.quote("0.53/0.54");
    let exit = desk.send(&look);
    desk.done(exit, "0");
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(1)));
    // Something else of a later instant came first, and was no look at this market.
    desk.wait_s(2).trades(1);
    assert_eq!(desk.next_timer(), Some(INSTANT));
    desk.show(YES, book(desk.now, "0.53/0.54"));
    assert_eq!(desk.wait(INSTANT).timer(), [EXIT]);
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn a_market_that_cannot_be_seen_has_had_its_turn_too() {
    let mut desk = Desk::leading(config());
    desk.bought("0.59/0.6");
    let look = desk.quote("0.53/0.54");
    let exit = desk.send(&look);
    desk.done(exit, "0");
    desk.markets.clear();
    assert_eq!(desk.wait_s(1).timer(), Vec::<String>::new());
    assert_eq!(desk.next_timer(), None);
}
