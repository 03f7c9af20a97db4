use std::{ffi::OsStr, fs, os::unix::fs::PermissionsExt, path::Path};

use dogi_compose::{Compose, FindError};

fn script(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn find(scripts: &[(&str, &str)]) -> Result<Compose, FindError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in scripts {
        script(dir.path(), name, text);
    }
    Compose::find(dir.path().as_os_str(), None).await
}

#[tokio::test]
async fn the_plugin_comes_first() {
    let scripts = [("docker", "echo 2.24.5"), ("docker-compose", "echo 1.29.2")];
    let compose = find(&scripts).await.unwrap();
    assert_eq!(
        (compose.name(), compose.version()),
        ("docker compose", "2.24.5")
    );
}

#[tokio::test]
async fn then_the_program() {
    let scripts = [
        ("docker", "echo no such command; exit 1"),
        ("docker-compose", "echo 1.29.2"),
    ];
    let compose = find(&scripts).await.unwrap();
    assert_eq!(
        (compose.name(), compose.version()),
        ("docker-compose", "1.29.2")
    );
}

#[tokio::test]
async fn neither() {
    let error = find(&[]).await.unwrap_err().to_string();
    assert!(error.contains("no Compose on this machine"), "{error}");
    assert!(error.contains("apt-get install docker-compose"), "{error}");
    let error = find(&[("docker", "echo what is compose; exit 1")])
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("it said: what is compose"),
        "{error}"
    );
    let error = find(&[("docker-compose", "echo no python; exit 7")])
        .await
        .unwrap_err();
    assert!(matches!(error, FindError::Broken { .. }), "{error}");
    assert!(Compose::find(OsStr::new(""), None).await.is_err());
}
