use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake in a file. Its text is one line: `file:line: key: "value": what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// The file as whoever reads it named it.
    pub file: PathBuf,
    /// The line, from 1; 0 when only the file as a whole is meant.
    pub line: u64,
    /// The key as a path, such as `a.b[0].c`; empty for the file as a whole.
    pub key: String,
    /// The value as found; `None` for secrets and where there is none worth quoting.
    pub value: Option<String>,
    /// What is wrong, or what was expected.
    pub message: String,
}

impl Mistake {
    /// A mistake without a value worth quoting.
    #[must_use]
    pub fn new(file: &Path, line: u64, key: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_path_buf(),
            line,
            key: key.to_owned(),
            value: None,
            message: message.into(),
        }
    }

    /// Quotes the value.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }
}

/// Long values are cut here in reports.
const QUOTED: usize = 120;

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        if let Some(value) = &self.value {
            let mut short: String = value.chars().take(QUOTED).collect();
            if short.len() < value.len() {
                short.push('…');
            }
            write!(f, ": {short:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// `; did you mean "x"?` when one of the known names is near, else nothing.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 3));
    nearest.map_or_else(String::new, |(_, known)| {
        format!("; did you mean {known:?}?")
    })
}
