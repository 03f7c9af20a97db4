//! Reads what a rule runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dogi_url::{Command, Cpus, ImageRef, RepoPath, duration, size};
use dogi_yaml::{Key, Node, Reader, Value, index, join};

use super::{ComposeTests, RunEntry, Work, pipeline};
use crate::config::plain::{PlainName, checked, flag, typed, value};

/// Which keys go together. The first form of which the key is there is the one that is meant.
const FORMS: [(&str, &[&str]); 6] = [
    ("hooks", &["image", "memory", "cpus"]),
    ("compose", &["service", "command", "push", "memory", "cpus"]),
    ("pipeline", &["memory", "cpus"]),
    (
        "dockerfile",
        &["context", "target", "cmd", "bashc", "memory", "cpus"],
    ),
    ("image", &["cmd", "bashc", "memory", "cpus"]),
    ("command", &[]),
];

/// Keys of every form.
const COMMON: [&str; 2] = ["name", "timeout"];

/// Reads one entry, or a list of them.
pub(in crate::config) fn read(reader: &mut Reader<'_>, node: Node, path: &str) -> Vec<RunEntry> {
    let line = node.line;
    let items = match node.value {
        Value::List(items) => items.into_iter().enumerate().collect::<Vec<_>>(),
        value => {
            let named = entry(reader, Node { line, value }, path);
            return with_names(reader, path, named.into_iter().collect());
        }
    };
    if items.is_empty() {
        reader.mistake(line, path, "is an empty list: expected what to run");
    }
    let mut entries = Vec::new();
    for (at, item) in items {
        entries.extend(entry(reader, item, &index(path, at)));
    }
    with_names(reader, path, entries)
}

/// An entry whose name is not decided yet.
struct Unnamed {
    line: u64,
    name: Option<PlainName>,
    work: Work,
    timeout: Option<Duration>,
    memory: Option<u64>,
    cpus: Option<Cpus>,
}

/// Gives names to those that have none; two of the same would overwrite each other's status.
fn with_names(reader: &mut Reader<'_>, path: &str, entries: Vec<Unnamed>) -> Vec<RunEntry> {
    let mut taken = BTreeSet::new();
    for Unnamed { line, name, .. } in &entries {
        if let Some(name) = name
            && !taken.insert(name.as_str().to_owned())
        {
            let message = "two entries have this name: each needs a status of its own";
            reader.mistaken_value(*line, &join(path, "name"), name.as_str(), message);
        }
    }
    let named = entries.into_iter().map(|entry| {
        let form = entry.work.form();
        RunEntry {
            line: entry.line,
            name: entry.name.unwrap_or_else(|| free(form, &mut taken)),
            work: entry.work,
            timeout: entry.timeout,
            memory: entry.memory,
            cpus: entry.cpus,
        }
    });
    named.collect()
}

/// `image`, or if that is taken `image-2`, and so on.
fn free(form: &str, taken: &mut BTreeSet<String>) -> PlainName {
    let numbered = (2_u64..).map(|number| format!("{form}-{number}"));
    let name = std::iter::once(form.to_owned())
        .chain(numbered)
        .find(|name| taken.insert(name.clone()))
        .expect("there are more numbers than entries");
    name.parse()
        .expect("a form's key and a number are a good name")
}

