//! Every kind of line is written as it is read, every fault is named by its line, and no text does harm.

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::kernel::{Kernel, Memory};
use crate::tape;

const HEADER: &str = r#"{"tape":"ploy-record","version":1,"run":"r","mode":"paper","program":"0.1.0","file":1,"from":"2026-09-28T09:00:00Z"}"#;
const SETTINGS: &str = include_str!("../../config/strategies/split_arb_legged.toml");
const ID: &str = "0xabababababababababababababababababababababababababababababababab";

/// Returns a kernel that has taken something in, so that little of it is empty.
fn kernel() -> Kernel {
    let config = config::strategy("a.toml", "a".parse().unwrap(), SETTINGS).unwrap();
    let mut kernel = Kernel::new(config.id, config.kind.build(), config.limits, Memory::default());
    let mut decoder = tape::Decoder::default();
    for line in [
        r#"{"t":1,"market":{"id":"ID","slug":"btc-updown-15m-1","question":"?","outcomes":["Up","Down"],"tick":"0.01","min_size":"5","fees":{"rate":"0","exponent":1},"opens_at":"1970-01-01T00:00:00Z","closes_at":"1970-01-01T00:15:00Z"}}"#,
        r#"{"t":2,"book":{"m":"ID","o":"yes","b":[["0.3","10"]],"a":[["0.31","10"]]}}"#,
    ] {
        let tape::Item::Event(event) = decoder.line(&line.replace("ID", ID)).unwrap() else {
            panic!("an event")
        };
        kernel.handle(&Input::Market(event), &mut Vec::new()).unwrap();
    }
    assert!(0 < kernel.digest().count(), "it has decided something");
    kernel
}

