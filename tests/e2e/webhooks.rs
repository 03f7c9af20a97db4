//! A push runs the repository, and everybody hears of it.

use std::{path::Path, process::Command, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dogi_testkit::{
    docker::Context,
    forges::{Fault, Forge, Kind},
    proc,
    registry::Registry,
    repo::Repo,
    smtp, wait,
};
use serde_json::{Value, json};

use crate::harness::{Dogi, Engine, NAME, Repos, SECRET, TOKEN, Webhooks, sign};

const DOCKERFILE: &str = "    run: {dockerfile: Dockerfile, cmd: [/bin/bash, -c, \
    'echo $commit $short_commit $CI $GITHUB_REF $GITHUB_EVENT_NAME $GITHUB_REPOSITORY; cat $GITHUB_EVENT_PATH']}\n";

fn repo(files: &[(&str, &str)]) -> Repo {
    let context = Context::bash("").expect("busybox is installed");
    let context = files.iter().fold(context, |context, (path, content)| {
        context.file(path, *content)
    });
    context.repo().expect("git works")
}

fn first_run(answer: &Value) -> String {
    answer["run"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:#}"))
        .to_owned()
}

fn pairs(words: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = words
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_run_with_its_commit_and_the_status_of_the_commit_says_so() {
    let place = Webhooks::start(Kind::GitHub, repo(&[]), DOCKERFILE).await;
    let answer = place.github("push", "one", &place.push("main")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = first_run(&answer.json());
    assert_eq!(answer.header("dogi-run"), Some(run.as_str()));
    let status = place.ended(&run).await;
    assert_eq!(
        status["state"],
        "succeeded",
        "{status:#} {}",
        place.log(&run).await
    );
    assert_eq!(status["commit"], *place.commit);
    let log = place.log(&run).await;
    let commit = &place.commit;
    let line = format!(
        "{commit} {} true refs/heads/main push {NAME}\n",
        &commit[..7]
    );
    assert!(log.contains(&line), "{log}");
    assert!(log.contains(r#""message":"mend it"#), "{log}");

    let told = place.told(2).await;
    assert_eq!(
        told,
        pairs(&[
            ("pending", "dogi/dockerfile"),
            ("success", "dogi/dockerfile")
        ])
    );
    let last = &place.forge.told()[1];
    let link = format!("https://ci.example/runs/{run}/log");
    assert_eq!(last.target_url.as_deref(), Some(link.as_str()));
    assert_eq!(last.commit, place.commit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_comes_again_is_the_same_run_also_after_a_restart() {
    let mut place = Webhooks::start(Kind::GitHub, repo(&[]), DOCKERFILE).await;
    let push = place.push("main");
    let (a, b) = tokio::join!(
        place.github("push", "twice", &push),
        place.github("push", "twice", &push)
    );
    let run = first_run(&a.json());
    assert_eq!(first_run(&b.json()), run, "two copies at once");
    place.ended(&run).await;
    place.dogi.restart().await;
    let again = place.github("push", "twice", &push).await;
    assert_eq!((again.status, first_run(&again.json())), (202, run.clone()));
    let other = place.github("push", "another", &push).await;
    assert_ne!(first_run(&other.json()), run);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_to_be_taken_is_refused_before_anything_happens() {
    let rule = "    on: {push: {branches: [main]}}\n    run: {dockerfile: Dockerfile}\n";
    let place = Webhooks::start(Kind::GitHub, repo(&[]), rule).await;
    let push = place.push("main");
    let body = push.to_string();
    let send = |signature: Option<String>, event: &'static str, body: String| {
        let request = place.dogi.request("POST", "/webhooks/github");
        let request = request
            .header("x-github-event", event)
            .header("x-github-delivery", "x");
        let request = match signature {
            Some(signature) => request.header("x-hub-signature-256", signature),
            None => request,
        };
        place.dogi.ask(
            request
                .header("content-type", "application/json")
                .body(body),
        )
    };
    let good = |body: &str| Some(format!("sha256={}", sign(body)));
    let forged = good(&(body.clone() + " "));
    let cut = body[..body.len() / 2].to_owned();
    let cases = [
        ("unsigned", send(None, "push", body.clone()).await, 401),
        ("forged", send(forged, "push", body.clone()).await, 401),
        (
            "cut short",
            send(good(&cut), "push", cut.clone()).await,
            400,
        ),
        ("ping", send(good("{}"), "ping", "{}".to_owned()).await, 200),
        ("star", send(good(&body), "star", body.clone()).await, 200),
    ];
    for (case, answer, status) in &cases {
        assert_eq!(answer.status, *status, "{case}: {}", answer.text());
    }
    let branch = place.github("push", "branch", &place.push("dev")).await;
    assert_eq!(branch.status, 200, "{}", branch.text());
    assert!(
        branch.json()["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("dev"))
    );
    let mut stranger = push.clone();
    stranger["repository"]["full_name"] = "evil/app".into();
    stranger["repository"]["clone_url"] = "https://git.example/evil/app.git".into();
    let stranger = place.github("push", "stranger", &stranger).await;
    assert_eq!(stranger.status, 403, "{}", stranger.text());
    let mut gone = push.clone();
    gone["after"] = "0000000000000000000000000000000000000000".into();
    gone["deleted"] = true.into();
    let gone = place.github("push", "gone", &gone).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    let wrong_path = place
        .github_to("/webhooks/gitlab", "push", "path", &push)
        .await;
    assert_eq!(wrong_path.status, 400, "{}", wrong_path.text());
    let found = place.github_to("/", "push", "root", &push).await;
    assert_eq!(found.status, 202, "{}", found.text());
    place.ended(&first_run(&found.json())).await;
    assert_eq!(place.told(2).await.len(), 2, "nothing else was told");
    let large = "x".repeat(40 << 20);
    let large = send(good(&large), "push", large).await;
    assert_eq!(large.status, 413, "{}", large.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_gone_by_now_is_an_error_that_is_told() {
    let place = Webhooks::start(Kind::Gitea, repo(&[]), DOCKERFILE).await;
    let push = place.push_of("main", "1111111111111111111111111111111111111111");
    let body = push.to_string();
    let request = place.dogi.request("POST", "/");
    let request = request
        .header("x-gitea-event", "push")
        .header("x-github-event", "push")
        .header("x-gitea-delivery", "gone")
        .header("x-gitea-signature", sign(&body))
        .header("content-type", "application/json");
    let answer = place.dogi.ask(request.body(body)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let status = place.ended(&first_run(&answer.json())).await;
    assert_eq!(status["state"], "failed", "{status:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_delivery_that_can_not_be_taken_is_an_error_of_the_commit() {
    let rule = "    group: deploy\n    group_policy: reject\n    run:\n      \
                - {dockerfile: Dockerfile, cmd: [/bin/bash, -c, 'while true; do sleep 1; done']}\n      \
                - {dockerfile: Dockerfile, name: second}\n";
    let place = Webhooks::start(Kind::GitHub, repo(&[]), rule).await;
    let answer = place.github("push", "one", &place.push("main")).await;
    let started = place.started(&answer).await;
    let [first, second] = [0, 1].map(|at| started["runs"][at]["run"].as_str().unwrap_or_default());
    let status = place.ended(second).await;
    assert_eq!(status["state"], "failed", "{started:#} {status:#}");
    let error = status["errors"][0].as_str().unwrap_or_default();
    assert!(error.contains("\"deploy\" is busy"), "{status:#}");
    assert!(error.contains(first), "{status:#}");
    let told = || async {
        let told = place.forge.told();
        let word = |told: &dogi_testkit::forges::Told| {
            told.context.ends_with("second") && told.state == "error"
        };
        told.iter().any(word).then_some(())
    };
    wait::until("an error of the second", told)
        .await
        .expect("it is told");

    // It would come to the same.
    let again = place.dogi.request("POST", &format!("/runs/{second}/rerun"));
    let again = place.dogi.ask(again).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(again.text().contains("replay"), "{}", again.text());

    // Who is answered by then is told in the answer.
    let answer = place.github("push", "two", &place.push("main")).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    let abort = place.dogi.request("POST", &format!("/runs/{first}/abort"));
    let status = place.dogi.ask(abort).await.json();
    assert_eq!(status["state"], "aborted", "{status:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_above_the_operators_ceiling_keeps_no_other_entry_from_its_run() {
    let rule = "    run:\n      - {dockerfile: Dockerfile, cmd: [/bin/true]}\n      \
                - {dockerfile: Dockerfile, name: large, memory: 2g}\n";
    let ceiling = [("JOB_MEMORY", "1g")];
    let place = Webhooks::with(Kind::GitHub, repo(&[]), rule, &ceiling).await;
    let answer = place.github("push", "one", &place.push("main")).await;
    let started = place.started(&answer).await;
    let [small, large] = [0, 1].map(|at| started["runs"][at]["run"].as_str().unwrap_or_default());
    assert_eq!(place.ended(small).await["state"], "succeeded");
    let status = place.ended(large).await;
    assert_eq!(status["state"], "failed", "{started:#} {status:#}");
    let error = status["errors"][0].as_str().unwrap_or_default();
    assert!(error.contains("memory"), "{status:#}");
}

const HOOKS: &str = r#"
- id: git-push
  execute-command: "/bin/echo"
  command-working-directory: "/app"
  pass-arguments-to-command:
  - {source: string, name: call}
  - {source: payload, name: commits.0.message}
  trigger-rule:
    and:
    - match:
        type: payload-hmac-sha1
        secret: itsasecret
        parameter: {source: header, name: X-Hub-Signature}
    - match:
        type: value
        value: refs/heads/main
        parameter: {source: payload, name: ref}
- id: where
  execute-command: /bin/bash
  pass-arguments-to-command:
  - {source: string, name: -c}
  - {source: string, name: "pwd; ls /workspace /app/hooks.yaml; echo $commit"}
- id: never
  execute-command: /bin/true
  trigger-rule:
    match: {type: value, value: refs/heads/other, parameter: {source: payload, name: ref}}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repositorys_own_hooks_run_in_containers_in_its_checkout() {
    let rule = "    run: {hooks: hooks.yaml}\n";
    let place = Webhooks::start(Kind::GitHub, repo(&[("hooks.yaml", HOOKS)]), rule).await;
    let push = place.push("main");
    let answer = place
        .github_to("/webhooks/github?wait=true", "push", "wait", &push)
        .await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains("call mend it\n\nall of it\n"), "{text}");
    assert!(text.contains("/app\n"), "the working directory: {text}");
    assert!(
        text.contains("hooks.yaml") && text.contains(&place.commit),
        "{text}"
    );
    let contexts: std::collections::BTreeSet<String> = place
        .told(4)
        .await
        .into_iter()
        .map(|(_, context)| context)
        .collect();
    let wanted = ["dogi/hooks/git-push", "dogi/hooks/where"].map(str::to_owned);
    assert_eq!(contexts, wanted.into());
    let dev = place.github("push", "dev", &place.push("dev")).await;
    assert_eq!(dev.status, 202, "one of them has no rule: {}", dev.text());
    assert_eq!(dev.json()["runs"].as_array().map(Vec::len), Some(1));
    place.ended(&first_run(&dev.json())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_that_cannot_be_read_are_errors_of_the_commit() {
    let huge = format!("# {}\n", "x".repeat(2 << 20));
    let cases = [
        (repo(&[]), "not there"),
        (
            repo(&[("hooks.yaml", "- id: x\n  execute-comand: y\n")]),
            "execute-comand",
        ),
        (repo(&[("hooks.yaml", &huge)]), "bytes"),
    ];
    for (repo, reason) in cases {
        let place = Webhooks::start(Kind::GitHub, repo, "    run: {hooks: hooks.yaml}\n").await;
        let answer = place.github("push", "bad", &place.push("main")).await;
        let started = place.started(&answer).await;
        let status = place.ended(&first_run(&started)).await;
        let error = status["errors"][0].as_str().unwrap_or_default();
        assert!(error.contains(reason), "{reason}: {status:#}");
        let told = place.told(2).await;
        assert_eq!(
            told.last().map(|told| told.0.as_str()),
            Some("error"),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_for_commits_of_the_repository_and_appear_nowhere() {
    let rule = "    on: {push: {}, pull_request: {}}\n    \
        secrets: {NPM_TOKEN: sesame-open}\n    \
        run: {dockerfile: Dockerfile, cmd: [/bin/bash, -c, 'echo got ${NPM_TOKEN:-none}.']}\n";
    let place = Webhooks::start(Kind::GitHub, repo(&[]), rule).await;
    let own = place.github("push", "own", &place.push("main")).await;
    let run = first_run(&own.json());
    let status = place.ended(&run).await;
    assert!(!status.to_string().contains("sesame"), "{status:#}");
    let log = place.log(&run).await;
    assert!(log.contains("got ***."), "{log}");

    let answer = place.github("pull_request", "fork", &of_fork(&place)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = first_run(&answer.json());
    place.ended(&run).await;
    let log = place.log(&run).await;
    assert!(log.contains("got none."), "{log}");
}

/// GitHub's payload of a stranger's pull request of the same commit.
fn of_fork(place: &Webhooks) -> Value {
    let url = place.repos.server.url(&format!("{NAME}.git"));
    let base = json!({"full_name": NAME, "clone_url": url});
    let fork = json!({"full_name": "stranger/app", "clone_url": "https://git.example/stranger/app.git",
        "fork": true});
    json!({
        "action": "opened", "number": 7,
        "pull_request": {"number": 7, "title": "please", "draft": false,
            "head": {"sha": place.commit, "ref": "patch", "repo": fork},
            "base": {"sha": place.commit, "ref": "main", "repo": base}},
        "repository": base, "sender": {"login": "stranger"},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_listed_with_what_they_started_and_can_be_taken_again() {
    let place = Webhooks::start(Kind::GitHub, repo(&[]), DOCKERFILE).await;
    let answer = place.github("push", "listed", &place.push("main")).await;
    let run = first_run(&answer.json());
    place.ended(&run).await;
    let list = place.dogi.get("/deliveries").await.json();
    let delivery = &list["deliveries"][0];
    assert_eq!(
        (
            &delivery["forge"],
            &delivery["event"],
            &delivery["delivery"],
            &delivery["run"]
        ),
        (
            &"github".into(),
            &"push".into(),
            &"listed".into(),
            &run.clone().into()
        ),
        "{list:#}"
    );
    let id = delivery["id"].as_str().expect("an id").to_owned();
    let again = place
        .dogi
        .ask(
            place
                .dogi
                .request("POST", &format!("/deliveries/{id}/replay")),
        )
        .await;
    assert_eq!(again.status, 202, "{}", again.text());
    let second = first_run(&again.json());
    assert_ne!(second, run);
    assert_eq!(again.json()["replay_of"], *id);
    let status = place.ended(&second).await;
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let rerun = place
        .dogi
        .ask(place.dogi.request("POST", &format!("/runs/{run}/rerun")))
        .await;
    assert_eq!(rerun.status, 202, "{}", rerun.text());
    let third = place.ended(&first_run(&rerun.json())).await;
    assert_eq!(
        third["state"], "succeeded",
        "the event is there again: {third:#}"
    );
    let nothing = place
        .dogi
        .ask(place.dogi.request("POST", "/deliveries/nothing/replay"))
        .await;
    assert_eq!(nothing.status, 404);
}

const COMPOSE: &str = "services:\n  tests:\n    build: .\n    command: [/bin/bash, -c, \
    'echo tested $$commit; cat $$GITHUB_EVENT_PATH; exit ${CODE:-0}']\n    environment: [commit]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compose_project_is_tested_and_nothing_of_it_is_left() {
    let rule = "    run: {compose: docker-compose.yml}\n";
    let compose = format!("version: \"3.7\"\n{COMPOSE}");
    let place = Webhooks::start(
        Kind::GitHub,
        repo(&[("docker-compose.yml", &compose)]),
        rule,
    )
    .await;
    let answer = place.github("push", "compose", &place.push("main")).await;
    let run = first_run(&answer.json());
    let status = place.ended(&run).await;
    let log = place.log(&run).await;
    assert_eq!(status["state"], "succeeded", "{status:#} {log}");
    assert!(log.contains(&format!("tested {}", place.commit)), "{log}");
    let engine = crate::harness::Engine::default();
    assert_eq!(
        engine.containers(&format!("dogi.run={run}")),
        [] as [String; 0]
    );
    assert!(log.contains(r#""message":"mend it"#), "the event: {log}");
    let told = place.told(2).await;
    assert_eq!(told[1], ("success".to_owned(), "dogi/compose".to_owned()));
}

/// The Docker CLI's directory with a login at this registry, and with one at another.
fn logged_in(registry: &Registry, auth: &str) -> tempfile::TempDir {
    let config = tempfile::tempdir().expect("a directory");
    let (host, other) = (registry.host(), STANDARD.encode("somebody:else"));
    let auths = json!({"auths": {host: {"auth": auth}, "other.example": {"auth": other}}});
    std::fs::write(config.path().join("config.json"), auths.to_string()).expect("written");
    config
}

/// Pushes an image, and leaves none here.
fn push_image(image: &str, config: &Path) {
    let context = tempfile::tempdir().expect("a directory");
    let busybox = Context::bash("").expect("busybox is installed");
    busybox.write_to(context.path()).expect("written");
    Engine::default().build(image, context.path().to_str().expect("UTF-8"));
    let docker = |words: &[&str]| {
        let mut command = Command::new("docker");
        command.arg("--config").arg(config).args(words);
        proc::run(&mut command, "docker.io").expect("it works");
    };
    docker(&["push", image]);
    docker(&["image", "rm", image]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compose_projects_log_in_as_the_docker_program_does_but_for_strangers() {
    const PASSWORD: &str = "op3n-sesame";
    let registry = Registry::with_login("ci", PASSWORD).await;
    let registry = registry.expect("a registry");
    let image = registry.image("acme/tool:1");
    let auth = STANDARD.encode(format!("ci:{PASSWORD}"));
    let config = logged_in(&registry, &auth);
    push_image(&image, config.path());
    let compose = format!(
        "version: \"3.7\"\nservices:\n  tests:\n    image: \"{image}\"\n    \
         command: [/bin/bash, -c, 'echo tested']\n"
    );
    let rule = "    on: {push: {}, pull_request: {}}\n    run: {compose: docker-compose.yml}\n";
    let directory = config.path().to_str().expect("UTF-8");
    let place = Webhooks::with(
        Kind::GitHub,
        repo(&[("docker-compose.yml", &compose)]),
        rule,
        &[("DOCKER_CONFIG", directory)],
    )
    .await;
    for (event, payload, state) in [
        ("push", place.push("main"), "succeeded"),
        ("pull_request", of_fork(&place), "failed"),
    ] {
        let answer = place.github(event, event, &payload).await;
        let run = first_run(&answer.json());
        let status = place.ended(&run).await;
        let log = place.log(&run).await;
        assert_eq!(status["state"], state, "{event}: {status:#} {log}");
        for told in [&log, &status.to_string()] {
            assert!(!told.contains(PASSWORD) && !told.contains(&auth), "{told}");
        }
        let mut remove = Command::new("docker");
        let removed = remove.args(["image", "rm", "--", &image]).output();
        removed.expect("the docker program is installed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_compose_file_may_not_ask_for_is_refused() {
    let compose = "version: \"3.7\"\nservices:\n  tests:\n    build: .\n    privileged: true\n";
    let rule = "    run: {compose: docker-compose.yml}\n";
    let place = Webhooks::start(Kind::GitHub, repo(&[("docker-compose.yml", compose)]), rule).await;
    let answer = place
        .github("push", "privileged", &place.push("main"))
        .await;
    let status = place.ended(&first_run(&answer.json())).await;
    let error = status["errors"][0].as_str().unwrap_or_default();
    assert!(
        status["state"] == "failed" && error.contains("privileged"),
        "{status:#}"
    );
}

/// A server that has compose-ci's variables, and what they name.
struct ComposeCi {
    dogi: Dogi,
    commit: String,
    forge: Forge,
    _repos: Repos,
}

async fn compose_ci(more: &[(&str, &str)]) -> ComposeCi {
    let compose = format!("version: \"3.7\"\n{COMPOSE}");
    let repo = repo(&[("docker-compose.yml", &compose)]);
    let commit = repo.head().expect("a commit");
    let mut repos = Repos::start().await;
    repos.add_repo(&format!("{NAME}.git"), repo);
    let forge = Forge::start(Kind::GitHub, TOKEN, &[NAME]);
    let forge = forge.await.expect("a forge");
    let github = repos.server.url("").trim_end_matches('/').to_owned();
    let api = forge.api();
    let mut variables = vec![
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_REPO", NAME),
        ("GITHUB_URL", github.as_str()),
        ("GITHUB_API_URL", api.as_str()),
        ("EGRESS_ALLOW", "loopback,private"),
    ];
    variables.extend(more);
    ComposeCi {
        dogi: Dogi::with(&variables).await,
        commit,
        forge,
        _repos: repos,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compose_ci_needs_variables_alone() {
    let token = [("DOGI_TOKEN", "of-the-operator")];
    let ComposeCi {
        dogi,
        commit,
        forge,
        _repos,
    } = compose_ci(&token).await;
    let send =
        |target: &str, body: &Value| dogi.ask(dogi.request("POST", target).body(body.to_string()));
    let by_hand = json!({ "after": commit });
    let wrong = send("/?token=wrong", &by_hand).await;
    assert_eq!(wrong.status, 401, "{}", wrong.text());
    let without = send("/", &by_hand).await;
    assert_eq!(without.status, 401, "{}", without.text());
    let answer = send(&format!("/?token={TOKEN}&wait=true"), &by_hand).await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains(&format!("tested {commit}")), "{text}");
    assert!(!text.contains(TOKEN), "{text}");
    let told = forge.wait_for(2).await.expect("it is told");
    let states: Vec<_> = told.iter().map(|told| told.state.as_str()).collect();
    assert_eq!(states, ["pending", "success"]);
    // Links are for those who can open them.
    let run = answer.header("dogi-run").expect("a run").to_owned();
    let status = dogi.request("GET", &format!("/runs/{run}"));
    assert_eq!(dogi.ask(status).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_comes_by_mail_with_the_logs_colours() {
    let server = smtp::Server::builder(smtp::Mode::StartTls)
        .login("ci", "sesame")
        .start()
        .await
        .expect("a mail server");
    let port = server.address().port().to_string();
    let rule = "    mail: {to: [team@acme.example, boss@acme.example], on: failure}\n    \
        run: {dockerfile: Dockerfile, cmd: [/bin/bash, -c, \"printf '\\\\033[31mred\\\\033[0m <b>'; exit 3\"]}\n";
    let variables = [
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", port.as_str()),
        ("SMTP_USER", "ci"),
        ("SMTP_PASS", "sesame"),
        ("SMTP_FROM", "ci@acme.example"),
    ];
    let place = Webhooks::with(Kind::GitHub, repo(&[]), rule, &variables).await;
    let answer = place.github("push", "mailed", &place.push("main")).await;
    let run = first_run(&answer.json());
    place.ended(&run).await;
    let mails = wait::within(Duration::from_secs(60), "two mails", || async {
        let mails = server.received().expect("mails");
        (mails.len() >= 2).then_some(mails)
    })
    .await
    .unwrap_or_else(|error| panic!("{error}: {}", place.dogi.process.output()));
    for mail in &mails {
        let subject = format!("[{NAME}] {} failure", &place.commit[..7]);
        assert_eq!(
            mail.header("subject").collect::<Vec<_>>(),
            [subject.as_str()]
        );
        assert!(mail.tls && mail.text.contains("red <b>"), "{}", mail.text);
        assert!(
            mail.html.contains("&lt;b&gt;") && !mail.html.contains("<b>red"),
            "{}",
            mail.html
        );
        assert!(mail.text.trim_end().ends_with(&run), "{}", mail.text);
        assert!(
            mail.text.contains("https://ci.example/runs/"),
            "{}",
            mail.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_after_its_answer_keeps_what_it_promised() {
    let rule = "    run: {dockerfile: Dockerfile, cmd: [/bin/bash, -c, 'sleep 2; echo done']}\n";
    let mut place = Webhooks::start(Kind::GitLab, repo(&[]), rule).await;
    let url = place.repos.server.url(&format!("{NAME}.git"));
    let push = json!({
        "object_kind": "push", "event_name": "push", "ref": "refs/heads/main",
        "before": "0000000000000000000000000000000000000000", "after": place.commit,
        "checkout_sha": place.commit, "user_name": "Somebody",
        "project": {"path_with_namespace": NAME, "git_http_url": url, "default_branch": "main"},
        "commits": [{"id": place.commit, "message": "mend it", "added": [], "modified": [], "removed": []}],
    });
    let request = place.dogi.request("POST", "/webhooks/gitlab");
    let request = request
        .header("x-gitlab-event", "Push Hook")
        .header("x-gitlab-token", SECRET)
        .header("idempotency-key", "killed")
        .header("content-type", "application/json");
    let answer = place.dogi.ask(request.body(push.to_string())).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = first_run(&answer.json());
    place.dogi.kill();
    place.dogi.restart().await;
    let status = place.ended(&run).await;
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let states: Vec<String> = place.told(2).await.into_iter().map(|told| told.0).collect();
    assert_eq!(
        states.last().map(String::as_str),
        Some("success"),
        "{states:?}"
    );
    let kept = std::fs::read_dir(place.dogi.data_dir().join("deliveries")).expect("kept");
    for file in kept {
        let bytes = std::fs::read(file.expect("a file").path()).expect("readable");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(SECRET), "the token is not kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_asked_of_git_where_the_payload_does_not_say() {
    let rule = "    on: {push: {paths: [\"src/**\"]}}\n    run: {command: [/bin/sh, -c, 'ls; echo here $commit']}\n";
    let repo = repo(&[("src/a", "1"), ("doc/a", "1")]);
    let first = repo.head().expect("a commit");
    repo.write("doc/a", "2").expect("written");
    let docs = repo.commit("docs").expect("a commit");
    repo.write("src/a", "2").expect("written");
    repo.commit("source").expect("a commit");
    let place = Webhooks::start(Kind::Gitea, repo, rule).await;
    let send = async |before: &str, after: &str, id: &str| {
        let mut push = place.push_of("main", after);
        push["before"] = before.into();
        let body = push.to_string();
        let request = place.dogi.request("POST", "/webhooks/gitea");
        let request = request
            .header("x-gitea-event", "push")
            .header("x-gitea-delivery", id)
            .header("x-gitea-signature", sign(&body))
            .header("content-type", "application/json");
        place.dogi.ask(request.body(body)).await
    };
    let none = send(&first, &docs, "docs").await;
    // The answer does not wait for git for ever.
    let outcome = match none.status {
        202 => place.started(&none).await["outcome"].clone(),
        _ => none.json()["outcome"].clone(),
    };
    assert_eq!(outcome, "not_triggered", "{}", none.text());
    let some = send(&docs, &place.commit, "source").await;
    let run = first_run(&place.started(&some).await);
    let status = place.ended(&run).await;
    let log = place.log(&run).await;
    assert_eq!(status["state"], "succeeded", "{status:#} {log}");
    assert!(
        log.contains(&format!("here {}", place.commit)) && log.contains("Dockerfile"),
        "{log}"
    );
    let left = std::fs::read_dir(place.dogi.data_dir().join("checkouts"));
    assert_eq!(left.map_or(0, Iterator::count), 0, "no checkout is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forge_that_is_busy_is_told_later_and_in_order() {
    let place = Webhooks::start(Kind::GitHub, repo(&[]), DOCKERFILE).await;
    place.forge.once(Fault::RetryAfter(403, 1));
    place.forge.once(Fault::TakeAndClose);
    let answer = place.github("push", "busy", &place.push("main")).await;
    let run = first_run(&answer.json());
    place.ended(&run).await;
    let last = || async {
        let told = place.forge.told();
        let is_last = told.last().is_some_and(|told| told.state == "success");
        is_last.then_some(told)
    };
    let told = wait::within(Duration::from_secs(60), "the result", last).await;
    let states: Vec<String> = told
        .expect("told")
        .into_iter()
        .map(|told| told.state)
        .collect();
    assert!(states.is_sorted(), "pending comes first: {states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_in_a_container_of_the_build_image_is_kept_with_its_files() {
    let engine = Engine::default();
    let image = format!("dogi-e2e-build-image:{}", std::process::id());
    let folder = tempfile::tempdir().expect("a directory");
    let context = Context::bash("").expect("busybox is installed");
    context.write_to(folder.path()).expect("a build context");
    let path = folder.path().to_str().expect("UTF-8");
    engine.build(&image, path);

    let hook = "sh -c 'echo hook $commit $OF_THE_OPERATOR ${GITHUB_TOKEN:-no token}; echo made > /made; ls'";
    let ComposeCi { dogi, commit, .. } = &compose_ci(&[
        ("BYPASS_SIGNATURES", "true"),
        ("BUILD_IMAGE", &image),
        ("GARBAGE_COLLECT", "0"),
        ("OF_THE_OPERATOR", "handed on"),
        ("HOOK", hook),
    ])
    .await;
    let request = dogi.request("POST", &format!("/?token={TOKEN}&wait=true"));
    let answer = dogi
        .ask(request.body(json!({ "after": commit }).to_string()))
        .await;
    let text = answer.text();
    let run = answer.header("dogi-run").unwrap_or_default().to_owned();
    let file = dogi.get(&format!("/runs/{run}/files/made")).await;
    let missing = dogi.get(&format!("/runs/{run}/files/nothing")).await;
    let project = format!("label=dogi.run={run}");
    let kept = engine.docker(&["ps", "--all", "--quiet", "--filter", &project]);
    for container in &kept {
        engine.docker(&["rm", "--force", "--volumes", container]);
    }
    let project = format!("label=com.docker.compose.project=dogi-{run}");
    for network in engine.docker(&["network", "ls", "--quiet", "--filter", &project]) {
        engine.docker(&["network", "rm", &network]);
    }
    engine.docker(&["rmi", "--force", &image]);
    assert_eq!(answer.status, 200, "{text}");
    let line = format!("hook {commit} handed on no token\n");
    assert!(
        text.contains(&line) && text.contains("docker-compose.yml"),
        "{text}"
    );
    assert_eq!(
        (file.status, file.text().as_str()),
        (200, "made\n"),
        "{text}"
    );
    assert_eq!(missing.status, 404);
    assert!(!kept.is_empty());
}
