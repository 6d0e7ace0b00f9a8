//! The files of records: their names, which there are, and which are deleted when there are too many.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const BEGIN: &str = "record-";
const END: &str = ".jsonl.gz";

/// One file of a record, in the order of runs and then of files: the id of a run begins with when it began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordFile {
    /// The id of the run.
    pub run: String,
    /// Its number within the run.
    pub number: u32,
    /// Where it is.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub bytes: u64,
}

/// Returns the name of a file.
#[must_use]
pub fn name(run: &str, number: u32) -> String {
    format!("{BEGIN}{run}-{number:05}{END}")
}

/// Returns the id of the record of a start of the program within a run, by its number from 1: the first is the run's.
#[must_use]
pub fn of_start(run: &str, start: u64) -> String {
    if start <= 1 { run.to_owned() } else { format!("{run}.{start:05}") }
}

/// Tells whether a record is of a start within this run.
#[must_use]
pub fn is_of(record: &str, run: &str) -> bool {
    record.strip_prefix(run).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the files of records in a folder, in their order. Other files are no concern of records.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<RecordFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((run, number)) = name.to_str().and_then(parts) else { continue };
        let run = run.to_owned();
        // A file that was deleted a moment ago is none.
        let Ok(metadata) = entry.metadata() else { continue };
        files.push(RecordFile { run, number, path: entry.path(), bytes: metadata.len() });
    }
    files.sort();
    Ok(files)
}

/// Deletes the oldest files until those that are left take at most `bytes`. The file `kept` is not touched, and not
/// counted. Returns those that were deleted.
///
/// # Errors
/// When the folder cannot be read, or a file cannot be deleted.
pub(super) fn trim(folder: &Path, bytes: u64, kept: &Path) -> io::Result<Vec<RecordFile>> {
    let mut files = list(folder)?;
    files.retain(|file| file.path != kept);
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    let mut deleted = Vec::new();
    for file in files {
        if total <= bytes {
            break;
        }
        fs::remove_file(&file.path)?;
        total -= file.bytes;
        deleted.push(file);
    }
    Ok(deleted)
}

fn parts(name: &str) -> Option<(&str, u32)> {
    let (run, number) = name.strip_prefix(BEGIN)?.strip_suffix(END)?.rsplit_once('-')?;
    let is_number = 5 <= number.len() && number.bytes().all(|byte| byte.is_ascii_digit());
    if run.is_empty() || !is_number {
        return None;
    }
    Some((run, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, bytes: usize) {
        fs::write(folder.join(name), vec![0; bytes]).unwrap();
    }

    fn names(files: &[RecordFile]) -> Vec<(&str, u32)> {
        files.iter().map(|file| (file.run.as_str(), file.number)).collect()
    }

    #[test]
    fn files_stand_in_the_order_of_runs_and_numbers_and_others_are_no_concern() {
        let folder = tempfile::tempdir().unwrap();
        for (run, number) in [("b-2", 1), ("b-2", 100_000), ("a-1", 12), ("a-1", 9), ("b-2", 99)] {
            write(folder.path(), &name(run, number), 1);
        }
        for other in ["record-x-1.jsonl.gz", "record-00001.jsonl.gz", "ploy.db", "record-a-00001"] {
            write(folder.path(), other, 1);
        }
        let files = list(folder.path()).unwrap();
        let order = [("a-1", 9), ("a-1", 12), ("b-2", 1), ("b-2", 99), ("b-2", 100_000)];
        assert_eq!(names(&files), order);
    }

    #[test]
    fn the_oldest_are_deleted_until_the_rest_fits_and_the_present_one_never() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=5 {
            write(folder.path(), &name("a", number), 10);
        }
        let present = folder.path().join(name("a", 1));
        let deleted = trim(folder.path(), 25, &present).unwrap();
        assert_eq!(names(&deleted), [("a", 2), ("a", 3)]);
        let left = list(folder.path()).unwrap();
        assert_eq!(names(&left), [("a", 1), ("a", 4), ("a", 5)]);
        assert_eq!(trim(folder.path(), 20, &present).unwrap(), []);
    }
}
