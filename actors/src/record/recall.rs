//! What a strategy had said no to at an instant of the past: the record is played again up to there.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ploy::order::StrategyId;
use ploy::record::instant;
use ploy::status::Tally;
use ploy::time::Timestamp;
use tokio::sync::Semaphore;

use super::build::known;
use super::fault::RecordError;
use super::files::{self, RecordFile};
use super::replay::{self, Step};
use crate::ports::Pending;
use crate::ports::why::Recall;

/// Plays the record of a folder again, for one asker at a time: it burns a core.
#[derive(Debug)]
pub struct Recalled {
    folder: PathBuf,
    turn: Arc<Semaphore>,
}

/// Ends the play when nobody waits for its answer any more.
struct Waiting(Arc<AtomicBool>);

impl Recalled {
    /// Returns what can be told from the record in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Recall for Recalled {
    fn noes(
        &self,
        run: &str,
        strategy: &StrategyId,
        at: Timestamp,
    ) -> Pending<'_, Option<Vec<Tally>>> {
        let (run, strategy) = (run.to_owned(), strategy.clone());
        Box::pin(async move {
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            let left = Arc::new(AtomicBool::new(false));
            let waiting = Waiting(Arc::clone(&left));
            let folder = self.folder.clone();
            let played = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                recall(&folder, (&run, &strategy, at), &|| left.load(Ordering::Relaxed))
            });
            let noes = played.await;
            drop(waiting);
            match noes {
                Ok(Ok(noes)) => noes,
                Ok(Err(error)) => {
                    tracing::warn!(error.message = %error, "the record could not be played again");
                    None
                }
                Err(error) => {
                    tracing::warn!(error.message = %error, "the play of a record has ended");
                    None
                }
            }
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns the noes of a strategy when it had taken in all up to an instant; nothing where the record does not
/// reach there. Every file stands alone, so one file is played, from its beginning.
fn recall(
    folder: &Path,
    (run, strategy, at): (&str, &StrategyId, Timestamp),
    is_left: &dyn Fn() -> bool,
) -> Result<Option<Vec<Tally>>, RecordError> {
    let failed = |source| RecordError::Folder { path: folder.to_owned(), source };
    let mut candidates: Vec<PathBuf> = Vec::new();
    let mut process = String::new();
    for RecordFile { run: of, path, .. } in files::list(folder).map_err(failed)? {
        if !files::is_of(&of, run) || at < replay::header(&path)?.from {
            continue;
        }
        // Each start of the program has a record of its own, and the newest that begins before tells.
        if of != process {
            candidates.clear();
            process = of;
        }
        candidates.push(path);
    }
    // The instant may lie in the newest file that begins before it, or, where a strategy wrote its first line of that
    // file later, in the one before.
    let newest = candidates.len().saturating_sub(2);
    let files = candidates.split_off(newest);
    if files.is_empty() {
        return Ok(None);
    }
    // First: which is its last input up to then, and does the record go on after it?
    let (mut last, mut reaches) = (None, false);
    replay::play(&files, &known, &mut |step: &Step<'_>| {
        let is_past = at < instant(step.input);
        reaches |= is_past || instant(step.input) == at;
        if !is_past && step.strategy == strategy {
            last = Some(step.n);
        }
        if is_past || is_left() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let Some(last) = last.filter(|_| reaches) else { return Ok(None) };
    let mut noes = None;
    replay::play(&files, &known, &mut |step: &Step<'_>| {
        if step.strategy == strategy && step.n == last {
            noes = Some(step.kernel.status().totals().into_iter().cloned().collect());
        }
        if noes.is_some() || is_left() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(noes)
}
