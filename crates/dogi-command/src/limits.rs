use std::time::Duration;

/// How long things may take, and what becomes of what is left.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The program is stopped when it takes longer. Default: no limit.
    pub time: Option<Duration>,
    /// Between SIGTERM and SIGKILL when it is stopped. Default: 5 s.
    pub grace: Duration,
    /// How long after the program's end its output is waited for when a process that it left behind
    /// keeps the pipe open. Default: 10 s.
    pub linger: Duration,
    /// The rest of the group after an end that nobody asked for. Default: it is left alone.
    pub leftovers: Leftovers,
    /// How the end is noticed.
    pub exit_watch: ExitWatch,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: None,
            grace: Duration::from_secs(5),
            linger: Duration::from_secs(10),
            leftovers: Leftovers::Leave,
            exit_watch: ExitWatch::Pidfd,
        }
    }
}

/// What becomes of processes that a program leaves behind in its group. After a stop they are
/// killed in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// They go on: a script may well start a server.
    Leave,
    /// SIGKILL, in the moment in which the program ends.
    Kill,
}

/// How the end of a program is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitWatch {
    /// By a pidfd (`pidfd_open(2)`, Linux 5.3), and by a thread where there is none.
    Pidfd,
    /// By a thread of the runtime's pool that waits for this one program, for a kernel or a sandbox
    /// whose pidfds can't be polled.
    Thread,
}
