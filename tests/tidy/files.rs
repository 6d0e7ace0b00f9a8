//! How a file looks: its first sentence, its length, an actor's four lines, nothing left undone.

use crate::source::{self, code};
use crate::{files, none, read};

/// Lines of a file without its tests.
const LINES_MAX: usize = 400;
/// Lines of a file that is nothing but tests.
const TEST_LINES_MAX: usize = 600;
/// What no line of a source may say, in two pieces so that this one does not.
const FORBIDDEN: [(&str, &str); 5] = [
    ("#[al", "low("),
    ("#![al", "low("),
    ("to", "do!("),
    ("unimpl", "emented!("),
    ("#[ig", "nore"),
];

#[test]
fn a_file_begins_with_one_sentence_that_says_what_it_is_for() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = read(&path);
        let first: Vec<&str> = text.lines().take_while(|line| line.starts_with("//! ")).collect();
        let sentence = first.join(" ");
        if first.is_empty() {
            faults.push(format!("{path}: begins without a `//! ` sentence"));
        } else if !sentence.ends_with(['.', ':']) && !sentence.contains(". ") {
            faults.push(format!("{path}: its first line is no sentence"));
        }
    }
    none(&faults);
}

#[test]
fn files_are_short() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = read(&path);
        let is_test = source::is_test(&path) || path.starts_with("tests/");
        let (lines, max) = if is_test {
            (text.lines().count(), TEST_LINES_MAX)
        } else {
            (own_lines(&text), LINES_MAX)
        };
        if max < lines {
            faults.push(format!("{path}: {lines} lines, at most {max}: split it by subject"));
        }
    }
    none(&faults);
}

/// Counts the lines before the tests of a file: comments are lines too.
fn own_lines(text: &str) -> usize {
    let tests = text.find("\n#[cfg(test)]\nmod tests {");
    text[..tests.unwrap_or(text.len())].lines().count()
}

#[test]
fn an_actor_says_what_it_owns_takes_and_emits_and_when_it_dies() {
    let mut faults = Vec::new();
    for path in files(&["actors/src"], ".rs") {
        let text = read(&path);
        if source::is_test(&path) || !code(&text).contains("impl Actor for ") {
            continue;
        }
        for word in ["owns", "takes", "emits", "dies"] {
            if !text.contains(&format!("\n//! {word}: ")) {
                faults.push(format!("{path}: an actor without the line `//! {word}: …`"));
            }
        }
    }
    none(&faults);
}

#[test]
fn nothing_is_left_undone_or_silenced() {
    let mut faults = Vec::new();
    for path in sources() {
        for (number, line) in read(&path).lines().enumerate() {
            for (start, end) in FORBIDDEN {
                if line.contains(&format!("{start}{end}")) {
                    faults.push(format!("{path}:{}: `{start}{end}…`", number + 1));
                }
            }
        }
    }
    none(&faults);
}

fn sources() -> Vec<String> {
    files(&["src", "actors/src", "tests"], ".rs")
}
