//! Repository URLs.

mod error;
mod parse;
mod relative;

pub use error::{JoinError, RepoError};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::host::bracketed;
use crate::query::escape_path;

/// The URL of a repository that can safely be handed to git.
///
/// It never holds a password, control characters, `..`, or a host, user or path that begins with
/// `-`. Equal repositories in different spellings (upper-case hosts, default ports, needless
/// escapes) are equal; what a server may or may not treat alike (`r` and `r.git`) is not.
///
/// ```
/// use dogi_url::RepoUrl;
///
/// let repo: RepoUrl = "https://GitHub.com:443/o/r.git".parse()?;
/// assert_eq!(repo.as_str(), "https://github.com/o/r.git");
/// assert_eq!(repo.match_key(), "github.com/o/r");
/// assert_eq!(repo.run_path(), "/https/github.com/o/r.git");
/// # Ok::<(), dogi_url::RepoError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoUrl {
    kind: Kind,
    /// Only of ssh.
    user: String,
    /// Empty for files. IPv6 without brackets.
    host: String,
    port: Option<u16>,
    /// Decoded. Begins with `/`, except an ssh path that is relative to the home of the user.
    path: String,
    canonical: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Https,
    Http,
    Ssh,
    Git,
    File,
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport<'a> {
    /// `https://`.
    Https,
    /// `http://`: nobody guards what is fetched.
    Http,
    /// By an ssh program.
    Ssh {
        /// Who logs in.
        user: &'a str,
        /// Where; IPv6 without brackets.
        host: &'a str,
        /// The port, if one is named.
        port: Option<u16>,
        /// Begins with `/`, or is relative to the home of the user.
        path: &'a str,
    },
    /// `git://`: neither secret nor guarded; off unless the operator allows it.
    Git,
    /// A directory of this machine; off unless the operator allows it.
    File,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Https, Self::Http, Self::Ssh, Self::Git, Self::File];

    fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
            Self::File => "file",
        }
    }

    fn of(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == scheme)
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https => Some(443),
            Self::Http => Some(80),
            Self::Git => Some(9418),
            Self::Ssh | Self::File => None,
        }
    }
}

impl RepoUrl {
    /// Longest repository URL, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// Whether `segment` is what a run URL's path begins with: `https`, `http`, `ssh`, `git` or
    /// `file`.
    pub fn is_scheme(segment: &str) -> bool {
        Kind::of(segment).is_some()
    }

    /// From the path of a run URL, `/{scheme}/{rest}`; `rest` is still escaped.
    ///
    /// # Errors
    /// When it is not a repository that dogi would hand to git; see [`RepoError`].
    pub fn parse(scheme: &str, rest: &str) -> Result<Self, RepoError> {
        let kind = Kind::of(scheme).ok_or_else(|| RepoError::unknown_scheme(scheme))?;
        let rest = crate::query::decode_path(rest)?;
        parse::run_path(kind, &rest)
    }

    /// From a URL as `git clone` takes it; also `user@host:path`. [`FromStr`] does the same.
    ///
    /// # Errors
    /// When it is not a repository that dogi would hand to git; see [`RepoError`].
    pub fn from_clone_url(url: &str) -> Result<Self, RepoError> {
        parse::clone_url(url)
    }

    /// How it is reached.
    pub fn transport(&self) -> Transport<'_> {
        let Self {
            user,
            host,
            port,
            path,
            ..
        } = self;
        match self.kind {
            Kind::Https => Transport::Https,
            Kind::Http => Transport::Http,
            Kind::Ssh => Transport::Ssh {
                user,
                host,
                port: *port,
                path,
            },
            Kind::Git => Transport::Git,
            Kind::File => Transport::File,
        }
    }

    /// `https`, `http`, `ssh`, `git` or `file`.
    pub fn scheme(&self) -> &'static str {
        self.kind.as_str()
    }

    /// The canonical text, which instance ids hash: `https://github.com/o/r.git`, for ssh
    /// `git@github.com:o/r.git`.
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// The URL to give to git.
    pub fn clone_url(&self) -> String {
        match self.kind {
            Kind::Ssh if self.path.starts_with('/') => {
                let host = self.host_and_port();
                format!("ssh://{}@{host}{}", self.user, escape_path(&self.path))
            }
            _ => self.canonical.clone(),
        }
    }

    /// The host: lower case, IPv6 without brackets. None for files.
    pub fn host(&self) -> Option<&str> {
        (self.kind != Kind::File).then_some(self.host.as_str())
    }

    /// The port, when it is not the one that the scheme implies.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path, decoded; begins with `/`, except an ssh path that is relative to the home.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The last part of the path, without `.git`: `r`.
    pub fn name(&self) -> &str {
        let last = self.path.rsplit('/').next().unwrap_or(&self.path);
        last.strip_suffix(".git").unwrap_or(last)
    }

    /// What globs are matched against: `host[:port]/owner/name`, without `.git`; for files
    /// `file/path`.
    pub fn match_key(&self) -> String {
        let path = self.path.trim_start_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        match self.kind {
            Kind::File => format!("file/{path}"),
            _ => format!("{}/{path}", self.host_and_port()),
        }
    }

    /// The path of the run URL: `/https/github.com/o/r.git`.
    pub fn run_path(&self) -> String {
        let rest = match self.kind {
            Kind::Ssh => escape_path(&self.canonical),
            Kind::File => escape_path(self.path.trim_start_matches('/')),
            _ => escape_path(&format!("{}{}", self.host_and_port(), self.path)),
        };
        format!("/{}/{rest}", self.scheme())
    }

    /// The repository that `relative` (`../lib.git`, as `.gitmodules` may say) means from here.
    ///
    /// # Errors
    /// When it does not begin with `./` or `../`, leaves the host, or is no good repository.
    pub fn join_relative(&self, relative: &str) -> Result<Self, JoinError> {
        relative::join(self, relative)
    }

    fn host_and_port(&self) -> String {
        let host = bracketed(&self.host);
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// The one place where a value of this type is made.
    fn build(
        kind: Kind,
        user: &str,
        host: String,
        port: Option<u16>,
        path: String,
    ) -> Result<Self, RepoError> {
        let port = port.filter(|port| kind.default_port() != Some(*port));
        let mut repo = Self {
            kind,
            user: user.to_owned(),
            host,
            port,
            path,
            canonical: String::new(),
        };
        repo.canonical = match kind {
            Kind::Ssh => format!(
                "{user}@{}{}{}",
                repo.host_and_port(),
                if repo.port.is_some() { "" } else { ":" },
                repo.path
            ),
            Kind::File => format!("file://{}", escape_path(&repo.path)),
            _ => format!(
                "{kind}://{}{}",
                repo.host_and_port(),
                escape_path(&repo.path)
            ),
        };
        match repo.canonical.len() {
            length if length > Self::MAX_BYTES => Err(RepoError::TooLong {
                length,
                limit: Self::MAX_BYTES,
            }),
            _ => Ok(repo),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RepoUrl {
    type Err = RepoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_clone_url(text)
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

impl TryFrom<String> for RepoUrl {
    type Error = RepoError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_clone_url(&text)
    }
}

impl From<RepoUrl> for String {
    fn from(repo: RepoUrl) -> String {
        repo.canonical
    }
}
