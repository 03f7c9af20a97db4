use serde_json::Value;

use super::{Judge, entries, is_nothing, items, text};
use crate::Permission::{HostBinds, HostNetwork};

/// What concerns the container itself and nobody else, or is taken away or replaced afterwards.
const PLAIN: &[&str] = &[
    "attach",
    "blkio_config",
    "cap_drop",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "develop",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "isolation",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "pids_limit",
    "platform",
    "ports",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "secrets",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
];

/// The capabilities that Docker gives to every container (`docker run`, "Runtime privilege and Linux
/// capabilities").
const USUAL_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl Judge<'_> {
    pub(super) fn service(&mut self, place: &str, service: &Value, names: &[&str]) {
        for (key, value) in entries(service) {
            let place = &format!("{place}.{key}");
            if PLAIN.contains(&key.as_str()) || key.starts_with("x-") || is_nothing(value) {
                continue;
            }
            match key.as_str() {
                "build" => self.build(place, value),
                "volumes" => self.mounts(place, value),
                "volumes_from" => self.volumes_from(place, value, names),
                "network_mode" | "net" => self.network_mode(place, value, names),
                "networks" => self.attachments(place, value),
                "external_links" => self.no(
                    place,
                    value,
                    "links to containers that are not the project's",
                    Some(HostNetwork),
                ),
                "pid" | "ipc" | "uts" | "userns_mode" | "cgroup" => {
                    self.namespace(place, value, names);
                }
                "cap_add" => self.capabilities(place, value),
                "security_opt" => self.security_options(place, value),
                "sysctls" => self.sysctls(place, value),
                "deploy" => self.deploy(place, value),
                "post_start" | "pre_stop" => self.lifecycle(place, value),
                "env_file" | "label_file" => self.files(place, value),
                "oom_score_adj" => self.score(place, value),
                "credential_spec" | "use_api_socket" => self.no(
                    place,
                    value,
                    "it hands credentials or the socket of the host to a container",
                    Some(HostBinds),
                ),
                // It is a program of this machine, which no container holds.
                "provider" => self.no(place, value, "programs of the host are never run", None),
                "privileged" => {
                    self.privileged(place, value, "a privileged container is root on the host");
                }
                "devices" | "device_cgroup_rules" | "gpus" => {
                    self.privileged(place, value, "devices of the host");
                }
                "annotations" | "runtime" | "cgroup_parent" | "oom_kill_disable"
                | "storage_opt" => {
                    self.privileged(place, value, "it changes what runs and holds the container");
                }
                _ => self.unknown(place, value),
            }
        }
    }

    fn network_mode(&mut self, place: &str, value: &Value, names: &[&str]) {
        let mode = text(value);
        let why = match mode.as_str() {
            "none" | "bridge" | "default" => return,
            mode if is_own_service(mode, names) => return,
            "host" => "the host's network",
            _ => "a network that is not the project's",
        };
        self.no(place, value, why, Some(HostNetwork));
    }

    /// The keys of one of a service's networks; a list has none.
    fn attachments(&mut self, place: &str, value: &Value) {
        for (name, network) in entries(value) {
            for (key, value) in entries(network) {
                let is_plain = matches!(
                    key.as_str(),
                    "aliases"
                        | "ipv4_address"
                        | "ipv6_address"
                        | "link_local_ips"
                        | "mac_address"
                        | "priority"
                        | "gw_priority"
                );
                if !is_plain && !is_nothing(value) {
                    let why = "an option of the network's driver";
                    let place = format!("{place}.{name}.{key}");
                    self.no(&place, value, why, Some(HostNetwork));
                }
            }
        }
    }

    fn namespace(&mut self, place: &str, value: &Value, names: &[&str]) {
        let mode = text(value);
        let is_own = matches!(mode.as_str(), "private" | "none" | "shareable")
            || is_own_service(&mode, names);
        if !is_own {
            self.privileged(place, value, "a namespace that is not the project's");
        }
    }

    fn capabilities(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            let name = text(item).to_ascii_uppercase();
            let name = name.strip_prefix("CAP_").unwrap_or(&name);
            if !USUAL_CAPABILITIES.contains(&name) {
                let why = "a capability that containers do not have";
                self.privileged(&format!("{place}[{index}]"), item, why);
            }
        }
    }

    fn security_options(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            let is_plain = matches!(
                text(item).as_str(),
                "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true"
            );
            if !is_plain {
                let why = "it changes what holds the container";
                self.privileged(&format!("{place}[{index}]"), item, why);
            }
        }
    }

    /// Those that the kernel keeps apart for each container (`docker run`, "Configure namespaced
    /// kernel parameters").
    fn sysctls(&mut self, place: &str, value: &Value) {
        let listed = items(value).iter().filter_map(Value::as_str);
        let listed = listed.map(|item| item.split_once('=').map_or(item, |(name, _)| name));
        let names: Vec<&str> = entries(value)
            .map(|(name, _)| name.as_str())
            .chain(listed)
            .collect();
        for name in names {
            let is_own = ["net.", "kernel.shm", "kernel.msg", "fs.mqueue."]
                .iter()
                .any(|prefix| name.starts_with(prefix))
                || name == "kernel.sem";
            if !is_own {
                self.privileged(place, &name.into(), "a setting of the host's kernel");
            }
        }
    }

    fn deploy(&mut self, place: &str, value: &Value) {
        let resources = &value["resources"];
        for kind in ["limits", "reservations"] {
            for (key, value) in entries(&resources[kind]) {
                let is_plain = matches!(key.as_str(), "cpus" | "memory" | "pids");
                if !is_plain && !is_nothing(value) {
                    let place = format!("{place}.resources.{kind}.{key}");
                    self.privileged(&place, value, "devices of the host");
                }
            }
        }
    }

    fn lifecycle(&mut self, place: &str, value: &Value) {
        for (index, hook) in items(value).iter().enumerate() {
            if !is_nothing(&hook["privileged"]) {
                let place = format!("{place}[{index}].privileged");
                self.privileged(&place, &hook["privileged"], "it runs with all privileges");
            }
        }
    }

    fn files(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            let path = item.get("path").unwrap_or(item);
            self.path(&format!("{place}[{index}]"), path);
        }
    }

    fn score(&mut self, place: &str, value: &Value) {
        let is_lower = text(value).parse::<i64>().is_ok_and(|score| score >= 0);
        if !is_lower {
            let why = "the host would end other programs first";
            self.privileged(place, value, why);
        }
    }

    fn volumes_from(&mut self, place: &str, value: &Value, names: &[&str]) {
        for (index, item) in items(value).iter().enumerate() {
            let source = text(item);
            let is_own = source_service(&source).is_some_and(|service| names.contains(&service));
            if !is_own {
                let why = "volumes of a container that is not the project's";
                self.no(&format!("{place}[{index}]"), item, why, Some(HostBinds));
            }
        }
    }
}

fn is_own_service(mode: &str, names: &[&str]) -> bool {
    mode.strip_prefix("service:")
        .is_some_and(|service| names.contains(&service))
}

/// The service of `SERVICE[:MODE]`, which 1.29 prints as `service:SERVICE:MODE`. `container:NAME` is
/// any container of the engine, even where a service is called `container`.
fn source_service(source: &str) -> Option<&str> {
    let parts: Vec<&str> = source.split(':').collect();
    match parts[..] {
        ["container", _, ..] => None,
        [service] | [service, _] | ["service", service, _] => Some(service),
        _ => None,
    }
}
