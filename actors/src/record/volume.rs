//! The volume: the file that is being written, when the next one begins, and what happens when none can be written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ploy::record::{self, Header, Line};
use ploy::status::{RecordPhase, RecordStatus};
use ploy::time::Timestamp;

use super::sink::{Create, Sink};
use super::{Args, Limits, Origin, Shared, files};
use crate::adapters::tape::lines::LINE_BYTES_MAX;
use crate::telemetry::events;

/// How much text is compressed before it is handed to the system, whatever the time.
const FLUSH_BYTES: usize = 256 * 1024;
/// How far a file may grow past its limit, at least, while it waits for a strategy to say how it is: far more than
/// the queue holds.
const OVERDUE_BYTES: u64 = 8 * 1024 * 1024;

/// How often a record is flushed, and when a failed write is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The longest that something written is not yet handed to the system: what a kill of the process may lose.
    pub flush: Duration,
    /// The wait after the first failure; each further one is twice as long.
    pub retry_min: Duration,
    /// The longest wait after a failure.
    pub retry_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            flush: Duration::from_secs(1),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
        }
    }
}

/// The files of a run, one after the other.
pub(super) struct Volume {
    limits: Limits,
    origin: Origin,
    pace: Pace,
    create: Create,
    shared: Arc<Shared>,
    /// The number of the line written last, over all files.
    n: u64,
    /// The number of the file begun last.
    number: u32,
    /// What the files that have ended take on the disk.
    bytes: u64,
    /// The newest instant that was seen.
    now: Timestamp,
    file: Option<Open>,
    /// The epoch of the file.
    epoch: u64,
    flushed: Instant,
    retry: Option<Retry>,
}

/// The file that is being written.
struct Open {
    sink: Sink,
    path: PathBuf,
    lines: u64,
    until: Instant,
    /// It is full: the next one begins with the first strategy that says how it is.
    is_full: bool,
}

struct Retry {
    at: Instant,
    wait: Duration,
}

impl Volume {
    /// Begins the first file.
    pub(super) fn begin(args: Args, shared: Arc<Shared>) -> Self {
        let Args { limits, origin, pace, create } = args;
        let now = origin.from;
        let mut volume = Self {
            limits,
            origin,
            pace,
            create,
            shared,
            n: 0,
            number: 0,
            bytes: 0,
            now,
            file: None,
            epoch: 0,
            flushed: Instant::now(),
            retry: None,
        };
        volume.open();
        volume
    }

    /// Tells whether there is a file to write to.
    pub(super) const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the number that the next line has.
    pub(super) const fn next(&self) -> u64 {
        self.n + 1
    }

    /// Notes that something happened at this instant.
    pub(super) fn at(&mut self, instant: Timestamp) {
        self.now = self.now.max(instant);
    }

    /// Appends a line to the file. Tells whether it is there.
    pub(super) fn line(&mut self, text: &str) -> bool {
        let Some(file) = &mut self.file else { return false };
        if LINE_BYTES_MAX < text.len() {
            // Nobody could read it. What comes after it can be played where the next file begins.
            let message = format!("a line of {} bytes is longer than can be read", text.len());
            tracing::error!(
                event.name = events::RECORD_FAILED,
                error.message = message,
                "a line of the record was left out"
            );
            self.shown(|status| status.last_error = Some(message));
            return false;
        }
        let written = file.sink.line(text).and_then(|()| {
            file.lines += 1;
            if FLUSH_BYTES <= file.sink.unflushed() { file.sink.flush() } else { Ok(()) }
        });
        if let Err(error) = written {
            self.fail("write a line", &error);
            return false;
        }
        self.n += 1;
        self.keep_small();
        true
    }

    /// Begins the next file when the present one is full and this is the first that belongs into the next.
    pub(super) fn turn(&mut self, epoch: u64) {
        if self.epoch < epoch && self.file.as_ref().is_some_and(|file| file.is_full) {
            self.finish();
            self.open();
        }
        self.epoch = self.epoch.max(epoch);
    }

    /// Does what is due by now: a flush, the next file, another try.
    pub(super) fn keep_up(&mut self) {
        let now = Instant::now();
        if self.pace.flush <= now.duration_since(self.flushed) {
            self.flushed = now;
            let flushed = self.file.as_mut().map_or(Ok(()), |file| file.sink.flush());
            if let Err(error) = flushed {
                self.fail("flush", &error);
            }
        }
        if self.retry.as_ref().is_some_and(|retry| retry.at <= now) {
            self.open();
        }
        self.keep_small();
        if let Some(file) = &self.file {
            let bytes = self.bytes + file.sink.bytes();
            self.shown(|status| status.bytes = bytes);
        }
    }

