//! Putting files into a volume.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::Stream;
use tokio_util::sync::CancellationToken;

use super::VolumeName;
use super::helper::{Helpers, to_the_end};
use crate::client::Docker;
use crate::container::{ContainerId, CreateError, UploadError};
use crate::error::EngineError;

/// Files that could not be put into a volume. It may hold a part of them.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The container that reaches into the volume could not be made: there is no such volume, or no
    /// such image.
    #[error("can't reach into the volume {volume}")]
    Helper {
        /// Which one.
        volume: VolumeName,
        /// Why not.
        #[source]
        source: CreateError,
    },
    /// The archive could not be read, or the engine could not unpack it.
    #[error("can't fill the volume {volume}")]
    Upload {
        /// Which one.
        volume: VolumeName,
        /// Whose fault it is. Paths begin with the directory that stands for the volume's root.
        #[source]
        source: UploadError,
    },
    /// All files are there; the container that put them there is, too.
    #[error("the volume {volume} is filled, but container {container} could not be removed")]
    Left {
        /// Which one.
        volume: VolumeName,
        /// The helper, made and never started, with its labels.
        container: ContainerId,
        /// Why not.
        #[source]
        source: EngineError,
    },
}

impl Docker {
    /// Unpacks a tar into a volume that exists. Nothing is run: it is done by a container of `image`, any
    /// that the engine has, with these labels, which is made, never started, and removed. What the
    /// volume holds stays, where the archive has nothing of that name. Owners and modes are those of the
    /// archive.
    ///
    /// `tar` is given the name of a directory, and makes an archive whose paths all begin with it: that
    /// directory stands for the root of the volume. (The engine refuses relative links that lead out of the
    /// directory that it unpacks into; so it is one above.) What has another path is thrown away. So is
    /// what is led elsewhere by a link in the archive or in the volume: the engine unpacks inside the
    /// container's root, and nothing but the volume outlives that.
    ///
    /// Dropping the future breaks the upload off. What was unpacked stays, and the container is removed
    /// all the same, a moment later; it stays, with its labels, only if the runtime ends before that.
    ///
    /// # Errors
    /// See [`FillError`]. Nothing but a part of the files is left behind, unless the engine is gone.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn fill_volume<S>(
        &self,
        volume: &VolumeName,
        image: &str,
        labels: &BTreeMap<String, String>,
        tar: impl FnOnce(&str) -> S,
    ) -> Result<(), FillError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let helpers = Helpers::new(self, image, labels);
        let tar = tar(&helpers.directory);
        let volume = volume.clone();
        to_the_end(|cancel| fill(helpers, volume, tar, cancel)).await
    }
}

async fn fill<S>(
    helpers: Helpers,
    volume: VolumeName,
    tar: S,
    cancel: CancellationToken,
) -> Result<(), FillError>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let helper = match helpers.make(&volume, false).await {
        Ok(helper) => helper,
        Err(source) => return Err(FillError::Helper { volume, source }),
    };
    let uploaded = cancel.run_until_cancelled(helper.upload("/", tar)).await;
    let removed = helper.remove().await;
    // Of one that was cancelled nobody hears.
    if let Some(Err(source)) = uploaded {
        return Err(FillError::Upload { volume, source });
    }
    removed.map_err(|source| FillError::Left {
        volume,
        container: helper.id().clone(),
        source,
    })
}
