//! Who may write to a mirror, and who still reads from it.
//!
//! Both are locks of the kernel on files (`flock(2)`), so that several processes can share a
//! directory and a killed one leaves no lock behind. The files go with the mirror, while both are
//! held: whoever gets a lock on a file that has lost its name meanwhile begins again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Directory;

/// How often another process's lock is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The turns of this process, by mirror.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
}

/// The right to write to one mirror.
#[derive(Debug)]
pub(crate) struct Turn {
    _file: File,
    _turn: OwnedMutexGuard<()>,
}

impl Turn {
    /// Waits for the turn.
    ///
    /// Cancel safe: dropped, it is as if it had never been asked for.
    pub(crate) async fn wait(turns: &Turns, directory: &Directory) -> io::Result<Turn> {
        let turn = turns.of(directory.name()).lock_owned().await;
        loop {
            if let Some(file) = try_alone(&directory.lock_path())? {
                return Ok(Turn {
                    _file: file,
                    _turn: turn,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The turn, if nobody has it.
    pub(crate) fn try_take(turns: &Turns, directory: &Directory) -> io::Result<Option<Turn>> {
        let Ok(turn) = turns.of(directory.name()).try_lock_owned() else {
            return Ok(None);
        };
        let file = try_alone(&directory.lock_path())?;
        Ok(file.map(|file| Turn {
            _file: file,
            _turn: turn,
        }))
    }
}

impl Turns {
    fn of(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are forgotten.
        waiting.retain(|_, turn| Arc::strong_count(turn) > 1);
        waiting.entry(name.to_owned()).or_default().clone()
    }
}

/// Keeps a mirror from being removed.
#[derive(Debug)]
pub(crate) struct Lease {
    file: File,
}

impl Lease {
    /// Blocks only while somebody removes the mirror.
    pub(crate) fn take(directory: &Directory) -> io::Result<Lease> {
        let path = directory.lease_path();
        loop {
            let file = open(&path)?;
            file.lock_shared()?;
            if is_at(&file, &path)? {
                return Ok(Lease { file });
            }
        }
    }

    /// Whether anybody has one. Whoever asks for one at this moment waits a little.
    pub(crate) fn is_taken(directory: &Directory) -> io::Result<bool> {
        let file = match File::open(directory.lease_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes this the only lease, if it is: others wait then, until [`Lease::share`].
    pub(super) fn try_own(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            // The kernel may have given up the shared lock for the attempt.
            Err(TryLockError::WouldBlock) => self.share().map(|()| false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Lets others in again.
    pub(super) fn share(&self) -> io::Result<()> {
        self.file.lock_shared()
    }

    /// The lease of whoever is about to remove the mirror; `None`: somebody reads from it.
    pub(crate) fn try_take_alone(directory: &Directory) -> io::Result<Option<Lease>> {
        let file = try_alone(&directory.lease_path())?;
        Ok(file.map(|file| Lease { file }))
    }
}

/// The file at `path`, locked; `None`: somebody else has it.
fn try_alone(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether the file still has its name: a lock on one that has not keeps nobody out.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}
