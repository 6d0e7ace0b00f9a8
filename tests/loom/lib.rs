//! Model checks of the inbox: every interleaving of its atomics and locks, up to a bound of preemptions.
//!
//! The inbox is the service's own file; only its primitives are those of the model checker.
#[path = "../../actors/src/bus/inbox.rs"]
#[expect(
    unreachable_pub,
    dead_code,
    reason = "the file belongs to another package, where it is used whole"
)]
mod inbox;

/// The model checker's primitives, where the inbox expects its own.
mod sync {
    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::AtomicBool;
}

#[cfg(test)]
mod models {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::inbox::{Bounds, Inbox, Lane, Put};

    const BOUNDS: Bounds = Bounds { ring_max: 4, lossless_max: 4 };

    fn explore(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(model);
    }

    /// Two writers and a reader that reads once for each wake it was given, as the runtime does.
    #[test]
    fn no_interleaving_leaves_a_value_unread_without_a_wake() {
        explore(|| {
            let inbox = Arc::new(Inbox::new(BOUNDS));
            let wakes = Arc::new(AtomicUsize::new(0));
            let writer = |key: u8| {
                let (inbox, wakes) = (Arc::clone(&inbox), Arc::clone(&wakes));
                thread::spawn(move || {
                    if inbox.put(Lane::Latest(key), key) == Put::Wake {
                        wakes.fetch_add(1, Ordering::Release);
                    }
                })
            };
            let (first, second) = (writer(1), writer(2));
            let mut read = 0;
            let mut answered = 0;
            if answered < wakes.load(Ordering::Acquire) {
                answered += 1;
                read += inbox.take().items.len();
            }
            first.join().unwrap();
            second.join().unwrap();
            while answered < wakes.load(Ordering::Acquire) {
                answered += 1;
                read += inbox.take().items.len();
            }
            assert_eq!(read, 2, "a value is left and nobody will be woken for it");
        });
    }

    /// One writer replaces its own value while the reader reads: the newest is seen, and nothing twice.
    #[test]
    fn the_newest_value_is_always_seen_last() {
        explore(|| {
            let inbox = Arc::new(Inbox::new(BOUNDS));
            let writer = {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || {
                    for value in 1..=3 {
                        inbox.put(Lane::Latest("book"), value);
                    }
                })
            };
            let mut seen = inbox.take().items;
            writer.join().unwrap();
            seen.extend(inbox.take().items);
            assert!(seen.is_sorted() && seen.last() == Some(&3), "{seen:?}");
        });
    }
}
