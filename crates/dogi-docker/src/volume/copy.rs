//! Copying a volume.

use std::collections::BTreeMap;
use std::io;

use tokio_util::sync::CancellationToken;

use super::VolumeName;
use super::helper::{Helpers, to_the_end};
use super::whole::whole;
use crate::client::Docker;
use crate::container::{Container, ContainerId, CreateError, UploadError};
use crate::error::EngineError;

/// A volume that could not be copied. The target may hold a part of it; the original is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyVolumeError {
    /// Source and target are one: unpacking would replace files while they are read.
    #[error("the volume {volume} can't be copied into itself")]
    Same {
        /// Which one.
        volume: VolumeName,
    },
    /// A container that reaches into one of the volumes could not be made: there is no such volume, or no
    /// such image.
    #[error("can't reach into the volume {volume}")]
    Helper {
        /// Which of both.
        volume: VolumeName,
        /// Why not.
        #[source]
        source: CreateError,
    },
    /// The engine did not begin to read the source.
    #[error("can't read the volume {from}")]
    Open {
        /// The source.
        from: VolumeName,
        /// Its answer.
        #[source]
        source: EngineError,
    },
    /// Reading the source broke off.
    #[error("reading the volume {from} broke off")]
    Read {
        /// The source.
        from: VolumeName,
        /// How.
        #[source]
        source: io::Error,
    },
    /// The target could not be written: the disk is full, for example.
    #[error("can't write the volume {to}")]
    Write {
        /// The target.
        to: VolumeName,
        /// The engine's answer.
        #[source]
        source: EngineError,
    },
    /// All is copied; a container that did it is still there.
    #[error("the volume {to} is complete, but container {container} could not be removed")]
    Left {
        /// The target.
        to: VolumeName,
        /// The helper, made and never started, with its labels.
        container: ContainerId,
        /// Why not.
        #[source]
        source: EngineError,
    },
}

impl Docker {
    /// Copies everything in a volume into another one; both exist. Contents, owners, modes, times, links
    /// of both kinds, empty directories, and owner and mode of the root; no sockets. Of extended attributes,
    /// what the engine puts into archives: capabilities. What the target holds stays, where the source has
    /// nothing of that name. What is written to the source meanwhile may be there or not.
    ///
    /// Nothing is run, and little held in memory: two containers of `image`, any that the engine has, with
    /// these labels, are made, never started, and removed. Links can't lead what is unpacked out of them,
    /// see [`Docker::fill_volume`].
    ///
    /// Dropping the future breaks the copying off. What was copied stays, and the containers are removed
    /// all the same, a moment later; they stay, with their labels, only if the runtime ends before that.
    ///
    /// # Errors
    /// See [`CopyVolumeError`]. Nothing but a part of the copy is left behind, unless the engine is gone.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn copy_volume(
        &self,
        from: &VolumeName,
        to: &VolumeName,
        image: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CopyVolumeError> {
        if from == to {
            return Err(CopyVolumeError::Same {
                volume: from.clone(),
            });
        }
        let copy = Copy {
            // One directory for both: the archive of the one can be unpacked in the other as it is.
            helpers: Helpers::new(self, image, labels),
            from: from.clone(),
            to: to.clone(),
        };
        to_the_end(|cancel| copy.run(cancel)).await
    }
}

struct Copy {
    helpers: Helpers,
    from: VolumeName,
    to: VolumeName,
}

impl Copy {
    async fn run(self, cancel: CancellationToken) -> Result<(), CopyVolumeError> {
        let reader = self.helper(&self.from, true).await?;
        let copied = self.to_target(&reader, cancel).await;
        let removed = self.remove(&reader).await;
        copied.and(removed)
    }

    async fn to_target(
        &self,
        reader: &Container,
        cancel: CancellationToken,
    ) -> Result<(), CopyVolumeError> {
        if cancel.is_cancelled() {
            // Nobody hears of it.
            return Ok(());
        }
        let writer = self.helper(&self.to, false).await?;
        let copied = cancel
            .run_until_cancelled(self.pass(reader, &writer))
            .await
            // As above.
            .unwrap_or(Ok(()));
        let removed = self.remove(&writer).await;
        copied.and(removed)
    }

    async fn pass(&self, reader: &Container, writer: &Container) -> Result<(), CopyVolumeError> {
        let from = self.from.clone();
        let archive = match reader.download(&self.helpers.path()).await {
            Ok(archive) => archive,
            Err(source) => return Err(CopyVolumeError::Open { from, source }),
        };
        let uploaded = writer.upload("/", whole(archive)).await;
        uploaded.map_err(|err| match err {
            UploadError::Stream { source, .. } => CopyVolumeError::Read { from, source },
            UploadError::Engine { source, .. } => CopyVolumeError::Write {
                to: self.to.clone(),
                source,
            },
        })
    }

    async fn helper(
        &self,
        volume: &VolumeName,
        read_only: bool,
    ) -> Result<Container, CopyVolumeError> {
        let made = self.helpers.make(volume, read_only).await;
        made.map_err(|source| CopyVolumeError::Helper {
            volume: volume.clone(),
            source,
        })
    }

    async fn remove(&self, helper: &Container) -> Result<(), CopyVolumeError> {
        let removed = helper.remove().await;
        removed.map_err(|source| CopyVolumeError::Left {
            to: self.to.clone(),
            container: helper.id().clone(),
            source,
        })
    }
}
