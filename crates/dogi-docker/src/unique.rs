//! Names that nobody else has.

use ring::rand::{SecureRandom, SystemRandom};

/// 25 letters and digits, as BuildKit's own ids. Random.
pub(crate) fn unique_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut bytes = [0u8; 25];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system gives random numbers");
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}
