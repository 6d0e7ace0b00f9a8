//! What was written, read back: pages, orders, the past, and what outlives the process.

use super::backend::{Backend, on_both};
use super::*;

on_both!(
    pages_go_from_the_newest_to_the_oldest,
    an_order_is_what_its_events_say,
    an_order_without_an_end_is_told_with_its_bytes_and_one_that_was_changed_is_refused,
    the_past_is_told_once_in_the_order_it_was_booked,
    the_sums_agree_with_the_portfolio,
    order_numbers_and_the_past_are_of_this_run_and_halts_of_all,
    reading_does_not_wait_for_a_write,
    readers_cannot_write,
);

async fn pages_go_from_the_newest_to_the_oldest(backend: Backend) {
    let store = backend.open("r").await;
    for seq in 1..=5 {
        store.commit(vec![order(seq), Row::Decision(decision(seq))]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.decisions(newest(2, before)).await.unwrap();
        seen.push(page.items.iter().map(|item| item.seq).collect::<Vec<_>>());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
    // A page that holds just the rest has no next.
    let whole = store.decisions(newest(5, None)).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (5, None));
    assert_eq!(whole.items[4], decision(1));
    // Another strategy's page is empty, and a limit of nothing is one.
    let mut other = newest(0, None);
    assert_eq!(store.decisions(other.clone()).await.unwrap().items.len(), 1);
    other.strategy = "momentum".parse().unwrap();
    assert_eq!(store.decisions(other).await.unwrap().items, []);
}

async fn an_order_is_what_its_events_say(backend: Backend) {
    let accepted = |number| told(number, Update::Submitted(Submission::Accepted));
    let unknown = |number| told(number, Update::Submitted(Submission::Unknown));
    check_order(&backend, vec![], ("pending", "0", None)).await;
    check_order(&backend, vec![accepted(1)], ("accepted", "0", None)).await;
    check_order(&backend, vec![rejected(1)], ("rejected", "0", Some("no money"))).await;
    check_order(&backend, vec![unknown(1)], ("unknown", "0", None)).await;
    // It was looked up: whatever came first, it is known now.
    check_order(&backend, vec![unknown(1), accepted(1)], ("accepted", "0", None)).await;
    check_order(&backend, vec![unknown(1), rejected(1)], ("rejected", "0", Some("no money"))).await;
    check_order(&backend, vec![unknown(1), filled(1, 1)], ("accepted", "2", None)).await;
    let twice = vec![accepted(1), filled(1, 1), filled(1, 2), filled(1, 2)];
    check_order(&backend, twice, ("accepted", "4", None)).await;
    let part = vec![accepted(1), filled(1, 1), done(1, DoneCause::Unmatched)];
    check_order(&backend, part, ("filled", "2", Some("unmatched"))).await;
    let all = vec![filled(1, 1), filled(1, 2), done(1, DoneCause::Filled)];
    check_order(&backend, all, ("filled", "4", Some("filled"))).await;
    let none = vec![accepted(1), done(1, DoneCause::Cancelled)];
    check_order(&backend, none, ("unfilled", "0", Some("cancelled"))).await;
    // Of another order.
    check_order(&backend, vec![done(2, DoneCause::Resolved)], ("pending", "0", None)).await;
}

/// The one place that derives an order's state from its events.
async fn check_order(
    backend: &Backend,
    events: Vec<Row>,
    (state, filled, cause): (&str, &str, Option<&str>),
) {
    let case = format!("{events:?}");
    // Each is a run of its own.
    let store = backend.open(&case).await;
    store.commit(vec![order(1)]).await.unwrap();
    store.commit(events).await.unwrap();
    let expected = OrderRecord {
        id: "split_arb:1".parse().unwrap(),
        at: at(1),
        market_id: MARKET.to_string(),
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.46".parse().unwrap(),
        size: "10".parse().unwrap(),
        time_in_force: "FAK".to_owned(),
        purpose: "entry".to_owned(),
        state: state.to_owned(),
        filled: filled.parse().unwrap(),
        cause: cause.map(str::to_owned),
    };
    let page = store.orders(newest(10, None)).await.unwrap();
    assert_eq!(page.items, [expected], "{case}");
    let open = store.open_orders(&me()).await.unwrap();
    let is_open = matches!(state, "pending" | "accepted" | "unknown");
    assert_eq!(open.len(), usize::from(is_open), "{case}");
    store.close(Duration::from_secs(5)).await.unwrap();
}

async fn an_order_without_an_end_is_told_with_its_bytes_and_one_that_was_changed_is_refused(
    backend: Backend,
) {
    let store = backend.open("r").await;
    let rows = vec![order(1), order(2), filled(1, 1), done(2, DoneCause::Cancelled)];
    store.commit(rows).await.unwrap();
    let sent = order_of(1, "10");
    let fill = fill_of(1, 1, Side::Buy, "0.45", "2");
    let expected = Told {
        key: sent.key(),
        payload: sent.payload().clone(),
        is_accepted: true,
        is_over: false,
        fills: [(1, fill)].into(),
    };
    assert_eq!(store.unfinished().await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(store.told_of(sent.id()).await.unwrap(), Some(expected));
    let other = store.told_of(order_of(2, "10").id()).await.unwrap().unwrap();
    assert!(other.is_over && !other.is_accepted && other.fills.is_empty());
    assert_eq!(store.told_of(order_of(3, "10").id()).await.unwrap(), None);
    let spoil = "update orders set limit_price = limit_price + 1 where number = 1";
    backend.shell().await.run(spoil).await;
    let error = store.unfinished().await.unwrap_err().to_string();
    assert!(error.contains("the bytes of order split_arb:1 are not those"), "{error}");
    store.close(Duration::from_secs(5)).await.unwrap();
}

async fn the_past_is_told_once_in_the_order_it_was_booked(backend: Backend) {
    let store = backend.open("r").await;
    let sold = Update::Filled(fill_of(2, 1, Side::Sell, "0.5", "1"));
    let facts = [
        filled(1, 1),
        filled(1, 1),
        settlement(20),
        told(2, sold.clone()),
        settlement(30),
        settlement(20),
        filled(1, 2),
    ];
    for fact in facts {
        store.record(fact, Ticket::none()).unwrap();
    }
    // What is queued counts: a strategy that starts again must not miss a fill.
    assert_eq!(store.status().rows, 0);
    let past = store.past(&me()).await.unwrap();
    let Update::Filled(sold) = sold else { panic!("a fill") };
    let settled = Past::Settled { market: MARKET, payouts: [usdc("1"), usdc("0")] };
    let bought = |fill| Past::Fill(fill_of(1, fill, Side::Buy, "0.45", "2"));
    assert_eq!(past, [bought(1), settled.clone(), Past::Fill(sold), settled, bought(2)]);
    assert_eq!(store.past(&"momentum".parse().unwrap()).await.unwrap(), []);
}

async fn the_sums_agree_with_the_portfolio(backend: Backend) {
    let store = backend.open("r").await;
    let mut portfolio = Portfolio::default();
    // Prices and sizes whose products must be rounded.
    let fills = [
        fill_of(1, 1, Side::Buy, "0.333333", "3.333333"),
        fill_of(1, 2, Side::Buy, "0.000007", "7.000001"),
        fill_of(2, 1, Side::Sell, "0.777777", "1.234567"),
    ];
    for fill in fills {
        portfolio.book(&fill).unwrap();
        let row = told(fill.order.number, Update::Filled(fill));
        store.record(row, Ticket::none()).unwrap();
    }
    let payouts = [usdc("1"), usdc("0")];
    let (amount, profit) = portfolio.settle(MARKET, payouts).unwrap();
    let settled =
        Settlement { strategy: me(), market: MARKET, payouts, amount, profit, at: at(30) };
    store.record(Row::Settlement(settled), Ticket::none()).unwrap();
    let sums = store.sums(&me()).await.unwrap();
    assert_eq!(sums.cash(), portfolio.cash());
    assert_eq!(sums.fees, portfolio.fees());
    assert_eq!(sums.settled, amount);
    let nobody = store.sums(&"momentum".parse().unwrap()).await.unwrap();
    assert_eq!(nobody, Sums::default());
}

async fn order_numbers_and_the_past_are_of_this_run_and_halts_of_all(backend: Backend) {
    let first = backend.open("b").await;
    let rows = vec![order(7), filled(7, 1), Row::Intent(halt(None))];
    first.commit(rows).await.unwrap();
    first.commit(vec![Row::Intent(halt(Some("a hang")))]).await.unwrap();
    first.close(Duration::from_secs(5)).await.unwrap();

    // Its id sorts before the first one's, and its clock stands still: only the order of opening counts.
    let second = backend.open("a").await;
    assert_eq!(second.last_order_number(&me()).await.unwrap(), 0);
    assert_eq!(second.past(&me()).await.unwrap(), []);
    assert_eq!(second.open_orders(&me()).await.unwrap(), []);
    assert_eq!(second.strategy_records().await.unwrap(), [halt(Some("a hang"))]);
    second.record(Row::Intent(halt(None)), Ticket::none()).unwrap();
    assert_eq!(second.strategy_records().await.unwrap(), [halt(None)]);
    second.close(Duration::from_secs(5)).await.unwrap();

    // The same run again goes on where it was.
    let again = backend.open("b").await;
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 7);
    again.commit(vec![order(8)]).await.unwrap();
    let page = again.orders(newest(1, None)).await.unwrap();
    assert_eq!(page.items[0].id.number, 8);
    let open = again.open_orders(&me()).await.unwrap();
    assert_eq!(open, ["split_arb:7".parse().unwrap(), "split_arb:8".parse().unwrap()]);
}

async fn reading_does_not_wait_for_a_write(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(vec![order(1)]).await.unwrap();
    let mut shell = backend.shell().await;
    shell.block().await;
    let page = store.orders(newest(1, None)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    shell.run("rollback").await;
}

async fn readers_cannot_write(backend: Backend) {
    let store = backend.open("r").await;
    let mut snapshot = store.inner.pool.snapshot().await.unwrap();
    let refused = sql("delete from runs").execute(&mut snapshot.link()).await;
    let said = refused.unwrap_err().to_string().replace('-', "");
    assert!(said.contains("readonly"), "{said}");
}

#[tokio::test]
async fn readers_of_a_store_in_memory_cannot_write() {
    let store = memory().await;
    let mut snapshot = store.inner.pool.snapshot().await.unwrap();
    let refused = sql("delete from runs").execute(&mut snapshot.link()).await;
    assert!(refused.unwrap_err().to_string().contains("readonly"));
}
