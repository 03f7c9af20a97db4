//! The embedded helper program and how it gets into a container.

use bytes::Bytes;

use crate::container::{Container, UploadError};
use crate::error::EngineError;

/// The helper, or nothing where it could not be compiled.
static PROGRAM: &[u8] = include_bytes!(env!("DOGI_TAIL"));
/// Where the helper is put: nothing that a job has reason to use, and other versions don't collide.
pub const HELPER_PATH: &str = concat!("/.dogi/tail-", env!("DOGI_TAIL_HASH"));

/// Whether the helper is in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// It is.
    Ready,
    /// It is not, and why; following works by polling then.
    Unavailable {
        /// Why not.
        reason: String,
    },
}

/// The helper program itself, a static Linux executable for the architecture of this program. Empty
/// where it could not be compiled. For tests and the curious.
pub fn helper_program() -> &'static [u8] {
    PROGRAM
}

impl Container {
    /// Puts the follow helper into a container that was created and not started yet, at `/.dogi/`, which
    /// everybody may read and nobody write.
    ///
    /// # Errors
    /// The engine is gone. A refusal, by a read-only root file system for example, is no error: see
    /// [`Injection::Unavailable`]. Cancel safe.
    pub async fn inject_helper(&self) -> Result<Injection, EngineError> {
        if PROGRAM.is_empty() {
            let reason = "this program was built without the helper".to_owned();
            return Ok(Injection::Unavailable { reason });
        }
        let tar = archive().map_err(|err| EngineError::Garbled {
            what: "pack the helper".to_owned(),
            reason: err.to_string(),
        })?;
        match self.upload("/", futures::stream::iter([Ok(tar)])).await {
            Ok(()) => Ok(Injection::Ready),
            Err(UploadError::Engine {
                source: EngineError::Refused { message, .. },
                ..
            }) => Ok(Injection::Unavailable { reason: message }),
            Err(UploadError::Engine { source, .. }) => Err(source),
            Err(UploadError::Stream { source, .. }) => {
                Err(self.docker().lost("take the helper", source))
            }
        }
    }
}

fn archive() -> std::io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::with_capacity(PROGRAM.len() + 4096));
    let (directory, _) = HELPER_PATH.rsplit_once('/').unwrap_or((HELPER_PATH, ""));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o555);
    header.set_size(0);
    tar.append_data(
        &mut header,
        directory.trim_start_matches('/'),
        std::io::empty(),
    )?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o555);
    header.set_size(PROGRAM.len() as u64);
    tar.append_data(&mut header, HELPER_PATH.trim_start_matches('/'), PROGRAM)?;
    tar.into_inner().map(Bytes::from)
}
