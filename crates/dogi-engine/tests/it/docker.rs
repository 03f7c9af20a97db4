//! The Docker adapter over an engine that falls silent, forgets and remembers as a test wants it.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dogi_docker::{Builder, Docker, Endpoint};
use dogi_engine::{
    Engine, EngineConfig, MemoryStore,
    adapters::{DockerOptions, DockerRunner},
    governor::CollectRequest,
    ports::Runner as _,
};
use dogi_job::{FailureKind, Spec, State, Submit};
use serde_json::{Value, json};

use crate::fakes::{Fake, spec};

const CONTAINER: &str = "c0ffee0000000000000000000000000000000000000000000000000000000000";

/// A Docker engine as far as a run needs one.
#[derive(Debug, Default)]
struct Daemon {
    /// Nothing is answered from the start of a container on, while this is set.
    silent_after_start: AtomicBool,
    silent: AtomicBool,
    /// Whether containers end at once.
    short: AtomicBool,
    /// Somebody has made a container of the same name already: an earlier life of the server, or
    /// a stranger with these labels.
    name_taken_by: Mutex<Option<Option<Value>>>,
    /// The labels of the container that is there.
    container: Mutex<Option<Value>>,
    /// Images built, with their labels.
    images: Mutex<BTreeMap<String, Value>>,
    built: Mutex<usize>,
    /// The images that the next builds don't find, the last first.
    missing: Mutex<Vec<String>>,
}

impl Daemon {
    fn listen(self: &Arc<Self>, path: &std::path::Path) {
        let listener = UnixListener::bind(path).expect("a socket");
        let this = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (this, stream) = (this.clone(), stream.expect("a connection"));
                std::thread::spawn(move || this.serve(stream));
            }
        });
    }

    fn serve(&self, mut stream: UnixStream) {
        let Some((line, body)) = read_request(&stream) else {
            return;
        };
        if self.silent.load(Ordering::SeqCst) {
            return hold(stream);
        }
        let (method, target) = line.split_once(' ').expect("a request line");
        let path = target.split(['?', ' ']).next().unwrap_or_default();
        let answer = self.answer(method, path, target, &body);
        let _ = stream.write_all(answer.as_bytes());
        if path.ends_with("/start") && self.silent_after_start.load(Ordering::SeqCst) {
            self.silent.store(true, Ordering::SeqCst);
        }
        if path.ends_with("/attach") && !self.short.load(Ordering::SeqCst) {
            hold(stream);
        }
    }

    fn answer(&self, method: &str, path: &str, target: &str, body: &[u8]) -> String {
        let images = || self.images.lock().expect("not poisoned");
        match (method, path.rsplit('/').next().unwrap_or_default()) {
            ("POST", "create") => {
                let body: Value = serde_json::from_slice(body).expect("JSON");
                let taken = self.name_taken_by.lock().expect("not poisoned").take();
                if let Some(by) = taken {
                    let labels = by.unwrap_or_else(|| body["Labels"].clone());
                    *self.container.lock().expect("not poisoned") = Some(labels);
                }
                if self.has_container() {
                    return reply(409, &json!({"message": "Conflict. The name is in use"}));
                }
                *self.container.lock().expect("not poisoned") = Some(body["Labels"].clone());
                reply(201, &json!({"Id": CONTAINER, "Warnings": []}))
            }
            ("POST", "attach") => {
                "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_owned()
            }
            ("POST", "build") => {
                let missing = self.missing.lock().expect("not poisoned").pop();
                if let Some(image) = missing {
                    let text = format!("unable to find image \"{image}\"");
                    let body = json!({"error": text, "errorDetail": {"message": text}});
                    return reply(200, &body);
                }
                let mut built = self.built.lock().expect("not poisoned");
                *built += 1;
                let id = format!("sha256:{:064x}", *built);
                let labels = target.split("labels=").nth(1).expect("labels");
                let labels = labels.split(['&', ' ']).next().unwrap_or_default();
                let labels = percent_decode(labels);
                images().insert(id.clone(), serde_json::from_str(&labels).expect("JSON"));
                reply(200, &json!({"aux": {"ID": id}}))
            }
            ("POST", "wait") => reply(200, &json!({"StatusCode": 0})),
            ("POST" | "PUT", _) => reply(204, &Value::Null),
            ("DELETE", _) if path.contains("/containers/") => {
                *self.container.lock().expect("not poisoned") = None;
                reply(204, &Value::Null)
            }
            ("DELETE", id) => {
                images().remove(&percent_decode(id));
                reply(200, &json!([]))
            }
            (_, "json") if path.ends_with("/containers/json") => {
                let container = self.container.lock().expect("not poisoned").clone();
                let summary = container.map(|labels| json!({"Id": CONTAINER, "Labels": labels}));
                reply(200, &summary.into_iter().collect())
            }
            (_, "json") if path.ends_with("/images/json") => {
                let list = images().clone().into_iter().map(|(id, labels)| {
                    json!({"Id": id, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": 1,
                        "Size": 1, "SharedSize": -1, "Labels": labels, "Containers": -1})
                });
                reply(200, &list.collect())
            }
            (_, "json") if path.contains("/images/") => {
                let id = path.rsplit('/').nth(1).unwrap_or_default();
                let id = percent_decode(id);
                let named = id.rsplit('/').next() == Some("ready:latest");
                match images().contains_key(&id) || named {
                    true => reply(
                        200,
                        &json!({"Id": format!("sha256:{}", "0".repeat(64)), "RepoTags": ["ready:latest"]}),
                    ),
                    false => reply(404, &json!({"message": "No such image"})),
                }
            }
            (_, "json") => reply(200, &json!({"Id": CONTAINER, "State": {"ExitCode": 0}})),
            (_, "volumes") => reply(200, &json!({"Volumes": []})),
            _ => reply(200, &json!([])),
        }
    }

    fn has_container(&self) -> bool {
        self.container.lock().expect("not poisoned").is_some()
    }

    fn images(&self) -> Vec<String> {
        let images = self.images.lock().expect("not poisoned");
        images.keys().cloned().collect()
    }
}

