//! `repos`: which events of which repositories start what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use dogi_hooks::forge::{Event, EventKind};
use dogi_hooks::rules::{On, Rule};
use dogi_url::{ContainerPath, EnvName, FileName, GroupName, GroupPolicy};
use dogi_yaml::{Node, Reader, Value, index, join};

use super::file::FileReader;
use super::mail::MailAddress;
use super::plain::{checked, flag, typed};
use super::runs::{RunEntry, Work};
use super::secret::{self, Secret};
use super::{events, runs};

/// Shortest secret, in characters: to mask a shorter one would mask everything.
const SHORTEST_SECRET: usize = 4;

/// What deliveries about some repositories start. The first rule that matches decides.
#[derive(Clone, Debug)]
pub struct RepoRule {
    /// Which repositories, and which of their events.
    pub rule: Rule,
    /// What these start: at least one, each with a status of its own.
    pub runs: Vec<RunEntry>,
    /// Files of the containers that become outputs.
    pub files: BTreeMap<FileName, ContainerPath>,
    /// Variables of the containers.
    pub env: BTreeMap<EnvName, String>,
    /// Variables that are never shown, and that pull requests of strangers don't get.
    pub secrets: BTreeMap<EnvName, Secret>,
    /// Whether the forge is told what becomes of it; `None`: where there is a token for it.
    pub status: Option<bool>,
    /// Who is told by mail.
    pub mail: Option<MailRule>,
    /// What compose projects may do.
    pub allow: BTreeSet<Allowance>,
    /// The group that its runs are in, of which one is alive at a time.
    pub group: Option<GroupName>,
    /// What becomes of a run whose group is busy.
    pub group_policy: GroupPolicy,
}

impl RepoRule {
    /// The secrets that runs of this event get: none where strangers may have written what runs.
    #[must_use]
    pub fn secrets_for(&self, event: &Event) -> Option<&BTreeMap<EnvName, Secret>> {
        let is_strangers =
            matches!(&event.kind, EventKind::PullRequest(request) if request.from_fork);
        (!is_strangers).then_some(&self.secrets)
    }
}

/// Mails about results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRule {
    /// To whom; empty: to `SMTP_TO`.
    pub to: Vec<MailAddress>,
    /// About which results.
    pub on: MailOn,
}

/// About which results there is a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailOn {
    /// Each.
    #[default]
    Always,
    /// All but successes.
    Failure,
    /// Successes.
    Success,
}

impl MailOn {
    /// Whether there is one about this result.
    #[must_use]
    pub fn wants(self, succeeded: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Failure => !succeeded,
            Self::Success => succeeded,
        }
    }
}

/// In words: "every result".
impl fmt::Display for MailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "every result",
            Self::Failure => "every failure",
            Self::Success => "every success",
        })
    }
}

/// What a compose project may do only where the operator allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowance {
    /// Privileged containers.
    Privileged,
    /// The host's network.
    HostNetwork,
    /// Directories of the host that are not of the checkout.
    HostBinds,
}

impl Allowance {
    /// The word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::HostNetwork => "host-network",
            Self::HostBinds => "host-binds",
        }
    }
}

const KEYS: [&str; 12] = [
    "match",
    "on",
    "run",
    "files",
    "env",
    "secrets",
    "status",
    "mail",
    "archive",
    "allow",
    "group",
    "group_policy",
];

/// Reads the section.
pub(super) fn read(file: &mut FileReader<'_>, node: Node) -> Vec<RepoRule> {
    if node.value == Value::Null {
        return Vec::new();
    }
    let items = file
        .reader
        .list(node, "repos", "a list of rules, each with match");
    let mut rules = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        rules.extend(rule(file, item, &index("repos", at)));
    }
    rules
}

fn rule(file: &mut FileReader<'_>, node: Node, path: &str) -> Option<RepoRule> {
    let line = node.line;
    let before = file.reader.count();
    let is_nothing = node.value == Value::Null;
    let [
        pattern,
        on,
        run,
        files,
        env,
        secrets,
        status,
        mail,
        archive,
        allow,
        group,
        policy,
    ] = file.reader.fields(node, path, KEYS);
    let reader = &mut file.reader;
    let here = |key: &str| join(path, key);
    if pattern.is_none() && (reader.count() == before || is_nothing) {
        let message = "match is missing: which repositories, such as github.com/acme/*";
        reader.mistake(line, path, message);
    }
    let pattern = pattern.and_then(|node| events::pattern(reader, node, &here("match")));
    let on = given(on).map_or_else(On::default, |node| events::on(reader, node, &here("on")));
    let runs = match given(run) {
        Some(node) => runs::read(reader, node, &here("run")),
        None => runs::default_runs(line),
    };
    let files_line = files.as_ref().map(|node| node.line);
    let files = self::files(reader, files, &here("files"));
    if let Some(line) = files_line
        && !runs.is_empty()
        && !runs.iter().any(|run| run.work.takes_files())
    {
        let message = "is for containers of dockerfile, image and hooks, and this rule has none";
        reader.mistake(line, &here("files"), message);
    }
    let env = self::env(reader, env, &here("env"));
    let status = given(status).and_then(|node| flag(reader, node, &here("status")));
    let mail = given(mail).map(|node| self::mail(reader, node, &here("mail")));
    if let Some(archive) = given(archive) {
        let message = "this version archives nothing";
        reader.mistake(archive.line, &here("archive"), message);
    }
    let allow = self::allow(reader, given(allow), &here("allow"), &runs);
    let group = given(group).and_then(|node| typed(reader, node, &here("group"), str::parse));
    let policy = group_policy(
        reader,
        given(policy),
        &here("group_policy"),
        group.is_some(),
    );
    let secrets = self::secrets(file, secrets, &here("secrets"), &env);
    Some(RepoRule {
        rule: Rule {
            line,
            pattern: pattern?,
            on,
        },
        runs,
        files,
        env,
        secrets,
        status,
        mail,
        allow,
        group,
        group_policy: policy,
    })
}

