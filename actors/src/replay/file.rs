//! Decisions files: written a line at a time, to a file or to standard output, packed where the name ends in `.gz`;
//! and read back, one strategy of one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ploy::compare;
use ploy::compare::decoder::{Decoder, Fault};
use ploy::compare::line::{Header, Line};
use ploy::order::StrategyId;

use crate::adapters::tape::lines::{LineError, Lines};

/// A decisions file that is being written. One that is not finished has no last line, and is refused when read.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    output: Output,
    lines: u64,
}

#[derive(Debug)]
enum Output {
    Plain(BufWriter<File>),
    Packed(GzEncoder<BufWriter<File>>),
    Standard(BufWriter<io::Stdout>),
}

/// The lines of one strategy of a decisions file.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    decoder: Decoder,
    header: Header,
    /// Whose lines are wanted, and what that strategy is called from here on.
    of: Option<(StrategyId, StrategyId)>,
}

/// Why a decisions file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Whoever read standard output has seen enough.
    #[error("nobody reads any more")]
    Closed,
    /// The file cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No lines can be had from the file.
    #[error(transparent)]
    Lines(#[from] LineError),
    /// The lines are no decisions, or break a rule of the format.
    #[error("{}: {fault}", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// The rule, with the number of the line.
        fault: Fault,
    },
}

impl Writer {
    /// Begins a file with its header; `-` is standard output. What was there before is gone.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn create(path: &Path, header: Header) -> Result<Self, FileError> {
        let failed = |source| FileError::Write { path: path.to_owned(), source };
        let output = if path == Path::new("-") {
            Output::Standard(BufWriter::new(io::stdout()))
        } else {
            let file = BufWriter::new(File::create(path).map_err(failed)?);
            if path.extension() == Some(OsStr::new("gz")) {
                Output::Packed(GzEncoder::new(file, Compression::fast()))
            } else {
                Output::Plain(file)
            }
        };
        let mut writer = Self { path: path.to_owned(), output, lines: 0 };
        writer.write(&Line::Decisions(header))?;
        Ok(writer)
    }

    /// Returns how many lines were written.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When the disk says no, or nobody reads any more.
    pub fn write(&mut self, line: &Line) -> Result<(), FileError> {
        self.lines += 1;
        let mut text = line.encode();
        text.push('\n');
        let output: &mut dyn Write = match &mut self.output {
            Output::Plain(file) => file,
            Output::Packed(file) => file,
            Output::Standard(output) => output,
        };
        output.write_all(text.as_bytes()).map_err(|source| failed(&self.path, source))
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// When the disk says no, or nobody reads any more.
    pub fn finish(self) -> Result<(), FileError> {
        let path = self.path;
        let flushed = match self.output {
            Output::Plain(mut file) => file.flush(),
            Output::Packed(file) => file.finish().and_then(|mut file| file.flush()),
            Output::Standard(mut output) => output.flush(),
        };
        flushed.map_err(|source| failed(&path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> FileError {
    if path == Path::new("-") && source.kind() == io::ErrorKind::BrokenPipe {
        FileError::Closed
    } else {
        FileError::Write { path: path.to_owned(), source }
    }
}

impl Reader {
    /// Opens a file, packed or not, and reads its header.
    ///
    /// # Errors
    /// When there is no such file, it cannot be read, or it is no decisions file of a version that is read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut lines = Lines::open(path)?;
        let mut decoder = Decoder::default();
        let fault = |fault| FileError::Fault { path: path.to_owned(), fault };
        let first = match lines.next_line()? {
            Some(line) => decoder.line(line.text).map_err(fault)?,
            None => return Err(fault(Fault::NoHeader("the file is empty".to_owned()))),
        };
        match first {
            Line::Decisions(header) => Ok(Self { lines, decoder, header, of: None }),
            Line::Decision(_)
            | Line::Fill(_)
            | Line::Done(_)
            | Line::Settled(_)
            | Line::Risk(_)
            | Line::End(_) => Err(fault(Fault::NoHeader("the header is missing".to_owned()))),
        }
    }

    /// Returns what was played.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the reader of one strategy's lines; from here on the strategy is called `name`.
    #[must_use]
    pub fn only(self, id: StrategyId, name: StrategyId) -> Self {
        Self { of: Some((id, name)), ..self }
    }

    fn fault(&self, fault: Fault) -> FileError {
        FileError::Fault { path: self.lines.path().to_owned(), fault }
    }
}

impl compare::Lines for Reader {
    type Error = FileError;

    fn next_line(&mut self) -> Result<Option<Line>, FileError> {
        loop {
            let decoded = match self.lines.next_line()? {
                Some(line) => {
                    let (number, is_open) = (line.number, line.is_open);
                    match self.decoder.line(line.text) {
                        // What a cut in the middle of a line leaves.
                        Err(Fault::Line { .. }) if is_open => {
                            Err(Fault::CutOff { line: number - 1 })
                        }
                        decoded => decoded,
                    }
                }
                None => match self.decoder.finish() {
                    Ok(()) => return Ok(None),
                    Err(fault) => Err(fault),
                },
            };
            let line = decoded.map_err(|fault| self.fault(fault))?;
            match &self.of {
                None => return Ok(Some(line)),
                Some((id, name)) => {
                    if let Some(line) = line.named(id, name) {
                        return Ok(Some(line));
                    }
                }
            }
        }
    }
}
