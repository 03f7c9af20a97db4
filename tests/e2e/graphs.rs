//! Container graphs: what nodes hand on to each other, what becomes of the others when one fails, and
//! that nothing of it is left or done twice.

use std::collections::BTreeSet;

use dogi_testkit::wait;
use serde_json::{Value, json};

use crate::harness::{Dogi, Engine, Image, Repos, containers, of_namespace, wait_until_gone};

/// A server, and a repository with a graph; `IMG` in its files stands for an image with a shell.
struct Place {
    dogi: Dogi,
    path: String,
    _repos: Repos,
    _image: Image,
}

impl Place {
    async fn new(name: &str, files: &[(&str, &str)]) -> Self {
        Self::with(name, files, &[]).await
    }

    async fn with(name: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let image = Image::build(name, "", &[]);
        let files: Vec<(&str, String)> = files
            .iter()
            .map(|(path, text)| (*path, text.replace("IMG", &image.name)))
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let mut repos = Repos::start().await;
        let path = repos.add_files("graph.git", "", &files);
        let variables = [&[("BYPASS_SIGNATURES", "true")], variables].concat();
        Self {
            dogi: Dogi::with(&variables).await,
            path,
            _repos: repos,
            _image: image,
        }
    }

    fn target(&self, params: &str) -> String {
        format!("{}?action=run&{params}", self.path)
    }

    /// The status of a run when it is over.
    async fn run(&self, params: &str) -> Value {
        let target = self.target(&format!("{params}&output=status&output_type=wait"));
        self.dogi.get(&target).await.json()
    }

    async fn output(&self, status: &Value, name: &str) -> String {
        let run = status["run"].as_str().expect("a run");
        self.dogi.get(&format!("/runs/{run}/{name}")).await.text()
    }

    /// The status as it is now.
    async fn now(&self) -> Value {
        let target = format!("{}?output=status&output_type=async", self.path);
        self.dogi.get(&target).await.json()
    }

    /// Waits until nodes stand so.
    async fn until(&self, states: &[(&str, &str)]) {
        let stand = || async {
            let now = self.now().await;
            let stands = |(node, state): &(&str, &str)| now["nodes"][node]["state"] == *state;
            states.iter().all(stands).then_some(())
        };
        let stood = wait::until("nodes to stand so", stand).await;
        if let Err(error) = stood {
            panic!("{error}: {}", self.now().await);
        }
    }

    /// Waits until nodes have said that they begin: a node is told as running a moment before.
    async fn begun(&self, nodes: &[&str]) {
        for node in nodes {
            let said = || async {
                let run = self.now().await["run"].as_str().map(str::to_owned)?;
                let target = format!("/runs/{run}/node_{node}?output_type=async");
                let text = self.dogi.get(&target).await.text();
                text.contains("begins").then_some(())
            };
            wait::until("a node to begin", said).await.expect(node);
        }
    }

    /// Nothing is left in Docker.
    async fn assert_clean(&self) {
        wait_until_gone(&self.dogi.namespace).await;
        assert_eq!(volumes(&self.dogi), [""; 0], "volumes are left");
    }
}

fn volumes(dogi: &Dogi) -> Vec<String> {
    let filter = format!("label={}", of_namespace(&dogi.namespace));
    Engine::default().docker(&["volume", "ls", "--quiet", "--filter", &filter])
}

/// The states of the nodes, by name.
fn states(status: &Value) -> Vec<(String, String)> {
    let nodes = status["nodes"].as_object().expect("nodes");
    let state = |node: &Value| node["state"].as_str().expect("a state").to_owned();
    nodes
        .iter()
        .map(|(name, node)| (name.clone(), state(node)))
        .collect()
}

/// A graph in which everything is handed on that can be.
const HANDED_ON: &str = r#"
version:
  img: IMG
  run: echo "  1.2.3  "
built:
  img: IMG
  env: version
  vol: code
  run: |
    echo "$VERSION in $OUT" > $OUT/version
    cat /code/hello > $OUT/hello
    touch /code/x 2>/dev/null || echo the code is read-only
