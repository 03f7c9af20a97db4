use std::{fmt, str::FromStr};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// The longest id that receivers are likely to store.
const LONGEST: usize = 128;

/// What a message is called, the same at every attempt: `webhook-id`. Receivers
/// know by it what they have had already.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

/// A text that can't be the id of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no message id: wanted are 1 to {LONGEST} letters, digits, `-` and `_`",
    .0.escape_debug()
)]
pub struct MessageIdError(String);

impl MessageId {
    /// The id of what the parts say together: the same parts give the same id, and
    /// others, in another order too, give another.
    pub fn derive(parts: &[&str]) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            // With the length before it, no part runs into the next.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finish();
        Self(format!("msg_{}", hex::encode(&digest.as_ref()[..16])))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for MessageId {
    type Error = MessageIdError;

    /// The signature covers `id.timestamp.body`, so an id holds no full stop.
    fn try_from(text: String) -> Result<Self, MessageIdError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits);
        if good {
            Ok(Self(text))
        } else {
            Err(MessageIdError(text))
        }
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
