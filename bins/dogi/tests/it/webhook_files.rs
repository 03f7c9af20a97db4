//! `webhooks` and `repos` of `dogi.yaml`.

use std::collections::BTreeSet;
use std::time::Duration;

use dogi::config::{Allowance, ComposeTests, MailOn, Pipeline, RepoRule, Settings, Work};
use dogi_graph::Selection;
use dogi_hooks::forge::Forge;
use dogi_url::{Command, GroupPolicy};

use crate::config::with_file;

fn good(text: &str) -> Settings {
    let more = [("KEY", "a webhook's secret"), ("NPM", "npm-token")];
    with_file(text, &more).expect("a good file")
}

/// The rules of a file whose webhooks are in order.
fn rules(text: &str) -> Vec<RepoRule> {
    let text = format!("webhooks: {{github: {{secret: s}}}}\nrepos:\n{text}");
    good(&text).file.repos
}

#[test]
fn secrets_of_deliveries_stand_in_their_section() {
    let settings = good(
        "webhooks:
  github: {secret: {env: KEY}}
  gitea: {secret: [old, {env: KEY}]}
  gitlab: {token: t, signing_key: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}
  dockerhub: {token: d}
  registry: {token: [r]}
",
    );
    let webhooks = &settings.file.webhooks;
    assert!(Forge::ALL.into_iter().all(|forge| webhooks.knows(forge)));
    assert_eq!(webhooks.github[0].expose(), "a webhook's secret");
    assert_eq!(webhooks.gitea.len(), 2);
    assert_eq!(
        (webhooks.gitlab_tokens.len(), webhooks.gitlab_keys.len()),
        (1, 1)
    );
    assert_eq!((webhooks.dockerhub.len(), webhooks.registry.len()), (1, 1));
    let hidden = &settings.file.secret_variables;
    assert!(hidden.contains("KEY"), "hooks on the host never get it");
    let shown = format!("{webhooks:?}");
    assert!(!shown.contains("webhook's"), "{shown}");
    let one = good("webhooks: {dockerhub: {token: d}}\n").file.webhooks;
    assert!(one.has_no_forge() && !one.is_empty());
    assert!(!one.knows(Forge::Forgejo));
    assert!(good("webhooks:\n").file.webhooks.is_empty());
}

#[test]
fn a_rule_has_everything_of_the_documentation() {
    let rules = rules(
        "  - match: github.com/acme/*
    on:
      push: {branches: [main, 'release/*'], paths: ['src/**']}
      pull_request: {actions: [opened, synchronize, reopened], branches: [main]}
    run: {dockerfile: Dockerfile, cmd: [make, test]}
    files: {data: /app/data.jsonl}
    env: {RUST_LOG: debug, N: 0755}
    secrets: {NPM_TOKEN: {env: NPM}}
    status: true
    group: deploy
    group_policy: replace
  - match: '*'
",
    );
    let [rule, any] = &rules[..] else {
        panic!("two rules, not {rules:?}");
    };
    assert_eq!((rule.rule.line, any.rule.line), (3, 14));
    assert_eq!(rule.rule.pattern.as_str(), "github.com/acme/*");
    assert_eq!(rule.rule.on.to_string(), "push, pull_request");
    let push = rule.rule.on.push.as_ref().expect("pushes");
    let branches = push.branches.as_ref().expect("branches");
    assert!(branches.accepts("release/1") && !branches.accepts("dev"));
    let [run] = &rule.runs[..] else {
        panic!("one entry, not {:?}", rule.runs);
    };
    assert_eq!(run.context(), "dogi/dockerfile");
    assert_eq!(
        run.work.to_string(),
        "builds Dockerfile and runs [\"make\", \"test\"]"
    );
    let file = rule.files.iter().next().expect("a file");
    assert_eq!(
        (file.0.as_str(), file.1.as_str()),
        ("data", "/app/data.jsonl")
    );
    assert_eq!(rule.env["N"], "0755");
    assert_eq!(rule.secrets["NPM_TOKEN"].expose(), "npm-token");
    assert_eq!(rule.status, Some(true));
    assert_eq!(
        rule.group.as_ref().map(|group| group.as_str()),
        Some("deploy")
    );
    assert_eq!(rule.group_policy, GroupPolicy::Replace);
    assert_eq!(any.rule.on.to_string(), "push, manual");
    assert_eq!(
        any.runs[0].work.to_string(),
        "builds Dockerfile and runs the image's own command"
    );
    assert_eq!((any.status, any.runs[0].line), (None, 14));
    assert!(any.mail.is_none() && any.group.is_none() && any.allow.is_empty());
}

