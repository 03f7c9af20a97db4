//! What a container runs.

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// Longest command, in bytes; Linux takes 128 KiB in one argument.
const MAX_COMMAND: usize = 64 * 1024;

/// The command of a container, instead of the image's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Shape", into = "Shape")]
pub enum Command {
    /// These arguments, the program first (`cmd`).
    Args(Vec<String>),
    /// This line, by `bash -c` (`bashc`).
    Bash(String),
}

impl Command {
    /// `cmd`: the text split at spaces; several in a row count as one.
    ///
    /// # Errors
    /// When nothing is left, it holds a NUL, or is longer than 64 KiB.
    pub fn split(text: &str) -> Result<Self, InvalidValue> {
        let args = text
            .split(' ')
            .filter(|arg| !arg.is_empty())
            .map(str::to_owned)
            .collect();
        Self::args(args)
    }

    /// A list of arguments, the program first.
    ///
    /// # Errors
    /// When there is no program, an argument holds a NUL, or they are longer than 64 KiB together.
    pub fn args(args: Vec<String>) -> Result<Self, InvalidValue> {
        Self::Args(args).checked()
    }

    /// `bashc`: a line for `bash -c`.
    ///
    /// # Errors
    /// When it is empty, holds a NUL, or is longer than 64 KiB.
    pub fn bash(line: impl Into<String>) -> Result<Self, InvalidValue> {
        Self::Bash(line.into()).checked()
    }

    /// The arguments as the container gets them.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Args(args) => args.clone(),
            Self::Bash(line) => vec!["bash".to_owned(), "-c".to_owned(), line.clone()],
        }
    }

    pub(crate) fn checked(self) -> Result<Self, InvalidValue> {
        let text = match &self {
            Self::Args(args) => args.join(" "),
            Self::Bash(line) => line.clone(),
        };
        let named = match &self {
            Self::Args(args) => args.first().is_some_and(|program| !program.is_empty()),
            Self::Bash(line) => !line.is_empty(),
        };
        let reason = if !named {
            "it names no program".to_owned()
        } else if text.contains('\0') {
            "it holds '\\0'".to_owned()
        } else if text.len() > MAX_COMMAND {
            crate::names::too_long(&text, MAX_COMMAND)
        } else {
            return Ok(self);
        };
        let allowed = "a program and its arguments, at most 64 KiB, without NUL";
        Err(InvalidValue::new("a command", &text, reason, allowed))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Args(Vec<String>),
    Bash(String),
}

impl TryFrom<Shape> for Command {
    type Error = InvalidValue;

    fn try_from(shape: Shape) -> Result<Self, Self::Error> {
        match shape {
            Shape::Args(args) => Self::args(args),
            Shape::Bash(line) => Self::bash(line),
        }
    }
}

impl From<Command> for Shape {
    fn from(command: Command) -> Self {
        match command {
            Command::Args(args) => Self::Args(args),
            Command::Bash(line) => Self::Bash(line),
        }
    }
}
