//! The thread that writes. Everything that has queued up while it was busy goes into one
//! transaction: one wait for the disk, however many callers wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Durability, SqliteError, Stats,
    write::{Failure, Write},
};

/// What is done with a connection outside a transaction of the writer.
pub(crate) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the thread is asked to do.
pub(crate) enum Message {
    Write(Pending),
    Outside(Job),
}

/// A write, and who waits for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) write: Write,
    pub(crate) reply: oneshot::Sender<Result<u64, Failure>>,
}

/// Counts of what was done.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    writes: AtomicU64,
    commits: AtomicU64,
    syncs: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Stats {
        Stats {
            writes: self.writes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
        }
    }

    fn commit(&self, writes: usize, durability: Durability) {
        self.writes.fetch_add(writes as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        let syncs = u64::from(durability == Durability::Synced);
        self.syncs.fetch_add(syncs, Ordering::Relaxed);
    }
}

/// A transaction did not happen.
struct Aborted {
    source: SqliteError,
    /// Whether it had begun: then a single write may be the reason.
    begun: bool,
}

/// The state of the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    counters: Arc<Counters>,
    group: usize,
    /// What `PRAGMA synchronous` is set to.
    durability: Option<Durability>,
    /// A sync failed, so that bytes that the kernel holds may never reach the disk.
    unsettled: bool,
}

impl Writer {
    pub(crate) fn new(connection: Connection, counters: Arc<Counters>, group: usize) -> Self {
        Self {
            connection,
            counters,
            group: group.max(1),
            durability: None,
            unsettled: false,
        }
    }

    /// Serves until every sender is gone and everything queued is done.
    pub(crate) fn serve(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut next = None;
        while let Some(message) = next.take().or_else(|| queue.blocking_recv()) {
            match message {
                Message::Outside(job) => job(&mut self.connection),
                Message::Write(first) => {
                    let mut group = vec![first];
                    while group.len() < self.group && next.is_none() {
                        match queue.try_recv() {
                            Ok(Message::Write(pending)) => group.push(pending),
                            Ok(other) => next = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.commit(group);
                }
            }
        }
    }

    /// Writes a group, and tells each caller. A group that fails as a whole is tried one by one,
    /// so that a write that doesn't fit fails alone.
    fn commit(&mut self, group: Vec<Pending>) {
        let writes: Vec<&Write> = group.iter().map(|pending| &pending.write).collect();
        let results = match self.transaction(&writes) {
            Ok(results) => results,
            Err(Aborted { begun: true, .. }) if writes.len() > 1 => {
                writes.into_iter().map(|write| self.alone(write)).collect()
            }
            Err(aborted) => writes
                .iter()
                .map(|_| Err(Failure::Sqlite(aborted.source.clone())))
                .collect(),
        };
        for (pending, result) in group.into_iter().zip(results) {
            // Nobody may be waiting any more.
            drop(pending.reply.send(result));
        }
    }

    fn alone(&mut self, write: &Write) -> Result<u64, Failure> {
        match self.transaction(&[write]) {
            Ok(mut results) => results.pop().expect("a result for each write"),
            Err(aborted) => Err(Failure::Sqlite(aborted.source)),
        }
    }

    fn transaction(&mut self, writes: &[&Write]) -> Result<Vec<Result<u64, Failure>>, Aborted> {
        let durability = writes.iter().map(|write| write.durability()).max();
        let durability = durability.unwrap_or(Durability::Written);
        self.begin(durability).map_err(|error| Aborted {
            source: error.into(),
            begun: false,
        })?;
        let outcome = self.perform_all(writes).and_then(|results| {
            self.connection.execute_batch("COMMIT")?;
            Ok(results)
        });
        match outcome {
            Ok(results) => {
                let succeeded = results.iter().filter(|result| result.is_ok()).count();
                self.counters.commit(succeeded, durability);
                Ok(results)
            }
            Err(source) => {
                self.unsettled |= source.is_sync();
                self.roll_back();
                Err(Aborted {
                    source,
                    begun: true,
                })
            }
        }
    }

    fn begin(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.unsettled {
            self.settle()?;
        }
        if self.durability != Some(durability) {
            // In WAL mode, NORMAL syncs when it checkpoints and FULL with each commit as well.
            let synchronous = match durability {
                Durability::Written => "NORMAL",
                Durability::Synced => "FULL",
            };
            self.connection
                .pragma_update(None, "synchronous", synchronous)?;
            self.durability = Some(durability);
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")
    }

    /// Each write in a savepoint of its own: one that fails leaves the others alone.
    fn perform_all(&self, writes: &[&Write]) -> Result<Vec<Result<u64, Failure>>, SqliteError> {
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            self.connection.execute_batch("SAVEPOINT one")?;
            let result = write.perform(&self.connection);
            if let Err(failure) = &result {
                // Some errors roll everything back at once: https://sqlite.org/lang_transaction.html
                if let (true, Failure::Sqlite(error)) = (self.connection.is_autocommit(), failure) {
                    return Err(error.clone());
                }
                self.connection.execute_batch("ROLLBACK TO one")?;
            }
            self.connection.execute_batch("RELEASE one")?;
            results.push(result);
        }
        Ok(results)
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // There is nothing to do about a failure; beginning again then fails and says so.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    /// After a sync failed, the kernel may have dropped what it could not write, and would call
    /// the next sync a success. Moving everything that is committed from the write-ahead log
    /// into the database, and syncing that, makes it safe again.
    fn settle(&mut self) -> rusqlite::Result<()> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: bool = self.connection.query_row(sql, [], |row| row.get(0))?;
        if busy {
            let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
            return Err(rusqlite::Error::SqliteFailure(busy, None));
        }
        self.unsettled = false;
        Ok(())
    }
}
