//! A push runs nodes of the repository's container graph.

use std::{collections::BTreeMap, time::Duration};

use dogi_testkit::{
    forges::{Kind, Told},
    registry::Registry,
    repo::Repo,
    wait,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Image, NAME, Webhooks, sign};

/// A repository whose graph is `graph`, with the name of this image for `IMAGE`.
fn repo(image: &Image, graph: &str, files: &[(&str, &str)]) -> Repo {
    let repo = Repo::with_files(files).expect("git works");
    let graph = graph.replace("IMAGE", &image.name);
    repo.write("ci.dockercise.yaml", graph).expect("written");
    repo.commit("the graph").expect("a commit");
    repo
}

async fn first_run(place: &Webhooks, answer: &Answer) -> String {
    let started = place.started(answer).await;
    let run = started["run"].as_str();
    run.unwrap_or_else(|| panic!("{started:#}")).to_owned()
}

/// The nodes of a run, with what became of each.
fn nodes(status: &Value) -> BTreeMap<&str, &str> {
    let nodes = status["nodes"].as_object().into_iter().flatten();
    nodes
        .map(|(name, node)| (name.as_str(), node["state"].as_str().unwrap_or("?")))
        .collect()
}

/// What the forge was told in the end of so many runs, in the order of the names.
async fn results(place: &Webhooks, count: usize) -> Vec<Told> {
    let told = || async {
        let mut told = place.forge.told();
        told.retain(|told| told.state != "pending");
        (told.len() >= count).then_some(told)
    };
    let told = wait::within(Duration::from_secs(60), "the results", told).await;
    let mut told = told.expect("they are told");
    told.sort_by(|a, b| a.context.cmp(&b.context));
    told
}

async fn node_log(place: &Webhooks, run: &str, node: &str) -> String {
    let log = place.dogi.get(&format!("/runs/{run}/node_{node}")).await;
    assert_eq!(log.status, 200, "{node}: {}", log.text());
    log.text()
}

/// Sends a push from one commit to another as Gitea does, which never lists all changed files.
async fn push(place: &Webhooks, (before, after): (&str, &str)) -> Answer {
    let mut push = place.push_of("main", after);
    push["before"] = before.into();
    let body = push.to_string();
    let request = place.dogi.request("POST", "/webhooks/gitea");
    let request = request
        .header("x-gitea-event", "push")
        .header("x-gitea-delivery", format!("{before}-{after}"))
        .header("x-gitea-signature", sign(&body))
        .header("content-type", "application/json");
    place.dogi.ask(request.body(body)).await
}

const TRIGGERED: &str = "
prepare: {img: IMAGE, run: echo prepared}
build:
  img: IMAGE
  run: cat /code/src/a; echo of $PREPARE at $commit; cat $GITHUB_EVENT_PATH
  env: prepare
  vol: code
  triggers: src/
