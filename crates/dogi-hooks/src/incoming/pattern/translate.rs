//! From the syntax of Go's `regexp` to that of the `regex` crate.
//!
//! One pass without recursion. Flags are resolved here and stand at each piece of the result;
//! which of several matches is preferred (`*?`, `(?U)`) has no meaning for a yes or no.
//! Source: <https://pkg.go.dev/regexp/syntax>.

use super::PatternError;
use super::class::class;
use super::escape::{escaped_char, perl_class, unicode_class, write_char};

/// How often something may be repeated by `{n,m}`, nested repetitions multiplied.
const MAX_REPEAT: u32 = 1000;

/// A place in the pattern.
#[derive(Debug)]
pub(super) struct Cursor<'p> {
    pattern: &'p str,
    at: usize,
}

impl<'p> Cursor<'p> {
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    /// What has been read since a place.
    pub(super) fn since(&self, start: usize) -> &'p str {
        &self.pattern[start..self.at]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    /// Goes over bytes that the caller has looked at.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

/// What an operator would repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    /// How often its innermost part is repeated already.
    Atom(u32),
    /// Just repeated; how often.
    Repeated(u32),
}

impl Last {
    fn times(self) -> u32 {
        match self {
            Self::Nothing => 1,
            Self::Atom(times) | Self::Repeated(times) => times,
        }
    }
}

#[derive(Debug)]
struct Group {
    outer: Flags,
    start: usize,
    /// The largest product of repetitions in what surrounds it, so far.
    times: u32,
}

struct Translator<'p> {
    cursor: Cursor<'p>,
    out: String,
    flags: Flags,
    groups: Vec<Group>,
    last: Last,
    times: u32,
}

pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator {
        cursor: Cursor { pattern, at: 0 },
        out: String::new(),
        flags: Flags::default(),
        groups: Vec::new(),
        last: Last::Nothing,
        times: 1,
    };
    while let Some(c) = translator.cursor.next() {
        translator.piece(c)?;
    }
    match translator.groups.pop() {
        Some(group) => Err(PatternError::syntax(
            &pattern[group.start..],
            "the parenthesis is not closed",
        )),
        None => Ok(translator.out),
    }
}

impl<'p> Translator<'p> {
    fn piece(&mut self, c: char) -> Result<(), PatternError> {
        match c {
            '(' => return self.open(),
            ')' => return self.close(),
            '|' => {
                self.out.push('|');
                self.last = Last::Nothing;
                return Ok(());
            }
            '*' | '+' | '?' => return self.repeat(&c.to_string(), 1, 1),
            '{' => {
                if let Some((text, length, times)) = counted(self.cursor.rest())? {
                    self.cursor.skip(length);
                    return self.repeat(&text, times, 1 + length);
                }
                self.literal('{');
            }
            '[' => {
                let mut inside = String::new();
                class(&mut self.cursor, &mut inside)?;
                self.folded(&inside);
            }
            '.' if self.flags.dot_all => self.out.push_str("(?s:.)"),
            '.' => self.out.push_str(r"[^\n]"),
            '^' if self.flags.multi_line => self.out.push_str("(?m:^)"),
            '^' => self.out.push_str(r"\A"),
            '$' if self.flags.multi_line => self.out.push_str("(?m:$)"),
            '$' => self.out.push_str(r"\z"),
            '\\' => return self.backslash(),
            other => self.literal(other),
        }
        self.last = Last::Atom(1);
        Ok(())
    }

    fn literal(&mut self, c: char) {
        let mut text = String::new();
        write_char(&mut text, c);
        self.folded(&text);
        self.last = Last::Atom(1);
    }

    /// A piece in which upper and lower case may be the same.
    fn folded(&mut self, piece: &str) {
        match self.flags.ignore_case {
            true => self.out.push_str(&format!("(?i:{piece})")),
            false => self.out.push_str(piece),
        }
    }

    fn backslash(&mut self) -> Result<(), PatternError> {
        match self.cursor.peek() {
            Some('A') => self.simple(r"\A"),
            Some('z') => self.simple(r"\z"),
            Some('b') => self.simple(r"(?-u:\b)"),
            Some('B') => self.simple(r"(?-u:\B)"),
            Some('Q') => {
                self.cursor.skip(1);
                self.quoted();
                return Ok(());
            }
            Some(letter @ ('p' | 'P')) => {
                self.cursor.skip(1);
                let class = unicode_class(&mut self.cursor, letter)?;
                self.folded(&class);
            }
            letter => match letter.and_then(perl_class) {
                Some((inside, negated)) => {
                    self.cursor.skip(1);
                    let not = if negated { "^" } else { "" };
                    self.folded(&format!("[{not}{inside}]"));
                }
                None => {
                    let c = escaped_char(&mut self.cursor)?;
                    self.literal(c);
                }
            },
        }
        self.last = Last::Atom(1);
        Ok(())
    }

    fn simple(&mut self, piece: &str) {
        self.cursor.skip(1);
        self.out.push_str(piece);
    }