/// The connection stays open and silent until the other side closes it.
fn hold(mut stream: UnixStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, tail) {
            let digits = [*high, *low];
            let digits = std::str::from_utf8(&digits).expect("ASCII");
            bytes.push(u8::from_str_radix(digits, 16).expect("hex"));
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn reply(status: u16, body: &Value) -> String {
    if status == 204 {
        return "HTTP/1.1 204 No Content\r\n\r\n".to_owned();
    }
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn read_request(stream: &UnixStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= line.starts_with("transfer-encoding:");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if chunked {
        read_chunks(&mut reader)?;
    }
    Some((first, body))
}

/// What is uploaded is of no interest.
fn read_chunks(reader: &mut impl BufRead) -> Option<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return Some(());
        }
    }
}

async fn engine_over(
    daemon: &Arc<Daemon>,
    keep_images: usize,
) -> (Engine, Fake, tempfile::TempDir) {
    engine_with(daemon, keep_images, &MemoryStore::new()).await
}

/// A client of the daemon, by a socket in `directory`.
fn client(daemon: &Arc<Daemon>, directory: &std::path::Path) -> Docker {
    let socket = directory.join("docker.sock");
    daemon.listen(&socket);
    let endpoint = Endpoint {
        timeout: Duration::from_secs(1),
        ..Endpoint::new(format!("unix://{}", socket.display()))
    };
    Docker::connect(&endpoint).expect("a valid endpoint")
}

