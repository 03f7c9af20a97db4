use dogi_compose::{ComposeError, Credentials, Login, Plan};
use dogi_testkit::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::support::{Lab, docker, service};

fn lab(registry: &Registry, password: &str, code: u8) -> Lab {
    let app = registry.image("acme/app:1");
    let mut lab = Lab::new(&format!(
        "services:\n  app: {{build: img, image: '{app}', command: [sleep, '600']}}\n  \
         tests: {{build: img, command: [sh, -c, 'exit {code}']}}\n",
    ));
    lab.project.logins = vec![login(registry, password)];
    lab
}

fn login(registry: &Registry, password: &str) -> Login {
    Login {
        registry: registry.host(),
        credentials: Credentials::Password {
            user: "ci".to_owned(),
            password: password.to_owned(),
        },
    }
}

fn plan() -> Plan {
    Plan {
        tests: service("tests"),
        push: true,
        keep: false,
        files: Vec::new(),
    }
}

fn has_manifest(registry: &Registry) -> bool {
    let output = registry.output();
    let puts = output
        .lines()
        .filter(|line| line.contains("PUT") && line.contains(" 201 "));
    puts.filter(|line| line.contains("/v2/acme/app/manifests/1"))
        .count()
        > 0
}

fn remove_image(registry: &Registry) {
    docker(&["image", "rm", "--force", &registry.image("acme/app:1")]);
}

#[tokio::test]
async fn images_are_pushed_when_the_tests_passed() {
    let registry = Registry::with_login("ci", "pass $word").await.unwrap();
    let lab = lab(&registry, "pass $word", 0);
    let (outcome, log) = lab.run_plan(&plan()).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}\n{log}"));
    assert!(outcome.tests.success() && outcome.pushed, "{log}");
    assert!(has_manifest(&registry), "{}", registry.output());
    assert!(!log.contains("$word"), "{log}");
    lab.down().await;
    remove_image(&registry);
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn and_not_when_they_failed() {
    let registry = Registry::with_login("ci", "password").await.unwrap();
    let lab = lab(&registry, "password", 1);
    let (outcome, log) = lab.run_plan(&plan()).await;
    assert!(!outcome.unwrap().pushed, "{log}");
    assert!(!has_manifest(&registry));
    lab.down().await;
    remove_image(&registry);
}

#[tokio::test]
async fn a_wrong_password_fails_the_step() {
    let registry = Registry::with_login("ci", "password").await.unwrap();
    let lab = lab(&registry, "guessed", 0);
    let (outcome, log) = lab.run_plan(&plan()).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(&error, ComposeError::Step { step, .. } if step.ends_with("push")),
        "{error}: {log}"
    );
    lab.down().await;
    remove_image(&registry);
}

/// Logs in once the file was read, and tells how far it went.
async fn logged_in_later(registry: &Registry, own: Option<&str>, found: &str) -> bool {
    let mut lab = lab(registry, "none", 0);
    lab.project.logins = own.map(|own| login(registry, own)).into_iter().collect();
    let mut prepared = lab.prepare().await.unwrap();
    let image = registry.image("acme/app:1");
    assert_eq!(prepared.images().iter().collect::<Vec<_>>(), [&image]);
    prepared.log_in(vec![login(registry, found)]).await.unwrap();
    let (plan, cancel, mut log) = (plan(), CancellationToken::new(), Vec::new());
    let outcome = prepared.run(&plan, &mut log, &cancel).await;
    let pushed = outcome.is_ok_and(|outcome| outcome.pushed);
    lab.down().await;
    remove_image(registry);
    assert!(!String::from_utf8_lossy(&log).contains("f0und"));
    pushed
}

#[tokio::test]
async fn logins_may_come_once_it_is_known_what_is_needed_and_given_ones_win() {
    for (own, found, pushed) in [
        (None, "f0und", true),
        (Some("f0und"), "wrong", true),
        (Some("wrong"), "f0und", false),
    ] {
        let registry = Registry::with_login("ci", "f0und").await.unwrap();
        let done = logged_in_later(&registry, own, found).await;
        assert_eq!(done, pushed, "{own:?} {found}: {}", registry.output());
    }
}
