//! Writes log lines on a thread of its own, so that an output that is slow, stuck or closed stops nobody.

use std::io::{self, Write};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel,
};
use std::thread;
use std::time::{Duration, Instant};

use super::counts::Counts;

/// A second of the wildest logging; more than this waiting means that nobody reads.
const LINES_MAX: usize = 8192;
/// How long an end of the process waits for the last lines.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// How often a full queue is tried again while flushing.
const FLUSH_RETRY: Duration = Duration::from_millis(5);

/// Takes lines and never waits for the output.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    tx: SyncSender<Item>,
    counts: &'static Counts,
}

#[derive(Debug)]
enum Item {
    Line(String),
    Flush(SyncSender<()>),
}

impl Sink {
    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        output: Box<dyn Write + Send>,
        counts: &'static Counts,
    ) -> Result<Self, io::Error> {
        let (tx, rx) = sync_channel(LINES_MAX);
        thread::Builder::new().name("log".into()).spawn(move || write_all(&rx, output, counts))?;
        Ok(Self { tx, counts })
    }

    /// Hands a line over, or counts it as lost when the queue is full.
    pub(super) fn send(&self, line: String) {
        match self.tx.try_send(Item::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.counts.lost(),
        }
    }

    /// Waits until all that was handed over is written, 1 s at most.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_WITHIN;
        let (done, written) = sync_channel(1);
        let mut item = Item::Flush(done);
        loop {
            match self.tx.try_send(item) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(back)) => item = back,
            }
            if deadline <= Instant::now() {
                return;
            }
            thread::sleep(FLUSH_RETRY);
        }
        match written.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// Writes until the last sender is gone; flushes whenever nothing more waits.
fn write_all(rx: &Receiver<Item>, mut output: Box<dyn Write + Send>, counts: &Counts) {
    let mut ready = rx.recv().ok();
    while let Some(item) = ready {
        match item {
            Item::Line(line) => {
                if output.write_all(line.as_bytes()).is_err() {
                    counts.lost();
                }
            }
            Item::Flush(done) => {
                flush(&mut output, counts);
                // Who asked may have waited long enough and gone.
                match done.try_send(()) {
                    Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
                }
            }
        }
        ready = match rx.try_recv() {
            Ok(item) => Some(item),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                flush(&mut output, counts);
                rx.recv().ok()
            }
        };
    }
}

fn flush(output: &mut Box<dyn Write + Send>, counts: &Counts) {
    if output.flush().is_err() {
        counts.lost();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// An output that remembers, or that is closed.
    #[derive(Clone, Debug, Default)]
    pub(in super::super) struct Memory {
        pub(in super::super) text: Arc<Mutex<String>>,
        pub(in super::super) closed: bool,
    }

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.closed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let text = std::str::from_utf8(bytes).unwrap();
            self.text.lock().unwrap().push_str(text);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(in super::super) fn counts() -> &'static Counts {
        Box::leak(Box::default())
    }

    #[test]
    fn a_flush_returns_when_every_line_is_written() {
        let memory = Memory::default();
        let sink = Sink::start(Box::new(memory.clone()), counts()).unwrap();
        for number in 0..100 {
            sink.send(format!("{number}\n"));
        }
        sink.flush();
        let text = memory.text.lock().unwrap();
        assert_eq!(text.lines().count(), 100);
        assert!(text.starts_with("0\n1\n2\n") && text.ends_with("99\n"));
    }

    #[test]
    fn a_closed_output_is_counted_and_stops_nobody() {
        let counts = counts();
        let closed = Memory { closed: true, ..Memory::default() };
        let sink = Sink::start(Box::new(closed), counts).unwrap();
        sink.send("nobody reads this\n".into());
        sink.flush();
        assert_eq!(counts.read().lost, 1);
    }

    #[test]
    fn a_stuck_output_holds_nobody_up_and_what_does_not_fit_is_counted() {
        struct Stuck(Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.recv().map_err(|_gone| io::ErrorKind::BrokenPipe)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let counts = counts();
        let (release, stuck) = sync_channel(0);
        let sink = Sink::start(Box::new(Stuck(stuck)), counts).unwrap();
        for _ in 0..=LINES_MAX + 10 {
            sink.send("line\n".into());
        }
        assert!((10..=11).contains(&counts.read().lost), "{counts:?}");
        drop(release);
    }
}
