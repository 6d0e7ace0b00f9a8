//! The rows of gates name every no that the strategy's code can say, and no other.

use std::collections::BTreeSet;

use ploy::compare::gates::rows;
use ploy::intent::Purpose;
use ploy::strategy::gates::ALL;

use crate::source::{self, code};
use crate::{files, none, read};

#[test]
fn a_strategy_passes_the_gates_that_its_code_asks() {
    let mut faults = Vec::new();
    for kind in ALL.map(|(kind, _)| kind).into_iter().collect::<BTreeSet<_>>() {
        let (said, listed) = (said(kind), listed(kind));
        let forgotten = said.difference(&listed);
        faults.extend(forgotten.map(|gate| format!("{kind}: `{gate}` stands in no row of gates")));
        let invented = listed.difference(&said);
        faults.extend(invented.map(|gate| format!("{kind}: its code never says `{gate}`")));
    }
    none(&faults);
}

/// Returns the noes that the code of a strategy names.
fn said(kind: &str) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for path in files(&[&format!("src/strategy/{kind}")], ".rs") {
        if !source::is_test(&path) {
            let text = code(&read(&path));
            for (_, after) in
                text.match_indices("Reason::").map(|(at, name)| text.split_at(at + name.len()))
            {
                let name = after.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                said.insert(name.to_owned());
            }
        }
    }
    said
}

fn listed(kind: &str) -> BTreeSet<String> {
    let rows = ALL.iter().filter(|(of, _)| *of == kind).flat_map(|(_, gates)| {
        [Purpose::Entry, Purpose::Hedge, Purpose::Exit].map(|purpose| gates.of(purpose))
    });
    rows.flatten().map(|gate| format!("{gate:?}")).collect()
}

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

/// Two lists tell the order of gates: the one that `why` reads, and the one with questions that `compare` shows.
#[test]
fn why_and_compare_tell_the_same_order_of_an_entrys_gates() {
    let variants = [
        ("split_arb", "legged"),
        ("split_arb", "simultaneous"),
        ("momentum", "directional"),
        ("momentum", "predictive"),
        ("momentum", "confirmatory"),
        ("nba_swing", "untrained"),
    ];
    for ((kind, gates), (of, variant)) in ALL.iter().zip(variants) {
        assert_eq!(*kind, of);
        let mut told: Vec<&str> = Vec::new();
        for gate in rows(kind, variant).unwrap().entry {
            if !told.contains(&gate.name) {
                told.push(gate.name);
            }
        }
        let asked: Vec<&str> = gates.of(Purpose::Entry).iter().map(|gate| gate.name()).collect();
        assert_eq!(told, asked, "{kind} {variant}");
    }
}
