//! Where repositories come from.

use dogi_testkit::{
    docker::Context,
    git::{Daemon, HttpServer, SshServer},
    repo::Repo,
};

use crate::harness::{Dogi, Repos};

fn hello() -> Repo {
    let context = Context::busybox("CMD [\"echo\", \"hello\"]\n").expect("busybox is installed");
    context.repo().expect("git works")
}

#[tokio::test]
async fn a_private_repository_is_cloned_with_the_operators_token() {
    let repo = hello();
    let server = HttpServer::builder()
        .repo("private.git", &repo)
        .token("s3cret-token")
        .start()
        .await;
    let server = server.expect("git http-backend runs");
    let path = format!("/{}", server.url("private.git").replacen("://", "/", 1));
    let config = tempfile::NamedTempFile::new().expect("a file");
    let host = server.address();
    let yaml = format!(
        "forges:\n  \"{host}\": {{kind: gitea, api: \"http://{host}/api/v1\", token: {{env: FORGE_TOKEN}}}}\n"
    );
    std::fs::write(config.path(), yaml).expect("written");
    let config = config.path().display().to_string();
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("CONFIG", &config),
        ("FORGE_TOKEN", "s3cret-token"),
    ])
    .await;
    let answer = dogi.get(&format!("{path}?action=run&tty=false")).await;
    assert!(answer.text().ends_with("hello\n"), "{}", answer.text());
    assert!(!answer.text().contains("s3cret-token"));

    let stranger = Dogi::start().await;
    let answer = stranger
        .get(&format!("{path}?action=run&output=status"))
        .await;
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn ssh_works_with_a_key_and_remembers_the_host() {
    let repo = hello();
    let mut server = SshServer::builder()
        .repo("r.git", &repo)
        .start()
        .await
        .expect("sshd runs");
    let url = server.url("r.git");
    let rest = url.strip_prefix("ssh://").expect("an ssh URL");
    let (host, repo_path) = rest.split_once('/').expect("a path");
    let path = format!("/ssh/{host}/{repo_path}");
    let config = tempfile::NamedTempFile::new().expect("a file");
    let key = server.user_key().display().to_string();
    let address = server.address();
    let yaml = format!("git:\n  hosts: {{\"{address}\": {{ssh_key: \"{key}\"}}}}\n");
    std::fs::write(config.path(), yaml).expect("written");
    let config = config.path().display().to_string();
    let dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("CONFIG", &config)]).await;
    let answer = dogi.get(&format!("{path}?action=run&tty=false")).await;
    assert!(answer.text().ends_with("hello\n"), "{}", answer.text());

    let known = dogi.data.path().join(".ssh/known_hosts");
    let known = std::fs::read_to_string(known).expect("the host is remembered");
    assert!(
        known.contains(&format!("[127.0.0.1]:{}", address.port())),
        "{known}"
    );

    server.change_host_key().await.expect("it changes");
    let answer = dogi
        .get(&format!("{path}?action=restart&output=status"))
        .await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(
        answer.text().to_lowercase().contains("host key"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn git_urls_are_for_operators_who_allow_them() {
    let repo = hello();
    let daemon = Daemon::start(&[("r.git", &repo)])
        .await
        .expect("git daemon runs");
    let path = format!("/{}", daemon.url("r.git").replacen("://", "/", 1));
    let dogi = Dogi::start().await;
    assert_eq!(dogi.get(&format!("{path}?action=run")).await.status, 403);
}

#[tokio::test]
async fn submodules_are_part_of_the_context() {
    let mut repos = Repos::start().await;
    let part = Repo::with_files(&[("text", "from the submodule\n")]).expect("git works");
    let commit = part.head().expect("a commit");
    repos.add_repo("part.git", part);
    let context =
        Context::busybox("COPY part/text /text\nCMD [\"cat\", \"/text\"]\n").expect("busybox");
    let whole = context.repo().expect("git works");
    whole
        .submodule("part", "../part.git", &commit)
        .expect("added");
    whole.commit("Add part").expect("committed");
    let path = repos.add_repo("whole.git", whole);
    let dogi = Dogi::start().await;
    let answer = dogi.get(&format!("{path}?action=run&tty=false")).await;
    assert!(
        answer.text().ends_with("from the submodule\n"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn the_git_directory_comes_where_it_is_asked_for() {
    let mut repos = Repos::start().await;
    let dockerfile =
        "COPY . /src\nCMD [\"sh\", \"-c\", \"cat /src/.git/HEAD 2>/dev/null || echo none\"]\n";
    let path = repos.add("demo.git", dockerfile);
    let head = repos.repo(0).head().expect("a commit");
    let dogi = Dogi::start().await;
    let without = dogi
        .get(&format!("{path}?action=run&tty=false&id=a"))
        .await
        .text();
    assert!(without.ends_with("none\n"), "{without}");
    let with = dogi
        .get(&format!("{path}?action=run&tty=false&id=b&git_dir=true"))
        .await
        .text();
    assert!(
        with.contains(&head) || with.contains("ref: refs/heads/main"),
        "{with}"
    );
}

#[tokio::test]
async fn a_ready_image_gets_the_repository_at_workspace() {
    let mut repos = Repos::start().await;
    let path = repos.add_files(
        "demo.git",
        "CMD [\"true\"]\n",
        &[("text", "in the workspace\n")],
    );
    let dogi = Dogi::start().await;
    let built = dogi
        .get(&format!("{path}?action=run&output=status&id=a"))
        .await
        .json();
    let image = built["image"].as_str().expect("an image");
    let tag = format!("dogi-e2e-{}:latest", dogi.namespace);
    let tagged = std::process::Command::new("docker")
        .args(["tag", image, &tag])
        .status();
    assert!(tagged.expect("docker runs").success());
    let answer = dogi
        .get(&format!(
            "{path}?action=run&tty=false&id=b&image={tag}&cmd=cat+text"
        ))
        .await;
    let untagged = std::process::Command::new("docker")
        .args(["rmi", &tag])
        .output();
    assert!(untagged.expect("docker runs").status.success());
    assert!(
        answer.text().ends_with("in the workspace\n"),
        "{}",
        answer.text()
    );
}
