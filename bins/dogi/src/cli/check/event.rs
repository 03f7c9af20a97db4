//! `dogi check --event E --payload F`: what a delivery would start, and why.

use clap::ArgMatches;
use dogi_hooks::forge::{Event, EventKind, Forge, Ref, Verified, Word};
use dogi_hooks::rules::{Changed, Decision, Rule, decide_for, explain_for};
use dogi_url::EnvName;

use crate::config::{
    ComposeCi, Origin, Pipeline, Problem, RepoRule, RunEntry, Settings, Work, did_you_mean,
};
use crate::webhooks;

/// What of a list of files is shown.
const FILES_SHOWN: usize = 10;

/// A payload that was read, and how.
pub(super) struct Told {
    forge: Option<Forge>,
    event: Event,
}

/// Reads the payload that the flags name; `None` where they name none.
///
/// A file at hand needs no signature.
pub(super) fn read(matches: &ArgMatches) -> Result<Option<Told>, Vec<Problem>> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let (Some(name), Some(file)) = (text("event"), text("payload")) else {
        return Ok(None);
    };
    let mut problems = Vec::new();
    let forge = text("forge").map_or(Some(Forge::GitHub), |name| {
        let found = forge(name);
        if found.is_none() {
            problems.push(bad_forge(name));
        }
        found
    });
    let word = forge.map(|forge| Word::new(alias(forge, name)));
    let payload = std::fs::read(file);
    match (word, payload) {
        (Some(Ok(word)), Ok(payload)) => {
            let origin = forge.filter(|_| name != "manual");
            let verified = origin.map(|forge| (forge, word));
            let verified = Verified::danger_unverified(verified, None, payload.into());
            match verified.event() {
                Ok(event) => {
                    let forge = origin;
                    return Ok(Some(Told { forge, event }));
                }
                Err(error) => problems.push(flag("payload", chain(&error)).with_value(file)),
            }
        }
        (word, payload) => {
            if let Some(Err(error)) = word {
                problems.push(flag("event", error.to_string()));
            }
            if let Err(error) = payload {
                problems.push(flag("payload", format!("cannot be read: {error}")).with_value(file));
            }
        }
    }
    Err(problems)
}

fn flag(name: &str, message: impl Into<String>) -> Problem {
    Problem::new(Origin::Flag(name.to_owned()), message)
}

fn forge(name: &str) -> Option<Forge> {
    Forge::ALL.into_iter().find(|forge| forge.as_str() == name)
}

fn bad_forge(name: &str) -> Problem {
    let names = Forge::ALL.map(Forge::as_str);
    let near = did_you_mean(name, names);
    flag(
        "forge",
        format!("expected one of {}{near}", names.join(", ")),
    )
    .with_value(name)
}

