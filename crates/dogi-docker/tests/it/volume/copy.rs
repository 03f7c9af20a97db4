//! A copy is a copy.

use super::{content, empty_image, sh, volume};
use crate::support::{Fixture, Tar, context};

const ODD_THINGS: &str = "
    cd /v; b=/bin/busybox
    mkdir -p d/empty d/closed; echo one > d/a; $b ln d/a d/hard; $b ln d/a other
    ln -s a d/link; ln -s ../../../../outside up; ln -s /etc/passwd abs; ln -s nowhere dangling
    mkfifo pipe; truncate -s 5000000 sparse; echo end >> sparse
    echo s > setuid; $b chown -R 1000:1001 d; $b chown 7:8 setuid; chmod 4750 setuid; chmod 0 d/closed
    $b chown -h 12:13 abs; $b touch -h -d '2001-02-03 04:05:06' abs d/a d
    touch \"$(printf 'sp ace\\nline')\" -- -dash; mkdir -p \"$(printf '%0150d' 1)/$(printf '%0150d' 2)\"
    touch \"$(printf '%0150d' 1)/$(printf '%0150d' 2)/x\"
    $b chown 1000 .; chmod 1775 .";

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_and_the_original_stays() {
    let fixture = Fixture::new().await;
    let (docker, labels) = (&fixture.docker, fixture.labels());
    let image = empty_image(&fixture).await;
    let (from, to) = (volume(&fixture, "from").await, volume(&fixture, "to").await);
    sh(&fixture, &from, ODD_THINGS).await;
    let before = content(&fixture, &from).await;
    docker
        .copy_volume(&from, &to, &image, &labels)
        .await
        .unwrap();
    assert_eq!(fixture.containers().await, Vec::<String>::new());
    let entries = |tar: &[u8]| {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let entry = |it: tar::Entry<'_, _>| {
            let link = it.link_name().unwrap().map(|link| link.into_owned());
            let header = it.header();
            let owner = (header.uid().unwrap(), header.gid().unwrap());
            let mode = format!("{:o}", header.mode().unwrap());
            let what = (header.entry_type(), it.size(), header.mtime().unwrap());
            (it.path().unwrap().into_owned(), link, owner, mode, what)
        };
        entries.map(entry).collect::<Vec<_>>()
    };
    let copied = content(&fixture, &to).await;
    assert_eq!(entries(&before), entries(&copied));
    assert_eq!(before, copied);
    assert!(entries(&before).len() > 18);
    assert_eq!(before, content(&fixture, &from).await);

    // They have nothing to do with each other, and what only the target has stays.
    sh(
        &fixture,
        &to,
        "rm /v/pipe; echo two > /v/d/a; echo mine > /v/mine",
    )
    .await;
    assert_eq!(before, content(&fixture, &from).await);
    docker
        .copy_volume(&from, &to, &image, &labels)
        .await
        .unwrap();
    assert_eq!(
        sh(&fixture, &to, "cat /v/mine /v/d/a /v/d/hard /v/other").await,
        "mine\none\none\none\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_one_is_a_copy_too() {
    let fixture = Fixture::new().await;
    let (docker, labels) = (&fixture.docker, fixture.labels());
    let image = fixture.image.to_string();
    let (from, to) = (volume(&fixture, "from").await, volume(&fixture, "to").await);
    let open = |root: &str| context(Tar::new().directory(root, 0o777));
    let opened = docker.fill_volume(&from, &image, &labels, open);
    opened.await.unwrap();
    docker
        .copy_volume(&from, &to, &image, &labels)
        .await
        .unwrap();
    assert_eq!(sh(&fixture, &to, "ls -A /v; stat -c %a /v").await, "777\n");
}
