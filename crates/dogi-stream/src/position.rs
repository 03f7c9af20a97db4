//! Where a reader stands in a log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place in a log: which generation of the content, and how many of its bytes come before.
///
/// Printed and parsed as `generation:offset`, for example `0:4096`. A position stays valid for as
/// long as the log is on its generation: bytes once published never change. What happens to a
/// position that is not valid any more is told at [`Log::follow`](crate::Log::follow).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Counts how often the content started over (truncated or replaced); begins at 0.
    pub generation: u64,
    /// Bytes of that generation before this position.
    pub offset: u64,
}

impl Position {
    /// The beginning: with no byte seen, whatever the generation is.
    pub const START: Self = Self {
        generation: 0,
        offset: 0,
    };

    /// The position `offset` bytes into `generation`.
    pub const fn new(generation: u64, offset: u64) -> Self {
        Self { generation, offset }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.generation, self.offset)
    }
}

/// The text is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a position: expected generation:offset, two decimal numbers, such as 0:4096"
)]
pub struct ParsePositionError {
    /// The text as it was given (its first 64 characters).
    pub text: String,
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once(':')
            .and_then(|(generation, offset)| {
                Some(Self {
                    generation: decimal(generation)?,
                    offset: decimal(offset)?,
                })
            })
            .ok_or_else(|| ParsePositionError {
                text: text.chars().take(64).collect(),
            })
    }
}

/// Only the form that `Display` prints, so that equal positions are equal texts: no sign, no
/// leading zero.
fn decimal(digits: &str) -> Option<u64> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    if canonical { digits.parse().ok() } else { None }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
