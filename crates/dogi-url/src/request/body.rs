//! Parameters in the body of a POST.

use std::fmt;

use ring::digest;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::error::{Place, RequestError};
use super::given::Given;
use crate::Verified;
use crate::text::{excerpt, quote};

/// Longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The body of a POST, whole.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The bytes as they were sent.
    pub bytes: &'a [u8],
}

impl Body<'_> {
    /// The longest body that is taken, in bytes.
    pub const MAX_BYTES: usize = MAX_BODY;
}

/// Why a body can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is too long.
    #[error("the body has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// It is neither JSON nor a form.
    #[error(
        "the body is {content_type}; allowed: application/json, application/x-www-form-urlencoded"
    )]
    ContentType {
        /// Its type, quoted; `of no type` when there is no header.
        content_type: String,
    },
    /// The URL is signed and says nothing about the body.
    #[error(
        "the URL is signed but has no `body_sha256`, so that its body could be anybody's; add the SHA-256 of the body before signing"
    )]
    NotSigned,
    /// It is not the body that the URL announces.
    #[error(
        "the body is not the one that the URL was made for: its SHA-256 is {actual}, `body_sha256` is {announced}"
    )]
    Digest {
        /// The SHA-256 of the body in hex.
        actual: String,
        /// What the URL says.
        announced: String,
    },
    /// It is not JSON, or not an object.
    #[error("the body is not a JSON object of parameters: {reason}")]
    Json {
        /// What is wrong, and where.
        reason: String,
    },
    /// It is a form that is not UTF-8.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where it stops being UTF-8.
        at: usize,
    },
    /// A JSON value that no parameter takes.
    #[error("parameter `{parameter}` in the body is {found}; allowed: {allowed}")]
    Kind {
        /// The name, shortened.
        parameter: String,
        /// What it is.
        found: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
}

impl BodyError {
    pub(super) fn parameter(&self) -> Option<&str> {
        match self {
            Self::NotSigned | Self::Digest { .. } => Some("body_sha256"),
            Self::Kind { parameter, .. } => Some(parameter),
            _ => None,
        }
    }
}

/// Whether it is the body that the holder of the secret meant.
pub(super) fn verify(url: &Verified<'_>, bytes: &[u8]) -> Result<(), BodyError> {
    if bytes.len() > MAX_BODY {
        return Err(BodyError::TooLong {
            length: bytes.len(),
            limit: MAX_BODY,
        });
    }
    let Some(announced) = url.body_sha256() else {
        return match url.signed_by().is_some() && !bytes.is_empty() {
            true => Err(BodyError::NotSigned),
            false => Ok(()),
        };
    };
    // Neither digest is a secret: an ordinary comparison does.
    let actual = digest::digest(&digest::SHA256, bytes);
    match actual.as_ref() == announced {
        true => Ok(()),
        false => Err(BodyError::Digest {
            actual: hex::encode(actual),
            announced: hex::encode(announced),
        }),
    }
}

/// The parameters in a body.
pub(super) fn read(body: Body<'_>) -> Result<Vec<(String, Given)>, RequestError> {
    let content_type = body
        .content_type
        .map(|text| text.split(';').next().unwrap_or("").trim());
    match content_type {
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(json(body.bytes)?),
        Some(kind) if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
            let text = std::str::from_utf8(body.bytes).map_err(|source| BodyError::NotUtf8 {
                at: source.valid_up_to(),
            })?;
            super::given::decode(text, Place::Body).map(super::given::texts)
        }
        other => {
            let content_type = other.map_or("of no type".to_owned(), quote);
            Err(BodyError::ContentType { content_type }.into())
        }
    }
}

fn json(bytes: &[u8]) -> Result<Vec<(String, Given)>, BodyError> {
    let Object(entries) = serde_json::from_slice(bytes).map_err(|source| BodyError::Json {
        reason: excerpt(&source.to_string()),
    })?;
    entries
        .into_iter()
        .map(|(name, value)| Ok((name.clone(), given(&name, value)?)))
        .collect()
}

fn given(name: &str, value: Value) -> Result<Given, BodyError> {
    let listed = super::fields::takes_list(name);
    let fail = |found| {
        let allowed = match listed {
            true => "a string or a list of strings",
            false => "a string, a number, true or false",
        };
        Err(BodyError::Kind {
            parameter: excerpt(name),
            found,
            allowed,
        })
    };
    match value {
        Value::String(text) => Ok(Given::Text(text)),
        Value::Number(number) => Ok(Given::Text(number.to_string())),
        Value::Bool(flag) => Ok(Given::Text(flag.to_string())),
        Value::Null => fail("null"),
        Value::Object(_) => fail("an object"),
        Value::Array(_) if !listed => fail("a list"),
        Value::Array(items) => {
            let texts = items.into_iter().map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or_else(
                || fail("a list of other things than strings"),
                |l| Ok(Given::List(l)),
            )
        }
    }
}

/// The entries of a JSON object in their order, repeated names included.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Object(entries))
    }
}
