//! The secrets of a job, on a real Docker engine: it has them, and nobody reads them.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use dogi_docker::{Builder, Docker, Endpoint, LabelFilter};
use dogi_engine::{
    Engine, EngineConfig, RunHandle,
    adapters::{DockerOptions, DockerRunner},
    ports::{
        BoxStream, Checkout, CheckoutRequest, Context, ContextRequest, FileLimits, FixedSecrets,
        RepoFile, SecretValue, Source, StepError, Store as _, Work,
    },
    store::MemoryStore,
};
use dogi_job::{RunStatus, SecretName, Spec, State, Submit};
use dogi_stream::{Channel, Piece, Position};
use dogi_url::{Command, Commit, EnvName, OutputName};
use futures::{FutureExt as _, future::BoxFuture};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{
    fakes::{Fake, spec},
    lives::log_has,
};

const TOKEN: &str = "correct-horse-22";
const KEY: &str = "-----BEGIN-----\nMIIEvQIBADANBgkq\n-----END-----\n";
/// `TOKEN` in base64.
const BASE64: &str = "Y29ycmVjdC1ob3JzZS0yMg==";

/// An image with a shell.
#[derive(Debug, Clone)]
struct Shell(dogi_testkit::docker::Context);

impl Source for Shell {
    fn checkout<'a>(
        &'a self,
        _: CheckoutRequest<'a>,
        _: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        async { Ok(Arc::new(self.clone()) as Arc<dyn Checkout>) }.boxed()
    }
}

impl Checkout for Shell {
    fn commit(&self) -> Option<Commit> {
        None
    }

    fn revision(&self) -> Option<String> {
        None
    }

    fn context<'a>(
        &'a self,
        _: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        async { Ok(Arc::new(self.clone()) as Arc<dyn Context>) }.boxed()
    }

    fn files<'a>(
        &'a self,
        _: &'a (dyn Fn(&str) -> bool + Send + Sync),
        _: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn tree(&self, _: &str, _: CancellationToken) -> BoxStream {
        Box::pin(futures::stream::empty())
    }
}

impl Context for Shell {
    fn digest(&self) -> Option<String> {
        Some("shell".to_owned())
    }

    fn dockerfile(&self) -> &[u8] {
        b"FROM scratch\n"
    }

    fn dockerfile_path(&self) -> &str {
        "Dockerfile"
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn stream(&self, _: CancellationToken) -> BoxStream {
        let tar = self.0.tar().expect("a tar");
        Box::pin(futures::stream::iter([Ok(tar.into())]))
    }
}

fn docker() -> Docker {
    #[allow(clippy::disallowed_methods, reason = "the tests' only setting")]
    let host = std::env::var("DOGI_TEST_DOCKER_HOST").unwrap_or_default();
    Docker::connect(&Endpoint::new(host)).expect("the endpoint is fine")
}

/// What outlives a server, and what is removed with it at the end.
struct Machine {
    disk: TempDir,
    store: MemoryStore,
    name: String,
}

impl Machine {
    fn new() -> Self {
        let disk = tempfile::tempdir().expect("a directory");
        let name = disk.path().file_name().expect("a name").to_string_lossy();
        Self {
            name: format!("secrets{name}"),
            store: MemoryStore::new(),
            disk,
        }
    }

    /// One life of the server, which knows these secrets. At its end everything that goes on is dropped
    /// where it stands.
    fn life<T>(&self, secrets: &[(&str, &str)], act: impl AsyncFnOnce(Engine) -> T) -> T {
        let runtime = Runtime::new().expect("a runtime");
        let told = runtime.block_on(async {
            let engine = self.engine(secrets).await;
            let told = act(engine.clone()).await;
            engine.halt();
            told
        });
        runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        told
    }

    async fn engine(&self, secrets: &[(&str, &str)]) -> Engine {
        let options = DockerOptions {
            builder: Builder::Classic,
            ..DockerOptions::new(&*self.name)
        };
        let runner = DockerRunner::new(docker(), options);
        let secrets = secrets.iter().map(|(name, value)| {
            let value = SecretValue::new(*value).expect("no NUL");
            (name_of(name), value)
        });
        Engine::builder(EngineConfig::new(self.disk.path()))
            .source(Shell(
                dogi_testkit::docker::Context::busybox("").expect("busybox"),
            ))
            .runner(runner.with_values(Arc::new(self.store.clone())))
            .deliverer(Fake::new())
            .secrets(FixedSecrets::from_iter(secrets))
            .store(self.store.clone())
            .build()
            .await
            .expect("an engine")
    }

