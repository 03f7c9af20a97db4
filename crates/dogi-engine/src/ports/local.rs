use std::{fmt, path::Path};

use dogi_job::{Exit, FailureKind, RunId, Spec};
use futures::future::BoxFuture;

use crate::{
    outputs::RunOutputs,
    ports::{Alive, Checkout, SecretValues, StepError, Work},
};

/// What runs programs of this machine in a checkout.
pub trait Local: fmt::Debug + Send + Sync {
    /// Runs them to their end, their output going to the log.
    ///
    /// Records [`dogi_job::Event::Started`] before the first starts, so that nothing is ever done twice.
    /// When cancelled, ends them and what they made first.
    fn run<'a>(
        &'a self,
        request: LocalRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>>;

    /// Removes whatever the run left. Doing it twice does no harm.
    fn cleanup<'a>(
        &'a self,
        run: &'a RunId,
        spec: &'a Spec,
    ) -> BoxFuture<'a, Result<(), StepError>>;

    /// Removes what belongs to runs that are not `alive`. Returns of how many there was something.
    fn sweep<'a>(&'a self, alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>>;
}

/// Asks for a run of this machine's programs.
#[derive(Debug, Clone, Copy)]
pub struct LocalRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// The files.
    pub checkout: &'a dyn Checkout,
    /// The event that started the run, if it is kept.
    pub event: &'a Path,
    /// The values of its secrets, which are to appear in no output.
    pub secrets: &'a SecretValues,
    /// Where the output goes.
    pub outputs: &'a RunOutputs,
}

/// The port of an engine that runs no programs of its machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLocal;

impl Local for NoLocal {
    fn run<'a>(
        &'a self,
        _: LocalRequest<'a>,
        _: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        let message = "the run wants programs of the server's machine, and this server runs none";
        let refused = StepError::failed(FailureKind::Forbidden, message);
        Box::pin(async { Err(refused) })
    }

    fn cleanup<'a>(&'a self, _: &'a RunId, _: &'a Spec) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }

    fn sweep<'a>(&'a self, _: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        Box::pin(async { Ok(0) })
    }
}
