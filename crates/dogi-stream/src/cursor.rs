//! Where a reader of several outputs stands, as one short text.

use std::fmt;
use std::str::FromStr;

use crate::position::Position;

/// The longest text that is read as a cursor, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// A run, and a position in each of its outputs.
///
/// Printed as `RUN;NAME=POSITION;NAME=POSITION`, for example `0198f;log=0:4096;file_data=1:12`, in
/// the order of first use. It is the `id` of a server-sent event, and comes back as
/// `Last-Event-ID`. The run is an opaque token: positions mean nothing in another run, so whoever
/// resumes compares it. Bytes of a run or a name other than ASCII letters, digits, `_`, `-`, `.`
/// and `~` are percent-encoded, so that the text fits into headers, lines and URLs. Outputs at
/// [`Position::START`] are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    run: String,
    positions: Vec<(String, Position)>,
}

impl Cursor {
    /// The beginning of every output of a run.
    pub fn new(run: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            positions: Vec::new(),
        }
    }

    /// The run that the positions belong to.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Where to go on in an output: the beginning if nothing is known of it.
    pub fn position(&self, output: &str) -> Position {
        self.find(output)
            .map_or(Position::START, |index| self.positions[index].1)
    }

    /// Outputs with a position, in the order of first use.
    pub fn positions(&self) -> impl Iterator<Item = (&str, Position)> {
        self.positions
            .iter()
            .map(|(name, position)| (name.as_str(), *position))
    }

    /// Moves an output to a position, in whatever direction.
    pub fn set(&mut self, output: &str, position: Position) {
        match self.find(output) {
            Some(index) => self.positions[index].1 = position,
            None => self.positions.push((output.to_owned(), position)),
        }
    }

    fn find(&self, output: &str) -> Option<usize> {
        self.positions.iter().position(|(name, _)| name == output)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, &self.run)?;
        for (name, position) in self.positions().filter(|(_, at)| *at != Position::START) {
            f.write_str(";")?;
            escape(f, name)?;
            write!(f, "={position}")?;
        }
        Ok(())
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte)
}

fn escape(out: &mut impl fmt::Write, mut text: &str) -> fmt::Result {
    while let Some(index) = text.bytes().position(|byte| !plain(byte)) {
        let (before, rest) = text.split_at(index);
        out.write_str(before)?;
        let character = rest.chars().next().map_or(0, char::len_utf8);
        for byte in rest.bytes().take(character) {
            write!(out, "%{byte:02X}")?;
        }
        text = &rest[character..];
    }
    out.write_str(text)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte if plain(byte) => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

/// The text is not a cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` in a cursor: {expected}; a cursor looks like RUN;log=0:4096;file_data=1:12")]
pub struct ParseCursorError {
    /// The part that is wrong (its first 64 characters).
    pub part: String,
    /// What is allowed there.
    pub expected: &'static str,
}

impl ParseCursorError {
    fn new(part: &str, expected: &'static str) -> Self {
        Self {
            part: part.chars().take(64).collect(),
            expected,
        }
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEXT {
            return Err(ParseCursorError::new(text, "expected at most 65536 bytes"));
        }
        let mut parts = text.split(';');
        let run = parts.next().unwrap_or_default();
        let encoding = "expected letters, digits, _ - . ~ and %XX of UTF-8";
        let run = unescape(run).ok_or_else(|| ParseCursorError::new(run, encoding))?;
        let mut positions = parts.map(output).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<&str> = positions.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ParseCursorError::new(pair[0], "expected each output once"));
        }
        positions.shrink_to_fit();
        Ok(Self { run, positions })
    }
}

fn output(part: &str) -> Result<(String, Position), ParseCursorError> {
    part.split_once('=')
        .and_then(|(name, position)| Some((unescape(name)?, position.parse().ok()?)))
        .ok_or_else(|| ParseCursorError::new(part, "expected NAME=generation:offset"))
}
