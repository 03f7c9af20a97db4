use std::borrow::Cow;

use http::{HeaderMap, header};

use super::EventError;
use crate::incoming::{Value, form_fields};

/// How the payload stands in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    /// A URL-encoded form with the payload in a field `payload`.
    Form,
}

impl Encoding {
    /// Of a body as it was sent.
    ///
    /// One that begins with `{` is JSON whatever it says to be: `curl -d '{"after": …}'` says that
    /// it is a form.
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Self {
        let says_form = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| {
                let kind = text.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        match says_form && !body.trim_ascii_start().starts_with(b"{") {
            true => Self::Form,
            false => Self::Json,
        }
    }

    /// The payload, as JSON text.
    pub(super) fn payload(self, body: &[u8]) -> Result<Cow<'_, [u8]>, EventError> {
        match self {
            Self::Json => Ok(Cow::Borrowed(body)),
            Self::Form => form(body).map(Cow::Owned),
        }
    }
}

fn form(body: &[u8]) -> Result<Vec<u8>, EventError> {
    let mut found = None;
    for (place, field) in form_fields(body).enumerate() {
        let field = field.map_err(|problem| EventError::Form {
            field: place + 1,
            problem,
        })?;
        let (name, Value::Text(text)) = field else {
            continue;
        };
        if name == b"payload" && found.replace(text).is_some() {
            return Err(EventError::Form {
                field: place + 1,
                problem: "a second `payload` stands",
            });
        }
    }
    found.ok_or(EventError::NoPayload)
}
