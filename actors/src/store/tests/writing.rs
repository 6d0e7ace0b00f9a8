//! Rows on their way to the disk: groups, retries, full queues and full disks, and the end.

use super::backend::{Backend, on_both};
use super::*;

on_both!(
    many_decisions_are_written_each_once_with_its_number,
    every_kind_of_row_has_its_table,
    commits_that_arrive_together_share_a_transaction,
    what_is_told_twice_is_stored_once,
    a_transaction_that_is_written_again_changes_nothing,
    an_order_with_a_number_in_use_is_refused_and_nothing_of_its_commit_is_stored,
    a_fill_that_contradicts_itself_is_shown_and_the_first_one_counts,
    a_full_queue_refuses_and_says_so,
    a_store_that_cannot_write_says_so_keeps_records_and_recovers,
    a_failed_transaction_is_tried_again_without_being_asked,
    a_store_that_takes_other_rows_but_no_orders_stays_down,
    a_commit_that_was_given_up_is_not_written_later,
    closing_writes_what_waits_and_takes_nothing_more,
    closing_a_store_that_cannot_write_says_how_much_is_lost,
    the_last_clone_takes_the_writer_with_it,
);

async fn every_kind_of_row_has_its_table(backend: Backend) {
    let store = backend.open("r").await;
    store.commit(every_kind()).await.unwrap();
    let mut shell = backend.shell().await;
    for table in TABLES {
        assert_eq!(shell.rows(table).await, 1, "{table}");
    }
    assert_eq!(shell.rows("runs").await, 1);
}

#[tokio::test]
async fn what_is_committed_is_on_the_disk_at_once() {
    let (folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(vec![order(1)]).await.unwrap();
    // As after a power cut: the files as they are now, nothing was closed.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    let again = Store::open(&copy, run("r")).await.unwrap();
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 1);
    assert_eq!(store.status().rows, 1);
}

