//! What is told of gates is what the strategies say: every reason that a source names, and no other.

use std::collections::BTreeSet;

use ploy::compare::gates::rows;

use crate::source::{self, code};
use crate::{files, read};

#[test]
fn the_rows_of_a_kind_name_every_reason_that_its_sources_name_and_no_other() {
    let check = |kind: &str, variants: &[&str]| {
        let rows = variants.iter().map(|variant| rows(kind, variant).unwrap());
        let gates = rows.flat_map(|rows| rows.entry.iter().chain(rows.held));
        let told: BTreeSet<String> = gates.map(|gate| gate.name.to_owned()).collect();
        assert_eq!(told, named(kind), "{kind}");
    };
    check("split_arb", &["legged", "simultaneous"]);
    check("momentum", &["directional", "predictive", "confirmatory"]);
    check("nba_swing", &["untrained", "fitted"]);
}

/// Returns the reasons that the sources of a strategy name, as they are written in files.
fn named(kind: &str) -> BTreeSet<String> {
    let folder = format!("src/strategy/{kind}");
    let mut found = BTreeSet::new();
    for path in files(&[&folder], ".rs") {
        if source::is_test(&path) {
            continue;
        }
        for rest in code(&read(&path)).split("Reason::").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            let mut snake = String::new();
            for c in name.chars() {
                if c.is_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.extend(c.to_lowercase());
            }
            found.insert(snake);
        }
    }
    found
}
