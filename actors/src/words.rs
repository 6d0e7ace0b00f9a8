//! How money, counts, times and foreign text are written for people; exact values stand in JSON.

use std::time::Duration;

use ploy::halt::{GatesStatus, PauseStatus};
use ploy::order::StrategyId;
use ploy::price::Usdc;
use ploy::status::{Mode, OrderCounts, StrategyStatus, TapeStatus};
use ploy::tape::Books;
use ploy::time::Timestamp;

/// Returns an amount with two decimals, rounded half away from zero: `4.20`, `-0.41`.
pub(crate) fn cents(amount: Usdc) -> String {
    // Half a cent is added before the cut; an amount is far from the ends of an i64.
    let cents = (amount.micros().unsigned_abs() + 5_000) / 10_000;
    let sign = if amount.micros() < 0 && cents != 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// Returns an amount with two decimals and its sign: `+4.20`, `-0.41`, `0.00`.
pub(crate) fn signed(amount: Usdc) -> String {
    let text = cents(amount);
    let plus = amount.micros() > 0 && text != "0.00";
    if plus { format!("+{text}") } else { text }
}

/// Returns what a strategy's positions cost.
pub(crate) fn held(strategy: &StrategyStatus) -> String {
    let positions = strategy.kernel.positions.iter();
    cents(positions.map(|position| position.cost_usdc).sum())
}

/// Returns the orders that the venue took, those it refused, and, where there are any, those whose answer
/// was lost: `25/2/1?`.
pub(crate) fn orders(orders: OrderCounts) -> String {
    let text = format!("{}/{}", orders.accepted, orders.rejected);
    match orders.unknown {
        0 => text,
        lost => format!("{text}/{lost}?"),
    }
}

/// Returns how many intents the guard refused.
pub(crate) fn rejects(strategy: &StrategyStatus) -> u64 {
    strategy.kernel.rejections.values().sum()
}

/// Returns a count with its thousands apart: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i != 0 && i % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a noun with its count: `1 fill`, `2 fills`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// Returns a span in its largest unit: `5s`, `3m`, `2h`, `4d`.
pub(crate) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Returns how long ago something was, or `-` where it never was.
pub(crate) fn ago(now: Timestamp, at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| span(now.since(at)))
}

/// Returns the time of day to the second, in UTC: `09:12:03`.
pub(crate) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

/// Returns the time of day to the millisecond, in UTC: `09:12:03.250`.
pub(crate) fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    let fraction = text.get(20..).map(|rest| rest.trim_end_matches('Z')).unwrap_or_default();
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{}.{millis}", clock(at))
}

/// Returns day and time to the second, in UTC: `2026-09-28 09:12:03`.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let day = text.get(..10).unwrap_or(&text);
    format!("{day} {}", clock(at))
}

/// Returns who holds orders back, for the end of a first line: two spaces, then halts, then pauses; nothing where
/// nobody does.
pub(crate) fn held_back(gates: &GatesStatus) -> String {
    let mut said = String::new();
    if !gates.halts.is_empty() {
        let causes: Vec<&str> = gates.halts.iter().map(|halt| halt.cause.name()).collect();
        said += &format!("  HALTED by {}", causes.join(", "));
    }
    if !gates.pauses.is_empty() {
        let who = |pause: &PauseStatus| {
            pause.strategy.as_ref().map_or("all".to_owned(), StrategyId::to_string)
        };
        let who: Vec<String> = gates.pauses.iter().map(who).collect();
        said += &format!("  PAUSED: {}", who.join(", "));
    }
    said
}

/// Returns the word for paper or real money, in capitals so that nobody mistakes the one for the other.
pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Paper => "PAPER",
    }
}

/// Returns where books come from; what is modelled is said loudly.
pub(crate) const fn books(books: Books) -> &'static str {
    match books {
        Books::Recorded => "books: recorded",
        Books::Modelled => "MODELLED book",
        Books::None => "no books",
    }
}

