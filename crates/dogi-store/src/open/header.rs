//! Whose database a file is, found out without changing a byte of it.
//!
//! Offsets from <https://sqlite.org/fileformat.html#the_database_header>.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{beside, io_error, sqlite_error};
use crate::{OpenError, schema};

const LENGTH: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const WRITE_VERSION: usize = 18;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// What a database says it is.
#[derive(Debug, Clone, Copy)]
struct Identity {
    application_id: i32,
    version: i32,
}

/// The first bytes of the file; `None` if there is no file. It is read before SQLite opens it:
/// closing a file takes away the locks that SQLite has on it in the same process.
pub(super) fn read(path: &Path) -> Result<Option<[u8; LENGTH]>, OpenError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io_error("open", path))?,
    };
    let mut header = [0; LENGTH];
    let not_a_database = |found| OpenError::NotADatabase {
        path: path.to_owned(),
        found,
    };
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(MAGIC) => Ok(Some(header)),
        Ok(()) => Err(not_a_database("it begins with something else")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(not_a_database("it is too short for one"))
        }
        Err(error) => Err(io_error("read", path)(error)),
    }
}

/// Refuses what this program must not write to.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let Some(header) = read(path)? else {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return Err(io_error("open", path)(error));
    };
    Identity::of(&header).check(path)?;
    let log = beside(path, "-wal");
    if !is_filled(&log)? {
        return Ok(());
    }
    if header[WRITE_VERSION] == 1 {
        // Without a write-ahead log of its own: a backup that was put in the place of another.
        return Err(OpenError::StrayJournal { journal: log });
    }
    // The newest version of the header may stand in the log.
    logged(path).map_err(sqlite_error(path))?.check(path)
}

pub(super) fn is_filled(path: &Path) -> Result<bool, OpenError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("open", path)(error)),
        Ok(metadata) => Ok(metadata.len() > 0),
    }
}

/// What the database with its write-ahead log says. With an exclusive lock, SQLite keeps the
/// index of the log in memory and creates no file; without the check-point on closing, it
/// leaves the log where it is.
fn logged(path: &Path) -> rusqlite::Result<Identity> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    Ok(Identity {
        application_id: connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
    })
}

impl Identity {
    fn of(header: &[u8; LENGTH]) -> Self {
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            i32::from_be_bytes(bytes)
        };
        Self {
            application_id: number(APPLICATION_ID),
            version: number(USER_VERSION),
        }
    }

    fn check(self, path: &Path) -> Result<(), OpenError> {
        let path = path.to_owned();
        // A database of ours has a version from the moment it has its name.
        if self.application_id != schema::APPLICATION_ID || self.version < 1 {
            return Err(OpenError::Foreign {
                path,
                application_id: self.application_id,
                version: self.version,
            });
        }
        if self.version > schema::VERSION {
            return Err(OpenError::Newer {
                path,
                found: self.version,
                supported: schema::VERSION,
            });
        }
        Ok(())
    }
}
