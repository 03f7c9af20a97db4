//! Reading repository URLs, in the two ways they are written.

use super::{Kind, RepoError, RepoUrl};
use crate::host;
use crate::query::decode_path;
use crate::text::quote;

/// What follows `/{scheme}/` in a run URL, decoded.
pub(super) fn run_path(kind: Kind, rest: &str) -> Result<RepoUrl, RepoError> {
    bounded(rest)?;
    match kind {
        Kind::Ssh => scp(rest),
        Kind::File => file(&format!("/{rest}")),
        Kind::Https | Kind::Http | Kind::Git => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            with_authority(kind, authority, path)
        }
    }
}

/// What `git clone` takes.
pub(super) fn clone_url(url: &str) -> Result<RepoUrl, RepoError> {
    bounded(url)?;
    let Some((scheme, rest)) = url.split_once("://") else {
        return scp(url);
    };
    let scheme = scheme.to_ascii_lowercase();
    let kind = Kind::of(&scheme).ok_or_else(|| RepoError::unknown_scheme(&scheme))?;
    // Split before decoding: an escaped slash does not end the authority.
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = decode_path(path)?;
    match kind {
        Kind::File if matches!(authority, "" | "localhost") => file(&format!("/{path}")),
        Kind::File => Err(RepoError::Host {
            host: quote(authority),
            reason: "the URL of a file has none".to_owned(),
        }),
        Kind::Ssh => ssh_url(&decode_path(authority)?, &path),
        _ => with_authority(kind, &decode_path(authority)?, &path),
    }
}

/// `base` with another path (without the slash it begins with).
pub(super) fn with_path(base: &RepoUrl, path: &str) -> Result<RepoUrl, RepoError> {
    bounded(path)?;
    let relative = !base.path.starts_with('/');
    let path = checked(path, relative)?;
    let path = if relative {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    RepoUrl::build(base.kind, &base.user, base.host.clone(), base.port, path)
}

fn bounded(text: &str) -> Result<(), RepoError> {
    match text.len() {
        length if length > RepoUrl::MAX_BYTES => Err(RepoError::TooLong {
            length,
            limit: RepoUrl::MAX_BYTES,
        }),
        _ => Ok(()),
    }
}

fn with_authority(kind: Kind, authority: &str, path: &str) -> Result<RepoUrl, RepoError> {
    let (host, port) = match host_and_port(authority) {
        Ok(parsed) => parsed,
        // A password may hold a slash: then `@` stands behind what looks like the authority.
        Err(_) if authority.contains('@') || path.contains('@') => {
            return Err(RepoError::Credentials);
        }
        Err(error) => return Err(error),
    };
    RepoUrl::build(kind, "", host, port, format!("/{}", checked(path, false)?))
}

fn file(path: &str) -> Result<RepoUrl, RepoError> {
    let path = format!("/{}", checked(&path[1..], false)?);
    RepoUrl::build(Kind::File, "", String::new(), None, path)
}

/// `user@host[:port]` and `path` of `ssh://user@host[:port]/path`.
fn ssh_url(authority: &str, path: &str) -> Result<RepoUrl, RepoError> {
    let (name, rest) = split_user(authority)?;
    let (host, port) = host_and_port(rest)?;
    RepoUrl::build(
        Kind::Ssh,
        name,
        host,
        port,
        format!("/{}", checked(path, false)?),
    )
}

/// `user@host:owner/repo.git`, `user@host:/path` and `user@host:port/path`.
fn scp(text: &str) -> Result<RepoUrl, RepoError> {
    let (name, rest) = split_user(text)?;
    let colon = match rest.starts_with('[') {
        true => rest.find(']').map(|end| end + 1),
        false => rest.find(':'),
    };
    let parts = colon.and_then(|at| Some((&rest[..at], rest[at..].strip_prefix(':')?)));
    let Some((host_text, path)) = parts else {
        return Err(RepoError::SshForm { text: quote(text) });
    };
    let host = parse_host(host_text)?;
    let (port, path) = match path.split_once('/') {
        Some((digits, path)) if is_number(digits) => (Some(parse_port(digits)?), path),
        _ => (None, path),
    };
    let (absolute, path) = match path.strip_prefix('/') {
        Some(path) if port.is_none() => (true, path),
        _ => (port.is_some(), path),
    };
    let path = checked(path, !absolute)?;
    let path = if absolute {
        format!("/{path}")
    } else {
        path.to_owned()
    };
    RepoUrl::build(Kind::Ssh, name, host, port, path)
}

fn split_user(text: &str) -> Result<(&str, &str), RepoError> {
    let Some((user, rest)) = text.split_once('@') else {
        return Err(RepoError::SshForm { text: quote(text) });
    };
    if user.contains(':') {
        return Err(RepoError::Credentials);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    match !user.is_empty() && !user.starts_with('-') && user.chars().all(allowed) {
        true => Ok((user, rest)),
        false => Err(RepoError::User { user: quote(user) }),
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), RepoError> {
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    };
    // The host first: it is what people read.
    Ok((parse_host(name)?, port.map(parse_port).transpose()?))
}

fn parse_host(text: &str) -> Result<String, RepoError> {
    host::parse(text).map_err(|reason| RepoError::Host {
        host: quote(text),
        reason,
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn parse_port(text: &str) -> Result<u16, RepoError> {
    let port = text
        .parse()
        .ok()
        .filter(|port| *port > 0 && is_number(text));
    port.ok_or_else(|| RepoError::Port { port: quote(text) })
}

/// A path without the slash it begins with; a slash at its end is dropped.
fn checked(path: &str, relative: bool) -> Result<&str, RepoError> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    match problem(trimmed, relative) {
        None => Ok(trimmed),
        Some(reason) => Err(RepoError::Path {
            path: quote(path),
            reason,
        }),
    }
}

fn problem(path: &str, relative: bool) -> Option<String> {
    let banned = |c: char| c.is_control() || matches!(c, '\\' | '?' | '#');
    if path.is_empty() {
        return Some("it is empty".to_owned());
    }
    if path.starts_with('-') {
        return Some("it begins with '-'".to_owned());
    }
    if let Some(c) = path.chars().find(|&c| banned(c)) {
        return Some(format!("it holds {c:?}"));
    }
    // Otherwise the text of `git@host:22/r` could come from a relative path as well.
    if relative
        && path
            .split_once('/')
            .is_some_and(|(first, _)| is_number(first))
    {
        return Some("its first part is a number".to_owned());
    }
    match path
        .split('/')
        .find(|part| matches!(*part, "" | "." | ".."))
    {
        Some("") => Some("it has an empty part".to_owned()),
        Some(part) => Some(format!("it has a part {part:?}")),
        None => None,
    }
}
