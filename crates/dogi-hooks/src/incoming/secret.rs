use std::fmt;

use dogi_yaml::{Key, Node, Reader, Value, index, join};
use ring::hmac;

/// What a secret may look like in a file.
const EXPECTED: &str = "text, {env: NAME}, {file: PATH} or a list of these";

/// A text that stays out of logs: it has no `Display`, and its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; whoever calls this sees to it that it goes nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is this text, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, text: &[u8]) -> bool {
        same(self.0.as_bytes(), text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Compares without telling by time where two texts differ: their HMACs are compared, since the
/// comparison of verified tags is what `ring` promises to do in constant time.
pub(crate) fn same(wanted: &[u8], given: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a comparison");
    hmac::verify(&key, given, hmac::sign(&key, wanted).as_ref()).is_ok()
}

/// Why an environment variable or a file could not be used, as half a sentence: `is not UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Where secrets that a hooks file only names come from. This crate reads neither the
/// environment nor files.
pub trait SecretLookup {
    /// The text of an environment variable, `None` where it is not set.
    ///
    /// # Errors
    /// When it is no text.
    fn env(&self, name: &str) -> Result<Option<Secret>, Unreadable>;

    /// The text of a file; line breaks at its end are not part of the secret and cut by the
    /// caller of this.
    ///
    /// # Errors
    /// When it can't be read.
    fn file(&self, path: &str) -> Result<Secret, Unreadable>;
}

/// No secrets by name: for files that nobody should have taught where they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl SecretLookup for NoLookup {
    fn env(&self, _name: &str) -> Result<Option<Secret>, Unreadable> {
        Err(Unreadable("may not be read from here".to_owned()))
    }

    fn file(&self, _path: &str) -> Result<Secret, Unreadable> {
        Err(Unreadable("may not be read from here".to_owned()))
    }
}

/// Whether a text may have no character at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}

/// One secret or a list of them; mistakes go to the reader.
pub(super) fn read_many(
    reader: &mut Reader<'_>,
    lookup: &dyn SecretLookup,
    node: Node,
    path: &str,
    empty: Empty,
) -> Vec<Secret> {
    let line = node.line;
    let Value::List(items) = node.value else {
        return read(reader, lookup, node, path, empty)
            .into_iter()
            .collect();
    };
    if items.is_empty() {
        reader.mistake(line, path, format!("is an empty list: expected {EXPECTED}"));
    }
    let mut secrets = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        secrets.extend(read(reader, lookup, item, &index(path, at), empty));
    }
    secrets
}

fn read(
    reader: &mut Reader<'_>,
    lookup: &dyn SecretLookup,
    node: Node,
    path: &str,
    empty: Empty,
) -> Option<Secret> {
    let line = node.line;
    match node.value {
        Value::Scalar(text) if text.is_empty() && empty == Empty::Refused => {
            reader.mistake(line, path, format!("is empty: expected {EXPECTED}"));
            None
        }
        Value::Scalar(text) => Some(Secret(text)),
        Value::Map(entries) => {
            let Ok([(key, value)]) = <[_; 1]>::try_from(entries) else {
                reader.mistake(line, path, format!("expected {EXPECTED}"));
                return None;
            };
            indirect(reader, lookup, &key, value, path)
        }
        other => {
            let message = format!("expected {EXPECTED}, not {}", other.kind());
            reader.mistake(line, path, message);
            None
        }
    }
}

fn indirect(
    reader: &mut Reader<'_>,
    lookup: &dyn SecretLookup,
    key: &Key,
    node: Node,
    path: &str,
) -> Option<Secret> {
    let line = node.line;
    let here = join(path, &key.text);
    let (name, found) = match key.text.as_str() {
        "env" => {
            let name = reader.scalar(node, &here, "the name of a variable")?;
            (format!("${name}"), lookup.env(&name))
        }
        "file" => {
            let file = reader.scalar(node, &here, "a path")?;
            let found = lookup.file(&file).map(Some);
            (file, found)
        }
        _ => {
            reader.unknown(key, path, &["env", "file"]);
            return None;
        }
    };
    let complaint = match found {
        Ok(Some(secret)) => {
            let text = secret.0.trim_end_matches(['\n', '\r']);
            if !text.is_empty() {
                return Some(Secret(text.to_owned()));
            }
            format!("{name} is empty")
        }
        Ok(None) => format!("{name} is not set"),
        Err(error) => format!("{name} {error}"),
    };
    reader.mistake(line, &here, complaint);
    None
}
