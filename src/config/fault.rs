//! Faults: what is wrong in a settings file, where, what is expected instead, and what was probably meant.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The dotted path of the setting, such as `settings.size_shares`; empty where the whole file is meant.
    pub key: String,
    /// What was found and what is expected, in one line.
    pub problem: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// The faults of one file while it is read.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, list: Vec::new() }
    }

    /// Notes a fault at a byte of the file.
    pub(super) fn add(&mut self, at: usize, key: String, problem: String, hint: Option<String>) {
        let (line, column) = place(self.text, at);
        self.list.push(Fault { file: self.file.to_owned(), line, column, key, problem, hint });
    }

    /// Returns a part of the file as it is written there.
    pub(super) fn literal(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    /// Returns the faults in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|fault| (fault.line, fault.column));
        self.list
    }
}

/// Returns line and column, from 1, of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    (line, column + 1)
}

/// Returns a word of the file so that it fits into one line of a message.
pub(super) fn shown(word: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let mut line = String::new();
    for letter in word.chars().take(SHOWN_MAX) {
        if letter == '"' || letter == '\'' || letter == '\\' {
            line.push(letter);
        } else {
            line.extend(letter.escape_debug());
        }
    }
    if word.chars().nth(SHOWN_MAX).is_some() {
        line.push('…');
    }
    line
}

/// Returns the candidate that was probably meant, where one is near.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    const WORD_MAX: usize = 64;
    let length = word.chars().count();
    if !(2..=WORD_MAX).contains(&length) {
        return None;
    }
    candidates
        .filter_map(|candidate| {
            let cut = candidate.starts_with(word) || word.starts_with(candidate);
            let distance = if cut { 1 } else { distance(word, candidate) };
            (distance <= (length / 3).max(1)).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns how many letters must be added, dropped or replaced to turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (other, (diagonal, above)) in to.chars().zip(row.iter().zip(row.iter().skip(1))) {
            left = (diagonal + usize::from(letter != other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = "a\n\u{e9}\u{e9}x\r\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 2), (2, 1));
        assert_eq!(place(text, 6), (2, 3));
        assert_eq!(place(text, text.len()), (3, 1));
        assert_eq!(place(text, 1000), (3, 1));
    }

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not_offered() {
        let known = ["size_shares", "profit_min_usdc", "target_sum_usdc"];
        let meant = |word| nearest(word, known.into_iter());
        assert_eq!(meant("size_share"), Some("size_shares"));
        assert_eq!(meant("sise_shraes"), Some("size_shares"));
        assert_eq!(meant("target_sum"), Some("target_sum_usdc"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(""), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn what_is_shown_of_a_file_fits_into_one_line() {
        assert_eq!(shown("a\n\u{1b}[31m"), "a\\n\\u{1b}[31m");
        assert_eq!(shown("[\"a\", 'b']"), "[\"a\", 'b']");
        assert_eq!(shown(&"x".repeat(41)), format!("{}…", "x".repeat(40)));
    }
}
