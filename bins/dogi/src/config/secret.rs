//! Values that are never shown, and where they may come from.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use dogi_yaml::{Key, Node, Reader, Value, join};

use super::env::Environment;

/// What a secret may look like in `dogi.yaml`.
const EXPECTED: &str = "text, {env: NAME} or {file: PATH}";

/// A text that stays out of logs: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; whoever calls this sees to it that it goes nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads a secret's node. Mistakes go to the reader.
pub(super) fn read(
    reader: &mut Reader<'_>,
    env: &Environment,
    node: Node,
    path: &str,
) -> Option<Secret> {
    let line = node.line;
    match node.value {
        Value::Scalar(text) if text.is_empty() => {
            reader.mistake(line, path, format!("is empty: expected {EXPECTED}"));
            None
        }
        Value::Scalar(text) => Some(Secret(text)),
        Value::Map(entries) => {
            let [(key, value)] = <[_; 1]>::try_from(entries)
                .map_err(|_| reader.mistake(line, path, format!("expected {EXPECTED}")))
                .ok()?;
            indirect(reader, env, &key, value, path)
        }
        other => {
            reader.mistake(
                line,
                path,
                format!("expected {EXPECTED}, not {}", other.kind()),
            );
            None
        }
    }
}

fn indirect(
    reader: &mut Reader<'_>,
    env: &Environment,
    key: &Key,
    node: Node,
    path: &str,
) -> Option<Secret> {
    let line = node.line;
    let here = join(path, &key.text);
    match key.text.as_str() {
        "env" => {
            let name = reader.scalar(node, &here, "the name of a variable")?;
            match env.get(&name) {
                Ok(Some(text)) => return Some(Secret(text.to_owned())),
                Ok(None) => reader.mistake(line, &here, format!("${name} is not set")),
                Err(_) => reader.mistake(line, &here, format!("${name} is not UTF-8")),
            }
        }
        "file" => {
            let file = reader.scalar(node, &here, "a path")?;
            match std::fs::read_to_string(Path::new(&file)) {
                Ok(text) if text.trim_end().is_empty() => {
                    reader.mistake(line, &here, format!("{file} is empty"));
                }
                Ok(text) => return Some(Secret(text.trim_end_matches(['\n', '\r']).to_owned())),
                Err(error) => reader.mistake(line, &here, format!("cannot read {file}: {error}")),
            }
        }
        _ => reader.unknown(key, path, &["env", "file"]),
    }
    None
}

/// The variables that are named as `{env: NAME}` anywhere below a node.
pub(super) fn variables(node: &Node) -> BTreeSet<String> {
    match &node.value {
        Value::Map(entries) => match &entries[..] {
            [
                (
                    key,
                    Node {
                        value: Value::Scalar(name),
                        ..
                    },
                ),
            ] if key.text == "env" => BTreeSet::from([name.clone()]),
            entries => entries
                .iter()
                .flat_map(|(_, node)| variables(node))
                .collect(),
        },
        Value::List(items) => items.iter().flat_map(variables).collect(),
        Value::Null | Value::Scalar(_) => BTreeSet::new(),
    }
}

/// One secret or a list of them.
pub(super) fn read_many(
    reader: &mut Reader<'_>,
    env: &Environment,
    node: Node,
    path: &str,
) -> Vec<Secret> {
    let items = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    items
        .into_iter()
        .filter_map(|item| read(reader, env, item, path))
        .collect()
}
