/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A part that means nothing.
    #[error("{part:?}: {reason}")]
    Syntax {
        /// The part of the pattern.
        part: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Longer than this many bytes.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// Too much when compiled, as nested repetitions of large classes are.
    #[error("it is too large when compiled")]
    TooLarge,
    /// Something that the engine does not know, such as a Unicode class.
    #[error("{0}")]
    Unknown(String),
}

impl PatternError {
    pub(super) fn syntax(part: impl Into<String>, reason: &'static str) -> Self {
        let part = part.into();
        Self::Syntax { part, reason }
    }

    pub(super) fn from_regex(error: regex::Error) -> Self {
        match error {
            regex::Error::CompiledTooBig(_) => Self::TooLarge,
            // Its text shows the translated pattern in several lines; the last says what it is.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                Self::Unknown(last.trim_start_matches("error: ").to_owned())
            }
        }
    }
}
