//! Names that a request gives to things.

use crate::InvalidValue;
use crate::text::text_type;

/// Longest name of an output, node, stage or namespace, in bytes.
const MAX_NAME: usize = 128;
/// Longest id or group, in bytes.
const MAX_LABEL: usize = 256;

text_type! {
    /// The name of an environment variable or a build argument.
    ///
    /// ASCII letters, digits, `_`, `.` and `-`, not beginning with a digit, `.` or `-`.
    EnvName, env_name
}

text_type! {
    /// The `NAME` of `file_NAME`: a file of the container that becomes an output.
    ///
    /// ASCII letters, digits, `_`, `.` and `-`, beginning with a letter, a digit or `_`: it is
    /// safe as a file name and as a part of a URL.
    FileName, file_name
}

text_type! {
    /// The name of a node of a container graph; the same rules as for [`FileName`].
    NodeName, node_name
}

text_type! {
    /// The name (or number) of a stage of a Dockerfile; the same rules as for [`FileName`].
    StageName, stage_name
}

text_type! {
    /// What tells parallel instances of one repository apart: any text without control characters,
    /// at most 256 bytes.
    RequestId, request_id
}

text_type! {
    /// A group of which one job runs at a time: any text without control characters, at most
    /// 256 bytes.
    GroupName, group_name
}

fn env_name(text: String) -> Result<String, InvalidValue> {
    let head = |c: char| c.is_ascii_alphabetic() || c == '_';
    let allowed = "letters, digits, `_`, `.`, `-`, beginning with a letter or `_`";
    word(text, "the name of a variable", head, MAX_LABEL, allowed)
}

fn file_name(text: String) -> Result<String, InvalidValue> {
    plain(text, "the name of a file output")
}

fn node_name(text: String) -> Result<String, InvalidValue> {
    plain(text, "the name of a node")
}

fn stage_name(text: String) -> Result<String, InvalidValue> {
    plain(text, "the name of a build stage")
}

fn request_id(text: String) -> Result<String, InvalidValue> {
    label(text, "an instance id")
}

fn group_name(text: String) -> Result<String, InvalidValue> {
    label(text, "a group")
}

/// A name that is also safe as a file name; `what` goes into the error.
pub(crate) fn plain(text: String, what: &'static str) -> Result<String, InvalidValue> {
    let head = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let allowed = "letters, digits, `_`, `.`, `-`, beginning with a letter, a digit or `_`";
    word(text, what, head, MAX_NAME, allowed)
}

fn word(
    text: String,
    what: &'static str,
    head: impl Fn(char) -> bool,
    limit: usize,
    allowed: &'static str,
) -> Result<String, InvalidValue> {
    let tail = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let reason = match text.chars().next() {
        None => Some("it is empty".to_owned()),
        Some(first) if !head(first) => Some(format!("it begins with {first:?}")),
        Some(_) if text.len() > limit => Some(too_long(&text, limit)),
        Some(_) => text
            .chars()
            .find(|&c| !tail(c))
            .map(|c| format!("it holds {c:?}")),
    };
    match reason {
        None => Ok(text),
        Some(reason) => Err(InvalidValue::new(what, &text, reason, allowed)),
    }
}

fn label(text: String, what: &'static str) -> Result<String, InvalidValue> {
    let reason = match text.chars().find(|c| c.is_control()) {
        Some(c) => Some(format!("it holds {c:?}")),
        None if text.is_empty() => Some("it is empty".to_owned()),
        None if text.len() > MAX_LABEL => Some(too_long(&text, MAX_LABEL)),
        None => None,
    };
    match reason {
        None => Ok(text),
        Some(reason) => {
            let allowed = "1 to 256 bytes of text without control characters";
            Err(InvalidValue::new(what, &text, reason, allowed))
        }
    }
}

pub(crate) fn too_long(text: &str, limit: usize) -> String {
    format!("it has {} bytes, the limit is {limit}", text.len())
}