edited:
  img: IMG
  on: built
  run: |
    pwd
    echo more >> version
    cat version
inside:
  img: IMG
  vol: built
  dir: /built
  run: cat hello
checked:
  img: IMG
  vol: [built, edited]
  after: inside
  run: |
    cat /built/version; cat edited/version
    cat out/version out/edited out/inside
    touch /built/x 2>/dev/null || echo what others made is read-only
fresh:
  img: IMG
  on: code
  run: cat hello; touch x; ls x
all:
  after: [checked, fresh]
"#;

#[tokio::test]
async fn nodes_hand_on_what_they_print_and_what_they_make() {
    let files = [
        ("hello", "hello from the code\n"),
        ("ci/a.dockercise.yaml", HANDED_ON),
    ];
    let place = Place::new("handed", &files).await;
    let status = place.run("pipeline=all").await;
    assert_eq!(status["state"], "succeeded", "{status}");
    assert_eq!(status["exit_code"], 0, "{status}");
    let wanted = [
        ("node_version", "  1.2.3  \n"),
        ("node_built", "the code is read-only\n"),
        ("node_edited", "/edited\n1.2.3 in /built\nmore\n"),
        ("node_inside", "hello from the code\n"),
        (
            "node_checked",
            "1.2.3 in /built\n1.2.3 in /built\nmore\n  1.2.3  \n/edited\n1.2.3 in /built\nmore\n\
             hello from the code\nwhat others made is read-only\n",
        ),
        ("node_fresh", "hello from the code\nx\n"),
    ];
    for (name, text) in wanted {
        assert_eq!(place.output(&status, name).await, text, "{name}");
        assert!(status["output"][name].is_string(), "{name}: {status}");
    }
    // The log has all of it, and who printed it.
    let log = place.output(&status, "log").await;
    for line in ["version |   1.2.3  ", "fresh | x", "edited | more"] {
        assert!(log.lines().any(|found| found == line), "{line}: {log}");
    }
    assert_eq!(status["nodes"]["all"]["after"], json!(["checked", "fresh"]));
    assert_eq!(status["nodes"]["all"]["log"], Value::Null);
    let run = status["run"].as_str().expect("a run");
    let picture = place.dogi.get(&format!("/runs/{run}/graph.svg")).await;
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    for text in ["checked", "succeeded", &format!("/runs/{run}/node_checked")] {
        assert!(picture.text().contains(text), "{}", picture.text());
    }
    place.assert_clean().await;
}

#[tokio::test]
async fn what_is_not_logged_is_for_nodes_only() {
    let graph = r#"
secret:
  img: IMG
  noLog: true
  run: echo "hush-hush-123"; echo hush-stderr >&2
uses:
  img: IMG
  env: [secret, colour]
  run: echo "$SECRET and $COLOUR"; [ "$SECRET" = hush-hush-123 ] && [ "$(cat out/secret)" = hush-hush-123 ] && echo same
other:
  img: IMG
  after: uses
  run: echo "colour=$COLOUR secret=$SECRET"
large:
  img: IMG
  noLog: true
  run: head -c 50000 /dev/zero | tr '\0' x
takes-large:
  img: IMG
  noLog: true
  env: large
  run: '[ ${#LARGE} = 50000 ]'
shows-large:
  img: IMG
  env: large
  run: echo not reached
"#;
    let place = Place::new("unlogged", &[("x.graphci.yaml", graph)]).await;
    let status = place
        .run("pipeline=shows-large&env_COLOUR=red&id=large")
        .await;
    let error = status["errors"][0].as_str().expect("an error");
    assert!(error.contains("more than 16384 bytes"), "{error}");
    let status = place.run("pipeline=other,takes-large&env_COLOUR=red").await;
    assert_eq!(status["state"], "succeeded", "{status}");
    let uses = place.output(&status, "node_uses").await;
    assert!(
        uses.ends_with(" and red\nsame\n") && !uses.contains("hush"),
        "{uses}"
    );
    let log = place.output(&status, "log").await;
    assert!(!log.contains("hush"), "{log}");
    let run = status["run"].as_str().expect("a run");
    let unread = place.dogi.get(&format!("/runs/{run}/node_secret")).await;
    assert_eq!(unread.status, 404, "{}", unread.text());
    // Nor is it on the disk any more.
    let directory = place.dogi.data_dir();
    let found = std::process::Command::new("grep")
        .args(["-r", "-l", "hush-hush-123"])
        .arg(&directory)
        .output()
        .expect("grep runs");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let allowed = |line: &&str| !line.contains("/mirrors/") && !line.contains("dogi.db");
    assert_eq!(found.lines().filter(allowed).collect::<Vec<_>>(), [""; 0]);
    place.assert_clean().await;
}

