//! `dogi check --event E --payload F`.

use std::path::{Path, PathBuf};

use dogi::cli::Exit;
use tempfile::TempDir;

use crate::cli::dogi;

const FILE: &str = "\
webhooks: {github: {secret: s}, gitea: {secret: s}}
repos:
  - match: github.com/*
  - match: git.example/acme/app
    on:
      push: {branches: [main], paths: ['src/**']}
      pull_request: {}
    run:
      - {dockerfile: Dockerfile, cmd: [make, test]}
      - {image: 'python:3.12', name: lint}
    secrets: {NPM_TOKEN: npm-secret}
    group: app
  - match: '*'
";

/// A folder with a `dogi.yaml`.
fn folder(file: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("dogi.yaml"), file).expect("a file");
    folder
}

/// A payload as a forge sends it.
fn payload(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/dogi-hooks/tests");
    folder.join(format!("fixtures/forge/{name}.json"))
}

fn check(folder: &TempDir, payload: &Path, more: &[&str]) -> (Exit, String, String) {
    let config = folder.path().join("dogi.yaml");
    let config = config.to_str().expect("UTF-8");
    let payload = payload.to_str().expect("UTF-8");
    let mut args = vec!["check", "--config", config, "--payload", payload];
    args.extend(more);
    let data = [("DATA_DIR", "/srv/dogi")];
    let (exit, out, err) = dogi(&args, &data);
    assert!(!format!("{out}{err}").contains("npm-secret"), "{out}{err}");
    (exit, out, err)
}

fn explained(file: &str, name: &str, more: &[&str]) -> String {
    let folder = folder(file);
    let (exit, out, err) = check(&folder, &payload(name), more);
    assert_eq!(exit, Exit::Success, "{err}");
    out
}

const GITEA: [&str; 4] = ["--event", "push", "--forge", "gitea"];

#[test]
fn a_push_is_explained() {
    let said = explained(FILE, "gitea-push", &GITEA);
    assert_eq!(
        said,
        "the settings are good
a push, as Gitea tells it:
  repository: acme/app
  matched against: git.example/acme/app
  branch: main
  commit: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  subject: Sort the list
  changed files: not listed in the payload
what `repos` say of it:
  line 3: github.com/* does not match git.example/acme/app
  line 4: git.example/acme/app matches, so that this rule decides
  line 4: wanted if a changed file is among `paths`; the payload does not list the changed files: \
         git has to be asked
it would start, if such a file changed:
  dogi/dockerfile: builds Dockerfile and runs [\"make\", \"test\"]
  dogi/lint: runs the image's own command in python:3.12
  with the secrets NPM_TOKEN
  one at a time in the group app
  the commit gets a status from each where there is a token
"
    );
}

#[test]
fn what_starts_nothing_says_why() {
    let main_only = FILE.replace("[main]", "[dev]");
    let unlisted = FILE
        .replace("'*'", "other.example/*")
        .replace("acme/app", "acme/lib");
    let cases = [
        (
            main_only.as_str(),
            "gitea-push",
            "line 4: not wanted: the branch \"main\" is not among `branches`: dev\n  \
             line 13: would match too, but the first match wins\nit would start nothing",
        ),
        (
            &unlisted,
            "gitea-push",
            "no rule matches git.example/acme/app: the delivery is refused",
        ),
        (
            "webhooks: {github: {secret: s}}\n",
            "gitea-push",
            "there is no secret of Gitea's in `webhooks`",
        ),
        (
            FILE,
            "gitea-push-branch-deleted",
            "was deleted, which starts nothing",
        ),
    ];
    for (file, name, wanted) in cases {
        let said = explained(file, name, &GITEA);
        assert!(said.contains(wanted), "wanted {wanted}, got {said}");
        assert!(said.ends_with("it would start nothing\n"), "{said}");
    }
}

const GRAPH: &str = "\
webhooks: {github: {secret: s}, gitea: {secret: s}, gitlab: {token: t}}
repos:
  - match: '*'
    on: {push: {tags: ['**'], branches: ['**']}, pull_request: {}, release: {}}
    run:
      - {pipeline: [test, deploy]}
      - {pipeline: triggered, name: changed}
";

#[test]
fn which_nodes_of_a_container_graph_would_run_is_explained() {
    let changed = "  dogi/changed: runs the nodes of the repository's container graph that are \
                   triggered by the changed files";
    let nobody = "; nobody can tell which changed: all nodes that have triggers";
    let cases = [
        ("push", "gitea", "gitea-push", ", which git is asked for"),
        ("push", "github", "github-push-branch-created", nobody),
        ("push", "github", "github-push-tag-created", nobody),
        ("release", "gitea", "gitea-release", nobody),
        (
            "pull_request",
            "gitea",
            "gitea-pull-request-synchronized",
            ", which git is asked for",
        ),
        (
            "merge_request",
            "gitlab",
            "gitlab-merge-request-update",
            nobody,
        ),
    ];
    for (event, forge, name, known) in cases {
        let said = explained(GRAPH, name, &["--event", event, "--forge", forge]);
        for wanted in [
            "\n  dogi/pipeline: runs the nodes test, deploy of the repository's container graph\n",
            &format!("\n{changed}{known}\n"),
        ] {
            assert!(said.contains(wanted), "{name}: wanted {wanted}, got {said}");
        }
    }
    // Here the payload lists them.
    let folder = folder(GRAPH);
    let push = folder.path().join("push.json");
    let (a, b) = ("a".repeat(40), "b".repeat(40));
    let text = format!(
        r#"{{"ref": "refs/heads/main", "before": "{a}", "after": "{b}", "forced": false,
            "commits": [{{"id": "{b}", "message": "x", "added": ["src/a"], "removed": [],
            "modified": []}}], "repository": {{"full_name": "acme/app",
            "clone_url": "https://github.com/acme/app.git"}}}}"#
    );
    std::fs::write(&push, text).expect("a file");
    let (exit, said, err) = check(&folder, &push, &["--event", "push"]);
    assert_eq!(exit, Exit::Success, "{err}");
    let wanted = format!("\n{changed}\n");
    assert!(said.contains(&wanted), "wanted {wanted}, got {said}");
}

#[test]
fn a_pull_request_from_a_fork_gets_no_secrets() {
    let more = ["--event", "pull_request", "--forge", "gitea"];
    let said = explained(FILE, "gitea-pull-request-fork", &more);
    for wanted in [
        "of a fork",
        "line 4: wanted\n",
        "without the secrets NPM_TOKEN: the pull request comes from a fork",
    ] {
        assert!(said.contains(wanted), "wanted {wanted}, got {said}");
    }
}

#[test]
fn events_of_gitlab_go_by_two_names() {
    for event in ["push", "Push Hook"] {
        let said = explained(
            FILE,
            "gitlab-push",
            &["--event", event, "--forge", "gitlab"],
        );
        assert!(said.contains("a push, as GitLab tells it:"), "{said}");
    }
}

#[test]
fn one_repository_of_compose_ci_is_explained() {
    let file = "github_token: t0ken\ngithub_repo: acme/app\nhook: make test\n";
    let folder = folder(file);
    let by_hand = folder.path().join("hand.json");
    let text = format!(r#"{{"after": "{}"}}"#, "2".repeat(40));
    std::fs::write(&by_hand, text).expect("a file");
    let (exit, said, err) = check(&folder, &by_hand, &["--event", "manual"]);
    assert_eq!(exit, Exit::Success, "{err}");
    for wanted in [
        "a request to run, sent by hand:\n  repository: none",
        "it is about that repository, and wanted",
        "brings docker-compose.yml up, runs `make test` on this machine, and takes it down",
    ] {
        assert!(said.contains(wanted), "wanted {wanted}, got {said}");
    }
    let said = explained(file, "gitea-push", &GITEA);
    let wanted = "it is about git.example/acme/app, not that repository: refused";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn what_cannot_be_read_is_a_mistake() {
    let folder = folder(FILE);
    let nothing = folder.path().join("nothing.json");
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, "{\"ref\": 1").expect("a file");
    let cases: &[(&Path, &[&str], &[&str])] = &[
        (
            &nothing,
            &["--event", "push"],
            &["--payload: ", "cannot be read: No such file"],
        ),
        (&bad, &["--event", "push"], &["--payload: "]),
        (
            &nothing,
            &["--event", "pu\tsh", "--forge", "gitee"],
            &[
                "--forge: \"gitee\": expected one of forgejo, gitea, gitlab, github; did you mean \"gitea\"?",
            ],
        ),
        (
            &bad,
            &["--event", "pu\tsh"],
            &["--event: \"pu\\tsh\" is not the name of an event"],
        ),
    ];
    for (payload, more, wanted) in cases {
        let (exit, out, err) = check(&folder, payload, more);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{more:?}");
        for wanted in *wanted {
            assert!(err.contains(wanted), "wanted {wanted}, got {err}");
        }
    }
}
