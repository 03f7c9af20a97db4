use std::path::Path;

use crate::{Key, Mistake, Node, Value, did_you_mean};

/// Gathers mistakes while a tree is read, instead of stopping at the first.
#[derive(Debug)]
pub struct Reader<'a> {
    file: &'a Path,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// Reads a tree of this file; mistakes are added to the list.
    pub fn new(file: &'a Path, mistakes: &'a mut Vec<Mistake>) -> Self {
        Self { file, mistakes }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.file
    }

    /// How many mistakes there are by now, those from before this reader included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mistakes.len()
    }

    /// Adds a mistake without a value.
    pub fn mistake(&mut self, line: u64, key: &str, message: impl Into<String>) {
        self.mistakes
            .push(Mistake::new(self.file, line, key, message));
    }

    /// Adds a mistake that quotes the value.
    pub fn mistaken_value(
        &mut self,
        line: u64,
        key: &str,
        value: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.mistakes
            .push(Mistake::new(self.file, line, key, message).with_value(value));
    }

    /// The entries of a mapping; nothing is an empty one, anything else a mistake.
    pub fn map(&mut self, node: Node, path: &str) -> Vec<(Key, Node)> {
        match node.value {
            Value::Map(entries) => entries,
            Value::Null => Vec::new(),
            other => {
                let message = format!("expected a mapping, not {}", other.kind());
                self.mistake(node.line, path, message);
                Vec::new()
            }
        }
    }

    /// A mapping with known keys; unknown ones are mistakes. The nodes come in the order of
    /// `known`.
    pub fn fields<const N: usize>(
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

    /// Adds a mistake about a key that nobody knows.
    pub fn unknown(&mut self, key: &Key, path: &str, known: &[&str]) {
        let near = did_you_mean(&key.text, known.iter().copied());
        let hint = if near.is_empty() && known.len() < 8 {
            format!("; known here: {}", known.join(", "))
        } else {
            near
        };
        self.mistake(
            key.line,
            &join(path, &key.text),
            format!("unknown key{hint}"),
        );
    }

    /// A single value; anything else is a mistake.
    pub fn scalar(&mut self, node: Node, path: &str, expected: &str) -> Option<String> {
        match node.value {
            Value::Scalar(text) => Some(text),
            other => {
                let message = format!("expected {expected}, not {}", other.kind());
                self.mistake(node.line, path, message);
                None
            }
        }
    }

    /// A list of single values, or one alone; each with its line.
    pub fn scalars(&mut self, node: Node, path: &str, expected: &str) -> Vec<(u64, String)> {
        let items = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        items
            .into_iter()
            .filter_map(|item| Some((item.line, self.scalar(item, path, expected)?)))
            .collect()
    }

    /// The items of a list; anything else is a mistake.
    pub fn list(&mut self, node: Node, path: &str, expected: &str) -> Vec<Node> {
        match node.value {
            Value::List(items) => items,
            other => {
                let message = format!("expected {expected}, not {}", other.kind());
                self.mistake(node.line, path, message);
                Vec::new()
            }
        }
    }

    /// One of a few words; anything else is a mistake.
    pub fn choice<T: Copy>(&mut self, node: Node, path: &str, of: &[(&str, T)]) -> Option<T> {
        let line = node.line;
        let names: Vec<&str> = of.iter().map(|(word, _)| *word).collect();
        let words = names.join(", ");
        let text = self.scalar(node, path, &format!("one of {words}"))?;
        let found = of.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let near = did_you_mean(&text, names);
            self.mistaken_value(line, path, text, format!("expected one of {words}{near}"));
        }
        found.map(|(_, value)| *value)
    }
}

/// The path of a key in a mapping: `a.b`.
#[must_use]
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The path of an item of a list: `a[0]`.
#[must_use]
pub fn index(path: &str, at: usize) -> String {
    format!("{path}[{at}]")
}
