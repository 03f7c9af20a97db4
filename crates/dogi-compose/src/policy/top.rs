//! Networks, volumes, secrets and configs.

use serde_json::Value;

use super::{Judge, entries, is_nothing, text};
use crate::Permission::{HostBinds, HostNetwork};

impl Judge<'_> {
    pub(super) fn network(&mut self, place: &str, network: &Value) {
        for (key, value) in entries(network) {
            let place = &format!("{place}.{key}");
            if is_nothing(value) || key.starts_with("x-") {
                continue;
            }
            let why = match key.as_str() {
                "name" | "labels" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6" => {
                    continue;
                }
                "driver" if matches!(text(value).as_str(), "bridge" | "default" | "none") => {
                    continue;
                }
                "ipam" if is_plain_ipam(value) => continue,
                "external" => "a network that is not the project's",
                "driver" | "driver_opts" => "it reaches networks and interfaces of the host",
                "ipam" => "chosen addresses can hide networks that the host reaches",
                _ => "this key is not known here, and may give power over the host's network",
            };
            self.no(place, value, why, Some(HostNetwork));
        }
    }

    pub(super) fn volume(&mut self, place: &str, volume: &Value) {
        for (key, value) in entries(volume) {
            let place = &format!("{place}.{key}");
            if is_nothing(value) || key.starts_with("x-") {
                continue;
            }
            let why = match key.as_str() {
                "name" | "labels" => continue,
                "driver" if text(value) == "local" => continue,
                "driver_opts" if is_memory(value) => continue,
                "external" => "a volume that is not the project's",
                "driver" | "driver_opts" => "it can be any directory of the host",
                _ => "this key is not known here, and may give power over the host",
            };
            self.no(place, value, why, Some(HostBinds));
        }
    }

    /// A secret or a config.
    pub(super) fn file_resource(&mut self, place: &str, resource: &Value) {
        for (key, value) in entries(resource) {
            let place = &format!("{place}.{key}");
            if is_nothing(value) || key.starts_with("x-") {
                continue;
            }
            match key.as_str() {
                "name" | "labels" | "content" | "environment" => {}
                "file" => self.path(place, value),
                "external" => {
                    let why = "it is not the project's";
                    self.no(place, value, why, Some(HostBinds));
                }
                _ => self.unknown(place, value),
            }
        }
    }
}

fn is_plain_ipam(ipam: &Value) -> bool {
    entries(ipam)
        .all(|(key, value)| is_nothing(value) || (key == "driver" && text(value) == "default"))
}

/// A volume in memory: the local driver mounts whatever it is told to, and only this is no place of
/// the host.
fn is_memory(options: &Value) -> bool {
    let is = |key: &str, wanted: &[&str]| wanted.contains(&text(&options[key]).as_str());
    is("type", &["tmpfs"])
        && is("device", &["tmpfs", "none"])
        && entries(options).all(|(key, _)| matches!(key.as_str(), "type" | "device" | "o"))
        && text(&options["o"]).split(',').all(is_size)
}

/// An option of a file system in memory, and not one of `mount(8)` itself, such as `bind`.
fn is_size(option: &str) -> bool {
    const KNOWN: &[&str] = &["size", "nr_inodes", "uid", "gid", "mode"];
    let name = option.split_once('=').map(|(name, _)| name);
    option.is_empty() || option == "null" || name.is_some_and(|name| KNOWN.contains(&name))
}
