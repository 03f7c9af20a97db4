use std::fmt;

use crate::incoming::Source;

/// What a rule says of a request. Only [`True`](Self::True) triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    True,
    /// It is not so.
    False(Reason),
    /// It can't be said: a value is missing, a signature is wrong.
    Unknown(Reason),
}

impl Verdict {
    /// Whether a hook with this verdict runs.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::True)
    }

    /// Whether it is not true because a signature is there and wrong, or too old. A missing
    /// signature is an ordinary mismatch.
    #[must_use]
    pub fn wrong_signature(&self) -> bool {
        let Some(reason) = self.reason() else {
            return false;
        };
        matches!(
            reason.why,
            Why::WrongSignature | Why::Outdated | Why::Undated
        )
    }

    /// Why it is not true.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::True => None,
            Self::False(reason) | Self::Unknown(reason) => Some(reason),
        }
    }
}

/// Which rule was not true, and why. For logs: it holds no secret and nothing of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its path, such as `trigger-rule.and[0].match`.
    pub rule: String,
    /// Why.
    pub why: Why,
}

/// Why a rule was not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The value is another one.
    Differs(Source),
    /// The pattern does not match the value.
    NoMatch(Source),
    /// The sender's address is in none of the ranges.
    OutOfRange,
    /// What a `not` denies is true.
    Denied,
    /// None of so many alternatives is true.
    NoAlternative(usize),
    /// The request does not have the value.
    Missing(Source),
    /// The signature is wrong.
    WrongSignature,
    /// The signature is right, and too old or from the future.
    Outdated,
    /// The signature is right, and its date can't be read.
    Undated,
    /// The rule asks nothing.
    Nothing,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(source) => write!(f, "the {source} is another one"),
            Self::NoMatch(source) => write!(f, "the {source} does not match"),
            Self::OutOfRange => f.write_str("the sender's address is in none of the ranges"),
            Self::Denied => f.write_str("what must not be so is so"),
            Self::NoAlternative(0) => f.write_str("there are no alternatives"),
            Self::NoAlternative(count) => write!(f, "none of {count} alternatives is true"),
            Self::Missing(source) => write!(f, "the request has no {source}"),
            Self::WrongSignature => f.write_str("the signature is wrong"),
            Self::Outdated => f.write_str("the signature's date is more than 300 s away"),
            Self::Undated => f.write_str("the signature's date can't be read"),
            Self::Nothing => f.write_str("the rule asks nothing"),
        }
    }
}
