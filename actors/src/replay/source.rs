//! Where events come from: the tapes as one, read ahead by a thread of its own.

use std::path::{Path, PathBuf};

use ploy::tape::Header;
use ploy::time::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::adapters::tape::lines::Lines;
use crate::adapters::tape::{TapeError, merged};
use crate::ports::FeedItem;

/// Items taken at once: the reader is waited for once for all of them, not for each.
const TAKE_MAX: usize = 256;

/// Why there are no events.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A tape cannot be played.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A tape broke while it was played; the text names it and the line.
    #[error("{0}")]
    Broken(String),
    /// The record of a service.
    #[error(
        "{}: this is the record of a service, and only tapes of markets can be replayed", .0.display()
    )]
    Record(PathBuf),
    /// A tape of somebody else.
    #[error("{}: a tape of `{kind}`, and only tapes of `ploy` can be replayed", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        kind: String,
    },
}

/// The items of all tapes, read ahead.
#[derive(Debug)]
pub(super) struct Source {
    items: mpsc::Receiver<FeedItem>,
    headers: Vec<Header>,
}

impl Source {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, SourceError> {
        for path in paths {
            // This is the place where another kind of tape is told apart and opened in its own way.
            match kind(path)?.as_deref() {
                Some("ploy-record") => return Err(SourceError::Record(path.clone())),
                // What has no kind is refused by the reader, which says why.
                Some("ploy") | None => {}
                Some(other) => {
                    let kind = other.chars().take(40).collect();
                    return Err(SourceError::Kind { path: path.clone(), kind });
                }
            }
        }
        let (headers, items) = merged::spawn(paths, merged::READ_AHEAD)?;
        Ok(Self { items, headers })
    }

    /// Waits for items and returns some; none when the reader has ended.
    pub(super) fn take(&mut self) -> Vec<FeedItem> {
        let mut items = Vec::with_capacity(TAKE_MAX);
        self.items.blocking_recv_many(&mut items, TAKE_MAX);
        items
    }

    pub(super) fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Returns the first and the last instant of all tapes.
    pub(super) fn span(&self) -> (Timestamp, Timestamp) {
        let from = self.headers.iter().map(|header| header.from).min();
        let to = self.headers.iter().map(|header| header.to).max();
        (from.unwrap_or_default(), to.unwrap_or_default())
    }
}

/// Returns what a tape says it is, where its first line says so.
fn kind(path: &Path) -> Result<Option<String>, SourceError> {
    #[derive(Deserialize)]
    struct Probe {
        tape: String,
    }
    let mut lines = Lines::open(path).map_err(TapeError::from)?;
    let line = lines.next_line().map_err(TapeError::from)?;
    let probe = line.and_then(|line| serde_json::from_str::<Probe>(line.text).ok());
    Ok(probe.map(|probe| probe.tape))
}
