//! The settings of mails, of compose-ci, and of GitHub's API.

use dogi::config::{Environment, Settings};

use crate::config::{env, load, refused, with_file};

const SERVER: [(&str, &str); 2] = [
    ("SMTP_HOST", "mail.example.com"),
    ("SMTP_FROM", "ci@example.com"),
];

const REPO: [(&str, &str); 2] = [("GITHUB_TOKEN", "the-token"), ("GITHUB_REPO", "acme/app")];

fn good(base: &[(&str, &str)], more: &[(&str, &str)]) -> Settings {
    let all: Vec<_> = base.iter().chain(more).copied().collect();
    load(&[], &env(&all)).expect("good settings")
}

#[test]
fn a_mail_server_has_its_settings() {
    let mail = good(&SERVER, &[]).mail.expect("a server");
    assert_eq!((mail.host.as_str(), mail.port), ("mail.example.com", 587));
    assert_eq!(mail.from.as_str(), "ci@example.com");
    assert_eq!((mail.login, mail.to), (None, vec![]));
    let more = [
        ("SMTP_PORT", "465"),
        ("SMTP_USER", "ci"),
        ("SMTP_PASS", "pass word"),
        ("SMTP_TO", "a@example.com, b.c+d@sub.example.com"),
    ];
    let mail = good(&SERVER, &more).mail.expect("a server");
    assert_eq!(mail.port, 465);
    let (user, password) = mail.login.expect("a login");
    assert_eq!((user.as_str(), password.expose()), ("ci", "pass word"));
    let to: Vec<&str> = mail.to.iter().map(|address| address.as_str()).collect();
    assert_eq!(to, ["a@example.com", "b.c+d@sub.example.com"]);
    let file = "smtp_host: '::1'\nsmtp_from: ci@localhost\nsmtp_to: [a@b, c@d]\n";
    let mail = with_file(file, &[]).expect("good settings").mail;
    let mail = mail.expect("a server");
    assert_eq!((mail.host.as_str(), mail.to.len()), ("::1", 2));
}

#[test]
fn what_is_missing_for_mails_is_told() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("SMTP_HOST", "h")],
            "$SMTP_HOST: a sender is missing: set SMTP_FROM too",
        ),
        (
            &[("SMTP_TO", "a@b")],
            "$SMTP_TO: has no effect without SMTP_HOST",
        ),
        (
            &[SERVER[0], SERVER[1], ("SMTP_USER", "u")],
            "$SMTP_USER: a user without a password",
        ),
        (
            &[SERVER[0], SERVER[1], ("SMTP_PASS", "secret one")],
            "$SMTP_PASS: a password without a user",
        ),
        (
            &[SERVER[0], ("SMTP_FROM", "Ann <a@b>")],
            "$SMTP_FROM: \"Ann <a@b>\": expected a mail address such as ci@example.com; it holds ' '",
        ),
        (&[SERVER[0], ("SMTP_FROM", "nobody")], "it has no `@`"),
        (
            &[SERVER[0], SERVER[1], ("SMTP_TO", "a@b,c@")],
            "expected mail addresses such as ci@example.com; \"c@\" is none",
        ),
        (
            &[("SMTP_HOST", "smtp://h:25"), SERVER[1]],
            "expected a host name or address, without a port",
        ),
        (
            &[SERVER[0], SERVER[1], ("SMTP_PORT", "0")],
            "$SMTP_PORT: \"0\": expected a port from 1 to 65535",
        ),
    ];
    for (settings, wanted) in cases {
        let report = refused(&env(settings));
        assert!(report.starts_with("a setting is wrong:"), "{report}");
        assert!(report.contains(wanted), "wanted {wanted}, got {report}");
        assert!(!report.contains("secret one"), "{report}");
    }
}

#[test]
fn addresses_can_hold_nothing_that_ends_a_line() {
    use dogi::config::MailAddress;
    for text in ["a@b", "a.b@c.d", "ä@ü.example", "x+y=z@a-b.c"] {
        assert!(text.parse::<MailAddress>().is_ok(), "{text}");
    }
    for text in [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b\r\nBcc: c@d",
        "a b@c",
        "a@b@c",
        "a@b,c@d",
        "<a@b>",
        "a..b@c",
        ".a@c",
        "a@b.",
        "a@-b",
        "a@b_c",
        "\"a\"@b",
        "a@[::1]",
    ] {
        assert!(text.parse::<MailAddress>().is_err(), "{text:?}");
    }
    let long = format!("{}@b", "a".repeat(253));
    assert!(long.parse::<MailAddress>().is_err());
}

