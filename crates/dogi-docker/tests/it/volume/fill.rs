//! Filling volumes.

use dogi_docker::ContainerSpec;

use super::{built, empty_image, mounted, sh, volume};
use crate::support::{Fixture, Tar, context};

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_fills_it_on_any_image() {
    let fixture = Fixture::new().await;
    let labels = fixture.labels();
    let with_volumes = fixture.shell("USER 1000\nVOLUME /own\nENTRYPOINT [\"/none\"]\n");
    let images = [
        fixture.image.to_string(),
        empty_image(&fixture).await,
        built(&fixture, with_volumes).await,
    ];
    for (index, image) in images.iter().enumerate() {
        let volume = volume(&fixture, &index.to_string()).await;
        sh(&fixture, &volume, "echo old > /v/old; echo old > /v/a").await;
        // Links out of the volume are as good as others. What is led out of it, or stands beside it, stays
        // in the container that is thrown away.
        let tar = |root: &str| {
            let tar = Tar::new()
                .file(&format!("{root}/a"), 0o640, b"new\n")
                .directory(&format!("{root}/empty"), 0o700)
                .link(&format!("{root}/up"), "../../../etc/passwd")
                .link(&format!("{root}/abs"), "/tmp")
                .directory("tmp", 0o777)
                .file(&format!("{root}/abs/led"), 0o644, b"x")
                .file("beside", 0o644, b"x");
            context(tar)
        };
        let filled = fixture.docker.fill_volume(&volume, image, &labels, tar);
        filled.await.unwrap();
        assert_eq!(fixture.containers().await, Vec::<String>::new(), "{image}");
        let script =
            "cd /v; ls -A; cat a old; stat -c '%a %u %n' a empty . ; head -n 1 up; ls -A abs/";
        assert_eq!(
            sh(&fixture, &volume, script).await,
            "a\nabs\nempty\nold\nup\nnew\nold\n640 0 a\n700 0 empty\n755 0 .\nroot:x:0:0::/:/bin/sh\n"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_other_users_can_write_where_the_archive_lets_them() {
    let fixture = Fixture::new().await;
    let image = built(&fixture, fixture.shell("USER 1000\n")).await;
    let volume = volume(&fixture, "v").await;
    let spec = ContainerSpec {
        image: image.clone(),
        ..mounted(
            fixture.sh("echo mine > /out/a && mkdir /out/d && touch /out/d/b"),
            &[(&volume, "/out", false)],
        )
    };
    let (_, err, exit) = fixture.run(&spec).await;
    assert_ne!(exit.code, 0);
    assert!(String::from_utf8_lossy(&err).contains("Permission denied"));

    sh(&fixture, &volume, "echo old > /v/old; chmod 600 /v/old").await;
    let docker = &fixture.docker;
    let labels = fixture.labels();
    let open = |root: &str| context(Tar::new().directory(root, 0o777));
    let opened = docker.fill_volume(&volume, &image, &labels, open);
    opened.await.unwrap();
    assert_eq!(fixture.containers().await, Vec::<String>::new());
    let (_, err, exit) = fixture.run(&spec).await;
    assert_eq!(exit.code, 0, "{}", String::from_utf8_lossy(&err));
    let found = sh(&fixture, &volume, "cd /v; stat -c '%a %u %n' . a d/b old").await;
    assert_eq!(found, "777 0 .\n644 1000 a\n644 1000 d/b\n600 0 old\n");
}
