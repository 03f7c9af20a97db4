//! `dogi.yaml`: the operator's file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dogi_yaml::{Key, Node, Reader, Value, join};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use url::Url;

use super::env::Environment;
use super::problem::{Origin, Problem};
use super::repos::{self, RepoRule};
use super::secret::{self, Secret};
use super::setting::{Kind, Setting};
use super::sources::Found;
use super::table::SETTINGS;
use super::webhooks::{self, Webhooks};

/// The sections that are no single settings.
const SECTIONS: [&str; 6] = [
    "forges",
    "git",
    "registries",
    "repos",
    "url_repos",
    "webhooks",
];

/// What `dogi.yaml` says beside single settings.
#[derive(Clone, Debug, Default)]
pub struct FileSettings {
    /// By host (`host` or `host:port`) of the clone URL.
    pub forges: BTreeMap<String, Forge>,
    /// How repositories are fetched.
    pub git: GitSettings,
    /// Credentials by registry host.
    pub registries: BTreeMap<String, Registry>,
    /// What run URLs may run; `None`: everything.
    pub url_repos: Option<RepoPatterns>,
    /// The secrets of deliveries.
    pub webhooks: Webhooks,
    /// What deliveries start: the first rule that matches decides.
    pub repos: Vec<RepoRule>,
    /// The variables that secrets of the file stand in.
    pub secret_variables: BTreeSet<String>,
}

/// A place that hosts repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// What it speaks.
    pub kind: ForgeKind,
    /// Base of its API.
    pub api: Option<Url>,
    /// Opens private repositories.
    pub token: Option<Secret>,
    /// The token may also go over plain `http://`, where everybody on the way can read it.
    pub plain_http: bool,
}

/// What a forge speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub and GitHub Enterprise.
    #[default]
    Github,
    /// Gitea and Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
}

/// How repositories are fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Refuse hosts that `known_hosts` does not list, instead of remembering them.
    pub strict_hosts: bool,
    /// Another `known_hosts` file than the user's.
    pub known_hosts_file: Option<PathBuf>,
    /// `git://` URLs are allowed.
    pub allow_git: bool,
    /// `file://` URLs are allowed.
    pub allow_file: bool,
    /// SSH keys by host.
    pub ssh_keys: BTreeMap<String, PathBuf>,
}

/// A registry's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// User.
    pub user: String,
    /// Password or token.
    pub password: Secret,
}

/// Patterns of `host[:port]/owner/name`; `*` also crosses slashes.
#[derive(Clone, Debug)]
pub struct RepoPatterns(GlobSet);

impl RepoPatterns {
    /// Whether a repository is among them.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        self.0.is_match(key)
    }
}

/// A parsed file: sections, and single settings by variable.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub settings: FileSettings,
    pub single: BTreeMap<&'static str, Found>,
}

/// Reads a file and everything that is wrong in it.
pub(super) fn read(path: &Path, env: &Environment, problems: &mut Vec<Problem>) -> Parsed {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(Problem::new(
                Origin::file(path),
                format!("cannot be read: {error}"),
            ));
            return Parsed::default();
        }
    };
    let mut mistakes = Vec::new();
    let parsed = match dogi_yaml::parse(path, &text) {
        Ok(root) => {
            let variables = secret::variables(&root);
            let reader = Reader::new(path, &mut mistakes);
            let mut parsed = FileReader { reader, env }.root(root);
            parsed.settings.secret_variables = variables;
            parsed
        }
        Err(mistake) => {
            mistakes.push(mistake);
            Parsed::default()
        }
    };
    problems.extend(mistakes.into_iter().map(Problem::from));
    parsed
}

/// Reads the file's tree.
pub(super) struct FileReader<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) env: &'a Environment,
}

