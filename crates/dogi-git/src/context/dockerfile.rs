//! Finding the Dockerfile, and getting it into the tar if it lies outside of the context.

use gix::bstr::{BStr, ByteSlice};
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::source::Source;
use crate::error::ContextError;
use crate::ignore::{Builder, Dockerignore, clean};
use crate::limits::Limits;
use crate::tree::{Descend, Found, Kind};

const DOCKERFILE: &str = "Dockerfile";
pub(super) const DOCKERIGNORE: &str = ".dockerignore";
/// As many Dockerfiles as an error names.
const MAX_HINTS: usize = 10;

/// The Dockerfile of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dockerfile {
    /// In the tar.
    pub(super) name: String,
    /// In the tree, as it was asked for.
    pub(super) path: String,
    /// It is no file of the context: it comes to it under a name of its own.
    pub(super) outside: bool,
}

/// Finds the Dockerfile as `docker build -f PATH CONTEXT` does in the root of the repository.
pub(super) fn find(
    source: &Source,
    path: Option<&str>,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<Dockerfile, ContextError> {
    let path = match path {
        Some(path) => clean(path.trim_start_matches('/')),
        None => source.join(DOCKERFILE),
    };
    let found = source.find(&path)?;
    let content = source.read(&path)?;
    let (Some(Found::File(real)), Some(content)) = (found, content) else {
        return Err(missing(source, path, limits, cancel)?);
    };
    let start = source.start();
    let inside = match start.is_empty() {
        true => Some(real.as_bstr()),
        false => real
            .strip_prefix(start.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"/").map(ByteSlice::as_bstr)),
    };
    let (name, outside) = match inside.map(|name| name.to_str()) {
        Some(Ok(name)) => (name.to_owned(), false),
        _ => (foreign_name(&content), true),
    };
    Ok(Dockerfile {
        name,
        path,
        outside,
    })
}

/// As Docker's client names it: a name that nothing else has.
fn foreign_name(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    format!(".dockerfile.{}", hex::encode(&digest.as_ref()[..10]))
}

/// With BuildKit the Dockerfile's own ignore file counts, and only if there is none the common
/// one.
pub(super) fn read_ignore(
    source: &Source,
    dockerfile: Option<&Dockerfile>,
    builder: Builder,
) -> Result<Dockerignore, ContextError> {
    let own = dockerfile.filter(|_| builder == Builder::BuildKit);
    let own = own.map(|dockerfile| format!("{}{DOCKERIGNORE}", dockerfile.path));
    for file in own.into_iter().chain([source.join(DOCKERIGNORE)]) {
        let Some(bytes) = source.read(&file)? else {
            continue;
        };
        let parsed = Dockerignore::parse(&bytes);
        let mut ignore = parsed
            .map_err(|source| ContextError::Ignore { file, source })?
            .for_builder(builder);
        if let Some(dockerfile) = dockerfile {
            ignore.keep(DOCKERIGNORE);
            ignore.keep(&dockerfile.name);
        }
        return Ok(ignore);
    }
    Ok(Dockerignore::default())
}

/// The ignore file that hides a Dockerfile from outside: the classic builder takes what it names
/// out of the context once it has read it.
pub(super) fn hiding(ignore: Option<&[u8]>, name: &str) -> Vec<u8> {
    match ignore {
        Some(ignore) => [ignore, b"\n", name.as_bytes(), b"\n"].concat(),
        None => format!("{DOCKERIGNORE}\n{name}\n").into_bytes(),
    }
}

fn missing(
    source: &Source,
    path: String,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<ContextError, ContextError> {
    let mut found = Vec::new();
    source.walk(false, limits, cancel, &mut |entry: &mut dyn Entry| {
        if entry.kind() != Kind::Directory && is_dockerfile(entry.path()) {
            found.push(source.join(&entry.path().to_str_lossy()));
        }
        Ok(if found.len() < MAX_HINTS {
            Descend::Into
        } else {
            Descend::Past
        })
    })?;
    found.truncate(MAX_HINTS);
    Ok(ContextError::NoDockerfile { path, found })
}

fn is_dockerfile(path: &BStr) -> bool {
    let name = path
        .rsplit_str("/")
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    (name.starts_with(b"dockerfile") && !name.ends_with(b".dockerignore"))
        || name.ends_with(b".dockerfile")
        || name == b"containerfile"
}
