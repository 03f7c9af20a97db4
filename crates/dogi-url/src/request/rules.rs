//! Rules that concern several fields, and those that the types of the fields don't hold.

use std::collections::BTreeMap;

use super::RunRequest;
use super::error::RequestError;
use super::fields::{conflict, needs};
use crate::names::too_long;
use crate::{Command, EnvName, GroupPolicy, InvalidValue, OutputName, duration, size};

pub(super) fn check(request: &RunRequest) -> Result<(), RequestError> {
    sources(request)?;
    outputs(request)?;
    limits(request)?;
    values("env_", &request.env, RunRequest::MAX_ENV)?;
    values(
        "build_arg_",
        &request.build.args,
        RunRequest::MAX_BUILD_ARGS,
    )?;
    if request.files.len() > RunRequest::MAX_FILES {
        let (count, limit) = (request.files.len(), RunRequest::MAX_FILES);
        return Err(RequestError::TooMany {
            family: "file_",
            count,
            limit,
        });
    }
    if request.group.is_none() && request.group_policy != GroupPolicy::default() {
        return Err(needs(
            "group_policy",
            "group",
            "there is no group that it could be about",
        ));
    }
    if let Some(command) = &request.command {
        let parameter = parameter_of(command).to_owned();
        let bad = |problem| RequestError::BadValue { parameter, problem };
        command.clone().checked().map_err(bad)?;
    }
    Ok(())
}

/// A job comes from a Dockerfile, an image or a graph: only one of them.
fn sources(request: &RunRequest) -> Result<(), RequestError> {
    let build = first_build_parameter(request);
    if let (Some(_), Some(build)) = (&request.image, &build) {
        return Err(conflict("image", build, "with an image nothing is built"));
    }
    if request.pipeline.is_none() {
        return Ok(());
    }
    let others = [
        build,
        request.image.as_ref().map(|_| "image".to_owned()),
        request
            .command
            .as_ref()
            .map(|command| parameter_of(command).to_owned()),
        request
            .files
            .keys()
            .next()
            .map(|name| format!("file_{name}")),
    ];
    match others.into_iter().flatten().next() {
        Some(other) => Err(conflict(
            "pipeline",
            &other,
            "the nodes of the graph say that",
        )),
        None => Ok(()),
    }
}

fn first_build_parameter(request: &RunRequest) -> Option<String> {
    let build = &request.build;
    if let Some(name) = build.args.keys().next() {
        return Some(format!("build_arg_{name}"));
    }
    let given = [
        ("df", build.dockerfile.is_some()),
        ("context", build.context.is_some()),
        ("target", build.target.is_some()),
        ("platform", build.platform.is_some()),
        ("git_dir", build.git_dir),
    ];
    given
        .into_iter()
        .find(|(_, given)| *given)
        .map(|(name, _)| name.to_owned())
}

/// A job that is started has to have the outputs that are asked for; a running one knows its own.
fn outputs(request: &RunRequest) -> Result<(), RequestError> {
    if !request.action.starts() {
        return Ok(());
    }
    for output in request.output.names() {
        match output {
            OutputName::File(name) if !request.files.contains_key(name) => {
                let output = format!("output={output}");
                let reason = "it says which file of the container that is";
                return Err(needs(&output, &format!("file_{name}"), reason));
            }
            OutputName::Node(_) if request.pipeline.is_none() => {
                let output = format!("output={output}");
                return Err(needs(&output, "pipeline", "only a graph has nodes"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn limits(request: &RunRequest) -> Result<(), RequestError> {
    let bad = |parameter: &str, problem| {
        Err(RequestError::BadValue {
            parameter: parameter.to_owned(),
            problem,
        })
    };
    if let Some(timeout) = request.limits.timeout {
        match duration::parse(&duration::format(timeout)) {
            Ok(same) if same == timeout => {}
            Ok(_) => {
                let text = format!("{timeout:?}");
                let allowed = "whole milliseconds";
                return bad(
                    "timeout",
                    InvalidValue::new("a time-out", &text, "", allowed),
                );
            }
            Err(problem) => return bad("timeout", problem),
        }
    }
    match request.limits.memory {
        Some(bytes) if bytes < RunRequest::MIN_MEMORY || bytes > i64::MAX as u64 => {
            let text = size::format_bytes(bytes);
            let problem = InvalidValue::new("a memory limit", &text, "", "6m to 8388607t");
            bad("memory", problem)
        }
        _ => Ok(()),
    }
}

fn values(
    family: &'static str,
    map: &BTreeMap<EnvName, String>,
    limit: usize,
) -> Result<(), RequestError> {
    if map.len() > limit {
        return Err(RequestError::TooMany {
            family,
            count: map.len(),
            limit,
        });
    }
    for (name, value) in map {
        let reason = if value.contains('\0') {
            "it holds '\\0'".to_owned()
        } else if value.len() > RunRequest::MAX_VALUE_BYTES {
            too_long(value, RunRequest::MAX_VALUE_BYTES)
        } else {
            continue;
        };
        let allowed = "text without NUL, at most 64 KiB";
        let problem = InvalidValue::new("a value of a variable", value, reason, allowed);
        return Err(RequestError::BadValue {
            parameter: format!("{family}{name}"),
            problem,
        });
    }
    Ok(())
}

fn parameter_of(command: &Command) -> &'static str {
    match command {
        Command::Args(_) => "cmd",
        Command::Bash(_) => "bashc",
    }
}
