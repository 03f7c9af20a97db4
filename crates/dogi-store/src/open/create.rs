//! A new database is made under another name and renamed when it is complete: under its own name
//! there is never a half one.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{beside, connect, header, io_error, sqlite_error};
use crate::{OpenError, schema};

/// What SQLite may leave beside a file that it has not closed.
const JOURNALS: [&str; 3] = ["-journal", "-wal", "-shm"];

pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    for suffix in ["-journal", "-wal"] {
        let journal = beside(path, suffix);
        if header::is_filled(&journal)? {
            return Err(OpenError::StrayJournal { journal });
        }
    }
    let unfinished = beside(path, ".new");
    remove(&unfinished).map_err(io_error("remove", &unfinished))?;
    let created = fill(&unfinished).and_then(|()| {
        fs::rename(&unfinished, path).map_err(io_error("create", path))?;
        sync_directory(path).map_err(io_error("sync the directory of", path))
    });
    if created.is_err() {
        // The next attempt removes it as well; what matters is the first error.
        drop(remove(&unfinished));
    }
    created
}

fn fill(path: &Path) -> Result<(), OpenError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("create", path))?;
    let mut connection = connect::new(path).map_err(sqlite_error(path))?;
    schema::migrate(&mut connection).map_err(sqlite_error(path))?;
    connect::log_ahead(&connection).map_err(sqlite_error(path))?;
    connection
        .close()
        .map_err(|(_, error)| sqlite_error(path)(error))
}

fn remove(path: &Path) -> io::Result<()> {
    for suffix in [""].iter().chain(&JOURNALS) {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes a new name in the file's directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .expect("a resolved path of a file has a parent");
    File::open(directory)?.sync_all()
}
