//! Tests of the files: whole, broken and cut off; of the recording that is shipped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use ploy::book::OrderBook;
use ploy::event::{Kind, MarketEvent};
use ploy::market::{ConditionId, Outcome};
use ploy::tape::{Books, Decoder, Header, Item};
use ploy::time::Timestamp;
use tempfile::TempDir;

use super::check::check as report_of;
use super::lines::LINE_BYTES_MAX;
use super::reader::open;
use super::writer::{Effort, TapeWriter};
use super::*;

const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../config/tapes/btc-15m-2026-09-28.jsonl.gz");
const HEADER: &str = r#"{"tape":"ploy","version":1,"title":"a","source":"b","licence":"c","books":"modelled","from":"2026-09-28T09:00:00Z","to":"2026-09-28T09:00:00.000008Z","notes":["n"]}"#;
pub(super) const ID: &str = "0xabababababababababababababababababababababababababababababababab";
const EVENTS: [&str; 9] = [
    r#""market":{"id":"ID","slug":"s","question":"q","outcomes":["Up","Down"],"tokens":["1","2"],"tick":"0.01","min_size":"5","fees":{"rate":"0.07","exponent":1},"opens_at":"2026-09-28T09:00:00Z","closes_at":"2026-09-28T09:15:00Z","strike_usd":"64000"}"#,
    r#""book":{"m":"ID","o":"yes","b":[["0.49","514.99"],["0.48","1"]],"a":[["0.5","205"]]}"#,
    r#""trade":{"m":"ID","o":"no","side":"sell","p":"0.51","s":"7"}"#,
    r#""spot":{"symbol":"BTC","usd":"64000.12"}"#,
    r#""game":{"id":"1","league":"NBA","teams":["BKN","GSW"],"score":[10,12],"period":1,"clock_s":300,"possession":0,"is_final":false}"#,
    r#""tick":{"m":"ID","tick":"0.001"}"#,
    r#""resolved":{"m":"ID","pays":["0.5","0.5"]}"#,
    r#""feed":{"name":"books","state":"down"}"#,
    r#""gap":{"missed":3}"#,
];

pub(super) fn header() -> Header {
    Decoder::default().header(HEADER).unwrap()
}

/// An event of every kind, a microsecond apart.
pub(super) fn events() -> Vec<MarketEvent> {
    let mut decoder = Decoder::default();
    decoder.header(HEADER).unwrap();
    let lines = (1_790_586_000_000_000_u64..).zip(EVENTS);
    lines
        .map(|(t, body)| format!(r#"{{"t":{t},{}}}"#, body.replace("ID", ID)))
        .map(|line| match decoder.line(&line).unwrap() {
            Item::Event(event) => event,
            Item::End { .. } => panic!("an event"),
        })
        .collect()
}

pub(super) fn write(path: &Path, effort: Effort, events: &[MarketEvent]) {
    let mut writer = TapeWriter::create(path, &header(), effort).unwrap();
    events.iter().for_each(|event| writer.write(event).unwrap());
    assert_eq!(writer.finish().unwrap(), u64::try_from(events.len()).unwrap());
}

fn read(path: &Path) -> Result<Vec<MarketEvent>, TapeError> {
    open(path)?.collect()
}

/// Returns a folder with the tape of [`events`] in it, and the bytes of that tape.
pub(super) fn folder(name: &str) -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, Effort::Best, &events());
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// Returns the message about a file of these bytes, which must begin with its name, without the name.
fn fault(bytes: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken");
    fs::write(&path, bytes).unwrap();
    let message = read(&path).unwrap_err().chain();
    let name = format!("{}: ", path.display());
    let rest = message.strip_prefix(&name);
    rest.unwrap_or_else(|| panic!("{message}")).to_owned()
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_kind_survives_the_file() {
    for (name, effort) in
        [("a.jsonl", Effort::Best), ("a.jsonl.gz", Effort::Best), ("a.jsonl.gz", Effort::Quick)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, effort, &events());
        let mut tape = open(&path).unwrap();
        assert_eq!(tape.header(), &header());
        let read: Result<Vec<_>, _> = tape.by_ref().collect();
        assert_eq!(read.unwrap(), events());
        assert_eq!(tape.events(), 9);
        assert_eq!(names(&folder), [name]);
        assert_eq!(fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]), name.ends_with(".gz"));
    }
}

#[test]
fn the_same_tape_is_the_same_bytes() {
    let (_one, _, first) = folder("a.jsonl.gz");
    let (_two, _, second) = folder("b.jsonl.gz");
    assert_eq!(first, second);
}