/// Returns where the books of tapes come from; where only some are modelled, how many.
pub(crate) fn books_of(all: Books, tapes: &[TapeStatus]) -> String {
    let modelled = tapes.iter().filter(|tape| tape.books == Books::Modelled).count();
    if modelled == 0 || modelled == tapes.len() {
        return books(all).to_owned();
    }
    format!("{} in {modelled} of {} tapes", books(Books::Modelled), tapes.len())
}

/// Returns where the books come from that a strategy was shown, in one word; modelled where any were.
pub(crate) fn shown(strategy: &StrategyStatus) -> &'static str {
    match strategy.books.iter().copied().reduce(Books::and) {
        Some(Books::Modelled) => "MODELLED",
        Some(Books::Recorded) => "recorded",
        Some(Books::None) => "none",
        None => "-",
    }
}

/// Returns text of others without what could command a terminal, on one line.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// Returns the text cut to `width` characters, with `…` where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain((width > 0).then_some('…')).collect()
}

/// Returns the text in lines of at most `width` characters, broken between words where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_tapes_is_said_how_many_have_modelled_books() {
        let one = crate::sample::healthy().feed.tapes.swap_remove(0);
        let tape = |books| TapeStatus { books, ..one.clone() };
        let (recorded, modelled) = (tape(Books::Recorded), tape(Books::Modelled));
        let check = |all, tapes: &[&TapeStatus], text: &str| {
            let tapes: Vec<TapeStatus> = tapes.iter().copied().cloned().collect();
            assert_eq!(books_of(all, &tapes), text);
        };
        check(Books::Recorded, &[&recorded], "books: recorded");
        check(Books::Modelled, &[&modelled, &modelled], "MODELLED book");
        check(Books::Modelled, &[], "MODELLED book");
        let mixed = [&recorded, &modelled, &modelled];
        check(Books::Modelled, &mixed, "MODELLED book in 2 of 3 tapes");
    }

    #[test]
    fn money_is_rounded_to_cents_and_never_minus_nothing() {
        let check = |amount: &str, unsigned: &str, with_sign: &str| {
            let amount = amount.parse().unwrap();
            assert_eq!(cents(amount), unsigned, "{amount}");
            assert_eq!(signed(amount), with_sign, "{amount}");
        };
        check("0", "0.00", "0.00");
        check("-0.004999", "0.00", "0.00");
        check("0.004999", "0.00", "0.00");
        check("0.005", "0.01", "+0.01");
        check("-0.005", "-0.01", "-0.01");
        check("12.995", "13.00", "+13.00");
        check("-1234.5", "-1234.50", "-1234.50");
    }

    #[test]
    fn thousands_stand_apart() {
        let check = |number, text| assert_eq!(count(number), text);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(12_345, "12,345");
        check(123_456, "123,456");
        check(1_234_567, "1,234,567");
        assert_eq!(plural(1, "fill"), "1 fill");
        assert_eq!(plural(0, "fill"), "0 fills");
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let check = |seconds, text| assert_eq!(span(Duration::from_secs(seconds)), text);
        check(0, "0s");
        check(59, "59s");
        check(60, "1m");
        check(3_599, "59m");
        check(3_600, "1h");
        check(172_799, "47h");
        check(172_800, "2d");
        assert_eq!(ago(Timestamp::UNIX_EPOCH, None), "-");
    }

    #[test]
    fn a_time_is_told_to_the_second() {
        let at = "2026-09-28T09:12:03.25Z".parse().unwrap();
        assert_eq!(clock(at), "09:12:03");
        assert_eq!(instant(at), "09:12:03.250");
        let whole = "2026-09-28T09:12:03Z".parse().unwrap();
        assert_eq!(instant(whole), "09:12:03.000");
        assert_eq!(moment(at), "2026-09-28 09:12:03");
    }

    #[test]
    fn text_of_others_cannot_command_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d"), "a [2Jb c d");
    }

    #[test]
    fn long_text_is_cut_visibly_or_broken_between_words() {
        let check = |width, text| assert_eq!(cut("split-arb", width), text);
        check(9, "split-arb");
        check(6, "split…");
        check(1, "…");
        check(0, "");
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert!(wrap("  ", 4).is_empty());
    }
}
