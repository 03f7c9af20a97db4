//! ssh, against a real sshd.

use dogi_git::{CheckoutError, HostKeys, MirrorOptions};
use dogi_testkit::git::SshServer;
use dogi_testkit::repo::Repo;

use crate::support::{Setup, assert_same, context, on_disk, plain, tar_of, unpack};

async fn served() -> (Repo, SshServer) {
    let repo = Repo::with_files(&[("a", "1"), ("d/b", "2")]).unwrap();
    let server = SshServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    (repo, server)
}

fn setup(server: &SshServer, change: impl FnOnce(&mut MirrorOptions)) -> Setup {
    Setup::with(|options| {
        options
            .ssh_keys
            .insert(server.address().to_string(), server.user_key());
        // A path that ssh would read otherwise.
        options.known_hosts.file = options.known_hosts.file.with_file_name("known %h hosts");
        change(options);
    })
}

#[tokio::test]
async fn the_first_contact_is_remembered_and_an_impostor_refused() {
    let (repo, mut server) = served().await;
    let setup = setup(&server, |_| {});
    let url = server.url("o/r.git");
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&files, &on_disk(repo.path()));
    let known = std::fs::read_to_string(setup.dir.path().join("known %h hosts")).unwrap();
    assert!(
        known.contains(server.known_hosts_line().unwrap().trim()),
        "{known}"
    );

    setup.checkout(&url, Some("main")).await.unwrap();
    server.change_host_key().await.unwrap();
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::HostKey { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("differs from the one in known_hosts"),
        "{error}"
    );
}

#[tokio::test]
async fn strict_takes_known_hosts_only() {
    let (_repo, server) = served().await;
    let setup = setup(&server, |options| {
        options.known_hosts.mode = HostKeys::Strict
    });
    let url = server.url("o/r.git");
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::HostKey { .. }), "{error:?}");
    let line = server.known_hosts_line().unwrap();
    std::fs::write(setup.dir.path().join("known %h hosts"), line).unwrap();
    setup.checkout(&url, None).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_refused_without_a_question() {
    let (_repo, server) = served().await;
    let other = SshServer::builder().start().await.unwrap();
    let setup = setup(&server, |options| {
        options
            .ssh_keys
            .insert(server.address().to_string(), other.user_key());
    });
    let error = setup
        .checkout(&server.url("o/r.git"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, CheckoutError::Unauthorized { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("Permission denied"), "{error}");
}

#[tokio::test]
async fn a_missing_repository_says_so() {
    let (_repo, server) = served().await;
    let setup = setup(&server, |_| {});
    let error = setup
        .checkout(&server.url("o/none.git"), None)
        .await
        .unwrap_err();
    assert!(matches!(error, CheckoutError::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn a_path_is_one_word_for_the_shell_at_the_far_end() {
    let (repo, server) = served().await;
    server.add("o/sp ace $(touch x);`y`&.git", &repo).unwrap();
    let setup = setup(&server, |_| {});
    let url = server.url("o/sp ace $(touch x);`y`&.git");
    setup.checkout(&url, None).await.unwrap();
    let asked = server.commands();
    assert_eq!(asked, ["git-upload-pack '/o/sp ace $(touch x);`y`&.git'"]);
    let quoted = server.url("o/it's.git");
    setup.checkout(&quoted, None).await.unwrap_err();
    assert_eq!(server.commands()[1], "git-upload-pack '/o/it'\\''s.git'");
}

#[tokio::test]
async fn submodules_by_relative_urls() {
    let (inner, server) = served().await;
    let outer = Repo::new().unwrap();
    outer
        .submodule("sub", "../r.git", &inner.head().unwrap())
        .unwrap();
    outer.commit("Outer").unwrap();
    server.add("o/outer.git", &outer).unwrap();
    let setup = setup(&server, |_| {});
    let checkout = setup
        .checkout(&server.url("o/outer.git"), None)
        .await
        .unwrap();
    assert_eq!(checkout.read_file("sub/d/b").await.unwrap().unwrap(), b"2");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let (_repo, server) = served().await;
    let setup = setup(&server, |options| {
        options.ssh_program = "/nowhere/ssh".into()
    });
    let error = setup
        .checkout(&server.url("o/r.git"), None)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the program `/nowhere/ssh` can't be started"),
        "{error}"
    );
}