#[tokio::test]
async fn the_disk_is_asked_to_keep_its_word() {
    let (_folder, path) = place();
    let mut opened = open::file(&path, Some(&run("r")), &open::MIGRATIONS).await.unwrap();
    let Conn::Sqlite(conn) = &mut opened.conn else { panic!("a file") };
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")]
    {
        let sql = format!("select cast({pragma} as text) from pragma_{pragma}");
        let value: String = query_scalar(AssertSqlSafe(sql)).fetch_one(&mut **conn).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

async fn commits_that_arrive_together_share_a_transaction(backend: Backend) {
    let store = backend.open("r").await;
    let mut commits = JoinSet::new();
    for number in 1..=200 {
        let store = store.clone();
        commits.spawn(async move { store.commit(vec![order(number)]).await });
    }
    while let Some(answer) = commits.join_next().await {
        answer.unwrap().unwrap();
    }
    let transactions = *store.inner.tries.borrow();
    assert!((1..=20).contains(&transactions), "{transactions}");
    assert_eq!(store.status().rows, 200);
    assert_eq!(store.last_order_number(&me()).await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn decisions_wait_for_each_other_and_nothing_waits_for_them() {
    let store = memory().await;
    let mut tries = store.inner.tries.clone();
    for seq in 1..=50 {
        store.record(Row::Decision(decision(seq)), Ticket::none()).unwrap();
        tokio::task::yield_now().await;
    }
    store.commit(vec![order(1)]).await.unwrap();
    assert_eq!((*tries.borrow_and_update(), store.status().rows), (1, 51));
    store.record(Row::Decision(decision(51)), Ticket::none()).unwrap();
    tries.changed().await.unwrap();
    assert_eq!(*tries.borrow(), 2);
}

async fn many_decisions_are_written_each_once_with_its_number(backend: Backend) {
    let store = backend.open("r").await;
    for seq in 1..=100 {
        store.record(Row::Decision(decision(seq)), Ticket::none()).unwrap();
        if seq == 70 {
            store.record(error("between"), Ticket::none()).unwrap();
        }
    }
    store.flush().await.unwrap();
    let page = store.decisions(newest(1000, None)).await.unwrap();
    let read: Vec<u64> = page.items.iter().rev().map(|item| item.seq).collect();
    assert_eq!(read, (1..=100).collect::<Vec<_>>());
    assert_eq!(page.items[99], decision(1));
    let mut shell = backend.shell().await;
    assert_eq!(shell.rows("errors where seq = 71").await, 1);
    assert_eq!((shell.rows("decisions").await, store.status().rows), (100, 101));
}

async fn what_is_told_twice_is_stored_once(backend: Backend) {
    let store = backend.open("r").await;
    for _ in 0..2 {
        let facts = vec![order(1), filled(1, 1), settlement(20), done(1, DoneCause::Filled)];
        store.commit(facts).await.unwrap();
    }
    let mut shell = backend.shell().await;
    for (table, expected) in [("orders", 1), ("fills", 1), ("settlements", 1), ("order_events", 2)]
    {
        assert_eq!(shell.rows(table).await, expected, "{table}");
    }
}

async fn a_transaction_that_is_written_again_changes_nothing(backend: Backend) {
    let mut opened = backend.opened("r").await;
    for _ in 0..2 {
        for (seq, row) in (1..).zip(every_kind()) {
            let place = rows::Place { run: "r", seq };
            rows::insert(&mut opened.conn.link(), place, &row).await.unwrap();
        }
    }
    for table in TABLES {
        assert_eq!(backend.shell().await.rows(table).await, 1, "{table}");
    }
}

async fn an_order_with_a_number_in_use_is_refused_and_nothing_of_its_commit_is_stored(
    backend: Backend,
) {
    let store = backend.open("r").await;
    store.commit(vec![order(1)]).await.unwrap();
    let other = Row::Order(order_of(1, "20"));
    let (refused, fine) =
        tokio::join!(store.commit(vec![order(2), other]), store.commit(vec![order(3)]));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("order split_arb:1 is stored already"), "{message}");
    fine.unwrap();
    let page = store.orders(newest(10, None)).await.unwrap();
    let orders: Vec<_> = page.items.iter().map(|order| order.id.number).collect();
    assert_eq!(orders, [3, 1]);
    assert_eq!(page.items[1].size, "10".parse().unwrap());
    assert_eq!((store.status().up, store.status().errors), (true, 1));
}

async fn a_fill_that_contradicts_itself_is_shown_and_the_first_one_counts(backend: Backend) {
    let store = backend.open("r").await;
    store.record(filled(1, 1), Ticket::none()).unwrap();
    let other = Update::Filled(fill_of(1, 1, Side::Buy, "0.44", "2"));
    store.record(told(1, other), Ticket::none()).unwrap();
    store.flush().await.unwrap();
    let fills = store.fills(newest(10, None)).await.unwrap().items;
    assert_eq!(fills.len(), 1);
    assert_eq!(fills[0].price, "0.45".parse().unwrap());
    let status = store.status();
    assert_eq!((status.errors, status.queued, status.rows), (1, 0, 1));
    assert!(status.last_error.unwrap().contains("a fill of order split_arb:1"));
}

async fn a_full_queue_refuses_and_says_so(backend: Backend) {
    let store = backend.open("r").await;
    // The writer cannot run before the first await.
    for number in 0..8192_u32 {
        assert_eq!(store.pressure(), 4096 < number, "{number}");
        store.record(error("x"), Ticket::none()).unwrap();
    }
    let refused = store.record(error("one too many"), Ticket::none());
    assert!(matches!(refused, Err(StoreError::Full)));
    let status = store.status();
    assert_eq!((status.queued, status.errors, status.up), (8192, 1, true));
    assert!(status.last_error.unwrap().contains("full"));
    // An order still gets in, and all that was taken is written.
    store.commit(vec![order(1)]).await.unwrap();
    assert_eq!((store.status().queued, store.status().rows), (0, 8193));
    assert!(!store.pressure());
}

#[tokio::test]
async fn a_ticket_is_given_back_before_the_row_is_written() {
    let store = memory().await;
    let (ticket, settled) = Ticket::new();
    store.record(error("x"), ticket).unwrap();
    settled.wait().await;
    assert_eq!(store.status().queued, 1);
}

async fn a_store_that_cannot_write_says_so_keeps_records_and_recovers(backend: Backend) {
    let store = backend.open("r").await;
    let mut shell = backend.shell().await;
    shell.run("alter table errors rename to gone").await;
    store.record(error("kept"), Ticket::none()).unwrap();
    let refused = store.commit(vec![order(1)]).await.unwrap_err();
    assert!(refused.to_string().contains(&backend.missing("errors")), "{refused}");
    let status = store.status();
    assert!(!status.up);
    // The record, and the failure itself.
    assert_eq!((status.queued, status.rows), (2, 0));
    assert!(status.last_error.unwrap().contains(&backend.missing("errors")));

    shell.run("alter table gone rename to errors").await;
    store.flush().await.unwrap();
    let status = store.status();
    assert_eq!((status.up, status.queued, status.rows), (true, 0, 2));
    assert_eq!(shell.rows("errors").await, 2);
    // Its caller was told that it is not stored.
    assert_eq!(shell.rows("orders").await, 0);
}

async fn a_failed_transaction_is_tried_again_without_being_asked(backend: Backend) {
    let store = backend.open("r").await;
    let mut shell = backend.shell().await;
    shell.run("alter table orders rename to gone").await;
    // Nothing but the failure itself is left to be written.
    store.commit(vec![order(1)]).await.unwrap_err();
    assert_eq!((store.status().up, store.status().queued), (false, 1));
    let mut tries = store.inner.tries.clone();
    tries.mark_unchanged();
    tries.changed().await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(store.status().up);
    assert_eq!(shell.rows("errors").await, 1);
}

async fn a_store_that_takes_other_rows_but_no_orders_stays_down(backend: Backend) {
    let store = backend.open("r").await;
    let mut shell = backend.shell().await;
    shell.run("alter table orders rename to gone").await;
    store.commit(vec![order(1)]).await.unwrap_err();
    store.record(error("waits"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    tries.mark_unchanged();
    for _ in 0..2 {
        tries.changed().await.unwrap();
        assert!(!store.status().up);
    }
    shell.run("alter table gone rename to orders").await;
    store.flush().await.unwrap();
    assert!(store.status().up);
    // What it was tried with left nothing.
    assert_eq!((shell.rows("orders").await, shell.rows("errors").await), (0, 2));
}

#[tokio::test]
async fn a_full_disk_is_survived() {
    let mut opened = open::in_memory(&run("r")).await.unwrap();
    // The database then rolls back by itself, which is what must not confuse the writer.
    opened.conn.link().run("pragma max_page_count = 80").await.unwrap();
    let store = Store::start(opened, &run("r"));
    let refused = store.commit(vec![error(&"x".repeat(1_000_000))]).await;
    assert!(refused.unwrap_err().to_string().contains("full"));
    // It may be well again already: what was too large is not tried again, and what says so is small.
    assert_eq!(store.status().errors, 1);
    store.commit(vec![order(1)]).await.unwrap();
    assert!(store.status().up);
    assert_eq!(store.last_order_number(&me()).await.unwrap(), 1);
}

async fn a_commit_that_was_given_up_is_not_written_later(backend: Backend) {
    let store = backend.open("r").await;
    let mut shell = backend.shell().await;
    shell.block().await;
    store.record(error("first"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    tries.changed().await.unwrap();
    // The writer waits for the lock, and the caller's patience ends.
    tokio::time::pause();
    let late = Duration::from_secs(6);
    let (answer, ()) = tokio::join!(store.commit(vec![order(1)]), tokio::time::advance(late));
    tokio::time::resume();
    assert!(answer.unwrap_err().to_string().contains("no answer within 5 s"));
    assert!(!store.status().up);
    shell.run("rollback").await;
    store.flush().await.unwrap();
    assert!(store.status().up);
    assert_eq!(shell.rows("orders").await, 0);
    assert_eq!(shell.rows("errors").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_stands_still_while_the_store_works() {
    let before = tokio::time::Instant::now();
    let store = memory().await;
    for number in 1..=20 {
        store.commit(vec![order(number)]).await.unwrap();
        assert_eq!(store.last_order_number(&me()).await.unwrap(), number);
        store.orders(newest(10, None)).await.unwrap();
    }
    store.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

async fn closing_writes_what_waits_and_takes_nothing_more(backend: Backend) {
    let store = backend.open("r").await;
    for _ in 0..100 {
        store.record(error("x"), Ticket::none()).unwrap();
    }
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(matches!(store.record(error("x"), Ticket::none()), Err(StoreError::Ended)));
    assert!(matches!(store.flush().await, Err(StoreError::Ended)));
    assert!(matches!(store.orders(newest(1, None)).await, Err(StoreError::Ended)));
    assert_eq!(backend.shell().await.rows("errors").await, 100);
    // The file is free again, although the old handle is still there.
    backend.open("s").await;
}

async fn closing_a_store_that_cannot_write_says_how_much_is_lost(backend: Backend) {
    let store = backend.open("r").await;
    backend.shell().await.run("drop table errors").await;
    store.record(error("x"), Ticket::none()).unwrap();
    store.flush().await.unwrap_err();
    let lost = store.close(Duration::ZERO).await.unwrap_err();
    assert_eq!(lost.to_string(), "the store failed: 2 rows were not written");
}

async fn the_last_clone_takes_the_writer_with_it(backend: Backend) {
    let store = backend.open("r").await;
    store.record(error("x"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    drop(store.clone());
    drop(store);
    while tries.changed().await.is_ok() {}
    let again = backend.open("s").await;
    assert_eq!(backend.shell().await.rows("errors").await, 1);
    drop(again);
}
