//! Chains and moments: one decision or order with all that belongs to it, and one instant.

use ploy::trigger::{Cause, Trigger};

use super::backend::{Backend, on_both};
use super::*;
use crate::ports::why::{
    Chain, Chains, CheckRecord, Found, Grounds, Moment, Of, RiskAnswer, RoundEnd,
};

on_both!(
    an_order_is_read_with_its_decision_its_events_and_its_round,
    a_refusal_is_read_with_its_rules_and_a_page_is_read_without,
    a_settlement_ends_the_round_of_what_was_held,
    an_earlier_run_is_named_by_its_id_or_how_it_begins,
    a_moment_is_what_was_stored_up_to_it,
);

fn of(run: Option<&str>) -> Of {
    Of { strategy: me(), run: run.map(str::to_owned) }
}

fn there<T: std::fmt::Debug>(found: Found<T>) -> T {
    match found {
        Found::There(value) => value,
        other @ (Found::Nothing { .. } | Found::NoRun(_)) => panic!("{other:?}"),
    }
}

fn grounds() -> Grounds {
    let check = |rule: &str, finding: &str, used: Option<&str>| CheckRecord {
        rule: rule.to_owned(),
        finding: finding.to_owned(),
        used: used.map(str::to_owned),
        limit: used.map(|_| "50".to_owned()),
        room: None,
    };
    Grounds {
        trigger: Trigger { cause: Cause::Book { outcome: Outcome::No }, at: at(1) },
        gates: vec!["not_open".to_owned(), "price_limit".to_owned()],
        risk: Some(RiskAnswer {
            checks: vec![check("gate", "passed", None), check("drawdown", "refused", Some("51"))],
            passing: Some("7".parse().unwrap()),
            until: Some(at(99)),
        }),
    }
}

/// The decision that led to an order: of the same instant, with the order's number.
fn decided(seq: u64, order: u64) -> DecisionRecord {
    DecisionRecord {
        verdict: "order".to_owned(),
        cause: order.to_string(),
        at: at(i64::try_from(order).unwrap()),
        grounds: Some(grounds()),
        ..decision(seq)
    }
}

fn sold(number: u64) -> Row {
    told(number, Update::Filled(fill_of(number, 1, Side::Sell, "0.5", "4")))
}

/// Tells a chain: the decision, the order's events with their fills, and the round.
fn text(chain: &Chain) -> String {
    let decision = chain.decision.as_ref();
    let decision = decision.map_or("-".to_owned(), |d| format!("{} {}", d.seq, d.verdict));
    let Some(story) = &chain.order else { return decision };
    let events: Vec<&str> = story.events.iter().map(|event| event.kind.as_str()).collect();
    let fills = story.fills.len();
    let round = story.round.as_ref().map_or("no round".to_owned(), |round| {
        let orders: Vec<u64> = round.trades.iter().map(|trade| trade.order).collect();
        let end = round.end.as_ref().map(|end| end.profit_usdc.to_string());
        format!("{orders:?} {} {end:?}", round.held[0])
    });
    let (number, state) = (story.order.id.number, &story.order.state);
    format!("{decision}; {number} {state}; {}; {fills} fills; {round}", events.join(" "))
}

async fn an_order_is_read_with_its_decision_its_events_and_its_round(backend: Backend) {
    let store = backend.open("r").await;
    let accepted = told(1, Update::Submitted(Submission::Accepted));
    let rows = vec![
        order(1),
        Row::Decision(decided(7, 1)),
        accepted,
        filled(1, 1),
        filled(1, 2),
        done(1, DoneCause::Filled),
        order(2),
        sold(2),
        order(3),
        Row::Decision(decided(9, 3)),
    ];
    store.commit(rows).await.unwrap();
    let check = async |number, expected: &str| {
        let chain = there(Chains::order(&store, of(None), number).await.unwrap());
        assert_eq!(text(&chain), expected);
        chain
    };
    // Bought 4 for 0.90 each 2, fees 0.01 each fill; sold for 2.00 less 0.01.
    let first = "7 order; 1 filled; accepted filled filled done; 2 fills; [1, 2] 0 Some(\"0.17\")";
    let chain = check(1, first).await;
    assert_eq!(chain.run, "r");
    assert_eq!(chain.decision, Some(decided(7, 1)));
    // Its decision was lost with the machine; the order is told all the same.
    check(2, "-; 2 accepted; filled; 1 fills; [1, 2] 0 Some(\"0.17\")").await;
    check(3, "9 order; 3 pending; ; 0 fills; no round").await;
    let chain = there(store.decision(of(None), 7).await.unwrap());
    assert_eq!(text(&chain), first);
    let nothing = Found::Nothing { run: "r".to_owned() };
    assert_eq!(Chains::order(&store, of(None), 4).await.unwrap(), nothing);
    assert_eq!(store.decision(of(None), 8).await.unwrap(), nothing);
}

