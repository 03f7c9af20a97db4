//! Requests to hooks, and the answers that the well-known `webhook` server was recorded to give (or,
//! with a note, that are wanted instead).
//!
//! `cases.json` came from elsewhere and is not to be changed; `more.json` was recorded here, in the
//! same format: see `tests/hook-cases/README.md`.

mod case;
mod check;
mod send;
mod server;

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use case::{Case, fill, read};
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

/// Cases that can share a server: those with the same hooks that don't change it.
fn groups(cases: &[Value]) -> Vec<Arc<Vec<Value>>> {
    let mut groups: Vec<Vec<Value>> = Vec::new();
    let mut shared = std::collections::HashMap::new();
    for value in cases {
        let case = fill(value, std::path::Path::new(""));
        if !case.shares_its_server() {
            groups.push(vec![value.clone()]);
            continue;
        }
        let place = *shared
            .entry((case.hooks, case.extra_hooks, case.args))
            .or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(value.clone()),
            None => groups.push(vec![value.clone()]),
        }
    }
    groups.into_iter().map(Arc::new).collect()
}

/// What is wrong with the cases of a group.
async fn run(group: Arc<Vec<Value>>) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cases: Vec<Case> = group.iter().map(|case| fill(case, folder.path())).collect();
    let first = cases.first().expect("a group has a case");
    // The original's flags are settings here, or not there at all: docs/hooks.md.
    assert!(first.args.is_empty(), "{}: flags of webhook", first.name);
    let mut server = Server::start(first, &folder);
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
