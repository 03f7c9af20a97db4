//! Words of an instruction: options, arrays, variables.

use std::collections::BTreeMap;

/// Leading options `--name=value`, and what follows them.
pub(super) fn options(rest: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    let mut rest = rest.trim_start();
    while rest.starts_with("--") {
        let (word, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (name, value) = word[2..].split_once('=').unwrap_or((&word[2..], ""));
        found.push((name, value.trim_matches('"')));
        rest = more.trim_start();
    }
    (found, rest)
}

/// The words of `COPY` and `ADD`: an array in JSON, or separated by spaces.
pub(super) fn words(rest: &str) -> Vec<String> {
    if rest.starts_with('[')
        && let Ok(words) = serde_json::from_str::<Vec<String>>(rest)
    {
        return words;
    }
    rest.split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect()
}

/// Replaces variables. `None` when one has no known value, or is used in a form not known here.
pub(super) fn expand(
    text: &str,
    values: &BTreeMap<String, String>,
    escape: char,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut single = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\'' => single = !single,
            '"' if !single => {}
            _ if c == escape && !single => {
                let next = after.chars().next()?;
                out.push(next);
                rest = &after[next.len_utf8()..];
                continue;
            }
            '$' if !single => {
                let (value, behind) = variable(after, values, escape)?;
                out.push_str(&value);
                rest = behind;
                continue;
            }
            other => out.push(other),
        }
        rest = after;
    }
    Some(out)
}

/// What stands behind a dollar sign: its value and the text after it.
fn variable<'a>(
    text: &'a str,
    values: &BTreeMap<String, String>,
    escape: char,
) -> Option<(String, &'a str)> {
    let name_end = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let Some(braced) = text.strip_prefix('{') else {
        let (name, behind) = text.split_at(name_end(text));
        return Some((values.get(name)?.clone(), behind));
    };
    let close = matching_brace(braced)?;
    let (inner, behind) = (&braced[..close], &braced[close + 1..]);
    let (name, modifier) = inner.split_at(name_end(inner));
    let value = values.get(name);
    let filled = value.filter(|value| !value.is_empty());
    let expand = |word: &str| expand(word, values, escape);
    let value = match modifier {
        "" => value?.clone(),
        _ => match modifier.split_at_checked(2) {
            Some((":-", word)) => filled.cloned().or_else(|| expand(word))?,
            Some((":+", word)) => filled.map_or(Some(String::new()), |_| expand(word))?,
            Some((":?", _)) => filled?.clone(),
            _ => match modifier.split_at_checked(1)? {
                ("-", word) => value.cloned().or_else(|| expand(word))?,
                ("+", word) => value.map_or(Some(String::new()), |_| expand(word))?,
                ("?", _) => value?.clone(),
                _ => return None,
            },
        },
    };
    Some((value, behind))
}

fn matching_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
