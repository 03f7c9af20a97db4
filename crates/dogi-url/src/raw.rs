//! The request target, byte for byte as it was sent.

/// A request target (`/path?query`) as it was sent: nothing is decoded.
///
/// It is printable text: spaces, control characters (NUL among them) and `#` are refused. So a
/// signature by `sha1(secret:target)` can't be extended: the padding that such an extension has
/// to leave inside the message holds NUL bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawTarget<'a> {
    text: &'a str,
    /// Where the first `?` is.
    question: Option<usize>,
}

/// Why a text is not a request target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is too long.
    #[error("the URL has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// It does not begin with a slash.
    #[error("the path of the URL has to begin with '/'")]
    NotAPath,
    /// It holds a character that has to be escaped in a URL.
    #[error("the URL holds {character:?} at byte {at}, which has to be sent as {escaped}")]
    Forbidden {
        /// The character.
        character: char,
        /// Where it stands, in bytes from the beginning.
        at: usize,
        /// How it should have been sent.
        escaped: String,
    },
    /// It is not UTF-8.
    #[error("the URL is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where it stops being UTF-8, in bytes from the beginning.
        at: usize,
    },
}

impl<'a> RawTarget<'a> {
    /// The longest target that is taken, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Splits a target at its first `?`.
    ///
    /// # Errors
    /// See [`TargetError`]. The time it takes is bounded whatever the length.
    pub fn split<T: AsRef<[u8]> + ?Sized>(target: &'a T) -> Result<Self, TargetError> {
        let bytes = target.as_ref();
        let length = bytes.len();
        if length > Self::MAX_BYTES {
            return Err(TargetError::TooLong {
                length,
                limit: Self::MAX_BYTES,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|source| TargetError::NotUtf8 {
            at: source.valid_up_to(),
        })?;
        if !text.starts_with('/') {
            return Err(TargetError::NotAPath);
        }
        match text
            .char_indices()
            .find(|(_, c)| c.is_control() || matches!(c, ' ' | '#'))
        {
            Some((at, character)) => {
                let escaped = crate::query::escape_all(character);
                Err(TargetError::Forbidden {
                    character,
                    at,
                    escaped,
                })
            }
            None => Ok(Self {
                text,
                question: text.find('?'),
            }),
        }
    }

    /// The whole target.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// What stands before the first `?`.
    pub fn path(self) -> &'a str {
        &self.text[..self.question.unwrap_or(self.text.len())]
    }

    /// What stands after the first `?`.
    pub fn query(self) -> Option<&'a str> {
        self.question.map(|at| &self.text[at + 1..])
    }

    /// The first part of the path, not decoded: `https` of `/https/github.com/o/r.git`.
    pub fn first_segment(self) -> &'a str {
        let path = &self.path()[1..];
        path.split_once('/').map_or(path, |(first, _)| first)
    }
}