#[test]
fn gzip_is_told_by_its_bytes_and_may_have_several_members() {
    let (_folder, _, text) = folder("a.jsonl");
    let member = |part: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    let (head, tail) = text.split_at(text.len() / 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-gz-in-its-name");
    fs::write(&path, [member(head), member(tail)].concat()).unwrap();
    assert_eq!(read(&path).unwrap(), events());
    assert!(fault(member(head)).contains("cut off after line"));
}

#[test]
fn a_gzip_tape_cut_off_anywhere_is_a_fault() {
    let (_folder, _, bytes) = folder("a.jsonl.gz");
    assert!(fault(&bytes[..0]).contains("the file is empty"));
    assert!(fault(&bytes[..1]).contains("line 1"));
    for length in 2..bytes.len() {
        let message = fault(&bytes[..length]);
        assert!(message.starts_with("cut off after line "), "{length}: {message}");
    }
}

#[test]
fn a_plain_tape_cut_off_anywhere_is_a_fault() {
    let (_folder, path, bytes) = folder("a.jsonl");
    for length in 0..bytes.len() - 1 {
        let message = fault(&bytes[..length]);
        let whole = bytes[..length].iter().filter(|&&byte| byte == b'\n').count();
        if whole == 0 && length != HEADER.len() {
            assert!(message.starts_with("line 1: not the header"), "{message}");
            continue;
        }
        // Without its line end, a line that says all is read all the same.
        let last = if bytes[length] == b'\n' { whole + 1 } else { whole };
        let expected = format!("cut off after line {last}: the closing line is missing");
        assert_eq!(message, expected, "{length}");
    }
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(read(&path).unwrap(), events());
}

#[test]
fn a_damaged_check_sum_is_a_fault_after_the_last_line() {
    let (_folder, _, mut bytes) = folder("a.jsonl.gz");
    let place = bytes.len() - 6;
    bytes[place] ^= 1;
    let message = fault(bytes);
    assert!(message.starts_with("not readable after line 11: "), "{message}");
}

#[test]
fn what_is_no_tape_is_refused_with_the_line() {
    let gap = r#"{"t":1,"gap":{"missed":1}}"#;
    let end = r#"{"end":{"events":1}}"#;
    let check = |lines: &[&str], expected: &str| {
        let message = fault(lines.join("\n") + "\n");
        assert!(message.contains(expected), "{message}");
    };
    check(&["hello"], "line 1: not the header of a tape");
    check(&[gap, end], "line 1: not the header of a tape");
    let newer = HEADER.replace("\"version\":1", "\"version\":2");
    check(&[&newer], "line 1: tape version 2 is not readable");
    check(&[HEADER, gap, "{", end], "line 3: EOF while parsing");
    check(&[HEADER, gap, "", end], "line 3: EOF while parsing");
    check(&[HEADER, gap, r#"{"t":0,"gap":{"missed":1}}"#, end], "line 3: time runs backwards");
    check(&[HEADER, gap, gap, end], "line 4: the tape says it has 1 events, 2 were read");
    check(&[HEADER, gap, end, gap], "line 4: there is more after the end");
    check(&[HEADER, gap, end, ""], "line 4: there is more after the end");
    check(&[HEADER, gap], "cut off after line 2");
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    check(&[HEADER, &long, end], "line 2: longer than 4194304 bytes");
}

#[test]
fn a_path_without_a_tape_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.jsonl.gz");
    let error = open(&missing).unwrap_err();
    assert!(matches!(&error, TapeError::NotFound { path } if *path == missing));
    assert!(error.to_string().contains("config/tapes"), "{error}");
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("a file is expected"), "{error}");
}

#[test]
fn after_a_fault_there_is_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let gap = r#"{"t":1,"gap":{"missed":1}}"#;
    fs::write(&path, format!("{HEADER}\n{gap}\nbroken\n{gap}\n")).unwrap();
    let mut tape = open(&path).unwrap();
    assert!(tape.next_event().unwrap().is_some());
    assert!(tape.next_event().is_err());
    assert_eq!(tape.next_event().unwrap(), None);
    assert_eq!(tape.events(), 1);
}

#[test]
fn a_tape_has_its_name_only_when_it_is_whole() {
    let (folder, path, before) = folder("a.jsonl");
    let mut writer = TapeWriter::create(&path, &header(), Effort::Quick).unwrap();
    writer.write(&events()[0]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&folder).len(), 2);
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&folder), ["a.jsonl"]);
    write(&path, Effort::Quick, &events()[..1]);
    assert_eq!(read(&path).unwrap(), events()[..1]);
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let mut writer = TapeWriter::create(&path, &header(), Effort::Quick).unwrap();
    writer.write(&events()[1]).unwrap();
    let error = writer.write(&events()[0]).unwrap_err().to_string();
    assert!(error.contains("line 3: time runs backwards"), "{error}");
    writer.write(&events()[2]).unwrap();
    assert_eq!(writer.finish().unwrap(), 2);
    assert_eq!(read(&path).unwrap(), events()[1..3]);
}

