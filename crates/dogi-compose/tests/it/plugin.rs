//! Version 2, of which only the answers are known here: a script that gives them and notes what it
//! was asked.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use dogi_compose::{Compose, ComposeError, Plan};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Lab, service};

const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
[ "$1 $2" = "compose version" ] && { echo 2.24.5; exit; }
echo "$*" >> "$here/asked"
output=
for word; do
  [ "$last" = --output ] && output=$word
  last=$word
done
[ -n "$output" ] && { echo "level=warning msg=a-warning" >&2; cat "$here/model" > "$output"; }
exit 0
"#;

async fn plugin(directory: &Path, model: &Value) -> Compose {
    let docker = directory.join("docker");
    fs::write(&docker, DOCKER).unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(directory.join("model"), model.to_string()).unwrap();
    let search = format!("{}:{}", directory.display(), crate::support::PATH);
    Compose::find(search.as_ref(), None).await.unwrap()
}

#[tokio::test]
async fn is_asked_for_json_and_runs_what_was_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::new("services: {db: {image: x, ports: ['80:80']}, tests: {build: img}}\n");
    let context = lab.checkout().join("img");
    let model = json!({
        "name": lab.name(),
        "services": {
            "db": {"command": null, "entrypoint": null, "image": "x", "networks": {"default": null},
                "ports": [{"mode": "ingress", "target": 80, "published": "80", "protocol": "tcp"}]},
            "tests": {"build": {"context": context, "dockerfile": "Dockerfile"}, "profiles": ["ci"],
                "command": null, "entrypoint": null, "networks": {"default": null}},
        },
        "networks": {"default": {"name": format!("{}_default", lab.name()), "ipam": {}}},
    });
    let compose = plugin(dir.path(), &model).await;
    let (mut log, cancel) = (Vec::new(), CancellationToken::new());
    let prepared = compose
        .prepare(&lab.project, &mut log, &cancel)
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&log).contains("a-warning"));
    let plan = Plan {
        tests: service("tests"),
        push: true,
        keep: false,
        files: Vec::new(),
    };
    let outcome = prepared.run(&plan, &mut log, &cancel).await.unwrap();
    // A service without an image's name has nothing to push.
    assert!(outcome.tests.success() && !outcome.pushed);

    let text = fs::read_to_string(lab.project.scratch.join("compose.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["services"]["db"]["ports"], Value::Null);
    assert_eq!(written["networks"]["default"]["name"], Value::Null);
    let asked = fs::read_to_string(dir.path().join("asked")).unwrap();
    let steps: Vec<_> = asked
        .lines()
        .map(|line| line.split("/scratch/").last().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "resolved.json",
            "no-env pull -- db",
            "no-env build -- tests",
            "no-env up --detach --no-build -- db",
            "no-env run --rm -T -- tests",
        ]
    );
    assert!(
        asked
            .lines()
            .all(|line| line.starts_with("compose --ansi never --file ")),
        "{asked}"
    );
    assert!(
        asked.contains(" --profile * config --format json --output "),
        "{asked}"
    );
}

#[tokio::test]
async fn is_judged_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::new("services: {a: {image: x}}\n");
    let volumes = json!([{"type": "bind", "source": "/", "target": "/host", "bind": {}}]);
    let model = json!({"services": {"a": {"image": "x", "volumes": volumes}}});
    let compose = plugin(dir.path(), &model).await;
    let cancel = CancellationToken::new();
    let prepared = compose
        .prepare(&lab.project, &mut Vec::new(), &cancel)
        .await;
    let error = prepared.unwrap_err();
    assert!(matches!(error, ComposeError::Refused(_)), "{error}");
    let compose = plugin(dir.path(), &json!("no model")).await;
    fs::write(dir.path().join("model"), "no JSON").unwrap();
    let prepared = compose
        .prepare(&lab.project, &mut Vec::new(), &cancel)
        .await;
    assert!(matches!(prepared, Err(ComposeError::Model { .. })));
}