async fn a_refusal_is_read_with_its_rules_and_a_page_is_read_without(backend: Backend) {
    let store = backend.open("r").await;
    let refused = DecisionRecord { grounds: Some(grounds()), ..decision(3) };
    let older = decision(4);
    let rows = vec![Row::Decision(refused.clone()), Row::Decision(older.clone())];
    store.commit(rows).await.unwrap();
    let read = async |seq| there(store.decision(of(None), seq).await.unwrap());
    assert_eq!((read(3).await.decision, read(3).await.order), (Some(refused), None));
    // A version without grounds stored it.
    assert_eq!(read(4).await.decision, Some(older));
    let page = store.decisions(newest(10, None)).await.unwrap();
    assert!(page.items.iter().all(|item| item.grounds.is_none()));
}

async fn a_settlement_ends_the_round_of_what_was_held(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(vec![order(1), filled(1, 1)]).await.unwrap();
    let round = async || {
        let chain = there(Chains::order(&store, of(None), 1).await.unwrap());
        chain.order.unwrap().round.unwrap()
    };
    let open = round().await;
    assert_eq!((open.held[0].to_string(), open.end), ("2".to_owned(), None));
    store.commit(vec![settlement(20)]).await.unwrap();
    let end = RoundEnd {
        at: at(20),
        payouts_usdc: Some([usdc("1"), usdc("0")]),
        amount_usdc: usdc("2"),
        profit_usdc: usdc("1.09"),
    };
    assert_eq!(round().await.end, Some(end));
}

async fn an_earlier_run_is_named_by_its_id_or_how_it_begins(backend: Backend) {
    for run_id in ["aa1", "ab2"] {
        let store = backend.open(run_id).await;
        store.commit(vec![order(1)]).await.unwrap();
        store.close(Duration::from_secs(5)).await.unwrap();
    }
    let store = backend.open("c").await;
    let read = async |run: Option<&str>| Chains::order(&store, of(run), 1).await.unwrap();
    assert_eq!(read(None).await, Found::Nothing { run: "c".to_owned() });
    assert_eq!(there(read(Some("aa1")).await).run, "aa1");
    assert_eq!(there(read(Some("ab")).await).run, "ab2");
    let newest = ["c", "ab2", "aa1"].map(str::to_owned).to_vec();
    for run in ["a", "", "x", "aa12"] {
        assert_eq!(read(Some(run)).await, Found::NoRun(newest.clone()), "{run}");
    }
}

async fn a_moment_is_what_was_stored_up_to_it(backend: Backend) {
    let store = backend.open("r").await;
    let moved = |millis: i64, to: &str| {
        Row::Lifecycle(LifecycleRecord {
            at: at(millis),
            strategy: me(),
            from: "x".to_owned(),
            to: to.to_owned(),
            why: "a test".to_owned(),
        })
    };
    let risk = |millis: i64, event: &str| {
        Row::Risk(RiskRecord {
            at: at(millis),
            strategy: me(),
            event: event.to_owned(),
            rule: "drawdown".to_owned(),
            used: "11".to_owned(),
            limit: "10".to_owned(),
        })
    };
    let mut rows = vec![moved(0, "running"), risk(6, "tripped"), risk(40, "released")];
    rows.extend([order(1), filled(1, 1), done(1, DoneCause::Filled), order(2)]);
    rows.extend((1..=14).map(|seq| Row::Decision(DecisionRecord { at: at(5), ..decision(seq) })));
    rows.extend((15..=19).map(|seq| Row::Decision(DecisionRecord { at: at(8), ..decision(seq) })));
    rows.extend([moved(50, "stopped"), settlement(60)]);
    store.commit(rows).await.unwrap();
    let check = async |millis: i64, expected: &str| {
        let Moment { phase, tripped, before, after, orders, held, noes, .. } =
            there(store.moment(of(None), at(millis)).await.unwrap());
        let phase = phase.map(|phase| phase.to);
        let before: Vec<u64> = before.iter().map(|decision| decision.seq).collect();
        let after: Vec<u64> = after.iter().map(|decision| decision.seq).collect();
        let orders: Vec<u64> = orders.iter().map(|order| order.id.number).collect();
        let held: Vec<String> =
            held.iter().map(|held| format!("{} {}", held.size, held.outcome)).collect();
        let told = format!(
            "{phase:?} {} before {before:?} after {after:?} open {orders:?} held {held:?}",
            tripped.is_some()
        );
        assert_eq!(told, expected, "at {millis}");
        assert_eq!(noes, None);
    };
    let newest = "[14, 13, 12, 11, 10, 9, 8, 7, 6, 5]";
    // The fill is of instant 9, the end of the first order of 10.
    let then =
        format!("Some(\"running\") true before {newest} after [15, 16, 17] open [1, 2] held []");
    check(7, &then).await;
    let last = "[19, 18, 17, 16, 15, 14, 13, 12, 11, 10]";
    let then = format!("Some(\"running\") true before {last} after [] open [2] held [\"2 yes\"]");
    check(10, &then).await;
    let then = format!("Some(\"stopped\") false before {last} after [] open [2] held []");
    check(60, &then).await;
}
