//! Unpacking on a thread of its own: gzip costs as much as reading the lines in it, and need not wait for that.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many bytes are handed over at once.
const CHUNK: usize = 128 * 1024;
/// How many chunks are unpacked ahead; memory stays within half a MiB.
const AHEAD: usize = 4;

/// What a thread has unpacked. Dropped, it ends the thread.
pub(super) struct Unpacked {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    read: usize,
}

impl Unpacked {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system starts none.
    pub(super) fn spawn(packed: impl Read + Send + 'static) -> io::Result<Self> {
        let (tx, chunks) = sync_channel(AHEAD);
        thread::Builder::new().name("unpack".to_owned()).spawn(move || unpack(packed, &tx))?;
        Ok(Self { chunks, chunk: Vec::new(), read: 0 })
    }
}

/// Sends chunks until the end, a fault, or until nobody receives any more.
fn unpack(mut packed: impl Read, tx: &SyncSender<io::Result<Vec<u8>>>) {
    let room = u64::try_from(CHUNK).unwrap_or(u64::MAX);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = packed.by_ref().take(room).read_to_end(&mut chunk);
        // What came before a fault is whole.
        let is_over = chunk.is_empty() || read.is_err();
        if !chunk.is_empty() && tx.send(Ok(chunk)).is_err() {
            return;
        }
        if let Err(error) = read {
            // A receiver that left does not want to know.
            tx.send(Err(error)).ok();
        }
        if is_over {
            return;
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Unpacked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.len() <= self.read {
            // A thread that has ended has nothing more.
            self.chunk = self.chunks.recv().unwrap_or(Ok(Vec::new()))?;
            self.read = 0;
        }
        Ok(self.chunk.get(self.read..).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        self.read = self.read.saturating_add(length).min(self.chunk.len());
    }
}
