use std::collections::BTreeMap;

/// A value of a request: what JSON, a form or XML has.
///
/// Texts are bytes: what forms, headers and bodies carry need not be UTF-8.
#[derive(Debug, Clone, PartialEq)]
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
    Map(BTreeMap<Vec<u8>, Value>),
}

/// Reads one JSON value, bounded in depth and number of nodes.
///
/// # Errors
/// See the error's text.
pub fn parse_json(_text: &[u8]) -> Result<Value, super::BadRequest> {
    unreachable!("skeleton")
}
