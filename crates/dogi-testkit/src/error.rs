use std::{io, time::Duration};

/// What can go wrong while a test's surroundings are set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that the kit runs is not installed.
    #[error("the program `{program}` is not installed: on Debian, `apt-get install {package}`")]
    MissingProgram {
        /// The program that was looked for.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A program ended with an error.
    #[error("`{command}` failed with {status}: {output}")]
    Failed {
        /// The command line, for reading.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed on both channels.
        output: String,
    },
    /// A server ended before it answered.
    #[error("`{program}` ended before it was ready: {output}")]
    Ended {
        /// The program.
        program: String,
        /// What it printed on both channels.
        output: String,
    },
    /// A condition did not come true in time.
    #[error("waited {limit:?} for {what}, in vain")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// The result of setting something up.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds what was being done to an [`io::Error`].
pub(crate) trait Context<T> {
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io {
            what: what.into(),
            source,
        })
    }
}
