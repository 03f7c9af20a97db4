use std::{ffi::OsString, fmt, io, path::PathBuf};

use dogi_command::{Exit, LookupError, SpawnError, WaitError};

use crate::{DotenvError, PathFault, Refusal};

/// Compose is not on this machine, or does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Neither of them is there.
    #[error(
        "there is no Compose on this machine: neither does `docker compose version` work nor is \
         there a program `docker-compose` in PATH ({search:?}); on Debian, `apt-get install \
         docker-compose` brings one{}", after(.said)
    )]
    Neither {
        /// Where it was looked for.
        search: OsString,
        /// What the docker program said to `compose version`; empty when there is no such program.
        said: String,
    },
    /// It is there and does not tell its version.
    #[error("`{program} version` ended with {exit}{}", after(.said))]
    Broken {
        /// The program.
        program: String,
        /// How it ended.
        exit: Exit,
        /// What it printed.
        said: String,
    },
    /// It can't be started.
    #[error("`{program} version` can't be run")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: RunError,
    },
}

/// A program was not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It was not started.
    #[error("the program was not started")]
    Spawn(#[from] SpawnError),
    /// How it ended is not known.
    #[error("how the program ended is not known")]
    Wait(#[from] WaitError),
    /// Its output can't be read.
    #[error("the program's output can't be read")]
    Output(#[source] io::Error),
    /// The caller's token was cancelled. The program has ended.
    #[error("cancelled")]
    Cancelled,
}

/// A project was not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// The checkout is not there.
    #[error("the checkout {path:?} can't be entered")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The Compose file is not one of the checkout's.
    #[error("the Compose file {file:?} can't be used: a file inside the checkout was expected")]
    File {
        /// As given.
        file: PathBuf,
        /// Where it leads.
        #[source]
        source: PathFault,
    },
    /// The Compose file was given by an absolute path.
    #[error(
        "the Compose file {file:?} can't be used: a path relative to the checkout, without `..`, was \
         expected"
    )]
    FileName {
        /// As given.
        file: PathBuf,
    },
    /// A file of the checkout can't be read.
    #[error("{path:?} in the checkout can't be read")]
    Read {
        /// Relative to the checkout.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// A Compose file is no YAML.
    #[error("the Compose file is refused")]
    Source(#[source] dogi_yaml::Mistake),
    /// `.env` is not understood.
    #[error("{path:?} in the checkout is not understood")]
    Dotenv {
        /// Relative to the checkout.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: DotenvError,
    },
    /// The program does not take the file; what it said went to the sink.
    #[error("the Compose file {file:?} is refused by `{program} config`, which ended with {exit}")]
    Config {
        /// Relative to the checkout.
        file: PathBuf,
        /// The program.
        program: String,
        /// How it ended.
        exit: Exit,
    },
    /// The program resolved the file to something that is not understood.
    #[error("what `{program} config` prints is not understood: {reason}")]
    Model {
        /// The program.
        program: String,
        /// What was wrong.
        reason: String,
    },
    /// The project asks for what it may not have.
    #[error("the project asks for what it may not have: {}", Lines(.0))]
    Refused(Vec<Refusal>),
    /// There is no such service.
    #[error("the Compose file {file:?} has no service {service:?}; it has: {}", .known.join(", "))]
    Service {
        /// Relative to the checkout.
        file: PathBuf,
        /// The one that was asked for.
        service: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A file for the program can't be written.
    #[error("{path:?} can't be written")]
    Scratch {
        /// The file or directory.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// A value that a file for a program can't hold.
    #[error("the value of the variable {variable:?} has {what}, which can't be passed on here")]
    Value {
        /// The variable.
        variable: String,
        /// What is in it.
        what: &'static str,
    },
    /// A program of the operator, or docker, is not there.
    #[error("the command can't be run")]
    Lookup(#[from] LookupError),
    /// A step failed; what the program said went to the sink.
    #[error("`{step}` ended with {exit}")]
    Step {
        /// The step, such as `docker-compose build`.
        step: String,
        /// How it ended.
        exit: Exit,
    },
    /// A program was not run to its end.
    #[error("`{step}` was not run to its end")]
    Run {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// The caller's token was cancelled. The programs have ended; what they made is still there, for
    /// [`down`](crate::Compose::down).
    #[error("cancelled")]
    Cancelled,
}

/// A project was not taken down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownError {
    /// There is no docker program, by which what is left is found.
    #[error("what is left of a project is found by the docker program, which is not there")]
    Docker(#[source] LookupError),
    /// The docker program failed.
    #[error("`{step}` ended with {exit}: {said}")]
    Step {
        /// The command.
        step: String,
        /// How it ended.
        exit: Exit,
        /// The beginning of what it printed.
        said: String,
    },
    /// It was not run to its end.
    #[error("`{step}` was not run to its end")]
    Run {
        /// The command.
        step: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// It goes on making things, or they can't be removed.
    #[error("of the project {project:?} there is still: {}", .left.join(", "))]
    Left {
        /// The project.
        project: String,
        /// What, with its kind.
        left: Vec<String>,
    },
    /// A file for the programs can't be written.
    #[error("{path:?} can't be written")]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

struct Lines<'a>(&'a [Refusal]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{refusal}")?;
        }
        Ok(())
    }
}

fn after(said: &str) -> String {
    if said.is_empty() {
        return String::new();
    }
    format!("; it said: {said}")
}