#[test]
fn every_form_of_a_run_is_understood() {
    let rules = rules(
        "  - match: '*'
    run:
      - {dockerfile: ci/Dockerfile, context: ., target: test, bashc: 'make && make test'}
      - {dockerfile: Dockerfile, context: app/, name: unit}
      - {image: 'python:3.12', cmd: pytest -q, timeout: 90s, memory: 512m, cpus: 0.5}
      - {compose: docker-compose.yml}
      - {compose: docker-compose.yml, service: e2e, push: true}
      - {compose: a.yml, command: [make, integration]}
      - {command: make deploy}
      - {hooks: hooks.yaml, image: 'alpine:3'}
      - {hooks: .ci/hooks.yaml}
    allow: [privileged, host-network, host-binds]
",
    );
    let runs = &rules[0].runs;
    let said: Vec<String> = runs
        .iter()
        .map(|run| format!("{}: {}", run.context(), run.work))
        .collect();
    assert_eq!(
        said,
        [
            "dogi/dockerfile: builds ci/Dockerfile to its stage test and runs bash -c \"make && make test\"",
            "dogi/unit: builds Dockerfile with the directory app and runs the image's own command",
            "dogi/image: runs [\"pytest\", \"-q\"] in python:3.12",
            "dogi/compose: brings docker-compose.yml up and runs its service tests",
            "dogi/compose-2: brings docker-compose.yml up and runs its service e2e, then pushes its images",
            "dogi/compose-3: brings a.yml up and runs [\"make\", \"integration\"]",
            "dogi/command: runs [\"make\", \"deploy\"] on this machine",
            "dogi/hooks: asks the repository's own hooks.yaml and runs what triggers in alpine:3",
            "dogi/hooks-2: asks the repository's own .ci/hooks.yaml and runs what triggers in its Dockerfile's image",
        ]
    );
    assert_eq!(runs[2].timeout, Some(Duration::from_secs(90)));
    assert_eq!(runs[2].memory, Some(512 << 20));
    assert_eq!(
        runs[2].cpus.map(|cpus| cpus.to_string()).as_deref(),
        Some("0.5")
    );
    let command = Command::split("make integration").expect("a command");
    let Work::Compose { tests, push, .. } = &runs[5].work else {
        panic!("a compose project, not {:?}", runs[5].work);
    };
    assert_eq!((tests, *push), (&ComposeTests::Command(command), false));
    let all = [
        Allowance::Privileged,
        Allowance::HostNetwork,
        Allowance::HostBinds,
    ];
    assert_eq!(rules[0].allow, BTreeSet::from(all));
}

#[test]
fn events_are_asked_for_in_many_ways() {
    for (on, wanted) in [
        ("{push: }", "push"),
        ("{push: {}}", "push"),
        ("{push: {tags: v*}}", "push"),
        ("{pull_request: {}, release: {}}", "pull_request, release"),
        (
            "{create: {branches: ['**']}, manual: true}",
            "create, manual",
        ),
        ("{push: {}, manual: }", "push, manual"),
        ("{push: {}, manual: false}", "push"),
        ("", "push, manual"),
    ] {
        let rules = rules(&format!("  - {{match: '*', on: {on}}}\n"));
        assert_eq!(rules[0].rule.on.to_string(), wanted, "{on}");
    }
}

#[test]
fn mails_go_where_the_rule_or_the_server_says() {
    let server = "smtp_host: h\nsmtp_from: ci@h\n";
    let with = |mail: &str, more: &str| {
        let text = format!(
            "webhooks: {{github: {{secret: s}}}}\nrepos:\n  - {{match: '*', mail: {mail}}}\n{more}"
        );
        with_file(&text, &[])
    };
    let settings = with("{to: [a@b, c@d], on: failure}", server).expect("good");
    let mail = settings.file.repos[0].mail.as_ref().expect("mail");
    assert_eq!((mail.to.len(), mail.on), (2, MailOn::Failure));
    assert!(mail.on.wants(false) && !mail.on.wants(true));
    let text = format!("{server}smtp_to: x@y\n");
    let settings = with("{}", &text).expect("to SMTP_TO");
    let mail = settings.file.repos[0].mail.as_ref().expect("mail");
    assert_eq!((mail.to.len(), mail.on), (0, MailOn::Always));
    for (mail, more, wanted) in [
        (
            "{to: a@b}",
            "",
            "dogi.yaml:3: mail: a rule of `repos` has mail, and there is no server",
        ),
        (
            "{on: failure}",
            server,
            "dogi.yaml:3: mail: mail is to nobody",
        ),
    ] {
        let report = with(mail, more).map(|_| ()).expect_err(mail);
        assert!(report.contains(wanted), "{report}");
    }
}

