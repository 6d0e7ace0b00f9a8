//! A store that is opened, or refused with advice; and how its queries go about their work.

use super::*;

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_what_to_do() {
    let (folder, path) = place();
    let root = folder.path();

    fs::write(root.join("file"), "x").unwrap();
    check_open(&root.join("file").join("ploy.db"), "Folder", "make the folder").await;
    check_open(root, "Folder", "make the folder").await;

    fs::write(root.join("text.db"), "this is a letter, not a database, and long enough to tell")
        .unwrap();
    check_open(&root.join("text.db"), "NotADatabase", "restore this file").await;

    let open = Store::open(&path, run("r")).await.unwrap();
    check_open(&path, "Locked", "in use by another process").await;
    // Nor by another name of the same file.
    let roundabout = root.join("data").join("..").join("data").join("ploy.db");
    check_open(&roundabout, "Locked", "in use by another process").await;
    open.close(Duration::from_secs(5)).await.unwrap();

    let mut shell = shell(&path).await;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, \
         execution_time) values (9999, 'of tomorrow', 1, x'00', 0)";
    shell.execute(newer).await.unwrap();
    check_open(&path, "Newer { ", "start the newer program").await;
    let changed = "delete from _sqlx_migrations where version = 9999; \
         update _sqlx_migrations set checksum = x'00'";
    shell.execute(changed).await.unwrap();
    check_open(&path, "Changed { ", "start the program that made it").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_in_which_nobody_may_write_is_refused() {
    // Of this one it is true for root, too.
    check_open(Path::new("/sys/ploy.db"), "ReadOnly", "writable for this user").await;
    check_open(Path::new("/sys/ploy/ploy.db"), "ReadOnly", "writable for this user").await;
}

#[tokio::test]
async fn a_file_in_which_nobody_may_write_is_refused() {
    let (_folder, path) = place();
    let store = Store::open(&path, run("r")).await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    // The permission bits do not stop root, so the database is made to say it.
    let read_only = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut conn = SqliteConnection::connect_with(&read_only).await.unwrap();
    let said = conn.execute("delete from runs").await.unwrap_err();
    let error = open::classify(&path, said);
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
}

/// The one place that opens in vain: the error is of this kind, says this, names the place, and changes no file.
async fn check_open(path: &Path, kind: &str, advice: &str) {
    let before = fs::read(path).ok();
    let error = Store::open(path, run("x")).await.unwrap_err();
    assert!(format!("{error:?}").starts_with(kind), "{error:?}");
    assert!(error.to_string().contains(advice), "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
    assert_eq!(fs::read(path).ok(), before);
}

#[tokio::test]
async fn a_failed_open_leaves_no_database_behind() {
    let (_folder, path) = place();
    let bad = Migration::new(
        2,
        "bad".into(),
        MigrationType::Simple,
        "create table half (a text); create nonsense".into_sql_str(),
        false,
    );
    let migrations = open::MIGRATIONS.iter().cloned().chain([bad]).collect();
    let migrations = Migrator::with_migrations(migrations);
    let Err(error) = open::file(&path, Some(&run("r")), &migrations).await else {
        panic!("a bad migration was applied")
    };
    assert!(matches!(error, OpenError::Failed { .. }), "{error:?}");
    let left: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["ploy.db.lock"]);

    // One that was there before stays, and stays what it was.
    let store = Store::open(&path, run("r")).await.unwrap();
    store.commit(vec![order(1)]).await.unwrap();
    store.close(Duration::from_secs(5)).await.unwrap();
    assert!(open::file(&path, Some(&run("s")), &migrations).await.is_err());
    let again = Store::open(&path, run("r")).await.unwrap();
    assert_eq!(again.last_order_number(&me()).await.unwrap(), 1);
    assert_eq!(rows(&mut shell(&path).await, "runs").await, 1);
}

#[tokio::test]
async fn no_query_reads_a_whole_table() {
    let store = memory().await;
    // What will be listed like the others.
    let lists = TABLES.iter().filter(|table| **table != "order_events").map(|table| {
        format!(
            "select * from {table} where run = $1 and strategy = $2 and seq < $3 \
             order by seq desc limit $4"
        )
    });
    // Few rows a process, read once when the next begins.
    let lists =
        lists.filter(|sql| !sql.contains(" strategies ") && !sql.contains(" process_events "));
    let queries = history::PAGES.iter().chain(&recovery::LOOKUPS);
    let queries = queries.chain(&why::CHAINS).chain(&moment::MOMENTS);
    let queries = queries.map(|sql| (*sql).to_owned()).chain(lists);
    let mut checked = 0;
    for sql in queries {
        let explain = AssertSqlSafe(format!("explain query plan {sql}"));
        let Pool::Sqlite(pool) = &store.inner.pool else { panic!("a file") };
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(pool).await.unwrap();
        for (_, _, _, step) in plan {
            let scans = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!scans && !step.contains("TEMP B-TREE"), "{step}: {sql}");
            checked += 1;
        }
    }
    assert!(16 <= checked, "{checked}");
}
