//! What the process's exit code means.

use std::process::ExitCode;

/// How the program ended. The codes stand in `dogi --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success,
    /// A job ended with this code of its own (1 to 255).
    Job(u8),
    /// The job ran into its time-out (as with `timeout`).
    TimedOut,
    /// dogi failed at the job before its program could end: clone, build, start (as with
    /// `docker run`).
    NotRun,
    /// The command line or a setting is wrong.
    Usage,
    /// Something that is needed is not there: the address, the data directory, the engine, the
    /// server.
    Unavailable,
    /// A fault of dogi.
    Internal,
    /// Stopped by a signal.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Job(code) => code.max(1),
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::TimedOut => 124,
            Self::NotRun => 125,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
