//! Work on whole stores: checks, moves that are verified, exports, copies, and what is deleted with age.

use super::backend::Backend;
use super::*;
use crate::store::admin::{self, AdminError, Format, Moved};

/// Runs a check on a file, and on a server where there is one. These run no runtime: commands start their own.
fn on_each(check: impl Fn(&Backend)) {
    check(&Backend::file());
    if let Some(server) = Backend::server() {
        check(&server);
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Fills a store as two runs would, with texts that no format may spoil.
fn fill(backend: &Backend) {
    block_on(async {
        for (id, started_at) in [("first", 1), ("second", 5)] {
            let run = RunInfo { started_at: at(started_at), ..run(id) };
            let store = Store::open_at(&backend.location(), run).await.unwrap();
            let mut rows = every_kind();
            rows.extend([error("a \"word\", two\nlines"), error(""), error("käse")]);
            rows.extend((2..=1201).map(|seq| Row::Decision(decision(seq))));
            store.commit(rows).await.unwrap();
            store.close(Duration::from_secs(5)).await.unwrap();
        }
    });
}

fn rows_of(moved: &[Moved], table: &str) -> u64 {
    moved.iter().find(|moved| moved.table == table).unwrap().rows
}

fn run_sql(backend: &Backend, text: &str) {
    block_on(async { backend.shell().await.run(text).await });
}

#[test]
fn a_whole_store_has_no_faults_and_a_spoiled_one_is_told() {
    on_each(|backend| {
        fill(backend);
        let health = admin::check(&backend.location()).unwrap();
        assert_eq!(health.faults, Vec::<String>::new());
        assert!(health.rows.contains(&("decisions".to_owned(), 2402)), "{:?}", health.rows);
        assert_eq!(health.rows[0], ("runs".to_owned(), 2));

        run_sql(
            backend,
            "delete from orders where run = 'first'; update fills set size = 11000000",
        );
        let faults = admin::check(&backend.location()).unwrap().faults;
        let expected = [
            "1 fills without their order",
            "1 order events without their order",
            "1 orders with more shares filled than they asked for",
        ];
        assert_eq!(faults, expected);
    });
}

#[test]
fn a_store_that_is_missing_or_old_is_not_made_by_a_look() {
    let (_folder, path) = place();
    let location = Location::File(path.clone());
    assert!(matches!(admin::check(&location), Err(AdminError::Missing(_))));
    assert!(!path.exists());
    on_each(|backend| {
        let location = backend.location();
        assert_eq!(admin::migrate(&location).unwrap(), admin::migrate(&location).unwrap());
        assert_eq!(admin::check(&location).unwrap().rows[0], ("runs".to_owned(), 0));
        run_sql(
            backend,
            "delete from _sqlx_migrations where version = \
             (select max(version) from _sqlx_migrations)",
        );
        let old = admin::check(&location).unwrap_err();
        assert!(old.to_string().contains("run `ploy db migrate`"), "{old}");
    });
}

#[test]
fn a_store_moves_to_the_other_database_and_back_without_a_difference() {
    let Some(server) = Backend::server() else { return };
    let (file, back) = (Backend::file(), Backend::file());
    fill(&file);
    let moved = admin::import(&file.location(), &server.location()).unwrap();
    assert_eq!((rows_of(&moved, "runs"), rows_of(&moved, "decisions")), (2, 2402));
    admin::import(&server.location(), &back.location()).unwrap();
    for (one, other) in [(&file, &server), (&server, &back)] {
        assert_eq!(exported(one, Format::Jsonl), exported(other, Format::Jsonl));
    }
    // A service goes on there, where the old one was.
    block_on(async {
        let store = server.open("second").await;
        assert_eq!(store.last_order_number(&me()).await.unwrap(), 1);
        assert_eq!(store.strategy_records().await.unwrap(), [halt(Some("three panics"))]);
        store.close(Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn a_move_is_refused_where_rows_are_there_or_a_service_runs() {
    let (file, full) = (Backend::file(), Backend::file());
    fill(&file);
    fill(&full);
    let refused = admin::import(&file.location(), &full.location()).unwrap_err();
    assert!(matches!(refused, AdminError::Taken(_)), "{refused}");
    block_on(async {
        let empty = Backend::file();
        let store = file.open("third").await;
        let (from, to) = (file.location(), empty.location());
        let moved = std::thread::spawn(move || admin::import(&from, &to)).join().unwrap();
        let refused = moved.unwrap_err().to_string();
        assert!(refused.contains("in use by another process"), "{refused}");
        store.close(Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn a_copy_that_comes_out_different_is_not_kept() {
    let Some(server) = Backend::server() else { return };
    let file = Backend::file();
    fill(&file);
    admin::migrate(&server.location()).unwrap();
    // A database that does not keep what it is given.
    run_sql(
        &server,
        "create function worse() returns trigger language plpgsql as $$ begin \
         new.cash = new.cash + 1; return new; end $$; \
         create trigger worse before insert on fills for each row execute function worse()",
    );
    let different = admin::import(&file.location(), &server.location()).unwrap_err();
    assert!(different.to_string().starts_with("fills came out different"), "{different}");
    assert_eq!(admin::check(&server.location()).unwrap().rows[0], ("runs".to_owned(), 0));
}

/// Exports a store and returns its files by name.
fn exported(backend: &Backend, format: Format) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let written = admin::export(&backend.location(), folder.path(), format).unwrap();
    let again = admin::export(&backend.location(), folder.path(), format).unwrap_err();
    assert!(matches!(again, AdminError::Exists(_)), "{again}");
    let text = |moved: Moved| {
        let name = format!("{}.{}", moved.table, format.ending());
        (moved.table, fs::read_to_string(folder.path().join(name)).unwrap())
    };
    written.into_iter().map(text).collect()
}

#[test]
fn every_table_is_exported_as_text() {
    on_each(|backend| {
        fill(backend);
        let text = |format, table: &str| {
            let found = exported(backend, format).into_iter().find(|(name, _)| name == table);
            found.unwrap().1
        };
        let errors = text(Format::Csv, "errors");
        let number = every_kind().len();
        let expected = format!(
            "run,seq,strategy,at,part,message\n\
             first,7,,5000,feed,gone\n\
             first,{},,5000,feed,\"a \"\"word\"\", two\nlines\"\n\
             first,{},,5000,feed,\"\"\n\
             first,{},,5000,feed,käse\n",
            number + 1,
            number + 2,
            number + 3
        );
        assert!(errors.starts_with(&expected), "{errors}");
        let fills = text(Format::Jsonl, "fills");
        assert_eq!(fills.lines().count(), 2);
        let fill: serde_json::Value = serde_json::from_str(fills.lines().next().unwrap()).unwrap();
        assert_eq!((&fill["price"], &fill["cash"]), (&450_000.into(), &(-910_000).into()));
        let events = text(Format::Jsonl, "order_events");
        assert!(events.lines().next().unwrap().contains("\"cause\":null"), "{events}");
    });
}

#[test]
fn a_copy_is_made_while_a_service_writes_and_is_a_store() {
    on_each(|backend| {
        fill(backend);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        let (from, to) = (backend.location(), copy.clone());
        block_on(async {
            let store = backend.open("third").await;
            store.commit(vec![order(1)]).await.unwrap();
            let made = std::thread::spawn(move || admin::backup(&from, &to)).join().unwrap();
            assert_eq!(rows_of(&made.unwrap(), "orders"), 3);
            store.close(Duration::from_secs(5)).await.unwrap();
            let copied = Store::open(&copy, run("third")).await.unwrap();
            assert_eq!(copied.last_order_number(&me()).await.unwrap(), 1);
        });
        let again = admin::backup(&backend.location(), &copy).unwrap_err();
        assert!(matches!(again, AdminError::Exists(_)), "{again}");
    });
}

#[test]
fn old_runs_lose_what_explains_and_keep_what_counts() {
    on_each(|backend| {
        fill(backend);
        let before = admin::check(&backend.location()).unwrap();
        let nothing = admin::prune(&backend.location(), at(1), admin::OldAudit::Keep).unwrap();
        assert!(nothing.iter().all(|pruned| pruned.rows == 0), "{nothing:?}");
        // The newest run keeps all, however old it is.
        let pruned = admin::prune(&backend.location(), at(99), admin::OldAudit::Keep).unwrap();
        let told: Vec<(&str, u64)> =
            pruned.iter().map(|pruned| (pruned.table.as_str(), pruned.rows)).collect();
        assert_eq!(
            told,
            [("decisions", 1201), ("errors", 4), ("lifecycle", 1), ("risk_events", 1)]
        );
        let after = admin::check(&backend.location()).unwrap();
        assert_eq!(after.faults, Vec::<String>::new());
        for ((table, had), (_, has)) in before.rows.iter().zip(after.rows) {
            if table == "audit" {
                assert_eq!(had + 4, has, "who deleted what is told");
                continue;
            }
            let gone = pruned.iter().find(|pruned| pruned.table == *table).map_or(0, |p| p.rows);
            assert_eq!(had - gone, has, "{table}");
        }
    });
}
