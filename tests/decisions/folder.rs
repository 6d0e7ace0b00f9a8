//! The folder of the cases holds what is listed, and nothing else.

use std::collections::BTreeSet;

use ploy::tape::Decoder;

use crate::case::{file, root, settings_named};
use crate::{momentum, nba_swing, split_arb};

/// The folder of each strategy with its cases.
const FOLDERS: [(&str, &[&str]); 3] = [
    ("split_arb", split_arb::CASES),
    ("momentum", momentum::CASES),
    ("nba_swing", nba_swing::CASES),
];

/// Returns the files that should not be there, and those that are missing.
fn differences(
    found: &BTreeSet<String>,
    (folder, cases): (&str, &[&str]),
) -> (Vec<String>, Vec<String>) {
    let mut wanted = BTreeSet::new();
    let mut allowed = BTreeSet::new();
    for case in cases {
        wanted.extend([format!("{case}.tape"), format!("{case}.decisions")]);
        allowed.insert(format!("{case}.toml"));
        if found.contains(&format!("{case}.tape")) {
            let tape = file(&format!("{folder}/{case}.tape"));
            let header = Decoder::default().header(tape.lines().next().unwrap()).unwrap();
            wanted.extend(settings_named(&header).map(|name| format!("{name}.toml")));
        }
    }
    let unused = found.iter().filter(|name| !wanted.contains(*name) && !allowed.contains(*name));
    (unused.cloned().collect(), wanted.difference(found).cloned().collect())
}

fn found(folder: &str) -> BTreeSet<String> {
    let entries = root().join(folder).read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_file_belongs_to_a_listed_case_and_every_case_has_its_files() {
    for (folder, cases) in FOLDERS {
        let (unused, mut missing) = differences(&found(folder), (folder, cases));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            // They are being written.
            missing.retain(|name| !name.ends_with(".decisions"));
        }
        assert_eq!((unused, missing), (Vec::new(), Vec::new()), "{folder}");
        let listed: BTreeSet<&str> = cases.iter().copied().collect();
        assert_eq!(listed.len(), cases.len(), "{folder}: a case is listed twice");
    }
}

#[test]
fn a_stray_file_and_a_missing_one_are_noticed() {
    let case = "a_cheap_leg_is_hedged_when_the_price_has_moved";
    let [tape, decisions] = ["tape", "decisions"].map(|kind| format!("{case}.{kind}"));
    let strays = ["gone.decisions", "gone.tape", "gone.toml", "notes.txt"].map(str::to_owned);
    let files = strays.iter().cloned().chain([tape, "legged.toml".to_owned()]).collect();
    assert_eq!(differences(&files, ("split_arb", &[case])), (strays.to_vec(), vec![decisions]));
    let (unused, missing) = differences(&BTreeSet::new(), ("split_arb", &["unknown"]));
    assert_eq!((unused.len(), missing.len()), (0, 2));
}
