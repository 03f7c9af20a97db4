//! Small texts of `dogi.yaml`: how they are read, and what they may be.

use std::fmt;
use std::str::FromStr;

use dogi_url::InvalidValue;
use dogi_yaml::{Node, Reader};

/// A name of letters, digits, `_`, `.` and `-`, at most 100, beginning with a letter, a digit or
/// `_`: of a service of a compose project, or of a run for its commit status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainName(String);

impl PlainName {
    /// What it may be, to go after "expected".
    pub(super) const EXPECTED: &str = "1 to 100 letters, digits, `_`, `.` and `-`, beginning with \
                                       a letter, a digit or `_`";

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// With the bad text as the error.
impl FromStr for PlainName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        match begins && text.len() <= 100 && text.chars().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(text.to_owned()),
        }
    }
}

impl fmt::Display for PlainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a single value; what `parse` refuses is a mistake that quotes it.
pub(super) fn value<T, E>(
    reader: &mut Reader<'_>,
    node: Node,
    path: &str,
    expected: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let line = node.line;
    let text = reader.scalar(node, path, expected)?;
    match parse(&text) {
        Ok(value) => Some(value),
        Err(_) => {
            reader.mistaken_value(line, path, text, format!("expected {expected}"));
            None
        }
    }
}

/// The same for the types of run URLs, whose errors know what is expected.
pub(super) fn typed<T>(
    reader: &mut Reader<'_>,
    node: Node,
    path: &str,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Option<T> {
    let line = node.line;
    let text = reader.scalar(node, path, "a single value")?;
    checked(reader, line, path, text, parse)
}

/// The same for a text that was read already, such as a key.
pub(super) fn checked<T>(
    reader: &mut Reader<'_>,
    line: u64,
    path: &str,
    text: String,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Option<T> {
    match parse(&text) {
        Ok(value) => Some(value),
        Err(error) => {
            reader.mistaken_value(line, path, text, complaint(&error));
            None
        }
    }
}

/// What is wrong with a value that is quoted already.
pub(super) fn complaint(error: &InvalidValue) -> String {
    let reason = match error.reason() {
        "" => String::new(),
        reason => format!("; {reason}"),
    };
    let nearest = error.nearest();
    let nearest = nearest.map_or_else(String::new, |word| format!("; did you mean {word:?}?"));
    format!("expected {}{reason}{nearest}", error.allowed())
}

/// `true` or `false`.
pub(super) fn flag(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<bool> {
    reader.choice(node, path, &[("true", true), ("false", false)])
}
