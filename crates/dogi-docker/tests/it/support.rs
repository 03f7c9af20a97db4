//! An engine, an image with a shell, and a broom.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use dogi_docker::{
    BuildError, BuildSpec, Builder, Channel, Container, ContainerSpec, Docker, Endpoint, Exit,
    ImageId, LabelFilter,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;

pub(crate) const LABEL: &str = "dogi.test";

/// Everything that a test makes carries a label of its own and is removed at the end, however it ends.
pub(crate) struct Fixture {
    pub(crate) docker: Docker,
    pub(crate) image: ImageId,
    pub(crate) mark: String,
}

pub(crate) fn docker() -> Docker {
    #[allow(clippy::disallowed_methods, reason = "the tests' only setting")]
    let host = std::env::var("DOGI_TEST_DOCKER_HOST").unwrap_or_default();
    Docker::connect(&Endpoint::new(host)).expect("the endpoint is fine")
}

/// A text that nobody else has.
pub(crate) fn unique() -> String {
    let random = tempfile::Builder::new()
        .prefix("t")
        .rand_bytes(10)
        .tempdir()
        .expect("tempdir");
    let name = random
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .to_lowercase();
    format!("{name}{}", std::process::id())
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        Fixture::on(docker()).await
    }

    pub(crate) async fn on(docker: Docker) -> Fixture {
        let mark = unique();
        let spec = BuildSpec {
            builder: Builder::Classic,
            labels: [(LABEL.to_owned(), mark.clone())].into(),
            ..BuildSpec::default()
        };
        let files = labelled(&mark, "").bytes();
        let (image, log) = build(&docker, &spec, &files).await;
        let image = image.unwrap_or_else(|err| panic!("{err:?}\n{log}"));
        Fixture {
            docker,
            image,
            mark,
        }
    }

    pub(crate) fn labels(&self) -> std::collections::BTreeMap<String, String> {
        [(LABEL.to_owned(), self.mark.clone())].into()
    }

    pub(crate) fn spec(&self, command: &[&str]) -> ContainerSpec {
        ContainerSpec {
            image: self.image.to_string(),
            command: Some(command.iter().map(ToString::to_string).collect()),
            labels: self.labels(),
            ..ContainerSpec::default()
        }
    }

    pub(crate) fn sh(&self, script: &str) -> ContainerSpec {
        self.spec(&["/bin/sh", "-c", script])
    }

    pub(crate) async fn create(&self, spec: &ContainerSpec) -> Container {
        self.docker.create(spec).await.expect("create")
    }

    /// Runs to the end.
    pub(crate) async fn run(&self, spec: &ContainerSpec) -> (Vec<u8>, Vec<u8>, Exit) {
        let container = self.create(spec).await;
        let mut attached = container.start_attached().await.expect("start");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(piece) = attached.output.next().await {
            match piece.expect("output") {
                (Channel::Stdout, bytes) => out.extend_from_slice(&bytes),
                (Channel::Stderr, bytes) => err.extend_from_slice(&bytes),
            }
        }
        let exit = container.wait().await.expect("wait");
        container.remove().await.expect("remove");
        (out, err, exit)
    }

    /// Builds with the test's label.
    pub(crate) async fn build(
        &self,
        spec: &BuildSpec,
        files: Tar,
    ) -> (Result<ImageId, BuildError>, String) {
        let spec = BuildSpec {
            labels: self.labels(),
            ..spec.clone()
        };
        build(&self.docker, &spec, &files.bytes()).await
    }

    /// A context of a shell and of a Dockerfile that begins with it. The label comes first, so that layers
    /// of builds that fail are found and collected too.
    pub(crate) fn shell(&self, rest: &str) -> Tar {
        labelled(&self.mark, rest)
    }

    pub(crate) fn filter(&self) -> LabelFilter {
        LabelFilter::is(LABEL, &self.mark)
    }

    pub(crate) async fn containers(&self) -> Vec<String> {
        let owned = self.docker.owned(&self.filter()).await.expect("list");
        let containers = owned
            .into_iter()
            .filter(|it| it.kind == dogi_docker::OwnedKind::Container);
        containers.map(|it| it.id).collect()
    }
}

