//! What can be wrong with secrets and signatures. None of these messages holds a secret.

use crate::{InvalidValue, TargetError};

/// Why a secret is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is too short to be one.
    #[error("the secret has {length} characters, at least {least} are needed")]
    TooShort {
        /// Its length in characters.
        length: usize,
        /// The least that is taken.
        least: usize,
    },
}

/// Why a target could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// There is no current secret.
    #[error("there is no secret to sign with")]
    NoSecret,
    /// It has a signature.
    #[error("the URL already has a `sig`; sign it without")]
    AlreadySigned,
    /// It says itself when it expires.
    #[error("the URL already has an `exp`; remove it, or sign without an expiry")]
    AlreadyExpires,
    /// It is not a request target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Its `exp` or `body_sha256` is malformed.
    #[error(transparent)]
    Parameter(#[from] SignatureError),
    /// It is no absolute URL.
    #[error("{url} is neither a path that begins with '/' nor an http or https URL")]
    NotAUrl {
        /// The text, quoted.
        url: String,
    },
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No secret is configured, so that nothing can be verified.
    #[error("no secret is configured, so that no signature can be verified")]
    NoSecret,
    /// There is none.
    #[error("the URL is not signed: it has no `sig`")]
    Missing,
    /// There are several.
    #[error("`sig` is given {count} times; allowed: once, as the last parameter")]
    Repeated {
        /// How many there are.
        count: usize,
    },
    /// Something follows it.
    #[error("`sig` is not the last parameter; whatever follows it would not be signed")]
    NotLast,
    /// The name of the parameter is escaped.
    #[error("the parameter {name} is an escaped `sig`; it has to be sent as `sig`")]
    Escaped {
        /// The name as sent, quoted.
        name: String,
    },
    /// It is neither kind of signature.
    #[error(
        "`sig` has {length} characters; allowed: 64 hex digits (HMAC-SHA-256) or 40 (SHA-1, legacy)"
    )]
    Malformed {
        /// Its length in bytes.
        length: usize,
    },
    /// It is a legacy signature, and those are off.
    #[error("SHA-1 signatures are not accepted here; sign with HMAC-SHA-256 (64 hex digits)")]
    LegacyRefused,
    /// It is not the signature of this URL.
    #[error("`sig` is not the signature of this URL: wrong secret, or the URL was changed")]
    Mismatch,
    /// The URL was valid until `exp`.
    #[error("the URL has expired: `exp` is {exp}, it is {now} now (unix seconds)")]
    Expired {
        /// When it expired, in unix seconds.
        exp: u64,
        /// The time it was compared with, in unix seconds.
        now: u64,
    },
    /// `exp` or `body_sha256` is given more than once.
    #[error("`{parameter}` is given {count} times; allowed: once")]
    ParameterRepeated {
        /// Its name.
        parameter: &'static str,
        /// How many there are.
        count: usize,
    },
    /// `exp` or `body_sha256` has a bad value.
    #[error("`{parameter}`: {problem}")]
    BadParameter {
        /// Its name.
        parameter: &'static str,
        /// What is wrong with the value.
        problem: InvalidValue,
    },
}

impl SignatureError {
    /// Whether the URL itself is malformed, whatever secret it was signed with.
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::ParameterRepeated { .. } | Self::BadParameter { .. }
        )
    }
}
