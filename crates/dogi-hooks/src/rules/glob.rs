use std::fmt;

use globset::{GlobBuilder, GlobSet};

/// Longest pattern, in bytes: the program that matches it stays small.
const LONGEST: usize = 1024;

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It has no character.
    #[error("an empty pattern matches nothing; expected one such as {such_as}")]
    Empty {
        /// What would have been right.
        such_as: &'static str,
    },
    /// It is longer than all patterns that make sense.
    #[error("a pattern has fewer than {LONGEST} bytes, this one {length}")]
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// Brackets or braces are not closed, or the like.
    #[error("{pattern:?} is not a pattern: {reason}")]
    Glob {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: globset::ErrorKind,
    },
}

/// A pattern of branches, tags or files: `*`, `?` and `[…]` stop at slashes, `**` does not,
/// `{a,b}` is either. Case counts.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: GlobSet,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, or no glob.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let glob = matcher(text, "main, release/* or **", true, crossing)?;
        Ok(Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether it matches the whole text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.glob.is_match(text)
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Checks a pattern and makes a matcher of what `rewritten` makes of it.
pub(super) fn matcher(
    text: &str,
    such_as: &'static str,
    stops_at_slash: bool,
    rewritten: fn(&str) -> String,
) -> Result<GlobSet, PatternError> {
    let length = text.len();
    match length {
        0 => return Err(PatternError::Empty { such_as }),
        LONGEST.. => return Err(PatternError::TooLong { length }),
        _ => {}
    }
    let glob = GlobBuilder::new(&rewritten(text))
        .literal_separator(stops_at_slash)
        .backslash_escape(true)
        .build();
    // A set of one, which tells what a matcher alone would panic about: braces that are nested too
    // deep.
    let set = glob.and_then(|glob| GlobSet::builder().add(glob).build());
    set.map_err(|error| PatternError::Glob {
        pattern: text.to_owned(),
        reason: error.kind().clone(),
    })
}

/// `globset` takes `**` for more than `*` only where it is a whole part of a path. Elsewhere, as in
/// `**.js` or `v1-**`, it is written out here: within one part, or over some. Its twin is `crossing` in
/// `dogi-graph/src/triggers.rs`, since neither crate may know the other: what is mended here is mended
/// there.
fn crossing(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let piece = match c {
            '\\' => &rest[..rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at)],
            '[' => class(rest),
            '*' => &rest[..rest.len() - rest.trim_start_matches('*').len()],
            _ => &rest[..c.len_utf8()],
        };
        rest = &rest[piece.len()..];
        // Pieces, not characters: an escaped comma parts nothing.
        let begins = matches!(before, None | Some("/" | "{" | ","));
        let ends = matches!(rest.chars().next(), None | Some('/' | '}' | ','));
        match piece {
            "*" => out.push('*'),
            _ if c == '*' && begins && ends => out.push_str("**"),
            _ if c == '*' => out.push_str("{*,*/**/*}"),
            piece => out.push_str(piece),
        }
        before = Some(piece);
    }
    out
}

/// `[…]` at the beginning of a text, in which a star is itself; a `]` that comes first is one of
/// its characters.
fn class(text: &str) -> &str {
    let inner = text[1..].trim_start_matches(['!', '^']);
    let skipped = text.len() - inner.len();
    let end = inner.char_indices().skip(1).find(|(_, c)| *c == ']');
    end.map_or(text, |(at, _)| &text[..=skipped + at])
}