async fn engine_with(
    daemon: &Arc<Daemon>,
    keep_images: usize,
    store: &MemoryStore,
) -> (Engine, Fake, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let docker = client(daemon, directory.path());
    let options = DockerOptions {
        builder: Builder::Classic,
        grace: Duration::ZERO,
        patience: Duration::from_millis(300),
        keep_images,
        ..DockerOptions::new("test")
    };
    let fake = Fake::new();
    let engine = Engine::builder(EngineConfig::new(directory.path().join("data")))
        .source(fake.clone())
        .runner(DockerRunner::new(docker, options).with_values(Arc::new(store.clone())))
        .deliverer(fake.clone())
        .build()
        .await
        .expect("the engine can be put together");
    (engine, fake, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_comes_back_from_an_engine_that_fell_silent_and_the_container_goes_later() {
    let daemon = Arc::new(Daemon::default());
    daemon.silent_after_start.store(true, Ordering::SeqCst);
    let (engine, _fake, _directory) = engine_over(&daemon, 10).await;
    let submitted = engine.submit(spec("image=ready"), Submit::Run).await;
    let run = submitted.expect("taken").run;
    let mut status = run.subscribe();
    let running = status.wait_for(|status| status.state == State::Running || status.stopped);
    running.await.expect("it runs");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let abort = tokio::time::timeout(Duration::from_secs(15), engine.abort(run.instance())).await;
    assert!(abort.is_ok(), "the abort waits for ever");
    assert_eq!(run.finished().await.state, State::Aborted);
    assert!(daemon.has_container(), "it could not be removed");

    daemon.silent.store(false, Ordering::SeqCst);
    let gone = async {
        while daemon.has_container() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("the container is removed when the engine is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_begins_again_when_an_image_of_the_cache_is_removed_under_it() {
    let id = format!("sha256:{}", "d".repeat(64));
    let cached = |times| vec![id.clone(); times];
    // The images that are not found, how many of them are still to be told of in the end, and how it ends.
    let cases = [
        (cached(0), 0, State::Succeeded),
        (cached(4), 0, State::Succeeded),
        (cached(6), 1, State::Failed),
        // What the Dockerfile asks for is not there the next time either.
        (vec!["alpine".to_owned(); 2], 1, State::Failed),
    ];
    for (missing, left, state) in cases {
        let daemon = Arc::new(Daemon::default());
        daemon.short.store(true, Ordering::SeqCst);
        daemon
            .missing
            .lock()
            .expect("not poisoned")
            .clone_from(&missing);
        let (engine, fake, _directory) = engine_over(&daemon, 10).await;
        *fake.0.context.lock().expect("not poisoned") = Some("a".to_owned());
        let submitted = engine.submit(spec(""), Submit::Run).await;
        let status = submitted.expect("taken").run.finished().await;
        assert_eq!(status.state, state, "{missing:?}: {:?}", status.errors);
        assert_eq!(daemon.missing.lock().expect("not poisoned").len(), left);
        let built = usize::from(state == State::Succeeded);
        assert_eq!(daemon.images().len(), built, "{missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_builds_nothing_for_strangers() {
    let daemon = Arc::new(Daemon::default());
    let (engine, fake, _directory) = engine_over(&daemon, 10).await;
    *fake.0.context.lock().expect("not poisoned") = Some("a".to_owned());
    let spec = Spec {
        stranger: true,
        ..spec("")
    };
    let submitted = engine.submit(spec, Submit::Run).await;
    let status = submitted.expect("taken").run.finished().await;
    assert_eq!(status.state, State::Failed);
    let error = status.errors.first().expect("a reason");
    assert!(error.contains("BuildKit alone"), "{error}");
    assert_eq!(status.failure, Some(FailureKind::Forbidden));
    assert_eq!(*daemon.built.lock().expect("not poisoned"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_went_unused_for_longest_are_removed() {
    let daemon = Arc::new(Daemon::default());
    daemon.short.store(true, Ordering::SeqCst);
    let earlier = format!("sha256:{}", "e".repeat(64));
    daemon
        .images
        .lock()
        .expect("not poisoned")
        .insert(earlier.clone(), json!({"dogi.built-by": "test"}));
    let (engine, fake, _directory) = engine_over(&daemon, 2).await;
    let run = async |digest: &str| {
        *fake.0.context.lock().expect("not poisoned") = Some(digest.to_owned());
        let submitted = engine.submit(spec(""), Submit::Run).await;
        let status = submitted.expect("taken").run.finished().await;
        assert_eq!(status.state, State::Succeeded, "{:?}", status.errors);
        status.image.clone().expect("an image")
    };
    let a = run("a").await;
    assert_eq!(daemon.images(), [a.clone(), earlier]);
    let b = run("b").await;
    assert_eq!(
        daemon.images(),
        [a.clone(), b],
        "that of an earlier life went first"
    );
    assert_eq!(run("a").await, a, "it is reused");
    let c = run("c").await;
    assert_eq!(
        daemon.images(),
        [a, c],
        "the one that was used again stayed"
    );
    assert_eq!(*daemon.built.lock().expect("not poisoned"), 3);
}

/// The image of a run whose context has this digest.
async fn image_of(engine: &Engine, fake: &Fake, digest: &str) -> String {
    *fake.0.context.lock().expect("not poisoned") = Some(digest.to_owned());
    let submitted = engine.submit(spec(""), Submit::Run).await;
    let status = submitted.expect("taken").run.finished().await;
    assert_eq!(status.state, State::Succeeded, "{:?}", status.errors);
    status.image.clone().expect("an image")
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_an_earlier_life_are_reused_and_collected() {
    let daemon = Arc::new(Daemon::default());
    daemon.short.store(true, Ordering::SeqCst);
    let store = MemoryStore::new();
    let (first, second) = {
        let (engine, fake, _directory) = engine_with(&daemon, 10, &store).await;
        let first = image_of(&engine, &fake, "a").await;
        (first, image_of(&engine, &fake, "b").await)
    };
    let (engine, fake, _directory) = engine_with(&daemon, 10, &store).await;
    assert_eq!(image_of(&engine, &fake, "a").await, first);
    assert_eq!(
        *daemon.built.lock().expect("not poisoned"),
        2,
        "found, not built"
    );

    let all = CollectRequest {
        everything: true,
        ..CollectRequest::default()
    };
    let report = engine.collect(all).await;
    assert_eq!(report.failed, [] as [&str; 0]);
    let images: Vec<_> = report
        .removed
        .iter()
        .filter(|one| one.kind == "images")
        .collect();
    let short = |id: &str| id["sha256:".len()..][..12].to_owned();
    assert_eq!(
        images
            .iter()
            .map(|one| one.what.clone())
            .collect::<Vec<_>>(),
        [short(&second), short(&first)],
        "the one that was used again is the younger one"
    );
    assert_eq!(daemon.images(), [] as [&str; 0]);
    drop(engine);
    let (engine, fake, _directory) = engine_with(&daemon, 10, &store).await;
    image_of(&engine, &fake, "a").await;
    assert_eq!(
        *daemon.built.lock().expect("not poisoned"),
        3,
        "what is gone is built again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_a_run_was_promised_is_not_collected() {
    let daemon = Arc::new(Daemon::default());
    let (engine, fake, _directory) = engine_over(&daemon, 10).await;
    *fake.0.context.lock().expect("not poisoned") = Some("a".to_owned());
    let submitted = engine.submit(spec(""), Submit::Run).await;
    let run = submitted.expect("taken").run;
    run.subscribe()
        .wait_for(|status| status.state == State::Running)
        .await
        .expect("it runs");
    let image = run.status().image.clone().expect("an image");
    let all = CollectRequest {
        everything: true,
        ..CollectRequest::default()
    };
    let report = engine.collect(all).await;
    assert_eq!(
        (report.removed.len(), report.failed.len()),
        (0, 0),
        "{report:?}"
    );
    assert_eq!(daemon.images(), [image]);
    engine.abort(run.instance()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_beside_others_of_its_name_leaves_alone_what_is_not_its_runs() {
    for sweeps in [false, true] {
        let daemon = Arc::new(Daemon::default());
        let theirs = json!({"dogi.server": "test", "dogi.run": "r-another"});
        *daemon.container.lock().expect("not poisoned") = Some(theirs);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = DockerOptions {
            sweeps,
            ..DockerOptions::new("test")
        };
        let runner = DockerRunner::new(client(&daemon, directory.path()), options);
        let removed = runner.sweep(&|_| false).await.expect("it answers");
        assert_eq!(removed, usize::from(sweeps));
        assert_eq!(daemon.has_container(), !sweeps);
        assert_eq!(runner.keeper().is_some(), sweeps);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_life_made_and_did_not_start_makes_room_and_a_strangers_does_not() {
    for (by, state) in [
        (None, State::Succeeded),
        (Some(json!({"dogi.server": "another"})), State::Failed),
    ] {
        let daemon = Arc::new(Daemon::default());
        daemon.short.store(true, Ordering::SeqCst);
        *daemon.name_taken_by.lock().expect("not poisoned") = Some(by.clone());
        let (engine, _fake, _directory) = engine_over(&daemon, 10).await;
        let submitted = engine.submit(spec("image=ready"), Submit::Run).await;
        let run = submitted.expect("taken").run;
        let ended = tokio::time::timeout(Duration::from_secs(20), run.finished());
        let status = ended.await.expect("it ends");
        assert_eq!(status.state, state, "{:?}", status.errors);
        assert_eq!(daemon.has_container(), by.is_some());
    }
}
