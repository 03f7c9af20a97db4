//! What the name of a value tells about it.

use crate::incoming::{Argument, Source};

/// Words in the names of values that only who may run a hook knows.
const SECRET_WORDS: [&str; 13] = [
    "token",
    "secret",
    "key",
    "apikey",
    "pass",
    "passwd",
    "password",
    "auth",
    "authorization",
    "signature",
    "credential",
    "credentials",
    "hmac",
];

/// Whether one of the words of a name is that of a secret. Whole words only: `author` and `design`
/// are no secrets. Of a path into the payload only the last segment names the value; what stands
/// before it (`token.owner.name`) says where to find it.
pub(super) fn is_named_like_a_secret(parameter: &Argument) -> bool {
    let name = match &parameter.source {
        Source::Header(name) | Source::Query(name) => name.as_str(),
        Source::Payload(path) => path.rsplit('.').next().unwrap_or(path),
        _ => return false,
    };
    // Bitbucket says there what happened.
    if name.eq_ignore_ascii_case("x-event-key") {
        return false;
    }
    let is_secret = |word: &str| {
        let mut words = SECRET_WORDS.iter();
        words.any(|known| known.eq_ignore_ascii_case(word))
    };
    name.split(['-', '_', '.'])
        .flat_map(camel_words)
        .any(is_secret)
}

/// `apiKey` and `APIKey` as two words each: one begins where a capital follows a small letter or
/// stands before one.
fn camel_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (word, after) = rest.split_at(word_end(rest));
        rest = after;
        Some(word)
    })
}

fn word_end(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    let mut before = None;
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let after_capital = before.is_some_and(char::is_uppercase);
        let begins_small = next.is_some_and(char::is_lowercase);
        if at > 0 && letter.is_uppercase() && (!after_capital || begins_small) {
            return at;
        }
        before = Some(letter);
    }
    text.len()
}
