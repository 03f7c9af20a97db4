//! What was wanted, and what came.

use dogi_testkit::wait;
use regex::bytes::RegexBuilder;

use super::case::{Case, Expect, FileExpected};
use super::send::{Got, send};
use super::server::Server;

/// Sends the request and tells what differs.
pub(crate) async fn differences(case: &Case, server: &mut Server) -> Option<String> {
    let got = match send(server.address, &case.request).await {
        Ok(got) => got,
        Err(error) => return Some(format!("    {error}")),
    };
    let mut found = of_answer(&case.expect, &got);
    if let Some(file) = &case.expect.file {
        found.extend(of_file(file).await);
    }
    if let Some(path) = &case.expect.file_absent {
        server.stop().await;
        if std::path::Path::new(path).exists() {
            found.push(format!("there is a file {path}"));
        }
    }
    (!found.is_empty()).then(|| format!("    {}", found.join("\n    ")))
}

fn of_answer(expect: &Expect, got: &Got) -> Vec<String> {
    let mut found = Vec::new();
    let body = &got.body;
    if let Some(status) = expect.status.filter(|status| *status != got.status) {
        found.push(format!(
            "status {} instead of {status}: {body:?}",
            got.status
        ));
    }
    if let Some(wanted) = expect.body_equals.as_ref().filter(|text| *text != body) {
        found.push(format!("body {body:?}\n      instead of {wanted:?}"));
    }
    for text in expect.body_contains.all() {
        if !body.contains(text) {
            found.push(format!("body {body:?} without {text:?}"));
        }
    }
    if let Some(text) = &expect.body_not_contains
        && body.contains(text)
    {
        found.push(format!("body {body:?} with {text:?}"));
    }
    if let Some(pattern) = &expect.body_regex {
        let regex = RegexBuilder::new(pattern)
            .unicode(false)
            .dot_matches_new_line(true)
            .build();
        if !regex.expect("a pattern").is_match(body.as_bytes()) {
            found.push(format!("body {body:?} is not {pattern:?}"));
        }
    }
    for (name, wanted) in &expect.header {
        if got.header(name) != wanted.as_deref() {
            let got = got.header(name);
            found.push(format!("header {name}: {got:?} instead of {wanted:?}"));
        }
    }
    found
}

/// Waits for the file that a command writes.
async fn of_file(file: &FileExpected) -> Option<String> {
    let text = || std::fs::read_to_string(&file.path).ok();
    let is_wanted = |text: &String| match (&file.equals, &file.contains) {
        (Some(equals), _) => text == equals,
        (None, Some(contains)) => text.contains(contains),
        (None, None) => true,
    };
    let wanted = wait::until(&file.path, || async { text().filter(is_wanted) });
    match wanted.await {
        Ok(_) => None,
        Err(_) => Some(format!("file {:?} instead of {file:?}", text())),
    }
}
