//! Containers that are made to reach into a volume, and never started.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{VolumeMount, VolumeName};
use crate::client::Docker;
use crate::container::{Container, ContainerSpec, CreateError};
use crate::unique::unique_id;

/// Asked for because the engine wants a command. Nobody runs it.
const NO_COMMAND: &str = "/never-started";

/// What helpers are made from.
#[derive(Debug, Clone)]
pub(super) struct Helpers {
    pub(super) docker: Docker,
    image: String,
    labels: BTreeMap<String, String>,
    /// Name of the directory, in the root, where they have their volume. No image has anything there that
    /// would lead elsewhere: nobody knows it beforehand.
    pub(super) directory: String,
}

impl Helpers {
    pub(super) fn new(docker: &Docker, image: &str, labels: &BTreeMap<String, String>) -> Self {
        Helpers {
            docker: docker.clone(),
            image: image.to_owned(),
            labels: labels.clone(),
            directory: unique_id(),
        }
    }

    /// Absolute path of the volume in a helper.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.directory)
    }

    pub(super) async fn make(
        &self,
        volume: &VolumeName,
        read_only: bool,
    ) -> Result<Container, CreateError> {
        let spec = ContainerSpec {
            entrypoint: Some(vec![NO_COMMAND.to_owned()]),
            labels: self.labels.clone(),
            volumes: vec![VolumeMount {
                volume: volume.clone(),
                path: self.path(),
                read_only,
            }],
            ..ContainerSpec::new(self.image.as_str())
        };
        self.docker.create(&spec).await
    }
}

/// Does the work in a task of its own, so that it removes its helpers even where nobody waits for it any
/// more: dropping this future cancels the token, and the task goes on to its end.
pub(super) async fn to_the_end<T, W>(work: impl FnOnce(CancellationToken) -> W) -> T
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let cancel = CancellationToken::new();
    let task = tokio::spawn(work(cancel.clone()));
    let _cancelled_on_drop = cancel.drop_guard();
    match task.await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the runtime cancels the task, and that ends this future too.
            Err(_) => std::future::pending().await,
        },
    }
}
