//! Commands of the operator's on this machine, as runs.

use std::io;

use dogi_job::{Spec, Submit};

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

    /// Waits until no command on this machine is under way or waits. Cancel safe. For a server that
    /// stops: containers go on without it, and commands do not.
    pub async fn commands_ended(&self) {
        loop {
            let run = self
                .jobs()
                .into_iter()
                .find(|run| run.spec().host_command().is_some());
            match run {
                Some(run) => drop(run.stopped().await),
                None => return,
            }
        }
    }
}