docs: {img: IMAGE, run: echo written, triggers: 'doc/**'}
after: {img: IMAGE, run: echo later, after: build}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_runs_the_nodes_that_it_touches_and_what_they_depend_on() {
    let image = Image::build("triggered", "", &[]);
    let repo = repo(&image, TRIGGERED, &[("src/a", "one\n"), ("doc/a", "one\n")]);
    let first = repo.head().expect("a commit");
    repo.write("src/a", "two\n").expect("written");
    let source = repo.commit("source").expect("a commit");
    repo.write("README", "read me\n").expect("written");
    let readme = repo.commit("read me").expect("a commit");
    let rule = "    run: {pipeline: triggered}\n";
    let place = Webhooks::start(Kind::Gitea, repo, rule).await;

    let run = first_run(&place, &push(&place, (&first, &source)).await).await;
    let status = place.ended(&run).await;
    let log = place.log(&run).await;
    assert_eq!(status["state"], "succeeded", "{status:#} {log}");
    let wanted = [("build", "succeeded"), ("prepare", "succeeded")];
    assert_eq!(nodes(&status), wanted.into(), "{log}");
    let built = node_log(&place, &run, "build").await;
    let said = format!("two\nof prepared at {source}\n");
    assert!(built.contains(&said), "{built}");
    assert!(built.contains("mend it"), "the event: {built}");

    let run = first_run(&place, &push(&place, (&source, &readme)).await).await;
    let status = place.ended(&run).await;
    let log = place.log(&run).await;
    assert_eq!(status["state"], "succeeded", "{status:#} {log}");
    assert_eq!(nodes(&status), BTreeMap::new());
    assert!(log.contains("nothing to do"), "{log}");

    // Nobody knows what of a new branch is new.
    let run = first_run(&place, &push(&place, (&"0".repeat(40), &readme)).await).await;
    let status = place.ended(&run).await;
    assert_eq!(
        nodes(&status).into_keys().collect::<Vec<_>>(),
        ["build", "docs", "prepare"],
        "{status:#}"
    );

    let told = results(&place, 3).await;
    let told: Vec<(&str, &str, &str)> = told
        .iter()
        .map(|told| (&*told.context, &*told.commit, &*told.state))
        .collect();
    let success = |commit| ("dogi/pipeline", commit, "success");
    assert_eq!(
        told,
        [&source, &readme, &readme].map(|commit| success(&**commit))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_payload_says_what_changed_where_it_lists_all() {
    let image = Image::build("listed", "", &[]);
    let repo = repo(&image, TRIGGERED, &[("src/a", "one\n")]);
    let place = Webhooks::start(Kind::GitHub, repo, "    run: {pipeline: triggered}\n").await;
    let mut push = place.push("main");
    // There is no such commit that git could be asked for.
    push["before"] = "1111111111111111111111111111111111111111".into();
    push["created"] = false.into();
    push["commits"][0]["modified"] = json!(["doc/deep/a"]);
    let run = first_run(&place, &place.github("push", "listed", &push).await).await;
    let status = place.ended(&run).await;
    assert_eq!(nodes(&status), [("docs", "succeeded")].into(), "{status:#}");
    // The payload does not list all, and git does not know: all nodes with triggers.
    push["forced"] = true.into();
    let run = first_run(&place, &place.github("push", "forced", &push).await).await;
    let status = place.ended(&run).await;
    assert_eq!(nodes(&status).len(), 3, "{status:#}");
}

/// A pull request of the newest commit, from the repository itself or another one.
fn pull_request(place: &Webhooks, base: &str, from: Option<Value>) -> Value {
    let url = place.repos.server.url(&format!("{NAME}.git"));
    let own = json!({"full_name": NAME, "clone_url": url});
    json!({
        "action": "opened", "number": 7,
        "pull_request": {"number": 7, "title": "please", "draft": false,
            "head": {"sha": place.commit, "ref": "patch", "repo": from.unwrap_or_else(|| own.clone())},
            "base": {"sha": base, "ref": "main", "repo": own}},
        "repository": own, "sender": {"login": "somebody"},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_runs_the_nodes_that_differ_from_its_base() {
    let image = Image::build("proposed", "", &[]);
    let repo = repo(&image, TRIGGERED, &[("doc/a", "one\n")]);
    let base = repo.head().expect("a commit");
    repo.write("doc/b", "two\n").expect("written");
    repo.commit("documented").expect("a commit");
    let rule = "    on: {pull_request: {}}\n    files: {a: /a}\n    \
        run:\n      - {pipeline: triggered, name: changed}\n      - {dockerfile: Dockerfile}\n";
    let place = Webhooks::start(Kind::GitHub, repo, rule).await;
    let request = pull_request(&place, &base, None);
    let run = first_run(&place, &place.github("pull_request", "own", &request).await).await;
    let status = place.ended(&run).await;
    assert_eq!(nodes(&status), [("docs", "succeeded")].into(), "{status:#}");
    let outputs = status["output"].as_object().expect("outputs");
    assert!(
        !outputs.contains_key("file_a"),
        "files are of the other entry: {status:#}"
    );
}

const DEPLOY: &str = "
deploy: {img: IMAGE, run: echo got $DEPLOY_TOKEN of $STAGE., env: deploy_token, after: test}
test: {img: IMAGE, run: env}
other: {img: IMAGE, run: echo never}
";

const DEPLOY_RULE: &str = "    on: {push: {}, pull_request: {}}\n    \
    env: {STAGE: production}\n    secrets: {DEPLOY_TOKEN: sesame-open}\n    \
    run:\n      - {pipeline: [deploy]}\n      - {pipeline: test, name: test}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_for_the_node_that_asks_for_it() {
    let image = Image::build("deploy", "", &[]);
    let place = Webhooks::start(Kind::GitHub, repo(&image, DEPLOY, &[]), DEPLOY_RULE).await;
    let run = first_run(
        &place,
        &place.github("push", "own", &place.push("main")).await,
    )
    .await;
    let status = place.ended(&run).await;
    let wanted = [("deploy", "succeeded"), ("test", "succeeded")];
    assert_eq!(nodes(&status), wanted.into(), "{status:#}");
    let deployed = node_log(&place, &run, "deploy").await;
    assert!(deployed.contains("got *** of production."), "{deployed}");
    let tested = node_log(&place, &run, "test").await;
    assert!(
        tested.contains("STAGE=production") && !tested.contains("DEPLOY_TOKEN"),
        "{tested}"
    );
    let log = place.log(&run).await;
    assert!(!format!("{status} {log}").contains("sesame"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_from_a_fork_gets_no_secret_and_is_told_which_node_wants_one() {
    let registry = Registry::start().await.expect("a registry");
    let image = Image::build("fork", "", &[]);
    let public = image.publish(&registry, "public");
    let graph = format!("{DEPLOY}local: {{img: {}, run: echo never}}\n", image.name);
    let rule = format!("{DEPLOY_RULE}      - {{pipeline: local, name: local}}\n");
    let place = Webhooks::start(Kind::GitHub, repo(&public, &graph, &[]), &rule).await;
    let fork = json!({"full_name": "stranger/app", "clone_url": "https://git.example/stranger/app.git",
        "fork": true});
    let request = pull_request(&place, &place.commit, Some(fork));
    let answer = place.github("pull_request", "fork", &request).await;
    let started = place.started(&answer).await;
    let run = started["run"].as_str().unwrap_or_default();
    let status = place.ended(run).await;
    assert_eq!(status["state"], "failed", "{status:#}");
    let error = status["errors"][0].as_str().unwrap_or_default();
    let wanted = "ci.dockercise.yaml:2: the node \"deploy\" needs the variable DEPLOY_TOKEN, which was not given";
    assert!(error.contains(wanted), "{status:#}");
    // Another entry, whose nodes ask for none.
    let other = started["runs"][1]["run"].as_str().unwrap_or_default();
    let status = place.ended(other).await;
    assert_eq!(nodes(&status), [("test", "succeeded")].into(), "{status:#}");
    // What only this engine has may be somebody's.
    let local = started["runs"][2]["run"].as_str().unwrap_or_default();
    let status = place.ended(local).await;
    assert_eq!(nodes(&status), [("local", "failed")].into(), "{status:#}");
    let error = status["errors"][0].as_str().unwrap_or_default();
    let wanted = "pull requests from forks get only images that everybody can pull";
    assert!(error.ends_with(wanted), "{status:#}");
    let told = results(&place, 3).await;
    let mut told: Vec<(&str, &str)> = told
        .iter()
        .map(|told| (&*told.context, &*told.state))
        .collect();
    told.sort_unstable();
    let wanted = [
        ("dogi/local", "failure"),
        ("dogi/pipeline", "failure"),
        ("dogi/test", "success"),
    ];
    assert_eq!(told, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_of_the_commit_names_the_node_that_failed() {
    let image = Image::build("failing", "", &[]);
    let graph = "
lint: {img: IMAGE, run: exit 3, triggers: src/}
build: {img: IMAGE, run: echo built, triggers: src/}
publish: {img: IMAGE, run: echo never, after: [lint, build]}
";
    let place = Webhooks::start(
        Kind::GitHub,
        repo(&image, graph, &[]),
        "    run: {pipeline: '*'}\n",
    );
    let place = place.await;
    let run = first_run(
        &place,
        &place.github("push", "failing", &place.push("main")).await,
    )
    .await;
    let status = place.ended(&run).await;
    let wanted = [
        ("build", "succeeded"),
        ("lint", "failed"),
        ("publish", "skipped"),
    ];
    assert_eq!(nodes(&status), wanted.into(), "{status:#}");
    let last = &results(&place, 1).await[0];
    assert_eq!(
        (&*last.context, &*last.state),
        ("dogi/pipeline", "failure"),
        "{}",
        last.description
    );
    assert!(
        last.description.contains("node lint"),
        "{}",
        last.description
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_node_or_no_graph_is_told() {
    let image = Image::build("unknown", "", &[]);
    let cases = [
        (
            DEPLOY,
            "[deploi]",
            "failure",
            "\"deploi\" is no node of the graph",
        ),
        (
            "",
            "[deploy]",
            "failure",
            "\"deploy\" is no node of the graph",
        ),
        ("", "triggered", "success", "Succeeded"),
        (
            "a: {img: IMAGE, run: x, after: a}",
            "'*'",
            "failure",
            "ci.dockercise.yaml",
        ),
    ];
    for (graph, pipeline, state, said) in cases {
        let rule = format!("    run: {{pipeline: {pipeline}}}\n");
        let place = Webhooks::start(Kind::GitHub, repo(&image, graph, &[]), &rule).await;
        let run = first_run(
            &place,
            &place.github("push", "one", &place.push("main")).await,
        )
        .await;
        let status = place.ended(&run).await;
        let last = &results(&place, 1).await[0];
        assert_eq!(last.state, state, "{pipeline}: {status:#}");
        assert!(
            last.description.contains(said),
            "{pipeline}: {} {status:#}",
            last.description
        );
    }
}
