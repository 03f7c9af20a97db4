//! Who dogi is to a git server.

use std::collections::HashMap;
use std::fmt;

/// A user and a password or token, sent by basic authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user; forges take any for a token.
    pub username: String,
    /// The password or token.
    pub password: String,
    /// Whether it may be sent over plain `http://`, where everybody on the way can read it.
    pub over_http: bool,
}

impl Credential {
    /// A token of a forge. The user is one that GitHub, GitLab, Gitea and Forgejo all take;
    /// Bitbucket wants another.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Credential {
        let username = "x-access-token".to_owned();
        Credential {
            username,
            password: token.into(),
            over_http: false,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The credentials by host.
///
/// It is asked only when a server wants credentials, for the very host and port that it was
/// reached at: what is given goes to no other host, not after a redirect either.
pub trait Credentials: Send + Sync {
    /// What to tell `host` (lower case, IPv6 without brackets); `port` is `None` when it is the
    /// default of the scheme.
    fn get(&self, host: &str, port: Option<u16>) -> Option<Credential>;
}

/// No credentials for anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn get(&self, _: &str, _: Option<u16>) -> Option<Credential> {
        None
    }
}

/// Credentials by `host` or `host:port`.
impl Credentials for HashMap<String, Credential> {
    fn get(&self, host: &str, port: Option<u16>) -> Option<Credential> {
        let key = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        HashMap::get(self, &key).cloned()
    }
}
