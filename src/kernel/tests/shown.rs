//! What is counted and shown: repeats, tallies, status.

use super::*;
use crate::status::{OrderCounts, PnlStatus};

#[test]
fn a_refusal_is_a_repeat_when_the_guards_last_answer_for_its_market_was_the_same() {
    let mut desk = Desk::new();
    // A no never is: noes are counted and not stored.
    assert_eq!(desk.no(A, Reason::NoSignal, 1), ["1 no no_signal"]);
    assert_eq!(desk.no(A, Reason::NoSignal, 2), ["2 no no_signal"]);
    let much = "entry 500 yes at 0.4";
    assert_eq!(desk.want(much), ["3 refused market_exposure"]);
    assert_eq!(desk.want(much), ["4 refused market_exposure again"]);
    // Looks that end before the guard do not come between.
    assert_eq!(desk.no(A, Reason::NoEdge, 1), ["5 no no_edge"]);
    assert_eq!(desk.no(B, Reason::NoEdge, 1), ["6 no no_edge"]);
    assert_eq!(desk.want(much), ["7 refused market_exposure again"]);
    // Another answer does, and what comes after it is new.
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.4");
    assert_eq!(desk.want(much), ["10 refused market_exposure"]);
}

#[test]
fn a_look_at_no_market_is_never_a_repeat() {
    let mut desk = Desk::new();
    for seq in 1..3 {
        let look =
            Look { market: None, wish: Wish::No(Reason::NoMarket), numbers: Numbers::none() };
        desk.hands.lock().unwrap().wishes.push(look);
        assert_eq!(desk.tell(Kind::Gap { missed: 1 }), [format!("{seq} no no_market")]);
    }
}

/// Returns the tallies of a status, one a line.
fn causes(desk: &Desk) -> Vec<String> {
    let causes = desk.kernel.status().causes;
    let line = |tally: &crate::status::Tally| {
        let market = tally.market.as_deref().unwrap_or("all");
        let (verdict, cause, count) = (&tally.verdict, &tally.cause, tally.count);
        let span = tally.last_at.since(tally.first_at).as_secs();
        let numbers = tally.numbers.iter().map(|(name, value)| format!(" {name} {value}"));
        let numbers: String = numbers.collect();
        format!("{market}: {verdict} {cause} {count} in {span} s{numbers}")
    };
    causes.iter().map(line).collect()
}

#[test]
fn noes_and_refusals_are_counted_by_cause_and_by_open_market() {
    let mut desk = Desk::new();
    desk.no(A, Reason::NoSignal, 1);
    desk.wait(5).no(B, Reason::NoSignal, 2);
    desk.wait(5).no(A, Reason::NoSignal, 3);
    desk.want("entry 500 yes at 0.4");
    desk.want("entry 10 yes at 0.4");
    assert_eq!(
        causes(&desk),
        [
            "all: no no_signal 3 in 10 s known 3",
            "all: rejected market_exposure 1 in 0 s",
            "btc-a: no no_signal 2 in 10 s known 3",
            "btc-a: rejected market_exposure 1 in 0 s",
            "btc-b: no no_signal 1 in 0 s known 2",
        ]
    );
    // A settled market is dropped; what was counted over all markets stays.
    desk.done(1, "10");
    desk.settle(A, "1", "0");
    let left = causes(&desk);
    assert_eq!(left.len(), 3);
    assert_eq!(
        (left[0].as_str(), left[2].as_str()),
        ("all: no no_signal 3 in 10 s known 3", "btc-b: no no_signal 1 in 0 s known 2")
    );
}

