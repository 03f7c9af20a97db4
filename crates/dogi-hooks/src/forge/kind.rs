use std::fmt;

use http::HeaderMap;

use super::VerifyError;

/// Who sends deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forge {
    /// github.com, or a GitHub Enterprise.
    GitHub,
    /// Gitea.
    Gitea,
    /// Forgejo, such as Codeberg.
    Forgejo,
    /// gitlab.com, or a GitLab of one's own.
    GitLab,
}

impl Forge {
    /// Every forge, in the order in which its headers are looked for: Forgejo also sends those of
    /// Gitea, and both also send those of GitHub.
    pub const ALL: [Self; 4] = [Self::Forgejo, Self::Gitea, Self::GitLab, Self::GitHub];

    /// The name of the header that says which event it is.
    #[must_use]
    pub fn event_header(self) -> &'static str {
        match self {
            Self::GitHub => "x-github-event",
            Self::Gitea => "x-gitea-event",
            Self::Forgejo => "x-forgejo-event",
            Self::GitLab => "x-gitlab-event",
        }
    }

    /// Which forge says to have sent this; `None` where no header names an event. Nothing is
    /// verified by that.
    ///
    /// # Errors
    /// [`VerifyError::TwoForges`]: GitLab's header and another forge's. No forge sends both.
    pub fn detect(headers: &HeaderMap) -> Result<Option<Self>, VerifyError> {
        let names = |forge: &Self| headers.contains_key(forge.event_header());
        let mut named = Self::ALL.into_iter().filter(names);
        match (named.next(), named.next()) {
            (Some(first), Some(second)) if [first, second].contains(&Self::GitLab) => {
                Err(VerifyError::TwoForges { first, second })
            }
            (first, _) => Ok(first),
        }
    }

    /// Its name in lower case, as in a path: `github`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::GitLab => "gitlab",
        }
    }
}

/// Its name as it spells it: `GitHub`.
impl fmt::Display for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::Gitea => "Gitea",
            Self::Forgejo => "Forgejo",
            Self::GitLab => "GitLab",
        })
    }
}
