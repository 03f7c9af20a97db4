use std::{fmt, path::Path};

use dogi_job::{Exit, HostCommand};
use futures::future::BoxFuture;

use crate::{
    outputs::RunOutputs,
    ports::{StepError, Work},
};

/// What runs the operator's own commands on this machine.
pub trait Host: fmt::Debug + Send + Sync {
    /// Runs a command to its end, its output going to the log.
    ///
    /// Records [`dogi_job::Event::Started`] before the program starts, so that none is ever started
    /// twice. When cancelled, ends the program and its children first.
    fn run<'a>(
        &'a self,
        request: CommandRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>>;
}

/// Asks for a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandRequest<'a> {
    /// What it belongs to.
    pub command: &'a HostCommand,
    /// The file with what was submitted beside the spec: what exactly is to be run, in the form that
    /// the submitter and this port agree on.
    pub details: &'a Path,
    /// Where the output goes.
    pub outputs: &'a RunOutputs,
}

/// The host port of an engine that runs no commands.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn run<'a>(
        &'a self,
        request: CommandRequest<'a>,
        _: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        let message = format!(
            "{:?} is a command on the server's machine, and this server runs none",
            request.command.name
        );
        let refused = StepError::failed(dogi_job::FailureKind::Forbidden, message);
        Box::pin(async { Err(refused) })
    }
}
