//! Single values of a hooks file.

use std::str::FromStr;
use std::time::Duration;

use dogi_yaml::{Node, Reader, Value};
use http::StatusCode;

/// The codes that the original has a text for, without those that announce another answer: what
/// it is told to answer beside these it takes for a mistake, and answers 200.
const KNOWN_CODES: [(u16, u16); 10] = [
    (200, 208),
    (226, 226),
    (300, 305),
    (307, 308),
    (400, 418),
    (421, 426),
    (428, 429),
    (431, 431),
    (451, 451),
    (500, 508),
];
const MORE_CODES: [u16; 2] = [510, 511];

/// A text without NUL, which no argument, variable or header can carry.
pub(super) fn text(
    reader: &mut Reader<'_>,
    node: Node,
    path: &str,
    expected: &str,
) -> Option<String> {
    let line = node.line;
    let text = reader.scalar(node, path, expected)?;
    if text.contains('\0') {
        reader.mistaken_value(line, path, text, "there is a NUL in it");
        return None;
    }
    Some(text)
}

/// A text; an empty one and nothing count as not there.
pub(super) fn optional_text(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
    expected: &str,
) -> Option<String> {
    let node = node.filter(|node| node.value != Value::Null)?;
    text(reader, node, path, expected).filter(|text| !text.is_empty())
}

/// A boolean of YAML 1.2; nothing is false.
pub(super) fn flag(reader: &mut Reader<'_>, node: Option<Node>, path: &str) -> bool {
    let Some(node) = node.filter(|node| node.value != Value::Null) else {
        return false;
    };
    let line = node.line;
    let Some(text) = reader.scalar(node, path, "true or false") else {
        return false;
    };
    match text.as_str() {
        "true" | "True" | "TRUE" => true,
        "false" | "False" | "FALSE" => false,
        _ => {
            reader.mistaken_value(line, path, text, "expected true or false");
            false
        }
    }
}

/// A whole number, at least this much.
pub(super) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
    least: T,
) -> Option<T> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let line = node.line;
    let expected = format!("a whole number, {least} or more");
    let text = reader.scalar(node, path, &expected)?;
    let number = text.parse().ok().filter(|number| *number >= least);
    if number.is_none() {
        reader.mistaken_value(line, path, text, format!("expected {expected}"));
    }
    number
}

/// A duration such as `90s`.
pub(super) fn duration(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
) -> Option<Duration> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let line = node.line;
    let text = reader.scalar(node, path, "a duration such as 90s or 1h30m")?;
    let duration = dogi_url::duration::parse(&text).ok();
    if duration.is_none() {
        let message = "expected a duration such as 90s or 1h30m";
        reader.mistaken_value(line, path, text, message);
    }
    duration
}

/// A status code to answer with; 0 and nothing leave it open.
pub(super) fn status(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
) -> Option<StatusCode> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let line = node.line;
    let expected = "a status code from 200 to 511 that HTTP has a text for";
    let text = reader.scalar(node, path, expected)?;
    let code = text.parse::<u16>();
    if code == Ok(0) {
        return None;
    }
    let is_known = |code: &u16| {
        let in_range = |(low, high): (u16, u16)| (low..=high).contains(code);
        KNOWN_CODES.into_iter().any(in_range) || MORE_CODES.contains(code)
    };
    let status = code
        .ok()
        .filter(is_known)
        .and_then(|code| StatusCode::from_u16(code).ok());
    if status.is_none() {
        reader.mistaken_value(line, path, text, format!("expected {expected}"));
    }
    status
}
