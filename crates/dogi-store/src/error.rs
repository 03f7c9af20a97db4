use std::{fmt, io, path::PathBuf, sync::Arc};

use rusqlite::ffi;

/// What SQLite said.
#[derive(Debug, Clone)]
pub struct SqliteError(Arc<rusqlite::Error>);

impl SqliteError {
    /// SQLite's [extended result code](https://sqlite.org/rescode.html), if it was SQLite that
    /// failed.
    pub fn code(&self) -> Option<i32> {
        Some(self.0.sqlite_error()?.extended_code)
    }

    /// There is no room for it. `SQLITE_IOERR_SHMSIZE` is how a full disk shows when the index of
    /// the write-ahead log grows.
    pub(crate) fn is_full(&self) -> bool {
        let full = [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE];
        self.code().is_some_and(|code| full.contains(&code))
    }

    /// The file's content is not what was written.
    pub(crate) fn is_corrupt(&self) -> bool {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType,
        };
        let unreadable = matches!(
            *self.0,
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
        );
        let damaged = [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB];
        // The low byte is the primary code.
        unreadable
            || self
                .code()
                .is_some_and(|code| damaged.contains(&(code & 0xff)))
    }

    /// The kernel could not say that the bytes are on disk.
    pub(crate) fn is_sync(&self) -> bool {
        let sync = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
        self.code().is_some_and(|code| sync.contains(&code))
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        match self.code() {
            Some(code) => write!(f, " (SQLite's code {code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqliteError {}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

/// A database was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another store has it open, in this process or another one.
    #[error("the database {path:?} is in use by another process")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It was made by a newer program. Nothing was changed.
    #[error(
        "the database {path:?} has version {found}, this program knows versions up to {supported}: \
         it was made by a newer program; start that one, or restore a backup from before"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest version that this program opens.
        supported: i32,
    },
    /// The file is no SQLite database. Nothing was changed.
    #[error("the file {path:?} is not a database ({found})")]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// It is another program's database. Nothing was changed.
    #[error(
        "the database {path:?} belongs to another program \
         (application id {application_id:#010x}, version {version})"
    )]
    Foreign {
        /// The database.
        path: PathBuf,
        /// SQLite's `application_id` of it.
        application_id: i32,
        /// SQLite's `user_version` of it.
        version: i32,
    },
    /// A journal lies beside the database, or where it should be, that does not belong to it: the
    /// database was removed or replaced without it. SQLite would apply the one to the other.
    /// Nothing was changed.
    #[error(
        "the file {journal:?} does not belong to the database beside it, which was removed or \
         replaced: put that database back, or move the file away"
    )]
    StrayJournal {
        /// The journal.
        journal: PathBuf,
    },
    /// Its content is damaged.
    #[error("the database {path:?} is damaged: restore a backup")]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// There is no room for the files beside it, or for a new one.
    #[error("the disk is full: could not open the database {path:?}")]
    Full {
        /// The database.
        path: PathBuf,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// The file system refused something.
    #[error("could not {action} {path:?}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// SQLite refused something else.
    #[error("could not open the database {path:?}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SqliteError,
    },
}

/// Events were not appended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Something else was appended to the stream first, or the caller skipped something. Nothing
    /// was written.
    #[error("the next event of stream {stream:?} has number {found}, not {expected}")]
    Conflict {
        /// The stream.
        stream: String,
        /// The number that the caller expected the first event to get.
        expected: u64,
        /// The number that the next event gets.
        found: u64,
    },
    /// The disk is full. Nothing was written, the database is unharmed, and appending works again
    /// when there is room.
    #[error("the disk is full: nothing was appended to stream {stream:?}")]
    Full {
        /// The stream.
        stream: String,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// The store is closed.
    #[error("the store is closed: nothing was appended to stream {stream:?}")]
    Closed {
        /// The stream.
        stream: String,
    },
    /// Anything else. After an error of the disk, the events may be there when the database is
    /// opened again.
    #[error("could not append to stream {stream:?}")]
    Sqlite {
        /// The stream.
        stream: String,
        /// Why not.
        #[source]
        source: SqliteError,
    },
}

/// Something else than an append was not written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The disk is full. Nothing was written, and the database is unharmed.
    #[error("the disk is full: could not {action}")]
    Full {
        /// What was tried.
        action: String,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// The store is closed.
    #[error("the store is closed: could not {action}")]
    Closed {
        /// What was tried.
        action: String,
    },
    /// Anything else.
    #[error("could not {action}")]
    Sqlite {
        /// What was tried.
        action: String,
        /// Why not.
        #[source]
        source: SqliteError,
    },
}

/// Something was not read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store is closed.
    #[error("the store is closed: could not read {what}")]
    Closed {
        /// What was to be read.
        what: String,
    },
    /// The content of the database is damaged.
    #[error("could not read {what}: the database is damaged")]
    Corrupt {
        /// What was to be read.
        what: String,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// Anything else.
    #[error("could not read {what}")]
    Sqlite {
        /// What was to be read.
        what: String,
        /// Why not.
        #[source]
        source: SqliteError,
    },
}

/// No backup was made. What was begun is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file is there already. It was not touched.
    #[error("the file {path:?} exists; a backup overwrites nothing")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for it.
    #[error("no room for the backup {path:?}")]
    Full {
        /// The backup.
        path: PathBuf,
        /// How that showed.
        #[source]
        source: SqliteError,
    },
    /// The store is closed.
    #[error("the store is closed: there is no backup {path:?}")]
    Closed {
        /// The backup.
        path: PathBuf,
    },
    /// The file system refused something.
    #[error("could not {action} {path:?}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// SQLite refused something else.
    #[error("could not write the backup {path:?}")]
    Sqlite {
        /// The backup.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SqliteError,
    },
}