    /// `\Q…\E`, or to the end.
    fn quoted(&mut self) {
        let rest = self.cursor.rest();
        let (text, length) = match rest.find(r"\E") {
            Some(end) => (&rest[..end], end + 2),
            None => (rest, rest.len()),
        };
        self.cursor.skip(length);
        text.chars().for_each(|c| self.literal(c));
    }

    fn repeat(&mut self, operator: &str, times: u32, length: usize) -> Result<(), PatternError> {
        let start = self.cursor.at() - length;
        match self.last {
            Last::Nothing => {
                return Err(PatternError::syntax(operator, "there is nothing to repeat"));
            }
            Last::Repeated(_) => {
                let part = self.cursor.since(start);
                return Err(PatternError::syntax(
                    part,
                    "what is repeated already can't be repeated again without parentheses",
                ));
            }
            Last::Atom(_) => {}
        }
        // Lazy: the same yes or no.
        self.cursor.eat('?');
        let product = self.last.times().saturating_mul(times.max(1));
        if product > MAX_REPEAT {
            return Err(PatternError::syntax(
                self.cursor.since(start),
                "more than 1000 repetitions",
            ));
        }
        self.out.push_str(operator);
        self.times = self.times.max(product);
        self.last = Last::Repeated(product);
        Ok(())
    }

    fn open(&mut self) -> Result<(), PatternError> {
        let start = self.cursor.at() - 1;
        let outer = self.flags;
        if self.cursor.eat('?') {
            let named = ["P<", "<"]
                .into_iter()
                .find(|prefix| self.cursor.rest().starts_with(prefix));
            match named {
                Some(prefix) => {
                    self.cursor.skip(prefix.len());
                    self.name(start)?;
                }
                None if self.flags(start)? == ')' => {
                    // Flags for the rest of the group; what stands before it may still be
                    // repeated.
                    self.last = match self.last {
                        Last::Repeated(times) => Last::Atom(times),
                        last => last,
                    };
                    return Ok(());
                }
                None => {}
            }
        }
        self.groups.push(Group {
            outer,
            start,
            times: self.times,
        });
        self.out.push_str("(?:");
        self.last = Last::Nothing;
        self.times = 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), PatternError> {
        let Some(group) = self.groups.pop() else {
            return Err(PatternError::syntax(
                ")",
                "the parenthesis was never opened",
            ));
        };
        self.out.push(')');
        self.flags = group.outer;
        self.last = Last::Atom(self.times);
        self.times = self.times.max(group.times);
        Ok(())
    }

    fn name(&mut self, start: usize) -> Result<(), PatternError> {
        let rest: &'p str = self.cursor.rest();
        let end = rest.find('>').unwrap_or(rest.len());
        let name = &rest[..end];
        self.cursor.skip((end + 1).min(rest.len()));
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let reason = match is_name && end < rest.len() {
            false if name.starts_with(['=', '!']) => "there is no look-behind",
            false => "no name of a group",
            true => return Ok(()),
        };
        Err(PatternError::syntax(self.cursor.since(start), reason))
    }

    /// `(?i-s` and the like, up to the `:` or `)`, which is returned.
    fn flags(&mut self, start: usize) -> Result<char, PatternError> {
        let mut value = true;
        let mut any_after_minus = false;
        let mut flags = self.flags;
        loop {
            let c = self.cursor.next();
            match c {
                Some('i') => flags.ignore_case = value,
                Some('m') => flags.multi_line = value,
                Some('s') => flags.dot_all = value,
                Some('U') => {}
                Some('-') if value => {
                    value = false;
                    continue;
                }
                Some(end @ (':' | ')')) if value || any_after_minus => {
                    self.flags = flags;
                    return Ok(end);
                }
                Some('=' | '!') => {
                    let part = self.cursor.since(start);
                    return Err(PatternError::syntax(part, "there is no look-ahead"));
                }
                _ => {
                    let part = self.cursor.since(start);
                    return Err(PatternError::syntax(part, "no such group or flag"));
                }
            }
            any_after_minus |= !value;
        }
    }
}

/// `{n}`, `{n,}` or `{n,m}`, whose brace has been read: the operator, its length without that
/// brace, and how often it repeats at most. Anything else is a brace that means itself.
fn counted(rest: &str) -> Result<Option<(String, usize, u32)>, PatternError> {
    let Some(end) = rest.find('}') else {
        return Ok(None);
    };
    let inside = &rest[..end];
    let (low, high) = match inside.split_once(',') {
        None => (inside, Some(inside)),
        Some((low, "")) => (low, None),
        Some((low, high)) => (low, Some(high)),
    };
    let is_number = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
    };
    if !is_number(low) || !high.is_none_or(is_number) {
        return Ok(None);
    }
    let bad = |reason| Err(PatternError::syntax(format!("{{{inside}}}"), reason));
    // Only digits: what does not fit is too large.
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let (low, high) = (number(low), high.map(number));
    let most = high.unwrap_or(low);
    match () {
        () if low > MAX_REPEAT || most > MAX_REPEAT => bad("more than 1000 repetitions"),
        () if most < low => bad("the second number is smaller than the first"),
        () => Ok(Some((format!("{{{inside}}}"), end + 1, most))),
    }
}