#[test]
fn a_tape_that_cannot_be_written_names_its_path_and_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder/a.jsonl");
    let error = TapeWriter::create(&path, &header(), Effort::Best).unwrap_err();
    assert!(error.chain().contains("(make a file beside it): "), "{error}");
    let path = folder.path().join("taken");
    fs::create_dir(&path).unwrap();
    let writer = TapeWriter::create(&path, &header(), Effort::Best).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(error.to_string().contains("(give it its name)"), "{error}");
    assert_eq!(names(&folder), ["taken"]);
}

#[test]
fn a_long_tape_is_read_in_the_memory_of_its_longest_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.jsonl.gz");
    let mut writer = TapeWriter::create(&path, &header(), Effort::Quick).unwrap();
    for missed in 0..200_000 {
        let kind = Kind::Gap { missed };
        let at = Timestamp::from_millis(1_790_586_000_000);
        writer.write(&MarketEvent { at, kind }).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), 200_000);
    let mut tape = open(&path).unwrap();
    let mut expected = 0;
    while let Some(event) = tape.next_event().unwrap() {
        assert_eq!(event.kind, Kind::Gap { missed: expected });
        assert!(tape.buffer_bytes() <= 4 * HEADER.len());
        expected += 1;
    }
    assert_eq!(expected, 200_000);
}

