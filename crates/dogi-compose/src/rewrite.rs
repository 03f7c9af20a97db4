//! Makes a judged model one that is isolated, bounded and labelled.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{
    Project,
    policy::{entries, volume},
};

/// The label by which Compose knows what is a project's, set on images too: 1.29 does not.
pub(crate) const PROJECT: &str = "com.docker.compose.project";

/// Labels by which Compose and dogi know what is theirs.
const RESERVED: [&str; 2] = ["com.docker.compose.", "dogi."];

/// Makes a judged model one that is isolated, bounded and labelled: what is published, named or
/// restarted is not any more, the [ceilings](crate::Project::ceilings) hold, and everything carries
/// the [labels](crate::Project::labels). Pure.
pub fn isolate(model: &mut Value, project: &Project) {
    let Some(root) = model.as_object_mut() else {
        return;
    };
    // The name is said on the command line. 1.29 does not know it here.
    root.remove("name");
    let mut uses_default = false;
    for service in values(root.get_mut("services")) {
        uses_default |=
            is_nothing(service.get("networks")) && !service.contains_key("network_mode");
        rewrite_service(service, project);
    }
    if uses_default {
        let networks = root.entry("networks").or_insert_with(|| json!({}));
        if let Some(networks) = networks.as_object_mut() {
            networks.entry("default").or_insert_with(|| json!({}));
        }
    }
    for key in ["networks", "volumes"] {
        for resource in resources(root.get_mut(key)) {
            if !is_nothing(resource.get("external")) {
                continue;
            }
            // Two runs of one file would share it, and the second would find the first one's data.
            resource.remove("name");
            label(resource, project, false);
        }
    }
    for key in ["secrets", "configs"] {
        for resource in resources(root.get_mut(key)) {
            resource.remove("name");
            if let Some(file) = resource.get_mut("file") {
                map_path(file, project);
            }
        }
    }
}

fn rewrite_service(service: &mut Map<String, Value>, project: &Project) {
    // What is built is built before anything runs: a policy of `build` could do it again afterwards, from a
    // context that a container has changed.
    for key in ["ports", "container_name", "develop", "pull_policy"] {
        service.remove(key);
    }
    service.insert("restart".into(), "no".into());
    if let Some(deploy) = service.get_mut("deploy").and_then(Value::as_object_mut) {
        deploy.remove("restart_policy");
    }
    label(service, project, false);
    match service.get_mut("build") {
        Some(Value::Object(build)) => label(build, project, true),
        Some(Value::String(context)) => {
            let mut build = Map::from_iter([("context".into(), context.as_str().into())]);
            label(&mut build, project, true);
            service.insert("build".into(), Value::Object(build));
        }
        _ => {}
    }
    bound(service, project);
    if let Some(volumes) = service.get_mut("volumes").and_then(Value::as_array_mut) {
        volumes
            .iter_mut()
            .for_each(|mount| map_bind(mount, project));
    }
}

fn bound(service: &mut Map<String, Value>, project: &Project) {
    let ceilings = &project.ceilings;
    if !project.allow.privileged {
        let options = json!(["no-new-privileges:true"]);
        service.insert("security_opt".into(), options);
    }
    let asked = take_limit(service, "pids_limit", "pids", |value| {
        text(value).parse().ok()
    });
    let pids = asked
        .filter(|pids| *pids > 0)
        .map_or(ceilings.pids, |it| it.min(ceilings.pids));
    service.insert("pids_limit".into(), pids.into());
    if let Some(ceiling) = ceilings.memory {
        let asked = take_limit(service, "mem_limit", "memory", bytes);
        let memory = asked
            .filter(|asked| *asked > 0)
            .map_or(ceiling, |it| it.min(ceiling));
        service.insert("mem_limit".into(), memory.into());
        // Without this a container may take as much swap again.
        service.insert("memswap_limit".into(), memory.into());
    }
    if let Some(ceiling) = ceilings.milli_cpus {
        let asked = take_limit(service, "cpus", "cpus", milli);
        let cpus = asked
            .filter(|asked| *asked > 0)
            .map_or(ceiling, |it| it.min(ceiling));
        for key in ["cpu_quota", "cpu_period", "cpu_count", "cpu_percent"] {
            service.remove(key);
        }
        service.insert("cpus".into(), json!(precise(cpus)));
    }
    bound_log(service, ceilings.log);
}

fn bound_log(service: &mut Map<String, Value>, log: u64) {
    let driver = service
        .get("logging")
        .and_then(|logging| logging["driver"].as_str());
    if driver == Some("none") {
        return;
    }
    // Two files, of which the older goes when the newer is full.
    let options = json!({"max-size": format!("{}", (log / 2).max(1)), "max-file": "2"});
    let logging = json!({"driver": "json-file", "options": options});
    service.insert("logging".into(), logging);
}

