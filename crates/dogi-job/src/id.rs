use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Identifies one run for ever: 32 lower-case hexadecimal digits.
///
/// The engine makes them from UUIDs of version 7, so that they sort by the time of submission.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The text is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no run id: 32 lower-case hexadecimal digits are expected")]
pub struct RunIdError {
    /// What was given, at most its first 64 characters.
    pub text: String,
}

const LENGTH: usize = 32;

impl RunId {
    /// Reads an id from text.
    ///
    /// # Errors
    /// When `text` is anything but 32 digits from `0-9a-f`.
    pub fn parse(text: &str) -> Result<Self, RunIdError> {
        let digits = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == LENGTH && digits {
            Ok(Self(text.to_owned()))
        } else {
            Err(RunIdError {
                text: text.chars().take(64).collect(),
            })
        }
    }

    /// The id made of these 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(LENGTH);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, RunIdError> {
        Self::parse(&text)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({})", self.0)
    }
}
