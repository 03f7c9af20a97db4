use std::{fmt, str::FromStr};

/// A project's name, by which Compose tells what belongs to whom: everything of the project carries
/// it as the label `com.docker.compose.project`.
///
/// The rule is that of the Compose Specification ("Version and name top-level elements"): lower-case
/// letters, digits, `-` and `_`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// Names become parts of names of containers and networks, of which Docker takes long ones, and of
/// host names, of which the resolver does not.
const MAX_LEN: usize = 128;

/// A text that is no project's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the project name {name:?} can't be used: expected 1 to {MAX_LEN} of a-z, 0-9, \"-\" and \"_\", \
     beginning with a letter or digit"
)]
pub struct ProjectNameError {
    /// As given.
    pub name: String,
}

impl ProjectName {
    /// As it stands in labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name = text.len() <= MAX_LEN
            && text.starts_with(is_plain)
            && text.chars().all(|c| is_plain(c) || c == '-' || c == '_');
        if is_name {
            return Ok(Self(text.to_owned()));
        }
        let name = text.to_owned();
        Err(ProjectNameError { name })
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
