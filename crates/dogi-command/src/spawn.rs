//! Where programs are started.
//!
//! Everything here is such that the standard library takes `posix_spawn`, whose cost does not grow
//! with this process's memory: a group, a directory and an absolute path are fine, code that runs
//! between `fork` and `exec` is not.

use std::{
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::io::Errno;
use tokio::{
    net::unix::pipe,
    sync::{oneshot, watch},
    time::sleep,
};

use crate::{
    CommandSpec, Output, Process, Running, SpawnError, files::Files, group::Leader,
    program::may_execute, supervise::Supervisor, watch::Watch,
};

/// How long to wait, and how often, while somebody has the program's file open for writing. That may
/// be who just wrote it; or another process that was started in that moment and has the descriptor
/// until its own `exec`.
const BUSY: [Duration; 8] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
];

impl CommandSpec {
    /// Writes the files and starts the program.
    ///
    /// # Errors
    ///
    /// [`SpawnError`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time enabled.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped nothing was started, and the files are removed.
    pub async fn spawn(mut self) -> Result<Running, SpawnError> {
        self.check()?;
        let files = Files::write(std::mem::take(&mut self.files)).await?;
        let (output, writer) = new_pipe().map_err(|source| SpawnError::Pipe { source })?;
        let child = self.start(&files, writer).await?;
        // Nothing is waited for from here on: the child always gets its supervisor.
        let leader = Leader::new(child);
        let group = leader.group().clone();
        let (ended, when_ended) = watch::channel(None);
        let (exit, at_exit) = oneshot::channel();
        let linger = self.limits.linger;
        let supervisor = Supervisor {
            watch: Watch::new(group.leader(), self.limits.exit_watch),
            leader,
            limits: self.limits,
            files,
            ended,
            exit,
        };
        tokio::spawn(supervisor.run());
        Ok(Running {
            output: Output::new(output, when_ended, linger),
            process: Process::new(group, at_exit),
        })
    }

    /// The command holds ends of the pipe for writing, which are closed when this returns: otherwise
    /// the output would never end.
    async fn start(&self, files: &Files, writer: io::PipeWriter) -> Result<Child, SpawnError> {
        let mut command = self
            .command(files, writer)
            .map_err(|source| SpawnError::Pipe { source })?;
        for pause in BUSY {
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => sleep(pause).await,
                started => return started.map_err(|error| self.diagnose(error, files)),
            }
        }
        command.spawn().map_err(|error| self.diagnose(error, files))
    }

    fn command(&self, files: &Files, writer: io::PipeWriter) -> io::Result<Command> {
        let mut command = Command::new(self.program.path());
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(files.variables())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        if let Some(directory) = &self.working_directory {
            command.current_dir(directory);
        }
        Ok(command)
    }

    /// The kernel has one number for several causes.
    fn diagnose(&self, source: io::Error, files: &Files) -> SpawnError {
        let program = self.program.path().to_owned();
        if source.kind() == ErrorKind::ArgumentListTooLong {
            return self.too_long(files);
        }
        if source.kind() == ErrorKind::ExecutableFileBusy {
            return SpawnError::Busy { program };
        }
        if source.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) {
            return SpawnError::Format { program };
        }
        if let Some(path) = &self.working_directory
            && let Err(source) = enter(path)
        {
            let path = path.clone();
            return SpawnError::WorkingDirectory { path, source };
        }
        if source.kind() == ErrorKind::NotFound && program.exists() {
            return SpawnError::Interpreter { program };
        }
        SpawnError::Start { program, source }
    }

    fn too_long(&self, files: &Files) -> SpawnError {
        let arguments = std::iter::once(&self.name).chain(&self.arguments);
        let arguments: Vec<usize> = arguments.map(|text| text.len()).collect();
        let own = self.environment.iter();
        let own = own.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let environment: Vec<usize> = own
            .chain(files.variables())
            .map(|(name, value)| name.len() + "=".len() + value.len())
            .collect();
        let longest = arguments.iter().chain(&environment).max();
        SpawnError::TooLong {
            program: self.program.path().to_owned(),
            longest: longest.copied().unwrap_or_default(),
            arguments: arguments.iter().sum(),
            environment: environment.iter().sum(),
        }
    }
}

/// Both ends are closed in programs that are started, except where one is given to them.
fn new_pipe() -> io::Result<(pipe::Receiver, io::PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    Ok((reader, writer))
}

fn enter(directory: &Path) -> io::Result<()> {
    if !std::fs::metadata(directory)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    Ok(may_execute(directory)?)
}