/// A key without a value is as good as none.
fn given(node: Option<Node>) -> Option<Node> {
    node.filter(|node| node.value != Value::Null)
}

fn files(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
) -> BTreeMap<FileName, ContainerPath> {
    let mut files = BTreeMap::new();
    for (key, node) in node.map(|node| reader.map(node, path)).unwrap_or_default() {
        let here = join(path, &key.text);
        let name = checked(reader, key.line, &here, key.text, str::parse::<FileName>);
        let file = typed(reader, node, &here, str::parse::<ContainerPath>);
        files.extend(name.zip(file));
    }
    files
}

fn env(reader: &mut Reader<'_>, node: Option<Node>, path: &str) -> BTreeMap<EnvName, String> {
    let mut env = BTreeMap::new();
    for (key, node) in node.map(|node| reader.map(node, path)).unwrap_or_default() {
        let here = join(path, &key.text);
        let name = checked(reader, key.line, &here, key.text, str::parse::<EnvName>);
        let line = node.line;
        let text = reader.scalar(node, &here, "text");
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            reader.mistake(line, &here, "expected text without NUL");
        }
        env.extend(name.zip(text));
    }
    env
}

fn secrets(
    file: &mut FileReader<'_>,
    node: Option<Node>,
    path: &str,
    env: &BTreeMap<EnvName, String>,
) -> BTreeMap<EnvName, Secret> {
    let mut secrets = BTreeMap::new();
    let entries = node.map(|node| file.reader.map(node, path));
    for (key, node) in entries.unwrap_or_default() {
        let here = join(path, &key.text);
        let line = node.line;
        let reader = &mut file.reader;
        let name = checked(reader, key.line, &here, key.text, str::parse::<EnvName>);
        if name.as_ref().is_some_and(|name| env.contains_key(name)) {
            reader.mistake(
                key.line,
                &here,
                "stands in env too: a variable is one or the other",
            );
        }
        let secret = secret::read(reader, file.env, node, &here);
        let secret = secret.filter(|secret| is_long_enough(reader, line, &here, secret));
        secrets.extend(name.zip(secret));
    }
    secrets
}

fn is_long_enough(reader: &mut Reader<'_>, line: u64, path: &str, secret: &Secret) -> bool {
    let length = secret.expose().chars().count();
    if length < SHORTEST_SECRET {
        let message = format!(
            "expected at least {SHORTEST_SECRET} characters, not {length}: \
             a shorter secret can't be kept out of logs"
        );
        reader.mistake(line, path, message);
        return false;
    }
    if secret.expose().contains('\0') {
        reader.mistake(line, path, "expected text without NUL");
    }
    true
}

fn mail(reader: &mut Reader<'_>, node: Node, path: &str) -> MailRule {
    let [to, on] = reader.fields(node, path, ["to", "on"]);
    let here = join(path, "to");
    let expected = MailAddress::EXPECTED;
    let texts = given(to).map(|node| reader.scalars(node, &here, expected));
    let mut addresses = Vec::new();
    for (line, text) in texts.unwrap_or_default() {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(reason) => {
                let message = format!("expected {expected}{reason}");
                reader.mistaken_value(line, &here, text, message);
            }
        }
    }
    let words = [
        ("always", MailOn::Always),
        ("failure", MailOn::Failure),
        ("success", MailOn::Success),
    ];
    let on = given(on).and_then(|node| reader.choice(node, &join(path, "on"), &words));
    MailRule {
        to: addresses,
        on: on.unwrap_or_default(),
    }
}

fn allow(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
    runs: &[RunEntry],
) -> BTreeSet<Allowance> {
    let Some(node) = node else {
        return BTreeSet::new();
    };
    let line = node.line;
    let all = [
        Allowance::Privileged,
        Allowance::HostNetwork,
        Allowance::HostBinds,
    ];
    let words = all.map(|allowance| (allowance.as_str(), allowance));
    let items = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    let before = reader.count();
    let allowed: BTreeSet<Allowance> = items
        .into_iter()
        .filter_map(|item| reader.choice(item, path, &words))
        .collect();
    let has_compose = runs
        .iter()
        .any(|run| matches!(run.work, Work::Compose { .. }));
    if !has_compose && !runs.is_empty() && !allowed.is_empty() && reader.count() == before {
        let message = "is for compose projects alone, and this rule runs none";
        reader.mistake(line, path, message);
    }
    allowed
}

fn group_policy(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
    has_group: bool,
) -> GroupPolicy {
    let Some(node) = node else {
        return GroupPolicy::default();
    };
    if !has_group {
        reader.mistake(node.line, path, "has no effect without group");
    }
    typed(reader, node, path, str::parse).unwrap_or_default()
}
