//! Ending and removing a container.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::query_parameters::{KillContainerOptions, RemoveContainerOptions};

use super::Container;
use crate::error::EngineError;

/// How long the engine may take to remove a container.
const MARGIN: Duration = Duration::from_secs(30);

impl Container {
    /// Asks the container to end (SIGTERM, or the image's stop signal), and kills it after `grace`.
    /// Returns once it does not run any more. Fine if it does not run, or does not exist. Dropping the
    /// future may leave it asked and not killed.
    ///
    /// # Errors
    /// The engine is gone or could not end it.
    pub async fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        if !grace.is_zero() {
            let signal = self.polite_signal().await;
            not_running_is_fine(match signal {
                Ok(signal) => self.signal(signal).await,
                Err(error) => Err(error),
            })?;
            let what = "stop the container";
            let ended = self.wait_until("not-running", what);
            if let Ok(ended) = tokio::time::timeout(grace, ended).await {
                return not_running_is_fine(ended.map(drop));
            }
        }
        self.kill().await
    }

    /// The container's own stop signal is for the engine, see [`super::Ending`].
    async fn polite_signal(&self) -> Result<String, EngineError> {
        let image = self.inspect().await?.image.unwrap_or_default();
        let found = self.docker.client().inspect_image(&image).await;
        let config = match found.map_err(|err| self.docker.fault("inspect the image", err)) {
            Ok(image) => image.config,
            // Removed by force, under the container.
            Err(err) if err.is_not_found() => None,
            Err(err) => return Err(err),
        };
        let signal = config.and_then(|config| config.stop_signal);
        Ok(signal
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "SIGTERM".to_owned()))
    }

    async fn signal(&self, signal: String) -> Result<(), EngineError> {
        self.told_to_end.store(true, Ordering::Release);
        let options = KillContainerOptions { signal };
        self.docker
            .client()
            .kill_container(self.id.as_str(), Some(options))
            .await
            .map_err(|err| self.docker.fault("signal the container", err))
    }

    /// Kills the container at once, and returns when it does not run any more. Fine if it does not
    /// run, or does not exist.
    ///
    /// # Errors
    /// The engine is gone or could not end it.
    pub async fn kill(&self) -> Result<(), EngineError> {
        not_running_is_fine(self.signal("SIGKILL".to_owned()).await)?;
        not_running_is_fine(
            self.wait_until("not-running", "kill the container")
                .await
                .map(drop),
        )
    }

    /// Removes the container, running or not, with its anonymous volumes; named ones stay. Returns once it
    /// is gone; fine if it is gone already, or being removed by somebody else.
    ///
    /// # Errors
    /// The engine is gone or could not remove it.
    pub async fn remove(&self) -> Result<(), EngineError> {
        let what = "remove the container";
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        let removed = self
            .docker
            .patient(self.docker.endpoint().timeout.max(MARGIN))
            .remove_container(self.id.as_str(), Some(options))
            .await
            .map_err(|err| self.docker.fault(what, err));
        match removed {
            Err(err) if err.is_not_found() => Ok(()),
            // "removal of container … is already in progress"
            Err(EngineError::Refused { status: 409, .. }) => {
                match tokio::time::timeout(MARGIN, self.wait_until("removed", what)).await {
                    Ok(Err(err)) if err.is_not_found() => Ok(()),
                    Ok(ended) => ended.map(drop),
                    Err(_) => Err(EngineError::TimedOut {
                        endpoint: self.docker.endpoint().to_string(),
                        what: what.to_owned(),
                    }),
                }
            }
            other => other,
        }
    }
}

/// 304 and 409: it does not run. 404: it does not exist.
fn not_running_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::Refused {
            status: 304 | 404, ..
        }) => Ok(()),
        Err(EngineError::Refused {
            status: 409,
            message,
            ..
        }) if message.contains("is not running") => Ok(()),
        other => other,
    }
}
