use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::ports::Workers;

/// No output has this name.
const DETAILS: &str = "command";

/// The directory of a run's outputs: removed with the last value that refers to it, unless it is
/// kept.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    kept: AtomicBool,
    details_len: AtomicU64,
}

impl RunDirectory {
    pub(super) fn new(path: &Path, kept: bool) -> Self {
        // Most runs have none.
        let details = std::fs::metadata(path.join(DETAILS)).map_or(0, |details| details.len());
        Self {
            path: path.to_owned(),
            kept: AtomicBool::new(kept),
            details_len: AtomicU64::new(details),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is kept what exactly a command was.
    pub(crate) fn details(&self) -> PathBuf {
        self.path.join(DETAILS)
    }

    /// Keeps what exactly a command is, for the owner's eyes: it may hold secrets; blocking.
    pub(crate) fn keep_details(&self, details: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(self.details())?.write_all(details)?;
        self.details_len
            .store(details.len() as u64, Ordering::Release);
        Ok(())
    }

    /// Bytes of what exactly a command is.
    pub(crate) fn details_len(&self) -> u64 {
        self.details_len.load(Ordering::Acquire)
    }

    /// The run is in the books: its outputs stay.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// The run is forgotten: its outputs stay as long as somebody holds them.
    pub(crate) fn give_up(&self) {
        self.kept.store(false, Ordering::Release);
    }

    /// Removes it now.
    pub(crate) async fn remove(&self, workers: &dyn Workers) {
        self.keep();
        let path = self.path.clone();
        // A panic is told by the workers; there is nothing more to do about it.
        let _ = workers.complete(move || remove_dir(&path)).await;
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Acquire) {
            return;
        }
        let path = std::mem::take(&mut self.path);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove_dir(&path))),
            Err(_) => remove_dir(&path),
        }
    }
}

fn remove_dir(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "the outputs of a run were not removed");
        }
        _ => {}
    }
}
