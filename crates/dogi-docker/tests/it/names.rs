//! What names of images mean on a real engine, and what they never mean.

use dogi_docker::{BuildSpec, ContainerSpec, CreateError, ImageId, ImageName};

use crate::registry::forget;
use crate::support::{Fixture, Tar};

/// An image of its own, apart from the fixture's.
async fn another(fixture: &Fixture) -> ImageId {
    let files = Tar::new().dockerfile("FROM scratch\nCOPY Dockerfile /\nCMD [\"/x\"]\n");
    fixture.build(&BuildSpec::default(), files).await.0.unwrap()
}

async fn tag(image: &ImageId, repository: &str, tag: &str) -> ImageName {
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
    };
    raw.tag_image(image.as_str(), Some(options)).await.unwrap();
    ImageName::parse(&format!("{repository}:{tag}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_or_its_beginning_is_no_name() {
    let fixture = Fixture::new().await;
    let id = fixture.image.as_str();
    let hex = id.strip_prefix("sha256:").unwrap();
    let names = [
        hex[..4].to_owned(),
        hex[..12].to_owned(),
        hex[..63].to_owned(),
        hex.to_owned(),
        format!("{}:latest", &hex[..12]),
        format!("sha256:{}", &hex[..4]),
        format!("sha256:{}", &hex[..12]),
        id.to_owned(),
        format!("x@{id}"),
    ];
    for name in names {
        let parsed = ImageName::parse(&name).unwrap();
        let found = fixture.docker.local_image(&parsed).await.unwrap();
        assert_eq!(found, None, "{name}");
        if name == id {
            // A whole id is what a container is made of.
            continue;
        }
        let spec = ContainerSpec {
            image: name.clone(),
            ..fixture.sh("true")
        };
        let error = fixture.docker.create(&spec).await.unwrap_err();
        assert!(
            matches!(&error, CreateError::NoSuchImage { image } if *image == name),
            "{name}: {error:?}"
        );
    }
    assert!(fixture.docker.image_exists(&fixture.image).await.unwrap());
    fixture.create(&fixture.sh("true")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_a_tag_means_latest() {
    let fixture = Fixture::new().await;
    let other = another(&fixture).await;
    let repository = format!("local-{}", fixture.mark);
    // What looks like the beginning of an image's id can be the name of another one.
    let like_an_id = fixture.image.as_str()["sha256:".len()..][..40].to_owned();
    let tags = [
        tag(&fixture.image, &repository, "latest").await,
        tag(&other, &repository, "1").await,
        tag(&other, &format!("{repository}/one"), "1").await,
        tag(&other, &like_an_id, "latest").await,
    ];
    let cases = [
        (repository.clone(), Some(&fixture.image)),
        (format!("{repository}:latest"), Some(&fixture.image)),
        (format!("docker.io/{repository}"), Some(&fixture.image)),
        (
            format!("docker.io/library/{repository}"),
            Some(&fixture.image),
        ),
        (format!("{repository}:1"), Some(&other)),
        (format!("{repository}:2"), None),
        (format!("{repository}/one"), None),
        (format!("localhost/{repository}"), None),
        (like_an_id, Some(&other)),
    ];
    for (name, wanted) in &cases {
        let parsed = ImageName::parse(name).unwrap();
        let found = fixture.docker.local_image(&parsed).await.unwrap();
        assert_eq!(found.as_ref(), *wanted, "{name}");
        let spec = ContainerSpec {
            image: name.clone(),
            ..fixture.sh("true")
        };
        let created = fixture.docker.create(&spec).await;
        assert_eq!(created.is_ok(), wanted.is_some(), "{name}: {created:?}");
    }
    for name in &tags {
        forget(name).await;
    }
}
