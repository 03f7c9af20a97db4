//! Secrets, and signing with them.

use std::fmt;

use ring::{digest, hmac};

use super::{SecretError, SignError, Unverified, is_named};
use crate::query;
use crate::raw::RawTarget;
use crate::text::quote;

/// A secret that URLs are signed with. It is never shown.
#[derive(Clone)]
pub struct Secret {
    text: String,
    key: hmac::Key,
}

impl Secret {
    /// The fewest characters of a secret.
    pub const MIN_CHARS: usize = 6;

    /// Takes a secret.
    ///
    /// # Errors
    /// When it has fewer than [`Self::MIN_CHARS`] characters.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        let length = text.chars().count();
        if length < Self::MIN_CHARS {
            return Err(SecretError::TooShort {
                length,
                least: Self::MIN_CHARS,
            });
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        Ok(Self { text, key })
    }

    fn legacy(&self, signed: &str) -> digest::Digest {
        let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        for part in [&self.text, ":", signed] {
            sha1.update(part.as_bytes());
        }
        sha1.finish()
    }

    fn sign(&self, signed: &str, scheme: Scheme) -> String {
        match scheme {
            Scheme::Hmac => hex::encode(hmac::sign(&self.key, signed.as_bytes())),
            Scheme::Legacy => hex::encode(self.legacy(signed)),
        }
    }

    /// Compares in constant time.
    pub(super) fn accepts(&self, signed: &str, scheme: Scheme, given: &[u8]) -> bool {
        match scheme {
            Scheme::Hmac => hmac::verify(&self.key, signed.as_bytes(), given).is_ok(),
            // Compares the two digests by their tags: `hmac::verify` takes constant time.
            Scheme::Legacy => {
                let tag = hmac::sign(&self.key, given);
                hmac::verify(&self.key, self.legacy(signed).as_ref(), tag.as_ref()).is_ok()
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// How a URL is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HMAC-SHA-256, 64 hex digits.
    Hmac,
    /// SHA-1 of `secret:target`, 40 hex digits: for URLs that others still make.
    Legacy,
}

/// Until when a signed URL is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// For as long as the secret is.
    Never,
    /// Until this moment, in unix seconds: becomes the parameter `exp`.
    At(u64),
}

/// The secrets of an installation: one to sign with, more to verify with.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    current: Option<Secret>,
    previous: Vec<Secret>,
    legacy: bool,
}

impl Keys {
    /// `current` signs and verifies, `previous` ones only verify; `legacy` says whether SHA-1
    /// signatures are accepted.
    pub fn new(
        current: Option<Secret>,
        previous: impl IntoIterator<Item = Secret>,
        legacy: bool,
    ) -> Self {
        Self {
            current,
            previous: previous.into_iter().collect(),
            legacy,
        }
    }

    /// Whether there is no secret at all.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.previous.is_empty()
    }

    /// Whether SHA-1 signatures are accepted.
    pub fn accepts_legacy(&self) -> bool {
        self.legacy
    }

    /// Appends `exp`, if there is an expiry, and `sig` to a path and query.
    ///
    /// Characters that some clients would escape on the way (spaces, quotes, what is not ASCII) are
    /// escaped first, so that the result is sent as it is signed.
    ///
    /// # Errors
    /// Without a current secret, for something that is no request target, and when the target is
    /// signed already, already says when it expires, or could never be verified because its `exp`
    /// or `body_sha256` is malformed.
    pub fn sign(&self, target: &str, expiry: Expiry, scheme: Scheme) -> Result<String, SignError> {
        let secret = self.current.as_ref().ok_or(SignError::NoSecret)?;
        let mut signed = stable(target);
        let query = RawTarget::split(&signed)?.query();
        let has = |name| query.is_some_and(|q| query::pairs(q).any(|p| is_named(p.name, name)));
        if has("sig") {
            return Err(SignError::AlreadySigned);
        }
        Unverified::new(RawTarget::split(&signed)?).danger_accept_unsigned()?;
        if let Expiry::At(seconds) = expiry {
            if has("exp") {
                return Err(SignError::AlreadyExpires);
            }
            append(&mut signed, "exp", &seconds.to_string());
        }
        let signature = secret.sign(&signed, scheme);
        append(&mut signed, "sig", &signature);
        RawTarget::split(&signed)?;
        Ok(signed)
    }

    /// As [`Self::sign`], for a whole URL (or a path): what stands before the path is kept and not
    /// signed.
    ///
    /// # Errors
    /// As [`Self::sign`], and when it is neither.
    pub fn sign_url(&self, url: &str, expiry: Expiry, scheme: Scheme) -> Result<String, SignError> {
        let authority = ["https://", "http://"].into_iter().find_map(|prefix| {
            let head = url.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix).then_some(prefix.len())
        });
        let path = match authority {
            None if url.starts_with('/') => 0,
            None => return Err(SignError::NotAUrl { url: quote(url) }),
            Some(start) => match url[start..].find(['/', '?', '#']) {
                Some(at) if url[start + at..].starts_with('/') => start + at,
                _ => return Err(SignError::NotAUrl { url: quote(url) }),
            },
        };
        Ok(format!(
            "{}{}",
            &url[..path],
            self.sign(&url[path..], expiry, scheme)?
        ))
    }

    pub(super) fn accepting(
        &self,
        signed: &str,
        scheme: Scheme,
        given: &[u8],
    ) -> Option<bool /* by a previous one */> {
        if self
            .current
            .as_ref()
            .is_some_and(|secret| secret.accepts(signed, scheme, given))
        {
            return Some(false);
        }
        self.previous
            .iter()
            .any(|secret| secret.accepts(signed, scheme, given))
            .then_some(true)
    }
}

fn append(target: &mut String, name: &str, value: &str) {
    let separator = if target.contains('?') { '&' } else { '?' };
    target.push(separator);
    target.push_str(name);
    target.push('=');
    target.push_str(value);
}

/// Escapes what the URL standard makes browsers escape; control characters and `#` are left for
/// [`RawTarget::split`] to refuse.
fn stable(target: &str) -> String {
    let mut text = String::with_capacity(target.len());
    for c in target.chars() {
        match c {
            ' ' | '"' | '\'' | '<' | '>' | '`' | '^' | '{' | '}' | '|' | '\\' => {
                text.push_str(&query::escape_all(c));
            }
            c if !c.is_ascii() && !c.is_control() => text.push_str(&query::escape_all(c)),
            c => text.push(c),
        }
    }
    text
}
