//! What is wrong with the settings: everything at once, each with its place.

use std::fmt;
use std::path::{Path, PathBuf};

use super::masked::masked;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, without `--`.
    Flag(String),
    /// An environment variable.
    Env(String),
    /// A place in a file; lines and columns count from 1.
    File {
        /// The file as the operator named it.
        file: PathBuf,
        /// The line, 0 when only the file as a whole is meant.
        line: u64,
        /// The key, as a path with dots; empty for the file as a whole.
        key: String,
    },
    /// Nobody set it.
    Default(&'static str),
}

impl Origin {
    /// A file as a whole.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self::File {
            file: file.to_path_buf(),
            line: 0,
            key: String::new(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Env(name) => write!(f, "${name}"),
            Self::File { file, line: 0, .. } => write!(f, "{}", file.display()),
            Self::File { file, line, key } if key.is_empty() => {
                write!(f, "{}:{line}", file.display())
            }
            Self::File { file, line, key } => write!(f, "{}:{line}: {key}", file.display()),
            Self::Default(name) => write!(f, "{name} (default)"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The value as found; `None` for secrets and where there is none.
    pub value: Option<String>,
    /// What is wrong, or what was expected.
    pub message: String,
}

impl Problem {
    /// A mistake without a value worth quoting.
    #[must_use]
    pub fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            value: None,
            message: message.into(),
        }
    }

    /// Quotes the value, without any user and password in it.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(masked(&value.into()).into_owned());
        self
    }
}

impl From<dogi_yaml::Mistake> for Problem {
    fn from(mistake: dogi_yaml::Mistake) -> Self {
        let origin = Origin::File {
            file: mistake.file,
            line: mistake.line,
            key: mistake.key,
        };
        let problem = Self::new(origin, mistake.message);
        match mistake.value {
            Some(value) => problem.with_value(value),
            None => problem,
        }
    }
}

/// Long values are cut here in reports.
const QUOTED: usize = 120;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(value) = &self.value {
            let mut short: String = value.chars().take(QUOTED).collect();
            if short.len() < value.len() {
                short.push('…');
            }
            write!(f, "{short:?}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Every mistake in the settings. Its text is the report, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Report(pub Vec<Problem>);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("a setting is wrong:")?,
            n => write!(f, "{n} settings are wrong:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
