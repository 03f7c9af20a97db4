//! Writing a request down again.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::error::PrintError;
use super::{BuildParams, Limits, RunRequest};
use crate::query::escape_query;
use crate::text::quote;
use crate::{Action, Command, GroupPolicy, OnFail, OutputSelection, OutputType, duration, size};

/// Names and values of what is not default, in the order of the documentation.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn put(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    fn put_some<T: Display>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn put_unless<T: Display + PartialEq>(&mut self, default: &T, name: &str, value: &T) {
        if value != default {
            self.put(name, value);
        }
    }
}

/// Path and query.
pub(super) fn target(request: &RunRequest) -> Result<String, PrintError> {
    let mut pairs = pairs(request);
    match &request.command {
        Some(Command::Args(args)) => pairs.put("cmd", join(args)?),
        Some(Command::Bash(line)) => pairs.put("bashc", line),
        None => {}
    }
    let mut text = request.repo.run_path();
    for (i, (name, value)) in pairs.0.iter().enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        text.push_str(&escape_query(name));
        text.push('=');
        text.push_str(&escape_query(value));
    }
    Ok(text)
}

/// A JSON object.
pub(super) fn json(request: &RunRequest) -> Value {
    let pairs = pairs(request).0.into_iter();
    let mut map: Map<_, _> = pairs
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    match &request.command {
        Some(Command::Args(args)) => map.insert("cmd".to_owned(), args.clone().into()),
        Some(Command::Bash(line)) => map.insert("bashc".to_owned(), line.clone().into()),
        None => None,
    };
    Value::Object(map)
}

/// All but the command.
fn pairs(request: &RunRequest) -> Pairs {
    let mut pairs = Pairs::default();
    pairs.put_unless(&Action::default(), "action", &request.action);
    pairs.put_unless(&OutputSelection::default(), "output", &request.output);
    pairs.put_unless(&OutputType::default(), "output_type", &request.output_type);
    pairs.put_some("id", request.id.as_ref());
    pairs.put_some("ref", request.revision.as_ref());
    build(&mut pairs, &request.build);
    pairs.put_some("image", request.image.as_ref());
    pairs.put_some("pipeline", request.pipeline.as_ref());
    for (name, value) in &request.env {
        pairs.put(format!("env_{name}"), value);
    }
    for (name, path) in &request.files {
        pairs.put(format!("file_{name}"), path);
    }
    let tty = RunRequest::default_tty(request.pipeline.as_ref());
    pairs.put_unless(&tty, "tty", &request.tty);
    limits(&mut pairs, &request.limits);
    pairs.put_some("group", request.group.as_ref());
    pairs.put_unless(
        &GroupPolicy::default(),
        "group_policy",
        &request.group_policy,
    );
    pairs.put_unless(&false, "attach", &request.attach);
    if let Some(callback) = &request.callback {
        pairs.put("cb", &callback.url);
        pairs.put_unless(&Default::default(), "cb_on", &callback.on);
    }
    pairs.put_unless(&false, "rebuild", &request.rebuild);
    pairs.put_unless(&OnFail::default(), "on_fail", &request.on_fail);
    pairs
}

fn build(pairs: &mut Pairs, build: &BuildParams) {
    pairs.put_some("df", build.dockerfile.as_ref());
    pairs.put_some("context", build.context.as_ref());
    pairs.put_some("target", build.target.as_ref());
    for (name, value) in &build.args {
        pairs.put(format!("build_arg_{name}"), value);
    }
    pairs.put_some("platform", build.platform.as_ref());
    pairs.put_unless(&false, "git_dir", &build.git_dir);
}

fn limits(pairs: &mut Pairs, limits: &Limits) {
    pairs.put_some("timeout", limits.timeout.map(duration::format).as_ref());
    pairs.put_some("memory", limits.memory.map(size::format_bytes).as_ref());
    pairs.put_some("cpus", limits.cpus.as_ref());
}

fn join(args: &[String]) -> Result<String, PrintError> {
    match args.iter().find(|arg| arg.is_empty() || arg.contains(' ')) {
        Some(argument) => Err(PrintError::Argument {
            argument: quote(argument),
        }),
        None => Ok(args.join(" ")),
    }
}
