//! The small part of Go's regular expressions that ignore patterns are translated into.
//!
//! Docker turns a pattern into a regular expression and lets Go run it, so what a pattern means is
//! what that expression means, oddities inside brackets included. This is a parser for just those
//! expressions, and a matcher whose time grows with `pattern × path`, whatever the pattern.

/// A sequence of pieces that must match a whole path.
#[derive(Debug, Clone)]
pub(super) struct Regex {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    atom: Atom,
    repeat: Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Once,
    Optional,
    Any,
}

#[derive(Debug, Clone)]
enum Atom {
    Char(char),
    /// `.`: anything but a newline.
    Dot,
    Class(Class),
    /// `(.*/)`: any number of whole directories.
    Directories,
    /// Matches no character, only a place.
    Place(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    End,
    WordBorder,
    NoWordBorder,
}

impl Place {
    fn is_between(self, before: Option<char>, after: Option<char>) -> bool {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        match self {
            Place::Begin => before.is_none(),
            Place::End => after.is_none(),
            Place::WordBorder => word(before) != word(after),
            Place::NoWordBorder => word(before) == word(after),
        }
    }
}

#[derive(Debug, Clone)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| low <= c && c <= high) != self.negated
    }
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const SPACE: &[(char, char)] = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

impl Regex {
    /// Parses an expression without its outer `^` and `$`; `None` where Go refuses it, and for
    /// the few escapes that are not supported here (`\p`, `\Q`, `\x`, `\C`, octal).
    pub(super) fn parse(text: &str) -> Option<Regex> {
        let chars: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let atom = parse_atom(&chars, &mut at)?;
            let repeat = match chars.get(at) {
                Some('*') => Repeat::Any,
                Some('?') => Repeat::Optional,
                _ => Repeat::Once,
            };
            if repeat != Repeat::Once {
                at += 1;
                if matches!(chars.get(at), Some('*' | '?')) {
                    return None;
                }
            }
            pieces.push(Piece { atom, repeat });
        }
        Some(Regex { pieces })
    }

    /// Whether the whole of `path` matches.
    pub(super) fn is_match(&self, path: &[char]) -> bool {
        let mut now = States::new(self.pieces.len());
        let mut next = States::new(self.pieces.len());
        self.enter(&mut now, 0, (None, path.first().copied()));
        for (at, &c) in path.iter().enumerate() {
            next.clear();
            let around = (Some(c), path.get(at + 1).copied());
            for index in 0..self.pieces.len() {
                self.step(index, around, c, &now, &mut next);
            }
            std::mem::swap(&mut now, &mut next);
            if now.is_empty() {
                return false;
            }
        }
        now.at[self.pieces.len()]
    }

    /// Marks `index` as a place to go on from, and all that is reached from there for nothing.
    /// `around` are the characters before and after.
    fn enter(&self, states: &mut States, mut index: usize, around: (Option<char>, Option<char>)) {
        loop {
            if std::mem::replace(&mut states.at[index], true) {
                return;
            }
            let Some(piece) = self.pieces.get(index) else {
                return;
            };
            let passes = match piece.atom {
                Atom::Place(place) => place.is_between(around.0, around.1),
                _ => false,
            };
            if piece.repeat == Repeat::Once && !passes {
                return;
            }
            index += 1;
        }
    }

    fn step(
        &self,
        index: usize,
        around: (Option<char>, Option<char>),
        c: char,
        now: &States,
        next: &mut States,
    ) {
        let piece = &self.pieces[index];
        if let Atom::Directories = piece.atom {
            if (now.at[index] || now.inside[index]) && c != '\n' {
                next.inside[index] = true;
                if c == '/' {
                    self.enter(next, index + 1, around);
                }
            }
            return;
        }
        let fits = now.at[index]
            && match &piece.atom {
                Atom::Char(wanted) => *wanted == c,
                Atom::Dot => c != '\n',
                Atom::Class(class) => class.contains(c),
                Atom::Directories | Atom::Place(_) => false,
            };
        if fits {
            let to = if piece.repeat == Repeat::Any {
                index
            } else {
                index + 1
            };
            self.enter(next, to, around);
        }
    }
}

