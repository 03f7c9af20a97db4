//! Signed URLs.
//!
//! The last parameter of a signed URL is `sig`. It stands for everything before it, byte for byte:
//! either 64 hex digits, HMAC-SHA-256 of the path and query before `?sig` or `&sig` with the
//! secret as its key; or 40 hex digits, SHA-1 of `secret:path-and-query` (the legacy form).

mod error;
mod keys;
mod verify;

pub use error::{SecretError, SignError, SignatureError};
pub use keys::{Expiry, Keys, Scheme, Secret};
pub use verify::{SignedBy, Unverified, Verified};

/// Whether `name`, as it was sent, is `wanted` once it is decoded.
fn is_named(name: &str, wanted: &str) -> bool {
    *crate::query::decode_lossy(name) == *wanted.as_bytes()
}
