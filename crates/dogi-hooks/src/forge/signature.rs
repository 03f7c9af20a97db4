//! Signatures over the body as it was sent: an HMAC in hexadecimal digits.
//!
//! Every forge documents lower-case digits, and GitHub a prefix that names the hash function.
//! Anything else is no signature: what no sender sends need not be understood.

use ring::hmac;

use crate::incoming::Secret;

/// How a forge writes a signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) header: &'static str,
    prefix: &'static str,
    algorithm: fn() -> hmac::Algorithm,
}

/// Source: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
pub(super) const HUB_SHA256: Form = Form {
    header: "x-hub-signature-256",
    prefix: "sha256=",
    algorithm: || hmac::HMAC_SHA256,
};

/// What GitHub sends besides for old receivers, and old GitHub Enterprises send alone. SHA-1 is
/// still safe in an HMAC.
pub(super) const HUB_SHA1: Form = Form {
    header: "x-hub-signature",
    prefix: "sha1=",
    algorithm: || hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
};

/// Source: <https://docs.gitea.com/usage/webhooks>.
pub(super) const GITEA: Form = Form {
    header: "x-gitea-signature",
    prefix: "",
    algorithm: || hmac::HMAC_SHA256,
};

/// Source: <https://forgejo.org/docs/latest/user/webhooks/>.
pub(super) const FORGEJO: Form = Form {
    header: "x-forgejo-signature",
    ..GITEA
};

impl Form {
    /// Whether the text is a signature that was made with one of the secrets over the body.
    pub(super) fn is_right(self, text: &str, secrets: &[Secret], body: &[u8]) -> bool {
        let Some(tag) = text.strip_prefix(self.prefix).and_then(digits) else {
            return false;
        };
        secrets.iter().any(|secret| {
            let key = hmac::Key::new((self.algorithm)(), secret.expose().as_bytes());
            // In constant time, and of the whole length.
            hmac::verify(&key, body, &tag).is_ok()
        })
    }
}

/// The bytes that lower-case hexadecimal digits are.
fn digits(text: &str) -> Option<Vec<u8>> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower.then(|| hex::decode(text).ok())?
}
