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
                "cache_from" => self.caches(place, value),
                "cache_to" => {
                    let why = "a build would write it, to a registry with the operator's login";
                    self.privileged(place, value, why);
                }
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

    /// Images only; the other kinds read files of the host or ask other services.
    fn caches(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            if !is_image_cache(&text(item)) {
                let why = "a cache that is not IMAGE or type=registry,ref=IMAGE";
                self.no(&format!("{place}[{index}]"), item, why, Some(HostBinds));
            }
        }
    }
}

/// An image's name, or a line of CSV with its name and the type. BuildKit takes the last of several
/// types, keys of any case, and quoted fields with commas in them: none of that passes, since a
/// reading that differs from BuildKit's would hide a type.
fn is_image_cache(entry: &str) -> bool {
    if !entry.contains(['=', ',']) {
        return is_image_name(entry);
    }
    let mut fields: Vec<&str> = entry.split(',').collect();
    fields.sort_unstable();
    match fields[..] {
        [reference, "type=registry"] => reference.strip_prefix("ref=").is_some_and(is_image_name),
        _ => false,
    }
}

/// Made of what names of images are made of, so without quotes, separators and spaces.
fn is_image_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
}

/// As the programs tell a path from a place elsewhere: a scheme, or what they take for git's.
fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/")
}
