//! A push runs the repository, and everybody hears of it.

use dogi_testkit::{docker::Context, forges::Kind, repo::Repo};
use serde_json::{Value, json};

use crate::harness::{NAME, Webhooks, sign};

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
        assert_eq!(answer.status, 202, "{}", answer.text());
        let status = place.ended(&first_run(&answer.json())).await;
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

    let url = place.repos.server.url(&format!("{NAME}.git"));
    let base = json!({"full_name": NAME, "clone_url": url});
    let fork = json!({"full_name": "stranger/app", "clone_url": "https://git.example/stranger/app.git",
        "fork": true});
    let request = json!({
        "action": "opened", "number": 7,
        "pull_request": {"number": 7, "title": "please", "draft": false,
            "head": {"sha": place.commit, "ref": "patch", "repo": fork},
            "base": {"sha": place.commit, "ref": "main", "repo": base}},
        "repository": base, "sender": {"login": "stranger"},
    });
    let answer = place.github("pull_request", "fork", &request).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = first_run(&answer.json());
    place.ended(&run).await;
    let log = place.log(&run).await;
    assert!(log.contains("got none."), "{log}");
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
    'echo tested $$commit; exit ${CODE:-0}']\n    environment: [commit]\n";

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
    let told = place.told(2).await;
    assert_eq!(told[1], ("success".to_owned(), "dogi/compose".to_owned()));
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
