//! `webhooks`: the secrets that forges and registries share with dogi.

use dogi_hooks::SigningKey;
use dogi_hooks::forge::{Forge, Secrets};
use dogi_hooks::incoming;
use dogi_yaml::{Node, Value, index, join};

use super::compose_ci;
use super::file::FileReader;
use super::mail::Mail;
use super::secret::{self, Secret};
use super::sources::Sources;

/// The secrets by which deliveries are known; each may be several while it is being changed.
/// Whoever has none is refused.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// With these GitHub signs.
    pub github: Vec<Secret>,
    /// With these Gitea and Forgejo sign.
    pub gitea: Vec<Secret>,
    /// These tokens GitLab sends as they are.
    pub gitlab_tokens: Vec<Secret>,
    /// With these GitLab signs.
    pub gitlab_keys: Vec<SigningKey>,
    /// One of these stands in the URL that Docker Hub is given.
    pub dockerhub: Vec<Secret>,
    /// One of these a registry sends with its notifications.
    pub registry: Vec<Secret>,
}

impl Webhooks {
    /// Whether no delivery of a forge can be authentic.
    #[must_use]
    pub fn has_no_forge(&self) -> bool {
        Forge::ALL.into_iter().all(|forge| !self.knows(forge))
    }

    /// Whether no delivery of anybody can be authentic.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.has_no_forge() && self.dockerhub.is_empty() && self.registry.is_empty()
    }

    /// Whether there is a secret for this forge.
    #[must_use]
    pub fn knows(&self, forge: Forge) -> bool {
        match forge {
            Forge::GitHub => !self.github.is_empty(),
            Forge::Gitea | Forge::Forgejo => !self.gitea.is_empty(),
            Forge::GitLab => !(self.gitlab_tokens.is_empty() && self.gitlab_keys.is_empty()),
        }
    }

    /// Those of forges, as what verifies deliveries takes them; `query_tokens` are compose-ci's.
    #[must_use]
    pub fn secrets<'a>(&self, query_tokens: impl IntoIterator<Item = &'a Secret>) -> Secrets {
        let query: Vec<&Secret> = query_tokens.into_iter().collect();
        Secrets::none()
            .github(exposed(&self.github))
            .gitea(exposed(&self.gitea))
            .gitlab_tokens(exposed(&self.gitlab_tokens))
            .gitlab_keys(self.gitlab_keys.iter().cloned())
            .query_tokens(exposed(query))
    }
}

fn exposed<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> impl Iterator<Item = incoming::Secret> {
    let secrets = secrets.into_iter();
    secrets.map(|secret| incoming::Secret::new(secret.expose()))
}

/// Reads the section.
pub(super) fn read(file: &mut FileReader<'_>, node: Node) -> Webhooks {
    let known = ["github", "gitea", "gitlab", "dockerhub", "registry"];
    let [github, gitea, gitlab, dockerhub, registry] = file.reader.fields(node, "webhooks", known);
    let (gitlab_tokens, gitlab_keys) = match gitlab {
        Some(node) => self::gitlab(file, node),
        None => Default::default(),
    };
    Webhooks {
        github: one(file, github, "webhooks.github", "secret"),
        gitea: one(file, gitea, "webhooks.gitea", "secret"),
        gitlab_tokens,
        gitlab_keys,
        dockerhub: one(file, dockerhub, "webhooks.dockerhub", "token"),
        registry: one(file, registry, "webhooks.registry", "token"),
    }
}

/// A sender that has one kind of secret.
fn one(file: &mut FileReader<'_>, node: Option<Node>, path: &str, key: &str) -> Vec<Secret> {
    let Some(node) = node else {
        return Vec::new();
    };
    let line = node.line;
    let [secret] = file.reader.fields(node, path, [key]);
    match secret {
        Some(node) => secret_or_list(file, node, &join(path, key)),
        None => {
            let message = format!("{key} is missing: without it every delivery is refused");
            file.reader.mistake(line, path, message);
            Vec::new()
        }
    }
}

fn gitlab(file: &mut FileReader<'_>, node: Node) -> (Vec<Secret>, Vec<SigningKey>) {
    let path = "webhooks.gitlab";
    let line = node.line;
    let [token, key] = file.reader.fields(node, path, ["token", "signing_key"]);
    if token.is_none() && key.is_none() {
        let message = "token or signing_key is missing: without one every delivery is refused";
        file.reader.mistake(line, path, message);
    }
    let tokens = token.map(|node| secret_or_list(file, node, &join(path, "token")));
    let path = join(path, "signing_key");
    let line = key.as_ref().map_or(0, |node| node.line);
    let keys = key.map(|node| secret_or_list(file, node, &path));
    let mut good = Vec::new();
    for text in keys.unwrap_or_default() {
        match text.expose().parse::<SigningKey>() {
            Ok(key) => good.push(key),
            Err(error) => file.reader.mistake(line, &path, error.to_string()),
        }
    }
    (tokens.unwrap_or_default(), good)
}

fn secret_or_list(file: &mut FileReader<'_>, node: Node, path: &str) -> Vec<Secret> {
    let items = match node.value {
        Value::List(items) if items.is_empty() => {
            let message = "is an empty list: without a secret every delivery is refused";
            file.reader.mistake(node.line, path, message);
            return Vec::new();
        }
        Value::List(items) => items,
        _ => {
            return secret::read(&mut file.reader, file.env, node, path)
                .into_iter()
                .collect();
        }
    };
    let mut secrets = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        secrets.extend(secret::read(
            &mut file.reader,
            file.env,
            item,
            &index(path, at),
        ));
    }
    secrets
}

/// Whether deliveries of somebody could be authentic.
pub(super) fn can_be_authentic(sources: &mut Sources) -> bool {
    !sources.file.webhooks.is_empty()
        || (sources.file.repos.is_empty() && compose_ci::is_set(sources))
}

/// What the sections and the settings about webhooks say of each other: what can start nothing is
/// worth a warning, a mail that can go nowhere is a mistake.
pub(super) fn warn(sources: &mut Sources, mail: Option<&Mail>, warnings: &mut Vec<String>) {
    let no_forge = sources.file.webhooks.has_no_forge();
    let no_rule = sources.file.repos.is_empty();
    let is_compose_ci = compose_ci::is_set(sources);
    if no_rule && !no_forge && !is_compose_ci {
        warnings
            .push("`webhooks` without `repos`: every delivery of a forge is refused".to_owned());
    }
    if no_forge && !no_rule {
        warnings.push(
            "`repos` without a secret in `webhooks`: every delivery of a forge is refused"
                .to_owned(),
        );
    }
    // One word about the server is enough, and a server that is wrong has had it.
    let has_server = sources.text("SMTP_HOST").is_some();
    let to_nobody = mail.is_some_and(|mail| mail.to.is_empty());
    let mails = sources.file.repos.iter().filter_map(|repo| {
        let rule = repo.mail.as_ref()?;
        Some((repo.rule.line, rule.to.is_empty()))
    });
    let mails: Vec<(u64, bool)> = mails.collect();
    for (line, is_to_default) in mails {
        if !has_server {
            let message = "a rule of `repos` has mail, and there is no server: set SMTP_HOST";
            sources.file_problem(line, "mail", message);
        } else if is_to_default && to_nobody {
            let message = "mail is to nobody: expected `to`, or SMTP_TO for all rules";
            sources.file_problem(line, "mail", message);
        }
    }
}
