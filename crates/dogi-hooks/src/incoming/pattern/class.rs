//! What stands in brackets.

use super::PatternError;
use super::escape::{escaped_char, perl_class, unicode_class, write_char};
use super::translate::Cursor;

/// The classes of POSIX, the same in Go and in the `regex` crate.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Translates a class whose `[` has been read.
///
/// `[`, `&&`, `--` and `~~` mean themselves in Go, so every character is written as an escape.
pub(super) fn class(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), PatternError> {
    let start = cursor.at();
    out.push('[');
    if cursor.eat('^') {
        out.push('^');
    }
    let mut first = true;
    loop {
        match cursor.peek() {
            None => {
                let part = format!("[{}", cursor.since(start));
                return Err(PatternError::syntax(part, "the bracket is not closed"));
            }
            Some(']') if !first => break,
            Some(_) => item(cursor, out)?,
        }
        first = false;
    }
    cursor.next();
    out.push(']');
    Ok(())
}

fn item(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), PatternError> {
    if let Some(name) = posix(cursor)? {
        out.push_str(&name);
        return Ok(());
    }
    if cursor.rest().starts_with('\\') {
        let letter = cursor.rest().chars().nth(1);
        if let Some((inside, negated)) = letter.and_then(perl_class) {
            cursor.skip(2);
            match negated {
                true => out.push_str(&format!("[^{inside}]")),
                false => out.push_str(inside),
            }
            return Ok(());
        }
        if let Some(letter @ ('p' | 'P')) = letter {
            cursor.skip(2);
            out.push_str(&unicode_class(cursor, letter)?);
            return Ok(());
        }
    }
    range(cursor, out)
}

fn range(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), PatternError> {
    let start = cursor.at();
    let low = single(cursor)?;
    write_char(out, low);
    let mut ahead = cursor.rest().chars();
    if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
        cursor.next();
        let high = single(cursor)?;
        if high < low {
            return Err(PatternError::syntax(
                cursor.since(start),
                "a range that ends before it begins",
            ));
        }
        out.push('-');
        write_char(out, high);
    }
    Ok(())
}

fn single(cursor: &mut Cursor<'_>) -> Result<char, PatternError> {
    match cursor.next() {
        Some('\\') => escaped_char(cursor),
        Some(c) => Ok(c),
        None => Err(PatternError::syntax("[", "the bracket is not closed")),
    }
}

/// `[:alpha:]` and `[:^alpha:]`; a `[:` without its end is two characters.
fn posix(cursor: &mut Cursor<'_>) -> Result<Option<String>, PatternError> {
    let Some(inside) = cursor.rest().strip_prefix("[:") else {
        return Ok(None);
    };
    let Some(end) = inside.find(":]") else {
        return Ok(None);
    };
    let whole = cursor.rest()[..end + 4].to_owned();
    let name = &inside[..end];
    if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(PatternError::syntax(whole, "no class of POSIX"));
    }
    cursor.skip(whole.len());
    Ok(Some(whole))
}
