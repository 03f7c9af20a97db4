//! Making a container, and finding one again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::query_parameters::CreateContainerOptions;

use super::{Container, ContainerId, ContainerSpec};
use crate::client::Docker;
use crate::error::EngineError;
use crate::volume::VolumeName;

/// A container that could not be made. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The engine does not have the image.
    #[error("there is no image {image:?} on the engine")]
    NoSuchImage {
        /// As asked for.
        image: String,
    },
    /// Another container has the name.
    #[error("a container named {name:?} exists already")]
    NameInUse {
        /// As asked for.
        name: String,
    },
    /// The engine does not have a volume; left alone, it would make one.
    #[error("there is no volume {volume} on the engine, to be mounted at {path:?}")]
    NoSuchVolume {
        /// As asked for.
        volume: VolumeName,
        /// Where in the container it was to be.
        path: String,
    },
    /// Neither the image nor the request says what to run.
    #[error("nothing to run: image {image:?} has no command, and none was given")]
    NoCommand {
        /// As asked for.
        image: String,
    },
    /// Something else that the engine refused, a bad limit for example.
    #[error("can't create a container of image {image:?} for {command}")]
    Engine {
        /// As asked for.
        image: String,
        /// What was to be run.
        command: String,
        /// The engine's answer.
        #[source]
        source: EngineError,
    },
}

impl Docker {
    /// Makes a container; nothing runs yet.
    ///
    /// Not cancel safe in one respect: a future dropped while the engine answers can leave a
    /// container that was never started. It carries its labels, so that
    /// [`Docker::collect`] finds it.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub async fn create(&self, spec: &ContainerSpec) -> Result<Container, CreateError> {
        self.find_volumes(spec).await?;
        let options = CreateContainerOptions {
            name: spec.name.clone(),
            platform: spec.platform.clone().unwrap_or_default(),
        };
        let created = self
            .client()
            .create_container(Some(options), spec.body())
            .await;
        let created =
            created.map_err(|err| classify(spec, self.fault("create a container", err)))?;
        for warning in &created.warnings {
            tracing::debug!(container = created.id, warning, "the engine warned");
        }
        Ok(Container {
            docker: self.clone(),
            id: ContainerId(created.id),
            tty: spec.tty,
            command: spec.describe(),
            told_to_end: Arc::default(),
        })
    }

    async fn find_volumes(&self, spec: &ContainerSpec) -> Result<(), CreateError> {
        for mount in &spec.volumes {
            let exists = self.volume_exists(&mount.volume).await;
            if !exists.map_err(|err| classify(spec, err))? {
                return Err(CreateError::NoSuchVolume {
                    volume: mount.volume.clone(),
                    path: mount.path.clone(),
                });
            }
        }
        Ok(())
    }

    /// Finds a container that exists, by id or name, for example after a restart.
    ///
    /// # Errors
    /// It is not there, or the engine is not. Cancel safe.
    pub async fn container(&self, id: &ContainerId) -> Result<Container, EngineError> {
        let found = self
            .client()
            .inspect_container(id.as_str(), None)
            .await
            .map_err(|err| self.fault("find a container", err))?;
        let words: Vec<String> = found
            .path
            .into_iter()
            .chain(found.args.into_iter().flatten())
            .collect();
        Ok(Container {
            docker: self.clone(),
            id: ContainerId(found.id.unwrap_or_else(|| id.0.clone())),
            tty: found.config.and_then(|config| config.tty).unwrap_or(false),
            command: format!("{words:?}"),
            told_to_end: Arc::default(),
        })
    }
}

impl Container {
    /// Its environment, that of its image included. A variable is there once, with the value that counts.
    ///
    /// # Errors
    /// It is not there, or the engine is not. Cancel safe.
    pub async fn environment(&self) -> Result<BTreeMap<String, String>, EngineError> {
        let found = self.inspect().await?;
        let variables = found.config.and_then(|config| config.env);
        let variables = variables.into_iter().flatten();
        let pair = |variable: String| {
            let (name, value) = variable.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Ok(variables.filter_map(pair).collect())
    }
}

fn classify(spec: &ContainerSpec, source: EngineError) -> CreateError {
    let image = spec.image.clone();
    let (status, message) = match &source {
        EngineError::Refused {
            status, message, ..
        } => (*status, message.as_str()),
        _ => (0, ""),
    };
    match (status, &spec.name) {
        (404, _) if message.contains("No such image") => CreateError::NoSuchImage { image },
        (409, Some(name)) => CreateError::NameInUse { name: name.clone() },
        (400, _)
            if message
                .to_ascii_lowercase()
                .contains("no command specified") =>
        {
            CreateError::NoCommand { image }
        }
        _ => CreateError::Engine {
            image,
            command: spec.describe(),
            source,
        },
    }
}
