//! Who tells forges and people what becomes of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions};
use dogi_engine::adapters::{ForgeNotifier, LogLink};
use dogi_hooks::forge::Forge;
use dogi_hooks::incoming::Secret;
use dogi_hooks::mail::{MailAddress, MailServer, Mailer};
use dogi_hooks::status::{StatusApi, StatusSender, StatusSenderOptions};
use dogi_job::RunStatus;
use dogi_url::OutputName;
use url::Url;

use super::WireError;
use super::git::{host_of, is_this_machine};
use crate::config::{ForgeKind, Settings};
use crate::http::Links;

/// The hosts of clone URLs whose forges there is a token for.
pub(crate) fn tellable(settings: &Settings) -> BTreeSet<String> {
    let github = settings.network.github_token.as_ref();
    let github = github.and_then(|_| host_of(&settings.network.github_url));
    let forges = settings.file.forges.iter();
    let forges = forges.filter(|(_, forge)| forge.token.is_some());
    let forges = forges.map(|(host, _)| host.to_ascii_lowercase());
    github.into_iter().chain(forges).collect()
}

/// What the hosts speak that the settings name.
pub(crate) fn kinds(settings: &Settings) -> BTreeMap<String, ForgeKind> {
    let github = host_of(&settings.network.github_url);
    let github = github.map(|host| (host, ForgeKind::Github));
    let forges = settings.file.forges.iter();
    let forges = forges.map(|(host, forge)| (host.to_ascii_lowercase(), forge.kind));
    github.into_iter().chain(forges).collect()
}

pub(super) fn notifier(
    settings: &Settings,
    policy: &Arc<EgressPolicy>,
    links: &Links,
) -> Result<ForgeNotifier, WireError> {
    let options = HttpOptions {
        proxies: settings.network.proxies.clone(),
        ..HttpOptions::default()
    };
    let apis = apis(settings)?;
    // Their tokens are the operator's word for them, for this alone.
    let policy = apis
        .values()
        .fold((**policy).clone(), |policy, api| policy.exempt(api.host()));
    let http = Http::new(Guard::new(Arc::new(policy)), options).map_err(failed)?;
    let sender = StatusSender::new(&http, StatusSenderOptions::default()).map_err(failed)?;
    let notifier = ForgeNotifier::new(sender, apis, link(links));
    let Some(mail) = &settings.mail else {
        return Ok(notifier);
    };
    let from: MailAddress = mail.from.as_str().parse().map_err(failed)?;
    let server = MailServer::new(&mail.host, mail.port);
    let server = match &mail.login {
        Some((user, password)) => server.login(user, Secret::new(password.expose())),
        None => server,
    };
    let mailer = Mailer::new(server, &from).map_err(failed)?;
    Ok(notifier.mails(mailer, from))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> WireError {
    WireError::Notify(Box::new(error))
}

/// Without the address that others know the server by there is no link for them.
fn link(links: &Links) -> Arc<LogLink> {
    let links = links.clone();
    Arc::new(move |status: &RunStatus| links.output(&status.run, &OutputName::Log).parse().ok())
}

/// By host of the clone URL. What a forge of `forges` says wins over `GITHUB_TOKEN`.
fn apis(settings: &Settings) -> Result<BTreeMap<String, StatusApi>, WireError> {
    let mut apis = BTreeMap::new();
    let network = &settings.network;
    if let (Some(token), Some(host)) = (&network.github_token, host_of(&network.github_url)) {
        let api = network.github_api_url.clone();
        let api = StatusApi::new(Forge::GitHub, api, Secret::new(token.expose()));
        apis.insert(host, api.map_err(failed)?);
    }
    for (host, forge) in &settings.file.forges {
        let Some(token) = &forge.token else {
            continue;
        };
        let (kind, path) = match forge.kind {
            ForgeKind::Github => (Forge::GitHub, "api/v3"),
            ForgeKind::Gitea => (Forge::Gitea, "api/v1"),
            ForgeKind::Gitlab => (Forge::GitLab, "api/v4"),
        };
        let plain = forge.plain_http || is_this_machine(host);
        let scheme = if plain { "http" } else { "https" };
        let api = match &forge.api {
            Some(api) => api.clone(),
            None => match (forge.kind, host.as_str()) {
                (ForgeKind::Github, "github.com") => network.github_api_url.clone(),
                _ => Url::parse(&format!("{scheme}://{host}/{path}")).map_err(failed)?,
            },
        };
        let api = StatusApi::new(kind, api, Secret::new(token.expose()));
        apis.insert(host.to_ascii_lowercase(), api.map_err(failed)?);
    }
    Ok(apis)
}
