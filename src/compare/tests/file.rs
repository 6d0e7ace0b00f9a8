//! The decisions file: what is written is read, and what was cut off or changed is refused.

use super::*;

fn header() -> Line {
    let played = Played {
        title: "t".to_owned(),
        books: crate::tape::Books::Modelled,
        from: at(0),
        to: at(9),
    };
    Line::Decisions(Header {
        version: VERSION,
        program: "0.1.0".to_owned(),
        tapes: vec![played],
        latency_ms: 250,
        from: None,
        to: Some(at(9)),
        strategies: vec![set(&[("settings.size", "20")])],
    })
}

fn lines() -> Vec<Line> {
    let done = Done {
        at: at(2),
        strategy: "s".parse().unwrap(),
        order: 1,
        cause: "unmatched".to_owned(),
        unfilled: Some("3".parse().unwrap()),
        reason: None,
    };
    let settled = Settled {
        at: at(3),
        strategy: "s".parse().unwrap(),
        market: "m".into(),
        market_id: id(1),
        pays: ["1".parse().unwrap(), "0".parse().unwrap()],
        amount_usdc: "20".parse().unwrap(),
        profit_usdc: "13".parse().unwrap(),
        equity_usdc: "13".parse().unwrap(),
    };
    let risk = Risk {
        at: at(4),
        strategy: "s".parse().unwrap(),
        event: "released".to_owned(),
        rule: "loss_streak".to_owned(),
        used: None,
        limit: None,
    };
    let mut lines = vec![
        header(),
        no(1, 1, "price_limit"),
        order(1, 1, 1, "0.35"),
        refused(1, 2, "throttle"),
        fill(2, 1, 1, "0.35"),
        Line::Done(done),
        Line::Settled(settled),
        Line::Risk(risk),
    ];
    let total = Total {
        id: "s".parse().unwrap(),
        decisions: 3,
        orders: 1,
        rejections: 1,
        fills: 1,
        fees_usdc: Usdc::ZERO,
        volume_usdc: "7".parse().unwrap(),
        realised_usdc: "13".parse().unwrap(),
        pnl_usdc: "13".parse().unwrap(),
        drawdown_max_usdc: Usdc::ZERO,
        digest: "0".repeat(64),
        failed: None,
    };
    lines.push(Line::End(End {
        lines: u64::try_from(lines.len()).unwrap(),
        events: 9,
        strategies: vec![total],
    }));
    lines
}

fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Line>, String> {
    let mut decoder = Decoder::default();
    let lines: Result<Vec<Line>, Fault> =
        texts.into_iter().map(|text| decoder.line(text)).collect();
    let lines = lines.map_err(|fault| fault.to_string())?;
    decoder.finish().map_err(|fault| fault.to_string())?;
    Ok(lines)
}

#[test]
fn every_line_is_read_as_it_was_written() {
    let texts: Vec<String> = lines().iter().map(Line::encode).collect();
    assert_eq!(read(texts.iter().map(String::as_str)).unwrap(), lines());
    let decision = r#"{"decision":{"at":"2026-09-28T09:00:01Z","strategy":"s","seq":1,"market":"m","market_id":"0x0101010101010101010101010101010101010101010101010101010101010101","verdict":"no","reason":"price_limit","numbers":{"ask":"0.36","entry_price_max":"0.35"}}}"#;
    assert_eq!(texts.get(1).map(String::as_str), Some(decision));
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_refused() {
    let texts: Vec<String> = lines().iter().map(Line::encode).collect();
    for length in 0..texts.len() {
        let fault = read(texts.iter().take(length).map(String::as_str)).unwrap_err();
        assert!(fault.starts_with(&format!("cut off after line {length}")), "{fault}");
    }
    // A line is missing in the middle.
    let mut fewer = texts.clone();
    fewer.remove(2);
    assert!(read(fewer.iter().map(String::as_str)).unwrap_err().starts_with("cut off"));
}

#[test]
fn what_is_no_decisions_file_is_refused_with_the_line() {
    let texts: Vec<String> = lines().iter().map(Line::encode).collect();
    let check = |place: usize, text: &str, expected: &str| {
        let mut texts = texts.clone();
        texts[place] = text.to_owned();
        let fault = read(texts.iter().map(String::as_str)).unwrap_err();
        assert!(fault.contains(expected), "{fault}");
    };
    check(0, r#"{"tape":"ploy","version":1}"#, "line 1: not the first line of a decisions file");
    check(0, r#"{"decisions":{"version":2}}"#, "line 1: version 2 is not readable");
    check(1, r#"{"decision":{}}"#, "line 2: ");
    check(1, &texts[0], "line 2: a second first line");
    check(1, &texts[8], "cut off after line 2");
    let fits_not = texts[1].replace(r#""verdict":"no""#, r#""verdict":"order""#);
    check(1, &fits_not, "line 2: the verdict does not fit");
    check(7, &texts[1], "line 8: time runs backwards");
    let unknown = texts[1].replace(r#""seq":1"#, r#""seq":1,"more":2"#);
    check(1, &unknown, "line 2: unknown field `more`");
}

#[test]
fn a_strategy_may_be_called_otherwise() {
    let (s, other) = ("s".parse().unwrap(), "other".parse().unwrap());
    for line in lines() {
        let renamed = line.clone().named(&s, &other).unwrap();
        assert!(renamed.strategy().is_none_or(|id| *id == other), "{renamed:?}");
        let back = renamed.named(&other, &s).unwrap();
        assert_eq!(back, line);
        let lost = line.clone().named(&other, &s);
        assert_eq!(lost.is_none(), line.strategy().is_some());
    }
}