#[test]
fn compose_ci_is_a_repository_and_a_token() {
    let ci = good(&REPO, &[]).compose_ci.expect("a repository");
    assert_eq!(
        (ci.repo.as_str(), ci.token.expose()),
        ("acme/app", "the-token")
    );
    assert_eq!(ci.file.as_str(), "docker-compose.yml");
    assert!(ci.garbage_collect && ci.hook.is_none() && ci.build_image.is_none());
    assert_eq!((ci.registry, ci.login), (None, None));
    let more = [
        ("HOOK", "docker-compose run tests"),
        ("BUILD_IMAGE", "docker:cli"),
        ("GARBAGE_COLLECT", "0"),
        ("COMPOSE_FILE", "ci/compose.yml"),
        ("DOCKER_REGISTRY", "registry.example.com:5000/team"),
        ("REGISTRY_USER", "ci"),
        ("REGISTRY_PASS", "pass"),
    ];
    let ci = good(&REPO, &more).compose_ci.expect("a repository");
    assert_eq!(ci.hook.as_deref(), Some("docker-compose run tests"));
    assert_eq!(
        ci.build_image.map(String::from).as_deref(),
        Some("docker:cli")
    );
    assert!(!ci.garbage_collect);
    assert_eq!(ci.file.as_str(), "ci/compose.yml");
    assert_eq!(
        ci.registry.as_deref(),
        Some("registry.example.com:5000/team")
    );
    let (host, login) = ci.login.expect("a login");
    assert_eq!(
        (host.as_str(), login.user.as_str()),
        ("registry.example.com:5000", "ci")
    );
    let without_registry = [("REGISTRY_USER", "ci"), ("REGISTRY_PASS", "pass")];
    let ci = good(&REPO, &without_registry).compose_ci.expect("one");
    assert_eq!(ci.login.map(|(host, _)| host).as_deref(), Some("docker.io"));
    assert!(good(&REPO[..1], &[]).compose_ci.is_none(), "a token alone");
}

#[test]
fn what_is_wrong_with_compose_ci_is_told() {
    let with_repo = |more: (&'static str, &'static str)| [REPO[0], REPO[1], more];
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&REPO[1..], "$GITHUB_REPO: a repository without a token"),
        (
            &[REPO[0], ("GITHUB_REPO", "app")],
            "$GITHUB_REPO: \"app\": expected owner/name",
        ),
        (
            &with_repo(("HOOK", "  ")),
            "$HOOK: \"  \": expected a command",
        ),
        (
            &with_repo(("BUILD_IMAGE", "Docker CLI")),
            "expected the name of an image such as docker:cli",
        ),
        (
            &with_repo(("COMPOSE_FILE", "/etc/compose.yml")),
            "expected a path relative to the root of the repository; it begins with '/'",
        ),
        (
            &with_repo(("COMPOSE_FILE", "../compose.yml")),
            "it holds \"..\"",
        ),
        (
            &with_repo(("GARBAGE_COLLECT", "sometimes")),
            "expected true or false",
        ),
        (
            &with_repo(("DOCKER_REGISTRY", "https://registry.example.com")),
            "expected a registry such as registry.example.com",
        ),
        (
            &with_repo(("REGISTRY_USER", "ci")),
            "$REGISTRY_USER: a user without a password",
        ),
    ];
    for (settings, wanted) in cases {
        let report = refused(&env(settings));
        assert!(report.starts_with("a setting is wrong:"), "{report}");
        assert!(report.contains(wanted), "wanted {wanted}, got {report}");
    }
}

/// Other programs have variables of these names.
#[test]
fn what_is_of_no_use_is_no_mistake() {
    let foreign = [
        ("COMPOSE_FILE", "/a.yml:/b.yml"),
        ("REGISTRY_USER", "me"),
        ("DOCKER_REGISTRY", "https://x"),
    ];
    let settings = good(&foreign, &[]);
    assert_eq!((settings.compose_ci, settings.warnings), (None, vec![]));
    let warnings = good(&[("HOOK", "make test")], &[]).warnings;
    assert_eq!(warnings, ["HOOK has no effect without GITHUB_REPO"]);
}

#[test]
fn compose_ci_or_webhooks_are_enough_to_start() {
    let data = ("DATA_DIR", "/srv/dogi");
    let environment: Environment = [data, REPO[0], REPO[1]].into_iter().collect();
    let settings = load(&[], &environment).expect("it starts");
    assert!(settings.can_be_used());
    let warned = settings.warnings.join("\n");
    assert!(warned.contains("hooks and webhooks are served"), "{warned}");
    let environment: Environment = [data, REPO[0]].into_iter().collect();
    let report = refused(&environment);
    assert!(
        report.contains("or configure hooks or webhooks"),
        "{report}"
    );
}

#[test]
fn the_api_is_where_github_is() {
    for (set, wanted) in [
        (&[] as &[(&str, &str)], "https://api.github.com/"),
        (
            &[("GITHUB_URL", "https://git.acme.example")],
            "https://git.acme.example/api/v3",
        ),
        (
            &[("GITHUB_URL", "http://[::1]:8080/")],
            "http://[::1]:8080/api/v3",
        ),
        (
            &[
                ("GITHUB_URL", "https://a.example"),
                ("GITHUB_API_URL", "https://b.example/x"),
            ],
            "https://b.example/x",
        ),
    ] {
        let settings = good(&[], set);
        assert_eq!(settings.network.github_api_url.as_str(), wanted);
    }
}

#[test]
fn the_rule_of_compose_ci_is_for_that_repository() {
    let settings = good(&REPO, &[]);
    let ci = settings.compose_ci.as_ref().expect("a repository");
    for (github, key) in [
        ("https://github.com", "github.com/acme/app"),
        ("http://[::1]:8080", "[::1]:8080/acme/app"),
    ] {
        let pattern = ci.rule(&github.parse().expect("a URL")).pattern;
        assert!(pattern.matches(key), "{pattern}");
        assert!(!pattern.matches("github.com/acme/application"), "{pattern}");
    }
}
