//! A run's status as JSON.

use dogi_job::{NodeStatus, RunStatus, UnixMillis};
use dogi_url::OutputName;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::links::Links;

/// What `output=status`, `/runs/{run}` and the last event of a stream show.
#[must_use]
pub(crate) fn json(status: &RunStatus, links: &Links) -> Value {
    let output: Map<String, Value> = status
        .outputs
        .iter()
        .map(|name| (name.to_string(), links.output(&status.run, name).into()))
        .collect();
    let mut json = json!({
        "id": status.id,
        "env": status.env,
        "output": output,
        "cb": status.callback,
        "errors": status.errors,
        "run": status.run,
        "instance": status.instance,
        "state": status.state,
        "exit_code": status.exit_code,
        "commit": status.commit,
        "image": status.image,
        "queued_at": moment(status.queued_at),
        "started_at": status.started_at.map(moment),
        "finished_at": status.finished_at.map(moment),
        "nodes": nodes(status, links),
    });
    if let Some(hook) = &status.hook {
        json["hook"] = hook.as_str().into();
    }
    if let Some(position) = status.queue_position {
        json["queue_position"] = position.into();
    }
    json
}

/// Each node of a container graph by its name.
fn nodes(status: &RunStatus, links: &Links) -> Value {
    let node = |node: &NodeStatus| {
        let log = OutputName::Node(node.name.clone());
        let json = json!({
            "state": node.state,
            "after": node.after,
            "exit_code": node.exit_code,
            "error": node.error,
            "image": node.image,
            "started_at": node.started_at.map(moment),
            "finished_at": node.finished_at.map(moment),
            "log": node.has_log.then(|| links.output(&status.run, &log)),
        });
        (node.name.to_string(), json)
    };
    let nodes = status.nodes.iter().flatten().map(node);
    Value::Object(nodes.collect())
}

/// RFC 3339, in UTC, with milliseconds.
pub(crate) fn moment(at: UnixMillis) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).ok()?;
    at.format(&Rfc3339).ok()
}

/// What a callback says: the status, less the callback itself.
pub(crate) fn payload(status: &RunStatus, links: &Links) -> Value {
    let mut payload = json(status, links);
    if let Some(object) = payload.as_object_mut() {
        object.remove("cb");
    }
    payload
}
