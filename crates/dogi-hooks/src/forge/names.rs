//! Texts of payloads and headers as types that can't hold a bad value.

use std::fmt;

use dogi_url::{Commit, InvalidValue, Revision};
use ring::digest::Digest;
use serde::{Deserialize, Serialize};

/// How much of a bad value is quoted, in characters.
const QUOTED: usize = 80;

/// A text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadValue {
    /// A value that is refused by a type of `dogi-url`.
    #[error(transparent)]
    Url(#[from] InvalidValue),
    /// Another one.
    #[error("\"{value}\" is not {what}; allowed: {allowed}")]
    Text {
        /// What was given: escaped, and shortened when it is long.
        value: String,
        /// What it should have been, with its article.
        what: &'static str,
        /// What would have been right.
        allowed: &'static str,
    },
}

impl BadValue {
    pub(crate) fn text(value: &str, what: &'static str, allowed: &'static str) -> Self {
        let value = match value.char_indices().nth(QUOTED) {
            None => value.escape_debug().to_string(),
            Some((end, _)) => format!("{}…", value[..end].escape_debug()),
        };
        Self::Text {
            value,
            what,
            allowed,
        }
    }
}

/// A text that passed `$good`; serde's traits check, too.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $good:path, $what:literal, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// When it is no such text; the error says what is allowed.
            pub fn new(text: &str) -> Result<Self, BadValue> {
                match $good(text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(BadValue::text(text, $what, $allowed)),
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadValue;

            fn try_from(text: String) -> Result<Self, BadValue> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked! {
    /// What a forge calls an event or an action: `pull_request`, `Merge Request Hook`, `opened`.
    Word, is_word, "the name of an event or action",
    "1 to 64 letters, digits, `_`, `-`, `.` and single spaces, beginning with a letter or digit"
}

checked! {
    /// What a forge calls a delivery, the same when it sends it again.
    DeliveryId, is_delivery_id, "the id of a delivery",
    "1 to 128 letters, digits, `_`, `-`, `.` and `:`, beginning with a letter or digit"
}

checked! {
    /// `owner/name`, on GitLab also `group/subgroup/name`: safe as a part of a URL's path and of a
    /// mail's subject; no part can be taken for an option or leads out of a directory.
    FullName, is_full_name, "the full name of a repository",
    "owner/name, of letters, digits, `_`, `-` and `.`, no part beginning with `-` or being `.` or `..`"
}

fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' ');
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(fits)
        && !text.contains("  ")
        && !text.ends_with(' ')
}

fn is_delivery_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(fits)
}

fn is_full_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.starts_with('-') && part.bytes().all(fits)
    };
    text.len() <= 512 && text.contains('/') && text.split('/').all(is_part)
}

impl Word {
    /// What is told of something that somebody sent by hand.
    pub(super) fn manual() -> Self {
        Self("manual".to_owned())
    }

    /// What a forge asks whether anybody is there by.
    pub(crate) fn ping() -> Self {
        Self("ping".to_owned())
    }
}

impl DeliveryId {
    /// For what comes without an id: the same body is the same delivery.
    pub(super) fn of_body(sha256: &Digest) -> Self {
        Self(format!("sha256:{}", hex::encode(sha256)))
    }
}

impl FullName {
    /// Whose it is: all before the last slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(owner, _)| owner)
    }

    /// The repository's own name: all after the last slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

/// A line of somebody's text, fit to be shown: without control characters, at most 200 characters.
///
/// Line breaks, escapes of terminals and marks that change the direction of text are replaced by
/// U+FFFD. What it says is still only what somebody wrote: it is no HTML and no option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Line(String);

impl Line {
    const LONGEST: usize = 200;

    /// The first line of a text that has something on it; empty where there is none.
    #[must_use]
    pub fn first_of(text: &str) -> Self {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        let line = line.unwrap_or_default();
        let mut shown: String = line.chars().take(Self::LONGEST).map(inert).collect();
        if line.chars().nth(Self::LONGEST).is_some() {
            shown.pop();
            shown.truncate(shown.trim_end().len());
            shown.push('…');
        }
        Self(shown)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for `c` where text of others is shown: marks that move or turn it are no text.
pub(crate) fn inert(c: char) -> char {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    if c.is_control() || turns || breaks {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::first_of(&text)
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ref {
    /// `refs/heads/…`.
    Branch(Revision),
    /// `refs/tags/…`.
    Tag(Revision),
}

impl Ref {
    /// Reads `refs/heads/…` and `refs/tags/…`; `None` for any other text.
    ///
    /// # Errors
    /// When the name is one that git would not take, or could be taken for an option.
    pub fn parse_full(text: &str) -> Result<Option<Self>, BadValue> {
        if let Some(name) = text.strip_prefix("refs/heads/") {
            return Ok(Some(Self::Branch(Revision::new(name)?)));
        }
        match text.strip_prefix("refs/tags/") {
            Some(name) => Ok(Some(Self::Tag(Revision::new(name)?))),
            None => Ok(None),
        }
    }

    /// The name alone: `main`.
    #[must_use]
    pub fn name(&self) -> &Revision {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }

    /// The branch's name, if it is one.
    #[must_use]
    pub fn branch(&self) -> Option<&Revision> {
        match self {
            Self::Branch(name) => Some(name),
            Self::Tag(_) => None,
        }
    }

    /// The tag's name, if it is one.
    #[must_use]
    pub fn tag(&self) -> Option<&Revision> {
        match self {
            Self::Tag(name) => Some(name),
            Self::Branch(_) => None,
        }
    }
}

/// The full name: `refs/heads/main`.
impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "refs/heads/{name}"),
            Self::Tag(name) => write!(f, "refs/tags/{name}"),
        }
    }
}

/// The id of a commit; `None` for the one of only zeros, by which git says that there is none.
pub(super) fn commit(text: &str) -> Result<Option<Commit>, BadValue> {
    let nothing = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte == b'0');
    match nothing {
        true => Ok(None),
        false => Ok(Some(Commit::new(text)?)),
    }
}
