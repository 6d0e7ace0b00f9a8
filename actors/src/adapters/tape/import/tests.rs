//! Tests of the import: a small raw pair gives exactly its tape, and a fault names file and line.

use std::io::Write;

use expect_test::expect;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;

const MARKETS: &str = r#"[
 {"market_id":"0xaa","slug":"up-1","question":"Up?","category":"crypto","start_ts":1000,"end_ts":5000,"outcome_up":"Up","outcome_down":"Down","payout_up":0.0,"payout_down":1.0},
 {"market_id":"0xbb","slug":"up-2","question":"Up then?","category":"crypto","start_ts":5000,"end_ts":9000,"outcome_up":"Up","outcome_down":"Down","payout_up":0.5,"payout_down":0.5},
 {"market_id":"0xcc","slug":"up-3","question":"Never seen?","category":"crypto","start_ts":9000,"end_ts":9900,"outcome_up":"Up","outcome_down":"Down","payout_up":1.0,"payout_down":0.0}
]"#;
/// The second market's book comes first in the file and later in time.
const BOOKS: [&str; 5] = [
    r#"{"m":1,"t":3000,"s":"DOWN","b":[["0.5","1"]],"a":[]}"#,
    r#"{"m":0,"t":500,"s":"UP","b":[["0.49","5.5600000000000005"],["0.48","2"]],"a":[["0.5","3"]]}"#,
    r#"{"m":0,"t":500,"s":"DOWN","b":[["0.5","3"]],"a":[["0.51","5.56"]]}"#,
    r#"{"m":0,"t":3000,"s":"UP","b":[["0.021","1"]],"a":[["0.03","1"]]}"#,
    r#"{"m":0,"t":6000,"s":"UP","b":[],"a":[["0.01","1"]]}"#,
];

/// Raw files in a folder of their own.
struct Raw {
    folder: TempDir,
    books: PathBuf,
    markets: PathBuf,
    out: PathBuf,
}

impl Raw {
    fn new(markets: &str, books: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let raw = Self {
            books: place("books.jsonl"),
            markets: place("markets.json"),
            out: place("out.jsonl"),
            folder,
        };
        fs::write(&raw.books, books).unwrap();
        fs::write(&raw.markets, ids(markets)).unwrap();
        raw
    }

    fn import(&self, options: &Options) -> Result<Summary, ImportError> {
        import_resolved_markets(&self.books, &self.markets, &self.out, options)
    }
}

/// Writes the short ids in full: `0xaa` stands for 32 times that byte.
fn ids(text: &str) -> String {
    ["aa", "bb", "cc"].iter().fold(text.to_owned(), |text, id| {
        text.replace(&format!("\"0x{id}\""), &format!("\"0x{}\"", id.repeat(32)))
    })
}

