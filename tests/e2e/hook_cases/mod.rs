//! Requests to hooks, and the answers that the well-known `webhook` server was recorded to give (or,
//! with a note, that are wanted instead).
//!
//! `cases.json` came from elsewhere and is not to be changed; `more.json` was recorded here, in the
//! same format: see `tests/hook-cases/README.md`.

mod case;
mod check;
mod send;
mod server;

use std::{collections::HashMap, path::Path};

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use case::{Case, ONE_HOOK, fill, read};
use check::differences;
use server::Server;

/// Servers at once: they wait for commands more than they compute.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_answered_as_they_were_recorded() {
    all(include_str!("../../hook-cases/cases.json"), 123).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_cases_are_answered_as_they_were_recorded() {
    all(include_str!("../../hook-cases/more.json"), 300).await;
}

/// Runs every case of a file that has at least so many.
async fn all(text: &str, least: usize) {
    let cases = read(text);
    assert!(cases.len() >= least, "there are only {}", cases.len());
    let failed: Vec<String> = stream::iter(groups(&cases))
        .map(|group| tokio::spawn(run(group)))
        .buffer_unordered(AT_ONCE)
        .flat_map(|failed| stream::iter(failed.expect("no case panics")))
        .collect()
        .await;
    assert!(
        failed.is_empty(),
        "{} of {} cases:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

/// How many hooks a server gets that has hooks of several cases.
const IN_A_PACK: usize = 40;

/// Cases that can share a server: those with the same hooks that don't change it, and those with one
/// hook, which gets a name of its own then.
fn groups(cases: &[Value]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut packs: Vec<Pack> = vec![Pack::default()];
    let mut shared = HashMap::new();
    for value in cases {
        let case = fill(value, Path::new(""));
        if !case.shares_its_server() {
            groups.push(Group::of(value));
        } else if case.has_one_hook() {
            if packs.last().is_some_and(|pack| pack.is_full()) {
                packs.push(Pack::default());
            }
            let pack = packs.last_mut().expect("there is one");
            pack.add(value);
        } else {
            let key = (case.hooks, case.extra_hooks);
            let place = *shared.entry(key).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.cases.push(value.clone()),
                None => groups.push(Group::of(value)),
            }
        }
    }
    groups.extend(packs.into_iter().map(|pack| pack.0));
    groups
}

/// Cases of one server, not filled in yet.
#[derive(Default)]
struct Group {
    /// Texts of the files, where they are not those of the first case.
    hooks: Vec<String>,
    cases: Vec<Value>,
}

impl Group {
    fn of(case: &Value) -> Self {
        Self {
            hooks: Vec::new(),
            cases: vec![case.clone()],
        }
    }
}

#[derive(Default)]
struct Pack(Group);

impl Pack {
    fn is_full(&self) -> bool {
        self.0.hooks.len() == IN_A_PACK
    }

    /// The hook `h` of the case becomes one of this server's.
    fn add(&mut self, case: &Value) {
        let group = &mut self.0;
        let hooks = case["hooks"].as_str().expect("a text");
        let rest = hooks.strip_prefix(ONE_HOOK).expect("it has one hook");
        let number = group.hooks.len();
        group.hooks.push(format!("- id: h{number}\n{rest}"));
        let mut case = case.clone();
        let path = case["request"]["path"].as_str().expect("a path");
        let rest = path.strip_prefix("/hooks/h").unwrap_or("another");
        if rest.is_empty() || rest.starts_with(['/', '?']) {
            case["request"]["path"] = format!("/hooks/h{number}{rest}").into();
        }
        group.cases.push(case);
    }
}

/// What is wrong with the cases of a group.
async fn run(group: Group) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cases = group.cases.iter();
    let cases: Vec<Case> = cases.map(|case| fill(case, folder.path())).collect();
    let Some(first) = cases.first() else {
        return Vec::new();
    };
    // The original's flags are settings here, or not there at all: docs/hooks.md.
    assert!(first.args.is_empty(), "{}: flags of webhook", first.name);
    let mut server = Server::start(first, &group.hooks, &folder);
    if first.expect.startup.is_some() {
        let code = server.process.ended_by_itself().await;
        return match code {
            Ok(Some(code)) if code != 0 => Vec::new(),
            other => vec![format!("{}: it started: {other:?}", first.name)],
        };
    }
    if let Err(error) = server.process.listening(server.address).await {
        return vec![format!("{}: {error}", first.name)];
    }
    let mut changed = None;
    for step in &first.steps {
        server.step(step, &mut changed).await;
    }
    let mut failed = Vec::new();
    for case in &cases {
        failed.extend(differences(case, &mut server).await.map(|text| {
            let note = case.note.as_deref().unwrap_or_default();
            format!("{} {note}\n{text}", case.name)
        }));
    }
    failed
}
