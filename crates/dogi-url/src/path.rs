//! Paths inside a container and inside a repository.

use crate::InvalidValue;
use crate::names::too_long;
use crate::text::text_type;

/// Linux' `PATH_MAX`, in bytes.
const MAX_PATH: usize = 4096;

text_type! {
    /// A file inside a container: absolute, without `..`, control characters or a trailing slash.
    ///
    /// `//` and `/./` are folded, so that equal paths are equal texts.
    ContainerPath, container_path
}

text_type! {
    /// A file or directory of a repository, relative to its root: without `..`, `.git` or control
    /// characters, and not beginning with `-`.
    ///
    /// `./`, `//` and a trailing slash are folded.
    RepoPath, repo_path
}

fn container_path(text: String) -> Result<String, InvalidValue> {
    let fail = |reason: String| {
        let allowed = "the absolute path of a file, as `/app/data.jsonl`";
        Err(InvalidValue::new(
            "a path in the container",
            &text,
            reason,
            allowed,
        ))
    };
    if !text.starts_with('/') {
        return fail("it does not begin with '/'".to_owned());
    }
    if text.ends_with('/') {
        return fail("it ends with '/', which makes it a directory".to_owned());
    }
    match components(&text) {
        Err(reason) => fail(reason),
        Ok(parts) if parts.is_empty() => fail("it names the root directory".to_owned()),
        Ok(parts) => Ok(format!("/{}", parts.join("/"))),
    }
}

fn repo_path(text: String) -> Result<String, InvalidValue> {
    let fail = |reason: String| {
        let allowed = "a path relative to the root of the repository, as `docker/Dockerfile`";
        Err(InvalidValue::new(
            "a path in the repository",
            &text,
            reason,
            allowed,
        ))
    };
    if text.starts_with('/') {
        return fail("it begins with '/'".to_owned());
    }
    let parts = match components(&text) {
        Err(reason) => return fail(reason),
        Ok(parts) => parts,
    };
    match parts.first() {
        None => return fail("it names the root itself".to_owned()),
        Some(first) if first.starts_with('-') => return fail("it begins with '-'".to_owned()),
        Some(_) => {}
    }
    match parts.iter().find(|part| part.eq_ignore_ascii_case(".git")) {
        Some(part) => fail(format!("its part {part:?} is git's own")),
        None => Ok(parts.join("/")),
    }
}

fn components(text: &str) -> Result<Vec<&str>, String> {
    if text.len() > MAX_PATH {
        return Err(too_long(text, MAX_PATH));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("it holds {c:?}"));
    }
    let parts: Vec<_> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    match parts.contains(&"..") {
        true => Err("it holds \"..\"".to_owned()),
        false => Ok(parts),
    }
}
