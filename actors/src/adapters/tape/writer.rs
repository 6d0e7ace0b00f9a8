//! The writer: a tape is written beside its final name and takes that name when it is whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ploy::event::MarketEvent;
use ploy::tape::{self, Fault, Header};
use ploy::time::Timestamp;
use uuid::Uuid;

use super::TapeError;

/// A tape that is being written. Dropped before [`TapeWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct TapeWriter {
    path: PathBuf,
    temporary: Temporary,
    output: Output,
    events: u64,
    last: Timestamp,
}

/// How much work goes into making a `.gz` small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For a tape that is recorded as things happen.
    Quick,
    /// For a tape that is kept: written once, read often.
    Best,
}

#[derive(Debug)]
enum Output {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

/// A file beside the target that is removed again, unless it was renamed.
#[derive(Debug)]
struct Temporary(PathBuf);

impl TapeWriter {
    /// Begins the tape `path` with its header: gzip where the name ends in `.gz`, plain text otherwise. A tape
    /// that is there already stays as it is until [`TapeWriter::finish`].
    ///
    /// # Errors
    /// When no file can be made in that folder.
    pub fn create(path: &Path, header: &Header, effort: Effort) -> Result<Self, TapeError> {
        let failed = |step| move |source| TapeError::Write { path: path.to_owned(), step, source };
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename);
        let name = name.map_err(|kind| failed("name the file")(kind.into()))?;
        let beside = format!(".{}.{}.partial", name.display(), Uuid::now_v7());
        let temporary = path.with_file_name(beside);
        let file = File::create_new(&temporary).map_err(failed("make a file beside it"))?;
        let file = BufWriter::new(file);
        let output = if path.extension() == Some(OsStr::new("gz")) {
            Output::Gzip(GzEncoder::new(file, effort.level()))
        } else {
            Output::Plain(file)
        };
        let mut writer = Self {
            path: path.to_owned(),
            temporary: Temporary(temporary),
            output,
            events: 0,
            last: Timestamp::UNIX_EPOCH,
        };
        writer.line(&tape::encode_header(header))?;
        Ok(writer)
    }

    /// Appends an event.
    ///
    /// # Errors
    /// When it is earlier than the one before it, since such a tape could not be read; or the disk says no.
    pub fn write(&mut self, event: &MarketEvent) -> Result<(), TapeError> {
        if event.at < self.last {
            return Err(TapeError::Fault {
                path: self.path.clone(),
                fault: Fault::Backwards { line: self.events + 2, at: event.at, before: self.last },
            });
        }
        self.line(&tape::encode(event))?;
        self.last = event.at;
        self.events += 1;
        Ok(())
    }

    /// Writes the closing line, waits until all is on the disk, gives the tape its name, and returns the number
    /// of its events. A crash before that leaves a `.partial` file and never half a tape.
    ///
    /// # Errors
    /// When the disk says no; the tape that was there before, if any, is then still there.
    pub fn finish(mut self) -> Result<u64, TapeError> {
        self.line(&tape::encode_end(self.events))?;
        let path = &self.path;
        let failed = |step| move |source| TapeError::Write { path: path.clone(), step, source };
        let file = match self.output {
            Output::Plain(buffer) => buffer,
            Output::Gzip(encoder) => encoder.finish().map_err(failed("close the gzip"))?,
        };
        let file = file.into_inner().map_err(|error| failed("flush")(error.into_error()))?;
        file.sync_all().map_err(failed("flush to the disk"))?;
        fs::rename(&self.temporary.0, path).map_err(failed("give it its name"))?;
        sync_folder(path).map_err(failed("flush its folder to the disk"))?;
        Ok(self.events)
    }

    fn line(&mut self, text: &str) -> Result<(), TapeError> {
        let output: &mut dyn Write = match &mut self.output {
            Output::Plain(buffer) => buffer,
            Output::Gzip(encoder) => encoder,
        };
        output.write_all(text.as_bytes()).and_then(|()| output.write_all(b"\n")).map_err(|source| {
            TapeError::Write { path: self.path.clone(), step: "write a line", source }
        })
    }
}

impl Effort {
    const fn level(self) -> Compression {
        match self {
            Self::Quick => Compression::fast(),
            Self::Best => Compression::best(),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing here to remove, and a left-over is harmless: no tape has its name.
        match fs::remove_file(&self.0) {
            Ok(()) | Err(_) => {}
        }
    }
}

/// Makes a rename last through a power cut, where the system has such a thing.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}
