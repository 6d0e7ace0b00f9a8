//! Tests of several tapes as one: their order, their faults, what they say of the same market, and the thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ploy::event::{Kind, MarketEvent};
use ploy::market::{Market, TickSize};
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::TapeError;
use super::merged::{open, pump, spawn};
use super::tests::{events, folder, header};
use super::writer::{Effort, TapeWriter};
use crate::ports::FeedItem;

/// A folder of tapes, `0.jsonl` and so on, each with its events.
fn tapes(lists: &[Vec<MarketEvent>]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> =
        (0..lists.len()).map(|n| folder.path().join(format!("{n}.jsonl"))).collect();
    for (path, events) in paths.iter().zip(lists) {
        write(path, &header(), events);
    }
    (folder, paths)
}

fn write(path: &Path, header: &Header, events: &[MarketEvent]) {
    let mut writer = TapeWriter::create(path, header, Effort::Quick).unwrap();
    events.iter().for_each(|event| writer.write(event).unwrap());
    writer.finish().unwrap();
}

/// An event that is told from others by its number, so many microseconds after the first.
fn gap(micros: u64, missed: u64) -> MarketEvent {
    let at = Timestamp::from_millis(1_790_586_000_000) + Duration::from_micros(micros);
    MarketEvent { at, kind: Kind::Gap { missed } }
}

fn read(paths: &[PathBuf]) -> Result<Vec<MarketEvent>, TapeError> {
    open(paths)?.1.collect()
}

/// The market of [`events`], changed.
fn market(change: impl FnOnce(&mut Market)) -> MarketEvent {
    let event = events().swap_remove(0);
    let Kind::Market(market) = event.kind else { panic!("the first event announces a market") };
    let mut market = Arc::unwrap_or_clone(market);
    change(&mut market);
    MarketEvent { at: event.at, kind: Kind::Market(Arc::new(market)) }
}

#[test]
fn events_come_by_time_and_those_of_one_instant_in_the_order_of_the_list() {
    let first = vec![gap(0, 1), gap(5, 2), gap(5, 3), gap(9, 4)];
    let second = vec![gap(5, 5), gap(7, 6), gap(7, 7)];
    let third = vec![gap(0, 8), gap(5, 9)];
    let check = |lists: &[&Vec<MarketEvent>], expected: &[u64]| {
        let lists: Vec<Vec<MarketEvent>> = lists.iter().map(|list| (*list).clone()).collect();
        let (_folder, paths) = tapes(&lists);
        let numbers: Vec<u64> = read(&paths)
            .unwrap()
            .iter()
            .map(|event| {
                let Kind::Gap { missed } = event.kind else { panic!("no gap: {event:?}") };
                missed
            })
            .collect();
        assert_eq!(numbers, expected);
    };
    check(&[&first], &[1, 2, 3, 4]);
    check(&[&first, &second, &third], &[1, 8, 2, 3, 5, 9, 6, 7, 4]);
    check(&[&third, &second, &first], &[8, 1, 9, 5, 2, 3, 6, 7, 4]);
    check(&[&first, &Vec::new()], &[1, 2, 3, 4]);
}

/// A tape cut into any tapes and merged again is the tape, up to the order within an instant; where no two events
/// are of one instant it is the very same.
#[test]
fn a_list_that_was_dealt_out_to_tapes_comes_back_whole() {
    let mut dice = 1_u64;
    let mut roll = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for round in 0..60 {
        let (count, hands) = (roll(120), usize::try_from(1 + roll(5)).unwrap());
        let step = if round % 2 == 0 { 1 } else { 0 };
        let mut at = 0;
        let all: Vec<MarketEvent> = (0..count)
            .map(|number| {
                at += step + roll(3);
                gap(at, number)
            })
            .collect();
        let mut lists = vec![Vec::new(); hands];
        for event in &all {
            let hand = usize::try_from(roll(u64::try_from(hands).unwrap())).unwrap();
            lists[hand].push(event.clone());
        }
        let (_folder, paths) = tapes(&lists);
        let merged = read(&paths).unwrap();
        if step == 1 {
            assert_eq!(merged, all);
        }
        let mut stable: Vec<MarketEvent> = lists.concat();
        stable.sort_by_key(|event| event.at);
        assert_eq!(merged, stable);
    }
}

