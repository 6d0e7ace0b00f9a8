//! What a look at the folder found of each file, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use ploy::config::{self, Change, Fault, Folder};
use ploy::order::StrategyId;

use super::desk::Standings;
use crate::ports::config::{Became, FaultRecord};

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Every file, by the stem of its name.
    pub(super) files: BTreeMap<String, Look>,
    /// Those of which this look told something new.
    pub(super) changed: BTreeSet<String>,
}

/// What a look found of one file.
#[derive(Clone, Debug)]
pub(super) enum Look {
    Good(StrategyId, String),
    Faulty(Vec<Fault>),
    /// It is not there, but does not count as gone before the next look.
    Missing(StrategyId),
    Removed,
}

impl Look {
    pub(super) const fn id(&self) -> Option<&StrategyId> {
        match self {
            Self::Good(id, _) | Self::Missing(id) => Some(id),
            Self::Faulty(_) | Self::Removed => None,
        }
    }
}

impl Looked {
    /// Returns every file of the folder as it is known after a look.
    pub(super) fn of(known: &Folder, changed: BTreeSet<String>, removed: &[StrategyId]) -> Self {
        let look = |file: config::FileView<'_>| match file.good {
            _ if !file.faults.is_empty() => Look::Faulty(file.faults.to_vec()),
            Some(config) if file.is_missing => Look::Missing(config.id.clone()),
            Some(config) => Look::Good(config.id.clone(), config.version.clone()),
            None => Look::Faulty(Vec::new()),
        };
        let files = known.files().map(|file| (file.stem.to_owned(), look(file)));
        let gone = removed.iter().map(|id| (id.to_string(), Look::Removed));
        Self { files: files.chain(gone).collect(), changed }
    }
}

/// Returns what became of a file.
pub(super) fn became(look: Look, is_new: bool, standings: &Standings) -> Became {
    let standing = look.id().and_then(|id| standings.get(id)).cloned();
    let in_force = standing.as_ref().map(|standing| standing.version.clone()).unwrap_or_default();
    let pending = standing.as_ref().and_then(|standing| standing.pending.clone());
    match (look, standing) {
        (Look::Faulty(faults), _) => {
            Became::Faulty { faults: faults.into_iter().map(FaultRecord::from).collect() }
        }
        (Look::Removed, _) => Became::Removed,
        (Look::Missing(_), _) => {
            let why =
                "its file is not there; it counts as gone when the next reading misses it too";
            Became::Pending { version: in_force, why: why.to_owned() }
        }
        (Look::Good(_, version), Some(standing)) if standing.version == version => {
            match standing.how.filter(|_| is_new) {
                Some(how) => Became::Applied { version, how },
                None => Became::Unchanged { version },
            }
        }
        (Look::Good(..), _) => {
            let why = pending.unwrap_or_else(|| "it is being applied".to_owned());
            Became::Pending { version: in_force, why }
        }
    }
}

/// Returns changes in one line: `risk.order_burst 3 -> 5`.
pub(super) fn told(changes: &[Change]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let one = |change: &Change| {
        let Change { section, key, from, to, .. } = change;
        format!("{section}.{key} {} -> {}", value(from), value(to))
    };
    if changes.is_empty() {
        return "the same settings".to_owned();
    }
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}