#[test]
fn the_status_counts_what_became_of_orders() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.submission(1, Submission::Accepted);
    desk.fill(1, "1: 4 at 0.4").unwrap();
    desk.done(1, "6");
    desk.want("entry 10 yes at 0.4");
    desk.submission(2, Submission::Accepted);
    desk.done(2, "10");
    desk.want("entry 10 yes at 0.4");
    desk.submission(3, Submission::Rejected { reason: "no".into(), origin: Origin::Order });
    desk.want("entry 10 yes at 0.4");
    desk.submission(4, Submission::Unknown);
    desk.want("entry 10 yes at 0.4");
    let status = desk.kernel.status();
    let expected = OrderCounts {
        submitted: 4,
        accepted: 2,
        rejected: 1,
        unknown: 1,
        filled: 1,
        unfilled: 1,
        open: 1,
    };
    assert_eq!(status.orders, expected);
    assert_eq!((status.decisions, status.intents, status.fills), (5, 5, 1));
    assert_eq!(status.rejections, [("one_order_per_leg".to_owned(), 1)].into());
}

#[test]
fn the_status_shows_positions_and_what_they_made() {
    let mut desk = Desk::new();
    desk.bid(A, YES, "0.38");
    desk.trade(A, "entry 20 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.35");
    desk.bid(A, NO, "0.6");
    let status = desk.kernel.status();
    let [position] = status.positions.as_slice() else { panic!("{:?}", status.positions) };
    assert_eq!((position.market.as_str(), position.label.as_str()), ("btc-a", "Up"));
    assert_eq!((position.size, position.cost_usdc), (size("10"), usdc("4")));
    assert_eq!(position.bid, "0.38".parse().ok());
    let expected = PnlStatus {
        realised_usdc: usdc("-0.5"),
        unrealised_usdc: usdc("-0.2"),
        total_usdc: usdc("-0.7"),
        fees_usdc: Usdc::ZERO,
        volume_usdc: usdc("11.5"),
        cash_usdc: usdc("-4.5"),
        drawdown_usdc: usdc("0.7"),
        drawdown_max_usdc: usdc("0.7"),
    };
    assert_eq!(status.pnl, expected);
    // A market that is not seen is named by its id.
    let mut hidden = Desk::with(limits(), Memory::default());
    let gone = ConditionId::from_bytes([9; 32]);
    let past = fill(1, &intent(gone, "entry 10 no at 0.4"), "1: 10 at 0.4", hidden.now);
    hidden.kernel.recall_fill(&past).unwrap();
    let position = hidden.kernel.status().positions.remove(0);
    assert_eq!((position.market, position.label), (gone.to_string(), "no".to_owned()));
}

#[test]
fn the_status_shows_how_much_of_each_limit_is_used() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.3");
    desk.trade(A, "entry 50 yes at 0.4");
    desk.want_in(B, "entry 60 yes at 0.5");
    let used = |desk: &Desk| {
        let risk = desk.kernel.status().risk;
        let line = |r: &crate::status::RiskUse| {
            format!("{} {}/{} {} left {}", r.rule, r.used, r.limit, r.permille, r.room)
        };
        risk.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        used(&desk),
        [
            "market_exposure 30/40 750 left 10",
            "event_exposure 0/1000000 0 left 1000000",
            "symbol_exposure 0/1000000 0 left 1000000",
            "strategy_exposure 50/60 833 left 10",
            "open_orders 1/2 500 left 1",
            "loss_streak 1/2 500 left 1",
            "reject_streak 0/5 0 left 5",
            "failure_streak 0/3 0 left 3",
            "drawdown 1/10 100 left 9",
            "daily_loss 1/1000000000000 0 left 999999999999",
            "throttle 4/100 40 left 96",
        ]
    );
    assert_eq!(desk.kernel.status().tripped, None);
    desk.bid(A, YES, "0.01");
    assert_eq!(used(&desk)[8], "drawdown 20.5/10 2050 left 0");
    let tripped = desk.kernel.status().tripped;
    assert_eq!(tripped.as_deref(), Some("drawdown: 20.5 of 10, until a person resumes it"));
    // What a person forgave is not used any more.
    desk.give(&Input::Release { at: desk.now }).unwrap();
    assert_eq!(used(&desk)[8], "drawdown 0/10 0 left 10");
}
