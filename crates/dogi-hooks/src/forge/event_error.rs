use super::{BadValue, Word};

/// Why a verified delivery is no event: its payload is malformed, all of these are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// Not a URL-encoded form.
    #[error("the body is no URL-encoded form: {problem} in field {field}")]
    Form {
        /// Which field, counted from 1.
        field: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A form without the field in which the payload stands.
    #[error("the form has no field `payload`")]
    NoPayload,
    /// Not JSON, or JSON with something else where a value of this event stands.
    #[error("the payload is no `{event}`")]
    Json {
        /// The event.
        event: Word,
        /// What is wrong and where.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, but a list.
    #[error("the payload is no `{event}`: expected an object, not a list")]
    List {
        /// The event.
        event: Word,
    },
    /// A value that this event can't do without.
    #[error("the payload of `{event}` has no `{field}`")]
    Missing {
        /// The event.
        event: Word,
        /// Where the value should stand: `pull_request.head.sha`.
        field: &'static str,
    },
    /// A value that can't be taken.
    #[error("`{field}` in the payload of `{event}` is refused")]
    Value {
        /// The event.
        event: Word,
        /// Where the value stands.
        field: &'static str,
        /// Why.
        #[source]
        source: BadValue,
    },
    /// The header says one event and the payload another.
    #[error("the payload says to be a `{payload}`, the header `{event}`")]
    TwoEvents {
        /// What the header says.
        event: Word,
        /// What the payload says.
        payload: Word,
    },
}
