use std::time::SystemTime;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT},
};
use serde_json::json;
use url::Url;

use super::{CommitState, CommitStatus, answer};
use crate::{Outcome, forge::Forge, incoming::Secret};

/// What GitHub wants to know of every client ([user agent]).
///
/// [user agent]: https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
const AGENT: &str = concat!("dogi/", env!("CARGO_PKG_VERSION"));

/// The version of GitHub's API that is spoken ([API versions]).
///
/// [API versions]: https://docs.github.com/en/rest/about-the-rest-api/api-versions
const GITHUB_VERSION: &str = "2022-11-28";

/// A forge that is told statuses: which kind it is, where its API begins, and who is telling.
///
/// The token is shown nowhere, and struck out of what the forge answers.
#[derive(Debug, Clone)]
pub struct StatusApi {
    forge: Forge,
    base: Url,
    token: Secret,
}

/// An API that can't be spoken to. The token is never quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusApiError {
    /// Its URL is not of HTTP.
    #[error("`{url}` is no URL of an API: it begins with {scheme}:, and not with https: or http:")]
    Scheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// Its URL has a user or a password in it, which are not shown.
    #[error(
        "the URL of the API at `{host}` holds a user or a password: the token says who is asking"
    )]
    Login {
        /// Its host.
        host: String,
    },
    /// Its URL has a query or a fragment.
    #[error(
        "`{url}` is no URL of an API: it has a `?` or `#`, where only a path may follow the host"
    )]
    Query {
        /// The URL, without its query and fragment, which may hold a secret.
        url: String,
    },
    /// The token can't stand in a header field.
    #[error("the token for the API at `{host}` is empty or holds what is no visible ASCII")]
    Token {
        /// The host of the API.
        host: String,
    },
}

/// A request that tells a status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusRequest {
    /// The method, `POST`.
    pub method: http::Method,
    /// Where to.
    pub url: Url,
    /// The header fields, the token among them, which is marked as sensitive.
    pub headers: HeaderMap,
    /// JSON.
    pub body: Bytes,
}

impl StatusApi {
    /// The API of a forge, such as `https://api.github.com`, `https://git.acme.example/api/v1` of a
    /// Gitea or Forgejo, `https://gitlab.com/api/v4`.
    ///
    /// # Errors
    /// [`StatusApiError`] when no request can be made of these.
    pub fn new(forge: Forge, base: Url, token: Secret) -> Result<Self, StatusApiError> {
        let host = || base.host_str().unwrap_or_default().to_owned();
        if !matches!(base.scheme(), "http" | "https") {
            let scheme = base.scheme().to_owned();
            let mut url = base;
            // A URL that can't have a password has none.
            let _ = url.set_password(None);
            let url = url.into();
            return Err(StatusApiError::Scheme { url, scheme });
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(StatusApiError::Login { host: host() });
        }
        if base.query().is_some() || base.fragment().is_some() {
            let mut url = base;
            url.set_query(None);
            url.set_fragment(None);
            return Err(StatusApiError::Query { url: url.into() });
        }
        let text = token.expose();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StatusApiError::Token { host: host() });
        }
        Ok(Self { forge, base, token })
    }

    /// The host of the API, for a policy of outgoing connections that frees the hosts which the
    /// operator named.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Which kind of forge it is.
    #[must_use]
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// The request that tells this forge the status.
    ///
    /// Sources: GitHub's [commit statuses]; the `repoCreateStatus` of Gitea's [API], which Forgejo
    /// shares; GitLab's [set the pipeline status of a commit].
    ///
    /// [commit statuses]: https://docs.github.com/en/rest/commits/statuses
    /// [API]: https://docs.gitea.com/api/
    /// [set the pipeline status of a commit]: https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
    #[must_use]
    pub fn request(&self, status: &CommitStatus) -> StatusRequest {
        StatusRequest {
            method: http::Method::POST,
            url: self.url(status),
            headers: self.headers(),
            body: self.body(status),
        }
    }

    /// What the forge's answer to such a request means. `body` may be cut off; `now` is the time of
    /// the answer, which the reset of a rate limit is compared with.
    #[must_use]
    pub fn read(&self, status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Outcome {
        answer::read(self, status, headers, body, now)
    }

    /// The text without the token, should the forge have repeated it.
    pub(super) fn strike_out(&self, text: &str) -> String {
        text.replace(self.token.expose(), "***")
    }

    fn url(&self, status: &CommitStatus) -> Url {
        let (repo, commit) = (&status.repo, status.commit.as_str());
        let mut url = self.base.clone();
        let mut path = url
            .path_segments_mut()
            .expect("a URL of http or https has a path");
        path.pop_if_empty();
        // Each is one segment, whatever it holds: a slash in it is encoded.
        match self.forge {
            Forge::GitHub | Forge::Gitea | Forge::Forgejo => {
                path.extend(["repos", repo.owner(), repo.name(), "statuses", commit]);
            }
            Forge::GitLab => {
                path.extend(["projects", repo.as_str(), "statuses", commit]);
            }
        }
        drop(path);
        url
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        set(CONTENT_TYPE, "application/json");
        set(USER_AGENT, AGENT);
        if self.forge == Forge::GitHub {
            set(ACCEPT, "application/vnd.github+json");
            let version = HeaderName::from_static("x-github-api-version");
            set(version, GITHUB_VERSION);
        } else {
            set(ACCEPT, "application/json");
        }
        let (name, value) = self.credentials();
        headers.insert(name, value);
        headers
    }

    /// Sources: GitHub's [authentication], Gitea's [API usage], GitLab's [personal access tokens].
    ///
    /// [authentication]: https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api
    /// [API usage]: https://docs.gitea.com/development/api-usage
    /// [personal access tokens]: https://docs.gitlab.com/api/rest/authentication/
    fn credentials(&self) -> (HeaderName, HeaderValue) {
        let token = self.token.expose();
        let (name, text) = match self.forge {
            Forge::GitHub => (AUTHORIZATION, format!("Bearer {token}")),
            Forge::Gitea | Forge::Forgejo => (AUTHORIZATION, format!("token {token}")),
            Forge::GitLab => (HeaderName::from_static("private-token"), token.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).expect("a token is visible ASCII");
        value.set_sensitive(true);
        (name, value)
    }

    fn body(&self, status: &CommitStatus) -> Bytes {
        let mut body = json!({
            "state": self.state(status.state),
            "context": status.context,
            "description": status.description,
        });
        if let Some(url) = &status.target_url {
            body["target_url"] = json!(url);
        }
        Bytes::from(body.to_string())
    }

    /// GitLab knows no error; its `canceled` says something else.
    fn state(&self, state: CommitState) -> &'static str {
        match (self.forge, state) {
            (Forge::GitLab, CommitState::Failure | CommitState::Error) => "failed",
            (_, state) => state.as_str(),
        }
    }
}
