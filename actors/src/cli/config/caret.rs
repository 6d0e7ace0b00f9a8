//! Points at a fault: the line as it stands in the file, and a caret under the place.

use ploy::config::Fault;

/// How much of a line is shown.
const SHOWN_MAX: usize = 100;

/// Returns the fault with its line and a caret under its column.
pub(super) fn point(fault: &Fault, text: &str) -> String {
    let line = text.lines().nth(fault.line.saturating_sub(1)).unwrap_or_default();
    let shown: String = line.chars().take(SHOWN_MAX).map(plain).collect();
    let number = fault.line.to_string();
    let gutter = " ".repeat(number.len());
    let said = format!("{fault}\n");
    if shown.trim().is_empty() || SHOWN_MAX < fault.column {
        return said;
    }
    let indent = " ".repeat(fault.column.saturating_sub(1));
    let mark = "^".repeat(width(line, fault.column));
    format!("{said}{gutter} |\n{number} | {shown}\n{gutter} | {indent}{mark}\n")
}

/// How wide the word at a column is, in characters; at least one.
fn width(line: &str, column: usize) -> usize {
    let ends = |letter: &char| letter.is_whitespace() || matches!(letter, '=' | ',' | ']' | '#');
    let word = line.chars().skip(column.saturating_sub(1)).take_while(|letter| !ends(letter));
    word.take(SHOWN_MAX.saturating_sub(column)).count().max(1)
}

/// A terminal is not to be driven by what stands in a file.
fn plain(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}