#[tokio::test]
async fn a_failed_node_stops_what_depends_on_it_and_nothing_else() {
    let graph = r#"
good:
  img: IMG
  run: echo fine
bad:
  img: IMG
  run: exit 3
never:
  img: IMG
  run: exit 4
  neverFail: true
after-bad:
  img: IMG
  after: bad
  run: echo not reached
join:
  after: [after-bad, good]
after-good:
  img: IMG
  after: [good, never]
  run: echo reached
no-image:
  img: no-such-registry.invalid/nothing:1
  vol: code
  run: echo x
"#;
    let place = Place::new("failing", &[("a.graphci.yaml", graph)]).await;
    let status = place.run("pipeline=good,never,after-good,join").await;
    assert_eq!(status["state"], "failed", "{status}");
    assert_eq!(status["exit_code"], 3);
    let errors = json!(["node bad: Execution failed with code 3"]);
    assert_eq!(status["errors"], errors);
    let wanted = [
        ("after-bad", "skipped"),
        ("after-good", "succeeded"),
        ("bad", "failed"),
        ("good", "succeeded"),
        ("join", "skipped"),
        ("never", "succeeded"),
    ];
    let wanted = wanted.map(|(name, state)| (name.to_owned(), state.to_owned()));
    assert_eq!(states(&status), wanted);
    assert_eq!(status["nodes"]["never"]["exit_code"], 4);
    assert_eq!(place.output(&status, "node_after-good").await, "reached\n");

    let status = place.run("pipeline=no-image,good&id=b").await;
    assert_eq!(status["state"], "failed", "{status}");
    let error = status["errors"][0].as_str().expect("an error");
    assert!(error.starts_with("node no-image: "), "{error}");
    assert_eq!(status["nodes"]["good"]["state"], "succeeded");
    place.assert_clean().await;
}

#[tokio::test]
async fn output_that_was_cut_is_not_taken_for_the_whole() {
    let graph = r#"
long:
  img: IMG
  run: head -c 100000 /dev/zero | tr '\0' x
reads:
  img: IMG
  after: long
  run: ls out; echo done
wants:
  img: IMG
  env: long
  run: echo not reached
"#;
    let limit = [("MAX_LOG_BYTES", "65536")];
    let place = Place::with("cut", &[("a.graphci.yaml", graph)], &limit).await;
    let status = place.run("pipeline=*").await;
    let wanted = [
        ("long", "succeeded"),
        ("reads", "succeeded"),
        ("wants", "failed"),
    ];
    let wanted = wanted.map(|(name, state)| (name.to_owned(), state.to_owned()));
    assert_eq!(states(&status), wanted, "{status}");
    let error = status["errors"][0].as_str().expect("an error");
    assert!(error.contains("it was cut"), "{error}");
    let reads = place.output(&status, "node_reads").await;
    assert!(
        reads.starts_with("dogi: /out/long is left out: it was cut") && reads.ends_with("done\n"),
        "{reads}"
    );
    assert!(!reads.lines().any(|line| line == "long"), "{reads}");
    place.assert_clean().await;
}

