use dogi_yaml::{Node, Reader, Value, did_you_mean, join};

use super::scalars::{flag, optional_text, text};
use super::{Argument, Source};

const SOURCES: [&str; 10] = [
    "header",
    "url",
    "query",
    "payload",
    "string",
    "raw-request-body",
    "request",
    "entire-payload",
    "entire-headers",
    "entire-query",
];

/// An argument as it stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) argument: Argument,
    /// The `name` as written, also where the source needs none.
    pub(super) name: String,
    pub(super) line: u64,
    /// `envname` and its line.
    pub(super) envname: Option<(u64, String)>,
    /// `base64decode`.
    pub(super) base64: bool,
    /// The line of a `base64decode`.
    pub(super) base64_line: Option<u64>,
}

/// Reads `{source, name}`.
pub(super) fn argument(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<Named> {
    let line = node.line;
    if !matches!(node.value, Value::Map(_)) {
        let message = format!(
            "expected a mapping with source and name, not {}",
            node.value.kind()
        );
        reader.mistake(line, path, message);
        return None;
    }
    let before = reader.count();
    let known = ["source", "name", "value", "envname", "base64decode"];
    let [source, name, value, envname, base64] = reader.fields(node, path, known);
    let Some(source) = source else {
        reader.mistake(line, path, "source is missing");
        return None;
    };
    let source_line = source.line;
    let kind = reader.scalar(source, &join(path, "source"), "the name of a source")?;
    let name = name_or_value(reader, path, &kind, name, value);
    let env_line = envname.as_ref().map(|node| node.line);
    let envname = optional_text(reader, envname, &join(path, "envname"), "a name")
        .and_then(|envname| Some((env_line?, envname)));
    let base64_line = base64.as_ref().map(|node| node.line);
    let base64 = flag(reader, base64, &join(path, "base64decode"));
    let source = source_of(reader, source_line, path, &kind, name.as_deref(), line);
    Some(Named {
        argument: Argument { source: source? },
        name: name.unwrap_or_default(),
        line,
        envname,
        base64,
        base64_line,
    })
    .filter(|_| reader.count() == before)
}

/// `name`; for a text also `value`, as it is written now and then.
fn name_or_value(
    reader: &mut Reader<'_>,
    path: &str,
    source: &str,
    name: Option<Node>,
    value: Option<Node>,
) -> Option<String> {
    let is_there = |node: &Node| node.value != Value::Null;
    let (name, value) = (name.filter(is_there), value.filter(is_there));
    match (name, value) {
        (Some(_), Some(value)) if source == "string" => {
            let message = "expected name or value, not both";
            reader.mistake(value.line, path, message);
            None
        }
        (None, Some(value)) if source == "string" => {
            text(reader, value, &join(path, "value"), "a text")
        }
        (_, Some(value)) => {
            let message = "only the source string has a value; expected name";
            reader.mistake(value.line, &join(path, "value"), message);
            None
        }
        (name, None) => text(reader, name?, &join(path, "name"), "a name"),
    }
}

fn source_of(
    reader: &mut Reader<'_>,
    source_line: u64,
    path: &str,
    kind: &str,
    name: Option<&str>,
    line: u64,
) -> Option<Source> {
    let mut named = |make: fn(String) -> Source| match name {
        Some(name) if !name.is_empty() => Some(make(name.to_owned())),
        _ => {
            reader.mistake(line, path, format!("name is missing: which {kind}?"));
            None
        }
    };
    match kind {
        "header" => named(Source::Header),
        "url" | "query" => named(Source::Query),
        "payload" => named(Source::Payload),
        "string" => Some(Source::Literal(name.unwrap_or_default().to_owned())),
        "raw-request-body" => Some(Source::RawBody),
        "entire-payload" => Some(Source::EntirePayload),
        "entire-headers" => Some(Source::EntireHeaders),
        "entire-query" => Some(Source::EntireQuery),
        "request" => match name.map(str::to_ascii_lowercase).as_deref() {
            Some("method") => Some(Source::Method),
            Some("remote-addr") => Some(Source::RemoteAddr),
            _ => {
                let message = "expected method or remote-addr for the source request";
                match name {
                    Some(name) => {
                        reader.mistaken_value(source_line, &join(path, "name"), name, message);
                    }
                    None => reader.mistake(line, path, message),
                }
                None
            }
        },
        other => {
            let near = did_you_mean(other, SOURCES);
            let message = format!("expected one of {}{near}", SOURCES.join(", "));
            reader.mistaken_value(source_line, &join(path, "source"), other, message);
            None
        }
    }
}
