use crate::SigningKey;
use crate::incoming::Secret;

/// What the operator shares with the forges; each kind may have several while they change.
///
/// An empty secret is none: everybody knows it. Nothing at all is a good value, with which nothing
/// is authentic.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    pub(super) github: Vec<Secret>,
    pub(super) gitea: Vec<Secret>,
    pub(super) gitlab_tokens: Vec<Secret>,
    pub(super) gitlab_keys: Vec<SigningKey>,
    pub(super) query_tokens: Vec<Secret>,
}

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds secrets with which GitHub signs.
    #[must_use]
    pub fn github(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.github.extend(not_empty(secrets));
        self
    }

    /// Adds secrets with which Gitea and Forgejo sign.
    #[must_use]
    pub fn gitea(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.gitea.extend(not_empty(secrets));
        self
    }

    /// Adds tokens that GitLab sends as they are.
    #[must_use]
    pub fn gitlab_tokens(mut self, tokens: impl IntoIterator<Item = Secret>) -> Self {
        self.gitlab_tokens.extend(not_empty(tokens));
        self
    }

    /// Adds keys with which GitLab signs.
    #[must_use]
    pub fn gitlab_keys(mut self, keys: impl IntoIterator<Item = SigningKey>) -> Self {
        self.gitlab_keys.extend(keys);
        self
    }

    /// Adds tokens that stand in the query as `token=`, as compose-ci wants it. They are good for a
    /// delivery of every forge, and for one of nobody's: `{"after": "<commit>"}` sent by hand.
    #[must_use]
    pub fn query_tokens(mut self, tokens: impl IntoIterator<Item = Secret>) -> Self {
        self.query_tokens.extend(not_empty(tokens));
        self
    }
}

fn not_empty(secrets: impl IntoIterator<Item = Secret>) -> impl Iterator<Item = Secret> {
    let is_one = |secret: &Secret| !secret.expose().is_empty();
    secrets.into_iter().filter(is_one)
}
