//! `.dockerignore`, as Docker reads it.
//!
//! The rules are those of Docker's own matcher (the Go package `moby/patternmatcher`) and its
//! reader: lines that begin with `#` are comments, a byte order mark is skipped, leading and
//! trailing slashes and blanks mean nothing, `**` stands for any number of directories, a line
//! with `!` takes back what earlier lines ignored, the last line that matches wins, and what
//! lies in an ignored directory is ignored.
//!
//! The two builders differ in one point, see [`Builder`].

mod clean;
mod pattern;
mod regex;

pub(crate) use clean::clean;
use pattern::Pattern;

/// Which of Docker's builders the context is meant for.
///
/// They read `.dockerignore` alike, but for two things: BuildKit prefers
/// `<Dockerfile>.dockerignore` where there is one, and it looks into ignored directories for
/// every exception, whereas the classic builder finds only those whose pattern begins with the
/// directory's name (`!dir/file`, not `!**/file`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Builder {
    /// `DOCKER_BUILDKIT=0`
    Classic,
    /// The default of every engine since 23.0.
    #[default]
    BuildKit,
}

/// A line of a `.dockerignore` that is no pattern.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("line {line}: bad pattern {pattern:?}: {reason}")]
pub struct IgnoreError {
    /// Counted from 1.
    pub line: usize,
    /// The line, trimmed.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The longest line that Docker's reader takes.
const MAX_LINE: usize = 64 * 1024;

/// A parsed `.dockerignore`.
///
/// ```
/// use dogi_git::{Builder, Dockerignore};
///
/// let ignore = Dockerignore::parse(b"# build output\ntarget\n*.log\n!keep.log\n")?;
/// assert!(ignore.ignores("target/debug/app"));
/// assert!(ignore.ignores("x.log"));
/// assert!(!ignore.ignores("keep.log"));
/// # Ok::<(), dogi_git::IgnoreError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Dockerignore {
    patterns: Vec<Pattern>,
    builder: Builder,
}

/// Which patterns matched a directory: what lies in it need not be compared with them again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched(Vec<bool>);

impl Dockerignore {
    /// Reads the file. Bytes that are not UTF-8 are replaced, as they match nothing anyway.
    ///
    /// # Errors
    /// [`IgnoreError`] for the first line that is no pattern; Docker refuses the build then, too.
    pub fn parse(file: &[u8]) -> Result<Dockerignore, IgnoreError> {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let mut patterns = Vec::new();
        for (index, line) in file.split(|&byte| byte == b'\n').enumerate() {
            let error = |pattern: &str, reason| IgnoreError {
                line: index + 1,
                pattern: pattern.chars().take(200).collect(),
                reason,
            };
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
            if line.len() >= MAX_LINE {
                return Err(error(&line, "the line is longer than 64 KiB"));
            }
            let Some(text) = normalise(&line) else {
                continue;
            };
            patterns.push(Pattern::new(&text).map_err(|reason| error(line.trim(), reason))?);
        }
        Ok(Dockerignore {
            patterns,
            builder: Builder::default(),
        })
    }

    /// The same patterns, read as `builder` reads them.
    #[must_use]
    pub fn for_builder(self, builder: Builder) -> Dockerignore {
        Dockerignore { builder, ..self }
    }

    /// Whether `path` (relative to the context, without leading slash) is ignored, itself or
    /// because of a directory above it.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        let mut matched = None;
        for (end, _) in path.match_indices('/') {
            matched = Some(self.decide(&path[..end], matched.as_ref()).1);
        }
        self.decide(path, matched.as_ref()).0
    }

    /// Takes `path` back if it is ignored: the builder needs the Dockerfile and `.dockerignore`
    /// whatever the patterns say.
    pub(crate) fn keep(&mut self, path: &str) {
        if self.ignores(path)
            && let Ok(pattern) = Pattern::new(&format!("!{}", escape(path)))
        {
            self.patterns.push(pattern);
        }
    }

    /// The verdict on `path`, given what matched its directory (`None` at the top).
    pub(crate) fn decide(&self, path: &str, parent: Option<&Matched>) -> (bool, Matched) {
        let chars: Vec<char> = path.chars().collect();
        let mut ignored = false;
        let mut matched = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let inherited = parent.is_some_and(|parent| parent.0[index]);
            if !inherited {
                // An ignoring pattern has nothing to add to what is ignored, an exception none to
                // what is not.
                if pattern.exception != ignored {
                    continue;
                }
                if !pattern.matches(path, &chars) {
                    continue;
                }
            }
            matched[index] = true;
            ignored = !pattern.exception;
        }
        (ignored, Matched(matched))
    }

    /// Whether an exception may lie in the ignored directory `path`, so that it must be entered.
    pub(crate) fn must_enter(&self, path: &str) -> bool {
        let exceptions = || self.patterns.iter().filter(|pattern| pattern.exception);
        let inside = format!("{path}/");
        match self.builder {
            Builder::Classic => {
                exceptions().any(|pattern| format!("{}/", pattern.text).starts_with(&inside))
            }
            Builder::BuildKit => {
                let wild = |pattern: &Pattern| {
                    pattern
                        .without_trailing_glob()
                        .contains(['*', '[', ']', '?', '^', '\\'])
                };
                exceptions().any(wild)
                    || exceptions().any(|pattern| {
                        format!("{}/", pattern.without_trailing_glob()).starts_with(&inside)
                    })
            }
        }
    }

    /// Whether nothing can be ignored.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// A line's pattern: without comment, blanks and leading slash; `None` where there is none.
fn normalise(line: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    let (exception, pattern) = match line.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return Some(exception.to_owned());
    }
    let pattern = clean(pattern);
    let relative = match pattern.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest,
        _ => &pattern,
    };
    Some(format!("{exception}{relative}"))
}

/// A pattern that matches just `path`.
fn escape(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