#[tokio::test]
async fn a_graph_that_can_not_be_run_says_where_and_why() {
    let good = "a:\n  img: IMG\n  run: echo a\n";
    let cases = [
        ("pipeline=b", good, vec!["\"b\"", "a"]),
        (
            "pipeline=*",
            "a:\n  img: IMG\n  run: x\n  after: b\nb:\n  after: a\n",
            vec!["x.graphci.yaml:", "a → b → a"],
        ),
        (
            "pipeline=*",
            "a:\n  img: IMG\n  run: x\n  vol: cod\n",
            vec!["x.graphci.yaml:4", "cod", "code"],
        ),
        (
            "pipeline=*",
            "a:\n  img: IMG\n",
            vec!["x.graphci.yaml:", "run"],
        ),
        (
            "pipeline=*",
            "a:\n  img: IMG\n  run: x\n  env: nothing\n",
            vec!["NOTHING", "x.graphci.yaml:4"],
        ),
    ];
    for (number, (params, graph, words)) in cases.into_iter().enumerate() {
        let name = format!("bad{number}");
        let place = Place::new(&name, &[("x.graphci.yaml", graph)]).await;
        let status = place.run(params).await;
        assert_eq!(status["state"], "failed", "{graph}: {status}");
        let errors = status["errors"].to_string();
        for word in words {
            let word = word.replace('"', "\\\"");
            assert!(errors.contains(&word), "{graph}: {word}: {errors}");
        }
        place.assert_clean().await;
    }
    let place = Place::new("none", &[("node_modules/x.graphci.yaml", "a: {img: 3")]).await;
    let status = place.run("pipeline=*").await;
    assert_eq!(status["state"], "succeeded", "{status}");
    let log = place.output(&status, "log").await;
    assert!(log.contains("nothing to do"), "{log}");
    let status = place.run("pipeline=a&id=b").await;
    assert_eq!(status["state"], "failed", "{status}");
}

/// Two nodes that end when a file comes, which only a test writes.
const WAITING: &str = r#"
left:
  img: IMG
  run: echo left begins; until [ -e /go ]; do sleep 0.05; done; echo left ends
right:
  img: IMG
  run: echo right begins; until [ -e /go ]; do sleep 0.05; done; echo right ends
both:
  img: IMG
  env: [left, right]
  run: echo "$LEFT, $RIGHT" | tr '\n' ' '
"#;

/// Lets every node end that runs.
fn go(place: &Place) {
    let engine = Engine::default();
    for container in engine.running(&of_namespace(&place.dogi.namespace)) {
        std::fs::write(engine.root(&container).join("go"), "").expect("written");
    }
}

#[tokio::test]
async fn nodes_without_a_path_between_them_run_at_once_where_there_is_room() {
    let files = [("x.graphci.yaml", WAITING)];
    let place = Place::new("parallel", &files).await;
    let target = place.target("pipeline=*&output=node_both");
    let stream = tokio::spawn(place.dogi.client().get(place.dogi.url(&target)).send());
    place
        .until(&[
            ("left", "running"),
            ("right", "running"),
            ("both", "waiting"),
        ])
        .await;
    place.begun(&["left", "right"]).await;
    go(&place);
    let answer = stream.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("a text");
    assert_eq!(text, "left begins left ends, right begins right ends ");
    place.assert_clean().await;

    let one = Place::with("narrow", &files, &[("MAX_RUNNING", "1")]).await;
    let target = one.target("pipeline=*&output=node_both");
    let stream = tokio::spawn(one.dogi.client().get(one.dogi.url(&target)).send());
    // Either may be first.
    let running = wait::until("a node to run", || async {
        let now = one.now().await;
        let runs = |node: &&str| now["nodes"][node]["state"] == "running";
        ["left", "right"].into_iter().find(runs)
    });
    let first = running.await.expect("one of them runs");
    let second = if first == "left" { "right" } else { "left" };
    one.begun(&[first]).await;
    one.until(&[(first, "running"), (second, "building")]).await;
    assert_eq!(
        containers(&one.dogi.namespace).len(),
        1,
        "one place, one container"
    );
    go(&one);
    one.until(&[(first, "succeeded"), (second, "running")])
        .await;
    one.begun(&[second]).await;
    go(&one);
    let text = stream.await.expect("no panic").expect("an answer");
    let text = text.text().await.expect("a text");
    assert_eq!(text, "left begins left ends, right begins right ends ");
    one.assert_clean().await;
}

