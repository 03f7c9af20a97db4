//! Paths as the server's own log shows them.

/// How much of a path is shown, in characters.
const MOST: usize = 256;

/// A path, fit for a log: without credentials (whoever pastes a clone URL may have some in it),
/// escaped, and bounded.
#[must_use]
pub fn logged(path: &str) -> String {
    let shown = without_credentials(path);
    match shown.char_indices().nth(MOST) {
        None => shown.escape_debug().to_string(),
        Some((end, _)) => format!("{}… ({} bytes)", shown[..end].escape_debug(), path.len()),
    }
}

/// `/https/***@host/…` in the place of `/https/user:password@host/…`. The user of an ssh URL is no
/// secret. A password may hold a slash, so that all up to the last `@` may be of it.
fn without_credentials(path: &str) -> String {
    let ends = ["@", "%40"].map(|at| path.rfind(at).map(|start| start + at.len()));
    let Some(end) = ends.into_iter().flatten().max() else {
        return path.to_owned();
    };
    let is_user = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let (before, rest) = path.split_at(end);
    let plain = before
        .strip_prefix("/ssh/")
        .and_then(|user| user.strip_suffix('@'))
        .is_some_and(|user| user.chars().all(is_user));
    if plain {
        return path.to_owned();
    }
    let mut slashes = before.match_indices('/').filter(|(at, _)| *at > 0);
    let scheme = slashes.next().map_or("/", |(at, _)| &before[..=at]);
    format!("{scheme}***@{rest}")
}
