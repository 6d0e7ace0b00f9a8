//! Which run a process comes to, and from where it goes on.

use super::backend::{Backend, on_both};
use super::*;
use crate::ports::process::PlayedRecord;

on_both!(
    the_newest_run_goes_on_where_it_plays_the_same_and_is_not_over,
    the_newest_memory_counts_and_no_older_one_is_written_over_it,
);

fn playing(id: &str, source: &str, begin: Begin) -> RunInfo {
    RunInfo { plays: Some(Plays { source: source.to_owned(), begin }), ..run(id) }
}

/// Opens a store, looks which run it came to, does something with it, and closes it.
async fn came(backend: &Backend, run: RunInfo, rows: Vec<Row>) -> Entered {
    let store = Store::open_at(&backend.location(), run).await.unwrap();
    store.commit(rows).await.unwrap();
    let entered = store.entered().clone();
    store.close(Duration::from_secs(20)).await.unwrap();
    entered
}

fn memory(inputs: u64, at_ms: i64, body: &str) -> MemoryRecord {
    MemoryRecord { at: Timestamp::from_millis(at_ms), ..memory_of(inputs, body) }
}

async fn the_newest_run_goes_on_where_it_plays_the_same_and_is_not_over(backend: Backend) {
    let or_go_on = |id: &str, source: &str| playing(id, source, Begin::OrGoOn);
    let first = came(&backend, or_go_on("a", "x"), vec![Row::Memory(memory(2, 5, "{}"))]).await;
    assert_eq!((first.run.as_str(), first.start, first.resume), ("a", 1, None));
    assert_eq!(first.why, "there was none");

    let second = came(&backend, or_go_on("b", "x"), Vec::new()).await;
    let resume = Resume { at: Some(Timestamp::from_millis(5)), events: 20 };
    assert_eq!((second.run.as_str(), second.start, second.resume), ("a", 2, Some(resume)));
    assert_eq!(second.begun_at, first.begun_at);

    let check = |entered: Entered, run: &str, why: &str| {
        assert_eq!((entered.run.as_str(), entered.start, entered.why), (run, 1, why));
        assert_eq!(entered.resume, None);
    };
    let other = came(&backend, or_go_on("c", "y"), Vec::new()).await;
    check(other, "c", "the last one played something else");
    let anew = came(&backend, playing("d", "y", Begin::Anew), Vec::new()).await;
    check(anew, "d", "it was asked for");
    let nobody = came(&backend, run("e"), Vec::new()).await;
    check(nobody, "e", "nobody asked for an earlier one");
    let played = PlayedRecord { at: Timestamp::from_millis(9), events: 30 };
    let over = vec![Row::Played(played)];
    let nameless = came(&backend, or_go_on("f", "y"), over).await;
    check(nameless, "f", "the last one played something else");
    check(
        came(&backend, or_go_on("g", "y"), Vec::new()).await,
        "g",
        "the last one was played to its end",
    );
    assert_eq!(came(&backend, or_go_on("h", "y"), Vec::new()).await.run, "g");
}

async fn the_newest_memory_counts_and_no_older_one_is_written_over_it(backend: Backend) {
    let store = backend.open("r").await;
    for (inputs, body) in [(3, "three"), (2, "two"), (4, "four"), (1, "one")] {
        store.commit(vec![Row::Memory(memory(inputs, 7, body))]).await.unwrap();
    }
    assert_eq!(store.memory(&me()).await.unwrap(), Some(memory(4, 7, "four")));
    let next = MemoryRecord { incarnation: 2, ..memory(1, 8, "next") };
    store.commit(vec![Row::Memory(next.clone())]).await.unwrap();
    assert_eq!(store.memory(&me()).await.unwrap(), Some(next));
}
