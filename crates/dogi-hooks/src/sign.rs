//! The signature scheme of the [Standard Webhooks] specification: HMAC-SHA-256 over
//! `id.timestamp.body`, in base64 behind `v1,`.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use std::{fmt, str::FromStr};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use ring::hmac;

use crate::MessageId;
use crate::incoming::same;

const PREFIX: &str = "whsec_";

/// How long the specification wants a key to be, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Keys come with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One secret that is shared with receivers. Never shown.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

/// A text that is no signing key. The text is not quoted, since it may be one nearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// It does not begin with `whsec_`.
    #[error("a signing key begins with `{PREFIX}`")]
    Prefix,
    /// What follows is not base64.
    #[error("what follows `{PREFIX}` is not base64")]
    Base64,
    /// Too short to be safe, or too long.
    #[error(
        "a signing key has {} to {} bytes, this one {length}",
        LENGTHS.start(),
        LENGTHS.end()
    )]
    Length {
        /// How many bytes it has.
        length: usize,
    },
}

impl FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SigningKeyError::Prefix)?;
        let bytes = BASE64
            .decode(encoded)
            .map_err(|_| SigningKeyError::Base64)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(SigningKeyError::Length {
                length: bytes.len(),
            });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl SigningKey {
    fn tag(&self, id: &MessageId, timestamp: u64, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        context.sign()
    }

    /// Whether one of the signatures in `webhook-signature` was made with this key: `v1,` and
    /// base64, separated by spaces. Those of other versions do not count.
    pub(crate) fn made(
        &self,
        signatures: &str,
        id: &MessageId,
        timestamp: u64,
        body: &[u8],
    ) -> bool {
        let tag = self.tag(id, timestamp, body);
        signatures.split(' ').any(|signature| {
            let encoded = signature.strip_prefix("v1,");
            let given = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
            given.is_some_and(|given| same(tag.as_ref(), &given))
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Signs messages, with several keys while receivers change from one to another.
#[derive(Debug, Clone)]
pub struct Signer {
    first: SigningKey,
    others: Vec<SigningKey>,
}

impl Signer {
    /// Signs with one key.
    pub fn new(key: SigningKey) -> Self {
        Self {
            first: key,
            others: Vec::new(),
        }
    }

    /// Signs with this key, too: a receiver takes the message if one signature fits.
    #[must_use]
    pub fn and(mut self, key: SigningKey) -> Self {
        self.others.push(key);
        self
    }

    /// The value of `webhook-signature` for a message that is sent at `timestamp`, in
    /// seconds of Unix time.
    pub fn sign(&self, id: &MessageId, timestamp: u64, body: &[u8]) -> String {
        let keys = std::iter::once(&self.first).chain(&self.others);
        let signatures = keys.map(|key| {
            let tag = key.tag(id, timestamp, body);
            format!("v1,{}", BASE64_STANDARD.encode(tag))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Signer {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        text.parse().map(Self::new)
    }
}
