use std::{fmt, sync::Arc};

use rustix::process::Signal;
use tokio::sync::oneshot;

use crate::{Collected, Exit, Output, WaitError, group::Group};

/// A program that was started: its output, and itself.
#[derive(Debug)]
pub struct Running {
    /// What it writes. Dropping this closes the pipe, which ends most programs at their next write.
    pub output: Output,
    /// The program. Dropping this kills it.
    pub process: Process,
}

impl Running {
    /// Reads up to `limit` bytes of the output, drops the rest, and waits for the end.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; what was read is lost then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the program.
    pub async fn collect(mut self, limit: usize) -> Result<(Collected, Exit), WaitError> {
        let process = self.process.id();
        let collected = self.output.read_to_limit(limit).await;
        let collected = collected.map_err(|source| WaitError::Output { process, source })?;
        Ok((collected, self.process.wait().await?))
    }

    /// Waits for the program's end. Output that nobody has read is read and dropped meanwhile, so
    /// that the program does not stand still.
    ///
    /// # Errors
    ///
    /// [`WaitError`].
    ///
    /// # Cancel safety
    ///
    /// The end is not missed. Output that was read meanwhile is lost.
    pub async fn wait(&mut self) -> Result<Exit, WaitError> {
        let process = self.process.id();
        let reading = async {
            while self.output.next().await?.is_some() {}
            Ok(())
        };
        tokio::pin!(reading);
        let mut over = false;
        loop {
            tokio::select! {
                biased;
                exit = self.process.wait() => return exit,
                read = &mut reading, if !over => {
                    over = true;
                    read.map_err(|source| WaitError::Output { process, source })?;
                }
            }
        }
    }
}

/// The handle of a program. Dropping it kills the program's whole group at once, unless its end was
/// noticed before, and a task in the background reaps it. Files that were written for the program go
/// with it.
#[derive(Debug)]
pub struct Process {
    group: Arc<Group>,
    exit: oneshot::Receiver<Result<Exit, WaitError>>,
    told: Option<Exit>,
}

impl Process {
    pub(crate) fn new(group: Arc<Group>, exit: oneshot::Receiver<Result<Exit, WaitError>>) -> Self {
        Self {
            group,
            exit,
            told: None,
        }
    }

    /// The process id, which is the number of its group too. For people to read: once the program
    /// has ended it may be another one's.
    pub fn id(&self) -> u32 {
        self.group.leader().as_raw_pid().unsigned_abs()
    }

    /// Waits until the program has ended, was reaped, and its files are removed. Does not read its
    /// output: see [`Running::wait`].
    ///
    /// # Errors
    ///
    /// [`WaitError::Unknown`], and [`WaitError::Gone`] when the runtime ends.
    ///
    /// # Cancel safety
    ///
    /// The end is not missed; asking again is possible, after the end as well.
    pub async fn wait(&mut self) -> Result<Exit, WaitError> {
        if let Some(exit) = self.told {
            return Ok(exit);
        }
        let process = self.id();
        // After a failure the channel is used up.
        let exit = if self.exit.is_terminated() {
            Err(WaitError::Gone { process })
        } else {
            let told = (&mut self.exit).await;
            told.unwrap_or(Err(WaitError::Gone { process }))
        }?;
        self.told = Some(exit);
        Ok(exit)
    }

    /// Ends the program: SIGTERM to its group, SIGKILL to what is left after the grace. Returns when
    /// it has ended.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// The program is stopped all the same.
    pub async fn stop(&mut self) -> Result<Exit, WaitError> {
        self.stopper().stop();
        self.wait().await
    }

    /// A handle that stops the program while somebody else waits for it.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.group.clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.signal(Signal::KILL);
    }
}

/// Stops a program from elsewhere. Dropping it does nothing.
#[derive(Clone)]
pub struct Stopper(Arc<Group>);

impl Stopper {
    /// Begins to end the program, as [`Process::stop`] does. Nothing happens when it has ended.
    pub fn stop(&self) {
        self.0.stop.notify_one();
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stopper").field(&self.0.leader()).finish()
    }
}
