//! One node of a file.

use std::path::PathBuf;
use std::sync::Arc;

use dogi_yaml::{Key, Node, Reader, Value, join};

use super::draft::{Draft, Kind};
use super::fields::{command, directory, flag, image, is_plain, word, words};
use crate::{MAX_NODES, MAX_TRIGGERS};

const KEYS: [&str; 10] = [
    "img",
    "run",
    "dir",
    "on",
    "env",
    "vol",
    "after",
    "triggers",
    "noLog",
    "neverFail",
];

/// How many keys of a node are looked at.
const MAX_KEYS: usize = 32;

/// Reads what stands behind the name of a node.
pub(super) fn draft(
    reader: &mut Reader<'_>,
    file: &Arc<PathBuf>,
    (line, name): (u64, &str),
    node: Node,
) -> Draft {
    let mut draft = Draft::new(file, line);
    let body = body(reader, node, name);
    let said: Vec<&str> = body.iter().map(|(key, _)| key.text.as_str()).collect();
    let pointless = ["dir", "noLog", "neverFail"].map(|key| said.contains(&key));
    for (key, value) in body {
        fill(reader, &mut draft, (&key, &join(name, &key.text)), value);
    }
    halves(reader, &draft, name);
    if draft.kind() != Kind::Container {
        without_container(reader, &draft, name, pointless);
    }
    draft
}

/// The entries that are worth looking at.
fn body(reader: &mut Reader<'_>, node: Node, name: &str) -> Vec<(Key, Node)> {
    let line = node.line;
    let mut entries = match node.value {
        Value::Map(entries) => entries,
        Value::Null => Vec::new(),
        other => {
            let message = format!("expected a node, which is a mapping, not {}", other.kind());
            reader.mistake(line, name, message);
            Vec::new()
        }
    };
    if entries.len() > MAX_KEYS {
        let message = format!("has {} keys; a node knows {}", entries.len(), KEYS.len());
        reader.mistake(line, name, message);
        entries.truncate(MAX_KEYS);
    }
    entries
}

fn fill(reader: &mut Reader<'_>, draft: &mut Draft, (key, path): (&Key, &str), value: Node) {
    const NODES: (usize, &str) = (MAX_NODES, "the name of a node");
    const VOLUMES: (usize, &str) = (MAX_NODES, "the name of a node, or `code`");
    const VARIABLES: (usize, &str) = (MAX_NODES, "the name of a node or of a variable");
    const GLOBS: (usize, &str) = (MAX_TRIGGERS, "a glob");
    match key.text.as_str() {
        "img" => draft.image = Some(image(reader, value, path)),
        "run" => draft.run = Some(command(reader, value, path)),
        "dir" => draft.dir = directory(reader, value, path),
        "on" => draft.on = word(reader, value, path, VOLUMES.1),
        "env" => draft.env = words(reader, value, path, VARIABLES),
        "vol" => draft.vol = words(reader, value, path, VOLUMES),
        "after" => draft.after = words(reader, value, path, NODES),
        "triggers" => draft.triggers = words(reader, value, path, GLOBS),
        "noLog" => draft.no_log = flag(reader, value, path),
        "neverFail" => draft.never_fail = flag(reader, value, path),
        _ => unknown(reader, key, path, &KEYS),
    }
}

/// A key that nobody knows; where it is not fit to be part of a path, it is quoted.
pub(super) fn unknown(reader: &mut Reader<'_>, key: &Key, path: &str, known: &[&str]) {
    let parent = path.strip_suffix(&key.text).unwrap_or_default();
    let parent = parent.strip_suffix('.').unwrap_or_default();
    match is_plain(key) {
        true => reader.unknown(key, parent, known),
        false => reader.mistaken_value(key.line, parent, &*key.text, "unknown key"),
    }
}

fn halves(reader: &mut Reader<'_>, draft: &Draft, name: &str) {
    let message = match (&draft.image, &draft.run) {
        (Some(_), None) => "has `img` but no `run`: what shall run in the image?",
        (None, Some(_)) => "has `run` but no `img`: in which image shall it run?",
        _ => return,
    };
    reader.mistake(draft.line, name, message);
}

fn without_container(
    reader: &mut Reader<'_>,
    draft: &Draft,
    name: &str,
    [dir, no_log, never_fail]: [bool; 3],
) {
    for (said, key) in [(dir, "dir"), (no_log, "noLog"), (never_fail, "neverFail")] {
        if said {
            let message = format!("`{key}` means nothing without `img` and `run`");
            reader.mistake(draft.line, name, message);
        }
    }
    if draft.kind() == Kind::Variable && !draft.triggers.is_empty() {
        let message = "`triggers` of an outside variable: there is nothing to run";
        reader.mistake(draft.line, name, message);
    }
}