#[tokio::test]
async fn an_aborted_graph_leaves_nothing() {
    let place = Place::new("aborted", &[("x.graphci.yaml", WAITING)]).await;
    let target = place.target("pipeline=*&output=status&output_type=async");
    place.dogi.get(&target).await;
    place
        .until(&[("left", "running"), ("right", "running")])
        .await;
    let target = format!("{}?action=abort", place.path);
    let status = place.dogi.get(&target).await.json();
    assert_eq!(status["state"], "aborted", "{status}");
    assert_eq!(status["nodes"]["left"]["state"], "aborted");
    assert_eq!(status["nodes"]["both"]["state"], "skipped");
    assert_eq!(containers(&place.dogi.namespace), [""; 0]);
    place.assert_clean().await;
}

#[tokio::test]
async fn a_graph_goes_on_where_the_server_ended() {
    let mut place = Place::new("killed", &[("x.graphci.yaml", WAITING)]).await;
    let target = place.target("pipeline=*&output=status&output_type=async");
    place.dogi.get(&target).await;
    place.begun(&["left", "right"]).await;
    let before: BTreeSet<String> = containers(&place.dogi.namespace).into_iter().collect();
    place.dogi.kill();
    go(&place);
    place.dogi.restart().await;
    let ended = || async {
        let now = place.now().await;
        (now["state"] == "succeeded").then_some(now)
    };
    let status = wait::until("the graph to end", ended).await;
    let status = match status {
        Ok(status) => status,
        Err(error) => panic!("{error}: {}", place.now().await),
    };
    assert_eq!(before.len(), 2, "each node has one container");
    for (name, text) in [
        ("node_left", "left begins\nleft ends\n"),
        ("node_right", "right begins\nright ends\n"),
        (
            "node_both",
            "left begins left ends, right begins right ends ",
        ),
    ] {
        assert_eq!(place.output(&status, name).await, text, "{name}");
    }
    let log = place.output(&status, "log").await;
    for line in [
        "left | left begins",
        "left | left ends",
        "right | right ends",
    ] {
        assert_eq!(
            log.lines().filter(|found| *found == line).count(),
            1,
            "{line}: {log}"
        );
    }
    place.assert_clean().await;
    // History of another life has the nodes' logs.
    place.dogi.restart().await;
    assert_eq!(
        place.output(&status, "node_left").await,
        "left begins\nleft ends\n"
    );
    let run = status["run"].as_str().expect("a run");
    let unknown = place.dogi.get(&format!("/runs/{run}/node_nope")).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("node_left"), "{}", unknown.text());
}

#[tokio::test]
async fn parts_of_a_graph_come_out_of_images() {
    let image = Image::build("part", "", &[]);
    let part = format!("part:\n  img: {}\n  run: echo from a part\n", image.name);
    let holder = Image::build(
        "holder",
        "COPY part.yaml /part.yaml\nCMD [\"cat\", \"/part.yaml\"]\n",
        &[("part.yaml", &part)],
    );
    let graph = format!(
        "meta:\n  subgraphs: {}\nmine:\n  img: {}\n  env: part\n  run: echo \"$PART, used\"\n",
        holder.name, image.name
    );
    let place = Place::new("subgraph", &[("x.graphci.yaml", &graph)]).await;
    let status = place.run("pipeline=mine").await;
    assert_eq!(status["state"], "succeeded", "{status}");
    assert_eq!(
        place.output(&status, "node_mine").await,
        "from a part, used\n"
    );
    place.assert_clean().await;

    let complains = Image::build(
        "complains",
        "CMD [\"sh\", \"-c\", \"yes noise | head -n 2000 >&2; echo the reason >&2; exit 4\"]\n",
        &[],
    );
    let graph = format!("meta:\n  subgraphs: {}\n", complains.name);
    let place = Place::new("complaint", &[("x.graphci.yaml", &graph)]).await;
    let status = place.run("pipeline=*").await;
    let error = status["errors"][0].as_str().expect("an error");
    assert!(
        error.ends_with("it ended with code 4: the reason"),
        "{error}"
    );
    place.assert_clean().await;
}
