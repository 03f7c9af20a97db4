use std::num::NonZeroU32;

use dogi_yaml::{Node, Reader, Value, index, join};

use super::{Action, Dogi, Execute, FileArgument, Limits, Parameter, Variable};
use crate::incoming::argument_reader::{Named, argument};
use crate::incoming::explain::Idle;
use crate::incoming::scalars::{duration, flag, number, optional_text, text};
use crate::incoming::{Argument, Source};

/// What the original puts before the names of variables.
const PREFIX: &str = "HOOK_";

/// The keys of a hook that say what it does.
pub(super) struct ActionNodes {
    pub(super) program: Option<Node>,
    pub(super) dogi: Option<Node>,
    pub(super) directory: Option<Node>,
    pub(super) arguments: Option<Node>,
    pub(super) environment: Option<Node>,
    pub(super) files: Option<Node>,
    pub(super) rejects_leading_dash: Option<Node>,
    pub(super) max_concurrent: Option<Node>,
    pub(super) max_queued: Option<Node>,
    pub(super) timeout: Option<Node>,
}

/// An action, and what is to be found out about it.
pub(super) struct ReadAction {
    pub(super) action: Action,
    pub(super) limits: Limits,
    /// Keys that have no effect where they stand.
    pub(super) idle: Vec<Idle>,
    /// The line of the first argument that comes from the request.
    pub(super) first_from_request: Option<u64>,
}

impl ActionNodes {
    pub(super) fn read(
        mut self,
        reader: &mut Reader<'_>,
        path: &str,
        line: u64,
    ) -> Option<ReadAction> {
        match (self.program.take(), self.dogi.take()) {
            (Some(_), Some(dogi)) => {
                let message = "expected execute-command or dogi, not both";
                reader.mistake(dogi.line, path, message);
                None
            }
            (None, None) => {
                let message = "what it does is missing: expected execute-command or dogi";
                reader.mistake(line, path, message);
                None
            }
            (Some(program), None) => self.execute(reader, program, path),
            (None, Some(dogi)) => {
                self.refuse_keys_of_commands(reader, path);
                let parameters = parameters(reader, dogi, &join(path, "dogi"))?;
                Some(ReadAction {
                    action: Action::Dogi(Dogi { parameters }),
                    limits: Limits::default(),
                    idle: Vec::new(),
                    first_from_request: None,
                })
            }
        }
    }

    fn refuse_keys_of_commands(self, reader: &mut Reader<'_>, path: &str) {
        let bound = ": MAX_RUNNING and the parameter `group` of dogi bound jobs";
        let timeout = ": a job's is the parameter `timeout` of dogi";
        let keys = [
            ("command-working-directory", self.directory, ""),
            ("pass-arguments-to-command", self.arguments, ""),
            ("pass-environment-to-command", self.environment, ""),
            ("pass-file-to-command", self.files, ""),
            ("reject-leading-dash", self.rejects_leading_dash, ""),
            ("max-concurrent", self.max_concurrent, bound),
            ("max-queued", self.max_queued, bound),
            ("timeout", self.timeout, timeout),
        ];
        for (key, node, instead) in keys {
            if let Some(node) = node {
                let message = format!("has no meaning for dogi, only for execute-command{instead}");
                reader.mistake(node.line, &join(path, key), message);
            }
        }
    }

