//! Named volumes: making, removing and mounting them. Their content is put in and copied without running
//! anything, see [`fill`] and [`copy`].

mod copy;
mod fill;
mod helper;
mod name;
mod whole;

pub use copy::CopyVolumeError;
pub use fill::FillError;
pub use name::{VolumeName, VolumeNameError};

use std::collections::BTreeMap;

use bollard::models::{
    Mount, MountType, MountVolumeOptions, Volume as Inspected, VolumeCreateRequest,
};
use bollard::query_parameters::RemoveVolumeOptions;

use crate::client::Docker;
use crate::error::EngineError;

/// The only driver used: a directory that the engine keeps by itself.
const DRIVER: &str = "local";

/// A volume at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Which one. It has to exist.
    pub volume: VolumeName,
    /// Where in the container: absolute and not `/`, or the engine refuses. Made if it does not exist;
    /// what the image has there is hidden, and not copied into the volume.
    pub path: String,
    /// Whether it can't be written in this container, by nobody.
    pub read_only: bool,
}

impl VolumeMount {
    /// `labels` are for a volume that is gone by now: the engine makes it anew without being asked, and
    /// then it must be found.
    pub(crate) fn mount(&self, labels: &BTreeMap<String, String>) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(self.volume.to_string()),
            target: Some(self.path.clone()),
            read_only: Some(self.read_only),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                labels: Some(labels.clone().into_iter().collect()),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        }
    }
}

/// A volume that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateVolumeError {
    /// One of that name exists and has other labels: it is somebody else's.
    #[error("a volume {volume} exists already, with the labels {found:?} instead of {wanted:?}")]
    OtherLabels {
        /// As asked for.
        volume: VolumeName,
        /// Those of the one that exists.
        found: BTreeMap<String, String>,
        /// As asked for.
        wanted: BTreeMap<String, String>,
    },
    /// One of that name exists and is not just a directory of the engine's: a directory of its machine
    /// or of another one, for example.
    #[error(
        "a volume {volume} exists already, of the driver {driver:?} with the options {options:?} \
         instead of \"local\" without any"
    )]
    NotPlain {
        /// As asked for.
        volume: VolumeName,
        /// Its driver.
        driver: String,
        /// Names of its options. Values can be passwords.
        options: Vec<String>,
    },
    /// The engine refused, or is gone.
    #[error("can't make the volume {volume}")]
    Engine {
        /// As asked for.
        volume: VolumeName,
        /// Its answer.
        #[source]
        source: EngineError,
    },
}

impl Docker {
    /// Makes an empty volume of the driver `local`. Fine if it exists, with exactly these labels: then it
    /// stays as it is, its content too. So labels should say whose it is; without any, a volume
    /// that somebody else made without any is taken for one's own.
    ///
    /// Its root belongs to root and nobody else can write there; an archive that is unpacked into it opens it
    /// where it has another mode for the root.
    ///
    /// Dropping the future while the engine answers can leave the volume, with its labels.
    ///
    /// # Errors
    /// See [`CreateVolumeError`].
    pub async fn create_volume(
        &self,
        volume: &VolumeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CreateVolumeError> {
        let engine = |source| CreateVolumeError::Engine {
            volume: volume.clone(),
            source,
        };
        let request = VolumeCreateRequest {
            name: Some(volume.to_string()),
            driver: Some(DRIVER.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let made = self.client().create_volume(request).await;
        made.map_err(|err| engine(self.fault("make the volume", err)))?;
        // The engine gives one that exists without a word, whatever was asked for.
        let found = self.inspect_volume(volume).await.map_err(engine)?;
        judge(volume, labels, found)
    }

    /// Removes a volume with what is in it. Fine if there is none.
    ///
    /// Dropping the future while the engine answers leaves open whether it is gone.
    ///
    /// # Errors
    /// A container has it mounted, running or not (a refusal with status 409); the engine is gone.
    pub async fn remove_volume(&self, volume: &VolumeName) -> Result<(), EngineError> {
        let options = RemoveVolumeOptions { force: false };
        let removed = self
            .client()
            .remove_volume(volume.as_str(), Some(options))
            .await;
        match removed.map_err(|err| self.fault("remove the volume", err)) {
            Err(err) if err.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// Whether a volume exists. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone.
    pub async fn volume_exists(&self, volume: &VolumeName) -> Result<bool, EngineError> {
        match self.inspect_volume(volume).await {
            Ok(_) => Ok(true),
            Err(err) if err.is_not_found() => Ok(false),
            Err(err) => Err(err),
        }
    }

    async fn inspect_volume(&self, volume: &VolumeName) -> Result<Inspected, EngineError> {
        let found = self.client().inspect_volume(volume.as_str()).await;
        found.map_err(|err| self.fault("look at the volume", err))
    }
}

fn judge(
    volume: &VolumeName,
    wanted: &BTreeMap<String, String>,
    found: Inspected,
) -> Result<(), CreateVolumeError> {
    if found.driver != DRIVER || !found.options.is_empty() {
        return Err(CreateVolumeError::NotPlain {
            volume: volume.clone(),
            driver: found.driver,
            options: found.options.into_keys().collect(),
        });
    }
    let labels: BTreeMap<_, _> = found.labels.into_iter().collect();
    if labels != *wanted {
        return Err(CreateVolumeError::OtherLabels {
            volume: volume.clone(),
            found: labels,
            wanted: wanted.clone(),
        });
    }
    Ok(())
}
