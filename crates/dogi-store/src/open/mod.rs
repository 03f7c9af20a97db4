//! From a path to connections: nothing is written before it is sure that the file is ours, and
//! not from a newer program.

mod connect;
mod create;
mod header;
mod lock;

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{OpenError, Options, SqliteError, schema};

pub(crate) use connect::{PATIENCE, memory, read_only};
pub(crate) use lock::Lock;

/// A database that is open, with the right to it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    // Before the lock: fields are dropped in this order.
    pub(crate) reader: Connection,
    pub(crate) writer: Connection,
    pub(crate) lock: Lock,
}

pub(crate) fn open(path: &Path, options: &Options) -> Result<Opened, OpenError> {
    let path = resolve(path)?;
    let lock = Lock::take(&path)?;
    if header::read(&path)?.is_none() {
        create::create(&path)?;
    }
    header::check(&path)?;
    restrict(&path)?;
    let mut writer = connect::writer(&path, options).map_err(sqlite_error(&path))?;
    schema::migrate(&mut writer).map_err(sqlite_error(&path))?;
    let reader = connect::read_only(&path).map_err(sqlite_error(&path))?;
    Ok(Opened {
        path,
        reader,
        writer,
        lock,
    })
}

/// The same name for the same database, so that the lock beside it is the same as well.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let directory = fs::canonicalize(directory).map_err(io_error("open", directory))?;
            let name = path.file_name().ok_or_else(|| {
                let source = io::Error::from(io::ErrorKind::InvalidInput);
                io_error("open", path)(source)
            })?;
            Ok(directory.join(name))
        }
        resolved => resolved.map_err(io_error("open", path)),
    }
}

/// Only the owner reads it, also after it was restored by a copy. SQLite gives the files beside
/// it the same mode.
fn restrict(path: &Path) -> Result<(), OpenError> {
    let permissions = fs::metadata(path)
        .map_err(io_error("open", path))?
        .permissions();
    if permissions.mode() & 0o777 == 0o600 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(io_error("restrict the mode of", path))
}

/// The file that SQLite and this crate keep beside the database, by its suffix.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> OpenError + 'a {
    move |source| OpenError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn sqlite_error(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
    move |error| {
        let path = path.to_owned();
        let source = SqliteError::from(error);
        if source.is_corrupt() {
            OpenError::Corrupt { path, source }
        } else if source.is_full() {
            OpenError::Full { path, source }
        } else {
            OpenError::Sqlite { path, source }
        }
    }
}
