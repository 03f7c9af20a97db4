//! Where repositories come from, and who dogi is there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use dogi_docker::EngineInfo;
use dogi_egress::EgressPolicy;
use dogi_engine::adapters::GitSource;
use dogi_engine::governor::{DiskSpace, Reserve};
use dogi_git::{Credential, HostKeys, KnownHosts, Limits, MirrorOptions, Mirrors};
use url::Url;

use super::{WireError, without_port};
use crate::config::Settings;

pub(super) fn mirrors_dir(settings: &Settings) -> PathBuf {
    settings.storage.data_dir.join("mirrors")
}

/// Where repositories are kept.
pub(super) fn mirrors(
    settings: &Settings,
    policy: &Arc<EgressPolicy>,
) -> Result<Mirrors, WireError> {
    let git = &settings.file.git;
    let mode = if git.strict_hosts {
        HostKeys::Strict
    } else {
        HostKeys::AcceptNew
    };
    let file = known_hosts(settings);
    let reserve = Reserve::new(Arc::new(DiskSpace::new(&settings.storage.data_dir)));
    let options = MirrorOptions {
        room: Arc::new(move || reserve.spare()),
        credentials: Arc::new(credentials(settings)),
        known_hosts: KnownHosts {
            file: file.clone(),
            mode,
        },
        ssh_keys: git.ssh_keys.clone().into_iter().collect(),
        proxies: settings.network.proxies.clone(),
        allow_git: git.allow_git,
        allow_file: git.allow_file,
        ..MirrorOptions::new(Arc::clone(policy), file)
    };
    Mirrors::new(mirrors_dir(settings), options).map_err(WireError::Mirrors)
}

/// The context filter follows the builder that will read the context.
pub(super) fn source(
    settings: &Settings,
    mirrors: Mirrors,
    info: Option<&EngineInfo>,
) -> GitSource {
    let buildkit =
        settings.docker.buildkit.unwrap_or(true) && info.is_none_or(|info| info.buildkit);
    let builder = if buildkit {
        dogi_git::Builder::BuildKit
    } else {
        dogi_git::Builder::Classic
    };
    GitSource::new(mirrors, builder, Limits::default())
}

/// The user's own file, as ssh has it.
fn known_hosts(settings: &Settings) -> PathBuf {
    let named = settings.file.git.known_hosts_file.clone();
    let of_user = || Some(settings.network.home.as_ref()?.join(".ssh/known_hosts"));
    named
        .or_else(of_user)
        .unwrap_or_else(|| settings.storage.data_dir.join("known_hosts"))
}

/// Tokens by host, each for its own host only.
fn credentials(settings: &Settings) -> HashMap<String, Credential> {
    let mut all = HashMap::new();
    let network = &settings.network;
    if let (Some(token), Some(host)) = (&network.github_token, host_of(&network.github_url)) {
        let over_http = network.github_url.scheme() == "http";
        all.insert(
            host,
            Credential {
                over_http,
                ..Credential::token(token.expose())
            },
        );
    }
    for (host, forge) in &settings.file.forges {
        if let Some(token) = &forge.token {
            let over_http = forge.plain_http || is_this_machine(host);
            let credential = Credential {
                over_http,
                ..Credential::token(token.expose())
            };
            all.insert(host.to_ascii_lowercase(), credential);
        }
    }
    all
}

/// What is sent to it never leaves the machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let name = without_port(host);
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

/// `host` or `host:port`, as the keys of `forges` are.
pub(super) fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
