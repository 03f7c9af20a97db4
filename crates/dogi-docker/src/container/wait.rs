//! How a container ended, or how it is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::WaitContainerOptions;
use futures::StreamExt;

use super::Container;
use crate::error::EngineError;

/// Exit code of a process that was killed, by the kernel for want of memory for example.
pub(super) const KILLED: i64 = 137;
/// How often, and how long apart, the engine is asked whether it was.
const OOM_LOOKS: usize = 30;
const OOM_PAUSE: Duration = Duration::from_millis(50);

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// Exit code of its first process; 128 + the signal's number when a signal ended it.
    pub code: i64,
    /// Whether the kernel killed a process of it for want of memory.
    pub oom_killed: bool,
    /// What the engine has to say about the end, mostly nothing.
    pub error: Option<String>,
}

/// How a container is right now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running (or paused).
    Running,
    /// Ended.
    Exited(Exit),
}

impl Container {
    /// Waits until the container does not run (one that was never started counts) and tells how it
    /// ended. Cancel safe. Read the output to its end first: the end of the output comes earlier.
    ///
    /// # Errors
    /// The container is gone (404), or the engine: then how it ended is not known.
    pub async fn wait(&self) -> Result<Exit, EngineError> {
        let what = "wait for the container";
        let code = self.wait_until("not-running", what).await?;
        let mut exit = Exit {
            code,
            oom_killed: false,
            error: None,
        };
        // The wait tells the code only; everything else is in the container's state. The engine hears
        // of a lack of memory and of the end from different sides, sometimes in this order.
        for _ in 0..OOM_LOOKS {
            let found = match self.inspect().await {
                Ok(found) => found,
                // Removed meanwhile: the code is what counts.
                Err(err) if err.is_not_found() => break,
                Err(err) => return Err(err),
            };
            let limited = found
                .host_config
                .and_then(|host| host.memory)
                .is_some_and(|max| max > 0);
            let state = found.state.unwrap_or_default();
            exit.oom_killed = state.oom_killed.unwrap_or(false);
            exit.error = state.error.filter(|text| !text.is_empty());
            // A kill that was asked for needs no other reason.
            let asked = self.told_to_end.load(Ordering::Acquire);
            if exit.oom_killed || !limited || code != KILLED || asked {
                break;
            }
            tokio::time::sleep(OOM_PAUSE).await;
        }
        Ok(exit)
    }

    /// Whether it has been started, runs, or how it ended. Cancel safe.
    ///
    /// # Errors
    /// The container is gone (404), or the engine.
    pub async fn state(&self) -> Result<ContainerState, EngineError> {
        let state = self.inspect().await?.state.unwrap_or_default();
        if state.running == Some(true) || state.restarting == Some(true) {
            return Ok(ContainerState::Running);
        }
        if state.status == Some(bollard::models::ContainerStateStatusEnum::CREATED) {
            return Ok(ContainerState::Created);
        }
        Ok(ContainerState::Exited(Exit {
            code: state.exit_code.unwrap_or(-1),
            oom_killed: state.oom_killed.unwrap_or(false),
            error: state.error.filter(|text| !text.is_empty()),
        }))
    }

    pub(super) async fn inspect(&self) -> Result<ContainerInspectResponse, EngineError> {
        self.docker
            .client()
            .inspect_container(self.id.as_str(), None)
            .await
            .map_err(|err| self.docker.fault("inspect the container", err))
    }

    /// As [`Container::wait`], without asking how it ended.
    pub(crate) async fn wait_not_running(&self) -> Result<(), EngineError> {
        self.wait_until("not-running", "wait for the container")
            .await
            .map(drop)
    }

    pub(super) async fn wait_until(&self, condition: &str, what: &str) -> Result<i64, EngineError> {
        let options = WaitContainerOptions {
            condition: condition.to_owned(),
        };
        let mut answers = Box::pin(
            self.docker
                .client()
                .wait_container(self.id.as_str(), Some(options)),
        );
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // A code other than zero comes as an error of the client library.
            Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(err)) => Err(self.docker.fault(what, err)),
            None => Err(self.docker.lost(
                what,
                std::io::Error::from(std::io::ErrorKind::UnexpectedEof),
            )),
        }
    }
}
