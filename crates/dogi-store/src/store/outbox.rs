use rusqlite::Connection;

use crate::{OutboxRow, ReadError, Store, WriteError, read, write::Write};

/// The outbox: what is to be delivered because of events.
impl Store {
    /// What is to be delivered now: the oldest row of each lane, where it is due, the one that is
    /// due for longest first, `limit` of them at most.
    ///
    /// A row stays until it is [done](Self::done) or [rescheduled](Self::reschedule): the caller
    /// knows what it is delivering already, and asks for so many more.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<OutboxRow>, ReadError> {
        let query = move |connection: &Connection| read::due(connection, now_ms, limit);
        self.query(|| "the outbox".to_owned(), query).await
    }

    /// When something is due next, in milliseconds since 1970; it may be past. `None` if the
    /// outbox is empty.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn next_due(&self) -> Result<Option<u64>, ReadError> {
        self.query(|| "the outbox".to_owned(), read::next_due).await
    }

    /// How many rows the outbox has.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn pending(&self) -> Result<u64, ReadError> {
        self.query(|| "the outbox".to_owned(), read::pending).await
    }

    /// Takes a row out of the outbox, delivered or given up. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn done(&self, id: &str) -> Result<bool, WriteError> {
        let id = id.to_owned();
        Ok(self.change(Write::Done { id }).await? > 0)
    }

    /// Counts a failed attempt to deliver a row, which becomes due at `due_ms`, in milliseconds
    /// since 1970. Its lane waits for it. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn reschedule(&self, id: &str, due_ms: u64) -> Result<bool, WriteError> {
        let id = id.to_owned();
        Ok(self.change(Write::Reschedule { id, due_ms }).await? > 0)
    }
}
