//! What few messages to the database must not change: all of a commit or nothing of it, each row once, and the chain.

use super::backend::{Backend, on_both};
use super::*;

on_both!(
    an_order_is_stored_with_its_memory_and_told_in_the_chain,
    what_is_told_again_beside_what_is_new_adds_only_that,
    an_error_in_the_middle_of_a_commit_leaves_nothing_of_it,
    what_contradicts_in_a_small_commit_leaves_nothing_and_the_others_are_stored,
    of_two_memories_in_one_commit_the_newer_one_counts,
    few_rows_and_many_are_written_alike,
    a_row_of_the_chain_that_is_there_already_is_not_written_over,
    a_head_is_kept_beside_the_chain_every_thousand_rows,
);

/// Tells how many orders, events of orders, memories and rows of the chain about orders there are.
async fn check(backend: &Backend, expected: [i64; 4]) {
    let mut shell = backend.shell().await;
    let mut found = [0; 4];
    let tables = ["orders", "order_events", "memories", "audit where action like 'order%'"];
    for (count, table) in found.iter_mut().zip(tables) {
        *count = shell.rows(table).await;
    }
    assert_eq!(found, expected);
    assert_eq!(broken(backend).await, 0);
}

/// Counts the rows of the chain that do not follow the one before them.
async fn broken(backend: &Backend) -> i64 {
    const BROKEN: &str = "audit as one where number > 1 and not exists \
         (select 1 from audit as other where other.number = one.number - 1 and other.hash = one.previous)";
    backend.shell().await.rows(BROKEN).await
}

fn with_memory(number: u64) -> Vec<Row> {
    vec![order(number), Row::Memory(memory_of(number, "{}"))]
}

async fn an_order_is_stored_with_its_memory_and_told_in_the_chain(backend: Backend) {
    let store = backend.open("r").await;
    for number in 1..=5 {
        store.commit(with_memory(number)).await.unwrap();
    }
    check(&backend, [5, 0, 1, 5]).await;
    assert_eq!(store.memory(&me()).await.unwrap(), Some(memory_of(5, "{}")));
    assert_eq!(store.status().rows, 10);
}

async fn what_is_told_again_beside_what_is_new_adds_only_that(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(with_memory(1)).await.unwrap();
    store.commit(vec![done(1, DoneCause::Filled)]).await.unwrap();
    check(&backend, [1, 1, 1, 2]).await;
    let again =
        [order(1), done(1, DoneCause::Filled), told(1, Update::Submitted(Submission::Accepted))];
    for _ in 0..2 {
        store.commit(again.iter().cloned().chain(with_memory(2)).collect()).await.unwrap();
        check(&backend, [2, 2, 1, 3]).await;
    }
    assert_eq!((store.status().errors, store.status().up), (0, true));
}

async fn an_error_in_the_middle_of_a_commit_leaves_nothing_of_it(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(with_memory(1)).await.unwrap();
    for table in ["memories", "audit"] {
        backend.shell().await.run(&format!("alter table {table} rename to gone")).await;
        let refused = store.commit(with_memory(2)).await.unwrap_err();
        assert!(refused.to_string().contains(&backend.missing(table)), "{refused}");
        assert!(!store.status().up);
        backend.shell().await.run(&format!("alter table gone rename to {table}")).await;
        store.flush().await.unwrap();
        check(&backend, [1, 0, 1, 1]).await;
    }
    store.commit(with_memory(3)).await.unwrap();
    check(&backend, [2, 0, 1, 2]).await;
}

async fn what_contradicts_in_a_small_commit_leaves_nothing_and_the_others_are_stored(
    backend: Backend,
) {
    let store = backend.open("r").await;
    store.commit(with_memory(1)).await.unwrap();
    let other = vec![Row::Memory(memory_of(7, "lost")), Row::Order(order_of(1, "20"))];
    let alone = store.commit(other.clone()).await.unwrap_err();
    assert!(alone.to_string().contains("order split_arb:1 is stored already"), "{alone}");
    check(&backend, [1, 0, 1, 1]).await;
    let (fine, refused, also) = tokio::join!(
        store.commit(with_memory(2)),
        store.commit(other),
        store.commit(vec![rejected(2)])
    );
    assert_eq!(refused.unwrap_err().to_string(), alone.to_string());
    assert!(fine.is_ok() && also.is_ok(), "{fine:?} {also:?}");
    check(&backend, [2, 1, 1, 3]).await;
    assert_eq!(store.memory(&me()).await.unwrap(), Some(memory_of(2, "{}")));
    assert_eq!((store.status().up, store.status().errors), (true, 2));
}

async fn of_two_memories_in_one_commit_the_newer_one_counts(backend: Backend) {
    let store = backend.open("r").await;
    store.commit([with_memory(1), with_memory(2)].concat()).await.unwrap();
    check(&backend, [2, 0, 1, 2]).await;
    store.commit([with_memory(4), with_memory(3)].concat()).await.unwrap();
    check(&backend, [4, 0, 1, 4]).await;
    assert_eq!(store.memory(&me()).await.unwrap(), Some(memory_of(4, "{}")));
    assert_eq!(store.status().errors, 0);
}

async fn few_rows_and_many_are_written_alike(backend: Backend) {
    let store = backend.open("r").await;
    let mut number = 0;
    for rows in 1..=2 * joined::ROWS_MAX {
        let some = (0..rows).map(|_| {
            number += 1;
            if number % 3 == 0 { rejected(number) } else { order(number) }
        });
        store.commit(some.collect()).await.unwrap();
    }
    let all = i64::try_from(number).unwrap();
    check(&backend, [all - all / 3, all / 3, 0, all]).await;
}

async fn a_row_of_the_chain_that_is_there_already_is_not_written_over(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(with_memory(1)).await.unwrap();
    let next = "insert into audit select number + 1, at, event_at, run, fact_seq, strategy, actor, 'forged', \
         subject, state_before, state_after, hash, previous from audit order by number desc limit 1";
    backend.shell().await.run(next).await;
    store.commit(with_memory(2)).await.unwrap_err();
    assert!(!store.status().up);
    check(&backend, [1, 0, 1, 1]).await;
    // The chain goes on from what is there, as after every failure.
    store.commit(with_memory(3)).await.unwrap();
    check(&backend, [2, 0, 1, 2]).await;
}

async fn a_head_is_kept_beside_the_chain_every_thousand_rows(backend: Backend) {
    let store = backend.open("r").await;
    let mut number = 0;
    for rows in [990, 3, 1, 10, 1, 990, 12] {
        store.commit((0..rows).map(|row| rejected(number + row + 1)).collect()).await.unwrap();
        number += rows;
    }
    let mut shell = backend.shell().await;
    assert_eq!(shell.rows("audit_anchors where kind = 'passed'").await, 2);
    let kept = "audit_anchors where kind = 'passed' and (number, hash) in (select number, hash from audit)";
    assert_eq!(shell.rows(kept).await, 2);
    store.close(Duration::from_secs(20)).await.unwrap();
}
