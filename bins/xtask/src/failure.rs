use std::{error::Error, fmt};

/// Why a task could not be done, as a sentence for a person.
#[derive(Debug)]
pub struct Failure(String);

/// The result of a task.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// `Err` with this text.
    pub(crate) fn err<T>(text: impl Into<String>) -> Result<T> {
        Err(Self::new(text))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

/// Says what was being done when an error came.
pub(crate) trait Doing<T> {
    /// "cannot {what}: {the whole chain of the error}".
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: Error> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| {
            let mut text = format!("cannot {what}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            Failure(text)
        })
    }
}
