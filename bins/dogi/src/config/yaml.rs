//! A YAML document as a tree in which every node knows its line, and a reader that gathers
//! mistakes instead of stopping at the first.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::problem::{Origin, Problem, did_you_mean};

/// A node and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// From 1.
    pub line: u64,
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    /// Any scalar, as written in the file.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub line: u64,
    pub text: String,
}

impl Value {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses a document. An empty one is an empty mapping.
pub(super) fn parse(file: &Path, text: &str) -> Result<Node, Problem> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Node {
            line: 1,
            value: Value::Map(Vec::new()),
        });
    }
    match serde_saphyr::from_str::<Spanned<Raw>>(text) {
        Ok(raw) => Ok(node(raw, text)),
        Err(error) => {
            let line = error.location().map_or(0, |at| at.line());
            let origin = Origin::File {
                file: file.to_path_buf(),
                line,
                key: String::new(),
            };
            let message = error.without_snippet().to_string();
            Err(Problem::new(
                origin,
                format!("not valid YAML: {}", message.replace('\n', " ")),
            ))
        }
    }
}

/// As the parser gives it: numbers and booleans have lost their spelling.
enum Raw {
    Null,
    Scalar(String),
    /// To be read again from the source.
    Typed(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>, source: &str) -> Node {
    let line = raw.referenced.line();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Scalar(text) => Value::Scalar(text),
        Raw::Typed(text) => Value::Scalar(spelling(raw.defined, source).unwrap_or(text)),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, source)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key {
                        line: key.referenced.line(),
                        text: key.value,
                    };
                    (key, node(value, source))
                })
                .collect(),
        ),
    };
    Node { line, value }
}

/// The scalar as the source spells it: `0755` and `1.50` are texts to whoever wrote them.
fn spelling(at: Location, source: &str) -> Option<String> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let len = usize::try_from(at.span().byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(len)?)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

macro_rules! typed {
    ($($visit:ident($type:ty)),*) => {$(
        fn $visit<E>(self, value: $type) -> Result<Raw, E> {
            Ok(Raw::Typed(value.to_string()))
        }
    )*};
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    typed!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_i128(i128),
        visit_u128(u128)
    );
    typed!(visit_f64(f64));

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        Err(E::custom("binary values have no meaning here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries: Vec<(Spanned<String>, Spanned<Raw>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Spanned<Raw>>()? {
            if entries.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!(
                    "the key {:?} stands twice",
                    key.value
                )));
            }
            entries.push((key, value));
        }
        Ok(Raw::Map(entries))
    }
}

/// Gathers mistakes while a tree is read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub file: &'a Path,
    pub problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn origin(&self, line: u64, key: &str) -> Origin {
        Origin::File {
            file: self.file.to_path_buf(),
            line,
            key: key.to_owned(),
        }
    }

    pub(super) fn problem(&mut self, line: u64, key: &str, message: impl Into<String>) {
        let origin = self.origin(line, key);
        self.problems.push(Problem::new(origin, message));
    }

    /// The entries of a mapping; anything else is a mistake.
    pub(super) fn map(&mut self, node: Node, path: &str) -> Vec<(Key, Node)> {
        match node.value {
            Value::Map(entries) => entries,
            Value::Null => Vec::new(),
            other => {
                self.problem(
                    node.line,
                    path,
                    format!("expected a mapping, not {}", other.kind()),
                );
                Vec::new()
            }
        }
    }

    /// A mapping with known keys; unknown ones are mistakes. The nodes come in the order of
    /// `known`.
    pub(super) fn fields<const N: usize>(
        &mut self,
        node: Node,
        path: &str,
        known: [&str; N],
    ) -> [Option<Node>; N] {
        let mut found = [const { None }; N];
        for (key, value) in self.map(node, path) {
            match known.iter().position(|known| *known == key.text) {
                Some(index) => found[index] = Some(value),
                None => self.unknown(&key, path, &known),
            }
        }
        found
    }

    pub(super) fn unknown(&mut self, key: &Key, path: &str, known: &[&str]) {
        let near = did_you_mean(&key.text, known.iter().copied());
        let hint = if near.is_empty() && known.len() < 8 {
            format!("; known here: {}", known.join(", "))
        } else {
            near
        };
        self.problem(
            key.line,
            &join(path, &key.text),
            format!("unknown key{hint}"),
        );
    }

    /// A single value.
    pub(super) fn scalar(&mut self, node: Node, path: &str, expected: &str) -> Option<String> {
        match node.value {
            Value::Scalar(text) => Some(text),
            other => {
                let message = format!("expected {expected}, not {}", other.kind());
                self.problem(node.line, path, message);
                None
            }
        }
    }

    /// A list of single values, or one alone; each with its line.
    pub(super) fn scalars(&mut self, node: Node, path: &str, expected: &str) -> Vec<(u64, String)> {
        let items = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        items
            .into_iter()
            .filter_map(|item| Some((item.line, self.scalar(item, path, expected)?)))
            .collect()
    }
}

/// `a.b`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
