//! The real program resolves, and what it reads is checked before.

use std::{fs, os::unix::fs::symlink};

use dogi_compose::ComposeError;
use serde_json::Value;

use crate::support::Lab;

fn resolved(lab: &Lab) -> Value {
    let text = fs::read_to_string(lab.project.scratch.join("compose.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn refusal(lab: &Lab) -> String {
    match lab.prepare().await.unwrap_err() {
        ComposeError::Refused(refusals) => {
            let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            texts.join("\n")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn values_stay_what_they_are() {
    let lab = Lab::new(
        "services:\n  a:\n    image: 'x:${TAG}'\n    environment:\n      - COMMIT=12e4567\n      \
         - OCTAL=0o17\n      - YES=yes\n      - TRUE=true\n      - DOLLAR=$$HOME\n      \
         - LINES=${LINES}\n    command: ['echo', '1.50', \"\\x7f\"]\n    cpus: 0.5\n    tty: true\n",
    );
    lab.write(
        ".env",
        "TAG=12e4\nLINES=\"it's #1\"\nDOCKER_HOST=tcp://203.0.113.1:1\n",
    );
    lab.prepare().await.unwrap();
    let a = &resolved(&lab)["services"]["a"];
    assert_eq!(a["image"], "x:12e4");
    assert_eq!(a["environment"]["COMMIT"], "12e4567");
    assert_eq!(a["environment"]["OCTAL"], "0o17");
    assert_eq!(a["environment"]["YES"], "yes");
    assert_eq!(a["environment"]["TRUE"], "true");
    assert_eq!(a["environment"]["DOLLAR"], "$$HOME");
    assert_eq!(a["environment"]["LINES"], "it's #1");
    assert_eq!(a["command"][1], "1.50");
    assert_eq!(a["command"][2], "\u{7f}");
    assert_eq!(a["cpus"], 0.5);
    assert_eq!(a["tty"], true);
}

#[tokio::test]
async fn nothing_of_this_process_is_interpolated() {
    // Cargo sets it for every test.
    let lab = Lab::new("services: {a: {image: 'x${CARGO_MANIFEST_DIR}y${GIVEN}:${HOME}'}}\n");
    let mut lab = lab;
    lab.write(".env", "GIVEN=wrong\n");
    lab.project
        .environment
        .insert("GIVEN".into(), "right".into());
    lab.prepare().await.unwrap();
    let home = lab.project.scratch.join("home");
    let image = format!("xyright:{}", home.display());
    assert_eq!(resolved(&lab)["services"]["a"]["image"], image);
}

#[tokio::test]
async fn what_it_asks_for_is_refused_at_once() {
    let lab = Lab::new(
        "services:\n  a:\n    image: x\n    privileged: true\n    network_mode: host\n    \
         volumes: ['/var/run/docker.sock:/s', './ok:/ok', '${ROOT:-/}:/host']\n",
    );
    let text = refusal(&lab).await;
    for wanted in [
        "services.a.privileged: \"true\"",
        "services.a.network_mode: \"host\"",
        "services.a.volumes[0]: \"/var/run/docker.sock:/s:rw\"",
        "services.a.volumes[2]: \"/:/host:rw\"",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(!lab.project.scratch.join("compose.json").exists());
}

#[tokio::test]
async fn files_outside_are_not_read() {
    let cases = [
        "services: {a: {image: x, env_file: /etc/passwd}}",
        "services: {a: {image: x, env_file: [ok.env, ../../secret.env]}}",
        "services: {a: {image: x, env_file: link.env}}",
        "services: {a: {image: x, env_file: '${F}'}}",
        "services: {a: {extends: {file: ../../c.yml, service: a}}}",
        "services: {a: {extends: {file: sub/c.yml, service: a}}}",
        "x-a: &a {env_file: /etc/passwd}\nservices: {a: {<<: *a, image: x}}",
        "services: {a: {image: x, environment: &e {env_file: /etc/passwd}}, b: {<<: *e, image: x}}",
        "include: [/etc/x.yml]\nservices: {a: {image: x}}",
        "include: [inner/ok.yml]\nservices: {a: {image: x}}",
        "include: [{path: ok.yml, project_directory: /etc}]\nservices: {a: {image: x}}",
    ];
    let lab = Lab::new("");
    lab.write("ok.env", "A=1\n");
    lab.write("ok.yml", "services: {}\n");
    lab.write("inner/ok.yml", "services: {}\n");
    lab.write(
        "sub/c.yml",
        "services: {a: {image: x, env_file: ../../secret.env}}\n",
    );
    for link in ["link.env", "inner/.env"] {
        symlink("/etc/passwd", lab.checkout().join(link)).unwrap();
    }
    for text in cases {
        lab.write("docker-compose.yml", text);
        let refusal = refusal(&lab).await;
        assert!(refusal.contains("host-binds"), "{text}: {refusal}");
    }
}

#[tokio::test]
async fn files_inside_are() {
    let lab = Lab::new(
        "services:\n  a: {extends: {file: sub/c.yml, service: b}}\n  c: {image: x, env_file: ok.env}\n",
    );
    lab.write("ok.env", "A=1\n");
    lab.write(
        "sub/c.yml",
        "services: {b: {image: x, env_file: ../ok.env}}\n",
    );
    lab.prepare().await.unwrap();
    let services = &resolved(&lab)["services"];
    assert_eq!(services["a"]["environment"]["A"], "1");
    assert_eq!(services["c"]["environment"]["A"], "1");
}

#[tokio::test]
async fn a_file_that_is_none_of_the_checkout() {
    let mut lab = Lab::new("services: {a: {image: x}}\n");
    symlink("/etc/hostname", lab.checkout().join("out.yml")).unwrap();
    for (file, wanted) in [
        ("/etc/hostname", "relative to the checkout"),
        ("../x.yml", "relative to the checkout"),
        ("", "relative to the checkout"),
        ("out.yml", "a file inside the checkout was expected"),
        ("missing.yml", "can't be read"),
        ("img", "can't be read"),
    ] {
        lab.project.file = file.into();
        let error = lab.prepare().await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{file}: {error}");
    }
    symlink("/etc/hostname", lab.checkout().join(".env")).unwrap();
    lab.project.file = "docker-compose.yml".into();
    assert!(matches!(
        lab.prepare().await,
        Err(ComposeError::File { .. })
    ));
}

#[tokio::test]
async fn mistakes_are_told() {
    let lab = Lab::new("services: {a: {image: x}}\nservices: {}\n");
    assert!(matches!(lab.prepare().await, Err(ComposeError::Source(_))));
    lab.write("docker-compose.yml", "services: {a: {imag: x}}\n");
    let (outcome, log) = lab.run(crate::support::service("a")).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, ComposeError::Config { .. }), "{error}");
    assert!(log.contains("imag"), "{log}");
    lab.write("docker-compose.yml", "services: {a: {image: x}}\n");
    lab.write(".env", "A=1\nnot this\n");
    assert!(matches!(
        lab.prepare().await,
        Err(ComposeError::Dotenv { .. })
    ));
}

#[tokio::test]
async fn binds_and_files_are_known_and_volumes_are_none() {
    let tests = "services:\n  tests:\n    image: busybox\n";
    for (rest, wanted) in [
        (
            "    volumes: ['named:/n', '/m']\nvolumes: {named: {}}\n",
            false,
        ),
        ("    volumes: ['./data:/data:ro']\n", true),
        ("    secrets: [s]\nsecrets: {s: {file: ./s}}\n", true),
    ] {
        let lab = Lab::new(&format!("version: '3.7'\n{tests}{rest}"));
        lab.write("data/x", "x");
        lab.write("s", "x");
        let prepared = lab.prepare().await.unwrap();
        assert_eq!(prepared.has_binds(), wanted, "{rest}");
    }
}
