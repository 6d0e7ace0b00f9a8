//! Folder: the files of all strategies as they were seen, the last good version of each, and what a new look changes.
//!
//! A look is a whole reading of the folder; which file event led to it does not matter. So a file that was written
//! in place, renamed over, or reached by another link is the same to it, and a missed event is made good by the
//! next look.

use std::collections::BTreeMap;

use crate::order::StrategyId;

use super::change::{Change, changes, needs};
use super::{Applies, Fault, StrategyConfig, strategy};

/// One file as a look found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path, as faults are to name it.
    pub path: String,
    /// The file's name without `.toml`.
    pub stem: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

/// What a look changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A strategy that was not there.
    Added {
        /// Its settings.
        config: Box<StrategyConfig>,
        /// The text they were read from.
        text: String,
    },
    /// A strategy whose settings mean something else now.
    Changed {
        /// Its new settings.
        config: Box<StrategyConfig>,
        /// The text they were read from.
        text: String,
        /// What is other than before, in the order of the file.
        changes: Vec<Change>,
        /// What that needs.
        needs: Applies,
    },
    /// A strategy whose file is gone.
    Removed(StrategyId),
    /// A file has faults, others than before; what was read from it last stays in force.
    Faulty {
        /// The file's name without `.toml`.
        stem: String,
        /// All of its faults.
        faults: Vec<Fault>,
    },
    /// A file that had faults has none any more.
    Mended {
        /// The file's name without `.toml`.
        stem: String,
    },
}

/// One file of the folder as it is known.
#[derive(Clone, Copy, Debug)]
pub struct FileView<'a> {
    /// The file's name without `.toml`.
    pub stem: &'a str,
    /// What was read from it last without faults.
    pub good: Option<&'a StrategyConfig>,
    /// What is wrong in it.
    pub faults: &'a [Fault],
    /// Whether the last look did not find it.
    pub is_missing: bool,
}

/// All files of strategies.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    /// The text that was read last, good or not.
    text: Option<Result<String, String>>,
    good: Option<StrategyConfig>,
    faults: Vec<Fault>,
    /// How many looks in a row did not find it.
    missed: u32,
}

impl Folder {
    /// How many looks in a row must miss a file before it counts as removed: some editors delete a file and write
    /// it anew.
    pub const MISSED_MAX: u32 = 2;

    /// Returns a folder in which these strategies run already.
    #[must_use]
    pub fn of(running: impl IntoIterator<Item = StrategyConfig>) -> Self {
        let file = |config: StrategyConfig| {
            (config.id.to_string(), File { good: Some(config), ..File::default() })
        };
        Self { files: running.into_iter().map(file).collect() }
    }

    /// Takes in a look at all files and returns what it changes, in the order of the files' names.
    pub fn look(&mut self, seen: &[Seen]) -> Vec<Move> {
        let mut moves = Vec::new();
        for file in seen {
            let known = self.files.entry(file.stem.clone()).or_default();
            known.missed = 0;
            known.take(file, &mut moves);
        }
        let missing = |stem: &String| !seen.iter().any(|file| file.stem == *stem);
        for (stem, file) in &mut self.files {
            if missing(stem) {
                file.missed += 1;
            }
        }
        self.files.retain(|_, file| {
            let stays = file.missed < Self::MISSED_MAX;
            if let (false, Some(config)) = (stays, &file.good) {
                moves.push(Move::Removed(config.id.clone()));
            }
            stays
        });
        moves
    }

    /// Tells whether another look is needed soon: a file was not found, and may only be on its way.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.files.values().any(|file| file.missed != 0)
    }

    /// Returns every fault of every file, by file.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.files.values().flat_map(|file| &file.faults)
    }

    /// Returns every file, by name.
    pub fn files(&self) -> impl Iterator<Item = FileView<'_>> {
        self.files.iter().map(|(stem, file)| FileView {
            stem,
            good: file.good.as_ref(),
            faults: &file.faults,
            is_missing: file.missed != 0,
        })
    }

    /// Returns the settings in force of a strategy.
    #[must_use]
    pub fn good(&self, id: &StrategyId) -> Option<&StrategyConfig> {
        self.files.get(id.as_str())?.good.as_ref()
    }
}

impl File {
    fn take(&mut self, seen: &Seen, moves: &mut Vec<Move>) {
        if self.text.as_ref() == Some(&seen.text) {
            return;
        }
        self.text = Some(seen.text.clone());
        match read(seen) {
            Err(faults) => {
                if self.faults != faults {
                    self.faults.clone_from(&faults);
                    moves.push(Move::Faulty { stem: seen.stem.clone(), faults });
                }
            }
            Ok((config, text)) => {
                if !std::mem::take(&mut self.faults).is_empty() {
                    moves.push(Move::Mended { stem: seen.stem.clone() });
                }
                moves.extend(self.moved(*config, text));
            }
        }
    }

    /// Takes over settings without faults; nothing where they mean what is in force.
    fn moved(&mut self, config: StrategyConfig, text: String) -> Option<Move> {
        let before = self.good.replace(config.clone());
        let config = Box::new(config);
        let Some(before) = before else { return Some(Move::Added { config, text }) };
        let changes = changes(&before.stated, &config.stated);
        let needs = needs(&changes)?;
        Some(Move::Changed { config, text, changes, needs })
    }
}

fn read(seen: &Seen) -> Result<(Box<StrategyConfig>, String), Vec<Fault>> {
    let whole = |problem: String| {
        let (file, key) = (seen.path.clone(), String::new());
        vec![Fault { file, line: 1, column: 1, key, problem, hint: None }]
    };
    let text = seen.text.as_ref().map_err(|why| whole(format!("cannot be read: {why}")))?;
    let id: StrategyId = seen.stem.parse().map_err(|invalid| {
        whole(format!("the file's name gives the strategy its id, and {invalid}"))
    })?;
    let config = strategy(&seen.path, id, text)?;
    Ok((Box::new(config), text.clone()))
}
