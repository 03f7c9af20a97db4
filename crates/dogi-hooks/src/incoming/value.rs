use std::borrow::Cow;

use super::{Map, render};

/// A value of a request: what JSON, a form or XML has.
///
/// Texts are bytes: what forms and headers carry need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A text.
    Text(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A mapping.
    Map(Map),
}

impl Value {
    /// The value at a dotted path such as `commits.0.id`; `None` where there is none.
    ///
    /// A mapping is asked for the whole rest of the path first, so that a key may have dots, and
    /// then for what stands before the first dot. Lists are counted from 0. The empty path is the
    /// key "" of a mapping.
    #[must_use]
    pub fn at(&self, path: &[u8]) -> Option<&Value> {
        let (mut value, mut path) = (self, path);
        loop {
            let (head, rest) = split(path);
            let found = match value {
                Value::List(items) => items.get(index(head)?)?,
                Value::Map(map) => match map.get(path) {
                    Some(found) => return Some(found),
                    None => map.get(rest.and(Some(head))?)?,
                },
                _ => return None,
            };
            match rest {
                Some(rest) => (value, path) = (found, rest),
                None => return Some(found),
            }
        }
    }

    /// The same as [`at`](Self::at), to be changed.
    pub(super) fn at_mut(&mut self, path: &[u8]) -> Option<&mut Value> {
        let (head, rest) = split(path);
        let found = match self {
            Value::List(items) => items.get_mut(index(head)?)?,
            Value::Map(map) => {
                if map.get(path).is_some() {
                    return map.get_mut(path);
                }
                map.get_mut(rest.and(Some(head))?)?
            }
            _ => return None,
        };
        match rest {
            Some(rest) => found.at_mut(rest),
            None => Some(found),
        }
    }

    /// The value as a command gets it: a text as it is, a number as it was written, `true` and
    /// `false`, `<nil>` for a null (Go's `%v`), lists and mappings as [JSON](Self::to_json).
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Null => Cow::Borrowed(b"<nil>"),
            Value::Bool(true) => Cow::Borrowed(b"true"),
            Value::Bool(false) => Cow::Borrowed(b"false"),
            Value::Number(number) => Cow::Borrowed(number.as_bytes()),
            Value::Text(text) => Cow::Borrowed(text),
            Value::List(_) | Value::Map(_) => Cow::Owned(self.to_json()),
        }
    }

    /// The value as JSON in the form of Go's `json.Marshal`: no spaces, keys in the order of
    /// their bytes, `<`, `>`, `&` and control characters escaped, `\ufffd` for bytes that are no
    /// UTF-8.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        render::json(self)
    }
}

pub(super) fn split(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'.', path) {
        Some(dot) => (&path[..dot], Some(&path[dot + 1..])),
        None => (path, None),
    }
}

/// Go's `strconv.ParseUint(text, 10, 64)`: digits and nothing else.
pub(super) fn index(text: &[u8]) -> Option<usize> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