    /// Ends the file in good order.
    pub(super) fn finish(&mut self) {
        let Some(mut file) = self.file.take() else { return };
        let close = record::encode(self.next(), &Line::Close { lines: file.lines });
        self.n += 1;
        match file.sink.line(&close).and_then(|()| file.sink.finish()) {
            Ok(bytes) => {
                self.bytes += bytes;
                self.shown(|status| {
                    status.bytes = self.bytes;
                    status.file = None;
                });
            }
            Err(error) => self.fail("end a file", &error),
        }
    }

    /// Asks the strategies to say how they are when a file is large enough: with that the next one begins. When
    /// none does, it begins without.
    fn keep_small(&mut self) {
        let Some(file) = &mut self.file else { return };
        let (bytes, limit) = (file.sink.bytes(), self.limits.file_bytes);
        if limit + limit.max(OVERDUE_BYTES) <= bytes {
            self.finish();
            self.open();
            self.ask();
        } else if !file.is_full && (limit <= bytes || file.until <= Instant::now()) {
            file.is_full = true;
            self.ask();
        }
    }

    /// Asks every strategy to say how it is before it takes in anything more.
    fn ask(&self) {
        self.shared.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Begins the next file. Where that is not possible it is tried again later, and nobody waits for it.
    fn open(&mut self) {
        let number = self.number + 1;
        let path = self.limits.folder.join(files::name(&self.origin.run, number));
        let file = match self.try_open(&path, number) {
            Ok(file) => file,
            Err(error) => {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    self.number = number; // a file of that number is there: it is not touched
                }
                return self.fail("begin a file", &error);
            }
        };
        self.file = Some(file);
        self.number = number;
        if self.retry.take().is_some() {
            tracing::info!(event.name = events::RECORD_RECOVERED, path = %path.display(),
                "the record is written again");
            self.ask();
        }
        tracing::info!(event.name = events::RECORD_STARTED, path = %path.display(),
            "a file of the record begins");
        self.shown(|status| {
            status.state = RecordPhase::Recording;
            status.file = Some(path.display().to_string());
            status.files += 1;
        });
        self.trim(&path);
    }

    fn try_open(&self, path: &Path, number: u32) -> io::Result<Open> {
        fs::create_dir_all(&self.limits.folder)?;
        let Origin { run, mode, program, .. } = self.origin.clone();
        let header = Header::new(run, mode, program, number, self.now);
        let mut sink = Sink::new((self.create)(path)?);
        let begun = sink.line(&record::encode_header(&header)).and_then(|()| sink.flush());
        if let Err(error) = begun {
            drop(sink);
            drop(fs::remove_file(path)); // without a header it is of no use; one that stays does no harm
            return Err(error);
        }
        let until = Instant::now() + self.limits.file_span;
        Ok(Open { sink, path: path.to_owned(), lines: 0, until, is_full: false })
    }

    /// Deletes the oldest files where there are too many.
    fn trim(&self, present: &Path) {
        let room = self.limits.total_bytes.saturating_sub(self.limits.file_bytes);
        match files::trim(&self.limits.folder, room, present) {
            Ok(deleted) => {
                for file in deleted {
                    tracing::info!(event.name = events::RECORD_DELETED, path = %file.path.display(),
                        bytes = file.bytes, "an old file of a record was deleted");
                    self.shown(|status| status.deleted += 1);
                }
            }
            Err(error) => {
                tracing::error!(event.name = events::RECORD_FAILED, error.message = %error,
                    "old files of the record cannot be deleted");
                self.shown(|status| {
                    status.errors += 1;
                    status.last_error = Some(format!("delete old files: {error}"));
                });
            }
        }
    }

    /// Gives the file up. What follows goes into another one, when that can be begun.
    fn fail(&mut self, step: &str, error: &io::Error) {
        let place = match self.file.take() {
            Some(file) => {
                self.bytes += file.sink.bytes();
                file.path
            }
            None => self.limits.folder.clone(),
        };
        let Pace { retry_min, retry_max, .. } = self.pace;
        let wait = self.retry.as_ref().map_or(retry_min, |last| (last.wait * 2).min(retry_max));
        self.retry = Some(Retry { at: Instant::now() + wait, wait });
        let message = format!("{step}: {error}");
        tracing::error!(
            event.name = events::RECORD_FAILED,
            path = %place.display(),
            error.message = message,
            "the record cannot be written; trading goes on without it"
        );
        self.shown(|status| {
            status.state = RecordPhase::Failing;
            status.file = None;
            status.errors += 1;
            status.last_error = Some(message);
        });
    }

    fn shown(&self, change: impl FnOnce(&mut RecordStatus)) {
        change(&mut self.shared.status());
    }
}
