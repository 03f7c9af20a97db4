//! What runs programs of this machine in checkouts, and what runs are told in secret.

use std::collections::BTreeMap;

use dogi_compose::{Ceilings, Credentials, EngineAddress, Login, Shared};
use dogi_docker::Docker;
use dogi_engine::adapters::{LocalOptions, LocalRunner, SharedDir};
use dogi_engine::ports::{FixedSecrets, SecretValue};

use super::{Place, registries, registries_of};
use crate::config::Settings;
use crate::webhooks::secret_name;

/// In the data directory.
const CHECKOUTS: &str = "checkouts";

pub(super) fn local(settings: &Settings, place: &Place, engine: &Docker) -> LocalRunner {
    let docker = &settings.docker;
    let default = EngineAddress::default();
    let jobs = &settings.jobs;
    let shared = settings.storage.host_shared_dir.as_ref();
    let here = settings.storage.data_dir.clone();
    let options = LocalOptions {
        directory: place.dir.join(CHECKOUTS),
        shared: match shared {
            Some(there) => SharedDir::At(Shared {
                here,
                there: there.clone(),
            }),
            None => SharedDir::Find {
                docker: engine.clone(),
                here,
            },
        },
        environment: crate::hooks::inherited(settings),
        engine: EngineAddress {
            host: docker.host.clone().unwrap_or(default.host),
            cert_path: docker.cert_path.clone(),
            tls_verify: docker.tls_verify,
            buildkit: docker.buildkit,
        },
        logins: logins(settings),
        registries: registries(settings),
        labels: BTreeMap::from([
            ("dogi.server".to_owned(), place.server.clone()),
            (
                "dogi.namespace".to_owned(),
                settings.storage.namespace.to_string(),
            ),
        ]),
        ceilings: Ceilings {
            pids: jobs.pids.unsigned_abs(),
            memory: jobs.memory,
            milli_cpus: jobs.cpus.map(|cpus| cpus.nanos() / 1_000_000),
            log: jobs.max_log_bytes,
        },
    };
    LocalRunner::new(options)
}

fn logins(settings: &Settings) -> Vec<Login> {
    let login = |(host, registry): (&String, &crate::config::Registry)| Login {
        registry: host.clone(),
        credentials: Credentials::Password {
            user: registry.user.clone(),
            password: registry.password.expose().to_owned(),
        },
    };
    registries_of(settings).into_iter().map(login).collect()
}

/// The secrets of all rules, each by its name. Those that no environment can hold were refused when they
/// were read.
pub(super) fn secrets(settings: &Settings) -> FixedSecrets {
    let rules = settings.file.repos.iter();
    let all = rules.flat_map(|rule| rule.secrets.iter().map(move |secret| (rule, secret)));
    let all = all.filter_map(|(rule, (variable, secret))| {
        let name = secret_name(rule, variable).ok()?;
        Some((name, SecretValue::new(secret.expose()).ok()?))
    });
    // Of rules with the same pattern only the first ever decides.
    let all: Vec<_> = all.collect();
    all.into_iter().rev().collect()
}