/// GitLab's events by the names that its payloads have, which are easier to write.
fn alias(forge: Forge, name: &str) -> &str {
    match (forge, name) {
        (Forge::GitLab, "push") => "Push Hook",
        (Forge::GitLab, "tag_push") => "Tag Push Hook",
        (Forge::GitLab, "merge_request" | "pull_request") => "Merge Request Hook",
        (Forge::GitLab, "release") => "Release Hook",
        _ => name,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What is told about it, line by line.
pub(super) fn explain(told: &Told, settings: &Settings) -> Vec<String> {
    let Told { forge, event } = told;
    let mut lines = as_read(*forge, event);
    if let Some(forge) = forge
        && !settings.file.webhooks.knows(*forge)
        && settings.compose_ci.is_none()
    {
        lines.push(format!(
            "there is no secret of {forge}'s in `webhooks`: its deliveries are refused unread"
        ));
    }
    match &settings.compose_ci {
        Some(compose) => {
            let rule = compose.rule(&settings.network.github_url);
            let own = rule.pattern.to_string();
            let key = event.match_key().unwrap_or(own);
            lines.push("what GITHUB_REPO says of it:".to_owned());
            let decision = decided(&mut lines, [&rule], &key, event);
            if decision {
                lines.push("it would start:".to_owned());
                lines.push(format!("  {}", compose_ci(compose)));
            }
        }
        None => of_rules(&mut lines, settings, event),
    }
    lines
}

fn of_rules(lines: &mut Vec<String>, settings: &Settings, event: &Event) {
    let repos = &settings.file.repos;
    let rules = || repos.iter().map(|repo| &repo.rule);
    let key = event.match_key();
    lines.push("what `repos` say of it:".to_owned());
    let said = explain_for(rules(), key.as_deref(), event, Changed::AsTold);
    lines.extend(said.iter().map(|line| format!("  {line}")));
    let index = match decide_for(rules(), key.as_deref(), event, Changed::AsTold) {
        Decision::Hit { rule } => {
            lines.push("it would start:".to_owned());
            rule
        }
        Decision::NeedsChangedPaths { rule } => {
            lines.push("it would start, if such a file changed:".to_owned());
            rule
        }
        _ => {
            lines.push("it would start nothing".to_owned());
            return;
        }
    };
    if let Some(repo) = repos.get(index) {
        lines.extend(started(repo, event).map(|line| format!("  {line}")));
    }
}

/// Adds what the only rule says; whether it is hit.
fn decided(lines: &mut Vec<String>, rules: [&Rule; 1], key: &str, event: &Event) -> bool {
    let decision = decide_for(rules, Some(key), event, Changed::AsTold);
    let said = match &decision {
        Decision::Hit { .. } => "it is about that repository, and wanted".to_owned(),
        Decision::NotListed => format!("it is about {key}, not that repository: refused"),
        Decision::Unwanted { why, .. } => format!("not wanted: {why}"),
        other => other.to_string(),
    };
    lines.push(format!("  {said}"));
    let is_hit = matches!(decision, Decision::Hit { .. });
    if !is_hit {
        lines.push("it would start nothing".to_owned());
    }
    is_hit
}

fn compose_ci(compose: &ComposeCi) -> String {
    let tests = match (&compose.hook, &compose.build_image) {
        (None, _) => "its service tests".to_owned(),
        (Some(hook), Some(image)) => {
            format!("`{hook}` in a container of {image} that has the engine's socket")
        }
        (Some(hook), None) => format!("`{hook}` on this machine"),
    };
    let end = match compose.garbage_collect {
        true => "takes it down",
        false => "leaves it there",
    };
    format!("brings {} up, runs {tests}, and {end}", compose.file)
}

/// How the payload was read.
fn as_read(forge: Option<Forge>, event: &Event) -> Vec<String> {
    let what = kind(&event.kind);
    let mut lines = vec![match forge {
        Some(forge) => format!("{what}, as {forge} tells it:"),
        None => format!("{what}, sent by hand:"),
    }];
    let mut add = |name: &str, text: String| lines.push(format!("  {name}: {text}"));
    match &event.repository {
        Some(repository) => {
            let key = event.match_key();
            let key = key.unwrap_or_else(|| "nothing, as it has no URL to clone".to_owned());
            add("repository", repository.full_name.to_string());
            add("matched against", key);
        }
        None => add("repository", "none".to_owned()),
    }
    match &event.reference {
        Some(Ref::Branch(name)) => add("branch", name.to_string()),
        Some(Ref::Tag(name)) => add("tag", name.to_string()),
        None => {}
    }
    if let EventKind::PullRequest(request) = &event.kind {
        add("into the branch", request.base_branch.to_string());
        let from = request
            .head_branch
            .as_ref()
            .map_or("no branch", |name| name.as_str());
        let whose = if request.from_fork {
            "a fork"
        } else {
            "this repository"
        };
        add("from", format!("{from} of {whose}"));
    }
    let commit = event.commit.as_ref();
    add(
        "commit",
        commit.map_or("none", |commit| commit.as_str()).to_owned(),
    );
    if let Some(subject) = &event.subject {
        add("subject", subject.as_str().to_owned());
    }
    add("changed files", files(event));
    lines
}

fn kind(kind: &EventKind) -> String {
    match kind {
        EventKind::Push(push) if push.deleted() => "a deletion".to_owned(),
        EventKind::Push(_) => "a push".to_owned(),
        EventKind::PullRequest(request) => {
            let number = request.number;
            format!("pull request {number}, action `{}`", request.action)
        }
        EventKind::Release { action, draft, .. } => {
            let draft = if *draft { "draft of a " } else { "" };
            format!("{draft}release, action `{action}`")
        }
        EventKind::Create => "a new branch or tag".to_owned(),
        EventKind::Ping => "a ping".to_owned(),
        EventKind::Manual { .. } => "a request to run".to_owned(),
        EventKind::Other { name } => format!("the event `{name}`"),
        _ => "an event".to_owned(),
    }
}

/// Names of files are whatever git takes for one: they are shown escaped.
fn files(event: &Event) -> String {
    let Some(paths) = &event.paths else {
        return "not listed in the payload".to_owned();
    };
    let shown = paths.iter().take(FILES_SHOWN);
    let shown: Vec<String> = shown.map(|path| path.escape_debug().to_string()).collect();
    let more = match paths.len().saturating_sub(FILES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match shown.is_empty() {
        true => "none".to_owned(),
        false => format!("{}{more}", shown.join(", ")),
    }
}

/// What an entry does. Which files a delivery changed may be known only when it is there.
fn entry(run: &RunEntry, event: &Event) -> String {
    let line = format!("{}: {}", run.context(), run.work);
    let asks = matches!(run.work, Work::Pipeline(Pipeline::Triggered));
    match (&event.paths, webhooks::before(event)) {
        (None, Some(_)) if asks => format!("{line}, which git is asked for"),
        (None, None) if asks => {
            format!("{line}; nobody can tell which changed: all nodes that have triggers")
        }
        _ => line,
    }
}

fn started(repo: &RepoRule, event: &Event) -> impl Iterator<Item = String> {
    let runs = repo.runs.iter().map(|run| entry(run, event));
    let names: Vec<&str> = repo.secrets.keys().map(EnvName::as_str).collect();
    let secrets = match (names.is_empty(), repo.secrets_for(event)) {
        (true, _) => None,
        (false, Some(_)) => Some(format!("with the secrets {}", names.join(", "))),
        (false, None) => Some(format!(
            "without the secrets {}: the pull request comes from a fork",
            names.join(", ")
        )),
    };
    let status = match repo.status {
        Some(true) => Some("the commit gets a status from each".to_owned()),
        Some(false) => Some("no commit status".to_owned()),
        None => Some("the commit gets a status from each where there is a token".to_owned()),
    };
    let group = repo.group.as_ref();
    let group = group.map(|group| format!("one at a time in the group {group}"));
    let mail = repo.mail.as_ref().map(|mail| {
        let to: Vec<&str> = mail.to.iter().map(|address| address.as_str()).collect();
        let to = match to.is_empty() {
            true => "SMTP_TO".to_owned(),
            false => to.join(", "),
        };
        format!("a mail to {to} about {}", mail.on)
    });
    let more = [secrets, group, status, mail].into_iter().flatten();
    runs.chain(more).collect::<Vec<_>>().into_iter()
}
