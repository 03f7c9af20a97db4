use std::{fmt, os::unix::process::ExitStatusExt as _, process::ExitStatus};

/// How a program ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// What the kernel says.
    pub status: Status,
    /// Whether it was told to end; what it made of that is in `status`.
    pub stopped: Option<Stopped>,
}

impl Exit {
    /// Whether it ended by itself, with code 0.
    pub fn success(&self) -> bool {
        self.status == Status::Code(0) && self.stopped.is_none()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)?;
        match self.stopped {
            None => Ok(()),
            Some(Stopped::TimeLimit) => f.write_str(" after its time limit"),
            Some(Stopped::Asked) => f.write_str(" after it was stopped"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code (0 to 255).
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl Status {
    /// The code as a shell has it in `$?`: 128 and the signal's number if it was one.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => 128 + number,
        }
    }

    pub(crate) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            // A process that is over has one of the two.
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => write!(f, "ended by signal {number}"),
        }
    }
}

/// Why a program was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It took longer than [`Limits::time`](crate::Limits::time).
    TimeLimit,
    /// By [`Process::stop`](crate::Process::stop) or a [`Stopper`](crate::Stopper).
    Asked,
}