struct States {
    at: Vec<bool>,
    inside: Vec<bool>,
}

impl States {
    fn new(pieces: usize) -> States {
        States {
            at: vec![false; pieces + 1],
            inside: vec![false; pieces + 1],
        }
    }

    fn clear(&mut self) {
        self.at.fill(false);
        self.inside.fill(false);
    }

    fn is_empty(&self) -> bool {
        !self.at.contains(&true) && !self.inside.contains(&true)
    }
}

fn parse_atom(chars: &[char], at: &mut usize) -> Option<Atom> {
    let c = chars[*at];
    *at += 1;
    Some(match c {
        '.' => Atom::Dot,
        '^' => Atom::Place(Place::Begin),
        '$' => Atom::Place(Place::End),
        '(' => {
            let rest = chars.get(*at..*at + 4)?;
            if rest != ['.', '*', '/', ')'] {
                return None;
            }
            *at += 4;
            Atom::Directories
        }
        '[' => Atom::Class(parse_class(chars, at)?),
        '\\' => match parse_escape(chars, at)? {
            Escape::Char(c) => Atom::Char(c),
            Escape::Place(place) => Atom::Place(place),
            Escape::Set { negated, ranges } => Atom::Class(Class {
                negated,
                ranges: ranges.to_vec(),
            }),
        },
        '*' | '?' | ')' => return None,
        other => Atom::Char(other),
    })
}

enum Escape {
    Char(char),
    Place(Place),
    Set {
        negated: bool,
        ranges: &'static [(char, char)],
    },
}

fn parse_escape(chars: &[char], at: &mut usize) -> Option<Escape> {
    let c = *chars.get(*at)?;
    *at += 1;
    Some(match c {
        'd' => Escape::Set {
            negated: false,
            ranges: DIGIT,
        },
        'D' => Escape::Set {
            negated: true,
            ranges: DIGIT,
        },
        's' => Escape::Set {
            negated: false,
            ranges: SPACE,
        },
        'S' => Escape::Set {
            negated: true,
            ranges: SPACE,
        },
        'w' => Escape::Set {
            negated: false,
            ranges: WORD,
        },
        'W' => Escape::Set {
            negated: true,
            ranges: WORD,
        },
        'b' => Escape::Place(Place::WordBorder),
        'B' => Escape::Place(Place::NoWordBorder),
        'A' => Escape::Place(Place::Begin),
        'z' => Escape::Place(Place::End),
        'a' => Escape::Char('\x07'),
        'f' => Escape::Char('\x0c'),
        'n' => Escape::Char('\n'),
        'r' => Escape::Char('\r'),
        't' => Escape::Char('\t'),
        'v' => Escape::Char('\x0b'),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Escape::Char(c),
        _ => return None,
    })
}

fn parse_class(chars: &[char], at: &mut usize) -> Option<Class> {
    let negated = chars.get(*at) == Some(&'^');
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        match chars.get(*at)? {
            ']' if !first => {
                *at += 1;
                return Some(Class { negated, ranges });
            }
            // POSIX classes such as `[:alpha:]` are not needed: refuse rather than misread.
            '[' if chars.get(*at + 1) == Some(&':') => return None,
            _ => {}
        }
        first = false;
        let low = match class_char(chars, at)? {
            Escape::Char(c) => c,
            Escape::Set {
                negated: false,
                ranges: set,
            } => {
                ranges.extend_from_slice(set);
                continue;
            }
            Escape::Set { negated: true, .. } | Escape::Place(_) => return None,
        };
        let is_range =
            chars.get(*at) == Some(&'-') && chars.get(*at + 1).is_some_and(|&after| after != ']');
        let high = if is_range {
            *at += 1;
            match class_char(chars, at)? {
                Escape::Char(c) => c,
                Escape::Set { .. } | Escape::Place(_) => return None,
            }
        } else {
            low
        };
        if high < low {
            return None;
        }
        ranges.push((low, high));
    }
}

fn class_char(chars: &[char], at: &mut usize) -> Option<Escape> {
    let c = *chars.get(*at)?;
    *at += 1;
    if c == '\\' {
        parse_escape(chars, at)
    } else {
        Some(Escape::Char(c))
    }
}