#[test]
fn headers_come_in_the_order_of_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let named = |title: &str, books| Header { title: title.to_owned(), books, ..header() };
    let headers = [named("late", Books::Modelled), named("early", Books::None)];
    let paths: Vec<PathBuf> = ["0", "1"].iter().map(|name| folder.path().join(name)).collect();
    write(&paths[0], &headers[0], &[gap(9, 1)]);
    write(&paths[1], &headers[1], &[gap(0, 2)]);
    assert_eq!(open(&paths).unwrap().0, headers);
}

#[test]
fn a_fault_names_its_tape_and_ends_all_of_them() {
    let (_folder, paths) = tapes(&[vec![gap(0, 1), gap(9, 2)], vec![gap(1, 3), gap(2, 4)]]);
    let text = fs::read_to_string(&paths[1]).unwrap();
    fs::write(&paths[1], text.replace("\"missed\":4", "\"missed\":x")).unwrap();
    let (_, mut merged) = open(&paths).unwrap();
    assert_eq!(merged.next_event().unwrap(), Some(gap(0, 1)));
    assert_eq!(merged.next_event().unwrap(), Some(gap(1, 3)));
    let error = merged.next_event().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: line 3: ", paths[1].display())), "{error}");
    assert_eq!(merged.next_event().unwrap(), None);
    assert_eq!(merged.events(), 2);
}

#[test]
fn no_tape_and_a_tape_given_twice_are_refused() {
    assert!(matches!(open(&[]), Err(TapeError::NoneGiven)));
    let (folder, paths) = tapes(&[vec![gap(0, 1)]]);
    let detour = folder.path().join(".").join("0.jsonl");
    let error = open(&[paths[0].clone(), detour.clone()]).unwrap_err().to_string();
    let expected =
        format!("{}: this tape is given twice, also as {}", detour.display(), paths[0].display());
    assert_eq!(error, expected);
    let missing = folder.path().join("missing");
    assert!(matches!(open(&[paths[0].clone(), missing]), Err(TapeError::NotFound { .. })));
}

#[test]
fn two_tapes_may_not_contradict_each_other_on_a_market() {
    let refused = |change: fn(&mut Market)| {
        let (_folder, paths) = tapes(&[vec![market(|_| {})], vec![market(change)]]);
        let error = read(&paths).err().map(|error| error.to_string());
        error.inspect(|error| {
            assert!(error.starts_with(&paths[1].display().to_string()), "{error}");
            assert!(error.contains(&paths[0].display().to_string()), "{error}");
        })
    };
    let check = |what: &str, change: fn(&mut Market)| {
        let error = refused(change).unwrap();
        assert!(error.contains(&format!("the market s has another `{what}` here")), "{error}");
    };
    check("question", |market| market.question = "?".into());
    check("outcomes", |market| market.outcomes = ["Yes".into(), "No".into()]);
    check("tokens", |market| market.tokens = Some(["1".into(), "3".into()]));
    check("tick", |market| market.tick = TickSize::from_micros(1_000).unwrap());
    check("min_size", |market| market.min_size = "6".parse().unwrap());
    check("fees", |market| market.fees = ploy::fees::FeeSchedule::FREE);
    check("opens_at", |market| market.opens_at = market.opens_at + Duration::from_micros(1));
    check("closes_at", |market| market.closes_at = market.closes_at + Duration::from_micros(1));
    check("strike_usd", |market| market.strike_usd = Some("64000.01".parse().unwrap()));
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|market| (market.strike_usd, market.tokens) = (None, None)), None);
}

