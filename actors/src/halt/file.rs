//! The signal file: while it is there all is halted, whatever else works.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// How much of it is read: its first line is a reason, not a letter.
const BYTES_MAX: u64 = 1024;

/// What a look at the file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is none.
    Gone,
    /// It is there, with this first line; empty where it has none or cannot be read.
    There(String),
}

/// Looks at the file. What is there and cannot be read, a folder even, halts all the same. So does a place that
/// cannot be looked at: nobody knows that the file is not there.
pub(super) fn read(path: &Path) -> Seen {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => {
            let text = String::from_utf8_lossy(&bytes);
            Seen::There(text.lines().next().unwrap_or_default().trim().to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Gone,
        Err(error) => Seen::There(format!("(it cannot be read: {error})")),
    }
}

/// Writes the file, durably. One that is there already stays as it is.
pub(super) fn write(path: &Path, line: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(line.as_bytes())?;
            file.sync_all()?;
            // The name is in the folder: without this it may be gone after a loss of power.
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], line: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("HALT");
        std::fs::write(&path, content).unwrap();
        assert_eq!(read(&path), Seen::There(line.to_owned()));
    }

    #[test]
    fn the_first_line_is_the_reason_and_any_content_halts() {
        check(b"", "");
        check(b"  fire in the house \r\nsecond line", "fire in the house");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(&[b'a'; 5000], &"a".repeat(1024));
    }

    #[test]
    fn only_a_file_that_is_surely_not_there_does_not_halt() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("HALT")), Seen::Gone);
        assert!(matches!(read(folder.path()), Seen::There(why) if why.contains("cannot be read")));
    }

    #[test]
    fn what_is_written_is_read_and_what_a_person_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("HALT");
        write(&path, "first\n").unwrap();
        write(&path, "second\n").unwrap();
        assert_eq!(read(&path), Seen::There("first".to_owned()));
    }
}
