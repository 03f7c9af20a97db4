//! What fails leaves nothing behind, and says whose fault it is.

use std::io;

use bollard::models::VolumeCreateRequest;
use bytes::Bytes;
use dogi_docker::{
    CopyVolumeError, CreateError, Docker, Endpoint, FillError, UploadError, VolumeName,
};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::{named, sh, volume};
use crate::support::{Fixture, Tar, within};

type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// A file and the half of another one.
fn half(root: &str) -> Bytes {
    let tar = Tar::new().file(&format!("{root}/a"), 0o644, b"a\n").file(
        &format!("{root}/b"),
        0o644,
        &[7; 100_000],
    );
    tar.bytes().slice(..50_000)
}

async fn nothing_is_left(fixture: &Fixture, volumes: &[&VolumeName]) {
    assert_eq!(fixture.containers().await, Vec::<String>::new());
    for volume in volumes {
        fixture.docker.remove_volume(volume).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fillings() {
    let fixture = Fixture::new().await;
    let (labels, image) = (fixture.labels(), fixture.image.to_string());
    let breaking = |root: &str| -> Chunks {
        let failed = Err(io::Error::other("no more"));
        futures::stream::iter([Ok(half(root)), failed]).boxed()
    };
    let ending = |root: &str| -> Chunks { futures::stream::iter([Ok(half(root))]).boxed() };
    let garbage = |_: &str| -> Chunks { futures::stream::iter([Ok(vec![1; 2000].into())]).boxed() };
    type Make<'a> = &'a (dyn Fn(&str) -> Chunks + Sync);
    type Is = fn(&FillError) -> bool;
    let by_stream: Is = |err| {
        matches!(err, FillError::Upload { source: UploadError::Stream { source, .. }, .. }
            if source.to_string() == "no more")
    };
    let by_engine: Is = |err| matches!(err, FillError::Upload { source: UploadError::Engine { source, .. }, .. } if source.status() == Some(500));
    let cases: [(&str, Make<'_>, Is); 3] = [
        ("breaking", &breaking, by_stream),
        ("ending", &ending, by_engine),
        ("garbage", &garbage, by_engine),
    ];
    for (name, tar, is) in cases {
        let volume = volume(&fixture, name).await;
        let filled = fixture.docker.fill_volume(&volume, &image, &labels, tar);
        let error = within(60, name, filled).await.unwrap_err();
        assert!(is(&error), "{name}: {error:?}");
        nothing_is_left(&fixture, &[&volume]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() {
    let fixture = Fixture::new().await;
    let (docker, labels, image) = (&fixture.docker, fixture.labels(), fixture.image.to_string());
    let (there, missing) = (volume(&fixture, "v").await, named(&fixture, "missing"));
    let nothing = |_: &str| futures::stream::empty();
    let no_image = "dogi.test/missing:1";

    let filled = docker.fill_volume(&missing, &image, &labels, nothing).await;
    let found = match filled.unwrap_err() {
        FillError::Helper {
            volume,
            source: CreateError::NoSuchVolume { .. },
        } => volume,
        other => panic!("{other:?}"),
    };
    assert_eq!(found, missing);
    let filled = docker.fill_volume(&there, no_image, &labels, nothing).await;
    let no_image_told = matches!(
        filled,
        Err(FillError::Helper {
            source: CreateError::NoSuchImage { .. },
            ..
        })
    );
    assert!(no_image_told, "{filled:?}");
    for (from, to) in [(&there, &missing), (&missing, &there)] {
        let copied = docker.copy_volume(from, to, &image, &labels).await;
        match copied.unwrap_err() {
            CopyVolumeError::Helper {
                volume,
                source: CreateError::NoSuchVolume { .. },
            } => {
                assert_eq!(volume, missing);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(fixture.containers().await, Vec::<String>::new());
    }
    let copied = docker.copy_volume(&there, &there, &image, &labels).await;
    assert!(
        matches!(copied, Err(CopyVolumeError::Same { .. })),
        "{copied:?}"
    );
    assert!(!docker.volume_exists(&missing).await.unwrap());
    nothing_is_left(&fixture, &[&there]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_to_wait_for_the_end() {
    let fixture = Fixture::new().await;
    let volume = volume(&fixture, "v").await;
    let image = fixture.image.to_string();
    let (begun, begins) = oneshot::channel();
    let labels = fixture.labels();
    let filled = fixture
        .docker
        .fill_volume(&volume, &image, &labels, |root| {
            let part = futures::stream::iter([Ok(half(root))]);
            let tell = async move {
                begun.send(()).unwrap();
                futures::future::pending().await
            };
            part.chain(tell.into_stream())
        });
    let mut filled = Box::pin(filled);
    tokio::select! {
        filled = &mut filled => panic!("{filled:?}"),
        begun = within(60, "the upload", begins) => begun.unwrap(),
    }
    let helper = fixture.containers().await;
    assert_eq!(helper.len(), 1);
    drop(filled);

    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let filters = [
        ("container".to_owned(), helper),
        ("event".to_owned(), vec!["destroy".to_owned()]),
    ];
    let options = bollard::query_parameters::EventsOptions {
        since: Some("0".to_owned()),
        filters: Some(filters.into()),
        ..Default::default()
    };
    let mut removals = std::pin::pin!(raw.events(Some(options)));
    let removed = within(60, "the container's removal", removals.next()).await;
    removed.unwrap().unwrap();
    nothing_is_left(&fixture, &[&volume]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_full_is_told_as_such() {
    let fixture = Fixture::new().await;
    let (labels, image) = (fixture.labels(), fixture.image.to_string());
    let (from, full) = (volume(&fixture, "from").await, named(&fixture, "full"));
    sh(
        &fixture,
        &from,
        "dd if=/dev/zero of=/v/a bs=1M count=32 2>/tmp/err",
    )
    .await;
    let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=64k")];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    raw.create_volume(VolumeCreateRequest {
        name: Some(full.to_string()),
        driver_opts: Some(options.into()),
        labels: Some(labels.clone().into_iter().collect()),
        ..VolumeCreateRequest::default()
    })
    .await
    .unwrap();
    let copied = fixture.docker.copy_volume(&from, &full, &image, &labels);
    let error = within(60, "the refusal", copied).await.unwrap_err();
    match &error {
        CopyVolumeError::Write { to, source } => {
            assert_eq!(to, &full);
            assert!(source.to_string().contains("no space left"), "{source}");
        }
        other => panic!("{other:?}"),
    }
    nothing_is_left(&fixture, &[&from, &full]).await;
}

/// An engine whose archives end early, as if all were well: this long.
async fn cut_short(len: usize) -> (Docker, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, len));
        }
    });
    let docker = Docker::connect(&Endpoint::new(format!("tcp://{address}"))).unwrap();
    (docker, AbortOnDropHandle::new(task))
}

async fn relay(mut client: TcpStream, len: usize) -> io::Result<()> {
    let mut engine = UnixStream::connect("/var/run/docker.sock").await?;
    let mut begin = vec![0; 65536];
    let read = client.read(&mut begin).await?;
    let head = String::from_utf8_lossy(&begin[..read]).into_owned();
    if !(head.starts_with("GET") && head.contains("/archive?")) {
        engine.write_all(&begin[..read]).await?;
        tokio::io::copy_bidirectional(&mut client, &mut engine).await?;
        return Ok(());
    }
    // The older protocol's answers have no framing: they end with the connection.
    let asked = head.replacen("HTTP/1.1", "HTTP/1.0", 1);
    engine.write_all(asked.as_bytes()).await?;
    let mut answer = Vec::new();
    engine.read_to_end(&mut answer).await?;
    let body = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    client.write_all(&answer[..body + len]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_ends_between_two_files_is_no_copy() {
    let fixture = Fixture::new().await;
    let (labels, image) = (fixture.labels(), fixture.image.to_string());
    let (from, to) = (volume(&fixture, "from").await, volume(&fixture, "to").await);
    sh(&fixture, &from, "echo 1 > /v/a; echo 2 > /v/b").await;
    // After the root and the first file; within the end.
    for len in [512, 512 * 3, 512 * 5, 512 * 6] {
        let (docker, _relay) = cut_short(len).await;
        let copied = docker.copy_volume(&from, &to, &image, &labels).await;
        let error = copied.expect_err(&format!("{len}"));
        assert!(
            matches!(error, CopyVolumeError::Read { .. }),
            "{len}: {error:?}"
        );
        assert_eq!(fixture.containers().await, Vec::<String>::new());
    }
    let (docker, _relay) = cut_short(512 * 7).await;
    docker
        .copy_volume(&from, &to, &image, &labels)
        .await
        .unwrap();
    nothing_is_left(&fixture, &[&from, &to]).await;
}
