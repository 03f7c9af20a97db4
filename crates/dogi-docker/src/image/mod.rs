//! Images: names, what the engine has, pulling, digests.

mod local;
mod name;
mod size;

use std::fmt;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

pub use name::{ImageName, ImageNameError};

use crate::auth::{AuthError, Credentials, RegistryAuth, for_registry};
use crate::build::ImageId;
use crate::client::{Docker, LONG};
use crate::error::EngineError;

/// What a name stands for right now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resolved {
    /// The manifest's digest, by which a registry knows the image.
    Digest(String),
    /// An image of the engine's own that no registry knows.
    Local(ImageId),
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resolved::Digest(digest) => write!(f, "digest {digest}"),
            Resolved::Local(id) => write!(f, "image {id}"),
        }
    }
}

/// An image that could not be pulled or asked for.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// There is no such image, or it is private and the credentials don't open it: registries don't
    /// tell which.
    #[error("{image} can't be pulled: {reason}")]
    Denied {
        /// Its name.
        image: ImageName,
        /// What the registry said.
        reason: String,
    },
    /// The credentials can't be had.
    #[error("no credentials for {image}")]
    Credentials {
        /// Its name.
        image: ImageName,
        /// Why not.
        #[source]
        source: AuthError,
    },
    /// It was cancelled.
    #[error("the pull of {image} was cancelled")]
    Cancelled {
        /// Its name.
        image: ImageName,
    },
    /// The engine failed, or is gone.
    #[error("{image} could not be pulled")]
    Engine {
        /// Its name.
        image: ImageName,
        /// Its answer.
        #[source]
        source: EngineError,
    },
}

impl Docker {
    /// What a build would take for this name now: the engine's own image where it has one (both builders
    /// look there first), the registry's otherwise; with `pull` always the registry's. A name that holds a
    /// digest is its own answer, and costs nothing. Cancel safe.
    ///
    /// # Errors
    /// Neither has it, or one can't be asked.
    pub async fn resolve_digest(
        &self,
        image: &ImageName,
        auth: &RegistryAuth,
        pull: bool,
    ) -> Result<Resolved, PullError> {
        if let Some(digest) = image.digest() {
            return Ok(Resolved::Digest(digest.to_owned()));
        }
        let engine = |source| PullError::Engine {
            image: image.clone(),
            source,
        };
        if !pull && let Some(found) = self.inspect_named(image).await.map_err(engine)? {
            let known = found.repo_digests.iter().flatten().find_map(|reference| {
                let (name, digest) = reference.split_once('@')?;
                let same = ImageName::parse(name).is_ok_and(|name| name.same_repository(image));
                same.then(|| digest.to_owned())
            });
            if let Some(digest) = known {
                return Ok(Resolved::Digest(digest));
            }
            if let Some(id) = found.id.as_deref().and_then(ImageId::parse) {
                return Ok(Resolved::Local(id));
            }
        }
        let digest = self.ask_registry(image, auth).await?;
        Ok(Resolved::Digest(digest))
    }

    /// The image that its registry has by this name now, named by its digest. The registry is asked
    /// whatever the engine has, and for a name that holds a digest, too: so this tells whether somebody with
    /// these credentials may have the image. To pull what it returns moves no tag of the engine. Cancel safe.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn published(
        &self,
        image: &ImageName,
        auth: &RegistryAuth,
    ) -> Result<ImageName, PullError> {
        let digest = self.ask_registry(image, auth).await?;
        let named = image.at_digest(&digest);
        named.map_err(|err| PullError::Denied {
            image: image.clone(),
            reason: format!("the registry gave the digest {digest:?}: {}", err.reason),
        })
    }

    async fn ask_registry(
        &self,
        image: &ImageName,
        auth: &RegistryAuth,
    ) -> Result<String, PullError> {
        let credentials = self.credentials(image, auth).await?;
        let credentials = credentials.map(|found| for_registry(image.registry(), &found));
        let asked = self
            .client()
            .inspect_registry_image(&image.full(), credentials)
            .await;
        let found = asked
            .map_err(|err| classify(image, self.fault("ask the registry for an image", err)))?;
        found.descriptor.digest.ok_or_else(|| PullError::Denied {
            image: image.clone(),
            reason: "the registry gave no digest".to_owned(),
        })
    }

    /// Pulls an image; `log` gets readable text. Returns its id. Dropping the future, or cancelling, stops
    /// the pull; layers that have come stay with the engine.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn pull(
        &self,
        image: &ImageName,
        platform: Option<&str>,
        auth: &RegistryAuth,
        log: &mut (dyn FnMut(&[u8]) + Send),
        cancel: &CancellationToken,
    ) -> Result<ImageId, PullError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(PullError::Cancelled { image: image.clone() }),
            pulled = self.pull_now(image, platform, auth, log) => pulled,
        }
    }

    async fn pull_now(
        &self,
        image: &ImageName,
        platform: Option<&str>,
        auth: &RegistryAuth,
        log: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<ImageId, PullError> {
        let what = "pull an image";
        let credentials = self.credentials(image, auth).await?;
        let options = CreateImageOptions {
            from_image: Some(image.full()),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let credentials = credentials.map(|found| for_registry(image.registry(), &found));
        let client = self.patient(LONG);
        let mut messages = Box::pin(client.create_image(Some(options), None, credentials));
        while let Some(message) = messages.next().await {
            let message = message.map_err(|err| classify(image, self.fault(what, err)))?;
            if let Some(line) = describe(&message) {
                log(line.as_bytes());
            }
        }
        let engine = |source| PullError::Engine {
            image: image.clone(),
            source,
        };
        let id = self.local_image(image).await.map_err(engine)?;
        id.ok_or_else(|| {
            let reason = "the engine does not have it after pulling it".to_owned();
            engine(EngineError::Garbled {
                what: what.to_owned(),
                reason,
            })
        })
    }

    async fn credentials(
        &self,
        image: &ImageName,
        auth: &RegistryAuth,
    ) -> Result<Option<Credentials>, PullError> {
        auth.find(image.registry())
            .await
            .map_err(|source| PullError::Credentials {
                image: image.clone(),
                source,
            })
    }
}

fn describe(message: &CreateImageInfo) -> Option<String> {
    let status = message.status.as_deref()?;
    crate::build::status_line(message.id.as_deref(), status)
}

fn classify(image: &ImageName, source: EngineError) -> PullError {
    match source {
        EngineError::Refused { message, .. } => PullError::Denied {
            image: image.clone(),
            reason: message,
        },
        source => PullError::Engine {
            image: image.clone(),
            source,
        },
    }
}
