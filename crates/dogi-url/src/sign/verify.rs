//! From a target that anybody may have sent to one that a holder of the secret has made.

use super::{Keys, Scheme, SignatureError, is_named};
use crate::InvalidValue;
use crate::query;
use crate::raw::RawTarget;
use crate::text::quote;

/// A request target of which nobody knows yet who made it.
#[derive(Debug, Clone, Copy)]
pub struct Unverified<'a> {
    target: RawTarget<'a>,
}

/// Whose signature a target carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignedBy {
    /// How it was signed.
    pub scheme: Scheme,
    /// Whether by a previous secret: this URL stops working when that one is taken away.
    pub previous: bool,
}

/// A request target that may be acted upon.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    target: RawTarget<'a>,
    query: &'a str,
    signed_by: Option<SignedBy>,
    exp: Option<u64>,
    body_sha256: Option<[u8; 32]>,
}

impl<'a> Unverified<'a> {
    /// Takes a target as it was sent.
    pub fn new(target: RawTarget<'a>) -> Self {
        Self { target }
    }

    /// Verifies the signature over the raw bytes, then looks at `exp`.
    ///
    /// # Errors
    /// When the target is not signed by one of `keys`, is signed in a way that leaves a part of it
    /// unsigned, or has expired at `now` (unix seconds).
    pub fn verify(self, keys: &Keys, now: u64) -> Result<Verified<'a>, SignatureError> {
        if keys.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let (signed, signature) = split_signature(self.target)?;
        let signature = signature.ok_or(SignatureError::Missing)?;
        let signed_by = check(keys, signed, signature)?;
        let verified = Verified::read(self.target, signed, Some(signed_by))?;
        match verified.exp {
            Some(exp) if exp < now => Err(SignatureError::Expired { exp, now }),
            _ => Ok(verified),
        }
    }

    /// Accepts the target from whoever sent it, because signatures are switched off or the sender
    /// has proved otherwise who they are. A `sig` is not compared, `exp` is not looked at.
    ///
    /// # Errors
    /// When `sig`, `exp` or `body_sha256` are malformed, repeated or out of place.
    pub fn danger_accept_unsigned(self) -> Result<Verified<'a>, SignatureError> {
        let (signed, _) = split_signature(self.target)?;
        Verified::read(self.target, signed, None)
    }
}

impl<'a> Verified<'a> {
    fn read(
        target: RawTarget<'a>,
        signed: &'a str,
        signed_by: Option<SignedBy>,
    ) -> Result<Self, SignatureError> {
        let query = signed.get(target.path().len() + 1..).unwrap_or("");
        let exp = single(query, "exp")?.map(parse_exp).transpose()?;
        let body_sha256 = single(query, "body_sha256")?
            .map(parse_digest)
            .transpose()?;
        Ok(Self {
            target,
            query,
            signed_by,
            exp,
            body_sha256,
        })
    }

    /// The whole target as it was sent, `sig` included.
    pub fn target(&self) -> RawTarget<'a> {
        self.target
    }

    /// The path as it was sent.
    pub fn path(&self) -> &'a str {
        self.target.path()
    }

    /// The query as it was sent, without `sig`.
    pub fn query(&self) -> &'a str {
        self.query
    }

    /// By which key, or `None` when the signature was not asked for.
    pub fn signed_by(&self) -> Option<SignedBy> {
        self.signed_by
    }

    /// Until when the URL is good, in unix seconds.
    pub fn expires(&self) -> Option<u64> {
        self.exp
    }

    /// The SHA-256 that the body of the request must have.
    pub fn body_sha256(&self) -> Option<&[u8; 32]> {
        self.body_sha256.as_ref()
    }
}

/// The part that is signed, and the signature.
fn split_signature(target: RawTarget<'_>) -> Result<(&str, Option<&str>), SignatureError> {
    let text = target.as_str();
    let Some(query) = target.query() else {
        return Ok((text, None));
    };
    let names = || {
        query::pairs(query)
            .map(|pair| pair.name)
            .filter(|name| is_named(name, "sig"))
    };
    if let Some(name) = names().find(|name| *name != "sig") {
        return Err(SignatureError::Escaped { name: quote(name) });
    }
    match names().count() {
        0 => return Ok((text, None)),
        1 => {}
        count => return Err(SignatureError::Repeated { count }),
    }
    let last = query.rsplit('&').next().unwrap_or(query);
    if last != "sig" && !last.starts_with("sig=") {
        return Err(SignatureError::NotLast);
    }
    let signed = &text[..text.len() - last.len() - 1];
    Ok((signed, Some(last.strip_prefix("sig=").unwrap_or(""))))
}

fn check(keys: &Keys, signed: &str, signature: &str) -> Result<SignedBy, SignatureError> {
    let length = signature.len();
    let malformed = SignatureError::Malformed { length };
    let scheme = match length {
        64 => Scheme::Hmac,
        40 => Scheme::Legacy,
        _ => return Err(malformed),
    };
    let given = hex::decode(signature).map_err(|_| malformed)?;
    if scheme == Scheme::Legacy && !keys.accepts_legacy() {
        return Err(SignatureError::LegacyRefused);
    }
    match keys.accepting(signed, scheme, &given) {
        Some(previous) => Ok(SignedBy { scheme, previous }),
        None => Err(SignatureError::Mismatch),
    }
}

/// The value of a parameter that may be given once.
fn single<'a>(query: &'a str, name: &'static str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = query::pairs(query)
        .filter(|p| is_named(p.name, name))
        .map(|p| p.value);
    let first = values.next();
    match values.count() {
        0 => Ok(first),
        more => Err(SignatureError::ParameterRepeated {
            parameter: name,
            count: more + 1,
        }),
    }
}

fn parse_exp(value: &str) -> Result<u64, SignatureError> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| SignatureError::BadParameter {
            parameter: "exp",
            problem: InvalidValue::new("a time", value, "", "unix seconds, as `1893456000`"),
        })
}

fn parse_digest(value: &str) -> Result<[u8; 32], SignatureError> {
    let mut digest = [0; 32];
    match hex::decode_to_slice(value, &mut digest) {
        Ok(()) => Ok(digest),
        Err(_) => Err(SignatureError::BadParameter {
            parameter: "body_sha256",
            problem: InvalidValue::new("a SHA-256", value, "", "64 hex digits"),
        }),
    }
}
