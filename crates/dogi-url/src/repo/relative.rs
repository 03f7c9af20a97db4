//! Relative URLs, as `.gitmodules` may hold them.

use super::{JoinError, RepoUrl, parse};
use crate::text::quote;

/// As git does it: every leading `../` takes one part off the path of `base`, the rest is added.
pub(super) fn join(base: &RepoUrl, relative: &str) -> Result<RepoUrl, JoinError> {
    if !relative.starts_with("./") && !relative.starts_with("../") {
        return Err(JoinError::NotRelative {
            relative: quote(relative),
        });
    }
    let mut parts: Vec<&str> = base
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let mut rest = relative;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            let above = || JoinError::AboveRoot {
                relative: quote(relative),
                base: base.as_str().to_owned(),
            };
            parts.pop().ok_or_else(above)?;
            rest = after;
        } else {
            break;
        }
    }
    parts.extend(rest.strip_suffix('/').unwrap_or(rest).split('/'));
    Ok(parse::with_path(base, &parts.join("/"))?)
}
