//! Named volumes: made, mounted, filled, copied, and never those of somebody else.

mod broken;
mod copy;
mod fill;
mod mount;

use std::collections::BTreeMap;

use bollard::models::VolumeCreateRequest;
use bytes::Bytes;
use dogi_docker::{
    BuildSpec, ContainerSpec, CreateVolumeError, LabelFilter, OwnedKind, VolumeMount, VolumeName,
};
use futures::TryStreamExt;

use crate::support::{Fixture, LABEL, Tar};

/// A name that nobody else has; the volume is made and goes with the fixture.
async fn volume(fixture: &Fixture, name: &str) -> VolumeName {
    let volume = named(fixture, name);
    let labels = fixture.labels();
    let made = fixture.docker.create_volume(&volume, &labels).await;
    made.expect("a volume");
    volume
}

fn named(fixture: &Fixture, name: &str) -> VolumeName {
    VolumeName::parse(&format!("{}-{name}", fixture.mark)).expect("a name")
}

fn mounted(spec: ContainerSpec, volumes: &[(&VolumeName, &str, bool)]) -> ContainerSpec {
    let volumes = volumes.iter().map(|(volume, path, read_only)| VolumeMount {
        volume: (*volume).clone(),
        path: (*path).to_owned(),
        read_only: *read_only,
    });
    ContainerSpec {
        volumes: volumes.collect(),
        ..spec
    }
}

/// Runs a script with a volume at `/v`.
async fn sh(fixture: &Fixture, volume: &VolumeName, script: &str) -> String {
    let spec = mounted(fixture.sh(script), &[(volume, "/v", false)]);
    let (out, err, exit) = fixture.run(&spec).await;
    let err = String::from_utf8_lossy(&err).into_owned();
    assert_eq!((exit.code, err.as_str()), (0, ""), "{script}");
    String::from_utf8(out).unwrap()
}

/// Everything in a volume, as the engine packs it.
async fn content(fixture: &Fixture, volume: &VolumeName) -> Bytes {
    let spec = mounted(fixture.sh("true"), &[(volume, "/v", true)]);
    let container = fixture.create(&spec).await;
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let options = bollard::query_parameters::DownloadFromContainerOptions { path: "/v".into() };
    let tar = raw.download_from_container(container.id().as_str(), Some(options));
    let chunks: Vec<Bytes> = tar.try_collect().await.unwrap();
    container.remove().await.unwrap();
    chunks.concat().into()
}

/// An image with nothing in it, and nothing to run.
async fn empty_image(fixture: &Fixture) -> String {
    built(fixture, Tar::new().dockerfile("FROM scratch\nENV A=1\n")).await
}

async fn built(fixture: &Fixture, files: Tar) -> String {
    let (image, log) = fixture.build(&BuildSpec::default(), files).await;
    image
        .unwrap_or_else(|err| panic!("{err:?}\n{log}"))
        .to_string()
}

