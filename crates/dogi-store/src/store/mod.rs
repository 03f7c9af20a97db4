mod events;
mod outbox;
mod upkeep;
mod values;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    OpenError, Options, ReadError, SqliteError, WriteError,
    open::{self, Lock, Opened},
    worker::{Closed, Worker},
    write::{Failure, Write},
    writer::{Counters, Job, Message, Pending, Writer},
};

/// An event log, an outbox and small values, in one database.
///
/// Cheap to clone. The clones share the database; dropping the last one waits until everything
/// that was queued is committed, for which it blocks its thread ([`close`](Self::close) does not).
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// Before the writer: the connection that is closed last tidies up the files. A database in
    /// memory has one connection only.
    reader: Option<Worker<Job>>,
    writer: Worker<Message>,
    counters: Arc<Counters>,
    place: Option<Place>,
}

/// Where the database is.
struct Place {
    path: PathBuf,
    /// Gone when the store is closed.
    lock: Weak<Lock>,
}

impl Store {
    /// Opens the database at `path`, and makes it if there is none. Its directory must exist.
    ///
    /// Files beside it begin with its name: `.lock`, and while it is open `-wal` and `-shm`. They
    /// can be read by their owner only.
    ///
    /// Blocking: it reads, may migrate, and syncs.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. A database that is refused, because it is in use, or newer than this
    /// program, or not one of this crate, is not changed in any way.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let Opened {
            path,
            mut reader,
            writer,
            lock,
        } = open::open(path, options)?;
        let lock = Arc::new(lock);
        let weak = Arc::downgrade(&lock);
        let threads = |source| OpenError::Io {
            action: "start the threads of",
            path: path.clone(),
            source,
        };
        let reader = Worker::start(
            "store-read",
            options.queue,
            move |mut queue: mpsc::Receiver<Job>| {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut reader);
                }
            },
        )
        .map_err(threads)?;
        let (writer, counters) =
            start_writer(writer, options, move || drop(lock)).map_err(threads)?;
        let place = Some(Place { path, lock: weak });
        let reader = Some(reader);
        Ok(Self::new(reader, writer, counters, place))
    }

    /// A store in memory, which is gone with its last clone.
    ///
    /// # Errors
    ///
    /// If there is no memory or no thread for it.
    pub fn memory() -> Result<Self, OpenError> {
        let path = || PathBuf::from(":memory:");
        let connection = open::memory().map_err(|error| OpenError::Sqlite {
            path: path(),
            source: error.into(),
        })?;
        let started = start_writer(connection, &Options::default(), || {});
        let (writer, counters) = started.map_err(|source| OpenError::Io {
            action: "start the thread of",
            path: path(),
            source,
        })?;
        Ok(Self::new(None, writer, counters, None))
    }

    fn new(
        reader: Option<Worker<Job>>,
        writer: Worker<Message>,
        counters: Arc<Counters>,
        place: Option<Place>,
    ) -> Self {
        let inner = Inner {
            reader,
            writer,
            counters,
            place,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Takes nothing more, waits until everything queued is committed, and lets go of the files:
    /// after this, the database can be opened again (unless a backup is being made). The other
    /// clones are closed as well.
    ///
    /// Cancel safety: dropped, it goes on by itself.
    pub async fn close(&self) {
        if let Some(reader) = &self.inner.reader {
            reader.close().await;
        }
        self.inner.writer.close().await;
    }

    async fn change(&self, write: Write) -> Result<u64, WriteError> {
        let action = write.action();
        let written = self.write(write).await;
        written.map_err(|failure| failure.of_write(action))
    }

    async fn write(&self, write: Write) -> Result<u64, Failure> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Write(Pending { write, reply });
        let sent = self.inner.writer.send(message).await;
        sent.map_err(|_| Failure::Closed)?;
        answer.await.unwrap_or(Err(Failure::Closed))
    }

    async fn query<T: Send + 'static>(
        &self,
        what: impl Fn() -> String,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !reply.is_closed() {
                drop(reply.send(query(connection)));
            }
        });
        let sent = match &self.inner.reader {
            Some(reader) => reader.send(job).await,
            None => self.inner.outside(job).await,
        };
        let closed = || ReadError::Closed { what: what() };
        sent.map_err(|_| closed())?;
        let outcome = answer.await.map_err(|_| closed())?;
        outcome.map_err(|error| {
            let (what, source) = (what(), SqliteError::from(error));
            if source.is_corrupt() {
                ReadError::Corrupt { what, source }
            } else {
                ReadError::Sqlite { what, source }
            }
        })
    }
}

impl Inner {
    /// Does something with the writer's connection, between transactions.
    async fn outside(&self, job: Job) -> Result<(), Closed> {
        self.writer.send(Message::Outside(job)).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.inner.place.as_ref().map(|place| &place.path);
        f.debug_struct("Store")
            .field("path", &path)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// `last` is called when the connection is closed.
fn start_writer(
    connection: Connection,
    options: &Options,
    last: impl FnOnce() + Send + 'static,
) -> std::io::Result<(Worker<Message>, Arc<Counters>)> {
    let counters = Arc::new(Counters::default());
    let writer = Writer::new(connection, Arc::clone(&counters), options.group);
    let worker = Worker::start("store-write", options.queue, move |queue| {
        writer.serve(queue);
        last();
    })?;
    Ok((worker, counters))
}
