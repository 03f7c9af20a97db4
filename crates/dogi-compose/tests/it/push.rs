use dogi_compose::{ComposeError, Login, Plan};
use dogi_testkit::registry::Registry;

use crate::support::{Lab, docker, service};

fn lab(registry: &Registry, password: &str, code: u8) -> Lab {
    let app = registry.image("acme/app:1");
    let mut lab = Lab::new(&format!(
        "services:\n  app: {{build: img, image: '{app}', command: [sleep, '600']}}\n  \
         tests: {{build: img, command: [sh, -c, 'exit {code}']}}\n",
    ));
    lab.project.logins = vec![Login {
        registry: registry.host(),
        user: "ci".to_owned(),
        password: password.to_owned(),
    }];
    lab
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
