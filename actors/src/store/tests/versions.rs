//! Versions of settings: each is kept once, with its first text, and found by its first digits.

use tokio::runtime::Builder;

use super::backend::Backend;
use super::*;
use crate::ports::ConfigRecord;
use crate::store::versions::{Kept, VersionsError, find};

fn version(strategy: &str, version: &str, text: &str) -> Row {
    Row::Config(ConfigRecord {
        strategy: strategy.parse().unwrap(),
        version: version.to_owned(),
        kind: "split_arb".to_owned(),
        text: text.to_owned(),
        at: Timestamp::from_millis(1),
    })
}

/// Stores rows as two runs one after the other would.
fn stored(path: &Path, runs: [Vec<Row>; 2]) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for (rows, id) in runs.into_iter().zip(["first", "second"]) {
        runtime.block_on(async {
            let store = Store::open(path, run(id)).await.unwrap();
            store.commit(rows).await.unwrap();
            store.close(Duration::from_secs(5)).await.unwrap();
        });
    }
}

fn found(path: &Path, id: &StrategyId, prefix: &str) -> Result<Kept, VersionsError> {
    find(&Location::File(path.to_owned()), id, prefix)
}

#[test]
fn a_version_is_kept_once_and_found_by_its_first_digits() {
    let (_folder, path) = place();
    let first = vec![version("a", "ab12", "size = 1"), version("b", "ab12", "of b")];
    let second = vec![version("a", "ab12", "size = 1.0"), version("a", "ac34", "size = 2")];
    stored(&path, [first, second]);
    let a: StrategyId = "a".parse().unwrap();
    assert_eq!(found(&path, &a, "ab").unwrap().text, "size = 1");
    assert_eq!(found(&path, &a, "ac34").unwrap().text, "size = 2");
    assert_eq!(found(&path, &"b".parse().unwrap(), "a").unwrap().text, "of b");
    let several = found(&path, &a, "a").unwrap_err();
    assert!(matches!(several, VersionsError::Several { .. }), "{several}");
    assert!(several.to_string().contains("ab12") && several.to_string().contains("ac34"));
    let none = found(&path, &a, "ff").unwrap_err();
    assert!(none.to_string().contains("no version of a begins with ff"), "{none}");
    // A prefix is digits, never a pattern.
    assert!(found(&path, &a, "%").is_err());
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let (_folder, path) = place();
    let none = found(&path, &"a".parse().unwrap(), "ab").unwrap_err();
    assert!(matches!(none, VersionsError::NoStore(_)), "{none}");
    assert!(!path.exists() && !path.parent().unwrap().exists());
}

#[test]
fn versions_are_read_while_a_service_writes() {
    let (_folder, path) = place();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(async {
        let store = Store::open(&path, run("r")).await.unwrap();
        store.commit(vec![version("a", "ab12", "size = 1")]).await.unwrap();
        store
    });
    assert_eq!(found(&path, &"a".parse().unwrap(), "ab").unwrap().text, "size = 1");
    runtime.block_on(async {
        store.commit(vec![version("a", "ac34", "size = 2")]).await.unwrap();
    });
    assert_eq!(found(&path, &"a".parse().unwrap(), "ac").unwrap().text, "size = 2");
}

#[test]
fn versions_are_found_on_a_server_too() {
    let Some(backend) = Backend::server() else { return };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(async {
        let store = backend.open("r").await;
        store.commit(vec![version("a", "ab12", "size = 1")]).await.unwrap();
        store
    });
    let a: StrategyId = "a".parse().unwrap();
    assert_eq!(find(&backend.location(), &a, "ab").unwrap().text, "size = 1");
    let none = find(&backend.location(), &a, "ff").unwrap_err();
    assert!(none.to_string().contains("no version of a begins with ff"), "{none}");
    runtime.block_on(store.close(Duration::from_secs(5))).unwrap();
}