#[test]
fn what_can_start_nothing_is_warned_about() {
    for (text, wanted) in [
        (
            "webhooks: {github: {secret: s}}\n",
            "`webhooks` without `repos`",
        ),
        (
            "repos: [{match: '*'}]\n",
            "`repos` without a secret in `webhooks`",
        ),
        (
            "webhooks: {github: {secret: s}}\nrepos: [{match: '*'}]\ngithub_token: t\ngithub_repo: a/b\n",
            "GITHUB_REPO has no effect",
        ),
    ] {
        let warnings = good(text).warnings.join("\n");
        assert!(warnings.contains(wanted), "{text}: {warnings}");
    }
    let both = good("webhooks: {gitea: {secret: s}}\nrepos: [{match: '*'}]\n");
    assert_eq!(both.warnings, Vec::<String>::new());
}

#[test]
fn every_mistake_in_webhooks_is_told() {
    let cases: &[(&str, &[&str])] = &[
        (
            "webhooks: {githb: {secret: s}}\n",
            &["1: webhooks.githb: unknown key; did you mean \"github\"?"],
        ),
        (
            "webhooks:\n  github:\n  gitea: {}\n  gitlab: {}\n  dockerhub: {secret: s}\n",
            &[
                "2: webhooks.github: secret is missing",
                "3: webhooks.gitea: secret is missing",
                "4: webhooks.gitlab: token or signing_key is missing",
                "5: webhooks.dockerhub.secret: unknown key",
                "5: webhooks.dockerhub: token is missing",
            ],
        ),
        (
            "webhooks: {github: {secret: ''}, gitea: {secret: []}, registry: {token: [a, {env: NOPE}]}}\n",
            &[
                "webhooks.github.secret: is empty",
                "webhooks.gitea.secret: is an empty list",
                "webhooks.registry.token[1].env: $NOPE is not set",
            ],
        ),
        (
            "webhooks: {gitlab: {signing_key: secretive}}\n",
            &["webhooks.gitlab.signing_key: a signing key begins with `whsec_`"],
        ),
    ];
    check(cases);
}

fn check(cases: &[(&str, &[&str])]) {
    for (text, wanted) in cases {
        let report = with_file(text, &[]).map(|_| ()).expect_err(text);
        let lines = report.lines().count() - 1;
        assert_eq!(lines, wanted.len(), "{text}: {report}");
        for message in *wanted {
            assert!(
                report.contains(message),
                "{text}: wanted {message}, got {report}"
            );
        }
        assert!(!report.contains("secretive"), "{report}");
    }
}

