//! Code without its comments and strings, so that words in them are not mistaken
//! for code. It knows as much of Rust's grammar as that takes.

/// The same text with comments and the content of string and character literals
/// replaced by spaces. Line breaks stay.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (keep, blank) = match first {
            '/' if rest.starts_with("//") => (0, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (0, block_comment(rest)),
            '"' => (0, string(rest)),
            'r' | 'b' | 'c' if !ends_in_word(&out) => literal_with_prefix(rest),
            '\'' => (0, character(rest)),
            _ => (first.len_utf8(), 0),
        };
        // A lone quote belongs to a lifetime.
        let keep = if keep + blank == 0 {
            first.len_utf8()
        } else {
            keep
        };
        out.push_str(&rest[..keep]);
        out.extend(
            rest[keep..keep + blank]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' }),
        );
        rest = &rest[keep + blank..];
    }
    out
}

fn ends_in_word(out: &str) -> bool {
    out.chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string literal with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `c"…"`, `b'…'`; else one letter that stays.
fn literal_with_prefix(text: &str) -> (usize, usize) {
    let letters = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    if letters > 2 {
        return (letters, 0);
    }
    let after = &text[letters..];
    let raw = text[..letters].contains('r');
    let hashes = if raw {
        after.len() - after.trim_start_matches('#').len()
    } else {
        0
    };
    let body = &after[hashes..];
    if body.starts_with('"') {
        let length = if raw {
            raw_string(body, hashes)
        } else {
            string(body)
        };
        return (0, letters + hashes + length);
    }
    match (body.starts_with('\''), character(body)) {
        (true, length) if length > 0 && hashes == 0 => (0, letters + length),
        _ => (letters, 0),
    }
}

fn raw_string(text: &str, hashes: usize) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    text[1..]
        .find(&end)
        .map_or(text.len(), |at| 1 + at + end.len())
}

/// The length of a character literal, 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            // The escaped character may be a quote itself.
            let after = chars.nth(1).map_or(text.len(), |(at, _)| at);
            text[after..].find('\'').map_or(0, |at| after + at + 1)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}
