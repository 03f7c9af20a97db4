//! What a container is made from.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};

use crate::build::ImageId;
use crate::image::ImageName;
use crate::volume::VolumeMount;

/// A container as wanted. Whatever is not said here is as `docker run` has it.
///
/// What can't be said can't happen: there are no capabilities, devices, networks, ports or privileges, no
/// mounts but those of named volumes, and `no-new-privileges` is always on. A [`VolumeMount`] has a name
/// and no path of the machine; an image's own `VOLUME`s are anonymous and go with the container.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Name, unique on the engine; `None`: Docker invents one.
    pub name: Option<String>,
    /// Image to run: a whole id (`sha256:…`) or a name that the engine has; never the beginning of an id.
    /// A name without tag and digest means `latest`.
    pub image: String,
    /// Replaces the image's `CMD`, and leaves its `ENTRYPOINT`, as `docker run IMAGE …` does.
    /// `None` or empty: the image's own.
    pub command: Option<Vec<String>>,
    /// Replaces the image's `ENTRYPOINT` and drops its `CMD`, as `--entrypoint` does.
    pub entrypoint: Option<Vec<String>>,
    /// Environment on top of the image's.
    pub env: BTreeMap<String, String>,
    /// Working directory instead of the image's.
    pub working_dir: Option<String>,
    /// User instead of the image's.
    pub user: Option<String>,
    /// Whether to run under a pseudo-terminal.
    pub tty: bool,
    /// Labels by which the container is found again.
    pub labels: BTreeMap<String, String>,
    /// Named volumes that it has. They outlive it.
    pub volumes: Vec<VolumeMount>,
    /// What it may use.
    pub limits: Limits,
    /// Size in bytes that the engine's own copy of the output may have. The copy is only a safety
    /// net, and its encoding takes up to 3.3 times the bytes of short lines. `None`: 64 MiB.
    pub log_max_bytes: Option<u64>,
    /// Whether the root file system can't be written. Files are then followed by polling.
    pub read_only: bool,
    /// Platform such as `linux/arm64`; `None`: the engine's.
    pub platform: Option<String>,
}

/// Ceilings of a container; `None` is no ceiling.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Memory in bytes; swap does not come on top of it.
    pub memory: Option<u64>,
    /// CPUs, e.g. 0.5.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// What an engine that stops ends the container with. One that the program can't catch: else its exit
/// code could pass for one of its own (see [`super::Ending`]). Only [`super::Container::stop`] is polite.
const STOP_SIGNAL: &str = "SIGKILL";

/// Used when a spec says nothing.
const DEFAULT_LOG_BYTES: u64 = 64 * 1024 * 1024;

impl ContainerSpec {
    /// A container of this image that runs the image's own command.
    pub fn new(image: impl Into<String>) -> Self {
        ContainerSpec {
            image: image.into(),
            ..ContainerSpec::default()
        }
    }

    /// What will be run, as far as the spec says, for messages.
    pub(crate) fn describe(&self) -> String {
        let parts: Vec<&String> = self
            .entrypoint
            .iter()
            .flatten()
            .chain(self.command.iter().flatten())
            .collect();
        if parts.is_empty() {
            return "the image's command".to_owned();
        }
        format!("{parts:?}")
    }

    /// To an engine a short name may be the beginning of an id: it is given the full one.
    fn image_for_engine(&self) -> String {
        let name = match ImageId::parse(&self.image) {
            Some(_) => None,
            None => ImageName::parse(&self.image).ok(),
        };
        name.map_or_else(|| self.image.clone(), |name| name.full())
    }

    pub(super) fn body(&self) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image_for_engine()),
            cmd: self.command.clone().filter(|words| !words.is_empty()),
            entrypoint: self.entrypoint.clone().filter(|words| !words.is_empty()),
            env: Some(
                self.env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
            ),
            working_dir: self.working_dir.clone(),
            user: self.user.clone(),
            tty: Some(self.tty),
            stop_signal: Some(STOP_SIGNAL.to_owned()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            labels: Some(self.labels.clone().into_iter().collect::<HashMap<_, _>>()),
            host_config: Some(self.host_config()),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let memory = self.limits.memory.map(signed);
        let mounts = self.volumes.iter();
        let mounts: Vec<_> = mounts.map(|volume| volume.mount(&self.labels)).collect();
        HostConfig {
            mounts: (!mounts.is_empty()).then_some(mounts),
            memory,
            memory_swap: memory,
            nano_cpus: self.limits.cpus.map(nano_cpus),
            pids_limit: self.limits.pids.map(signed),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(self.read_only),
            log_config: Some(log_config(self.log_max_bytes.unwrap_or(DEFAULT_LOG_BYTES))),
            ..HostConfig::default()
        }
    }
}

const LOG_FILES: u64 = 2;

/// Docker counts CPUs in billionths.
#[allow(
    clippy::cast_possible_truncation,
    reason = "CPUs are few, and fractions of a nano are not"
)]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

/// The driver `local` is the one that keeps bytes as they are; not compressed, bounded. In two files: the
/// engine drops the older one only when the newer one is full, so that less than one file's size in both is
/// a copy that has lost nothing.
fn log_config(max_bytes: u64) -> HostConfigLogConfig {
    let max_size = (max_bytes / LOG_FILES).max(4096);
    let options = [
        ("compress", "false".to_owned()),
        ("max-file", LOG_FILES.to_string()),
        ("max-size", max_size.to_string()),
    ];
    HostConfigLogConfig {
        typ: Some("local".to_owned()),
        config: Some(
            options
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        ),
    }
}