#[test]
fn every_mistake_in_a_rule_is_told() {
    let cases: &[(&str, &[&str])] = &[
        (
            "repos: {a: b}\n",
            &["repos: expected a list of rules, each with match, not a mapping"],
        ),
        ("repos:\n  -\n", &["2: repos[0]: match is missing"]),
        (
            "repos:\n  - {run: {command: a}}\n",
            &["2: repos[0]: match is missing"],
        ),
        (
            "repos: [x]\n",
            &["1: repos[0]: expected a mapping, not a single value"],
        ),
        (
            "repos:\n  - match: 'a['\n    runs: {}\n",
            &[
                "2: repos[0].match: \"a[\": not a pattern: unclosed character class",
                "3: repos[0].runs: unknown key; did you mean \"run\"?",
            ],
        ),
        (
            "repos: [{match: ''}]\n",
            &["repos[0].match: \"\": an empty pattern matches nothing"],
        ),
        (
            "repos: [{match: '*', on: {pushes: {}}}]\n",
            &["repos[0].on.pushes: unknown key; did you mean \"push\"?"],
        ),
        (
            "repos: [{match: '*', on: {}}]\n",
            &["repos[0].on: waits for nothing"],
        ),
        (
            "repos: [{match: '*', on: push}]\n",
            &["repos[0].on: expected a mapping, not a single value"],
        ),
        (
            "repos:\n- match: '*'\n  on:\n    push: {branches: [a, '{b'], tags: [], paths: ['!x']}\n",
            &[
                "4: repos[0].on.push.branches[1]: \"{b\": not a pattern: ",
                "4: repos[0].on.push.tags: an empty list accepts nothing",
                "4: repos[0].on.push.paths: \"!x\" excludes something of nothing",
            ],
        ),
        (
            "repos: [{match: '*', on: {push: {tags: v*, paths: src}}}]\n",
            &["repos[0].on.push.paths: has no effect on tags"],
        ),
        (
            "repos: [{match: '*', on: {pull_request: {actions: [open, synchronise]}, release: {actions: []}}}]\n",
            &[
                "pull_request.actions: \"open\": expected an action such as opened, synchronize, reopened, closed; did you mean \"opened\"?",
                "did you mean \"synchronize\"?",
                "release.actions: is an empty list",
            ],
        ),
        (
            "repos: [{match: '*', on: {manual: maybe}}]\n",
            &["on.manual: \"maybe\": expected one of true, false"],
        ),
        (
            "repos: [{match: '*', files: {data: data.jsonl, 'a/b': /x, c: /../x}}]\n",
            &[
                "files.data: \"data.jsonl\": expected the absolute path of a file",
                "files.a/b: \"a/b\": expected letters, digits",
                "files.c: \"/../x\": expected the absolute path of a file, as `/app/data.jsonl`; it holds \"..\"",
            ],
        ),
        (
            "repos: [{match: '*', env: {1A: x, B: [y], C: }}]\n",
            &[
                "env.1A: \"1A\": expected letters, digits, `_`, `.`, `-`, beginning with a letter or `_`; it begins with '1'",
                "env.B: expected text, not a list",
                "env.C: expected text, not nothing",
            ],
        ),
        (
            "repos: [{match: '*', env: {A: x}, secrets: {A: secretive, B: abc, 'C D': secretive, E: {env: NOPE}}}]\n",
            &[
                "secrets.A: stands in env too",
                "secrets.B: expected at least 4 characters, not 3",
                "secrets.C D: \"C D\": expected letters",
                "secrets.E.env: $NOPE is not set",
            ],
        ),
        (
            "repos: [{match: '*', status: maybe, mail: {to: [nobody], on: change}}]\n",
            &[
                "repos[0].status: \"maybe\": expected one of true, false",
                "mail.to: \"nobody\": expected a mail address such as ci@example.com; it has no `@`",
                "mail.on: \"change\": expected one of always, failure, success",
                "mail: a rule of `repos` has mail, and there is no server",
            ],
        ),
        (
            "repos: [{match: '*', archive: 's3://bucket/prefix'}]\n",
            &["repos[0].archive: this version archives nothing"],
        ),
        (
            "repos: [{match: '*', run: {compose: a.yml}, allow: [privilege]}]\n",
            &[
                "repos[0].allow: \"privilege\": expected one of privileged, host-network, host-binds; did you mean \"privileged\"?",
            ],
        ),
        (
            "repos: [{match: '*', allow: privileged}]\n",
            &["repos[0].allow: is for compose projects alone"],
        ),
        (
            "repos: [{match: '*', group_policy: wait}]\n",
            &[
                "repos[0].group_policy: has no effect without group",
                "repos[0].group_policy: \"wait\": expected queue, replace, reject",
            ],
        ),
    ];
    check(cases);
}

