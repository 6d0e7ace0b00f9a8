//! The audit chain in the database: what is told, what survives, and what a change by hand is found by.

use std::collections::BTreeMap;

use ploy::audit::{Break, Head};

use super::backend::Backend;
use super::*;
use crate::ports::audit::{AuditQuery, AuditRecord, AuditRecords as _};
use crate::store::admin;
use crate::store::audit::{Report, log, verify, watch};
use crate::store::retention::Retention;

/// Runs a check on a file, and on a server where there is one. These run no runtime: commands start their own.
pub(super) fn on_each(check: impl Fn(&Backend)) {
    check(&Backend::file());
    if let Some(server) = Backend::server() {
        check(&server);
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Stores these rows as one process would, each with a commit of its own.
pub(super) fn process(backend: &Backend, id: &str, rows: Vec<Row>) -> StoreStatus {
    block_on(async {
        let store = backend.open(id).await;
        for row in rows {
            store.commit(vec![row]).await.unwrap();
        }
        let status = store.status();
        store.close(Duration::from_secs(5)).await.unwrap();
        status
    })
}

fn run_sql(backend: &Backend, text: &str) {
    block_on(async { backend.shell().await.run(text).await });
}

pub(super) fn found(backend: &Backend) -> Report {
    verify(&backend.location(), &[]).unwrap()
}

pub(super) fn told(backend: &Backend, query: &AuditQuery) -> Vec<AuditRecord> {
    log(&backend.location(), query).unwrap()
}

pub(super) fn everything() -> AuditQuery {
    AuditQuery { limit: 1000, ..AuditQuery::default() }
}

fn lines(records: &[AuditRecord]) -> Vec<String> {
    let line = |record: &AuditRecord| {
        format!("{} {} {} {}", record.number, record.actor, record.action, record.subject)
    };
    records.iter().map(line).collect()
}

fn command(action: &str, actor: &str) -> Row {
    Row::Command(CommandRecord {
        at: at(4),
        actor: actor.to_owned(),
        strategy: me().to_string(),
        action: action.to_owned(),
        answer: "accepted".to_owned(),
        before: Some("running".to_owned()),
    })
}

#[test]
fn each_fact_of_weight_is_told_and_the_others_are_not() {
    on_each(|backend| {
        let mut rows = every_kind();
        rows.extend([done(1, DoneCause::Filled), rejected(2)]);
        rows.push(told_accepted(1));
        process(backend, "r", rows);
        let expected = [
            "1 process chain_begun all",
            "2 process process_started r",
            "3 split_arb order split_arb:1",
            "4 venue fill split_arb:1/1",
            &format!("5 venue settlement {MARKET}"),
            "6 risk breaker_tripped split_arb",
            "7 manager phase split_arb",
            "8 ops start nobody",
            "9 process process_ended all",
            "10 venue order_done split_arb:1",
            "11 venue order_rejected split_arb:2",
        ];
        let all = told(backend, &everything());
        assert_eq!(lines(&all), expected);
        let order = serde_json::json!({
            "limit": "0.46", "market": MARKET.to_string(), "outcome": "yes", "purpose": "entry",
            "side": "buy", "size": "10", "time_in_force": "FAK",
        });
        assert_eq!((all[2].before.clone(), all[2].after.clone()), (None, Some(order)));
        let phases = (all[6].before.clone().unwrap(), all[6].after.clone().unwrap());
        assert_eq!(
            (&phases.0["phase"], &phases.1["phase"]),
            (&"starting".into(), &"running".into())
        );
        assert_eq!((all[2].event_at, all[2].run.as_str()), (at(1), "r"));
        assert!(at(1_700_000_000_000) < all[2].at, "{:?}", all[2]);
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.rows, report.since), (11, Some(all[0].at)));
    });
}

fn told_accepted(number: u64) -> Row {
    told_of(number, Update::Submitted(Submission::Accepted))
}

fn told_of(number: u64, update: Update) -> Row {
    super::told(number, update)
}

