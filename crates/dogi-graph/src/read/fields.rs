//! The values of keys, whichever key it is.

use dogi_url::{ContainerPath, ImageRef};
use dogi_yaml::{Key, Node, Reader, Value, index};

use super::draft::Spot;
use super::names::complaint;

/// Longest command, in bytes: no program takes a longer argument on Linux.
const MAX_RUN: usize = 128 * 1024 - 1;

/// Longest key that is shown as part of a path.
const MAX_KEY: usize = 128;

/// Whether a key is short and plain enough to be shown as part of a path.
pub(super) fn is_plain(key: &Key) -> bool {
    key.text.len() <= MAX_KEY && !key.text.chars().any(char::is_control)
}

/// A list of single values, or one alone, at most so many.
pub(super) fn words(
    reader: &mut Reader<'_>,
    node: Node,
    path: &str,
    (most, expected): (usize, &str),
) -> Vec<Spot<String>> {
    let Value::List(mut items) = node.value else {
        let spot = word(reader, node, path, expected);
        return spot.into_iter().collect();
    };
    if items.len() > most {
        let message = format!("a list of {}, the limit is {most}", items.len());
        reader.mistake(node.line, path, message);
        items.truncate(most);
    }
    let items = items.into_iter().enumerate();
    items
        .filter_map(|(at, item)| word(reader, item, &index(path, at), expected))
        .collect()
}

/// A single value.
pub(super) fn word(
    reader: &mut Reader<'_>,
    node: Node,
    path: &str,
    expected: &str,
) -> Option<Spot<String>> {
    let line = node.line;
    let value = reader.scalar(node, path, expected)?;
    Some(Spot {
        line,
        key: path.to_owned(),
        value,
    })
}

pub(super) fn image(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<ImageRef> {
    let spot = word(reader, node, path, "an image")?;
    match ImageRef::new(&*spot.value) {
        Ok(image) => Some(image),
        Err(error) => {
            reader.mistaken_value(spot.line, path, spot.value, complaint(&error));
            None
        }
    }
}

pub(super) fn command(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<String> {
    let spot = word(reader, node, path, "a command for /bin/sh")?;
    let length = spot.value.len();
    let message = match () {
        () if spot.value.trim().is_empty() => "expected a command for /bin/sh".to_owned(),
        () if length > MAX_RUN => format!("has {length} bytes, the limit is {MAX_RUN}"),
        () if spot.value.contains('\0') => "holds a NUL, which no command can".to_owned(),
        () => return Some(spot.value),
    };
    reader.mistake(spot.line, path, message);
    None
}

pub(super) fn directory(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<ContainerPath> {
    let spot = word(reader, node, path, "the absolute path of a directory")?;
    match ContainerPath::new(spot.value.trim_end_matches('/')) {
        Ok(dir) => Some(dir),
        Err(error) => {
            let reason = match spot.value.starts_with('/') {
                true if spot.value.trim_end_matches('/').is_empty() => "it is the root",
                _ => error.reason(),
            };
            let message =
                format!("expected the absolute path of a directory, as `/code/app`; {reason}");
            reader.mistaken_value(spot.line, path, spot.value, message);
            None
        }
    }
}

pub(super) fn flag(reader: &mut Reader<'_>, node: Node, path: &str) -> bool {
    let words = [("true", true), ("false", false)];
    reader.choice(node, path, &words).unwrap_or_default()
}
