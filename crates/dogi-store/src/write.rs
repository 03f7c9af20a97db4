//! One write: what it is and what it does within a transaction.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    Append, AppendError, Durability, NewEvent, OutboxChange, SqliteError, WriteError,
    model::{from_sql, to_sql},
};

/// Something to be written.
#[derive(Debug)]
pub(crate) enum Write {
    Append(Append),
    Forget {
        streams: Vec<String>,
    },
    Done {
        id: String,
    },
    Reschedule {
        id: String,
        due_ms: u64,
    },
    Put {
        space: String,
        key: String,
        value: Vec<u8>,
    },
    Remove {
        space: String,
        key: String,
    },
    Ping,
    /// Gives up to so many free pages back to the file system.
    Shrink {
        pages: u32,
    },
}

/// Why a write did not happen.
#[derive(Debug)]
pub(crate) enum Failure {
    Conflict { found: u64 },
    Closed,
    Sqlite(SqliteError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

impl Write {
    pub(crate) fn durability(&self) -> Durability {
        match self {
            Self::Append(append) => append.durability,
            Self::Ping => Durability::Synced,
            _ => Durability::Written,
        }
    }

    /// Does it; may be called again after a rollback. The number is the stream's next one for an
    /// append, what is left to do for a shrink, and else how many rows it concerned.
    pub(crate) fn perform(&self, connection: &Connection) -> Result<u64, Failure> {
        let rows = match self {
            Self::Append(append) => return perform_append(connection, append),
            Self::Shrink { pages } => return Ok(shrink(connection, *pages)?),
            Self::Forget { streams } => forget(connection, streams)?,
            Self::Done { id } => done(connection, id)?,
            Self::Reschedule { id, due_ms } => connection
                .prepare_cached(
                    "UPDATE outbox SET due_ms = ?2, attempts = attempts + 1 WHERE id = ?1",
                )?
                .execute(params![id, to_sql(*due_ms)])?,
            Self::Put { space, key, value } => connection
                .prepare_cached(
                    "INSERT INTO pairs (space, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![space, key, value])?,
            Self::Remove { space, key } => connection
                .prepare_cached("DELETE FROM pairs WHERE space = ?1 AND key = ?2")?
                .execute(params![space, key])?,
            Self::Ping => connection
                .prepare_cached("UPDATE probe SET pings = pings + 1")?
                .execute([])?,
        };
        Ok(rows as u64)
    }

    /// What is said when it fails.
    pub(crate) fn action(&self) -> String {
        match self {
            Self::Append(append) => format!("append to stream {:?}", append.stream),
            Self::Forget { streams } => match &streams[..] {
                [stream] => format!("forget stream {stream:?}"),
                streams => format!("forget {} streams", streams.len()),
            },
            Self::Done { id } => format!("take {id:?} out of the outbox"),
            Self::Reschedule { id, .. } => format!("reschedule {id:?} in the outbox"),
            Self::Put { space, key, .. } => format!("put the value {key:?} of {space:?}"),
            Self::Remove { space, key } => format!("remove the value {key:?} of {space:?}"),
            Self::Ping => "write to the database".to_owned(),
            Self::Shrink { .. } => "shrink the database".to_owned(),
        }
    }
}

impl Failure {
    pub(crate) fn of_append(self, stream: String, expected: u64) -> AppendError {
        match self {
            Self::Conflict { found } => AppendError::Conflict {
                stream,
                expected,
                found,
            },
            Self::Closed => AppendError::Closed { stream },
            Self::Sqlite(source) if source.is_full() => AppendError::Full { stream, source },
            Self::Sqlite(source) => AppendError::Sqlite { stream, source },
        }
    }

    pub(crate) fn of_write(self, action: String) -> WriteError {
        match self {
            Self::Sqlite(source) if source.is_full() => WriteError::Full { action, source },
            Self::Sqlite(source) => WriteError::Sqlite { action, source },
            // Only appends conflict.
            Self::Closed | Self::Conflict { .. } => WriteError::Closed { action },
        }
    }
}

fn perform_append(connection: &Connection, append: &Append) -> Result<u64, Failure> {
    let found = next_sequence(connection, &append.stream)?;
    if found != append.expected {
        return Err(Failure::Conflict { found });
    }
    for (sequence, event) in (found..).zip(&append.events) {
        insert_event(connection, &append.stream, sequence, event)?;
    }
    for change in &append.outbox {
        change_outbox(connection, &append.stream, change)?;
    }
    Ok(found + append.events.len() as u64)
}

fn next_sequence(connection: &Connection, stream: &str) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT sequence FROM events WHERE stream = ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([stream], |row| row.get(0))
        .optional()?;
    Ok(last.map_or(0, |last| from_sql(last) + 1))
}

fn insert_event(
    connection: &Connection,
    stream: &str,
    sequence: u64,
    event: &NewEvent,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO events (stream, sequence, at_ms, kind, version, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            stream,
            to_sql(sequence),
            to_sql(event.at_ms),
            event.kind,
            event.version,
            event.body
        ])?;
    Ok(())
}

fn change_outbox(
    connection: &Connection,
    stream: &str,
    change: &OutboxChange,
) -> rusqlite::Result<()> {
    match change {
        OutboxChange::Done { id } => done(connection, id)?,
        OutboxChange::Add {
            id,
            lane,
            due_ms,
            body,
        } => connection
            .prepare_cached(
                "INSERT INTO outbox (id, stream, lane, due_ms, attempts, body)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![id, stream, lane, to_sql(*due_ms), body])?,
    };
    Ok(())
}

fn done(connection: &Connection, id: &str) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
        .execute([id])
}

fn forget(connection: &Connection, streams: &[String]) -> rusqlite::Result<usize> {
    let mut events = connection.prepare_cached("DELETE FROM events WHERE stream = ?1")?;
    let mut outbox = connection.prepare_cached("DELETE FROM outbox WHERE stream = ?1")?;
    let mut rows = 0;
    for stream in streams {
        rows += events.execute([stream])?;
        outbox.execute([stream])?;
    }
    Ok(rows)
}

/// Returns how many free pages are left.
fn shrink(connection: &Connection, pages: u32) -> rusqlite::Result<u64> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let left: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    Ok(from_sql(left))
}
