//! Ending and removing a container.

use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptions, RemoveContainerOptions, StopContainerOptions,
};

use super::Container;
use crate::error::EngineError;

/// How long the engine may take beyond the grace to see a killed container end.
const MARGIN: Duration = Duration::from_secs(30);

impl Container {
    /// Asks the container to end (SIGTERM, or the image's stop signal), and kills it after `grace`
    /// (rounded up to whole seconds). Returns once it does not run any more. Fine if it does not run,
    /// or does not exist. Cancel safe: the engine goes on with the stop.
    ///
    /// # Errors
    /// The engine is gone or could not end it.
    pub async fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptions {
            signal: None,
            t: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
        };
        // The library's clock runs until the answer, which comes when the container has ended.
        let client = self.docker.patient(Duration::from_secs(seconds) + MARGIN);
        let stopped = client
            .stop_container(self.id.as_str(), Some(options))
            .await
            .map_err(|err| self.docker.fault("stop the container", err));
        match stopped {
            Err(EngineError::TimedOut { .. }) => self.kill().await,
            other => not_running_is_fine(other),
        }
    }

    /// Kills the container at once, and returns when it does not run any more. Fine if it does not
    /// run, or does not exist.
    ///
    /// # Errors
    /// The engine is gone or could not end it.
    pub async fn kill(&self) -> Result<(), EngineError> {
        let options = KillContainerOptions {
            signal: "SIGKILL".to_owned(),
        };
        let killed = self
            .docker
            .client()
            .kill_container(self.id.as_str(), Some(options))
            .await
            .map_err(|err| self.docker.fault("kill the container", err));
        not_running_is_fine(killed)?;
        not_running_is_fine(
            self.wait_until("not-running", "kill the container")
                .await
                .map(drop),
        )
    }

    /// Removes the container, running or not, with its anonymous volumes. Returns once it is gone; fine
    /// if it is gone already, or being removed by somebody else.
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