impl FileReader<'_> {
    fn root(mut self, root: Node) -> Parsed {
        let mut parsed = Parsed::default();
        for (key, node) in self.reader.map(root, "") {
            match key.text.as_str() {
                "forges" => parsed.settings.forges = self.forges(node),
                "git" => parsed.settings.git = self.git(node),
                "registries" => parsed.settings.registries = self.registries(node),
                "url_repos" => parsed.settings.url_repos = self.url_repos(node),
                "webhooks" => parsed.settings.webhooks = webhooks::read(&mut self, node),
                "repos" => parsed.settings.repos = repos::read(&mut self, node),
                name => match SETTINGS.iter().find(|setting| setting.key() == name) {
                    Some(setting) => {
                        if let Some(found) = self.single(setting, node, name) {
                            parsed.single.insert(setting.env, found);
                        }
                    }
                    None => {
                        let keys: Vec<String> = SETTINGS.iter().map(Setting::key).collect();
                        let known: Vec<&str> = SECTIONS
                            .into_iter()
                            .chain(keys.iter().map(String::as_str))
                            .collect();
                        self.reader.unknown(&key, "", &known);
                    }
                },
            }
        }
        parsed
    }

    fn single(&mut self, setting: &Setting, node: Node, key: &str) -> Option<Found> {
        let origin = Origin::File {
            file: self.reader.file().to_path_buf(),
            line: node.line,
            key: key.to_owned(),
        };
        let values = match (setting.kind, node.value) {
            (_, Value::Null) => return None,
            (Kind::Secret, value) => {
                let node = Node {
                    line: node.line,
                    value,
                };
                vec![
                    secret::read(&mut self.reader, self.env, node, key)?
                        .expose()
                        .to_owned(),
                ]
            }
            (Kind::Secrets, value) => {
                let node = Node {
                    line: node.line,
                    value,
                };
                secret::read_many(&mut self.reader, self.env, node, key)
                    .iter()
                    .map(|secret| secret.expose().to_owned())
                    .collect()
            }
            (Kind::List, value) => {
                let node = Node {
                    line: node.line,
                    value,
                };
                let items = self.reader.scalars(node, key, setting.expected);
                vec![
                    items
                        .into_iter()
                        .map(|(_, text)| text)
                        .collect::<Vec<_>>()
                        .join(","),
                ]
            }
            (Kind::Paths, value) => {
                let node = Node {
                    line: node.line,
                    value,
                };
                let items = self.reader.scalars(node, key, setting.expected);
                items.into_iter().map(|(_, text)| text).collect()
            }
            (Kind::Object, Value::Map(entries)) => vec![self.object(entries, key)],
            (_, value) => {
                let node = Node {
                    line: node.line,
                    value,
                };
                vec![self.reader.scalar(node, key, setting.expected)?]
            }
        };
        Some(Found { origin, values })
    }

    /// A mapping of texts as JSON; values may be secrets.
    fn object(&mut self, entries: Vec<(Key, Node)>, path: &str) -> String {
        let mut object = serde_json::Map::new();
        for (key, node) in entries {
            let here = join(path, &key.text);
            if let Some(secret) = secret::read(&mut self.reader, self.env, node, &here) {
                object.insert(key.text, secret.expose().into());
            }
        }
        serde_json::Value::Object(object).to_string()
    }

    fn forges(&mut self, node: Node) -> BTreeMap<String, Forge> {
        let mut forges = BTreeMap::new();
        for (host, node) in self.reader.map(node, "forges") {
            let path = join("forges", &host.text);
            self.host(host.line, &path, &host.text);
            let known = ["kind", "api", "token", "plain_http"];
            let [kind, api, token, plain] = self.reader.fields(node, &path, known);
            let kind = kind.and_then(|node| self.forge_kind(node, &join(&path, "kind")));
            let api = api.and_then(|node| self.url(node, &join(&path, "api")));
            let token = token.and_then(|node| {
                secret::read(&mut self.reader, self.env, node, &join(&path, "token"))
            });
            let words = [("true", true), ("false", false)];
            let plain = plain
                .and_then(|node| self.reader.choice(node, &join(&path, "plain_http"), &words))
                .unwrap_or_default();
            let kind = kind.unwrap_or_default();
            forges.insert(
                host.text,
                Forge {
                    kind,
                    api,
                    token,
                    plain_http: plain,
                },
            );
        }
        forges
    }

    fn forge_kind(&mut self, node: Node, path: &str) -> Option<ForgeKind> {
        self.reader.choice(
            node,
            path,
            &[
                ("github", ForgeKind::Github),
                ("gitea", ForgeKind::Gitea),
                ("forgejo", ForgeKind::Gitea),
                ("gitlab", ForgeKind::Gitlab),
            ],
        )
    }

    fn url(&mut self, node: Node, path: &str) -> Option<Url> {
        let line = node.line;
        let text = self.reader.scalar(node, path, "an http or https URL")?;
        match super::parse::http_url(&text) {
            Ok(url) => Some(url),
            Err(reason) => {
                let message = format!("expected an http or https URL{reason}");
                self.reader.mistaken_value(line, path, text, message);
                None
            }
        }
    }

    fn host(&mut self, line: u64, path: &str, host: &str) {
        let bad = |c: char| c == '/' || c == '@' || c.is_whitespace() || c.is_control();
        if host.is_empty() || host.starts_with('-') || host.contains(bad) {
            self.reader.mistake(
                line,
                path,
                "expected a host such as git.example.com or host:port",
            );
        }
    }

    fn git(&mut self, node: Node) -> GitSettings {
        let known = ["known_hosts", "known_hosts_file", "allow", "hosts"];
        let [known_hosts, file, allow, hosts] = self.reader.fields(node, "git", known);
        let mut git = GitSettings::default();
        if let Some(node) = known_hosts {
            let words = [("accept-new", false), ("strict", true)];
            let choice = self.reader.choice(node, "git.known_hosts", &words);
            git.strict_hosts = choice.unwrap_or_default();
        }
        git.known_hosts_file = file.and_then(|node| self.path(node, "git.known_hosts_file"));
        for node in allow.map(items).unwrap_or_default() {
            match self
                .reader
                .choice(node, "git.allow", &[("git", "git"), ("file", "file")])
            {
                Some("git") => git.allow_git = true,
                Some("file") => git.allow_file = true,
                _ => {}
            }
        }
        for (host, node) in hosts
            .map(|node| self.reader.map(node, "git.hosts"))
            .unwrap_or_default()
        {
            let path = join("git.hosts", &host.text);
            self.host(host.line, &path, &host.text);
            let [key] = self.reader.fields(node, &path, ["ssh_key"]);
            if let Some(key) = key.and_then(|node| self.path(node, &join(&path, "ssh_key"))) {
                git.ssh_keys.insert(host.text, key);
            }
        }
        git
    }

    fn path(&mut self, node: Node, path: &str) -> Option<PathBuf> {
        let line = node.line;
        let text = self.reader.scalar(node, path, "a path")?;
        let file = PathBuf::from(&text);
        if !file.is_absolute() {
            self.reader
                .mistaken_value(line, path, text, "expected an absolute path");
            return None;
        }
        Some(file)
    }

    fn registries(&mut self, node: Node) -> BTreeMap<String, Registry> {
        let mut registries = BTreeMap::new();
        for (host, node) in self.reader.map(node, "registries") {
            let path = join("registries", &host.text);
            let line = node.line;
            self.host(host.line, &path, &host.text);
            let [user, password] = self.reader.fields(node, &path, ["user", "password"]);
            let missing = match (&user, &password) {
                (None, _) => Some("user"),
                (_, None) => Some("password"),
                _ => None,
            };
            if let Some(missing) = missing {
                self.reader
                    .mistake(line, &path, format!("{missing} is missing"));
            }
            let user = user.and_then(|node| {
                self.reader
                    .scalar(node, &join(&path, "user"), "a user's name")
            });
            let password = password.and_then(|node| {
                secret::read(&mut self.reader, self.env, node, &join(&path, "password"))
            });
            if let (Some(user), Some(password)) = (user, password) {
                registries.insert(host.text, Registry { user, password });
            }
        }
        registries
    }

    fn url_repos(&mut self, node: Node) -> Option<RepoPatterns> {
        let expected = "a list of patterns such as github.com/acme/*";
        let mut builder = GlobSetBuilder::new();
        for (line, text) in self.reader.scalars(node, "url_repos", expected) {
            match GlobBuilder::new(&text).literal_separator(false).build() {
                Ok(glob) => {
                    builder.add(glob);
                }
                Err(error) => {
                    let message = format!("not a pattern: {}", error.kind());
                    self.reader.mistaken_value(line, "url_repos", text, message);
                }
            }
        }
        match builder.build() {
            Ok(set) => Some(RepoPatterns(set)),
            Err(error) => {
                self.reader.mistake(0, "url_repos", error.to_string());
                None
            }
        }
    }
}

fn items(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        _ => vec![node],
    }
}