/// Takes a limit out of both places that it may stand in, of which the program wants only one.
fn take_limit(
    service: &mut Map<String, Value>,
    key: &str,
    in_deploy: &str,
    read: fn(&Value) -> Option<u64>,
) -> Option<u64> {
    let plain = service.remove(key);
    let limits = service
        .get_mut("deploy")
        .and_then(|deploy| deploy.get_mut("resources")?.get_mut("limits"));
    let deployed = limits.and_then(|limits| limits.as_object_mut()?.remove(in_deploy));
    let both = [plain, deployed].into_iter().flatten();
    both.filter_map(|value| read(&value)).min()
}

/// `512m`, `1gb`, `1.5g`, or a number of bytes.
fn bytes(value: &Value) -> Option<u64> {
    let text = text(value).to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let shift = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let factor = 1_u64 << shift;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let digits: String = fraction.chars().take(6).collect();
    let scale = 10_u64.pow(u32::try_from(digits.len()).ok()?);
    let part = digits.parse::<u64>().ok()?.checked_mul(factor)? / scale;
    whole.checked_add(part)
}

/// Thousandths.
fn milli(value: &Value) -> Option<u64> {
    let text = text(value);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(1000)?;
    let part: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    whole.checked_add(part)
}

fn precise(milli: u64) -> f64 {
    // Far below 2^53, beyond which this would round.
    f64::from(u32::try_from(milli).unwrap_or(u32::MAX)) / 1000.0
}

/// Adds the caller's labels, which win. Values are texts to the program, in which `$` is special.
fn label(of: &mut Map<String, Value>, project: &Project, is_image: bool) {
    let name = project.name.as_str();
    let own = is_image.then_some((PROJECT, name));
    let given = project.labels.iter();
    let given = given.map(|(key, value)| (key.as_str(), value.as_str()));
    let mut labels = match of.remove("labels") {
        Some(Value::Object(labels)) => labels,
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(pair).collect(),
        _ => Map::new(),
    };
    // What others find their things by is not for a file to say.
    labels.retain(|key, _| !RESERVED.iter().any(|prefix| key.starts_with(prefix)));
    for (key, value) in given.chain(own) {
        labels.insert(key.to_owned(), value.replace('$', "$$").into());
    }
    of.insert("labels".into(), Value::Object(labels));
}

fn pair(item: &str) -> (String, Value) {
    let (key, value) = item.split_once('=').unwrap_or((item, ""));
    (key.to_owned(), value.into())
}

/// The engine follows a bind's source on its own machine.
fn map_bind(mount: &mut Value, project: &Project) {
    let volume::Mount::Bind(bind) = volume::mount(mount) else {
        return;
    };
    let there = seen(&bind.source, project);
    if there == bind.source {
        return;
    }
    let there = there.replace('$', "$$");
    match mount {
        Value::Object(mount) => {
            mount.insert("source".into(), there.into());
        }
        Value::String(short) => {
            let rest = short.split_once(':').map_or("", |(_, rest)| rest);
            *short = format!("{there}:{rest}");
        }
        _ => {}
    }
}

/// Whether anything of the engine's machine is in the containers of a model: binds, or files of secrets and
/// configs, which are binds as well.
pub(crate) fn has_binds(model: &Value) -> bool {
    let under = |key: &str| entries(&model[key]).map(|(_, value)| value);
    let mut services = under("services");
    let is_bind = |value: &Value| matches!(volume::mount(value), volume::Mount::Bind(_));
    let bound = services.any(|service| {
        let volumes = service["volumes"].as_array();
        volumes.is_some_and(|volumes| volumes.iter().any(is_bind))
    });
    let mut files = under("secrets").chain(under("configs"));
    bound || files.any(|file| file.get("file").is_some_and(|file| !file.is_null()))
}

fn map_path(path: &mut Value, project: &Project) {
    let here = text(path).replace("$$", "$");
    let there = seen(&here, project);
    if there != here {
        *path = there.replace('$', "$$").into();
    }
}

fn seen(path: &str, project: &Project) -> String {
    project.seen(Path::new(path)).to_string_lossy().into_owned()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

fn values(map: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let map = map.and_then(Value::as_object_mut).into_iter();
    map.flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
}

/// As [`values`], where nothing is a mapping without entries.
fn resources(map: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let map = map.and_then(Value::as_object_mut).into_iter();
    map.flat_map(Map::values_mut).filter_map(|value| {
        if value.is_null() {
            *value = json!({});
        }
        value.as_object_mut()
    })
}
