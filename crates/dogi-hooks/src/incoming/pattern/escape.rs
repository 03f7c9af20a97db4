//! What stands behind a backslash, and how characters are written for the `regex` crate.

use super::PatternError;
use super::translate::Cursor;

/// One character after a backslash that has been read, inside or outside of a class.
pub(super) fn escaped_char(cursor: &mut Cursor<'_>) -> Result<char, PatternError> {
    let start = cursor.at();
    let bad = |cursor: &Cursor<'_>, reason| {
        Err(PatternError::syntax(
            format!("\\{}", cursor.since(start)),
            reason,
        ))
    };
    let Some(c) = cursor.next() else {
        return Err(PatternError::syntax(
            "\\",
            "nothing stands behind the backslash",
        ));
    };
    match c {
        'a' => Ok('\x07'),
        'f' => Ok('\x0c'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\x0b'),
        '0' => Ok(octal(cursor, 0, 2)),
        '1'..='7' if cursor.peek().is_some_and(|c| c.is_digit(8)) => {
            Ok(octal(cursor, c.to_digit(8).unwrap_or_default(), 2))
        }
        '1'..='9' => bad(cursor, "there are no backreferences"),
        'x' => match hexadecimal(cursor) {
            Some(c) => Ok(c),
            None => bad(
                cursor,
                "expected two hexadecimal digits or {…} with a character",
            ),
        },
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
        _ => bad(cursor, "no such escape"),
    }
}

fn octal(cursor: &mut Cursor<'_>, first: u32, more: usize) -> char {
    let mut code = first;
    for _ in 0..more {
        let Some(digit) = cursor.peek().and_then(|c| c.to_digit(8)) else {
            break;
        };
        cursor.next();
        code = code * 8 + digit;
    }
    // Three octal digits are at most 0o777, which is a character.
    char::from_u32(code).unwrap_or_default()
}

fn hexadecimal(cursor: &mut Cursor<'_>) -> Option<char> {
    let code = if cursor.eat('{') {
        let mut code: u32 = 0;
        let mut digits = 0;
        loop {
            match cursor.next()? {
                '}' if digits > 0 => break code,
                c => code = code.checked_mul(16)?.checked_add(c.to_digit(16)?)?,
            }
            digits += 1;
        }
    } else {
        let high = cursor.next()?.to_digit(16)?;
        high * 16 + cursor.next()?.to_digit(16)?
    };
    char::from_u32(code)
}

/// Writes a character so that it can only mean itself.
pub(super) fn write_char(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

/// The insides of Perl's classes, which are ASCII in Go, and whether they are negated.
pub(super) fn perl_class(letter: char) -> Option<(&'static str, bool)> {
    Some(match letter {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        's' => (r"\t\n\x0C\r\x20", false),
        'S' => (r"\t\n\x0C\r\x20", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        _ => return None,
    })
}

/// A class of Unicode after `\p` or `\P`, as the `regex` crate writes it.
pub(super) fn unicode_class(cursor: &mut Cursor<'_>, letter: char) -> Result<String, PatternError> {
    let start = cursor.at();
    let mut negated = letter == 'P';
    let name = if cursor.eat('{') {
        negated ^= cursor.eat('^');
        let from = cursor.at();
        while cursor.peek().is_some_and(|c| c != '}') {
            cursor.next();
        }
        let name = cursor.since(from).to_owned();
        cursor.eat('}').then_some(name)
    } else {
        cursor.next().map(String::from)
    };
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match name.filter(is_name) {
        Some(name) => Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' })),
        None => Err(PatternError::syntax(
            format!("\\{letter}{}", cursor.since(start)),
            "no class of Unicode",
        )),
    }
}