fn labelled(mark: &str, rest: &str) -> Tar {
    busybox().dockerfile(&format!(
        "FROM scratch\nLABEL {LABEL}={mark}\nCOPY root /\n{rest}"
    ))
}

async fn build(
    docker: &Docker,
    spec: &BuildSpec,
    files: &Bytes,
) -> (Result<ImageId, BuildError>, String) {
    let never = CancellationToken::new();
    loop {
        let mut log = Vec::new();
        let mut tell = |text: &[u8]| log.extend_from_slice(text);
        let built = docker
            .build(spec, chunks(files.clone()), &mut tell, &never)
            .await;
        match built {
            // By another test, that cleans up.
            Err(BuildError::CacheRemoved { .. }) => {}
            built => return (built, String::from_utf8_lossy(&log).into_owned()),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let (docker, filter) = (self.docker.clone(), self.filter());
        let sweep = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                // An image may be the parent of another: as often as something goes.
                for _ in 0..5 {
                    match docker.collect(&filter, |_| false).await {
                        Ok(done) if done.in_use.is_empty() && done.failed.is_empty() => return,
                        Ok(_) => {}
                        Err(err) => return eprintln!("not collected: {err}"),
                    }
                }
            });
        });
        let _ = sweep.join();
    }
}

/// A tar in the making.
pub(crate) struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Tar {
        Tar(tar::Builder::new(Vec::new()))
    }

    pub(crate) fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Tar {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        self.0
            .append_data(&mut header, path, content)
            .expect("append");
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Tar {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        self.0
            .append_link(&mut header, path, target)
            .expect("append");
        self
    }

    pub(crate) fn directory(mut self, path: &str, mode: u32) -> Tar {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(mode);
        self.0
            .append_data(&mut header, path, io::empty())
            .expect("append");
        self
    }

    pub(crate) fn dockerfile(self, text: &str) -> Tar {
        self.file("Dockerfile", 0o644, text.as_bytes())
    }

    pub(crate) fn bytes(self) -> Bytes {
        self.0.into_inner().expect("tar").into()
    }
}

/// `root/` with a shell and the usual programs, `/tmp`, and `/locked` that only root may write.
pub(crate) fn busybox() -> Tar {
    let program = std::fs::read("/bin/busybox").expect("package busybox-static");
    let mut tar = Tar::new().file("root/bin/busybox", 0o755, &program);
    for name in "sh cat echo printf sleep ls mv rm id kill mkdir mkfifo ln seq dd head tail touch \
                 true false env stat yes wc usleep truncate nc test chmod mknod ps tr"
        .split_whitespace()
    {
        tar = tar.link(&format!("root/bin/{name}"), "busybox");
    }
    tar.directory("root/tmp", 0o1777)
        .directory("root/locked", 0o755)
        .file(
            "root/etc/passwd",
            0o644,
            b"root:x:0:0::/:/bin/sh\njob:x:1000:1000::/:/bin/sh\n",
        )
}

pub(crate) fn context(files: Tar) -> BoxStream<'static, io::Result<Bytes>> {
    chunks(files.bytes())
}

fn chunks(bytes: Bytes) -> BoxStream<'static, io::Result<Bytes>> {
    let chunks: Vec<_> = bytes
        .chunks(256 * 1024)
        .map(|part| Ok(bytes.slice_ref(part)))
        .collect();
    futures::stream::iter(chunks).boxed()
}

/// Fails the test instead of hanging it.
pub(crate) async fn within<F: Future>(seconds: u64, what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .unwrap_or_else(|_| panic!("not within {seconds} s: {what}"))
}

/// Writes a program. It is copied into place by another process: a file that this one has open for writing
/// can't be run while any thread of it forks.
pub(crate) fn executable(path: &std::path::Path, content: &[u8]) {
    let source = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(source.path(), content).expect("written");
    let installed = std::process::Command::new("install")
        .args(["-m", "555"])
        .arg(source.path())
        .arg(path)
        .status()
        .expect("install");
    assert!(installed.success());
}