#[test]
fn names() {
    let long = "a".repeat(255);
    for good in ["ab", "A0", "0_.-", "dogi_run-7.out", "a..", &long] {
        assert_eq!(VolumeName::parse(good).unwrap().as_str(), good);
        assert_eq!(good.parse::<VolumeName>().unwrap().to_string(), good);
    }
    let too_long = "a".repeat(256);
    let cases = [
        ("", "it is empty"),
        ("a", "two characters"),
        ("/etc", "begin with"),
        (".", "begin with"),
        ("..", "begin with"),
        ("-v", "begin with"),
        ("_a", "begin with"),
        ("é1", "begin with"),
        ("a/b", "may have only"),
        ("a:/b", "may have only"),
        ("a b", "may have only"),
        ("a\n", "may have only"),
        ("a\0", "may have only"),
        ("a%2f", "may have only"),
        ("aé", "may have only"),
        (&too_long, "longer than 255 bytes"),
    ];
    for (bad, reason) in cases {
        let error = VolumeName::parse(bad).unwrap_err();
        assert_eq!(error.name, bad);
        assert!(error.reason.contains(reason), "{error}");
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_somebody_else_is_never_taken() {
    let fixture = Fixture::new().await;
    let ours = fixture.labels();
    let ours_and = |name: &str| {
        let mut labels = fixture.labels();
        labels.insert(name.to_owned(), "1".to_owned());
        labels
    };
    // Again with the same labels, and nothing is lost.
    let kept = volume(&fixture, "kept").await;
    sh(&fixture, &kept, "echo here > /v/a").await;
    fixture.docker.create_volume(&kept, &ours).await.unwrap();
    assert_eq!(sh(&fixture, &kept, "cat /v/a").await, "here\n");

    let cases = [ours_and("dogi.step"), BTreeMap::new()];
    for wanted in cases {
        let refused = fixture.docker.create_volume(&kept, &wanted).await;
        match refused.unwrap_err() {
            CreateVolumeError::OtherLabels {
                volume,
                found,
                wanted: asked,
            } => assert_eq!((volume, found, asked), (kept.clone(), ours.clone(), wanted)),
            other => panic!("{other:?}"),
        }
    }
    // Another directory of the machine under a name with all the right labels.
    let bind = named(&fixture, "bind");
    let options = [("type", "none"), ("o", "bind"), ("device", "/tmp")];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    raw.create_volume(VolumeCreateRequest {
        name: Some(bind.to_string()),
        driver_opts: Some(options.into()),
        labels: Some(fixture.labels().into_iter().collect()),
        ..VolumeCreateRequest::default()
    })
    .await
    .unwrap();
    let error = fixture.docker.create_volume(&bind, &ours).await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, CreateVolumeError::NotPlain { options, .. } if options.len() == 3),
        "{error:?}"
    );
    assert!(!error.to_string().contains("/tmp"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_is_for_what_nobody_has_mounted() {
    let fixture = Fixture::new().await;
    let docker = &fixture.docker;
    let volume = volume(&fixture, "v").await;
    let spec = mounted(fixture.sh("true"), &[(&volume, "/v", false)]);
    let container = fixture.create(&spec).await;
    let error = docker.remove_volume(&volume).await.unwrap_err();
    assert_eq!(error.status(), Some(409), "{error:?}");
    container.remove().await.unwrap();
    assert!(docker.volume_exists(&volume).await.unwrap());
    docker.remove_volume(&volume).await.unwrap();
    assert!(!docker.volume_exists(&volume).await.unwrap());
    docker.remove_volume(&volume).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_collected_after_the_containers_that_have_them() {
    let fixture = Fixture::new().await;
    let docker = &fixture.docker;
    let step = |step: &str| {
        let mut labels = fixture.labels();
        labels.insert("dogi.step".to_owned(), step.to_owned());
        labels
    };
    let (one, two) = (named(&fixture, "one"), named(&fixture, "two"));
    docker.create_volume(&one, &step("a")).await.unwrap();
    docker.create_volume(&two, &step("b")).await.unwrap();
    for (volume, label) in [(&one, "a"), (&two, "b")] {
        let spec = ContainerSpec {
            labels: step(label),
            ..mounted(fixture.sh("sleep 60"), &[(volume, "/v", false)])
        };
        let running = fixture.create(&spec).await;
        running.start_attached().await.unwrap();
    }
    let of = |filter: LabelFilter| async move {
        let owned = docker.owned(&filter).await.unwrap();
        let mut ids: Vec<_> = owned
            .into_iter()
            .filter(|it| it.kind == OwnedKind::Volume)
            .map(|it| it.id)
            .collect();
        ids.sort();
        ids
    };
    let names = |volumes: &[&VolumeName]| volumes.iter().map(ToString::to_string).collect();
    let all: Vec<String> = names(&[&one, &two]);
    assert_eq!(of(fixture.filter()).await, all);
    let only: Vec<String> = names(&[&one]);
    assert_eq!(of(fixture.filter().and("dogi.step", "a")).await, only);
    assert_eq!(of(LabelFilter::is(LABEL, "")).await, Vec::<String>::new());

    // A volume in use stays.
    let filter = fixture.filter().and("dogi.step", "a");
    let keep = |it: &dogi_docker::Owned| it.kind == OwnedKind::Container;
    let collected = docker.collect(&filter, keep).await.unwrap();
    assert!(collected.removed.is_empty() && collected.failed.is_empty());
    assert_eq!(collected.in_use[0].id, one.to_string());
    // Its container and it go in one go, and the other step's stay.
    let collected = docker.collect(&filter, |_| false).await.unwrap();
    let kinds: Vec<_> = collected.removed.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [OwnedKind::Container, OwnedKind::Volume],
        "{collected:?}"
    );
    let only: Vec<String> = names(&[&two]);
    assert_eq!(of(fixture.filter()).await, only);
}
