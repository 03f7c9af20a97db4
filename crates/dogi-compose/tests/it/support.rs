//! A checkout, a project in it, and what the engine has of it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use dogi_compose::{
    Allow, Ceilings, Compose, ComposeError, Down, EngineAddress, Outcome, Plan, Prepared, Project,
    ProjectName, Sink, Tests,
};
use dogi_testkit::{docker::Context, proc};
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A checkout with an image to build in `img`, and a project of it. What the engine has of it goes
/// with it.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    pub(crate) project: Project,
    compose: OnceCell<Compose>,
}

impl Lab {
    /// With this `docker-compose.yml`.
    pub(crate) fn new(compose: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("compose-")
            .tempdir()
            .unwrap();
        let checkout = dir.path().join("checkout");
        fs::create_dir(&checkout).unwrap();
        let image = Context::busybox("").unwrap();
        image.write_to(&checkout.join("img")).unwrap();
        fs::write(checkout.join("docker-compose.yml"), compose).unwrap();
        let project = project(dir.path(), "scratch");
        Self::of(dir, project)
    }

    pub(crate) fn of(dir: TempDir, project: Project) -> Self {
        Self {
            dir,
            project,
            compose: OnceCell::new(),
        }
    }

    pub(crate) async fn compose(&self) -> &Compose {
        self.compose.get_or_init(compose).await
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.checkout().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn checkout(&self) -> &Path {
        &self.project.directory
    }

    pub(crate) fn name(&self) -> &str {
        self.project.name.as_str()
    }

    pub(crate) async fn prepare(&self) -> Result<Prepared, ComposeError> {
        let (compose, cancel) = (self.compose().await, CancellationToken::new());
        let mut log = Vec::new();
        let prepared = compose.prepare(&self.project, &mut log, &cancel);
        prepared.await
    }

    /// Prepares and runs, and tells the output.
    pub(crate) async fn run(&self, tests: Tests) -> (Result<Outcome, ComposeError>, String) {
        let plan = Plan {
            tests,
            push: false,
            keep: false,
            files: Vec::new(),
        };
        self.run_plan(&plan).await
    }

    pub(crate) async fn run_plan(&self, plan: &Plan) -> (Result<Outcome, ComposeError>, String) {
        let mut log = Vec::new();
        let cancel = CancellationToken::new();
        let prepared = self
            .compose()
            .await
            .prepare(&self.project, &mut log, &cancel)
            .await;
        let outcome = match prepared {
            Ok(prepared) => prepared.run(plan, &mut log, &cancel).await,
            Err(error) => Err(error),
        };
        (outcome, String::from_utf8(log).unwrap())
    }

    pub(crate) async fn down(&self) {
        down(self.compose().await, &self.project, &self.project.scratch).await;
    }

    /// What there is of the project.
    pub(crate) fn left(&self) -> Vec<String> {
        left(self.name())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for line in self.left() {
            let (kind, id) = line.split_once(' ').unwrap();
            let _ = Command::new("docker")
                .args([kind, "rm", "--force", id])
                .output();
        }
    }
}

/// A project of the checkout in this directory, with a name that nobody else has.
pub(crate) fn project(dir: &Path, scratch: &str) -> Project {
    let unique = dir
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_ascii_lowercase();
    let unique: String = unique
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let scratch = dir.join(scratch);
    fs::create_dir(&scratch).unwrap();
    let suffix = scratch.file_name().unwrap().to_str().unwrap();
    Project {
        name: format!("{unique}-{suffix}").parse::<ProjectName>().unwrap(),
        directory: dir.join("checkout"),
        file: PathBuf::from("docker-compose.yml"),
        scratch,
        environment: BTreeMap::new(),
        engine: EngineAddress::default(),
        logins: Vec::new(),
        allow: Allow::default(),
        labels: BTreeMap::from([("dogi.test".to_owned(), "compose $x".to_owned())]),
        ceilings: Ceilings::default(),
        shared: None,
    }
}

pub(crate) async fn compose() -> Compose {
    Compose::find(OsStr::new(PATH), None).await.unwrap()
}

pub(crate) fn service(name: &str) -> Tests {
    Tests::Service(name.to_owned())
}

pub(crate) async fn down(compose: &Compose, project: &Project, scratch: &Path) {
    let what = Down {
        name: project.name.clone(),
        scratch: scratch.to_owned(),
        engine: project.engine.clone(),
        images: true,
        time: Duration::from_secs(60),
    };
    compose.down(&what, &mut Vec::new()).await.unwrap();
}

pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = proc::run(Command::new("docker").args(arguments), "docker.io").unwrap();
    String::from_utf8(output).unwrap().trim().to_owned()
}

pub(crate) fn left(project: &str) -> Vec<String> {
    let mut left = Vec::new();
    for label in ["com.docker.compose.project", "dogi.compose.hook"] {
        let label = format!("label={label}={project}");
        for kind in ["container", "network", "volume", "image"] {
            let all: &[&str] = if kind == "container" { &["--all"] } else { &[] };
            let list = [&[kind, "ls", "--quiet", "--filter", &label], all].concat();
            let ids = docker(&list);
            left.extend(ids.lines().map(|id| format!("{kind} {id}")));
        }
    }
    left
}

/// Does something once a text was printed.
pub(crate) struct When<F> {
    text: &'static str,
    seen: Vec<u8>,
    then: Option<F>,
}

impl<F: FnOnce() + Send> When<F> {
    pub(crate) fn new(text: &'static str, then: F) -> Self {
        Self {
            text,
            seen: Vec::new(),
            then: Some(then),
        }
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.then.is_none()
    }
}

impl<F: FnOnce() + Send> Sink for When<F> {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ()> {
        self.seen.extend_from_slice(&bytes);
        if String::from_utf8_lossy(&self.seen).contains(self.text)
            && let Some(then) = self.then.take()
        {
            then();
        }
        Box::pin(std::future::ready(()))
    }
}
