//! Lines: the text of a file, gzip or plain, one line at a time in one buffer that is used again.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::unpack::Unpacked;

/// The longest line that is read, in bytes: a thousand times a full book, so more is no line of ours.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of a file. Memory stays within one line, whatever the size of the file.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    number: u64,
}

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub text: &'a str,
    /// Whether the file ends in it without a line end, as a file does that was cut off.
    pub is_open: bool,
}

/// Why no line can be had.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// There is no such file.
    #[error("{path}: there is no such file")]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// It is a directory.
    #[error("{path}: a file is expected, and this is a directory")]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// The compressed data ends in the middle.
    #[error("{path}: cut off after line {line}: the compressed data ends too early")]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The number of the last whole line; 0 before the first.
        line: u64,
    },
    /// The system, or a check sum, says no.
    #[error("{path}: not readable after line {line}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The number of the last whole line; 0 before the first.
        line: u64,
        /// What it says.
        #[source]
        source: io::Error,
    },
    /// A line above [`LINE_BYTES_MAX`].
    #[error("{path}: line {line}: longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
    },
    /// A line that is no text.
    #[error("{path}: line {line}: not UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
    },
}

impl Lines {
    /// Opens a file; whether it is gzip is told by its first bytes, not by its name.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, LineError> {
        let failed = |source| LineError::of(path, 0, source);
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&GZIP);
        Ok(if is_gzip {
            let unpacked = Unpacked::spawn(MultiGzDecoder::new(file)).map_err(failed)?;
            Self::new(path, Box::new(unpacked))
        } else {
            Self::new(path, Box::new(file))
        })
    }

    fn new(path: &Path, input: Box<dyn BufRead + Send>) -> Self {
        Self { path: path.to_owned(), input, buffer: Vec::new(), number: 0 }
    }

    /// Returns the next line, or nothing at the end of the file.
    ///
    /// # Errors
    /// When the file is damaged or cut off, or the line is too long or no text.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, LineError> {
        self.buffer.clear();
        let room = u64::try_from(LINE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let read = (&mut self.input)
            .take(room)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| LineError::of(&self.path, self.number, source))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let (path, line) = (&self.path, self.number);
        let (bytes, is_open) = match self.buffer.strip_suffix(b"\n") {
            Some(bytes) => (bytes, false),
            None => (self.buffer.as_slice(), true),
        };
        if LINE_BYTES_MAX < bytes.len() {
            let path = path.clone();
            return Err(LineError::TooLong { path, line });
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(Line { number: line, text, is_open })),
            Err(_) => Err(LineError::NotText { path: path.clone(), line }),
        }
    }

    /// Returns the file that is read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many bytes the buffer of the lines takes now.
    #[cfg(test)]
    pub(super) const fn buffer_bytes(&self) -> usize {
        self.buffer.capacity()
    }
}

impl LineError {
    /// Returns the error that the system's answer after so many whole lines amounts to.
    pub(super) fn of(path: &Path, line: u64, source: io::Error) -> Self {
        let path = path.to_owned();
        let kind = source.kind();
        if kind == io::ErrorKind::NotFound {
            Self::NotFound { path }
        } else if kind == io::ErrorKind::IsADirectory {
            Self::Directory { path }
        } else if kind == io::ErrorKind::UnexpectedEof {
            Self::CutOff { path, line }
        } else {
            Self::Read { path, line, source }
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("path", &self.path)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: impl Into<Vec<u8>>) -> Lines {
        Lines::new(Path::new("x"), Box::new(io::Cursor::new(text.into())))
    }

    #[test]
    fn lines_are_numbered_from_one_and_the_last_may_be_open() {
        let mut lines = lines("a\n\nc");
        for (number, text, is_open) in [(1, "a", false), (2, "", false), (3, "c", true)] {
            let expected = Line { number, text, is_open };
            assert_eq!(lines.next_line().unwrap(), Some(expected));
        }
        assert_eq!(lines.next_line().unwrap(), None);
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_is_a_fault() {
        let mut longest = lines(format!("a\n{}\nb\n", "x".repeat(LINE_BYTES_MAX)));
        longest.next_line().unwrap();
        assert_eq!(longest.next_line().unwrap().unwrap().text.len(), LINE_BYTES_MAX);
        assert_eq!(longest.next_line().unwrap().unwrap().text, "b");

        let mut endless = Lines::new(Path::new("x"), Box::new(BufReader::new(io::repeat(b'x'))));
        let error = endless.next_line().unwrap_err();
        assert_eq!(error.to_string(), "x: line 1: longer than 4194304 bytes");
        assert!(endless.buffer_bytes() <= 4 * LINE_BYTES_MAX);
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_their_line() {
        let mut lines = lines(*b"a\n\xff\xfe\n");
        lines.next_line().unwrap();
        let error = lines.next_line().unwrap_err();
        assert_eq!(error.to_string(), "x: line 2: not UTF-8 text");
    }
}
