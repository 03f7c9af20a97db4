/// A command whose quotes don't match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// A quote that is not closed, or a backslash at the end.
    #[error(
        "the command {text:?} can't be split into words: a quote is not closed, or a backslash \
         stands at its end"
    )]
    Unbalanced {
        /// As given.
        text: String,
    },
    /// There is no word in it.
    #[error("the command {text:?} has no words: a program and its arguments were expected")]
    Empty {
        /// As given.
        text: String,
    },
}

/// Splits a command into words as a POSIX shell does, quotes and backslashes included. Nothing is
/// expanded and no shell is involved: `$HOME`, `*` and `;` are what they are.
///
/// ```
/// let words = dogi_compose::split_words("docker-compose run tests --name 'a b'")?;
/// assert_eq!(words, ["docker-compose", "run", "tests", "--name", "a b"]);
/// # Ok::<(), dogi_compose::WordsError>(())
/// ```
///
/// # Errors
/// [`WordsError`].
pub fn split_words(text: &str) -> Result<Vec<String>, WordsError> {
    let words = shlex::split(text).ok_or_else(|| WordsError::Unbalanced { text: text.into() })?;
    if words.first().is_none_or(String::is_empty) {
        return Err(WordsError::Empty { text: text.into() });
    }
    Ok(words)
}