    fn execute(self, reader: &mut Reader<'_>, program: Node, path: &str) -> Option<ReadAction> {
        let here = join(path, "execute-command");
        let line = program.line;
        let program = text(reader, program, &here, "the name or path of a program");
        if program.as_deref() == Some("") {
            let message = "is empty: expected the name or path of a program";
            reader.mistake(line, &here, message);
        }
        let here = join(path, "command-working-directory");
        let directory = optional_text(reader, self.directory, &here, "a path");
        let mut idle = Vec::new();
        let arguments = list(
            reader,
            self.arguments,
            &join(path, "pass-arguments-to-command"),
        );
        let is_given = |(_, named): &&(String, Named)| {
            !matches!(named.argument.source, Source::Literal(_) | Source::Method)
        };
        let first_from_request = arguments.iter().find(is_given).map(|(_, named)| named.line);
        for (path, named) in &arguments {
            let envname = named.envname.as_ref().map(|(line, _)| *line);
            idle.extend(envname.map(|line| Idle::new(line, join(path, "envname"))));
        }
        let here = join(path, "pass-environment-to-command");
        let environment = list(reader, self.environment, &here);
        for (path, named) in arguments.iter().chain(&environment) {
            let line = named.base64_line;
            idle.extend(line.map(|line| Idle::new(line, join(path, "base64decode"))));
        }
        let environment = environment
            .into_iter()
            .filter_map(|(path, named)| variable(reader, &path, named));
        let environment = environment.collect();
        let files = list(reader, self.files, &join(path, "pass-file-to-command"));
        let files = files
            .into_iter()
            .filter_map(|(path, named)| file(reader, &path, named));
        let files = files.collect();
        let here = join(path, "reject-leading-dash");
        let execute = Execute {
            program: program.unwrap_or_default(),
            directory,
            arguments: arguments
                .into_iter()
                .map(|(_, named)| named.argument)
                .collect(),
            environment,
            files,
            rejects_leading_dash: flag(reader, self.rejects_leading_dash, &here),
        };
        Some(ReadAction {
            action: Action::Execute(execute),
            limits: limits(
                reader,
                self.max_concurrent,
                self.max_queued,
                self.timeout,
                path,
            ),
            idle,
            first_from_request,
        })
    }
}

fn limits(
    reader: &mut Reader<'_>,
    max_concurrent: Option<Node>,
    max_queued: Option<Node>,
    timeout: Option<Node>,
    path: &str,
) -> Limits {
    let key = |key| join(path, key);
    Limits {
        max_concurrent: number(
            reader,
            max_concurrent,
            &key("max-concurrent"),
            NonZeroU32::MIN,
        ),
        max_queued: number(reader, max_queued, &key("max-queued"), 0),
        timeout: duration(reader, timeout, &key("timeout")),
    }
}

/// A list of arguments, each with its path; nothing is an empty one.
pub(super) fn list(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
) -> Vec<(String, Named)> {
    let Some(node) = node.filter(|node| node.value != Value::Null) else {
        return Vec::new();
    };
    let items = reader.list(node, path, "a list");
    let mut read = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        let here = index(path, at);
        let named = argument(reader, item, &here);
        read.extend(named.map(|named| (here, named)));
    }
    read
}

fn variable(reader: &mut Reader<'_>, path: &str, named: Named) -> Option<Variable> {
    let name = match named.envname {
        Some((_, name)) => name,
        None => format!("{PREFIX}{}", named.name),
    };
    let name = variable_name(reader, named.line, path, name)?;
    Some(Variable {
        name,
        value: named.argument,
    })
}

fn file(reader: &mut Reader<'_>, path: &str, named: Named) -> Option<FileArgument> {
    let name = match named.envname {
        Some((_, name)) => name,
        None => format!("{PREFIX}{}", named.name.to_uppercase()),
    };
    let variable = variable_name(reader, named.line, path, name)?;
    if variable.contains('/') {
        let message = "a file can't have this name: expected an envname without a slash";
        reader.mistaken_value(named.line, path, variable, message);
        return None;
    }
    Some(FileArgument {
        variable,
        content: named.argument,
        is_base64: named.base64,
    })
}

fn variable_name(reader: &mut Reader<'_>, line: u64, path: &str, name: String) -> Option<String> {
    if name.contains('=') {
        let message = "no variable can have this name: expected an envname without `=`";
        reader.mistaken_value(line, path, name, message);
        return None;
    }
    Some(name)
}

fn parameters(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<Vec<Parameter>> {
    let line = node.line;
    let before = reader.count();
    let mut parameters = Vec::new();
    for (key, node) in reader.map(node, path) {
        let here = join(path, &key.text);
        let value = match node.value {
            Value::Map(_) => argument(reader, node, &here).map(|named| named.argument),
            _ => {
                let expected = "a text, or a mapping with source and name";
                text(reader, node, &here, expected).map(|text| Argument {
                    source: Source::Literal(text),
                })
            }
        };
        parameters.extend(value.map(|value| Parameter {
            name: key.text,
            line: key.line,
            value,
        }));
    }
    if reader.count() == before && !parameters.iter().any(|known| known.name == "repo") {
        reader.mistake(line, path, "repo is missing: which repository?");
    }
    (reader.count() == before).then_some(parameters)
}
