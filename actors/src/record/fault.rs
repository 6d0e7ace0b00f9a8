//! Why a record cannot be played.

use std::io;
use std::path::PathBuf;

use ploy::config::Fault as ConfigFault;
use ploy::kernel::Unfit;
use ploy::order::StrategyId;
use ploy::record::Fault;
use ploy::strategy::Misfit;

use crate::adapters::tape::lines::LineError;

/// Why a record cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder cannot be read.
    #[error("{}: the folder cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is nothing to play.
    #[error("{}: no file of a record is there; their names are record-<run>-<number>.jsonl.gz", .0.display())]
    Empty(PathBuf),
    /// No lines can be had from a file.
    #[error(transparent)]
    Lines(#[from] LineError),
    /// A line breaks a rule of the format.
    #[error("{}: {fault}", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// The rule, with the number of the line.
        fault: Fault,
    },
    /// The files are of different runs.
    #[error("{}: of the run {found}, and the file before it is of {expected}", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// The run of the files before it.
        expected: String,
        /// Its run.
        found: String,
    },
    /// Recorded settings are not understood by this program.
    #[error("n = {n}: the recorded settings of {strategy} have faults:\n{}", list(faults))]
    Settings {
        /// The number of the line in the run.
        n: u64,
        /// Whose they are.
        strategy: StrategyId,
        /// What is wrong with them.
        faults: Vec<ConfigFault>,
    },
    /// What a strategy had saved is not understood by this program.
    #[error("n = {n}: what {strategy} had saved does not fit its settings")]
    Misfit {
        /// The number of the line in the run.
        n: u64,
        /// Whose it is.
        strategy: StrategyId,
        /// Why.
        #[source]
        source: Misfit,
    },
    /// A checkpoint contradicts itself.
    #[error("n = {n}: the checkpoint of {strategy} cannot be gone on from")]
    Unfit {
        /// The number of the line in the run.
        n: u64,
        /// Whose it is.
        strategy: StrategyId,
        /// Why.
        #[source]
        source: Unfit,
    },
}

fn list(faults: &[ConfigFault]) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}