#[test]
fn one_tape_may_learn_more_of_its_own_market_and_a_settled_one_is_forgotten() {
    let told = market(|market| market.strike_usd = Some("1".parse().unwrap()));
    let later = |event: &MarketEvent, micros| {
        let at = event.at + Duration::from_micros(micros);
        MarketEvent { at, ..event.clone() }
    };
    let (_folder, paths) = tapes(&[vec![market(|_| {}), told.clone()]]);
    assert_eq!(read(&paths).unwrap().len(), 2);
    let mut settled = vec![market(|_| {})];
    settled
        .extend(events().into_iter().filter(|event| matches!(event.kind, Kind::Resolved { .. })));
    let (_folder, paths) = tapes(&[settled, vec![later(&told, 100)]]);
    let (_, mut merged) = open(&paths).unwrap();
    assert_eq!(merged.by_ref().count(), 3);
    assert_eq!(merged.markets_open(), 1);
}

#[tokio::test]
async fn the_thread_sends_every_event_and_the_end() {
    let (_folder, path, _) = folder("a.jsonl.gz");
    for capacity in [0, 1, 1024] {
        let (seen, mut rx) = spawn(std::slice::from_ref(&path), capacity).unwrap();
        assert_eq!(seen, [header()]);
        let item = rx.recv().await.unwrap();
        assert!(matches!(item, FeedItem::Books(Books::Modelled)), "{item:?}");
        for expected in events() {
            let item = rx.recv().await.unwrap();
            assert!(matches!(item, FeedItem::Event(event) if event == expected));
        }
        let item = rx.recv().await.unwrap();
        assert!(matches!(item, FeedItem::End { events: 9 }), "{item:?}");
        assert!(rx.recv().await.is_none());
    }
}

#[tokio::test]
async fn the_thread_says_where_books_come_from_when_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let numbered = |number: u8, micros| {
        let mut event = market(|market| {
            market.id = ploy::market::ConditionId::from_bytes([number; 32]);
        });
        event.at = event.at + Duration::from_micros(micros);
        event
    };
    let paths: Vec<PathBuf> = ["0", "1"].iter().map(|name| folder.path().join(name)).collect();
    let recorded = Header { books: Books::Recorded, ..header() };
    write(&paths[0], &recorded, &[numbered(1, 0), numbered(2, 1), numbered(3, 5)]);
    write(&paths[1], &header(), &[numbered(4, 2), numbered(5, 3)]);
    let (_, mut rx) = spawn(&paths, 1024).unwrap();
    let mut said = String::new();
    while let Some(item) = rx.recv().await {
        match item {
            FeedItem::Books(books) => said += &format!("{books:?} "),
            FeedItem::Event(_) => said += ". ",
            FeedItem::End { events } => said += &format!("end {events}"),
            FeedItem::Broken(why) => panic!("{why}"),
        }
    }
    assert_eq!(said, "Recorded . . Modelled . . Recorded . end 5");
}

#[tokio::test]
async fn the_thread_tells_where_the_tape_broke() {
    let (_folder, path, bytes) = folder("a.jsonl");
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let (_, mut rx) = spawn(std::slice::from_ref(&path), 1024).unwrap();
    let mut items = Vec::new();
    while let Some(item) = rx.recv().await {
        items.push(item);
    }
    let expected = format!("{}: cut off after line 9: ", path.display());
    let last = items.pop().unwrap();
    assert!(matches!(&last, FeedItem::Broken(text) if text.starts_with(&expected)), "{last:?}");
    assert_eq!(items.iter().filter(|item| matches!(item, FeedItem::Event(_))).count(), 8);
    assert!(spawn(&[PathBuf::from("missing")], 1).is_err());
}

#[test]
fn the_thread_ends_when_nobody_receives() {
    let (_folder, path, _) = folder("a.jsonl");
    let (tx, mut rx) = mpsc::channel(1);
    let (_, merged) = open(&[path]).unwrap();
    let reading = thread::spawn(move || pump(merged, &tx));
    assert!(matches!(rx.blocking_recv(), Some(FeedItem::Books(_))));
    drop(rx);
    reading.join().unwrap();
}
