//! Values as reports quote them.

use std::borrow::Cow;

/// A text without the user and password that somebody wrote into a URL: `https://***@host` in the
/// place of `https://user:password@host`.
///
/// A password may hold anything, slashes, commas and `@` included, so that everything up to the
/// last `@` counts as one: rather a part of a host too little than a part of a password too much.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let Some(end) = text.rfind('@') else {
        return Cow::Borrowed(text);
    };
    let before = &text[..end];
    let start = match before.find("//") {
        Some(slashes) => slashes + 2,
        // `user:password@host`; a user alone (`git@host`) is no secret.
        None if before.contains(':') => 0,
        None => return Cow::Borrowed(text),
    };
    Cow::Owned(format!("{}***{}", &text[..start], &text[end..]))
}

/// The same for a sentence, which quotes such a text in `"…"` if it quotes one.
#[must_use]
pub fn masked_sentence(text: &str) -> String {
    match text.split_once('"') {
        Some((before, quoted)) => format!("{}\"{}", masked(before), masked(quoted)),
        None => masked(text).into_owned(),
    }
}
