//! The operator's command instead of a service.

use std::{fs, os::unix::fs::PermissionsExt};

use dogi_command::Status;
use dogi_compose::{ComposeError, HookCommand, HookContainer, Plan, Tests, split_words};
use tokio_util::sync::CancellationToken;

use crate::support::{Lab, PATH, When, docker};

fn compose(image: &str) -> String {
    format!("services:\n  db: {{build: img, image: '{image}', command: [sleep, '600']}}\n")
}

fn lab() -> (Lab, String) {
    let lab = Lab::new("");
    let image = format!("of-{}:1", lab.name());
    lab.write("docker-compose.yml", &compose(&image));
    (lab, image)
}

#[tokio::test]
async fn in_a_container_with_the_engines_socket() {
    let (mut lab, image) = lab();
    lab.write("marker", "the checkout");
    lab.project
        .environment
        .insert("GIVEN".into(), "a value".into());
    let script = "test -S /var/run/docker.sock; echo socket $?; cat marker; echo; pwd; \
                  echo $COMPOSE_PROJECT_NAME $GIVEN; test -s $COMPOSE_FILE; echo file $?; exit 5";
    let hook = HookContainer {
        image: image.clone(),
        words: vec!["sh".into(), "-c".into(), script.into()],
        readable: Vec::new(),
        environment: Vec::new(),
    };
    let (outcome, log) = lab.run(Tests::Container(hook)).await;
    assert_eq!(outcome.unwrap().tests.status, Status::Code(5), "{log}");
    let checkout = fs::canonicalize(lab.checkout()).unwrap();
    for wanted in [
        "socket 0",
        "the checkout",
        &checkout.display().to_string(),
        &format!("{} a value", lab.name()),
        "file 0",
    ] {
        assert!(log.contains(wanted), "{wanted} in {log}");
    }
    lab.down().await;
    docker(&["image", "rm", &image]);
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn a_cancelled_container() {
    let (lab, image) = lab();
    let hook = HookContainer {
        image: image.clone(),
        words: split_words("sh -c 'trap true TERM; echo it began; while sleep 600; do :; done'")
            .unwrap(),
        readable: Vec::new(),
        environment: Vec::new(),
    };
    let plan = Plan {
        tests: Tests::Container(hook),
        push: false,
        keep: false,
        files: Vec::new(),
    };
    let cancel = CancellationToken::new();
    let mut sink = When::new("it began", {
        let cancel = cancel.clone();
        move || cancel.cancel()
    });
    let prepared = lab.prepare().await.unwrap();
    let ended = prepared.run(&plan, &mut sink, &cancel).await;
    assert!(matches!(ended, Err(ComposeError::Cancelled)), "{ended:?}");
    lab.down().await;
    docker(&["image", "rm", &image]);
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn on_this_machine_without_a_shell() {
    let (lab, image) = lab();
    lab.write(
        "bin/ci",
        "#!/bin/sh\necho \"$#: $1 $2\"\nexec docker-compose run --rm -T db echo in the project\n",
    );
    let program = lab.checkout().join("bin/ci");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let hook = HookCommand {
        words: split_words("./bin/ci 'a b' $HOME").unwrap(),
        environment: vec![("PATH".into(), PATH.into())],
    };
    let (outcome, log) = lab.run(Tests::Host(hook)).await;
    assert!(outcome.unwrap().tests.success(), "{log}");
    assert!(log.contains("2: a b $HOME"), "{log}");
    assert!(log.contains("in the project"), "{log}");
    lab.down().await;
    docker(&["image", "rm", &image]);
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn that_does_not_exist() {
    let (lab, image) = lab();
    let hook = HookCommand {
        words: vec!["no-such-program".into()],
        environment: Vec::new(),
    };
    let (outcome, _) = lab.run(Tests::Host(hook)).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, ComposeError::Lookup(_)), "{error}");
    lab.down().await;
    docker(&["image", "rm", &image]);
}