    /// Nothing on the disk, in the database or in an answer has a secret.
    async fn assert_clean(&self, status: &RunStatus) {
        let files = files_below(self.disk.path());
        assert!(!files.is_empty());
        for (path, content) in files {
            let content = String::from_utf8_lossy(&content);
            assert_secret_free(&content, &path);
        }
        let history = self.store.load(None, 100).await.expect("it reads");
        assert_secret_free(&format!("{history:?}"), "the database");
        assert_secret_free(&format!("{status:?}"), "the status");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let filters =
            ["dogi.server", "dogi.built-by"].map(|label| LabelFilter::is(label, &*self.name));
        let sweep = std::thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            for filter in filters {
                // What stays is told by nothing but its labels: the test has its verdict.
                let _ = runtime.block_on(docker().collect(&filter, |_| false));
            }
        });
        let _ = sweep.join();
    }
}

fn files_below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("readable") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => {
                let content = std::fs::read(&path).expect("readable");
                found.push((path.display().to_string(), content));
            }
        }
    }
    found
}

fn assert_secret_free(text: &str, place: &str) {
    for secret in [TOKEN, &TOKEN[..12], BASE64, "MIIEvQIBADANBgkq"] {
        assert!(!text.contains(secret), "{secret} in {place}: {text}");
    }
}

fn name_of(name: &str) -> SecretName {
    SecretName::parse(name).expect("a name")
}

/// A job that has these variables of the operator's secrets of the same names.
fn job(params: &str, script: &str, secrets: &[&str]) -> Spec {
    let variable = |name: &&str| (EnvName::new(*name).expect("a variable"), name_of(name));
    Spec {
        command: Some(Command::Args(vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            script.to_owned(),
        ])),
        secrets: secrets.iter().map(variable).collect::<BTreeMap<_, _>>(),
        ..spec(params)
    }
}

async fn submit(engine: &Engine, spec: Spec) -> RunHandle {
    engine.submit(spec, Submit::Run).await.expect("taken").run
}

fn output_of(run: &RunHandle, name: &str) -> String {
    let name: OutputName = name.parse().expect("a name");
    let log = run.output(&name).expect("an output");
    String::from_utf8(std::fs::read(log.path()).expect("readable")).expect("text")
}

/// The log, less what the build of the image says, and without the terminal's carriage returns.
fn log_of(run: &RunHandle) -> Vec<String> {
    let log = output_of(run, "log").replace('\r', "");
    let lines = log.lines().skip_while(|line| *line != "begin").skip(1);
    lines.map(str::to_owned).collect()
}

const PRINTS: &str = r#"echo begin; echo "raw $TOKEN"; printf %s "$TOKEN" | base64; echo "$KEY" | base64
    printf 'half %.7s' "$TOKEN"; usleep 200000; echo "${TOKEN#???????} whole"
    echo "$KEY"; echo '{"token":"'$TOKEN'"}'; printf '%.7s\n' "$TOKEN"
    echo "in a file $TOKEN" > /data; printf %.7s "$TOKEN" >> /data; usleep 200000
    echo "${TOKEN#???????}" >> /data; printf %.7s "$TOKEN" >> /data
    echo "the other $OPEN"; printf %.7s "$TOKEN""#;

#[test]
fn what_a_job_prints_has_its_secrets_masked() {
    let machine = Machine::new();
    machine.life(
        &[("TOKEN", TOKEN), ("KEY", KEY), ("OPEN", "abc")],
        async |engine| {
            for tty in [false, true] {
                let params = format!("file_data=/data&tty={tty}&id={tty}");
                let run = submit(&engine, job(&params, PRINTS, &["TOKEN", "KEY", "OPEN"])).await;
                let status = run.finished().await;
                assert_eq!(status.state, State::Succeeded, "{:?}", status.errors);
                let log = log_of(&run);
                assert_eq!(log[..2], ["raw ***", "***"]);
                let base64 = log[2..].iter().take_while(|line| !line.starts_with("half"));
                assert!(
                    base64.clone().all(|line| line.starts_with("***")),
                    "{log:?}"
                );
                let rest = &log[2 + base64.count()..];
                let wanted = [
                    "half *** whole",
                    "***",
                    "",
                    r#"{"token":"***"}"#,
                    "correct",
                    "the other abc",
                    "correct",
                ];
                assert_eq!(rest, wanted);
                assert_eq!(output_of(&run, "file_data"), "in a file ***\n***\ncorrect");
                let log = output_of(&run, "log");
                let warning =
                    "dogi: the secret OPEN is shorter than 4 characters, and is not masked\n";
                assert!(log.contains(warning), "{log}");
                assert_eq!(log.matches("dogi: ").count(), 1, "{log}");
                machine.assert_clean(&status).await;
            }
        },
    );
}

#[test]
fn only_the_run_that_names_a_secret_has_it() {
    let machine = Machine::new();
    machine.life(
        &[("TOKEN", TOKEN), ("OTHER", "something-else")],
        async |engine| {
            let script = "echo begin; env";
            let bound = submit(
                &engine,
                job("tty=false&id=a&env_TOKEN=mine", script, &["TOKEN"]),
            )
            .await;
            let other = submit(&engine, job("tty=false&id=b&env_MINE=mine", script, &[])).await;
            for run in [&bound, &other] {
                assert_eq!(run.finished().await.state, State::Succeeded);
            }
            let bound = log_of(&bound);
            assert!(bound.contains(&"TOKEN=***".to_owned()), "{bound:?}");
            assert!(
                !bound.iter().any(|line| line.contains("OTHER")),
                "{bound:?}"
            );
            let other = log_of(&other);
            assert!(other.contains(&"MINE=mine".to_owned()), "{other:?}");
            assert!(
                !other.iter().any(|line| line.contains("TOKEN")),
                "{other:?}"
            );
        },
    );
}

