//! One pattern: its syntax check, and what it matches.

use super::clean::clean;
use super::regex::Regex;

/// A pattern of a `.dockerignore`, ready to match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Begins with `!`: takes back what was ignored.
    pub(super) exception: bool,
    /// The pattern without `!`, cleaned.
    pub(super) text: String,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Exact,
    /// `foo/**`
    Prefix,
    /// `**/foo`
    Suffix,
    Regex(Regex),
}

impl Pattern {
    /// Reads a pattern that is already trimmed; `Err` says what is wrong with it.
    pub(super) fn new(text: &str) -> Result<Pattern, &'static str> {
        let text = clean(text);
        let (exception, text) = match text.strip_prefix('!') {
            Some("") => return Err("nothing stands behind the \"!\""),
            Some(rest) => {
                let rest = clean(rest);
                (
                    true,
                    rest.strip_prefix('/').map(str::to_owned).unwrap_or(rest),
                )
            }
            None => (false, text),
        };
        check_syntax(&text)?;
        let how = compile(&text).ok_or("the pattern can't be understood")?;
        Ok(Pattern {
            exception,
            text,
            how,
        })
    }

    /// Whether `path` (without leading slash) itself matches; its parents are the caller's task.
    pub(super) fn matches(&self, path: &str, chars: &[char]) -> bool {
        match &self.how {
            How::Exact => path == self.text,
            How::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            How::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path)
            }
            How::Regex(regex) => regex.is_match(chars),
        }
    }

    /// The text up to a trailing `/*` or `/**`, for the question where exceptions may lie.
    pub(super) fn without_trailing_glob(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }
}

/// What Go's `filepath.Match` would call a bad pattern.
fn check_syntax(text: &str) -> Result<(), &'static str> {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return Err("it ends with a lone backslash"),
            '[' => check_class(&mut chars)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<(), &'static str> {
    chars.next_if_eq(&'^');
    let mut ranges = 0;
    loop {
        if ranges > 0 && chars.next_if_eq(&']').is_some() {
            return Ok(());
        }
        check_class_char(chars)?;
        if chars.next_if_eq(&'-').is_some() {
            check_class_char(chars)?;
        }
        ranges += 1;
    }
}

fn check_class_char(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(), &'static str> {
    let c = match chars.next() {
        None => return Err("a \"[\" is not closed"),
        Some('-') => return Err("a \"-\" stands at the border of a [range]"),
        Some(']') => return Err("a [range] is empty or lacks its end"),
        Some('\\') => chars.next(),
        other => other,
    };
    match (c, chars.peek()) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err("a \"[\" is not closed"),
    }
}

/// Translates as Docker does: into an expression of Go's, or into one of the short cuts that it
/// takes for the most common forms.
fn compile(text: &str) -> Option<How> {
    let mut regex = String::new();
    let mut kind = Kind::Exact;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_none() {
                    if kind == Kind::Exact {
                        kind = Kind::Prefix;
                    } else {
                        regex.push_str(".*");
                        kind = Kind::Regex;
                    }
                } else {
                    regex.push_str("(.*/)?");
                    kind = Kind::Regex;
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            '*' => {
                regex.push_str("[^/]*");
                kind = Kind::Regex;
            }
            '?' => {
                regex.push_str("[^/]");
                kind = Kind::Regex;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => {
                regex.push('\\');
                regex.push(c);
            }
            '\\' => {
                regex.push('\\');
                regex.push(chars.next()?);
                kind = Kind::Regex;
            }
            '[' | ']' => {
                regex.push(c);
                kind = Kind::Regex;
            }
            other => regex.push(other),
        }
        first = false;
    }
    Some(match kind {
        Kind::Exact => How::Exact,
        Kind::Prefix => How::Prefix,
        Kind::Suffix => How::Suffix,
        Kind::Regex => How::Regex(Regex::parse(&regex)?),
    })
}

#[derive(PartialEq)]
enum Kind {
    Exact,
    Prefix,
    Suffix,
    Regex,
}
