//! The rules of the inbox; they stand apart since the model checks take the inbox's file as it is.

use super::inbox::{Bounds, Inbox, Lane, Put};

const BOUNDS: Bounds = Bounds { ring_max: 2, lossless_max: 3 };

#[test]
fn the_newest_value_of_a_key_takes_the_place_of_the_unread_one() {
    let inbox = Inbox::new(BOUNDS);
    assert_eq!(inbox.put(Lane::Latest("a"), 1), Put::Wake);
    assert_eq!(inbox.put(Lane::Lossless, 2), Put::Waiting);
    assert_eq!(inbox.put(Lane::Latest("b"), 3), Put::Waiting);
    assert_eq!(inbox.put(Lane::Latest("a"), 4), Put::Waiting);
    let batch = inbox.take();
    assert_eq!((batch.items, batch.conflated, batch.missed), (vec![4, 2, 3], 1, 0));
    assert_eq!(inbox.put(Lane::Latest("a"), 5), Put::Wake);
}

#[test]
fn what_is_pushed_out_of_the_ring_is_counted() {
    let inbox: Inbox<u8, u8> = Inbox::new(BOUNDS);
    for n in 1..=5 {
        inbox.put(Lane::Ring, n);
    }
    let batch = inbox.take();
    assert_eq!((batch.items, batch.missed), (vec![4, 5], 3));
    assert_eq!(inbox.take().missed, 0);
}

#[test]
fn too_many_lossless_values_are_told_and_not_dropped() {
    let inbox: Inbox<u8, u8> = Inbox::new(BOUNDS);
    let puts: Vec<Put> = (1..=4).map(|n| inbox.put(Lane::Lossless, n)).collect();
    assert_eq!(puts.last(), Some(&Put::Overflow));
    assert_eq!(inbox.take().items, [1, 2, 3, 4]);
}

#[test]
fn memory_stays_flat_under_a_flood_of_one_key() {
    let inbox = Inbox::new(BOUNDS);
    for n in 0..1_000_000 {
        inbox.put(Lane::Latest(n % 20), n);
    }
    assert_eq!(inbox.len(), 20);
    let batch = inbox.take();
    assert_eq!(batch.items, (999_980..1_000_000).collect::<Vec<_>>());
    assert_eq!(batch.conflated, 1_000_000 - 20);
}
