use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::mpsc};

use dogi_compose::{Credentials, Login, Plan};
use tokio_util::sync::CancellationToken;

use crate::support::{Lab, When, service};

const SECRET: &str = "d0ntsh0wthis";

/// Command lines of all processes, those of the containers included.
fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

fn modes(directory: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        found.push((entry.path().display().to_string(), mode));
        if entry.path().is_dir() {
            modes(&entry.path(), found);
        }
    }
}

#[tokio::test]
async fn stand_on_no_command_line_and_in_private_files() {
    let mut lab = Lab::new(
        "services:\n  tests:\n    build: {context: img, args: [SECRET]}\n    environment: [SECRET]\n    \
         command: [sh, -c, 'test $$SECRET = $$AGAIN && echo it began; read line < /pipe']\n",
    );
    let dockerfile = lab.checkout().join("img/Dockerfile");
    let text = fs::read_to_string(&dockerfile).unwrap();
    fs::write(&dockerfile, text + "ARG SECRET\nRUN mkfifo /pipe\n").unwrap();
    for name in ["SECRET", "AGAIN"] {
        lab.project.environment.insert(name.into(), SECRET.into());
    }
    lab.project.logins = vec![Login {
        registry: "registry.example".into(),
        credentials: Credentials::Password {
            user: "ci".into(),
            password: SECRET.into(),
        },
    }];
    let cancel = CancellationToken::new();
    let (lines, seen) = mpsc::channel();
    let mut sink = When::new("it began", {
        let cancel = cancel.clone();
        move || {
            lines.send(command_lines()).unwrap();
            cancel.cancel();
        }
    });
    let mut prepared = lab.prepare().await.unwrap();
    let token = Login {
        registry: "other.example".into(),
        credentials: Credentials::IdentityToken(SECRET.into()),
    };
    prepared.log_in(vec![token]).await.unwrap();
    let config = fs::read_to_string(lab.project.scratch.join("docker/config.json")).unwrap();
    let token = format!(r#""other.example":{{"identitytoken":"{SECRET}"}}"#);
    assert!(config.contains(&token) && config.contains("registry.example"));
    let plan = Plan {
        tests: service("tests"),
        push: false,
        keep: false,
        files: Vec::new(),
    };
    prepared.run(&plan, &mut sink, &cancel).await.unwrap_err();
    let lines = seen.recv().unwrap();
    assert!(
        lines.iter().any(|line| line.contains("docker-compose")),
        "{lines:?}"
    );
    let shown: Vec<_> = lines.iter().filter(|line| line.contains(SECRET)).collect();
    assert!(shown.is_empty(), "{shown:?}");

    let mut found = Vec::new();
    modes(&lab.project.scratch, &mut found);
    assert!(found.len() > 4, "{found:?}");
    assert!(found.iter().all(|(_, mode)| mode & 0o077 == 0), "{found:?}");
    assert!(!format!("{:?}", lab.project).contains(SECRET));
    assert!(!format!("{prepared:?}").contains(SECRET));
    lab.down().await;
}