#[test]
fn a_report_counts_and_remarks() {
    let (_folder, path, _) = folder("a.jsonl");
    let report = report_of(&path).unwrap();
    assert_eq!((report.events, report.counts.len()), (9, 9));
    assert!(report.counts.values().all(|&count| count == 1));
    assert_eq!(report.remarks, [""; 0]);
    let market = &report.markets[0];
    assert_eq!((&*market.slug, market.books, market.trades), ("s", 1, 1));

    write(&path, Effort::Best, &events()[1..2]);
    let report = report_of(&path).unwrap();
    let text = report.to_string();
    for expected in [
        "`from` 2026-09-28T09:00:00Z, the first event is of 2026-09-28T09:00:00.000001Z",
        "come before its `market` line",
        "not settled",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(report.remarks.len(), 3);
}

#[test]
fn a_crossed_book_is_counted_and_a_one_sided_one_is_not() {
    for (bids, asks, expected) in [
        (r#"["0.49","1"]"#, r#"["0.5","1"]"#, 0),
        (r#"["0.5","1"]"#, r#"["0.5","1"]"#, 1),
        (r#"["0.51","1"]"#, r#"["0.5","1"]"#, 1),
        ("", r#"["0.01","1"]"#, 0),
        (r#"["0.99","1"]"#, "", 0),
        ("", "", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let book =
            format!(r#"{{"t":1,"book":{{"m":"{ID}","o":"yes","b":[{bids}],"a":[{asks}]}}}}"#);
        let end = r#"{"end":{"events":1}}"#;
        fs::write(&path, format!("{HEADER}\n{book}\n{end}\n")).unwrap();
        assert_eq!(report_of(&path).unwrap().markets[0].books_crossed, expected, "{book}");
    }
}

#[test]
fn a_gap_of_a_market_is_the_time_between_two_of_its_books() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let book = &events()[1];
    let after = |millis: i64| MarketEvent {
        at: Timestamp::from_micros(book.at.micros() + millis * 1000),
        kind: book.kind.clone(),
    };
    write(&path, Effort::Best, &[after(0), after(1500), after(62_501), after(62_501)]);
    let report = report_of(&path).unwrap();
    assert_eq!((report.markets[0].books, report.markets[0].longest_gap_ms), (4, 61_001));
    assert!(report.to_string().contains("61.001 s"));
    assert!(serde_json::to_string(&report).unwrap().contains("\"longest_gap_ms\":61001"));
}

#[test]
fn the_shipped_tape_is_whole_and_as_described() {
    let path = Path::new(SHIPPED);
    assert!(fs::metadata(path).unwrap().len() < 3_000_000);
    let report = report_of(path).unwrap();
    let counts = [("book", 25_256), ("market", 12), ("resolved", 12), ("tick", 8)];
    assert_eq!(report.counts, BTreeMap::from(counts));
    let crossed = "books whose best bid is not below their best ask: 6";
    assert_eq!(report.remarks, [crossed]);
    assert_eq!(report.header.books, Books::Recorded);
    assert_eq!(report.header.licence, "CC BY 4.0");
    let longest = report.markets.iter().map(|market| market.longest_gap_ms);
    assert_eq!(longest.max(), Some(77_999));
    for market in &report.markets {
        assert!(market.slug.starts_with("btc-updown-15m-"));
        let pays = market.payouts.unwrap().map(|pay| pay.to_string());
        assert!(pays == ["1", "0"] || pays == ["0", "1"], "{pays:?}");
    }
}

/// How the two books of one instant stand to each other.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mirror {
    pairs: u64,
    exact: u64,
    /// Neither a yes bid nor a no ask: nothing to compare.
    both_empty: u64,
}

#[test]
fn the_books_of_the_shipped_tape_mirror_each_other_wherever_they_meet() {
    let mut latest: BTreeMap<ConditionId, [Option<Arc<OrderBook>>; 2]> = BTreeMap::new();
    let mut mirror = Mirror::default();
    for event in open(Path::new(SHIPPED)).unwrap() {
        let Kind::Book { market, outcome, book } = event.unwrap().kind else {
            continue;
        };
        let books = latest.entry(market).or_default();
        *outcome.of_mut(books) = Some(book);
        let [Some(yes), Some(no)] = books else {
            continue;
        };
        if yes.at() != no.at() {
            continue;
        }
        mirror.pairs += 1;
        match (yes.best_bid(), no.best_ask()) {
            (Some(bid), Some(ask)) if bid.price == ask.price.complement() => mirror.exact += 1,
            (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => {}
            (None, None) => mirror.both_empty += 1,
        }
    }
    // Each of the 12,383 pairs: 12,071 add up to 1, and 312 have nobody on that side of either book.
    let expected = Mirror { pairs: 12_383, exact: 12_071, both_empty: 312 };
    assert_eq!(mirror, expected);
}

#[test]
fn a_fine_price_on_the_shipped_tape_comes_after_its_step() {
    let mut ticks: BTreeMap<ConditionId, i64> = BTreeMap::new();
    let mut changes = 0;
    for event in open(Path::new(SHIPPED)).unwrap() {
        match event.unwrap().kind {
            Kind::Market(market) => drop(ticks.insert(market.id, market.tick.micros().into())),
            Kind::Tick { market, tick } => {
                assert_eq!(ticks.insert(market, tick.micros().into()), Some(10_000));
                changes += 1;
            }
            Kind::Book { market, book, .. } => {
                let step = ticks[&market];
                let prices = book.bids().iter().chain(book.asks()).map(|level| level.price);
                assert!(prices.clone().all(|price| price.micros() % step == 0));
            }
            Kind::Resolved { market, .. } => drop(ticks.remove(&market)),
            Kind::Trade(_)
            | Kind::Spot { .. }
            | Kind::Game(_)
            | Kind::Feed { .. }
            | Kind::Gap { .. } => panic!("not on this tape"),
        }
    }
    assert_eq!((changes, ticks.len()), (8, 0));
}

#[test]
fn the_first_market_of_the_shipped_tape_is_introduced_before_its_first_book() {
    let mut tape = open(Path::new(SHIPPED)).unwrap();
    let Kind::Market(market) = tape.next_event().unwrap().unwrap().kind else { panic!("a market") };
    assert_eq!(market.label(Outcome::Yes), "Up");
    assert_eq!(market.min_size.to_string(), "5");
    assert_eq!((&market.tokens, market.strike_usd), (&None, None));
    let Kind::Book { outcome, book, .. } = tape.next_event().unwrap().unwrap().kind else {
        panic!("a book")
    };
    assert_eq!(outcome, Outcome::Yes);
    assert_eq!(book.best_bid().unwrap().size.to_string(), "514.99");
}

#[test]
fn the_tape_in_the_documentation_is_a_tape_with_every_kind() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tape.md");
    let docs = fs::read_to_string(docs).unwrap();
    let (_, rest) = docs.split_once("```jsonl\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docs.jsonl");
    fs::write(&path, text).unwrap();
    let report = report_of(&path).unwrap();
    assert_eq!((report.events, report.counts.len()), (9, EVENTS.len()));
    assert_eq!(report.remarks, [""; 0]);
    let again = folder.path().join("again.jsonl");
    let mut writer = TapeWriter::create(&again, &report.header, Effort::Best).unwrap();
    for event in read(&path).unwrap() {
        writer.write(&event).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(fs::read_to_string(&again).unwrap(), text);
}
