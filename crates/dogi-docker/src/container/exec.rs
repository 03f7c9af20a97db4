//! Running another command in a running container.

use std::collections::BTreeMap;

use bollard::models::ExecConfig;
use bytes::Bytes;
use hyper_util::rt::TokioIo;

use super::{Container, Output};
use crate::error::EngineError;

/// A command to run in a container that runs already.
#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment on top of the container's.
    pub env: BTreeMap<String, String>,
    /// User; `None`: the container's own.
    pub user: Option<String>,
    /// Working directory; `None`: the container's own.
    pub working_dir: Option<String>,
    /// Whether to run it under a pseudo-terminal.
    pub tty: bool,
}

/// A command that was started.
#[derive(Debug)]
pub struct Exec {
    /// What it prints. Where the program could not be started, some engines print the reason here.
    pub output: Output,
    container: Container,
    id: String,
}

/// A command that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("can't run {command:?} in the container")]
pub struct ExecError {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The engine's answer.
    #[source]
    pub source: EngineError,
}

pub(crate) type Hijacked = TokioIo<hyper::upgrade::Upgraded>;

impl Container {
    /// Starts a command in the running container.
    ///
    /// Dropping the returned value detaches from the command; it ends with the container at the latest.
    ///
    /// # Errors
    /// The container does not run (409), or the engine refused, or is gone.
    pub async fn exec(&self, spec: &ExecSpec) -> Result<Exec, ExecError> {
        let failed = |source| ExecError {
            command: spec.command.clone(),
            source,
        };
        let (id, io) = self.exec_raw(spec, false).await.map_err(failed)?;
        let output = Output::read(self, "read a command's output", spec.tty, io);
        Ok(Exec {
            output,
            container: self.clone(),
            id,
        })
    }

    pub(crate) async fn exec_raw(
        &self,
        spec: &ExecSpec,
        stdin: bool,
    ) -> Result<(String, Hijacked), EngineError> {
        let what = "run a command in the container";
        let config = ExecConfig {
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(spec.tty),
            env: Some(
                spec.env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
            ),
            cmd: Some(spec.command.clone()),
            user: spec.user.clone(),
            working_dir: spec.working_dir.clone(),
            ..ExecConfig::default()
        };
        let created = self
            .docker
            .client()
            .create_exec(self.id.as_str(), config)
            .await
            .map_err(|err| self.docker.fault(what, err))?;
        let start = format!(r#"{{"Detach":false,"Tty":{}}}"#, spec.tty);
        let path = format!("/exec/{}/start", created.id);
        let io = self.docker.hijack(what, &path, Bytes::from(start)).await?;
        Ok((created.id, io))
    }
}

impl Exec {
    /// The command's exit code; `None` while it runs. Ask after the output has ended. Cancel safe.
    ///
    /// # Errors
    /// The container, or the engine, is gone.
    pub async fn exit_code(&self) -> Result<Option<i64>, EngineError> {
        let docker = &self.container.docker;
        let found = docker
            .client()
            .inspect_exec(&self.id)
            .await
            .map_err(|err| docker.fault("inspect a command", err))?;
        Ok(found.exit_code.filter(|_| found.running != Some(true)))
    }
}
