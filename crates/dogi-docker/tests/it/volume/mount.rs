//! Volumes in containers.

use dogi_docker::{ContainerSpec, CreateError, PathKind, UploadError};

use super::{built, mounted, named, sh, volume};
use crate::support::{Fixture, Tar, context};

#[tokio::test(flavor = "multi_thread")]
async fn one_writes_and_another_reads() {
    let fixture = Fixture::new().await;
    let volume = volume(&fixture, "v").await;
    let writer = mounted(
        fixture.sh("echo out > /made/a"),
        &[(&volume, "/made", false)],
    );
    let (_, _, exit) = fixture.run(&writer).await;
    assert_eq!(exit.code, 0);

    let script = "cat /in/deep/a; touch /in/deep/b || touch /in/deep/a || rm /in/deep/a || echo no";
    let reader = mounted(fixture.sh(script), &[(&volume, "/in/deep", true)]);
    let (out, err, _) = fixture.run(&reader).await;
    let err = String::from_utf8_lossy(&err);
    assert_eq!(String::from_utf8_lossy(&out), "out\nno\n", "{err}");
    assert_eq!(err.matches("Read-only file system").count(), 3, "{err}");
    assert_eq!(sh(&fixture, &volume, "ls -A /v").await, "a\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_image_has_there_is_not_copied_in_and_its_own_volumes_go() {
    let fixture = Fixture::new().await;
    let files = fixture.shell("COPY root/etc /data\nCOPY root/etc /own\nVOLUME /own /data\n");
    let image = built(&fixture, files).await;
    let volume = volume(&fixture, "v").await;
    let spec = ContainerSpec {
        image,
        ..mounted(fixture.sh("true"), &[(&volume, "/data", false)])
    };
    let container = fixture.create(&spec).await;
    let stat = |path: &'static str| container.stat(path);
    assert_eq!(
        stat("/data").await.unwrap().unwrap().kind,
        PathKind::Directory
    );
    assert_eq!(stat("/data/passwd").await.unwrap(), None);
    assert!(stat("/own/passwd").await.unwrap().is_some());

    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let found = raw.inspect_container(container.id().as_str(), None).await;
    let mounts = found.unwrap().mounts.unwrap();
    let names: Vec<_> = mounts.into_iter().filter_map(|it| it.name).collect();
    let (ours, own): (Vec<_>, Vec<_>) = names.into_iter().partition(|it| *it == volume.as_str());
    assert_eq!((ours.len(), own.len()), (1, 1), "{own:?}");
    container.remove().await.unwrap();
    let gone = raw.inspect_volume(&own[0]).await.unwrap_err().to_string();
    assert!(gone.contains("404"), "{gone}");
    assert_eq!(sh(&fixture, &volume, "ls -A /v").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_does_not_exist_is_not_made() {
    let fixture = Fixture::new().await;
    let missing = named(&fixture, "missing");
    let spec = mounted(fixture.sh("true"), &[(&missing, "/v", true)]);
    let error = fixture.docker.create(&spec).await.unwrap_err();
    assert!(
        matches!(error, CreateError::NoSuchVolume { .. }),
        "{error:?}"
    );
    let text = format!("there is no volume {missing} on the engine, to be mounted at \"/v\"");
    assert_eq!(error.to_string(), text);
    assert!(!fixture.docker.volume_exists(&missing).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_places_are_refused() {
    let fixture = Fixture::new().await;
    let volume = volume(&fixture, "v").await;
    for paths in [
        &[""][..],
        &["v"],
        &["../v"],
        &["/"],
        &["/../"],
        &["/v", "/v"],
    ] {
        let mounts: Vec<_> = paths.iter().map(|path| (&volume, *path, false)).collect();
        let error = fixture
            .docker
            .create(&mounted(fixture.sh("true"), &mounts))
            .await
            .expect_err(&format!("{paths:?}"));
        let CreateError::Engine { source, .. } = &error else {
            panic!("{paths:?}: {error:?}");
        };
        assert_eq!(source.status(), Some(400), "{paths:?}: {source}");
        assert_eq!(
            fixture.containers().await,
            Vec::<String>::new(),
            "{paths:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_uploaded_into_volumes_that_can_be_written() {
    let fixture = Fixture::new().await;
    let (open, closed) = (volume(&fixture, "o").await, volume(&fixture, "c").await);
    let mounts = [(&open, "/open", false), (&closed, "/closed", true)];
    let container = fixture.create(&mounted(fixture.sh("true"), &mounts)).await;
    let file = |path: &str| context(Tar::new().file(path, 0o644, b"x"));
    container.upload("/open", file("a")).await.unwrap();
    container.upload("/", file("open/b")).await.unwrap();
    for (path, name) in [("/closed", "a"), ("/", "closed/b")] {
        let error = container.upload(path, file(name)).await.unwrap_err();
        assert!(
            matches!(error, UploadError::Engine { .. }),
            "{path}: {error:?}"
        );
    }
    assert_eq!(sh(&fixture, &open, "ls -A /v").await, "a\nb\n");
    assert_eq!(sh(&fixture, &closed, "ls -A /v").await, "");
}
