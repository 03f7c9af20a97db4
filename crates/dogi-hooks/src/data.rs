use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Value, value::RawValue};

/// A body, as JSON where it is JSON and as text where it is not.
///
/// JSON is kept as it was written, less the space between its parts: numbers of any
/// size, repeated names and their order survive. (A [`Value`] would lose them.) It is
/// one line.
#[derive(Debug, Clone)]
pub enum Data {
    /// JSON, at most 128 levels deep and with numbers below 1.8e308, so that it can
    /// always be turned into a [`Value`].
    Json(Box<RawValue>),
    /// Anything else; what is not UTF-8 is replaced by U+FFFD.
    Text(String),
}

impl Data {
    /// Looks what the bytes are.
    pub fn new(bytes: &Bytes) -> Self {
        Self::json(bytes).unwrap_or_else(|| Self::text(bytes))
    }

    /// Bytes that are not whole, and therefore text.
    pub(crate) fn text(bytes: &[u8]) -> Self {
        Self::Text(String::from_utf8_lossy(bytes).into_owned())
    }

    fn json(bytes: &[u8]) -> Option<Self> {
        // A raw value is not bounded in depth, and readers of ours may recurse.
        serde_json::from_slice::<Value>(bytes).ok()?;
        let text = std::str::from_utf8(bytes).ok()?;
        RawValue::from_string(compact(text)).ok().map(Self::Json)
    }
}

/// Leaves out the space between the parts of valid JSON.
fn compact(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |c: &char| {
        let space = !within && matches!(c, ' ' | '\t' | '\r' | '\n');
        within ^= *c == '"' && !escaped;
        escaped = within && *c == '\\' && !escaped;
        !space
    };
    json.chars().filter(keep).collect()
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(raw) => raw.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(one), Self::Json(other)) => one.get() == other.get(),
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Data {}
