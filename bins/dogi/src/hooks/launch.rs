//! From what a hook has prepared to a program that runs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use dogi_command::{Collected, Exit, LookupError, Running, SpawnError, Stopped, WaitError};
use dogi_engine::adapters::{CommandDetails, FileDetails, HostRunner, Text};
use dogi_hooks::incoming::Command;

/// Bytes of a command's output that go into an answer; what is more is read and dropped.
const MAX_ANSWER: usize = 8 << 20;

/// A command could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// There is no such program.
    #[error("the command can't be found")]
    Lookup(#[from] LookupError),
    /// It did not start.
    #[error("the command can't be started")]
    Spawn(#[from] SpawnError),
    /// Its end was missed.
    #[error("the command's end was missed")]
    Wait(#[from] WaitError),
}

/// What a command wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) output: Collected,
    pub(crate) exit: Exit,
}

impl Captured {
    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        (!self.exit.success()).then(|| failure(&self.exit))
    }
}

/// How a command that failed ended, in words.
pub(crate) fn failure(exit: &Exit) -> String {
    match exit.stopped {
        Some(Stopped::TimeLimit) => "the command took too long, and was stopped".to_owned(),
        Some(Stopped::Asked) => "the command was stopped".to_owned(),
        None => format!("the command failed: {}", exit.status),
    }
}

/// Bytes that a command takes in memory, about.
pub(crate) fn size(command: &Command) -> usize {
    let arguments = command.arguments.iter().map(Vec::len);
    let environment = command.environment.iter().map(|(_, value)| value.len());
    let files = command.files.iter().map(|file| file.content.len());
    arguments.chain(environment).chain(files).sum()
}

/// What exactly is to be run, for a run of the engine or for [`spawn`]. `without`: the variables with
/// secrets of hooks, which no command inherits.
pub(crate) fn details(command: Command, without: &BTreeSet<String>) -> CommandDetails {
    let text = |text: String| Text(OsString::from(text));
    let environment = command.environment.into_iter();
    let files = command.files.into_iter();
    CommandDetails {
        command: text(command.program),
        arguments: command.arguments.into_iter().map(Text::from).collect(),
        environment: environment
            .map(|(name, value)| (text(name), Text::from(value)))
            .collect(),
        files: files
            .map(|file| FileDetails {
                variable: text(file.variable),
                content: Text::from(file.content),
            })
            .collect(),
        working_directory: command.directory.map(PathBuf::from),
        without: without.iter().cloned().map(text).collect(),
    }
}

/// Starts a command that somebody waits for.
///
/// # Errors
/// See [`LaunchError`]; nothing runs then.
pub(crate) async fn spawn(
    host: &HostRunner,
    details: &CommandDetails,
    timeout: Duration,
) -> Result<Running, LaunchError> {
    let mut spec = host.spec(details)?;
    spec.limits.time = Some(timeout);
    Ok(spec.spawn().await?)
}

/// Reads what a command writes to its end. Dropping the future kills it.
///
/// # Errors
/// See [`LaunchError`].
pub(crate) async fn collect(running: Running) -> Result<Captured, LaunchError> {
    let (output, exit) = running.collect(MAX_ANSWER).await?;
    Ok(Captured { output, exit })
}
