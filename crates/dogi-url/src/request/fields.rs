//! From names and values to typed fields.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::RunRequest;
use super::error::RequestError;
use super::given::Given;
use crate::{
    CallbackOn, CallbackParams, CallbackUrl, Command, EnvName, GroupPolicy, InvalidValue, NodeName,
    OutputSelection, Pipeline, RepoPath, RepoUrl, duration, size, text,
};

/// Every name that a parameter of a run request can have; `NAME` stands for any name.
pub(super) const NAMES: [&str; 31] = [
    "action",
    "output",
    "output_type",
    "id",
    "ref",
    "df",
    "context",
    "target",
    "build_arg_NAME",
    "platform",
    "git_dir",
    "image",
    "pipeline",
    "cmd",
    "bashc",
    "env_NAME",
    "file_NAME",
    "tty",
    "timeout",
    "memory",
    "cpus",
    "group",
    "group_policy",
    "attach",
    "cb",
    "cb_on",
    "rebuild",
    "on_fail",
    "exp",
    "body_sha256",
    "sig",
];

/// What the names of families begin with.
const FAMILIES: [&str; 3] = ["env_", "file_", "build_arg_"];

/// What people call things elsewhere.
const SYNONYMS: [(&str, &str); 11] = [
    ("branch", "ref"),
    ("tag", "ref"),
    ("commit", "ref"),
    ("revision", "ref"),
    ("dockerfile", "df"),
    ("command", "cmd"),
    ("bash", "bashc"),
    ("callback", "cb"),
    ("env", "env_NAME"),
    ("file", "file_NAME"),
    ("build_arg", "build_arg_NAME"),
];

/// Whether there is such a parameter.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) && !name.ends_with("_NAME")
        || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether JSON may give this parameter as a list.
pub(super) fn takes_list(name: &str) -> bool {
    matches!(name, "output" | "pipeline" | "cmd")
}

/// The name that is probably meant.
pub(super) fn nearest(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let synonym = SYNONYMS
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(_, known)| *known);
    let whole = || {
        text::nearest(
            name,
            NAMES.into_iter().filter(|name| !name.ends_with("_NAME")),
        )
    };
    synonym
        .or_else(whole)
        .map(str::to_owned)
        .or_else(|| family(name))
}

/// `env_FOO` for `evn_FOO` and `ENV_FOO`. What is suggested is a good name.
fn family(name: &str) -> Option<String> {
    name.char_indices()
        .filter(|(_, c)| *c == '_')
        .take(4)
        .find_map(|(at, _)| {
            let (head, rest) = name.split_at(at + 1);
            let family = text::nearest(head, FAMILIES)?;
            let rest = NodeName::new(rest)
                .ok()
                .filter(|rest| rest.as_str().len() <= 64)?;
            Some(format!("{family}{rest}"))
        })
}

/// Fields that stand in the request only together with others.
#[derive(Default)]
struct Pending {
    tty: Option<bool>,
    group_policy: Option<GroupPolicy>,
    cb: Option<CallbackUrl>,
    cb_on: Option<CallbackOn>,
    cmd: Option<Command>,
    bashc: Option<Command>,
}

/// Types the parameters, which are known and given once.
pub(super) fn read(
    repo: RepoUrl,
    given: BTreeMap<String, Given>,
) -> Result<RunRequest, RequestError> {
    count(&given)?;
    let mut request = RunRequest::new(repo);
    let mut pending = Pending::default();
    for (name, given) in given {
        set(&mut request, &mut pending, &name, given).map_err(|problem| {
            RequestError::BadValue {
                parameter: text::excerpt(&name),
                problem,
            }
        })?;
    }
    settle(&mut request, pending)?;
    Ok(request)
}

fn count(given: &BTreeMap<String, Given>) -> Result<(), RequestError> {
    let limits = [
        RunRequest::MAX_ENV,
        RunRequest::MAX_FILES,
        RunRequest::MAX_BUILD_ARGS,
    ];
    for (family, limit) in FAMILIES.into_iter().zip(limits) {
        let count = given.keys().filter(|name| name.starts_with(family)).count();
        if count > limit {
            return Err(RequestError::TooMany {
                family,
                count,
                limit,
            });
        }
    }
    Ok(())
}

