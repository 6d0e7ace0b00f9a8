//! A store on a server: one writer, nothing acknowledged lost, and back by itself when the server is.

use sqlx::query_scalar;

use super::backend::Backend;
use super::*;

/// A store on a server of its own, with the address of the database.
async fn served() -> Option<(Backend, Store)> {
    let backend = Backend::server()?;
    let store = backend.open("r").await;
    Some((backend, store))
}

/// Waits until the store writes, as somebody who has an order would: by trying.
async fn until_up(store: &Store) {
    let mut tries = store.inner.tries.clone();
    while store.flush().await.is_err() || !store.status().up {
        tries.changed().await.unwrap();
    }
}

/// Cuts the connection that writes; the shell's own and the readers' stay.
const CUT: &str = "select pg_terminate_backend(l.pid) from pg_locks l \
     where l.locktype = 'advisory' and l.pid <> pg_backend_pid()";

#[tokio::test]
async fn a_server_is_asked_to_keep_its_word() {
    let Some(backend) = Backend::server() else { return };
    let mut opened = backend.opened("r").await;
    for (setting, expected) in
        [("synchronous_commit", "on"), ("fsync", "on"), ("lock_timeout", "5s")]
    {
        let read = sql("select current_setting($1)").bind(setting);
        let (value,) = read.one::<(String,)>(&mut opened.conn.link()).await.unwrap();
        assert_eq!(value, expected, "{setting}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_wait_for_its_disk_is_refused() {
    let Some(backend) = Backend::server() else { return };
    let mut shell = backend.shell().await;
    shell.run("alter system set fsync = off").await;
    shell.run("select pg_reload_conf()").await;
    // A new connection has the new settings.
    let mut error = Store::open_at(&backend.location(), run("r")).await.err();
    for _ in 0..200 {
        if error.is_some() {
            break;
        }
        error = Store::open_at(&backend.location(), run("r")).await.err();
    }
    let error = error.unwrap();
    assert!(matches!(error, OpenError::NotDurable { .. }), "{error:?}");
    assert!(error.to_string().contains("fsync off"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_be_used_says_what_to_do() {
    let Some((backend, store)) = served().await else { return };
    let Backend::Server { cluster, url } = &backend else { panic!("a server") };
    let check = async |url: &str, kind: &str, advice: &str| {
        let location = Location::Server(url.parse().unwrap());
        let error = Store::open_at(&location, run("x")).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
        assert!(error.to_string().contains(advice), "{error}");
    };
    let database = cluster.url("money");
    check(&database, "Locked", "in use by another process").await;
    check(&cluster.url("nowhere"), "Unreachable", "does the server run").await;
    let nobody = database.replace("user=ploy", "user=nobody");
    check(&nobody, "Unreachable", "do address, user, password and database fit").await;
    let elsewhere = "postgresql:///money?host=/nowhere&user=ploy";
    check(elsewhere, "Unreachable", "reach the store postgresql /nowhere/money").await;
    store.close(Duration::from_secs(5)).await.unwrap();

    let mut shell = backend.shell().await;
    shell
        .run(
            "insert into _sqlx_migrations (version, description, success, checksum, \
             execution_time) values (9999, 'of tomorrow', true, '\\x00', 0)",
        )
        .await;
    check(&database, "Newer", "start the newer program").await;
    shell.run("delete from _sqlx_migrations where version = 9999").await;
    shell.run("create role guest login").await;
    let guest = cluster.database("closed").replace("user=ploy", "user=guest");
    check(&guest, "Forbidden", "let this user make tables").await;
    assert_eq!(store.status().place, url.to_string());
}

#[tokio::test]
async fn a_connection_that_was_cut_between_two_commits_is_made_anew_unnoticed() {
    let Some((backend, store)) = served().await else { return };
    store.commit(vec![order(1)]).await.unwrap();
    let mut shell = backend.shell().await;
    shell.run(CUT).await;
    store.commit(vec![order(2)]).await.unwrap();
    assert_eq!((store.status().up, store.status().errors), (true, 0));
    assert_eq!(shell.rows("orders").await, 2);
}

#[tokio::test]
async fn a_connection_that_is_cut_while_it_writes_refuses_and_comes_back() {
    let Some((backend, store)) = served().await else { return };
    let (mut blocking, mut shell) = (backend.shell().await, backend.shell().await);
    blocking.block().await;
    store.record(error("kept"), Ticket::none()).unwrap();
    let mut tries = store.inner.tries.clone();
    let cut = async {
        tries.changed().await.unwrap();
        // The writer stands before a lock; only then is it cut.
        let waits = "select count(*) from pg_locks where not granted";
        let Backend::Server { url, .. } = &backend else { panic!("a server") };
        let mut watch = url.options().connect().await.unwrap();
        while query_scalar::<_, i64>(waits).fetch_one(&mut watch).await.unwrap() == 0 {}
        shell.run(CUT).await;
        // The next try finds the tables free.
        blocking.run("rollback").await;
    };
    let (refused, ()) = tokio::join!(store.commit(vec![order(1)]), cut);
    refused.unwrap_err();
    until_up(&store).await;
    store.commit(vec![order(2)]).await.unwrap();
    let mut shell = backend.shell().await;
    // The record that nobody waited for is there, once; the failure itself beside it.
    assert_eq!(shell.rows("errors where message = 'kept'").await, 1);
    assert_eq!(shell.rows("orders where number = 2").await, 1);
}

#[tokio::test]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let Some((mut backend, store)) = served().await else { return };
    let mut acknowledged = Vec::new();
    let mut number = 0;
    for round in 0..3 {
        for _ in 0..20 {
            number += 1;
            if store.commit(vec![order(number)]).await.is_ok() {
                acknowledged.push(number);
            }
        }
        backend.cluster().kill();
        // Nothing is acknowledged that is on no disk; what nobody waits for is kept.
        number += 1;
        store.commit(vec![order(number)]).await.unwrap_err();
        assert!(!store.status().up);
        store.record(error(&format!("round {round}")), Ticket::none()).unwrap();
        backend.cluster().restart();
        until_up(&store).await;
    }
    assert_eq!(acknowledged.len(), 60);
    let mut shell = backend.shell().await;
    assert_eq!(shell.rows("orders").await, 60);
    assert_eq!(shell.rows("errors where message like 'round%'").await, 3);
    assert_eq!(store.last_order_number(&me()).await.unwrap(), 62);
    store.close(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn a_process_that_lost_its_lock_never_writes_again() {
    let Some((backend, first)) = served().await else { return };
    first.commit(vec![order(1)]).await.unwrap();
    let mut shell = backend.shell().await;
    shell.run(CUT).await;
    // The lock is free now, and the first one has not noticed.
    let second = backend.open("s").await;
    second.commit(vec![order(1)]).await.unwrap();
    let refused = first.commit(vec![order(2)]).await.unwrap_err().to_string();
    assert!(refused.contains("another process has the store"), "{refused}");
    second.close(Duration::from_secs(5)).await.unwrap();
    // Free again, but written by somebody else meanwhile.
    let refused = first.commit(vec![order(3)]).await.unwrap_err().to_string();
    assert!(refused.contains("has taken the store over"), "{refused}");
    assert!(!first.status().up);
    assert_eq!(shell.rows("orders where run = 'r'").await, 1);
}

#[tokio::test]
async fn a_writer_whose_epoch_is_over_is_stopped_though_it_holds_the_lock() {
    let Some((backend, store)) = served().await else { return };
    let mut shell = backend.shell().await;
    shell.run("update writer set epoch = epoch + 1").await;
    let refused = store.commit(vec![order(1)]).await.unwrap_err().to_string();
    assert!(refused.contains("has taken the store over"), "{refused}");
    assert_eq!(shell.rows("orders").await, 0);
}

#[tokio::test]
async fn an_answer_that_was_lost_writes_nothing_twice() {
    let Some(backend) = Backend::server() else { return };
    // As the next try after a lost answer: the same rows with the same numbers, over a new connection.
    for epoch in 1..=2 {
        let mut opened = backend.opened("r").await;
        opened.conn.link().run("begin").await.unwrap();
        for (seq, row) in (1..).zip(every_kind()) {
            let place = rows::Place { run: "r", seq };
            rows::insert(&mut opened.conn.link(), place, &row).await.unwrap();
        }
        opened.conn.link().run("commit").await.unwrap();
        opened.conn.close().await.unwrap();
        let mut shell = backend.shell().await;
        assert_eq!(shell.rows(&format!("writer where epoch = {epoch}")).await, 1);
        for table in TABLES {
            assert_eq!(shell.rows(table).await, 1, "{table}");
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_survived() {
    let Some((backend, store)) = served().await else { return };
    let mut shell = backend.shell().await;
    // What an administrator does before a move. It holds for new connections, so the old one is cut.
    shell.run("alter database money set default_transaction_read_only = on").await;
    shell.run(CUT).await;
    let refused = store.commit(vec![order(1)]).await.unwrap_err().to_string();
    assert!(refused.contains("read-only transaction"), "{refused}");
    shell.run("alter database money reset default_transaction_read_only").await;
    shell.run(CUT).await;
    until_up(&store).await;
    store.commit(vec![order(2)]).await.unwrap();
    assert_eq!(shell.rows("orders").await, 1);
}

#[tokio::test]
async fn a_zero_character_is_replaced_on_both() {
    for backend in [Some(Backend::file()), Backend::server()].into_iter().flatten() {
        let store = backend.open("r").await;
        store.commit(vec![error("a\0b")]).await.unwrap();
        assert_eq!(backend.shell().await.rows("errors where message = 'a\u{fffd}b'").await, 1);
    }
}
