use std::fmt;

use globset::GlobSet;

use super::PatternError;
use super::glob::matcher;

/// A pattern of `host[:port]/owner/name`, as
/// [`RepoUrl::match_key`](dogi_url::RepoUrl::match_key) writes a repository; `*` also crosses
/// slashes. The host's case does not count.
#[derive(Debug, Clone)]
pub struct RepoPattern {
    text: String,
    glob: GlobSet,
}

impl RepoPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, or no glob.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let glob = matcher(text, "github.com/acme/*", false, lowered_host)?;
        Ok(Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether a repository is one of these.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        self.glob.is_match(key)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// As it was written.
impl fmt::Display for RepoPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn lowered_host(text: &str) -> String {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    format!("{}{path}", host.to_ascii_lowercase())
}