fn set(
    request: &mut RunRequest,
    pending: &mut Pending,
    name: &str,
    given: Given,
) -> Result<(), InvalidValue> {
    let text = match given {
        Given::Text(text) => text,
        Given::List(items) => return set_list(request, pending, name, items),
    };
    let (build, limits) = (&mut request.build, &mut request.limits);
    match name {
        "action" => request.action = text.parse()?,
        "output" => request.output = text.parse()?,
        "output_type" => request.output_type = text.parse()?,
        "id" => request.id = some(&text)?,
        "ref" => request.revision = some(&text)?,
        "df" => build.dockerfile = some(&text)?,
        "context" => build.context = context(&text)?,
        "target" => build.target = some(&text)?,
        "platform" => build.platform = some(&text)?,
        "git_dir" => build.git_dir = flag(&text)?,
        "image" => request.image = some(&text)?,
        "pipeline" => request.pipeline = some(&text)?,
        "cmd" => pending.cmd = Some(Command::split(&text)?),
        "bashc" => pending.bashc = Some(Command::bash(text)?),
        "tty" => pending.tty = Some(flag(&text)?),
        "timeout" => limits.timeout = Some(duration::parse(&text)?),
        "memory" => limits.memory = Some(size::parse_bytes(&text)?),
        "cpus" => limits.cpus = some(&text)?,
        "group" => request.group = some(&text)?,
        "group_policy" => pending.group_policy = some(&text)?,
        "attach" => request.attach = flag(&text)?,
        "cb" => pending.cb = some(&text)?,
        "cb_on" => pending.cb_on = some(&text)?,
        "rebuild" => request.rebuild = flag(&text)?,
        "on_fail" => request.on_fail = text.parse()?,
        _ => set_named(request, name, text)?,
    }
    Ok(())
}

/// A parameter of a family.
fn set_named(request: &mut RunRequest, name: &str, text: String) -> Result<(), InvalidValue> {
    if let Some(name) = name.strip_prefix("env_") {
        request.env.insert(EnvName::new(name)?, text);
    } else if let Some(name) = name.strip_prefix("build_arg_") {
        request.build.args.insert(EnvName::new(name)?, text);
    } else if let Some(name) = name.strip_prefix("file_") {
        request.files.insert(name.parse()?, text.parse()?);
    }
    Ok(())
}

fn set_list(
    request: &mut RunRequest,
    pending: &mut Pending,
    name: &str,
    items: Vec<String>,
) -> Result<(), InvalidValue> {
    match name {
        "cmd" => pending.cmd = Some(Command::args(items)?),
        "output" => request.output = OutputSelection::new(each(&items)?)?,
        _ => request.pipeline = Some(Pipeline::list(items.iter().map(String::as_str))?),
    }
    Ok(())
}

/// What several parameters say together.
fn settle(request: &mut RunRequest, pending: Pending) -> Result<(), RequestError> {
    let Pending {
        tty,
        group_policy,
        cb,
        cb_on,
        cmd,
        bashc,
    } = pending;
    request.command = match (cmd, bashc) {
        (Some(_), Some(_)) => {
            let reason = "both say what to run";
            return Err(conflict("cmd", "bashc", reason));
        }
        (cmd, bashc) => cmd.or(bashc),
    };
    request.callback = match (cb, cb_on) {
        (Some(url), on) => Some(CallbackParams {
            url,
            on: on.unwrap_or_default(),
        }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(needs(
                "cb_on",
                "cb",
                "there is no callback that it could be about",
            ));
        }
    };
    if group_policy.is_some() && request.group.is_none() {
        return Err(needs(
            "group_policy",
            "group",
            "there is no group that it could be about",
        ));
    }
    request.group_policy = group_policy.unwrap_or_default();
    request.tty = tty.unwrap_or(RunRequest::default_tty(request.pipeline.as_ref()));
    Ok(())
}

pub(super) fn conflict(parameter: &str, other: &str, reason: &'static str) -> RequestError {
    let (parameter, other) = (parameter.to_owned(), other.to_owned());
    RequestError::Conflict {
        parameter,
        other,
        reason,
    }
}

pub(super) fn needs(parameter: &str, needs: &str, reason: &'static str) -> RequestError {
    let (parameter, needs) = (parameter.to_owned(), needs.to_owned());
    RequestError::Needs {
        parameter,
        needs,
        reason,
    }
}

fn some<T: FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    text.parse().map(Some)
}

fn each<T: FromStr>(items: &[String]) -> Result<Vec<T>, T::Err> {
    items.iter().map(|item| item.parse()).collect()
}

fn flag(text: &str) -> Result<bool, InvalidValue> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(
            InvalidValue::new("a yes or no", text, "", "true, false, 1, 0")
                .with_nearest(text::nearest(text, ["true", "false"])),
        ),
    }
}

/// The root of the repository is the default.
fn context(text: &str) -> Result<Option<RepoPath>, InvalidValue> {
    match text {
        "." | "./" => Ok(None),
        _ => some(text),
    }
}
