//! What can go wrong, one enum per operation.

use std::time::Duration;

use crate::ignore::IgnoreError;
use crate::tree::NameError;

pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no build context, or why its tar ends early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A tree of the repository holds a name that must not become a path.
    #[error("the repository holds a path that is refused: {path:?}: {reason}")]
    Name {
        /// The path, as far as it is fit to be shown.
        path: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// `.gitmodules` holds something that is refused.
    #[error("the submodule {name:?} of the repository is refused: {reason}")]
    Submodule {
        /// Its name in `.gitmodules`.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An object is missing or damaged. The mirror is made anew at the next checkout.
    #[error("object {id} (at {path:?}) can't be read from the mirror")]
    Object {
        /// The object's id.
        id: String,
        /// Where it stands in the tree; empty: at its root.
        path: String,
        /// What the object database says.
        #[source]
        source: Source,
    },
    /// The line endings or the encoding that `.gitattributes` wants could not be made.
    #[error("{path:?} can't be converted as its attributes say")]
    Filter {
        /// The file.
        path: String,
        /// What the filter says.
        #[source]
        source: Source,
    },
    /// There are more files than the limit.
    #[error("the tree has more than {limit} files and directories")]
    TooManyFiles {
        /// The limit.
        limit: u64,
    },
    /// The files are larger than the limit, together.
    #[error("the files are larger than {limit} bytes together")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The directory that is to be the context does not exist.
    #[error("there is no directory {path:?} in the repository")]
    NoDirectory {
        /// The directory, relative to the root of the repository.
        path: String,
    },
    /// The Dockerfile does not exist.
    #[error("there is no Dockerfile {path:?} in the repository{}", hint(.found))]
    NoDockerfile {
        /// Where it was looked for, relative to the root of the repository.
        path: String,
        /// The Dockerfiles that there are, at most ten, relative to the root of the repository.
        found: Vec<String>,
    },
    /// `.dockerignore` holds a line that is no pattern.
    #[error("{file}: {source}")]
    Ignore {
        /// `.dockerignore` or `<Dockerfile>.dockerignore`.
        file: String,
        /// Which line, and why.
        source: IgnoreError,
    },
    /// A local file or pipe failed.
    #[error("failed to {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl ContextError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> ContextError {
        let doing = doing.into();
        move |source| ContextError::Io { doing, source }
    }
}

/// Why files could not be had by their names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file is larger than the limit.
    #[error("the file {path:?} is larger than {limit} bytes")]
    TooLarge {
        /// The file, relative to the root of the repository.
        path: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// More files are wanted than the limit.
    #[error("there are more than {limit} such files: {path:?} is one too many")]
    TooMany {
        /// The first that is too many, relative to the root of the repository.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The tree can't be read.
    #[error(transparent)]
    Tree(#[from] ContextError),
}

fn hint(found: &[String]) -> String {
    match found {
        [] => "; there is none at all".to_owned(),
        found => format!("; there are: {}", found.join(", ")),
    }
}

/// Why a commit could not be had. Nothing is left running or locked when it is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The transport is off.
    #[error("{url}: {scheme}:// repositories are not allowed here")]
    TransportDenied {
        /// The repository.
        url: String,
        /// `git` or `file`.
        scheme: &'static str,
    },
    /// The egress policy forbids the address.
    #[error("{url}: {reason}")]
    Denied {
        /// The repository.
        url: String,
        /// Which host and address, and why.
        reason: String,
    },
    /// The server could not be reached, or broke off.
    #[error("{url}: {reason}")]
    Connection {
        /// The repository.
        url: String,
        /// What happened.
        reason: String,
        /// What lies behind it.
        #[source]
        source: Option<Source>,
    },
    /// The server has no such repository, or hides it.
    #[error("{url}: {reason}")]
    NotFound {
        /// The repository.
        url: String,
        /// What the server answered.
        reason: String,
    },
    /// The server wants credentials and none are configured for it, or refuses those that are.
    #[error("{url}: {reason}")]
    Unauthorized {
        /// The repository.
        url: String,
        /// Which of both.
        reason: String,
    },
    /// The ssh server's key is not the one that is known, or not known at all.
    #[error("{url}: the ssh server's host key is refused: {reason}")]
    HostKey {
        /// The repository.
        url: String,
        /// What ssh says.
        reason: String,
    },
    /// There is no such branch, tag or commit.
    #[error("{url} has no branch, tag or commit {revision:?}{hint}")]
    NoRevision {
        /// The repository.
        url: String,
        /// What was asked for.
        revision: String,
        /// What might be meant, or empty.
        hint: String,
    },
    /// The repository has no commit yet.
    #[error("{url} is empty: it has no commit on its default branch")]
    Empty {
        /// The repository.
        url: String,
    },
    /// The revision is a tag of a file or tree.
    #[error("{url}: {revision:?} is no commit, but a {kind}")]
    NotACommit {
        /// The repository.
        url: String,
        /// What was asked for.
        revision: String,
        /// `tree` or `blob`.
        kind: String,
    },
    /// More bytes came than the limit.
    #[error("{url} is larger than {limit} bytes to transfer")]
    TooLarge {
        /// The repository.
        url: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It took longer than the limit, or nothing came for too long.
    #[error("{url}: {what} within {} s", limit.as_secs_f32())]
    Timeout {
        /// The repository.
        url: String,
        /// What did not happen: `the clone did not end`, `the server sent nothing`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The server's answer makes no sense.
    #[error("{url}: the git server's answer can't be understood")]
    Protocol {
        /// The repository.
        url: String,
        /// What the protocol implementation says.
        #[source]
        source: Source,
    },
    /// A submodule could not be had.
    #[error("submodule {path:?}")]
    Submodule {
        /// Its path in the repository.
        path: String,
        /// Why not.
        #[source]
        source: Box<CheckoutError>,
    },
    /// A submodule could not be had without credentials, which mirrors
    /// [for strangers](crate::Mirrors::for_strangers) do not use for submodules.
    #[error(
        "submodule {path:?} can't be fetched without credentials, and pull requests from forks get \
         none"
    )]
    StrangersSubmodule {
        /// Its path in the repository.
        path: String,
        /// What the server says, or why it was not asked.
        #[source]
        source: Box<CheckoutError>,
    },
    /// The submodules are nested deeper, or more, than the limits.
    #[error("{url}: {reason}")]
    Submodules {
        /// The repository that was reached.
        url: String,
        /// Which limit.
        reason: String,
    },
    /// The tree of the commit is refused.
    #[error(transparent)]
    Tree(#[from] ContextError),
    /// The mirror's directory can't be used.
    #[error("failed to {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl CheckoutError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> CheckoutError {
        let doing = doing.into();
        move |source| CheckoutError::Io { doing, source }
    }
}
