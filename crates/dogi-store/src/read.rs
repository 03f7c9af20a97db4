//! The queries.

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};

use crate::{
    Counts, Event, OutboxRow, Stream,
    model::{from_sql, to_sql},
};

pub(crate) fn stream(connection: &Connection, stream: &str) -> rusqlite::Result<Vec<Event>> {
    connection
        .prepare_cached(
            "SELECT sequence, kind, version, at_ms, body FROM events
             WHERE stream = ?1 ORDER BY sequence",
        )?
        .query_map([stream], event)?
        .collect()
}

/// Whole streams after the one named.
pub(crate) fn streams(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Stream>> {
    // Two comparisons instead of an OR, which would read the table from its beginning.
    let (compare, after) = match after {
        Some(after) => (">", after),
        None => (">=", ""),
    };
    let sql = format!(
        "SELECT sequence, kind, version, at_ms, body, stream FROM events
         WHERE stream IN (
             SELECT DISTINCT stream FROM events WHERE stream {compare} ?1 ORDER BY stream LIMIT ?2
         )
         ORDER BY stream, sequence"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![after, to_sql(limit as u64)])?;
    let mut streams: Vec<Stream> = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(5)?.as_str()?;
        let event = event(row)?;
        match streams.last_mut() {
            Some(last) if last.name == name => last.events.push(event),
            _ => streams.push(Stream {
                name: name.to_owned(),
                events: vec![event],
            }),
        }
    }
    Ok(streams)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        sequence: from_sql(row.get(0)?),
        kind: row.get(1)?,
        version: row.get(2)?,
        at_ms: from_sql(row.get(3)?),
        body: row.get(4)?,
    })
}

/// The head of each lane, where it is due.
pub(crate) fn due(
    connection: &Connection,
    now_ms: u64,
    limit: usize,
) -> rusqlite::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(
            "SELECT id, stream, lane, due_ms, attempts, body FROM outbox
             WHERE due_ms <= ?1 AND number IN (SELECT min(number) FROM outbox GROUP BY lane)
             ORDER BY due_ms, number LIMIT ?2",
        )?
        .query_map(params![to_sql(now_ms), to_sql(limit as u64)], |row| {
            Ok(OutboxRow {
                id: row.get(0)?,
                stream: row.get(1)?,
                lane: row.get(2)?,
                due_ms: from_sql(row.get(3)?),
                attempts: row.get(4)?,
                body: row.get(5)?,
            })
        })?
        .collect()
}

/// When the first head of a lane is due.
pub(crate) fn next_due(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let due: Option<Option<i64>> = connection
        .prepare_cached(
            "SELECT min(due_ms) FROM outbox
             WHERE number IN (SELECT min(number) FROM outbox GROUP BY lane)",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(due.flatten().map(from_sql))
}

pub(crate) fn pending(connection: &Connection) -> rusqlite::Result<u64> {
    count(connection, "SELECT count(*) FROM outbox")
}

pub(crate) fn list(
    connection: &Connection,
    space: &str,
) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT key, value FROM pairs WHERE space = ?1 ORDER BY key")?
        .query_map([space], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    Ok(Counts {
        streams: count(connection, "SELECT count(DISTINCT stream) FROM events")?,
        events: count(connection, "SELECT count(*) FROM events")?,
        outbox: pending(connection)?,
        values: count(connection, "SELECT count(*) FROM pairs")?,
    })
}

fn count(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let mut query = connection.prepare_cached(sql)?;
    Ok(from_sql(query.query_row([], |row| row.get(0))?))
}

/// What SQLite finds wrong; nothing if all is well.
pub(crate) fn problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare("PRAGMA integrity_check")?;
    let lines: rusqlite::Result<Vec<String>> = query.query_map([], |row| row.get(0))?.collect();
    match lines {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").collect()),
        // So damaged that the check can't go on.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Ok(vec![error.to_string()])
        }
        Err(error) => Err(error),
    }
}

/// Bytes that a database in memory takes.
pub(crate) fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(from_sql(pages) * from_sql(page))
}
