use dogi_testkit::{
    git::{Daemon, Fault, HttpServer, SshServer},
    repo::Repo,
};

fn repo() -> Repo {
    Repo::with_files(&[("Dockerfile", "FROM scratch\n")]).unwrap()
}

/// Clones and compares the commit.
async fn clone(url: &str, config: &[&str], commit: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut args: Vec<&str> = config.iter().flat_map(|c| ["-c", *c]).collect();
    args.extend(["clone", "--quiet", "--depth=1", url, "work"]);
    Repo::git_async(Some(dir.path()), &args).await.unwrap();
    let work = dir.path().join("work");
    let head = Repo::git_async(Some(&work), &["rev-parse", "HEAD"])
        .await
        .unwrap();
    assert_eq!(head, commit);
}

#[tokio::test]
async fn http_serves_clones_and_counts() {
    let repo = repo();
    // Bigger than a pipe, so that both bodies really stream.
    repo.write("big", noise(3_000_000)).unwrap();
    let head = repo.commit("Big").unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    clone(&server.url("o/r.git"), &[], &head).await;
    assert_eq!(
        (server.upload_packs(), server.fetches()),
        (2, 1),
        "protocol 2 lists refs, too"
    );
    assert!(server.requests().iter().all(|r| r.status == Some(200)));
    server.forget_requests();
    server.add("o/late.git", &repo).unwrap();
    clone(&server.url("o/late.git"), &["protocol.version=0"], &head).await;
    assert_eq!(
        server.upload_packs(),
        2,
        "the depth is negotiated before the pack is sent"
    );
}

#[tokio::test]
async fn http_asks_for_the_token() {
    let repo = repo();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .token("s3cret")
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    assert!(Repo::ls_remote(&url).await.is_err());
    assert!(
        Repo::ls_remote(&url.replace("//", "//any:wrong@"))
            .await
            .is_err()
    );
    Repo::ls_remote(&url.replace("//", "//any:s3cret@"))
        .await
        .unwrap();
}

#[tokio::test]
async fn http_redirects() {
    let repo = repo();
    let to = HttpServer::builder()
        .repo("new.git", &repo)
        .start()
        .await
        .unwrap();
    let from = HttpServer::builder()
        .redirect("old.git", &to.url("new.git"))
        .start()
        .await
        .unwrap();
    Repo::ls_remote(&from.url("old.git")).await.unwrap();
    assert!(to.requests().len() >= 2);
}

#[tokio::test]
async fn http_goes_wrong_as_told() {
    let repo = repo();
    repo.write("big", noise(1_000_000)).unwrap();
    let head = repo.commit("Big").unwrap();
    let server = HttpServer::builder()
        .repo("r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("r.git");

    server.set_fault(Fault::Status(503, "busy".into()));
    let error = Repo::ls_remote(&url).await.unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");

    for fault in [Fault::Hang, Fault::StallAfter(10)] {
        server.forget_requests();
        server.set_fault(fault);
        let hanging = Repo::ls_remote(&url);
        tokio::select! {
            end = hanging => panic!("ended: {end:?}"),
            come = server.wait_for_requests(1) => come.unwrap(),
        }
    }
    server.set_fault(Fault::None);
    clone(&url, &[], &head).await;
}

#[tokio::test]
async fn the_daemon_serves_clones_and_ends_with_its_value() {
    let repo = repo();
    let daemon = Daemon::start(&[("o/r.git", &repo)]).await.unwrap();
    let url = daemon.url("o/r.git");
    clone(&url, &[], &repo.head().unwrap()).await;
    drop(daemon);
    assert!(Repo::ls_remote(&url).await.is_err());
}

#[tokio::test]
async fn ssh_serves_clones_by_key() {
    let repo = repo();
    let mut server = SshServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let known = dir.path().join("known_hosts");
    std::fs::write(&known, server.known_hosts_line().unwrap()).unwrap();
    let ssh = format!(
        "core.sshCommand=ssh -F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes \
         -o StrictHostKeyChecking=yes -o UserKnownHostsFile={}",
        server.user_key().display(),
        known.display(),
    );
    let url = server.url("o/r.git");
    clone(&url, &[&ssh], &repo.head().unwrap()).await;
    assert_eq!(server.commands(), ["git-upload-pack '/o/r.git'"]);

    server.change_host_key().await.unwrap();
    let error = Repo::git_async(None, &["-c", &ssh, "ls-remote", &url])
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("HOST IDENTIFICATION HAS CHANGED"),
        "{error}"
    );
}

/// Bytes that do not compress, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(length).collect()
}
