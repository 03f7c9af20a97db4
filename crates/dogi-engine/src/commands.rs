//! Commands of the operator's on this machine, as runs.

use std::io;

use dogi_job::{Spec, StopCause, Submit};

use crate::{Engine, RunHandle, SubmitError, governor};

impl Engine {
    /// Submits a command on this machine ([`Spec::of_command`]). It runs beside others of its name,
    /// as many at once as its spec says, and the others wait.
    ///
    /// `details` say what exactly is run, in a form that the [`Host`](crate::ports::Host) knows. They are kept beside
    /// the outputs, for the owner's eyes only, and not in the history: a command is never begun
    /// again. Those that had not ended when the server did are `lost` in its next life.
    ///
    /// Cancel safe, as [`Engine::submit`].
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was started and nothing is left then.
    pub async fn submit_command(
        &self,
        mut spec: Spec,
        details: Vec<u8>,
    ) -> Result<RunHandle, SubmitError> {
        if self.shared().is_closing() {
            return Err(SubmitError::Closing);
        }
        self.shared().config.ceilings.apply(&mut spec)?;
        governor::admit(self.shared()).await?;
        let submitted = self.shared().submit(spec, Submit::Beside, Some(details));
        Ok(submitted.await?.run)
    }

    /// What exactly a run of [`Engine::submit_command`] ran.
    ///
    /// # Errors
    /// When its files are gone, or it never had such details.
    pub async fn command_details(&self, run: &RunHandle) -> io::Result<Vec<u8>> {
        let path = run.command_details();
        let read = self.shared().workers.complete(move || std::fs::read(path));
        read.await.flatten()
    }

    /// How many commands on this machine are under way or wait.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.shared().directory().commands()
    }

    /// Waits until no command on this machine is under way. Cancel safe. For a server that stops,
    /// after [`Engine::close`]: containers go on without it, and commands do not.
    pub async fn commands_ended(&self) {
        while let Some(run) = self.running_commands().pop() {
            run.stopped().await;
        }
    }

    /// Ends the commands that are under way, each with its children, and waits until they are gone:
    /// they are asked to end, and killed some seconds later. They are told as lost.
    ///
    /// Cancel safe: what was told to stop stops.
    pub async fn end_commands(&self) {
        for run in self.running_commands() {
            let reason = "the server was stopped while the command ran".to_owned();
            let cause = StopCause::Lost { reason };
            self.shared().directory().stop(run.id(), cause);
        }
        self.commands_ended().await;
    }

    fn running_commands(&self) -> Vec<RunHandle> {
        let mut running = self.jobs();
        running.retain(|run| {
            let began = run.status().started_at.is_some();
            let spec = run.spec();
            let here = spec.host_command().is_some() || spec.local().is_some();
            began && here && !run.status().stopped
        });
        running
    }
}
