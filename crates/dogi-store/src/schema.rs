//! The versions of the database's layout, and how one becomes the next.

use rusqlite::Connection;

/// "dogi" in ASCII, in the database's header.
pub(crate) const APPLICATION_ID: i32 = 0x646f_6769;

/// Number n (from 1) makes a database of version n out of one of version n - 1. A migration
/// that was released never changes again.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// The version that this program writes.
pub(crate) const VERSION: i32 = MIGRATIONS.len() as i32;

/// Brings a database to [`VERSION`], each step in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_by(connection, MIGRATIONS)
}

pub(crate) fn migrate_by(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let from: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (version, migration) in (1_i32..).zip(migrations) {
        if version > from {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
    }
    Ok(())
}
