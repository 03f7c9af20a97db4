//! A checkout as files of this machine.

use std::{
    io::{self, Read},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use bytes::{Buf, Bytes};
use dogi_job::FailureKind;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use crate::ports::{BoxStream, StepError};

/// Pieces of the tar that are on their way.
const AHEAD: usize = 16;

/// Writes the tree to `directory` in the private directory `place`; what an earlier try left goes. Links
/// are written and never followed. When dropped, a thread writes on to the end of what has come.
pub(super) async fn write(
    place: &Path,
    directory: &Path,
    mut tree: BoxStream,
) -> Result<(), StepError> {
    remove(place).await?;
    private(place)?;
    let (send, pieces) = mpsc::channel(AHEAD);
    let directory = directory.to_owned();
    let unpacking = tokio::task::spawn_blocking(move || unpack(&directory, pieces));
    while let Some(piece) = tree.next().await {
        if send.send(piece).await.is_err() {
            break;
        }
    }
    drop(send);
    let unpacked = unpacking.await.map_err(io::Error::other).flatten();
    unpacked.map_err(|error| failed("the checkout can't be written", &error))
}

/// Makes a directory for the owner alone.
pub(super) fn private(directory: &Path) -> Result<(), StepError> {
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| failed("no place for the checkout", &error))
}

/// A copy of the event in the private directory `scratch`, that whoever runs in a container can read.
pub(super) fn readable(event: &Path, scratch: &Path) -> Result<PathBuf, StepError> {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = scratch.join("event.json");
    let copied = std::fs::copy(event, &copy)
        .and_then(|_| std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o644)));
    copied.map_err(|error| failed("the event can't be handed on", &error))?;
    Ok(copy)
}

/// Removes everything of a run.
pub(super) async fn remove(place: &Path) -> Result<(), StepError> {
    let place = place.to_owned();
    let removing = tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Caches of modules are read-only, directories too.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_directories(&place);
            std::fs::remove_dir_all(&place)
        }
        removed => removed,
    });
    let removed = removing.await.map_err(io::Error::other).flatten();
    removed.map_err(|error| failed("the checkout can't be removed", &error))
}

/// Lets the owner write in all directories, as far as they are the owner's.
fn open_directories(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o700);
    if std::fs::set_permissions(directory, mode).is_err() {
        return;
    }
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_directories(&entry.path());
        }
    }
}

fn failed(what: &str, error: &io::Error) -> StepError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::DiskFull,
        _ => FailureKind::Internal,
    };
    StepError::failed(kind, format!("{what}: {}", error.kind()))
}

fn unpack(directory: &PathBuf, pieces: mpsc::Receiver<io::Result<Bytes>>) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut archive = tar::Archive::new(Pieces {
        pieces,
        current: Bytes::new(),
    });
    archive.set_preserve_mtime(true);
    archive.set_overwrite(false);
    archive.unpack(directory)
}

struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.current.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
