//! What a service said of a change of settings, for people.

use std::fmt::Write as _;

use ploy::config::Fault;

use super::plan::change_line;
use crate::ports::config::{Became, Updated};
use crate::words;

/// How much of a version is shown: enough to name it by.
pub(super) const SHORT: usize = 12;

pub(super) fn told(updated: &Updated) -> String {
    let from = updated.before.as_deref().map_or("new".to_owned(), short);
    let mut text = format!("{}: {from} -> {}\n", updated.strategy, short(&updated.version));
    for change in updated.changes.iter().filter(|_| updated.before.is_some()) {
        let _infallible = writeln!(text, "  {}", change_line(change));
    }
    let end = updated.became.as_ref().map_or("nothing was written".to_owned(), became);
    text + &end + "\n"
}

pub(super) fn became(became: &Became) -> String {
    match became {
        Became::Unchanged { version } => format!("unchanged, {} is in force", short(version)),
        Became::Applied { version, how } => {
            format!("applied {}, {} is in force", how.words(), short(version))
        }
        Became::Pending { version, why } => {
            format!("pending, {} is still in force: {why}", short(version))
        }
        Became::Faulty { faults } => {
            let all: Vec<String> =
                faults.iter().cloned().map(|fault| format!("\n  {}", Fault::from(fault))).collect();
            format!("faulty, what was in force stays:{}", all.concat())
        }
        Became::Removed => "its file is gone: it is stopped, and its positions stay".to_owned(),
    }
}

/// Returns a fault without what could command a terminal.
pub(super) fn words_of(mut fault: Fault) -> Fault {
    for text in [&mut fault.file, &mut fault.key, &mut fault.problem] {
        *text = words::plain(text);
    }
    fault.hint = fault.hint.map(|hint| words::plain(&hint));
    fault
}

pub(super) fn short(version: &str) -> String {
    version.chars().take(SHORT).collect()
}
