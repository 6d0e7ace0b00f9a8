//! Files: one reading of the folder, within bounds, and a watch that only hints that another is due.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use ploy::config::Seen;

use crate::ports::config::FILE_BYTES_MAX;

/// How many files of strategies there may be: far more than one process can run.
const FILES_MAX: usize = 500;

/// What a reading found.
#[derive(Debug)]
pub(super) struct Reading {
    /// The files, by name; or why the folder cannot be read.
    pub(super) seen: Result<Vec<Seen>, String>,
    /// A new watch, where the folder is another one than was watched.
    pub(super) watch: Option<Watch>,
    /// Why there is no watch.
    pub(super) unwatched: Option<String>,
}

/// A watch over the folder and the one that it stands in.
#[derive(Debug)]
pub(super) struct Watch {
    place: Option<Place>,
    _watcher: RecommendedWatcher,
}

/// Which folder it really is: links may lead to another one tomorrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    device: u64,
    number: u64,
}

impl Reading {
    pub(super) const fn failed(why: String) -> Self {
        Self { seen: Err(why), watch: None, unwatched: None }
    }
}

impl Watch {
    pub(super) fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    pub(super) fn forget_place(&mut self) {
        self.place = None;
    }
}

/// Reads the folder; watches it first when it is not the one that is watched, and somebody wants hints.
pub(super) fn read(
    folder: &Path,
    watched: Option<&Place>,
    hint: Option<impl Fn() + Send + 'static>,
) -> Reading {
    let unreadable =
        |error: io::Error| Reading::failed(format!("{} cannot be read: {error}", folder.display()));
    let place = match place(folder) {
        Ok(place) => place,
        Err(error) => return unreadable(error),
    };
    let (mut watch, mut unwatched) = (None, None);
    if let Some(hint) = hint
        && watched != Some(&place)
    {
        match watch_over(folder, hint) {
            Ok(watcher) => watch = Some(Watch { place: Some(place), _watcher: watcher }),
            Err(error) => unwatched = Some(error.to_string()),
        }
    }
    let seen =
        files(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()));
    Reading { seen, watch, unwatched }
}

fn place(folder: &Path) -> io::Result<Place> {
    let path = fs::canonicalize(folder)?;
    let about = fs::metadata(&path)?;
    Ok(Place { path, device: about.dev(), number: about.ino() })
}

/// Watches the folder, and the one that it stands in: links to it may be pointed elsewhere.
fn watch_over(
    folder: &Path,
    hint: impl Fn() + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let around = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let around = around.unwrap_or_else(|| Path::new(".")).to_owned();
    let (name, parent) = (folder.file_name().map(ToOwned::to_owned), around.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error may have swallowed events: that is a hint, too.
        let is_hint = event.map_or(true, |event| {
            may_change(event.kind)
                && (event.paths.is_empty()
                    || event.paths.iter().any(|path| {
                        let is_link = path.file_name().is_some_and(|file| {
                            Some(file) == name.as_deref()
                                || file.to_string_lossy().starts_with("..")
                        });
                        path.parent() != Some(parent.as_path()) || is_link
                    }))
        });
        if is_hint {
            hint();
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    watcher.watch(&around, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Tells whether files may say something else after this: reading them is an event, too.
const fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(AccessMode::Write)),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) => true,
        EventKind::Remove(_) | EventKind::Other => true,
    }
}

/// Reads every `<stem>.toml`, by name. A file that goes while it is read is not there.
fn files(folder: &Path) -> io::Result<Vec<Seen>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            paths.push(path);
        }
        if FILES_MAX < paths.len() {
            return Err(io::Error::other(format!("it has more than {FILES_MAX} files")));
        }
    }
    paths.sort();
    Ok(paths.iter().filter_map(|path| seen(path)).collect())
}

fn seen(path: &Path) -> Option<Seen> {
    let text = match text(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        text => text.map_err(|error| error.to_string()),
    };
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    Some(Seen { path: path.display().to_string(), stem, text })
}

/// Returns the text of a file, within bounds.
pub(super) fn text(path: &Path) -> io::Result<String> {
    // Before it is opened: opening a pipe waits for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    let bytes_max = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if FILE_BYTES_MAX < text.len() {
        return Err(io::Error::other(format!("it is larger than {} KiB", FILE_BYTES_MAX / 1024)));
    }
    Ok(text)
}
