//! What all the small text types share: one error, one way to quote, two macros.

use std::borrow::Cow;
use std::fmt;

/// How much of a bad value an error repeats, in characters.
const QUOTED_CHARS: usize = 80;

/// A text that is not a value of the type it was meant for.
///
/// One type for all the small types of this crate, so that a caller can put the parts (what was
/// given, what is allowed, what was probably meant) into an answer without knowing which it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue(Box<Parts>);

/// Boxed, so that a `Result` of a small type stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    what: &'static str,
    value: String,
    reason: Cow<'static, str>,
    allowed: Cow<'static, str>,
    nearest: Option<String>,
}

impl InvalidValue {
    pub(crate) fn new(
        what: &'static str,
        value: &str,
        reason: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            what,
            value: excerpt(value),
            reason: reason.into(),
            allowed: allowed.into(),
            nearest: None,
        }))
    }

    pub(crate) fn with_nearest(mut self, nearest: Option<&str>) -> Self {
        self.0.nearest = nearest.map(str::to_owned);
        self
    }

    /// What the text should have been, with its article: `a revision`.
    pub fn what(&self) -> &'static str {
        self.0.what
    }

    /// The text that was given: escaped, and shortened when it is long.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// What is wrong with it; empty when there is nothing to say beyond what is allowed.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What would have been right.
    pub fn allowed(&self) -> &str {
        &self.0.allowed
    }

    /// The allowed word that is probably meant.
    pub fn nearest(&self) -> Option<&str> {
        self.0.nearest.as_deref()
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not {}", self.0.value, self.0.what)?;
        if !self.0.reason.is_empty() {
            write!(f, ": {}", self.0.reason)?;
        }
        write!(f, "; allowed: {}", self.0.allowed)?;
        match &self.0.nearest {
            Some(nearest) => write!(f, " (did you mean `{nearest}`?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidValue {}

/// Text from outside, fit to be shown: escaped, so that it is inert in a log, and bounded.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        None => text.escape_debug().to_string(),
        Some((end, _)) => format!("{}… ({} bytes)", text[..end].escape_debug(), text.len()),
    }
}

/// An [`excerpt`] in quotes.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

/// The candidate that `given` is probably a misspelling of.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if given.is_empty() || given.len() > 64 {
        return None;
    }
    let lower = given.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= tolerated(candidate.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many slips a name of this length may hold and still be recognised.
fn tolerated(length: usize) -> usize {
    length.div_ceil(3).min(3)
}

/// A text that passed `$check`, which takes a `String` and returns it in canonical form.
///
/// With `parsed` it has no `new`, only `FromStr`.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $crate::text::text_type!($(#[$doc])* parsed $name, $check);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// When `text` is not such a value; the error says what is allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::InvalidValue> {
                $check(text.into()).map(Self)
            }
        }
    };
    ($(#[$doc:meta])* parsed $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize,
            serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text.to_owned()).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidValue;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                $check(text).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// An enum of which every variant is one word in a URL.
macro_rules! word_enum {
    (
        $(#[$doc:meta])*
        $name:ident is $what:literal {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for it in a URL.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                const WORDS: &[&str] = &[$($word),+];
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::InvalidValue::new($what, text, "", WORDS.join(", "))
                        .with_nearest($crate::text::nearest(text, WORDS.iter().copied()))),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidValue;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> &'static str {
                value.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use {text_type, word_enum};