#[test]
fn a_raw_pair_gives_exactly_its_tape() {
    let raw = Raw::new(MARKETS, &BOOKS.join("\n"));
    let summary = raw.import(&Options::default()).unwrap();
    let tape = fs::read_to_string(&raw.out).unwrap();
    let (header, events) = tape.split_once('\n').unwrap();
    let expected = [
        r#"{"t":500000,"market":{"id":"0xaa","slug":"up-1","question":"Up?","outcomes":["Up","Down"],"tick":"0.01","min_size":"5","fees":{"rate":"0.07","exponent":1},"opens_at":"1970-01-01T00:00:01Z","closes_at":"1970-01-01T00:00:05Z"}}"#,
        r#"{"t":500000,"book":{"m":"0xaa","o":"yes","b":[["0.49","5.56"],["0.48","2"]],"a":[["0.5","3"]]}}"#,
        r#"{"t":500000,"book":{"m":"0xaa","o":"no","b":[["0.5","3"]],"a":[["0.51","5.56"]]}}"#,
        r#"{"t":3000000,"market":{"id":"0xbb","slug":"up-2","question":"Up then?","outcomes":["Up","Down"],"tick":"0.01","min_size":"5","fees":{"rate":"0.07","exponent":1},"opens_at":"1970-01-01T00:00:05Z","closes_at":"1970-01-01T00:00:09Z"}}"#,
        r#"{"t":3000000,"book":{"m":"0xbb","o":"no","b":[["0.5","1"]],"a":[]}}"#,
        r#"{"t":3000000,"tick":{"m":"0xaa","tick":"0.001"}}"#,
        r#"{"t":3000000,"book":{"m":"0xaa","o":"yes","b":[["0.021","1"]],"a":[["0.03","1"]]}}"#,
        r#"{"t":6000000,"book":{"m":"0xaa","o":"yes","b":[],"a":[["0.01","1"]]}}"#,
        r#"{"t":6000000,"resolved":{"m":"0xaa","pays":["0","1"]}}"#,
        r#"{"t":9000000,"resolved":{"m":"0xbb","pays":["0.5","0.5"]}}"#,
        r#"{"end":{"events":10}}"#,
    ];
    let expected = ids(&expected.join("\n")) + "\n";
    assert_eq!(events, expected);
    expect![[r#"{"tape":"ploy","version":1,"title":"Order books of 2 settled markets, up-1 to up-2","source":"Resolved Markets, resolvedkit 0.1.0 sample data, PyPI","licence":"CC BY 4.0","books":"recorded","from":"1970-01-01T00:00:00.5Z","to":"1970-01-01T00:00:09Z","notes":["converted by `ploy tape import`; credit for the recording: Resolved Markets","assumed, since the recording does not tell: a taker's fee of rate 0.07 and exponent 1, a price step of 0.01 at first, a smallest order of 5 shares","the step becomes 0.001 (0.0001) right before the first book that shows such a price; the recording has no notice of it","a market is resolved at its end or at its last book, whichever is later; the payouts are the recorded ones, the instant of the settlement is not known","there is no price of the underlying, no trade, no strike and no token id","books are snapshots with at most 2 levels a side; those of one outcome are 3000 ms apart in the median and 3000 ms at most","sizes with more than six decimals, the noise of binary fractions, were rounded to the nearest millionth: 1 of them"]}"#]].assert_eq(header);
    expect![[r#"
        10 events from 1970-01-01T00:00:00.5Z to 1970-01-01T00:00:09Z: markets 2, books 5, changes of a price step 1
        sizes rounded to a millionth: 1
        left out, without any book: up-3
    "#]].assert_eq(&summary.to_string());
    assert_eq!(super::super::check::check(&raw.out).unwrap().remarks, [""; 0]);
}

#[test]
fn fees_and_words_are_those_asked_for() {
    let raw = Raw::new(MARKETS, BOOKS[0]);
    let options = Options {
        fee_rate: "0.25".parse().unwrap(),
        fee_exponent: 2,
        source: "here".to_owned(),
        licence: "mine".to_owned(),
    };
    raw.import(&options).unwrap();
    let tape = fs::read_to_string(&raw.out).unwrap();
    for expected in [
        r#""source":"here","licence":"mine""#,
        "rate 0.25 and exponent 2",
        r#""fees":{"rate":"0.25","exponent":2}"#,
    ] {
        assert!(tape.contains(expected), "{tape}");
    }
    let bad = Options { fee_exponent: 9, ..options };
    assert!(matches!(raw.import(&bad), Err(ImportError::Fees(_))));
}

fn check(markets: &str, books: &[&str], expected: &str) {
    let raw = Raw::new(markets, &books.join("\n"));
    let message = raw.import(&Options::default()).unwrap_err().to_string();
    let start = raw.folder.path().display().to_string();
    assert!(message.starts_with(&start) && message.contains(expected), "{message}");
    assert!(!raw.out.exists(), "{expected}");
    assert_eq!(fs::read_dir(raw.folder.path()).unwrap().count(), 2, "{expected}");
}

#[test]
fn a_broken_line_of_books_is_named_by_its_number() {
    let broken = |line: &str, expected: &str| {
        check(
            MARKETS,
            &[BOOKS[0], BOOKS[1], line, BOOKS[2]],
            &format!("books.jsonl: line 3: {expected}"),
        );
    };
    broken("", "EOF while parsing");
    broken(r#"{"m":0,"t":1,"s":"UP","b":[["0.5""#, "EOF while parsing");
    broken(r#"{"m":0,"t":1,"s":"LEFT","b":[],"a":[]}"#, "unknown variant `LEFT`");
    broken(r#"{"m":3,"t":1,"s":"UP","b":[],"a":[]}"#, "market 3 is asked for, there are 3");
    broken(r#"{"m":0,"t":-1,"s":"UP","b":[],"a":[]}"#, "-1 is no millisecond");
    broken(r#"{"m":0,"t":1,"s":"UP","b":[["1","2"]],"a":[]}"#, "price 1 is not between");
    broken(r#"{"m":0,"t":1,"s":"UP","b":[["0.5","-2"]],"a":[]}"#, "size -2 is negative");
    broken(r#"{"m":0,"t":1,"s":"UP","b":[["0.5","0"]],"a":[]}"#, "a level has no shares");
    broken(
        r#"{"m":0,"t":1,"s":"UP","b":[["0.5","1"],["0.50","1"]],"a":[]}"#,
        "a price comes twice on one side",
    );
    broken(
        r#"{"m":0,"t":1,"s":"UP","b":[["0.50001","1"]],"a":[]}"#,
        "a price has more than four decimals",
    );
}

#[test]
fn a_file_of_books_without_books_is_refused() {
    check(MARKETS, &[], "books.jsonl: there is no book in it");
}

#[test]
fn a_broken_list_of_markets_is_named_with_the_place() {
    let broken = |from: &str, to: &str, expected: &str| {
        assert!(MARKETS.contains(from));
        check(&MARKETS.replace(from, to), &BOOKS, &format!("markets.json: {expected}"));
    };
    broken("]", "", "EOF while parsing a list at line 5");
    broken("\"0xbb\"", "\"0x1\"", "`0x1` is not a condition id");
    broken("\"0xbb\"", "\"0xaa\"", "market `up-2`: has the id of `up-1`");
    broken("9900", "9000", "market `up-3`: it ends before it begins");
    broken("0.5,", "0.6,", "market `up-2`: the two payouts are not shares of 1");
    broken("\"slug\":\"up-1\",", "", "missing field `slug` at line 2");
}

#[test]
fn missing_and_cut_off_raw_files_are_named() {
    let raw = Raw::new(MARKETS, "");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(BOOKS.join("\n").as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    fs::write(&raw.books, &bytes).unwrap();
    assert_eq!(raw.import(&Options::default()).unwrap().books, 5);
    fs::write(&raw.books, &bytes[..bytes.len() - 1]).unwrap();
    let message = raw.import(&Options::default()).unwrap_err().to_string();
    let expected = "books.jsonl: cut off after line 4: the compressed data ends too early";
    assert!(message.ends_with(expected), "{message}");
    fs::remove_file(&raw.books).unwrap();
    let message = raw.import(&Options::default()).unwrap_err().to_string();
    assert!(message.ends_with("books.jsonl: there is no such file"), "{message}");
    fs::remove_file(&raw.markets).unwrap();
    let message = raw.import(&Options::default()).unwrap_err().to_string();
    assert!(message.ends_with("markets.json: there is no such file"), "{message}");
}
