use std::fmt;

use super::{Pattern, PatternError};

/// A list of patterns that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// It has no pattern, and would accept nothing.
    #[error("an empty list accepts nothing; leave it out to accept everything")]
    Empty,
    /// The first pattern excludes something, and nothing is included that far.
    #[error(
        "{pattern:?} excludes something of nothing: begin with what is included, such as \"**\""
    )]
    NothingIncluded {
        /// The first pattern.
        pattern: String,
    },
    /// One of the patterns is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Patterns in order, of which the last that matches decides: those that begin with `!` exclude.
#[derive(Debug, Clone)]
pub struct Filter(Vec<Item>);

#[derive(Debug, Clone)]
struct Item {
    excludes: bool,
    pattern: Pattern,
}

impl Filter {
    /// Reads patterns. What begins with a `!` itself is written `\!`.
    ///
    /// # Errors
    /// When there is none, the first one excludes, or one is no pattern.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, FilterError> {
        let items = patterns.into_iter().map(|text| item(text.as_ref()));
        let items: Vec<Item> = items.collect::<Result<_, _>>()?;
        match items.first() {
            None => Err(FilterError::Empty),
            Some(first) if first.excludes => Err(FilterError::NothingIncluded {
                pattern: first.to_string(),
            }),
            Some(_) => Ok(Self(items)),
        }
    }

    /// Whether this text is included, and not excluded after that.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        let last = self.0.iter().rfind(|item| item.pattern.matches(text));
        last.is_some_and(|item| !item.excludes)
    }

    /// Whether one of these texts is accepted.
    #[must_use]
    pub fn accepts_any<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        texts.into_iter().any(|text| self.accepts(text))
    }
}

fn item(text: &str) -> Result<Item, PatternError> {
    let excluded = text.strip_prefix('!');
    Ok(Item {
        excludes: excluded.is_some(),
        pattern: Pattern::new(excluded.unwrap_or(text))?,
    })
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.excludes { "!" } else { "" };
        write!(f, "{mark}{}", self.pattern)
    }
}

/// As it was written, with commas.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}