#[test]
fn what_is_told_twice_stands_once_and_what_is_refused_not_at_all() {
    on_each(|backend| {
        let facts = || vec![order(1), filled(1, 1), settlement(20), done(1, DoneCause::Filled)];
        block_on(async {
            let store = backend.open("r").await;
            store.commit(facts()).await.unwrap();
            store.commit(facts()).await.unwrap();
            let other = Row::Order(order_of(1, "11"));
            store.commit(vec![command("stop", "ops"), other]).await.unwrap_err();
            store.close(Duration::from_secs(5)).await.unwrap();
        });
        let all = told(backend, &everything());
        let actions: Vec<&str> = all.iter().map(|one| one.action.as_str()).collect();
        let expected =
            ["chain_begun", "process_started", "order", "fill", "settlement", "order_done"];
        assert_eq!(actions, expected);
        assert!(found(backend).is_sound());
    });
}

#[test]
fn the_chain_goes_on_after_a_crash_and_over_processes() {
    on_each(|backend| {
        block_on(async {
            let store = backend.open("first").await;
            store.commit(vec![order(1)]).await.unwrap();
            let mut shell = backend.shell().await;
            // The next transaction is lost half-way, as when the disk fails: nothing of it is in the chain.
            shell.run("alter table order_events rename to away").await;
            store
                .commit(vec![command("stop", "ops"), done(1, DoneCause::Filled)])
                .await
                .unwrap_err();
            shell.run("alter table away rename to order_events").await;
            store.commit(vec![done(1, DoneCause::Filled)]).await.unwrap();
            // Nothing is closed: the process is gone.
            drop(store);
            let ended = async {
                while Store::open_at(&backend.location(), run("second")).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            ended.await;
        });
        let status = process(backend, "third", vec![order(1)]);
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        let head = Head { number: status.audit.rows, hash: status.audit.hash.parse().unwrap() };
        assert_eq!(report.head, head);
        let all = lines(&told(backend, &everything()));
        let starts = all.iter().filter(|line| line.contains("process_started"));
        assert_eq!(starts.count(), 3, "{all:?}");
        assert!(!all.iter().any(|line| line.contains("ops stop")), "{all:?}");
    });
}

#[test]
fn a_database_that_is_older_begins_its_chain_when_it_is_opened() {
    on_each(|backend| {
        process(backend, "old", vec![order(1), filled(1, 1)]);
        run_sql(backend, "delete from audit; delete from audit_anchors");
        process(backend, "new", vec![order(1)]);
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        let all = told(backend, &everything());
        assert_eq!(report.since, Some(all[0].at));
        assert_eq!(all[0].action, "chain_begun");
        run_sql(backend, "delete from audit; delete from audit_anchors");
        // The run that goes on has facts from before.
        process(backend, "new", vec![order(2)]);
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(told(backend, &everything())[0].after.as_ref().unwrap()["facts_before"], "1");
    });
}

/// What somebody does to the database, and what the check says.
const TAMPERED: &[(&str, &str)] = &[
    ("update audit set actor = 'nobody' where number = 4", "row 4 was changed"),
    ("update audit set at = at + 1 where number = 4", "row 4 was changed"),
    ("update audit set strategy = null where number = 4", "row 4 was changed"),
    (
        "update audit set state_after = replace(state_after, '10', '11') where number = 3",
        "row 3 was changed",
    ),
    ("update audit set hash = previous where number = 4", "row 4 was changed"),
    ("update audit set hash = 'x' where number = 6", "row 6 was changed"),
    ("update audit set previous = hash where number = 4", "row 4 was changed"),
    ("delete from audit where number = 4", "row 4 is missing"),
    ("delete from audit where number in (1, 2)", "rows 1 to 2 are missing"),
    (
        "delete from audit where number > 4",
        "the tail was cut: row 6 was there once, the chain ends with row 4",
    ),
    ("delete from audit", "the tail was cut: row 2 was there once, the chain ends with row 0"),
    (
        "insert into audit select 0, at, event_at, run, fact_seq, strategy, actor, action, subject, state_before, \
         state_after, previous, hash from audit where number = 1",
        "row 0 was inserted",
    ),
    (
        "update audit set number = number + 100 where number > 3; insert into audit select 4, at, event_at, run, \
         fact_seq, strategy, actor, action, subject, state_before, state_after, previous, hash from audit \
         where number = 3; update audit set number = number - 99 where number > 100",
        "row 4 was changed",
    ),
    (
        "update orders set size = 11000000",
        "order split_arb:1 is not what row 3 says: it was changed",
    ),
    ("update fills set fee = 0", "fill split_arb:1/1 is not what row 4 says: it was changed"),
    ("update settlements set profit = 0", "is not what row 5 says: it was changed"),
    ("delete from fills", "row 4 tells of fill split_arb:1/1, which is not there"),
    (
        "insert into orders select run, 99, strategy, 9, at, market, outcome, side, limit_price, size, \
         time_in_force, purpose, payload, hash, reserved_cash, reserved_shares from orders",
        "1 orders have no row in the chain",
    ),
];

#[test]
fn what_is_changed_by_hand_is_found_and_named() {
    on_each(|backend| {
        let facts = vec![
            order(1),
            filled(1, 1),
            settlement(20),
            Row::Process(ProcessRecord { at: at(7), event: ProcessEvent::Ended }),
        ];
        process(backend, "r", facts);
        assert!(found(backend).is_sound());
        let names = ["audit", "audit_anchors", "orders", "fills", "settlements"];
        let all = |make: &dyn Fn(&str) -> String| -> String {
            names.iter().map(|name| make(name)).collect::<Vec<_>>().join("; ")
        };
        run_sql(backend, &all(&|name| format!("create table _{name} as select * from {name}")));
        for (what, said) in TAMPERED {
            run_sql(backend, what);
            let report = found(backend);
            let mut words: Vec<String> = report.faults.clone();
            words.extend(report.broken.map(|found| found.to_string()));
            assert!(words.iter().any(|one| one.contains(said)), "{what}: {words:?}");
            run_sql(backend, &all(&|name| format!("delete from {name}")));
            run_sql(backend, &all(&|name| format!("insert into {name} select * from _{name}")));
        }
        assert!(found(backend).is_sound());
    });
}

/// Somebody who knows how the chain is made can make one that is sound in itself; a head that was written down
/// elsewhere tells.
#[test]
fn rows_with_hashes_made_anew_are_found_by_what_follows_and_by_a_head_kept_elsewhere() {
    on_each(|backend| {
        let ended = Row::Process(ProcessRecord { at: at(7), event: ProcessEvent::Ended });
        process(backend, "r", vec![command("stop", "ops"), command("start", "ops"), ended]);
        let known = found(backend).head;
        let forged = |text: &mut String| *text = text.replace("ops", "eve");
        forge(backend, 3, 3, forged);
        let broken = found(backend).broken.unwrap().to_string();
        assert!(
            broken.starts_with("row 4 was inserted, or the one before was written anew"),
            "{broken}"
        );
        forge(backend, 3, 5, |_| {});
        // All that follows was made anew as well: what the database keeps beside the chain tells.
        let broken = found(backend).broken.unwrap().to_string();
        assert!(broken.starts_with("row 5 has another hash than it once had"), "{broken}");
        run_sql(backend, "delete from audit_anchors");
        assert!(found(backend).is_sound(), "nothing within the database tells any more");
        let report = verify(&backend.location(), &[known]).unwrap();
        assert_eq!(report.broken.unwrap().to_string(), broken);
        run_sql(backend, "delete from audit where number = 5");
        let report = verify(&backend.location(), &[known]).unwrap();
        assert!(report.broken.unwrap().to_string().starts_with("the tail was cut"));
    });
}

/// Changes the first of these rows and makes their hashes anew.
fn forge(backend: &Backend, first: i64, last: i64, change: impl Fn(&mut String)) {
    block_on(async {
        let mut opened = admin_link(backend).await;
        let link = &mut opened.link();
        let mut before: Option<String> = None;
        for number in first..=last {
            let row = crate::store::audit::row(link, number).await.unwrap();
            let mut sealed = row.sealed();
            if number == first {
                change(&mut sealed.entry.actor);
            }
            let previous = before.map_or(sealed.previous, |text| text.parse().unwrap());
            let hash = sealed.entry.hash(sealed.number, previous).to_string();
            let update = "update audit set actor = $1, previous = $2, hash = $3 where number = $4";
            let update = sql(update).bind(sealed.entry.actor).bind(previous.to_string());
            update.bind(hash.clone()).bind(number).execute(link).await.unwrap();
            before = Some(hash);
        }
    });
}

async fn admin_link(backend: &Backend) -> Conn {
    match backend {
        Backend::File { path, .. } => Conn::Sqlite(Box::new(shell(path).await)),
        Backend::Server { url, .. } => {
            Conn::Postgres(Box::new(url.options().connect().await.unwrap()))
        }
    }
}

#[test]
fn the_log_tells_what_was_asked_for_and_pages_go_back_to_the_first_row() {
    on_each(|backend| {
        let rows = (1..=30).map(|number| {
            command(
                if number % 3 == 0 { "stop" } else { "start" },
                if number < 10 { "ann" } else { "bob" },
            )
        });
        process(backend, "r", rows.collect());
        let query = AuditQuery { action: Some("stop".to_owned()), ..everything() };
        assert_eq!(told(backend, &query).len(), 10);
        let query = AuditQuery { actor: Some("ann".to_owned()), ..query };
        assert_eq!(
            lines(&told(backend, &query)),
            ["5 ann stop split_arb", "8 ann stop split_arb", "11 ann stop split_arb"]
        );
        let newest = told(backend, &AuditQuery { limit: 2, ..query.clone() });
        assert_eq!(newest.iter().map(|one| one.number).collect::<Vec<_>>(), [8, 11]);
        let before = newest[0].at;
        let query = AuditQuery {
            until: Some(before),
            strategy: Some("split_arb".to_owned()),
            ..everything()
        };
        assert!(told(backend, &query).iter().all(|one| one.at < before));
        let query = AuditQuery { since: Some(at(i64::MAX)), ..everything() };
        assert_eq!(told(backend, &query), []);
        block_on(async {
            let store = backend.open("s").await;
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let query = AuditQuery { limit: 7, before, ..AuditQuery::default() };
                let page = store.audit(query).await.unwrap();
                seen.extend(page.items.iter().map(|one| one.number));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(seen, (1..=33).rev().collect::<Vec<_>>());
            store.close(Duration::from_secs(5)).await.unwrap();
        });
    });
}

#[test]
fn a_chain_moves_to_the_other_database_word_for_word() {
    let Some(server) = Backend::server() else { return };
    let (file, folder) = (Backend::file(), tempfile::tempdir().unwrap());
    process(&file, "first", every_kind());
    process(&file, "second", every_kind());
    admin::import(&file.location(), &server.location()).unwrap();
    assert_eq!(told(&file, &everything()), told(&server, &everything()));
    let copy = folder.path().join("copy.db");
    admin::backup(&server.location(), &copy).unwrap();
    let reports: BTreeMap<&str, Report> = [
        ("file", found(&file)),
        ("server", found(&server)),
        ("copy", verify(&Location::File(copy), &[found(&file).head]).unwrap()),
    ]
    .into();
    for (place, report) in &reports {
        assert!(report.is_sound(), "{place}: {report:?}");
        assert_eq!(report.head, reports["file"].head, "{place}");
    }
    process(&server, "third", vec![order(1)]);
    assert!(found(&server).is_sound());
}

fn decisions(count: u64) -> Vec<Row> {
    (1..=count).map(|seq| Row::Decision(decision(seq))).collect()
}

#[test]
fn what_explains_goes_with_age_and_the_chain_says_so() {
    on_each(|backend| {
        process(backend, "old", [every_kind(), decisions(700)].concat());
        process(backend, "newer", every_kind());
        block_on(async {
            let store = backend.open("now").await;
            store.commit(decisions(3)).await.unwrap();
            let inner = &store.inner;
            let retention = Retention {
                shared: Arc::clone(&inner.shared),
                pool: inner.pool.clone(),
                run: "now".to_owned(),
                keep: Duration::from_hours(24),
                wall: || at(2 * 24 * 3_600_000),
                pause: Duration::from_millis(1),
            };
            let all_gone = async {
                // Of two runs: 700 decisions and one each, and of three other tables one row each.
                while store.status().audit.pruned < 2 * 3 + 702 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { () = retention.keep_deleting() => {}, () = all_gone => {} }
            store.close(Duration::from_secs(5)).await.unwrap();
        });
        let health = admin::check(&backend.location()).unwrap();
        let rows: BTreeMap<String, u64> = health.rows.into_iter().collect();
        let left = |table: &str| rows[table];
        assert_eq!((left("decisions"), left("errors"), left("lifecycle")), (3, 0, 0));
        assert_eq!(
            (left("orders"), left("fills"), left("settlements"), left("commands")),
            (2, 2, 2, 2)
        );
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        let query = AuditQuery { action: Some("pruned".to_owned()), ..everything() };
        let told = told(backend, &query);
        let sum = |table: &str| -> u64 {
            let of = told.iter().filter(|one| one.subject == table);
            of.map(|one| {
                one.after.as_ref().unwrap()["rows"].as_str().unwrap().parse::<u64>().unwrap()
            })
            .sum()
        };
        assert_eq!((sum("decisions"), sum("errors")), (702, 2));
        assert!(told.iter().all(|one| one.actor == "retention"));
    });
}

#[test]
fn a_chain_that_was_shortened_with_age_is_checked_from_where_it_begins() {
    on_each(|backend| {
        process(backend, "old", vec![order(1), filled(1, 1)]);
        let known = found(backend).head;
        process(backend, "newer", vec![order(1)]);
        let far = Timestamp::from_micros(i64::MAX);
        let gone = admin::prune(&backend.location(), far, admin::OldAudit::Delete).unwrap();
        assert_eq!(gone.last().unwrap().rows, 5);
        let report = found(backend);
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.pruned.number, report.rows), (5, 2));
        assert!(verify(&backend.location(), &[known, report.head]).unwrap().is_sound());
        process(backend, "newest", vec![order(1)]);
        assert!(found(backend).is_sound());
        run_sql(backend, "delete from audit where number = 6");
        assert_eq!(found(backend).broken, Some(Break::Missing { first: 6, last: 6 }));
    });
}