#[test]
fn messages_of_the_engine_are_masked_and_a_secret_that_nobody_knows_is_named() {
    let machine = Machine::new();
    machine.life(&[("TOKEN", TOKEN)], async |engine| {
        let quoted = Spec {
            command: Some(Command::Args(vec![format!("/bin/{TOKEN}")])),
            ..job("id=quoted", "", &["TOKEN"])
        };
        let cases = [
            (quoted, "/bin/***"),
            (
                job("id=unknown", "", &["TOKEN", "NPM"]),
                "the server has no secret NPM for NPM",
            ),
        ];
        for (spec, wanted) in cases {
            let run = submit(&engine, spec).await;
            let status = run.finished().await;
            assert_eq!(status.state, State::Failed);
            assert!(status.errors[0].contains(wanted), "{:?}", status.errors);
            assert_secret_free(&format!("{:?}", status.errors), "the errors");
            assert_secret_free(&output_of(&run, "log"), "the log");
        }
    });
}

/// Numbered lines on both channels and in a file, each secret in two halves.
const NUMBERS: &str = r#"echo begin; for i in $(seq 300); do
    printf "out $i %.7s" "$TOKEN"; usleep 2000; echo "${TOKEN#???????} $KEY"
    printf "err $i %.7s" "$TOKEN" >&2; usleep 2000; echo "${TOKEN#???????}" >&2
    printf "$i %.7s" "$TOKEN" >> /data; usleep 2000; echo "${TOKEN#???????}" >> /data; done
    printf %.7s "$TOKEN""#;

/// What the job printed to one channel, without the terminal's carriage returns.
async fn printed(run: &RunHandle, wanted: Channel) -> String {
    let log = run.output(&OutputName::Log).expect("a log");
    let mut follower = log.follow(Position::START);
    let mut text = Vec::new();
    while let Some(piece) = follower.next().await.expect("readable") {
        match piece {
            Piece::Data { channel, bytes, .. } if channel == wanted => text.extend(bytes),
            _ => {}
        }
    }
    String::from_utf8(text).expect("text").replace('\r', "")
}

fn lines(line: impl Fn(u32) -> String) -> String {
    (1..=300).map(line).collect()
}

#[test]
fn a_server_that_starts_again_masks_on_whatever_the_operator_changed() {
    let out = |number| format!("out {number} *** ***\n\n");
    let err = |number| format!("err {number} ***\n");
    for tty in [false, true] {
        let machine = Machine::new();
        let params = format!("file_data=/data&tty={tty}");
        let (mut run, mut secrets) = (None, vec![("TOKEN", TOKEN), ("KEY", KEY)]);
        for until in ["out 20 ", "out 60 ", "out 61 ", "out 100 "] {
            run = machine.life(&secrets, async |engine| {
                let handle = match &run {
                    None => submit(&engine, job(&params, NUMBERS, &["TOKEN", "KEY"])).await,
                    Some(run) => engine.run(run).expect("it is known"),
                };
                let log = handle.output(&OutputName::Log).expect("a log");
                let mut follower = log.follow(log.position());
                while !log_has(&handle, until) {
                    let piece = follower.next().await.expect("readable");
                    assert!(piece.is_some(), "it ended: {}", output_of(&handle, "log"));
                }
                Some(handle.id().clone())
            });
            // From now on the operator has none of them.
            secrets = vec![("TOKEN", "another")];
        }
        machine.life(&secrets, async |engine| {
            let run = run.expect("it was submitted");
            let run = engine.run(&run).expect("it is known");
            let status = run.finished().await;
            assert_eq!(status.state, State::Succeeded, "{:?}", status.errors);
            let text = output_of(&run, "log");
            assert!(!text.contains("dogi: "), "tty {tty}: {text}");
            let (stdout, stderr) = match tty {
                true => (lines(|number| out(number) + &err(number)), String::new()),
                false => (lines(out), lines(err)),
            };
            let stdout = format!("begin\n{stdout}correct");
            assert_eq!(printed(&run, Channel::Stdout).await, stdout, "tty {tty}");
            assert_eq!(printed(&run, Channel::Stderr).await, stderr, "tty {tty}");
            let data = lines(|number| format!("{number} ***\n"));
            assert_eq!(output_of(&run, "file_data"), data, "tty {tty}");
            let name: OutputName = "file_data".parse().expect("a name");
            let position = run.output(&name).expect("an output").position();
            assert_eq!(position.generation, 0, "it was followed on");
            machine.assert_clean(&status).await;
        });
    }
}
