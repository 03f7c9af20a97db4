//! The checkout's `.env`, read by rules of our own and written anew for the programs.
//!
//! The two programs read such files by different rules, and both take settings of their own from
//! there: the engine's address, further Compose files, the project's name. Version 2 puts some of it
//! into its own environment, which other programs inherit.

use std::collections::BTreeMap;

/// A line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DotenvError {
    /// From 1.
    pub line: usize,
    /// What was expected. It does not quote the line, which may be a secret.
    pub reason: &'static str,
}

/// Names that mean something to the programs themselves. Interpolation does not get them from here.
const RESERVED: &[&str] = &[
    "COMPOSE_",
    "DOCKER_",
    "BUILDX_",
    "BUILDKIT_",
    "LD_",
    "PYTHON",
    "GODEBUG",
    "SSL_CERT_",
    "OTEL_",
];
const RESERVED_NAMES: &[&str] = &["PATH", "HOME"];

/// The variables of a `.env` file: `NAME=value`, one a line, with `export` before it or not, `#` comments,
/// single quotes (taken as they are) and double quotes (with `\n`, `\"`, `\\` and `\$`). Variables in
/// values are not expanded. What means something to Compose or docker themselves, such as
/// `DOCKER_HOST`, is left out.
///
/// # Errors
///
/// [`DotenvError`]: the first line that is none of this.
pub fn parse_dotenv(text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut variables = BTreeMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let failed = |reason| DotenvError {
            line: index + 1,
            reason,
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        // A name alone takes its value from the environment, which interpolation does anyway.
        let Some((name, value)) = line.split_once('=') else {
            check_name(line.trim()).map_err(failed)?;
            continue;
        };
        let name = name.trim_end();
        check_name(name).map_err(failed)?;
        let value = unquote(value.trim()).map_err(failed)?;
        if !is_reserved(name) {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

fn is_reserved(name: &str) -> bool {
    RESERVED_NAMES.contains(&name) || RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(is_first)
        && name
            .chars()
            .all(|c| is_first(c) || c.is_ascii_digit() || c == '.' || c == '-');
    if is_name {
        return Ok(());
    }
    Err("expected NAME=value, with a name of letters, digits and underscores")
}

fn unquote(value: &str) -> Result<String, &'static str> {
    let unclosed = "a quote that is closed on the same line was expected";
    if let Some(rest) = value.strip_prefix('\'') {
        let (inner, after) = rest.split_once('\'').ok_or(unclosed)?;
        return comment_only(after).map(|()| inner.to_owned());
    }
    if let Some(rest) = value.strip_prefix('"') {
        let (inner, after) = double_quoted(rest).ok_or(unclosed)?;
        return comment_only(after).map(|()| inner);
    }
    // ` #` begins a comment, `#` within a word does not.
    let comment = value.find(" #").or_else(|| value.find("\t#"));
    let value = comment.map_or(value, |at| &value[..at]);
    Ok(value.trim_end().to_owned())
}

fn double_quoted(rest: &str) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((inner, &rest[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => inner.push('\n'),
                'r' => inner.push('\r'),
                't' => inner.push('\t'),
                plain @ ('"' | '\\' | '$') => inner.push(plain),
                other => inner.extend(['\\', other]),
            },
            other => inner.push(other),
        }
    }
    None
}

fn comment_only(after: &str) -> Result<(), &'static str> {
    let after = after.trim_start();
    if after.is_empty() || after.starts_with('#') {
        return Ok(());
    }
    Err("the end of the line or a comment was expected behind the closing quote")
}
