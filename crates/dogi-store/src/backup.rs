//! A copy of the database in one file.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{BackupError, SqliteError, open::beside};

/// Writes what `connection` sees at this moment to `path`.
///
/// It has its name only when it is complete and on disk: SQLite syncs nothing of a `VACUUM INTO`
/// (<https://sqlite.org/lang_vacuum.html>).
pub(crate) fn backup(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(exists(path));
    }
    let unfinished = Unfinished::create(path)?;
    let name = unfinished.path.to_str().ok_or_else(|| {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
        io_error("create", path)(error)
    })?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| sqlite_error(path, error))?;
    File::open(&unfinished.path)
        .and_then(|file| file.sync_all())
        .map_err(io_error("sync", &unfinished.path))?;
    unfinished.finish(path)
}

/// A file that is removed unless it is finished.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn create(path: &Path) -> Result<Self, BackupError> {
        let path = beside(path, ".partial");
        // SQLite writes into an empty file, and this one has the right mode.
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match created {
            Ok(_) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(error) => Err(io_error("create", &path)(error)),
        }
    }

    fn finish(self, path: &Path) -> Result<(), BackupError> {
        // A link, unlike a rename, replaces nothing.
        match fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(path)),
            // A file system without links.
            Err(_) if fs::symlink_metadata(path).is_err() => {
                fs::rename(&self.path, path).map_err(io_error("create", path))?;
            }
            Err(error) => return Err(io_error("create", path)(error)),
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io_error("sync the directory of", path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It may have been renamed; what else could be wrong is told by the operation itself.
        drop(fs::remove_file(&self.path));
    }
}

fn exists(path: &Path) -> BackupError {
    BackupError::Exists {
        path: path.to_owned(),
    }
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> BackupError + 'a {
    move |source| BackupError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

pub(crate) fn sqlite_error(path: &Path, error: rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    let source = SqliteError::from(error);
    if source.is_full() {
        BackupError::Full { path, source }
    } else {
        BackupError::Sqlite { path, source }
    }
}
