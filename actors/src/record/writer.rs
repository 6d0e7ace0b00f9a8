//! The writer: takes messages from the queue in their order and makes files of them that each stand alone.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ploy::kernel::Input;
use ploy::order::StrategyId;
use ploy::record::{self, Gap, Header, Line, Mark, Recall};
use ploy::status::{RecordPhase, RecordStatus};
use ploy::time::Timestamp;

use super::sink::{Create, Sink};
use super::{Args, Limits, Msg, Origin, Shared, WAKE_AT, files};
use crate::adapters::tape::lines::LINE_BYTES_MAX;
use crate::telemetry::events;

/// How much text is compressed before it is handed to the system, whatever the time.
const FLUSH_BYTES: usize = 256 * 1024;
/// How many encoded inputs are kept, in case that another strategy takes in the same: with several strategies the
/// next few messages are most often about one event.
const KEPT_MAX: usize = 8;
/// How far a file may grow past its limit, at least, while it waits for a strategy to say how it is: far more than
/// the queue holds.
const OVERDUE_BYTES: u64 = 8 * 1024 * 1024;
/// How long messages may wait for others before they are written.
const GATHER: Duration = Duration::from_millis(20);

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

/// Writes files until the queue is closed.
pub(super) struct Writer {
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
    /// Inputs that came while there was no file, by strategy.
    dropped: BTreeMap<StrategyId, u64>,
    pending: Option<Pending>,
    kept: VecDeque<(Input, Arc<str>)>,
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

/// An input that is not written yet: the next message may be of another strategy that took in the same.
struct Pending {
    to: BTreeMap<StrategyId, Mark>,
    input: Input,
    body: Arc<str>,
}

impl Writer {
    pub(super) fn new(args: Args, shared: Arc<Shared>) -> Self {
        let Args { limits, origin, pace, create } = args;
        let now = origin.from;
        Self {
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
            dropped: BTreeMap::new(),
            pending: None,
            kept: VecDeque::new(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        self.open();
        loop {
            let (batch, is_closing) = self.take();
            let is_empty = batch.is_empty();
            for msg in batch {
                self.msg(msg);
            }
            self.shared.queue().in_hand = 0;
            self.put_pending();
            self.keep_up();
            if is_closing && is_empty {
                break;
            }
        }
        self.end();
    }

    /// Takes all that waits, a little later than it came: so that a wake is paid for many messages, not for each.
    fn take(&self) -> (VecDeque<Msg>, bool) {
        let mut queue = self.shared.queue();
        if queue.items.len() < WAKE_AT && !queue.is_closing {
            let waited = self.shared.filled.wait_timeout(queue, GATHER);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let batch = mem::take(&mut queue.items);
        queue.in_hand = batch.len();
        (batch, queue.is_closing)
    }

    fn msg(&mut self, msg: Msg) {
        match msg {
            Msg::Input { strategy, mark, input } => self.input(strategy, mark, input),
            Msg::Start { start, past, epoch } => {
                self.turn(epoch);
                let strategy = start.strategy.clone();
                self.say(&Line::Start(start));
                for fact in past {
                    self.say(&Line::Recall(Recall { strategy: strategy.clone(), fact }));
                }
            }
            Msg::Checkpoint { saved, lost, epoch } => {
                self.turn(epoch);
                self.gap(&saved.strategy, lost);
                self.say(&Line::Checkpoint(saved));
            }
            Msg::End { end, lost } => {
                self.gap(&end.strategy, lost);
                self.say(&Line::End(end));
            }
            Msg::Command(note) => self.say(&Line::Command(*note)),
            Msg::Phase(note) => self.say(&Line::Phase(*note)),
        }
    }

    fn input(&mut self, strategy: StrategyId, mark: Mark, input: Input) {
        self.now = self.now.max(record::instant(&input));
        if self.file.is_none() {
            *self.dropped.entry(strategy).or_default() += 1;
            self.shared.lose(1);
            return;
        }
        if let Some(pending) = &mut self.pending
            && !pending.to.contains_key(&strategy)
            && pending.input == input
        {
            pending.to.insert(strategy, mark);
            return;
        }
        self.put_pending();
        let body = self.body(&input);
        self.pending = Some(Pending { to: BTreeMap::from([(strategy, mark)]), input, body });
    }

    /// Encodes an input, once for all who take in the same.
    fn body(&mut self, input: &Input) -> Arc<str> {
        if let Some((_, body)) = self.kept.iter().find(|(kept, _)| kept == input) {
            return Arc::clone(body);
        }
        let body: Arc<str> = record::encode_body(input).into();
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((input.clone(), Arc::clone(&body)));
        body
    }

    fn put_pending(&mut self) {
        let Some(Pending { to, body, .. }) = self.pending.take() else { return };
        let inputs = u64::try_from(to.len()).unwrap_or(u64::MAX);
        let text = record::encode_input(self.n + 1, &to, &body);
        if self.line(&text) {
            self.shared.status().inputs += inputs;
        } else {
            self.shared.lose(inputs);
            to.into_keys().for_each(|id| *self.dropped.entry(id).or_default() += 1);
        }
    }

    /// Writes a line that is no input, after all that came before it.
    fn say(&mut self, line: &Line) {
        self.put_pending();
        let text = record::encode(self.n + 1, line);
        if !self.line(&text) {
            self.shared.lose(1);
        }
    }

    fn gap(&mut self, strategy: &StrategyId, inputs: u64) {
        if inputs == 0 {
            return;
        }
        tracing::warn!(
            event.name = events::RECORD_LOST,
            strategy.id = %strategy,
            inputs,
            "what a strategy took in is missing in the record"
        );
        self.say(&Line::Gap(Gap { strategy: strategy.clone(), inputs }));
    }

    /// Appends a line to the file. Tells whether it is there.
    fn line(&mut self, text: &str) -> bool {
        let Some(file) = &mut self.file else { return false };
        if LINE_BYTES_MAX < text.len() {
            // Nobody could read it. The inputs after it can be played where another file begins.
            let message = format!("a line of {} bytes is longer than can be read", text.len());
            tracing::error!(event.name = events::RECORD_FAILED, error.message = message,
                "a line of the record was left out");
            self.shared.status().last_error = Some(message);
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

    /// Begins the next file when the present one is full and this is the first that belongs into the next.
    fn turn(&mut self, epoch: u64) {
        if self.epoch < epoch && self.file.as_ref().is_some_and(|file| file.is_full) {
            self.finish();
            self.open();
        }
        self.epoch = self.epoch.max(epoch);
    }

    /// Does what is due by now: a flush, the next file, another try.
    fn keep_up(&mut self) {
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
            self.shared.status().bytes = self.bytes + file.sink.bytes();
        }
    }

    /// Begins the next file. Where that is not possible it is tried again later, and nobody waits for it.
    fn open(&mut self) {
        let number = self.number + 1;
        let path = self.limits.folder.join(files::name(&self.origin.run, number));
        match self.try_open(&path, number) {
            Ok(file) => {
                self.file = Some(file);
                let retried = self.retry.take().is_some();
                if retried {
                    tracing::info!(event.name = events::RECORD_RECOVERED, path = %path.display(),
                        "the record is written again");
                }
                self.shown(|status| {
                    status.state = RecordPhase::Recording;
                    status.file = Some(path.display().to_string());
                    status.files += 1;
                });
                tracing::info!(event.name = events::RECORD_STARTED, path = %path.display(),
                    "a file of the record begins");
                if retried {
                    self.ask();
                }
                self.number = number;
                for (strategy, inputs) in mem::take(&mut self.dropped) {
                    self.gap(&strategy, inputs);
                }
                self.trim(&path);
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    self.number = number; // a file of that number is there: it is not touched
                }
                self.fail("begin a file", &error);
            }
        }
    }

    fn try_open(&self, path: &Path, number: u32) -> io::Result<Open> {
        fs::create_dir_all(&self.limits.folder)?;
        let Origin { run, mode, program, .. } = self.origin.clone();
        let header = Header::new(run, mode, program, number, self.now);
        let mut sink = Sink::new((self.create)(path)?);
        let begun = sink.line(&record::encode_header(&header)).and_then(|()| sink.flush());
        if let Err(error) = begun {
            drop(sink);
            drop(fs::remove_file(path)); // a file without a header is of no use; one that stays does no harm
            return Err(error);
        }
        let until = Instant::now() + self.limits.file_span;
        Ok(Open { sink, path: path.to_owned(), lines: 0, until, is_full: false })
    }

    /// Ends the file in good order.
    fn finish(&mut self) {
        self.put_pending();
        let Some(mut file) = self.file.take() else { return };
        let close = record::encode(self.n + 1, &Line::Close { lines: file.lines });
        self.n += 1;
        match file.sink.line(&close).and_then(|()| file.sink.finish()) {
            Ok(bytes) => {
                self.bytes += bytes;
                self.shown(|status| status.bytes = self.bytes);
            }
            Err(error) => self.fail("end a file", &error),
        }
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
            Some(file) => file.path,
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

    /// Ends the record: says what was lost and not yet said, and ends the file.
    fn end(&mut self) {
        let owed = mem::take(&mut self.shared.queue().owed);
        for (strategy, inputs) in owed {
            self.gap(&strategy, inputs);
        }
        self.finish();
        self.shown(|status| status.file = None);
    }

    fn shown(&self, change: impl FnOnce(&mut RecordStatus)) {
        change(&mut self.shared.status());
    }
}