fn entry(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<Unnamed> {
    let line = node.line;
    let is_nothing = node.value == Value::Null;
    let before = reader.count();
    let entries = reader.map(node, path);
    let has = |wanted: &str| entries.iter().any(|(key, _)| key.text == wanted);
    let Some((form, keys)) = FORMS.into_iter().find(|(form, _)| has(form)) else {
        if reader.count() == before || is_nothing {
            let message = "what to run is missing: expected dockerfile, image, compose, pipeline, \
                           command or hooks";
            reader.mistake(line, path, message);
        }
        return None;
    };
    let mut fields = Fields::of(reader, entries, path, form, keys);
    let name = fields.take("name");
    let name = name.and_then(|(node, path)| {
        value(
            reader,
            node,
            &path,
            PlainName::EXPECTED,
            str::parse::<PlainName>,
        )
    });
    let timeout = fields.take("timeout");
    let timeout = timeout.and_then(|(node, path)| typed(reader, node, &path, duration::parse));
    let memory = fields.take("memory");
    let memory = memory.and_then(|(node, path)| typed(reader, node, &path, size::parse_bytes));
    let cpus = fields.take("cpus");
    let cpus = cpus.and_then(|(node, path)| typed(reader, node, &path, str::parse::<Cpus>));
    let work = work(reader, form, fields)?;
    Some(Unnamed {
        line,
        name,
        work,
        timeout,
        memory,
        cpus,
    })
}

/// The values of an entry, of which every key is known.
struct Fields {
    path: String,
    nodes: BTreeMap<String, Node>,
}

impl Fields {
    fn of(
        reader: &mut Reader<'_>,
        entries: Vec<(Key, Node)>,
        path: &str,
        form: &str,
        keys: &[&str],
    ) -> Self {
        let known: Vec<&str> = [form].iter().chain(keys).chain(&COMMON).copied().collect();
        let mut nodes = BTreeMap::new();
        for (key, node) in entries {
            let is_form = FORMS.iter().any(|(form, _)| *form == key.text);
            if known.contains(&key.text.as_str()) {
                nodes.insert(key.text, node);
            } else if is_form {
                let here = join(path, &key.text);
                let message = format!("does not go with {form}: an entry has one form");
                reader.mistake(key.line, &here, message);
            } else {
                reader.unknown(&key, path, &known);
            }
        }
        let path = path.to_owned();
        Self { path, nodes }
    }

    /// A value and its path.
    fn take(&mut self, key: &str) -> Option<(Node, String)> {
        let node = self.nodes.remove(key)?;
        Some((node, join(&self.path, key)))
    }
}

fn work(reader: &mut Reader<'_>, form: &str, mut fields: Fields) -> Option<Work> {
    let (own, path) = fields.take(form)?;
    match form {
        "hooks" => {
            let file = typed(reader, own, &path, repo_path);
            let image = image(reader, &mut fields);
            Some(Work::Hooks { file: file?, image })
        }
        "compose" => compose(reader, own, &path, fields),
        "dockerfile" => dockerfile(reader, own, &path, fields),
        "image" => {
            let image = typed(reader, own, &path, str::parse::<ImageRef>);
            let command = cmd_or_bashc(reader, &mut fields);
            Some(Work::Image {
                image: image?,
                command,
            })
        }
        "pipeline" => pipeline::read(reader, own, &path).map(Work::Pipeline),
        _ => {
            let command = command(reader, own, &path)?;
            Some(Work::Host { command })
        }
    }
}

fn compose(reader: &mut Reader<'_>, own: Node, path: &str, mut fields: Fields) -> Option<Work> {
    let file = typed(reader, own, path, repo_path);
    let push = fields.take("push");
    let push = push.and_then(|(node, path)| flag(reader, node, &path));
    let tests = match (fields.take("service"), fields.take("command")) {
        (Some((_, path)), Some((node, _))) => {
            let message = "does not go with command: the tests are one or the other";
            reader.mistake(node.line, &path, message);
            None
        }
        (None, Some((node, path))) => command(reader, node, &path).map(ComposeTests::Command),
        (Some((node, path)), None) => {
            value(reader, node, &path, PlainName::EXPECTED, str::parse).map(ComposeTests::Service)
        }
        (None, None) => "tests".parse().ok().map(ComposeTests::Service),
    };
    Some(Work::Compose {
        file: file?,
        tests: tests?,
        push: push.unwrap_or_default(),
    })
}

fn dockerfile(reader: &mut Reader<'_>, own: Node, path: &str, mut fields: Fields) -> Option<Work> {
    let file = typed(reader, own, path, repo_path);
    // The root is what it is without.
    let is_root = |node: &Node| matches!(&node.value, Value::Scalar(text) if matches!(text.as_str(), "." | "./"));
    let context = fields.take("context").filter(|(node, _)| !is_root(node));
    let context = context.and_then(|(node, path)| typed(reader, node, &path, repo_path));
    let target = fields.take("target");
    let target = target.and_then(|(node, path)| typed(reader, node, &path, str::parse));
    let command = cmd_or_bashc(reader, &mut fields);
    Some(Work::Dockerfile {
        file: file?,
        context,
        target,
        command,
    })
}

fn image(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<ImageRef> {
    let (node, path) = fields.take("image")?;
    typed(reader, node, &path, str::parse)
}

fn cmd_or_bashc(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<Command> {
    match (fields.take("cmd"), fields.take("bashc")) {
        (Some(_), Some((node, path))) => {
            reader.mistake(
                node.line,
                &path,
                "does not go with cmd: it is one or the other",
            );
            None
        }
        (Some((node, path)), None) => command(reader, node, &path),
        (None, Some((node, path))) => typed(reader, node, &path, |text: &str| Command::bash(text)),
        (None, None) => None,
    }
}

/// A list of arguments, or a text that is split at spaces as in a run URL.
fn command(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<Command> {
    let line = node.line;
    if !matches!(node.value, Value::List(_)) {
        return typed(reader, node, path, Command::split);
    }
    let before = reader.count();
    let args = reader.scalars(node, path, "a program and its arguments");
    if reader.count() > before {
        return None;
    }
    let args: Vec<String> = args.into_iter().map(|(_, text)| text).collect();
    let shown = args.join(" ");
    checked(reader, line, path, shown, |_| Command::args(args))
}

fn repo_path(text: &str) -> Result<RepoPath, dogi_url::InvalidValue> {
    text.parse()
}
