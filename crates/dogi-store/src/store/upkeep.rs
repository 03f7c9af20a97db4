use std::{fs, path::Path, time::Duration};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    BackupError, Counts, ReadError, Stats, Store, WriteError, backup, open, read,
    worker::Closed,
    write::{Failure, Write},
    writer::Job,
};

/// Free pages that are given back at a time, so that other writes get their turn in between.
const SHRINK_PAGES: u32 = 1024;

/// Readiness, sizes, backups.
impl Store {
    /// Writes something and waits for the disk: whether this store takes an event now.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn ping(&self) -> Result<(), WriteError> {
        self.change(Write::Ping).await?;
        Ok(())
    }

    /// How much there is. It reads an index of everything: not for every request.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn counts(&self) -> Result<Counts, ReadError> {
        self.query(|| "the counts".to_owned(), read::counts).await
    }

    /// Bytes of the database and the files beside it.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn size(&self) -> Result<u64, ReadError> {
        let path = self.inner.place.as_ref().map(|place| place.path.clone());
        let query = move |connection: &Connection| match &path {
            Some(path) => Ok(bytes_on_disk(path)),
            None => read::bytes(connection),
        };
        self.query(|| "the size".to_owned(), query).await
    }

    /// What the store has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.inner.counters.read()
    }

    /// Reads the whole database and returns what is wrong with it: nothing, if all is well. Other
    /// reads wait meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn check(&self) -> Result<Vec<String>, ReadError> {
        let what = || "the whole database".to_owned();
        self.query(what, read::problems).await
    }

    /// Writes the database as it is at one moment to a new file, which [`open`](Self::open) takes.
    /// Reading and writing go on; the write-ahead log grows meanwhile by what is written.
    ///
    /// To restore one, put it in the place of a database that is not open, and remove that one's
    /// `-wal` and `-shm`: opening refuses otherwise.
    ///
    /// Cancel safety: dropped, the backup is made all the same.
    ///
    /// # Errors
    ///
    /// See [`BackupError`]. `PATH.partial` is used meanwhile; one that a killed process left
    /// behind has to be removed first.
    pub async fn backup(&self, path: &Path) -> Result<(), BackupError> {
        let path = path.to_owned();
        let closed = BackupError::Closed { path: path.clone() };
        let (reply, answer) = oneshot::channel();
        match &self.inner.place {
            Some(place) => {
                let Some(lock) = place.lock.upgrade() else {
                    return Err(closed);
                };
                let database = place.path.clone();
                // A connection of its own: it takes long, and others want to read meanwhile.
                tokio::task::spawn_blocking(move || {
                    let outcome = open::read_only(&database)
                        .map_err(|error| backup::sqlite_error(&path, error))
                        .and_then(|connection| backup::backup(&connection, &path));
                    drop(lock);
                    drop(reply.send(outcome));
                });
            }
            None => {
                let job: Job = Box::new(move |connection| {
                    drop(reply.send(backup::backup(connection, &path)));
                });
                if self.inner.outside(job).await.is_err() {
                    return Err(closed);
                }
            }
        }
        answer.await.unwrap_or(Err(closed))
    }

    /// As [`backup`](Self::backup), of a database that another process may have open, or nobody. It
    /// may be of an older version, and stays so. Blocks until the copy is on the disk.
    ///
    /// # Errors
    ///
    /// As with [`backup`](Self::backup).
    pub fn backup_of(database: &Path, path: &Path) -> Result<(), BackupError> {
        let connection =
            open::read_only(database).map_err(|error| backup::sqlite_error(path, error))?;
        backup::backup(&connection, path)
    }

    /// Gives the space of what was forgotten and removed back to the file system, a piece at a
    /// time: other writes go on in between. Only what was backed up or read for long meanwhile
    /// may keep it until later.
    ///
    /// Cancel safety: dropped, a part of it may be done.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn compact(&self) -> Result<(), WriteError> {
        let mut left = u64::MAX;
        loop {
            let pages = SHRINK_PAGES;
            let now = self.change(Write::Shrink { pages }).await?;
            // It ends even if others free pages as fast.
            if now == 0 || now >= left {
                break;
            }
            left = now;
        }
        let action = "shrink the database";
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(reply.send(empty_log(connection))));
        let closed = |_| Failure::Closed.of_write(action.to_owned());
        self.inner.outside(job).await.map_err(closed)?;
        let emptied = answer.await.map_err(|_| closed(Closed))?;
        emptied.map_err(|error| Failure::from(error).of_write(action.to_owned()))
    }
}

/// Moves the write-ahead log into the database, which is when its file shrinks. A reader that
/// stands in the way is not waited for: the next check-point does it then.
fn empty_log(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(open::PATIENCE)?;
    emptied
}

/// A file that isn't there takes no room.
fn bytes_on_disk(path: &Path) -> u64 {
    let files = ["", "-wal", "-shm"].map(|suffix| open::beside(path, suffix));
    let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
    sizes.map(|metadata| metadata.len()).sum()
}