#[test]
fn the_service_finds_what_is_touched_while_it_runs() {
    on_each(|backend| {
        process(backend, "first", vec![command("stop", "ops"); 5]);
        block_on(async {
            let store = backend.open("second").await;
            let inner = &store.inner;
            let look = async |after| watch::check(&inner.shared, &inner.pool, after).await.unwrap();
            let head = look(None).await.unwrap();
            assert_eq!(Some(head), inner.shared.head());
            store.commit(vec![command("start", "ops")]).await.unwrap();
            let head = look(Some(head)).await.unwrap();
            assert_eq!(head.number, 9);
            assert_eq!(look(Some(head)).await, Ok(head));
            let mut shell = backend.shell().await;
            shell.run("delete from audit where number = 9").await;
            let cut = Err(Break::Cut { number: 9, last: 8 });
            assert_eq!((look(Some(head)).await, look(None).await), (cut.clone(), cut));
            shell.run("update audit set actor = 'eve' where number = 3").await;
            assert_eq!(look(None).await, Err(Break::Changed { number: 3 }));
            store.look_after(0, || at(0));
            while store.status().audit.broken.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let said = store.status().audit.broken.unwrap();
            assert_eq!(said, "row 3 was changed: its hash is not the one of what it says");
            // Nobody is stopped by that: facts are stored as before.
            store.commit(vec![order(1)]).await.unwrap();
            store.close(Duration::from_secs(5)).await.unwrap();
        });
    });
}
