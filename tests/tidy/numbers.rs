//! Every name of a number that a strategy says is one that can be read back, and every one that can be is said.

use std::collections::BTreeSet;

use ploy::numbers::Numbers;

use crate::source::{self, code};
use crate::{files, none, read};

/// The strategies' own settings have words too, which are no names of numbers.
const SETTINGS: &str = "/config.rs";

/// Returns the texts of a code that are followed by a comma, as the name of a number is by its value (`("ask", ask)`)
/// or by the next arm of a match.
///
/// A word of another kind stands last, or is a team's code, in capitals.
fn names(code: &str) -> impl Iterator<Item = &str> {
    let texts = code.split('"').skip(1).step_by(2);
    let after = code.split('"').skip(2).step_by(2);
    let named = texts.zip(after).filter(|(text, after)| {
        text.starts_with(|first: char| first.is_ascii_lowercase()) && after.starts_with(',')
    });
    named.map(|(text, _)| text).filter(|text| !text.contains(' '))
}

#[test]
fn every_number_of_a_decision_can_be_read_back() {
    let (mut faults, mut said) = (Vec::new(), BTreeSet::new());
    for path in files(&["src/strategy"], ".rs") {
        if source::is_test(&path) || path.ends_with(SETTINGS) {
            continue;
        }
        let code = code(&read(&path));
        for name in names(&code) {
            if Numbers::NAMES.binary_search(&name).is_err() {
                faults.push(format!("{path}: the number `{name}` is not in Numbers::NAMES"));
            }
            said.insert(name.to_owned());
        }
    }
    let unsaid = Numbers::NAMES.iter().filter(|name| !said.contains(**name));
    faults.extend(unsaid.map(|name| format!("no strategy says the number `{name}` any more")));
    none(&faults);
}

#[test]
fn the_names_stand_in_the_order_of_the_alphabet_and_once() {
    assert!(Numbers::NAMES.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_name_is_a_text_before_a_comma() {
    let code = "n.with(\"a\", x).with(\n    \"b\",\n    y,\n);\n[(\"c\", z), (name, \"d\", 2)];\n\
                match m { M::E => \"e\", }\nf(\"g\", \"H\", \"i\");\n";
    assert_eq!(names(code).collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "g"]);
}
