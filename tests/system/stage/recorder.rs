//! Recorders for tests: into a temporary folder, with files as small as a test wants them, on disks that fail.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::adapters::tape::lines::Lines;
use actors::record::{self, Args, Create, Limits, Origin, Output, Pace, Recorder};
use ploy::status::Mode;
use ploy::time::Timestamp;

/// How small a file is: small enough that the short tape makes several.
pub(crate) const FILE_BYTES: u64 = 40 * 1024;

/// Returns a recorder into this folder, with small files that are all kept.
pub(crate) fn recorder(folder: &Path) -> Recorder {
    limited(folder, u64::MAX, record::create())
}

/// Returns a recorder into this folder whose files are written to for so long.
pub(crate) fn spanned(folder: &Path, file_span: Duration) -> Recorder {
    let folder = folder.to_owned();
    let limits = Limits { folder, file_bytes: u64::MAX / 4, file_span, total_bytes: u64::MAX };
    start(limits, record::create())
}

/// Returns a recorder into this folder with small files, of which so many bytes are kept.
pub(crate) fn limited(folder: &Path, total_bytes: u64, create: Create) -> Recorder {
    let file_span = Duration::from_hours(1);
    let folder = folder.to_owned();
    start(Limits { folder, file_bytes: FILE_BYTES, file_span, total_bytes }, create)
}

fn start(limits: Limits, create: Create) -> Recorder {
    let origin = Origin {
        run: uuid::Uuid::now_v7().to_string(),
        mode: Mode::Paper,
        program: "test".to_owned(),
        from: Timestamp::UNIX_EPOCH,
    };
    let pace = Pace {
        flush: Duration::from_millis(5),
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(10),
    };
    Recorder::start(Args { limits, origin, pace, create }).unwrap()
}

/// Returns the files of the only run in a folder, in their order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut runs = record::replay::runs(folder).unwrap();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// Returns what a file says.
pub(crate) fn text(file: &Path) -> String {
    let mut lines = Lines::open(file).unwrap();
    let mut text = String::new();
    while let Some(line) = lines.next_line().unwrap() {
        text.push_str(line.text);
        text.push('\n');
    }
    text
}

/// A disk with room for so many bytes, of which more can be added.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<AtomicU64>);

impl Disk {
    pub(crate) fn with_room(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Makes more room.
    pub(crate) fn grow(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Returns how files are made on it.
    pub(crate) fn create(&self) -> Create {
        let (disk, real) = (self.clone(), record::create());
        Box::new(move |path| Ok(Box::new(Full { disk: disk.clone(), file: real(path)? })))
    }

    fn take(&self, bytes: u64) -> io::Result<()> {
        let left =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(bytes));
        left.map(drop).map_err(|_left| io::ErrorKind::StorageFull.into())
    }
}

struct Full {
    disk: Disk,
    file: Box<dyn Output>,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.take(u64::try_from(bytes.len()).unwrap())?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for Full {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}
