use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use crate::{Options, schema};

/// How long to wait for somebody else's lock: an operator's `sqlite3` that looks or copies.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a page, SQLite's default, which nothing here changes.
const PAGE: u64 = 4096;

/// The connection that writes.
pub(super) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    log_ahead(&connection)?;
    let pages = (options.log_bytes / PAGE).max(1);
    connection.pragma_update(
        None,
        "wal_autocheckpoint",
        i64::try_from(pages).unwrap_or(i64::MAX),
    )?;
    let bytes = i64::try_from(options.log_bytes).unwrap_or(i64::MAX);
    connection.query_row(&format!("PRAGMA journal_size_limit = {bytes}"), [], |_| {
        Ok(())
    })?;
    Ok(connection)
}

/// A connection that reads, and goes on doing so while the other one writes.
pub(crate) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection to an empty file.
pub(super) fn new(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    shrinkable(&connection)?;
    Ok(connection)
}

/// A database in memory.
pub(crate) fn memory() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    shrinkable(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Readers and the writer don't wait for each other: <https://sqlite.org/wal.html>.
pub(super) fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    let message = format!("the journal mode stays {mode:?}: the file system has no shared memory?");
    Err(rusqlite::Error::SqliteFailure(error, Some(message)))
}

/// Free pages can be given back, which has to be said before there is a table.
fn shrinkable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI: a path is a path, also one that begins with "file:".
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    // No file in a directory for temporary ones, which may be full or not there.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Damage shows as an error at once.
    connection.pragma_update(None, "cell_size_check", true)?;
    // What the schema of a file says is not code.
    connection.pragma_update(None, "trusted_schema", false)
}
