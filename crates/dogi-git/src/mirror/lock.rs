//! Who may write to a mirror, and who still reads from it.
//!
//! Both are locks of the kernel on files (`flock(2)`), so that several processes can share a
//! directory and a killed one leaves no lock behind.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
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
        let file = open(&directory.lock_path())?;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Turn {
                        _file: file,
                        _turn: turn,
                    });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The turn, if nobody has it.
    pub(crate) fn try_take(turns: &Turns, directory: &Directory) -> io::Result<Option<Turn>> {
        let Ok(turn) = turns.of(directory.name()).try_lock_owned() else {
            return Ok(None);
        };
        let file = open(&directory.lock_path())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn {
                _file: file,
                _turn: turn,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
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
        let file = open(&directory.lease_path())?;
        file.lock_shared()?;
        Ok(Lease { file })
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
        let file = open(&directory.lease_path())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lease { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}
