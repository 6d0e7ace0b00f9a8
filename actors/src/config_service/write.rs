//! Writes a file of a strategy at one stroke: whoever reads the folder sees the old text or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ploy::order::StrategyId;

use super::files;
use crate::ports::config::DeskError;

/// Returns where the file of a strategy stands.
pub(super) fn path(folder: &Path, id: &StrategyId) -> PathBuf {
    folder.join(format!("{id}.toml"))
}

/// Returns the text of a strategy's file; nothing where there is none.
pub(super) fn current(folder: &Path, id: &StrategyId) -> Result<Option<String>, DeskError> {
    let path = path(folder, id);
    match files::text(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(DeskError::Unavailable(format!("{} cannot be read: {error}", path.display())))
        }
    }
}

/// Writes a file that said `was`: into a file beside it that no reader takes for one, to the disk, and then in its
/// place. Its permissions stay.
pub(super) fn write(
    folder: &Path,
    id: &StrategyId,
    text: &str,
    was: Option<&str>,
) -> Result<(), DeskError> {
    let path = path(folder, id);
    let permissions = writable(folder, &path)?;
    let aside = folder.join(format!(".{id}.toml.new"));
    let written = put(&aside, text, permissions).and_then(|()| {
        // Somebody may have saved the file while this was on its way.
        let now = current(folder, id).map_err(io::Error::other)?;
        if now.as_deref() != was {
            return Err(io::Error::other("somebody else changes it at this moment: try again"));
        }
        fs::rename(&aside, &path)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|error| {
        fs::remove_file(&aside).ok(); // where it is not there, there is nothing to be taken away
        DeskError::NotWritable(format!("{} cannot be written: {error}", path.display()))
    })
}

/// Returns the permissions that the file has and is to have.
fn writable(folder: &Path, path: &Path) -> Result<Option<fs::Permissions>, DeskError> {
    let no = |why: String| DeskError::NotWritable(why);
    let about = fs::metadata(folder)
        .map_err(|error| no(format!("{} cannot be read: {error}", folder.display())))?;
    if about.permissions().readonly() {
        return Err(no(format!("the folder {} is read-only", folder.display())));
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(no(format!("{} cannot be read: {error}", path.display()))),
        Ok(about) if about.is_symlink() => {
            let to = fs::read_link(path).unwrap_or_default();
            Err(no(format!(
                "{} is a link to {}: change what it leads to, where that is managed",
                path.display(),
                to.display()
            )))
        }
        Ok(about) if about.permissions().readonly() => {
            Err(no(format!("{} is read-only", path.display())))
        }
        Ok(about) => Ok(Some(about.permissions())),
    }
}

fn put(path: &Path, text: &str, permissions: Option<fs::Permissions>) -> io::Result<()> {
    match fs::remove_file(path) {
        // Left behind by a process that ended in the middle of this.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn id() -> StrategyId {
        "a".parse().unwrap()
    }

    fn refused(folder: &Path, was: Option<&str>) -> String {
        write(folder, &id(), "new", was).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_replaced_with_its_permissions_and_nothing_is_left_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let path = path(root.path(), &id());
        write(root.path(), &id(), "one", None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(root.path().join(".a.toml.new"), "left behind").unwrap();
        write(root.path(), &id(), "two", Some("one")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let root = tempfile::tempdir().unwrap();
        fs::write(path(root.path(), &id()), "theirs").unwrap();
        for was in [Some("mine"), None] {
            assert!(refused(root.path(), was).contains("somebody else"));
        }
        assert_eq!(fs::read_to_string(path(root.path(), &id())).unwrap(), "theirs");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_a_read_only_file_and_a_read_only_folder_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = path(root.path(), &id());
        symlink("elsewhere.toml", &path).unwrap();
        assert!(refused(root.path(), None).contains("is a link to elsewhere.toml"));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(refused(root.path(), Some("x")).ends_with("a.toml is read-only"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o555)).unwrap();
        assert!(refused(root.path(), Some("x")).contains("folder"));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(refused(&root.path().join("gone"), None).contains("cannot be read"));
    }
}
