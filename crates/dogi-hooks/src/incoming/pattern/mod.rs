//! Patterns as the original reads them: Go's `regexp`, matched by the `regex` crate.
//!
//! Both take time linear in the text and have no backreferences and no look-around. What differs
//! is the syntax, which [`translate`] rewrites, and how bytes that are no UTF-8 count: Go takes
//! each of them for U+FFFD, so [`Pattern::is_match`] shows the pattern a text in which they are.

mod class;
mod error;
mod escape;
mod translate;

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

pub use error::PatternError;

/// Longest pattern, in bytes. Go has a limit of the same order on the compiled program.
const MAX_BYTES: usize = 16 * 1024;
/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 10 << 20;
/// What a lazily built automaton may cache, in bytes.
const MAX_CACHE: usize = 1 << 20;

/// A compiled pattern with the syntax and meaning of Go's `regexp`; it matches anywhere in a text
/// unless it is anchored.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When Go would refuse it (a backreference, look-around, an unknown class, more than 1000
    /// repetitions), or it is too large.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        if source.len() > MAX_BYTES {
            return Err(PatternError::TooLong(MAX_BYTES));
        }
        let translated = translate::translate(source)?;
        let regex = RegexBuilder::new(&translated)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_CACHE)
            .build()
            .map_err(PatternError::from_regex)?;
        Ok(Self {
            source: source.to_owned(),
            regex,
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it matches anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(&as_go_reads(text))
    }
}

/// Each byte that is not part of a UTF-8 character becomes U+FFFD.
fn as_go_reads(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut read = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        read.push_str(chunk.valid());
        read.extend(std::iter::repeat_n(
            char::REPLACEMENT_CHARACTER,
            chunk.invalid().len(),
        ));
    }
    Cow::Owned(read)
}
