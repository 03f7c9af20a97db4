//! Finding by label, and collecting.

use std::collections::BTreeSet;

use dogi_docker::{LabelFilter, Owned, OwnedKind};

use crate::support::{Fixture, LABEL};

async fn kinds(fixture: &Fixture) -> BTreeSet<OwnedKind> {
    let owned = fixture.docker.owned(&fixture.filter()).await.unwrap();
    owned.into_iter().map(|it| it.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_with_the_label_goes_and_nothing_else() {
    let fixture = Fixture::new().await;
    let other = Fixture::new().await;
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let labels = || Some(fixture.labels().into_iter().collect());
    raw.create_volume(bollard::models::VolumeCreateRequest {
        name: Some(fixture.mark.clone()),
        labels: labels(),
        ..Default::default()
    })
    .await
    .unwrap();
    raw.create_network(bollard::models::NetworkCreateRequest {
        name: fixture.mark.clone(),
        labels: labels(),
        ..Default::default()
    })
    .await
    .unwrap();
    let running = fixture.create(&fixture.sh("sleep 60")).await;
    let _attached = running.start_attached().await.unwrap();
    let made = fixture.create(&fixture.sh("true")).await;
    let kept = other.create(&other.sh("true")).await;

    let owned = fixture.docker.owned(&fixture.filter()).await.unwrap();
    let mut ids: Vec<_> = owned.iter().map(|it| it.id.as_str()).collect();
    for id in [
        running.id().as_str(),
        made.id().as_str(),
        &fixture.mark,
        fixture.image.as_str(),
    ] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
        ids.retain(|it| *it != id);
    }
    assert_eq!(ids.len(), 1, "the network: {ids:?}");
    assert!(owned.iter().any(|it| it.running) && owned.iter().all(|it| it.created.is_some()));
    assert!(owned.iter().all(|it| it.labels[LABEL] == fixture.mark));

    // An image in use stays, whatever else goes.
    let keep_container = |it: &Owned| it.kind == OwnedKind::Container;
    let collected = fixture
        .docker
        .collect(&fixture.filter(), keep_container)
        .await
        .unwrap();
    assert!(collected.failed.is_empty(), "{collected:?}");
    assert_eq!(
        collected
            .in_use
            .iter()
            .map(|it| it.kind)
            .collect::<Vec<_>>(),
        [OwnedKind::Image]
    );
    assert_eq!(
        kinds(&fixture).await,
        [OwnedKind::Container, OwnedKind::Image].into()
    );

    let collected = fixture
        .docker
        .collect(&fixture.filter(), |_| false)
        .await
        .unwrap();
    assert!(
        collected.failed.is_empty() && collected.in_use.is_empty(),
        "{collected:?}"
    );
    assert_eq!(kinds(&fixture).await, BTreeSet::new());
    assert!(!fixture.docker.image_exists(&fixture.image).await.unwrap());
    kept.state().await.unwrap();
    // Twice is fine.
    let collected = fixture
        .docker
        .collect(&fixture.filter(), |_| false)
        .await
        .unwrap();
    assert!(collected.removed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn filters() {
    let fixture = Fixture::new().await;
    let spec = dogi_docker::ContainerSpec {
        labels: [
            (LABEL.to_owned(), fixture.mark.clone()),
            ("dogi.run".to_owned(), "7".to_owned()),
        ]
        .into(),
        ..fixture.sh("true")
    };
    let container = fixture.create(&spec).await;
    let found = |filter: LabelFilter| {
        let docker = fixture.docker.clone();
        let id = container.id().as_str().to_owned();
        async move {
            docker
                .owned(&filter)
                .await
                .unwrap()
                .iter()
                .any(|it| it.id == id)
        }
    };
    let mark = || fixture.filter();
    assert!(found(mark()).await);
    assert!(found(mark().and("dogi.run", "7")).await);
    assert!(!found(mark().and("dogi.run", "8")).await);
    assert!(found(LabelFilter::has(LABEL)).await);
    assert!(!found(LabelFilter::is(LABEL, "")).await);
    assert!(
        !found(LabelFilter::default()).await,
        "no label is nothing, not everything"
    );
    assert_eq!(
        fixture
            .docker
            .collect(&LabelFilter::default(), |_| false)
            .await
            .unwrap()
            .removed,
        []
    );
    assert!(
        fixture
            .docker
            .container(container.id())
            .await
            .unwrap()
            .state()
            .await
            .is_ok()
    );
}