#[test]
fn every_mistake_in_a_run_is_told() {
    let cases: &[(&str, &[&str])] = &[
        ("[]", &["repos[0].run: is an empty list"]),
        (
            "{}",
            &[
                "repos[0].run: what to run is missing: expected dockerfile, image, compose, pipeline, command or hooks",
            ],
        ),
        (
            "[make]",
            &["repos[0].run[0]: expected a mapping, not a single value"],
        ),
        (
            "[{cmd: make}]",
            &["repos[0].run[0]: what to run is missing"],
        ),
        (
            "{dockerfile: Dockerfile, image: a}",
            &["repos[0].run.image: does not go with dockerfile: an entry has one form"],
        ),
        (
            "{compose: a.yml, hooks: b.yml, image: c}",
            &["repos[0].run.compose: does not go with hooks"],
        ),
        (
            "{image: a, servce: b}",
            &[
                "repos[0].run.servce: unknown key; known here: image, cmd, bashc, memory, cpus, name, timeout",
            ],
        ),
        (
            "{image: 'A b', cmd: ''}",
            &[
                "repos[0].run.image: \"A b\": expected [registry[:port]/]name[:tag][@digest]",
                "repos[0].run.cmd: \"\": expected a program and its arguments",
            ],
        ),
        (
            "{image: a, cmd: b, bashc: c}",
            &["repos[0].run.bashc: does not go with cmd"],
        ),
        (
            "{image: a, cmd: []}",
            &["repos[0].run.cmd: \"\": expected a program"],
        ),
        (
            "{image: a, cmd: [b, [c]]}",
            &["repos[0].run.cmd: expected a program and its arguments, not a list"],
        ),
        (
            "{dockerfile: /etc/Dockerfile, context: ../x, target: 'a b'}",
            &[
                "run.dockerfile: \"/etc/Dockerfile\": expected a path relative to the root of the repository",
                "run.context: \"../x\": expected a path relative to the root of the repository, as `docker/Dockerfile`; it holds \"..\"",
                "run.target: \"a b\": expected letters",
            ],
        ),
        (
            "{compose: a.yml, service: -x, push: maybe}",
            &[
                "run.service: \"-x\": expected 1 to 100 letters",
                "run.push: \"maybe\": expected one of true, false",
            ],
        ),
        (
            "{compose: a.yml, service: s, command: c}",
            &["run.service: does not go with command"],
        ),
        ("{command: make, memory: 1g}", &["run.memory: unknown key"]),
        (
            "{image: a, timeout: soon, memory: much, cpus: all, name: 'a/b'}",
            &[
                "run.timeout: \"soon\": expected whole numbers with units",
                "run.memory: \"much\": expected a whole number",
                "run.cpus: \"all\": expected a decimal number",
                "run.name: \"a/b\": expected 1 to 100 letters",
            ],
        ),
        (
            "{pipeline: a b, timeout: soon}",
            &[
                "run.pipeline: \"a b\": expected letters",
                "run.timeout: \"soon\": expected whole numbers with units",
            ],
        ),
        (
            "{pipeline: 'a,b'}",
            &["run.pipeline: \"a,b\": expected letters"],
        ),
        (
            "{pipeline: }",
            &["run.pipeline: expected `*`, `triggered`, a node or a list of nodes, not nothing"],
        ),
        (
            "{pipeline: {deploy: true}}",
            &["run.pipeline: expected `*`, `triggered`, a node or a list of nodes, not a mapping"],
        ),
        (
            "{pipeline: []}",
            &["run.pipeline: is an empty list: expected names of nodes, or `*` for all"],
        ),
        (
            "{pipeline: [ok, 'b d', [c], '*', ok]}",
            &[
                "run.pipeline[1]: \"b d\": expected letters",
                "run.pipeline[2]: expected the name of a node, not a list",
                "run.pipeline[3]: \"*\": is for all nodes: expected it alone, not in a list",
                "run.pipeline[4]: \"ok\": stands in the list twice: expected each node once",
            ],
        ),
        (
            "{pipeline: triggered, cmd: make}",
            &["run.cmd: unknown key; known here: pipeline, memory, cpus, name, timeout"],
        ),
        (
            "{pipeline: triggered, image: a}",
            &["run.image: does not go with pipeline: an entry has one form"],
        ),
        (
            "[{image: a, name: x}, {image: b, name: x}]",
            &["repos[0].run.name: \"x\": two entries have this name"],
        ),
    ];
    for (run, wanted) in cases {
        let text = format!("repos: [{{match: '*', run: {run}}}]\n");
        check(&[(&text, wanted)]);
    }
}

