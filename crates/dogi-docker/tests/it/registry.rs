//! Private base images, from a real registry on loopback that wants a password.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dogi_docker::{
    BuildError, BuildSpec, Builder, Credentials, ImageName, PullError, RegistryAuth, Resolved,
};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::output::chain;
use crate::support::{Fixture, Tar, executable, within};

/// `ci` with password `secret-word`, hashed by bcrypt.
const HTPASSWD: &str = "ci:$2b$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq\n";

fn right() -> Credentials {
    Credentials::Password {
        user: "ci".into(),
        password: "secret-word".into(),
    }
}

fn wrong() -> Credentials {
    Credentials::Password {
        user: "ci".into(),
        password: "guess".into(),
    }
}

struct Registry {
    child: Child,
    host: String,
    _directory: tempfile::TempDir,
}

impl Registry {
    async fn start() -> Registry {
        // The program can't tell which port it was given: ask for one that is free now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = free.local_addr().unwrap().to_string();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{host}\"}}\nauth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            path("data"),
            path("htpasswd"),
        );
        std::fs::write(path("config.yml"), config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(path("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("package docker-registry");
        let mut registry = Registry {
            child,
            host,
            _directory: directory,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(&registry.host)
            .await
            .is_err()
        {
            if Instant::now() > deadline || registry.child.try_wait().unwrap().is_some() {
                let _ = registry.child.kill();
                let mut text = String::new();
                registry
                    .child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                panic!("the registry did not start: {text}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        registry
    }

    /// Puts the fixture's image there and forgets it here.
    async fn push(&self, fixture: &Fixture, path: &str) -> ImageName {
        let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
        let repo = format!("{}/{path}", self.host);
        let tag = bollard::query_parameters::TagImageOptions {
            repo: Some(repo.clone()),
            tag: Some("1".into()),
        };
        raw.tag_image(fixture.image.as_str(), Some(tag))
            .await
            .unwrap();
        let credentials = bollard::auth::DockerCredentials {
            username: Some("ci".into()),
            password: Some("secret-word".into()),
            ..Default::default()
        };
        let options = bollard::query_parameters::PushImageOptions {
            tag: Some("1".into()),
            ..Default::default()
        };
        let mut pushing = Box::pin(raw.push_image(&repo, Some(options), Some(credentials)));
        while let Some(message) = pushing.next().await {
            message.unwrap();
        }
        let name = ImageName::parse(&format!("{repo}:1")).unwrap();
        forget(&name).await;
        name
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes the name off an image.
pub(crate) async fn forget(name: &ImageName) {
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let options = bollard::query_parameters::RemoveImageOptions {
        force: true,
        noprune: true,
        platforms: None,
    };
    let _ = raw
        .remove_image(&name.to_string(), Some(options), None)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_bases_with_both_builders() {
    let fixture = Fixture::new().await;
    let registry = Registry::start().await;
    let base = registry.push(&fixture, "team/base").await;
    let host = &registry.host;

    let file = tempfile::tempdir().unwrap();
    // base64 of "ci:secret-word"
    let json = format!(r#"{{"auths": {{"{host}": {{"auth": "Y2k6c2VjcmV0LXdvcmQ="}}}}}}"#);
    std::fs::write(file.path().join("config.json"), json).unwrap();

    let store = tempfile::tempdir().unwrap();
    std::fs::write(
        store.path().join("config.json"),
        r#"{"credsStore": "test"}"#,
    )
    .unwrap();
    let script = format!(
        "#!/bin/sh\nread -r x\ncase \"$1\" in list) echo '{{\"{host}\":\"ci\"}}';; \
         *) echo '{{\"Username\":\"ci\",\"Secret\":\"secret-word\"}}';; esac\n"
    );
    executable(
        &store.path().join("docker-credential-test"),
        script.as_bytes(),
    );

    let elsewhere = RegistryAuth::none().with("other.example", right());
    // (where the credentials are, whether it works)
    let cases = [
        ("explicit", RegistryAuth::none().with(host, right()), true),
        ("file", RegistryAuth::cli(file.path()), true),
        (
            "helper",
            RegistryAuth::cli(store.path()).helpers_in(store.path()),
            true,
        ),
        ("none", RegistryAuth::none(), false),
        ("wrong", RegistryAuth::none().with(host, wrong()), false),
        ("of another registry", elsewhere, false),
    ];
    for (name, auth, works) in cases {
        for builder in [Builder::Classic, Builder::BuildKit] {
            // Not the image that the last round left, nor a layer of it.
            forget(&base).await;
            let mark = crate::support::unique();
            let dockerfile = format!("FROM {base}\nRUN echo {mark} > /made\n");
            let spec = BuildSpec {
                builder,
                registry_auth: auth.clone(),
                pull: true,
                ..BuildSpec::default()
            };
            let (built, log) = within(
                60,
                name,
                fixture.build(&spec, Tar::new().dockerfile(&dockerfile)),
            )
            .await;
            match built {
                Ok(_) => assert!(works, "{name}, {builder:?}: {log}"),
                Err(error) => {
                    assert!(!works, "{name}, {builder:?}: {error:?}\n{log}");
                    let text = chain(&error);
                    assert!(matches!(error, BuildError::Failed { .. }), "{error:?}");
                    assert!(text.contains(host), "{text}");
                    assert!(!text.contains("secret-word") && !log.contains("secret-word"));
                }
            }
        }
    }
    forget(&base).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_registries_that_are_needed_are_asked_for() {
    let fixture = Fixture::new().await;
    let store = tempfile::tempdir().unwrap();
    let json = r#"{"auths": {"x.example": {}}, "credHelpers": {"y.example": "gone"}}"#;
    std::fs::write(store.path().join("config.json"), json).unwrap();
    let auth = RegistryAuth::cli(store.path()).helpers_in(store.path());
    let files = || Tar::new().dockerfile("FROM scratch\nCOPY Dockerfile /\n");
    let spec = BuildSpec {
        registry_auth: auth,
        ..BuildSpec::default()
    };
    // A helper that is broken does not break builds that don't need it, but is told.
    let (built, log) = fixture.build(&spec, files()).await;
    built.unwrap();
    assert!(
        log.contains("docker-credential-gone for \"y.example\": can't be run"),
        "{log}"
    );
    let spec = BuildSpec {
        registries: Some(["docker.io".to_owned()].into()),
        ..spec
    };
    let (built, log) = fixture.build(&spec, files()).await;
    built.unwrap();
    assert!(!log.contains("docker-credential"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pulling_and_resolving() {
    let fixture = Fixture::new().await;
    let registry = Registry::start().await;
    let image = registry.push(&fixture, "team/app").await;
    let auth = RegistryAuth::none().with(&registry.host, right());
    let docker = &fixture.docker;

    // By the registry, while the engine has none.
    assert_eq!(docker.local_image(&image).await.unwrap(), None);
    let remote = docker.resolve_digest(&image, &auth, false).await.unwrap();
    assert!(matches!(&remote, Resolved::Digest(digest) if digest.starts_with("sha256:")));

    let mut log = Vec::new();
    let cancel = CancellationToken::new();
    let mut tell = |text: &[u8]| log.extend_from_slice(text);
    let pulled = docker
        .pull(&image, None, &auth, &mut tell, &cancel)
        .await
        .unwrap();
    assert_eq!(
        docker.local_image(&image).await.unwrap(),
        Some(pulled.clone())
    );
    let log = String::from_utf8(log).unwrap();
    assert!(
        log.contains("Digest: sha256:") && !log.contains('{'),
        "{log}"
    );

    // The engine's own says the same, without the registry.
    let nothing = RegistryAuth::none();
    assert_eq!(
        docker
            .resolve_digest(&image, &nothing, false)
            .await
            .unwrap(),
        remote
    );
    // By its digest it is there, too, and whoever may not have it is told so all the same.
    let published = docker.published(&image, &auth).await.unwrap();
    let digest = published.digest().unwrap().to_owned();
    assert_eq!(Resolved::Digest(digest), remote);
    assert_eq!(
        docker.local_image(&published).await.unwrap(),
        Some(pulled.clone())
    );
    for name in [&image, &published] {
        let error = docker.published(name, &nothing).await.unwrap_err();
        assert!(matches!(error, PullError::Denied { .. }), "{error:?}");
    }
    // A pull by the digest gives the engine no tag.
    forget(&image).await;
    forget(&published).await;
    let mut log = |_: &[u8]| {};
    let again = docker.pull(&published, None, &auth, &mut log, &cancel);
    assert_eq!(again.await.unwrap(), pulled);
    assert_eq!(docker.local_image(&image).await.unwrap(), None);
    let again = docker.pull(&image, None, &auth, &mut log, &cancel);
    assert_eq!(again.await.unwrap(), pulled);

    let pinned = ImageName::parse(&format!("{}@sha256:{}", "any/thing", "0".repeat(64))).unwrap();
    let wanted = Resolved::Digest(format!("sha256:{}", "0".repeat(64)));
    assert_eq!(
        docker
            .resolve_digest(&pinned, &nothing, true)
            .await
            .unwrap(),
        wanted
    );
    // The fixture's image was never anybody's: it is known by its id.
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let tag = bollard::query_parameters::TagImageOptions {
        repo: Some(format!("local-{}", fixture.mark)),
        tag: Some("1".into()),
    };
    let built = fixture
        .build(
            &BuildSpec::default(),
            Tar::new().dockerfile("FROM scratch\nCOPY Dockerfile /\n"),
        )
        .await
        .0
        .unwrap();
    raw.tag_image(built.as_str(), Some(tag)).await.unwrap();
    let local = ImageName::parse(&format!("local-{}:1", fixture.mark)).unwrap();
    let resolved = docker
        .resolve_digest(&local, &nothing, false)
        .await
        .unwrap();
    assert_eq!(resolved, Resolved::Local(built));
    forget(&local).await;

    for auth in [
        RegistryAuth::none(),
        RegistryAuth::none().with(&registry.host, wrong()),
    ] {
        let error = docker
            .resolve_digest(&image, &auth, true)
            .await
            .unwrap_err();
        assert!(matches!(error, PullError::Denied { .. }), "{error:?}");
        let mut log = |_: &[u8]| {};
        let error = docker
            .pull(&image, None, &auth, &mut log, &cancel)
            .await
            .unwrap_err();
        let text = chain(&error);
        assert!(text.contains(&image.to_string()), "{text}");
    }
    let missing = ImageName::parse(&format!("{}/team/none:1", registry.host)).unwrap();
    let mut log = |_: &[u8]| {};
    let error = docker
        .pull(&missing, None, &auth, &mut log, &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, PullError::Denied { .. }), "{error:?}");
    let error = docker.published(&missing, &auth).await.unwrap_err();
    assert!(matches!(error, PullError::Denied { .. }), "{error:?}");
    cancel.cancel();
    let error = docker
        .pull(&image, None, &auth, &mut log, &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, PullError::Cancelled { .. }));
    forget(&image).await;
    forget(&published).await;
    let _ = docker.remove_image(&pulled).await;
}
