use rusqlite::Connection;

use crate::{Append, AppendError, Event, ReadError, Store, Stream, WriteError, read, write::Write};

/// Events.
impl Store {
    /// Appends events to a stream, and returns the number that the next one gets.
    ///
    /// What is appended at the same time shares a transaction, and one wait for the disk. Appends
    /// of one task that awaits each are in order; so are appends to one stream, by `expected`.
    ///
    /// Cancel safety: if this is dropped before it resolves, the events may have been written or
    /// not, whole or not at all.
    ///
    /// # Errors
    ///
    /// See [`AppendError`].
    pub async fn append(&self, append: Append) -> Result<u64, AppendError> {
        let (stream, expected) = (append.stream.clone(), append.expected);
        let written = self.write(Write::Append(append)).await;
        written.map_err(|failure| failure.of_append(stream, expected))
    }

    /// Everything in a stream, in order; nothing if there is no such stream.
    ///
    /// Cancel safe, as everything that reads.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read(&self, stream: &str) -> Result<Vec<Event>, ReadError> {
        let name = stream.to_owned();
        let query = move |connection: &Connection| read::stream(connection, &name);
        self.query(|| format!("stream {stream:?}"), query).await
    }

    /// The first `limit` streams after the one named, or from the beginning, whole, in the order
    /// of their names' bytes. Fewer than `limit` say that there are no more.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_all(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stream>, ReadError> {
        let after = after.map(str::to_owned);
        let query =
            move |connection: &Connection| read::streams(connection, after.as_deref(), limit);
        self.query(|| "all streams".to_owned(), query).await
    }

    /// Removes streams with everything in them and in the outbox because of them, all or none,
    /// and returns how many events that were. The space is used again;
    /// [`compact`](Self::compact) gives it back.
    ///
    /// Like everything below that writes, except [`ping`](Self::ping), it is
    /// [`Written`](crate::Durability::Written) when the future resolves, not synced. Cancel
    /// safety: dropped, it may be done or not.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn forget<S: AsRef<str>>(&self, streams: &[S]) -> Result<u64, WriteError> {
        let streams = streams.iter().map(|name| name.as_ref().to_owned());
        let streams = streams.collect();
        self.change(Write::Forget { streams }).await
    }
}
