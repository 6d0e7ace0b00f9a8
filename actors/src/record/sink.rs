//! Where a file's bytes go: gzip that can be read up to its last flush, and how many bytes it takes on the disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Something that bytes can be written to and that can be made to last.
pub trait Output: Write + Send {
    /// Returns when all that was written is on the disk.
    ///
    /// # Errors
    /// When the disk says no.
    fn sync(&mut self) -> io::Result<()>;
}

/// How a file is made. It must not be there before.
pub type Create = Box<dyn Fn(&Path) -> io::Result<Box<dyn Output>> + Send>;

impl Output for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Returns how files are made on the disk.
#[must_use]
pub fn create() -> Create {
    Box::new(|path| Ok(Box::new(File::create_new(path)?)))
}

/// A file that is being written.
pub(super) struct Sink {
    gzip: GzEncoder<BufWriter<Counted>>,
    /// Bytes of text since the last flush.
    unflushed: usize,
}

struct Counted {
    output: Box<dyn Output>,
    bytes: u64,
}

impl Sink {
    pub(super) fn new(output: Box<dyn Output>) -> Self {
        let counted = Counted { output, bytes: 0 };
        let gzip = GzEncoder::new(BufWriter::new(counted), Compression::fast());
        Self { gzip, unflushed: 0 }
    }

    /// Appends a line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.gzip.write_all(text.as_bytes())?;
        self.gzip.write_all(b"\n")?;
        self.unflushed += text.len() + 1;
        Ok(())
    }

    /// Hands all that was written to the system, in such a way that it can be read without what follows.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unflushed != 0 {
            self.gzip.flush()?;
            self.unflushed = 0;
        }
        Ok(())
    }

    /// Ends the gzip, and returns when all is on the disk, with the number of bytes that it takes there.
    pub(super) fn finish(self) -> io::Result<u64> {
        let buffer = self.gzip.finish()?;
        let mut counted = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
        counted.output.sync()?;
        Ok(counted.bytes)
    }

    /// Returns the number of bytes that were handed to the system so far.
    pub(super) fn bytes(&self) -> u64 {
        self.gzip.get_ref().get_ref().bytes
    }

    /// Returns the bytes of text since the last flush.
    pub(super) const fn unflushed(&self) -> usize {
        self.unflushed
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
