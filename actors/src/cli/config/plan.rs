//! `ploy config plan`: what a folder of settings would change, in a service that runs or beside another folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use ploy::config::{self, Applies, Change, StrategyConfig};
use ploy::order::StrategyId;
use serde_json::{Value, json};

use super::files::{read_strategy, strategy_files};
use crate::ports::config::ChangeRecord;

/// Which files are to be planned, and against what.
#[derive(Debug, Args)]
pub struct Plan {
    /// A folder with strategies/, a folder of strategies, or the file of one
    #[arg(default_value = "config", value_name = "PATH")]
    pub(super) path: PathBuf,
    /// Compare with this folder instead of asking the service
    #[arg(long, value_name = "DIR")]
    pub(super) against: Option<PathBuf>,
}

/// What is in force of one strategy.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) config: StrategyConfig,
    /// The markets in which it holds shares.
    pub(super) held: Vec<String>,
    /// Whether its file is gone: that is no news.
    pub(super) is_removed: bool,
}

/// What would become of one strategy.
#[derive(Debug)]
pub(super) struct Item {
    id: StrategyId,
    what: What,
    changes: Vec<Change>,
    /// The market, with a position, that it would leave.
    blocked: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Same,
    New,
    Removed,
    Changed(Applies),
}

/// Files that were read, and whether they are all that are to be there.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) files: Vec<StrategyConfig>,
    is_whole: bool,
}

/// Reads what is to be planned.
pub(super) fn wanted(path: &Path) -> anyhow::Result<Wanted> {
    let is_whole = path.is_dir();
    let inside = path.join("strategies");
    let paths = match (is_whole, inside.is_dir()) {
        (true, true) => strategy_files(&inside)?,
        (true, false) => strategy_files(path)?,
        (false, _) => vec![path.to_owned()],
    };
    let (mut files, mut faults) = (Vec::new(), String::new());
    for path in paths {
        match read_strategy(&path).with_context(|| format!("read {}", path.display()))? {
            (_, Some(config)) => files.push(config),
            (file, None) => faults.push_str(&super::checked(&file)),
        }
    }
    if !faults.is_empty() {
        bail!("there is no plan for files with faults:\n{faults}");
    }
    Ok(Wanted { files, is_whole })
}

/// Reads what stands in another folder; nothing is held there.
pub(super) fn against(folder: &Path) -> anyhow::Result<BTreeMap<StrategyId, Standing>> {
    let standing = |config: StrategyConfig| {
        (config.id.clone(), Standing { config, held: Vec::new(), is_removed: false })
    };
    Ok(wanted(folder)?.files.into_iter().map(standing).collect())
}

/// Returns what would become of every strategy.
pub(super) fn plan(mut standings: BTreeMap<StrategyId, Standing>, wanted: Wanted) -> Vec<Item> {
    let mut items = Vec::new();
    for new in wanted.files {
        let standing = standings.remove(&new.id);
        let old = standing.as_ref().filter(|one| !one.is_removed);
        let stated = old.map_or(&[][..], |one| one.config.stated.as_slice());
        let changes = config::changes(stated, &new.stated);
        let what = match (old, config::needs(&changes)) {
            (None, _) => What::New,
            (Some(_), None) => What::Same,
            (Some(_), Some(applies)) => What::Changed(applies),
        };
        let left = standing.as_ref().and_then(|one| new.kind.leaves(&one.held)).cloned();
        let changes = if what == What::New { Vec::new() } else { changes };
        items.push(Item { id: new.id, what, changes, blocked: left });
    }
    if wanted.is_whole {
        for (id, standing) in standings {
            let what = if standing.is_removed { What::Same } else { What::Removed };
            items.push(Item { id, what, changes: Vec::new(), blocked: None });
        }
    }
    items.sort_by(|a, b| a.id.cmp(&b.id));
    items
}

/// Tells whether nothing is to be done.
pub(super) fn is_nothing(items: &[Item]) -> bool {
    items.iter().all(|item| item.what == What::Same)
}

/// Returns a plan for programs.
pub(super) fn to_json(items: &[Item]) -> Value {
    let item = |item: &Item| {
        let changes: Vec<ChangeRecord> = item.changes.iter().map(ChangeRecord::from).collect();
        json!({
            "strategy": item.id.as_str(), "what": item.what.word(), "changes": changes,
            "blocked_by": item.blocked,
        })
    };
    json!({"strategies": items.iter().map(item).collect::<Vec<_>>()})
}

/// Returns a plan for people.
pub(super) fn to_text(items: &[Item]) -> String {
    let mut text = String::new();
    for item in items.iter().filter(|item| item.what != What::Same) {
        let _infallible = writeln!(text, "{}: {}", item.id, item.what.told());
        for change in &item.changes {
            let _infallible = writeln!(text, "  {}", change_line(&ChangeRecord::from(change)));
        }
        if let Some(market) = &item.blocked {
            let _infallible =
                writeln!(text, "  blocked: it waits until the position in {market} is gone");
        }
    }
    let same = items.iter().filter(|item| item.what == What::Same).count();
    let _infallible = writeln!(text, "{same} unchanged");
    text
}

/// Returns one change in one line: `risk.order_burst: 3 -> 5  (live, looser)`.
pub(super) fn change_line(change: &ChangeRecord) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "not there".to_owned());
    let ChangeRecord { setting, from, to, applies, limit } = change;
    let limit = limit.as_ref().map(|limit| format!(", {limit}")).unwrap_or_default();
    format!("{setting}: {} -> {}  ({applies}{limit})", side(from), side(to))
}

impl What {
    const fn word(self) -> &'static str {
        match self {
            Self::Same => "unchanged",
            Self::New => "new",
            Self::Removed => "removed",
            Self::Changed(applies) => applies.name(),
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Same => "unchanged",
            Self::New => "a new strategy",
            Self::Removed => "its file is not there: it would be stopped; its positions stay",
            Self::Changed(Applies::Live) => "taken over while it runs",
            Self::Changed(Applies::Restart) => "restarted; its positions stay",
        }
    }
}
