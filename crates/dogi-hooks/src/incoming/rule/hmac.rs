use ring::hmac;

use super::Why;
use crate::incoming::secret::same;
use crate::incoming::{Argument, Missing, Request, Secret};

/// A hash function of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1: still safe in an HMAC, and what old senders have.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// What may stand before a signature.
    fn prefix(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1=",
            Self::Sha256 => "sha256=",
            Self::Sha512 => "sha512=",
        }
    }

    fn ring(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// A signature over the body as it was sent: lower-case hexadecimal digits, with or without
/// `sha256=` before them. In a list separated by commas one has to be right, and only those with
/// the prefix count.
#[derive(Clone, Debug)]
pub struct Hmac {
    algorithm: Algorithm,
    parameter: Argument,
    keys: Vec<hmac::Key>,
}

impl Hmac {
    /// The parameter holds the signature, made with any of the secrets.
    #[must_use]
    pub fn new(algorithm: Algorithm, parameter: Argument, secrets: &[Secret]) -> Self {
        let key = |secret: &Secret| hmac::Key::new(algorithm.ring(), secret.expose().as_bytes());
        Self {
            algorithm,
            parameter,
            keys: secrets.iter().map(key).collect(),
        }
    }

    /// The hash function.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Where the signature stands.
    #[must_use]
    pub fn parameter(&self) -> &Argument {
        &self.parameter
    }

    pub(super) fn check(&self, request: &Request) -> Result<(), Why> {
        let given = match self.parameter.get(request) {
            Ok(given) => given,
            Err(Missing(source)) => return Err(Why::Missing(source)),
        };
        let signatures = signatures(&given, self.algorithm.prefix().as_bytes());
        let body = &request.received().body;
        let is_right = self.keys.iter().any(|key| {
            let wanted = hex::encode(hmac::sign(key, body));
            signatures
                .iter()
                .any(|given| same(wanted.as_bytes(), given))
        });
        is_right.then_some(()).ok_or(Why::WrongSignature)
    }
}

fn signatures<'g>(given: &'g [u8], prefix: &[u8]) -> Vec<&'g [u8]> {
    if !given.contains(&b',') {
        return vec![given.strip_prefix(prefix).unwrap_or(given)];
    }
    given
        .split(|byte| *byte == b',')
        .filter_map(|part| part.strip_prefix(prefix))
        .collect()
}
