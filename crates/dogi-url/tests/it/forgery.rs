//! A length-extension attack on the legacy signature, carried out for real.
//!
//! SHA-1's digest is its inner state. Whoever has `sha1(secret:target)` and guesses the length of
//! the secret can go on hashing from there, and so knows `sha1(secret:target ‖ padding ‖ more)`
//! without the secret. The padding (a byte 0x80, zeros, the length in 8 bytes) has to stand in the
//! forged target as it is.

use dogi_url::{Expiry, RawTarget, Scheme, SignatureError, TargetError, Unverified};
use ring::digest;

use crate::support::{REPO, SECRET, keys};

/// One block of SHA-1 (FIPS 180-4, 6.1.2).
fn compress(state: &mut [u32; 5], block: &[u8]) {
    let mut w = [0_u32; 80];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for t in 16..80 {
        w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (t, word) in w.into_iter().enumerate() {
        let (f, k) = match t / 20 {
            0 => (b & c | !b & d, 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5);
        let next = next
            .wrapping_add(f)
            .wrapping_add(e)
            .wrapping_add(k)
            .wrapping_add(word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (old, new) in state.iter_mut().zip([a, b, c, d, e]) {
        *old = old.wrapping_add(new);
    }
}

/// What SHA-1 adds to a message of this length.
fn padding(length: usize) -> Vec<u8> {
    let mut padding = vec![0x80];
    while (length + padding.len()) % 64 != 56 {
        padding.push(0);
    }
    padding.extend((length as u64 * 8).to_be_bytes());
    padding
}

/// Goes on from a digest of a message of `length` bytes, its padding included.
fn extend(digest: &str, length: usize, suffix: &[u8]) -> String {
    let digest = hex::decode(digest).expect("a digest in hex");
    let mut state = [0; 5];
    for (word, bytes) in state.iter_mut().zip(digest.chunks_exact(4)) {
        *word = bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    let mut rest = suffix.to_vec();
    rest.extend(padding(length + suffix.len()));
    rest.chunks_exact(64)
        .for_each(|block| compress(&mut state, block));
    state.iter().map(|word| format!("{word:08x}")).collect()
}

struct Forgery {
    /// The target that the attacker wants to be run, without `sig`.
    target: Vec<u8>,
    signature: String,
}

fn forge(suffix: &str) -> Forgery {
    let signed = keys()
        .sign(REPO, Expiry::Never, Scheme::Legacy)
        .expect("it can be signed");
    let (target, signature) = signed.split_once("?sig=").expect("it is signed");
    let length = SECRET.len() + 1 + target.len();
    let glue = padding(length);
    let signature = extend(signature, length + glue.len(), suffix.as_bytes());
    Forgery {
        target: [target.as_bytes(), &glue, suffix.as_bytes()].concat(),
        signature,
    }
}

#[test]
fn the_forgery_is_a_real_one() {
    let Forgery { target, signature } = forge("&bashc=evil");
    let message = [SECRET.as_bytes(), b":", &target].concat();
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &message);
    assert_eq!(
        hex::encode(digest),
        signature,
        "it has the digest that only the secret gives"
    );
}

#[test]
fn as_raw_bytes_it_is_no_target() {
    let Forgery { target, signature } = forge("?bashc=evil");
    let sent = [&target[..], b"&sig=", signature.as_bytes()].concat();
    assert_eq!(
        RawTarget::split(&sent),
        Err(TargetError::NotUtf8 { at: REPO.len() })
    );
}

/// As when something on the way takes the bytes for Latin-1.
#[test]
fn recoded_to_utf8_it_is_no_target() {
    let Forgery { target, signature } = forge("?bashc=evil");
    let recoded: String = target.iter().map(|byte| char::from(*byte)).collect();
    let sent = format!("{recoded}&sig={signature}");
    let error = RawTarget::split(&sent).expect_err("it holds control characters");
    assert!(
        matches!(error, TargetError::Forbidden { at, .. } if at == REPO.len()),
        "{error}"
    );
}

/// As when a server compared after decoding.
#[test]
fn escaped_it_does_not_match() {
    for suffix in ["?bashc=evil", "&bashc=evil", ""] {
        let Forgery { target, signature } = forge(suffix);
        let escaped: String = target
            .iter()
            .map(|byte| match byte {
                b'!'..=b'~' => char::from(*byte).to_string(),
                _ => format!("%{byte:02x}"),
            })
            .collect();
        for separator in ['?', '&'] {
            let sent = format!("{escaped}{separator}sig={signature}");
            let raw = RawTarget::split(&sent).expect("a request target");
            let error = Unverified::new(raw).verify(&keys(), 0).expect_err("forged");
            assert!(
                matches!(error, SignatureError::Mismatch | SignatureError::Missing),
                "{error}: {sent}"
            );
        }
    }
}
