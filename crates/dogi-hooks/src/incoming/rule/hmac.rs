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
    /// Hexadecimal digits of a signature.
    fn digits(self) -> usize {
        2 * self.ring().digest_algorithm().output_len()
    }

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

/// How many signatures of a list are compared: senders that change their secret give two.
const MAX_SIGNATURES: usize = 16;

/// A signature over the body as it was sent: lower-case hexadecimal digits, with or without
/// `sha256=` before them. In a list separated by commas one has to be right, and only those with
/// the prefix count; of those that have the length of a signature the first 16 do.
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
        let signatures = signatures(&given, self.algorithm);
        if signatures.is_empty() {
            return Err(Why::WrongSignature);
        }
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

/// What may be a signature. A list can have thousands of items, and each that is compared costs
/// two hashes.
fn signatures(given: &[u8], algorithm: Algorithm) -> Vec<&[u8]> {
    let (is_list, prefix) = (given.contains(&b','), algorithm.prefix().as_bytes());
    given
        .split(|byte| *byte == b',')
        .filter_map(|item| match item.strip_prefix(prefix) {
            None if !is_list => Some(item),
            stripped => stripped,
        })
        .filter(|digits| digits.len() == algorithm.digits())
        .take(MAX_SIGNATURES)
        .collect()
}
