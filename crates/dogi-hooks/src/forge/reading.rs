use dogi_url::{Commit, Revision};
use serde::de::DeserializeOwned;

use super::{BadValue, EventError, Ref, Word, names};

/// Reads values of one event's payload, so that each mistake names the event and the field.
#[derive(Clone, Copy)]
pub(super) struct Reading<'e> {
    event: &'e Word,
}

impl<'e> Reading<'e> {
    pub(super) fn new(event: &'e Word) -> Self {
        Self { event }
    }

    pub(super) fn json<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, EventError> {
        let event = self.event;
        // Serde takes a list for an object, its values in the order of the fields.
        if payload.trim_ascii_start().first() == Some(&b'[') {
            let event = event.clone();
            return Err(EventError::List { event });
        }
        serde_json::from_slice(payload).map_err(|source| EventError::Json {
            event: event.clone(),
            source,
        })
    }

    /// A value that has to be there.
    pub(super) fn need<T>(self, field: &'static str, value: Option<T>) -> Result<T, EventError> {
        value.ok_or_else(|| EventError::Missing {
            event: self.event.clone(),
            field,
        })
    }

    pub(super) fn good<T, E: Into<BadValue>>(
        self,
        field: &'static str,
        value: Result<T, E>,
    ) -> Result<T, EventError> {
        value.map_err(|source| EventError::Value {
            event: self.event.clone(),
            field,
            source: source.into(),
        })
    }

    pub(super) fn word(self, field: &'static str, text: &str) -> Result<Word, EventError> {
        self.good(field, Word::new(text))
    }

    pub(super) fn revision(self, field: &'static str, text: &str) -> Result<Revision, EventError> {
        self.good(field, Revision::new(text))
    }

    /// `None` where there is none, and for the id that means that.
    pub(super) fn commit(
        self,
        field: &'static str,
        text: Option<&str>,
    ) -> Result<Option<Commit>, EventError> {
        match text {
            Some(text) => self.good(field, names::commit(text)),
            None => Ok(None),
        }
    }

    /// A full name; `None` for what is neither a branch nor a tag.
    pub(super) fn reference(
        self,
        field: &'static str,
        text: &str,
    ) -> Result<Option<Ref>, EventError> {
        self.good(field, Ref::parse_full(text))
    }
}
