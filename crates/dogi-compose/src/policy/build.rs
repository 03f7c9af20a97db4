use serde_json::Value;

use super::{Judge, entries, is_nothing, items, text};
use crate::Permission::{HostBinds, HostNetwork};

const PLAIN: &[&str] = &[
    "args",
    "dockerfile_inline",
    "extra_hosts",
    "isolation",
    "labels",
    "no_cache",
    "platforms",
    "provenance",
    "pull",
    "sbom",
    "secrets",
    "shm_size",
    "tags",
    "target",
    "ulimits",
];

impl Judge<'_> {
    pub(super) fn build(&mut self, place: &str, build: &Value) {
        if build.is_string() {
            self.dockerfile(place, &"Dockerfile".into(), build);
            return self.context(place, build);
        }
        if build["dockerfile"].is_null() {
            self.dockerfile(place, &"Dockerfile".into(), &build["context"]);
        }
        for (key, value) in entries(build) {
            let place = &format!("{place}.{key}");
            if PLAIN.contains(&key.as_str()) || key.starts_with("x-") || is_nothing(value) {
                continue;
            }
            match key.as_str() {
                "context" => self.context(place, value),
                "dockerfile" => self.dockerfile(place, value, &build["context"]),
                "additional_contexts" => self.contexts(place, value),
                "cache_from" | "cache_to" => self.caches(place, value),
                "network" => {
                    if !matches!(text(value).as_str(), "none" | "default" | "bridge") {
                        let why = "a build in a network that is not its own";
                        self.no(place, value, why, Some(HostNetwork));
                    }
                }
                "ssh" => self.no(place, value, "keys of the host", Some(HostBinds)),
                "privileged" | "entitlements" => {
                    self.privileged(place, value, "it lets a build do what containers may not");
                }
                _ => self.unknown(place, value),
            }
        }
    }

    fn context(&mut self, place: &str, value: &Value) {
        if is_remote(&text(value)) {
            let why = "a context that is not in the checkout";
            return self.no(place, value, why, Some(HostNetwork));
        }
        self.path(place, value);
    }

    /// It counts from the context.
    fn dockerfile(&mut self, place: &str, value: &Value, context: &Value) {
        let context = text(context);
        // One that leads elsewhere is refused as such.
        if is_remote(&context) || self.inside(&context).is_err() {
            return;
        }
        let context = self.base.join(context);
        if let Err(fault) = self.inside(&context.join(text(value)).to_string_lossy()) {
            self.no(place, value, &fault.to_string(), Some(HostBinds));
        }
    }

    fn contexts(&mut self, place: &str, value: &Value) {
        let listed = items(value).iter().filter_map(Value::as_str);
        let listed = listed.filter_map(|item| item.split_once('='));
        let listed = listed.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let mapped = entries(value).map(|(name, value)| (name.clone(), value.clone()));
        for (name, value) in listed.chain(mapped).collect::<Vec<_>>() {
            let source = text(&value);
            let is_image = ["docker-image://", "service:", "target:"]
                .iter()
                .any(|scheme| source.starts_with(scheme));
            if !is_image {
                self.context(&format!("{place}.{name}"), &value);
            }
        }
    }

    /// An image's name, or BuildKit's `type=registry,…`; the other kinds read and write files of the
    /// host or ask other services.
    fn caches(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            let entry = text(item);
            let is_image = !entry.contains('=')
                || entry
                    .split(',')
                    .any(|field| matches!(field.trim(), "type=registry" | "type=inline"));
            if !is_image {
                let why = "a cache that is no image";
                self.no(&format!("{place}[{index}]"), item, why, Some(HostBinds));
            }
        }
    }
}

/// As the programs tell a path from a place elsewhere: a scheme, or what they take for git's.
fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/")
}
