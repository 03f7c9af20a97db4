//! When a payload has all the files that a push changed.

use dogi_hooks::forge::Forge;
use serde_json::{Value, json};

use super::read;

fn id(number: usize) -> String {
    format!("{number:040x}")
}

fn commit(number: usize, files: [Value; 3]) -> Value {
    let [added, removed, modified] = files;
    json!({"id": id(number), "message": "m", "added": added, "removed": removed, "modified": modified})
}

fn commits(count: usize) -> Vec<Value> {
    let file = |number: usize| json!([format!("f{}", number % 7)]);
    (1..=count)
        .map(|number| commit(number, [file(number), json!([]), json!([])]))
        .collect()
}

fn push(commits: &Value, after: usize) -> Value {
    json!({
        "ref": "refs/heads/main", "before": "f".repeat(40), "after": id(after), "forced": false,
        "commits": commits, "repository": {"full_name": "o/r"},
    })
}

fn paths(forge: Forge, payload: &Value) -> Option<String> {
    let event = read(forge, "push", &payload.to_string()).unwrap();
    let paths = event.paths?;
    Some(paths.into_iter().collect::<Vec<_>>().join(" "))
}

fn of_github(payload: &Value) -> Option<String> {
    paths(Forge::GitHub, payload)
}

#[test]
fn of_all_commits() {
    let first = commit(1, [json!(["a", "b"]), json!([]), json!([])]);
    let second = commit(2, [json!([]), json!(["b"]), json!(["ä c", "a"])]);
    let payload = push(&json!([first, second]), 2);
    assert_eq!(of_github(&payload).as_deref(), Some("a b ä c"));
    let hundred = push(&json!(commits(100)), 100);
    assert_eq!(of_github(&hundred).as_deref(), Some("f0 f1 f2 f3 f4 f5 f6"));
    let mut nothing = push(&json!([]), 1);
    nothing["before"] = nothing["after"].clone();
    assert_eq!(of_github(&nothing).as_deref(), Some(""));
    let empty = commit(1, [json!([]), json!([]), json!([])]);
    assert_eq!(of_github(&push(&json!([empty]), 1)).as_deref(), Some(""));
}

#[test]
fn not_where_some_may_be_missing() {
    let good = push(&json!(commits(3)), 3);
    assert!(of_github(&good).is_some());
    for (field, value) in [
        ("forced", json!(true)),
        ("forced", Value::Null),
        ("before", json!("0".repeat(40))),
        ("before", Value::Null),
        ("after", json!("0".repeat(40))),
        ("ref", json!("refs/tags/v1")),
        ("commits", json!([])),
        ("commits", Value::Null),
        // The last one is not what was pushed.
        ("commits", json!(commits(2))),
        // As many as there may be.
        ("commits", json!(commits(2048))),
    ] {
        let mut payload = good.clone();
        payload[field] = value;
        if payload["commits"]
            .as_array()
            .is_some_and(|it| it.len() == 2048)
        {
            payload["after"] = json!(id(2048));
        }
        assert_eq!(of_github(&payload), None, "{field}");
    }
    let no = Value::Null;
    let many = json!(vec!["f"; 100]);
    for files in [
        [no.clone(), json!([]), json!([])],
        [json!([]), no.clone(), json!([])],
        [json!([]), json!([]), no],
        [many.clone(), many.clone(), many.clone()],
        [json!(vec!["f"; 5000]), json!([]), json!([])],
    ] {
        let payload = push(&json!([commit(1, files), commits(2).pop()]), 2);
        assert_eq!(of_github(&payload), None);
    }
    let nearly = [many.clone(), many, json!(vec!["f"; 99])];
    assert!(of_github(&push(&json!([commit(1, nearly)]), 1)).is_some());
}

/// They do not tell what a forced push dropped.
#[test]
fn never_of_the_others() {
    let good = push(&json!(commits(3)), 3);
    assert_eq!(paths(Forge::Gitea, &good), None);
    assert_eq!(paths(Forge::Forgejo, &good), None);
}

/// A push of so many commits with so many files each, whose names are that long.
fn large(commits: usize, files: usize, length: usize) -> String {
    let long = "d".repeat(length);
    let commit = |number: usize| {
        let names: Vec<_> = (0..files)
            .map(|file| format!("\"{long}{number}-{file}\""))
            .collect();
        let added = names.join(",");
        format!(
            r#"{{"id":"{}","added":[{added}],"removed":[],"modified":[]}}"#,
            id(number)
        )
    };
    let list: Vec<_> = (1..=commits).map(commit).collect();
    let empty = push(&json!([]), commits).to_string();
    empty.replace(
        r#""commits":[]"#,
        &format!(r#""commits":[{}]"#, list.join(",")),
    )
}

#[test]
fn twenty_five_megabytes() {
    let payload = large(2000, 49, 260);
    assert!(payload.len() > 25_000_000);
    let event = read(Forge::GitHub, "push", &payload).unwrap();
    assert_eq!(event.paths.unwrap().len(), 98_000);
}

#[test]
fn more_files_than_are_kept() {
    let event = read(Forge::GitHub, "push", &large(2000, 51, 1)).unwrap();
    assert_eq!(event.paths, None);
}
