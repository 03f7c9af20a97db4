use std::fmt;

use dogi_url::Commit;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::forge::{BadValue, FullName, inert};

/// What a forge shall show beside a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitStatus {
    /// The repository; on GitLab its groups may nest.
    pub repo: FullName,
    /// Which commit.
    pub commit: Commit,
    /// What became of it.
    pub state: CommitState,
    /// What the status is about, such as `dogi/tests`: a later status of the same context takes this
    /// one's place.
    pub context: StatusContext,
    /// A few words for people.
    pub description: Description,
    /// What opens when somebody follows the status, such as the log.
    pub target_url: Option<Url>,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    /// Not decided yet.
    Pending,
    /// It passed.
    Success,
    /// It did not pass.
    Failure,
    /// Whether it passes could not be found out.
    Error,
}

impl CommitState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Success, Self::Failure, Self::Error];

    /// Its name, which is also that on GitHub, Gitea and Forgejo.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for CommitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a status is about. It tells statuses of one commit apart, so it is never cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatusContext(String);

impl StatusContext {
    /// What GitLab, Gitea and Forgejo keep it in takes so many characters.
    pub const LONGEST: usize = 255;

    /// Checks a text.
    ///
    /// # Errors
    /// When it is empty, longer than [`LONGEST`](Self::LONGEST), or holds what is no visible text.
    pub fn new(text: &str) -> Result<Self, BadValue> {
        let length = text.chars().count();
        let visible = text.chars().all(|c| inert(c) == c);
        if visible && (1..=Self::LONGEST).contains(&length) && text.trim() == text {
            return Ok(Self(text.to_owned()));
        }
        Err(BadValue::text(
            text,
            "the context of a status",
            "1 to 255 visible characters, without a space at either end",
        ))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StatusContext {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        Self::new(&text)
    }
}

impl From<StatusContext> for String {
    fn from(context: StatusContext) -> Self {
        context.0
    }
}

impl fmt::Display for StatusContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A few words that every forge takes, from any text: one line without control characters, cut to
/// [`LONGEST`](Self::LONGEST) characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Description(String);

impl Description {
    /// GitHub refuses longer ones with 422 ([commit statuses]); the others show as much.
    ///
    /// [commit statuses]: https://docs.github.com/en/rest/commits/statuses
    pub const LONGEST: usize = 140;

    /// Makes one line of a text. White space between words becomes one space, and other control
    /// characters, also those that turn the direction of text, go. What is cut off leaves an ellipsis.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let visible = |word: &str| -> String { word.chars().filter(|&c| inert(c) == c).collect() };
        let words: Vec<String> = text.split_whitespace().map(visible).collect();
        let line = words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        if line.chars().nth(Self::LONGEST).is_none() {
            return Self(line);
        }
        let kept: String = line.chars().take(Self::LONGEST - 1).collect();
        Self(format!("{}…", kept.trim_end()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Description> for String {
    fn from(description: Description) -> Self {
        description.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