/// Returns a line of every kind, numbered from 1.
fn lines() -> Vec<String> {
    let kernel = kernel();
    let settings = serde_json::to_string(SETTINGS).unwrap();
    let memory = serde_json::to_string(&kernel.memory()).unwrap();
    let saved = serde_json::to_string(&kernel.checkpoint()).unwrap();
    let fill = r#"{"number":1,"order":"a:7","market":"ID","outcome":"yes","side":"buy","price":"0.4","size":"10","fee":"0.1","liquidity":"taker","at":"2026-09-28T09:00:01Z"}"#;
    let at = r#""at":"2026-09-28T09:00:01.000001Z""#;
    let bodies = [
        format!(r#""start":{{"s":"a","incarnation":1,"version":"00","settings":{settings},"memory":{memory}}}"#),
        format!(r#""recall":{{"s":"a","fact":{{"fill":{fill}}}}}"#),
        r#""recall":{"s":"a","fact":{"settled":{"m":"ID","pays":["1","0"]}}}"#.to_owned(),
        format!(r#""to":{{"a":"0012abff"}},"gate":{{{at},"gate":"open"}}"#),
        r#""to":{"a":"00000000","b":"12345678"},"event":{"t":2,"book":{"m":"ID","o":"yes","b":[],"a":[["0.5","1"]]}}"#.to_owned(),
        r#""to":{"a":"00000000"},"event":{"t":2,"gap":{"missed":3}}"#.to_owned(),
        r#""to":{"a":"00000000"},"event":{"t":2,"book":{"m":"ID","o":"no","b":[["0.4","1"]],"a":[]}},"book_at":"1970-01-01T00:00:00.000001Z""#.to_owned(),
        format!(r#""to":{{"a":"00000000"}},"order":{{{at},"order":"a:7","update":{{"submitted":"accepted"}}}}"#),
        format!(r#""to":{{"a":"00000000"}},"order":{{{at},"order":"a:7","update":{{"submitted":{{"rejected":{{"reason":"no","origin":"venue"}}}}}}}}"#),
        format!(r#""to":{{"a":"00000000"}},"order":{{{at},"order":"a:7","update":{{"filled":{fill}}}}}"#),
        format!(r#""to":{{"a":"00000000"}},"order":{{{at},"order":"a:7","update":{{"done":{{"unfilled":"0","cause":"filled"}}}}}}"#),
        r#""to":{"a":"00000000"},"timer":"2026-09-28T09:00:02Z""#.to_owned(),
        r#""to":{"a":"00000000"},"release":"2026-09-28T09:00:02Z""#.to_owned(),
        format!(r#""checkpoint":{{"s":"a","incarnation":1,"version":"00","settings":{settings},"kernel":{saved}}}"#),
        r#""end":{"s":"a","incarnation":1,"inputs":9,"decisions":3,"digest":"00"}"#.to_owned(),
        r#""end":{"s":"a","incarnation":1,"died":{"class":"panic","message":"m"},"inputs":9,"decisions":3,"digest":"00"}"#.to_owned(),
        r#""gap":{"s":"a","inputs":17}"#.to_owned(),
        format!(r#""command":{{"s":"a",{at},"actor":"cli","action":"stop","answer":"accepted: stopping"}}"#),
        format!(r#""phase":{{"s":"a",{at},"from":"running","to":"stopping","why":"stop by cli"}}"#),
        r#""close":{"lines":19}"#.to_owned(),
    ];
    let numbered = bodies.iter().enumerate();
    numbered.map(|(n, body)| format!("{{\"n\":{},{}}}", n + 1, body.replace("ID", ID))).collect()
}

fn decoder() -> Decoder {
    let mut decoder = Decoder::default();
    decoder.header(HEADER).unwrap();
    decoder
}

#[test]
fn every_kind_of_line_is_written_as_it_is_read() {
    let mut decoder = decoder();
    for line in lines() {
        let (n, what) = decoder.line(&line).unwrap();
        assert_eq!(encode(n, &what), line);
    }
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn a_refusal_that_does_not_say_whose_it_was_counts_for_nothing() {
    let line = lines().swap_remove(8);
    let older = line.replace(r#","origin":"venue""#, "");
    assert_ne!(older, line);
    let mut decoder = decoder();
    lines()[..8].iter().for_each(|line| drop(decoder.line(line).unwrap()));
    let (n, what) = decoder.line(&older).unwrap();
    assert_eq!(encode(n, &what), line.replace("venue", "unsent"));
}

#[test]
fn a_header_is_written_as_it_is_read() {
    let header = Decoder::default().header(HEADER).unwrap();
    assert_eq!(encode_header(&header), HEADER);
    let Header { run, mode, program, file, from, .. } = header.clone();
    assert_eq!(Header::new(run, mode, program, file, from), header);
    assert!(is_record(HEADER) && !is_record(r#"{"tape":"ploy","version":1}"#) && !is_record("x"));
}

fn fault(line: &str) -> String {
    decoder().line(line).unwrap_err().to_string()
}

#[test]
fn a_broken_line_is_named_by_its_number() {
    assert!(fault("{").starts_with("line 2: EOF"));
    assert!(fault(r#"{"n":1,"guess":{}}"#).starts_with("line 2: unknown field `guess`"));
    assert!(fault(r#"{"gap":{"s":"a","inputs":1}}"#).contains("missing field `n`"));
    assert_eq!(fault(r#"{"n":1}"#), "line 2: the line holds a number and nothing else");
    assert_eq!(fault(r#"{"n":0,"close":{"lines":0}}"#), "line 2: its number 0 does not follow 0");
    let nobody = "line 2: it does not say who took this in";
    assert_eq!(fault(r#"{"n":1,"timer":"2026-09-28T09:00:02Z"}"#), nobody);
    assert_eq!(fault(r#"{"n":1,"to":{},"timer":"2026-09-28T09:00:02Z"}"#), nobody);
    assert_eq!(
        fault(r#"{"n":1,"to":{"a":"00000000"},"close":{"lines":0}}"#),
        "line 2: nobody takes in such a line"
    );
    let two = "line 2: the line says more than one thing";
    assert_eq!(fault(r#"{"n":1,"gap":{"s":"a","inputs":1},"close":{"lines":0}}"#), two);
    let at = "2026-09-28T09:00:02Z";
    let both = format!(r#"{{"n":1,"to":{{"a":"00000000"}},"timer":"{at}","release":"{at}"}}"#);
    assert_eq!(fault(&both), two);
    for mark in ["0000000", "0000000g", "0000000A", "+0000000", "000000000"] {
        let line = format!(r#"{{"n":1,"to":{{"a":"{mark}"}},"timer":"{at}"}}"#);
        assert!(fault(&line).contains("is no mark: 8 hex digits are expected"), "{mark}");
    }
    let bookless = r#"{"n":1,"to":{"a":"00000000"},"event":{"t":1,"gap":{"missed":1}},"book_at":"1970-01-01T00:00:00Z"}"#;
    assert_eq!(fault(bookless), "line 2: `book_at` without a book");
    let nothing = r#"{"n":1,"to":{"a":"00000000"},"event":{"t":1}}"#;
    assert!(fault(nothing).contains("a time and nothing that happened"));
}

#[test]
fn numbers_rise_and_the_last_line_counts_the_lines() {
    let mut decoder = decoder();
    decoder.line(r#"{"n":7,"gap":{"s":"a","inputs":1}}"#).unwrap();
    let again = decoder.line(r#"{"n":7,"gap":{"s":"a","inputs":1}}"#).unwrap_err();
    assert_eq!(again.to_string(), "line 3: its number 7 does not follow 7");
    assert_eq!(decoder.finish(), Err(Fault::CutOff { line: 3 }));
    let wrong = decoder.line(r#"{"n":8,"close":{"lines":7}}"#);
    assert_eq!(wrong.unwrap_err(), Fault::Count { line: 4, said: 7, read: 2 });
    let after = decoder.line(r#"{"n":9,"close":{"lines":2}}"#);
    assert_eq!(after.unwrap_err(), Fault::AfterEnd { line: 5 });
}

#[test]
fn other_formats_and_versions_are_refused_at_the_first_line() {
    let refused = |line: &str| Decoder::default().header(line).unwrap_err();
    assert!(matches!(refused("not json"), Fault::NoHeader(_)));
    assert!(matches!(refused(r#"{"tape":"ploy","version":1}"#), Fault::NoHeader(_)));
    assert_eq!(refused(r#"{"tape":"ploy-record","version":9}"#), Fault::Version(9));
    assert!(matches!(refused(&HEADER.replace("run", "ran")), Fault::NoHeader(_)));
}

#[test]
fn a_checkpoint_that_was_written_is_equal_to_its_kernel() {
    let kernel = kernel();
    let line = lines().into_iter().find(|line| line.contains(r#""checkpoint":"#)).unwrap();
    let (_, Line::Checkpoint(saved)) = decoder().line(&line).unwrap() else {
        panic!("a checkpoint")
    };
    assert_eq!(saved.kernel, kernel.checkpoint());
}

proptest! {
    #[test]
    fn no_text_does_harm(text in any::<String>()) {
        drop(Decoder::default().header(&text));
        drop(decoder().line(&text));
    }

    #[test]
    fn a_damaged_line_is_read_or_refused(
        number in 0..20_usize,
        at in any::<prop::sample::Index>(),
        cut in 0..20_usize,
        put in "[\\x00-\\x7f]{0,6}",
    ) {
        let line = &lines()[number];
        let mut bytes = line.clone().into_bytes();
        let begin = at.index(bytes.len());
        let end = (begin + cut).min(bytes.len());
        bytes.splice(begin..end, put.bytes());
        if let Ok((n, what)) = decoder().line(&String::from_utf8_lossy(&bytes)) {
            // What was understood can be written, and is understood the same again.
            let text = encode(n, &what);
            let (again, same) = decoder().line(&text).unwrap();
            prop_assert_eq!((again, encode(again, &same)), (n, text));
        }
    }
}