#[test]
fn a_pipeline_is_all_nodes_some_or_those_that_are_triggered() {
    let graph = "of the repository's container graph";
    let cases = [
        ("'*'", format!("runs all nodes {graph}")),
        (
            "triggered",
            format!("runs the nodes {graph} that are triggered by the changed files"),
        ),
        ("deploy", format!("runs the node deploy {graph}")),
        (
            "[test, deploy]",
            format!("runs the nodes test, deploy {graph}"),
        ),
        // Such a node is named in a list.
        ("[triggered]", format!("runs the node triggered {graph}")),
    ];
    for (pipeline, said) in cases {
        let rules = rules(&format!(
            "  - match: '*'\n    run: {{pipeline: {pipeline}}}\n"
        ));
        let [run] = &rules[0].runs[..] else {
            panic!("one entry, not {:?}", rules[0].runs);
        };
        assert_eq!(run.work.to_string(), said, "{pipeline}");
        assert_eq!(run.context(), "dogi/pipeline", "{pipeline}");
    }
    let rules = rules(
        "  - match: '*'
    run:
      - {pipeline: triggered, name: changed, timeout: 10m, memory: 512m, cpus: 2}
      - {pipeline: a}
      - {pipeline: b}
      - {image: 'alpine:3'}
    files: {data: /app/data.jsonl}
",
    );
    let runs = &rules[0].runs;
    let contexts: Vec<String> = runs.iter().map(|run| run.context()).collect();
    assert_eq!(
        contexts,
        [
            "dogi/changed",
            "dogi/pipeline",
            "dogi/pipeline-2",
            "dogi/image"
        ]
    );
    assert_eq!(runs[0].timeout, Some(Duration::from_secs(600)));
    assert_eq!(runs[0].memory, Some(512 << 20));
    assert!(runs[0].cpus.is_some());
}

#[test]
fn files_are_of_containers_that_dogi_makes_itself() {
    let told = &["repos[0].files: is for containers of dockerfile, image and hooks"];
    let cases: [(&str, &[&str]); 4] = [
        ("{pipeline: triggered}", told),
        ("[{pipeline: '*'}, {command: make}]", told),
        ("{compose: docker-compose.yml}", told),
        ("{command: make}", told),
    ];
    for (run, wanted) in cases {
        let text = format!("repos: [{{match: '*', files: {{a: /a}}, run: {run}}}]\n");
        check(&[(&text, wanted)]);
    }
}

#[test]
fn what_is_triggered_is_recorded_within_bounds() {
    let files = |count: usize, length: usize| -> BTreeSet<String> {
        (0..count).map(|at| format!("{at:0length$}")).collect()
    };
    let few = files(2, 3);
    let many = files(5_000, 6);
    let long = files(512, 1024);
    let cases = [
        (None, None),
        (Some(BTreeSet::new()), Some(0)),
        (Some(few), Some(2)),
        (Some(many), Some(5_000)),
        (Some(files(5_001, 6)), None),
        (Some(long), Some(512)),
        (Some(files(512, 1025)), None),
    ];
    for (changed, wanted) in cases {
        let shown = changed.as_ref().map(BTreeSet::len);
        let selection = Pipeline::Triggered.selection(changed.as_ref());
        let expected = match wanted {
            Some(count) => {
                let files: Vec<String> = changed.iter().flatten().cloned().collect();
                assert_eq!(files.len(), count);
                Selection::Touched(files)
            }
            None => Selection::Triggered,
        };
        assert!(selection == expected, "of {shown:?} files");
        let deploy = Pipeline::Nodes(vec!["deploy".parse().expect("a name")]);
        assert!(
            matches!(deploy.selection(changed.as_ref()), Selection::Nodes(names) if names.len() == 1)
        );
        assert_eq!(Pipeline::All.selection(changed.as_ref()), Selection::All);
    }
}

/// The page is what people copy from.
#[test]
fn the_example_in_the_documentation_is_a_good_file() {
    let page = dogi::config::reference::page();
    let (_, rest) = page.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let variables: BTreeSet<&str> = example
        .split("{env: ")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect();
    let server = [
        ("SMTP_HOST", "mail.example.com"),
        ("SMTP_FROM", "ci@example.com"),
    ];
    let set = variables.into_iter().map(|name| (name, "a good secret"));
    let set: Vec<_> = set.chain(server).collect();
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "a good secret").expect("a secret");
    let token = token.path().to_str().expect("UTF-8");
    let example = example.replace("/etc/dogi/token", token);
    let settings = with_file(&example, &set).expect("a good file");
    assert_eq!(settings.file.repos[0].runs.len(), 7);
    assert_eq!(settings.warnings, Vec::<String>::new());
}
