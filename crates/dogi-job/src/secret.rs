use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the operator calls a secret, such as `github.com/acme/*#NPM_TOKEN`: any text without control
/// characters, 1 to 1024 bytes. It is no secret itself, and is recorded and shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// The text is no name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no name of a secret: {reason}; 1 to {} bytes of text without control characters are expected",
    SecretName::LONGEST
)]
pub struct SecretNameError {
    /// What was given, at most its first 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl SecretName {
    /// The longest name, in bytes.
    pub const LONGEST: usize = 1024;

    /// Reads a name from text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, SecretNameError> {
        Self::try_from(text.to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretName {
    type Error = SecretNameError;

    fn try_from(text: String) -> Result<Self, SecretNameError> {
        let reason = match text.chars().find(|c| c.is_control()) {
            Some(c) => format!("it holds {c:?}"),
            None if text.is_empty() => "it is empty".to_owned(),
            None if text.len() > Self::LONGEST => format!("it has {} bytes", text.len()),
            None => return Ok(Self(text)),
        };
        Err(SecretNameError {
            text: text.chars().take(64).collect(),
            reason,
        })
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        Self::parse(text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretName({})", self.0)
    }
}
