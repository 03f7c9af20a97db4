//! Files inside the container, followed as `tail -F` does.

use std::time::Duration;

use crate::harness::{Dogi, Repos, encode};

/// What a job does to `/tmp/data` or elsewhere, and what a follower ends up with.
#[tokio::test]
async fn a_file_is_followed_however_it_is_written() {
    let mut repos = Repos::start().await;
    let path = repos.add("demo.git", "RUN mkdir -p /app && chown 1000:1000 /app && mkdir -m 0755 /closed && touch /closed/data && chown 1000 /closed/data\n");
    let nobody = repos.add("nobody.git", "RUN mkdir -m 0755 /closed && touch /closed/data && chown 1000 /closed/data\nUSER 1000:1000\n");
    let dogi = Dogi::start().await;
    let cases = [
        (
            "late",
            &path,
            "/app/data",
            "sleep 1; echo late > /app/data",
            "late\n",
        ),
        (
            "appended",
            &path,
            "/app/data",
            "for i in 1 2 3; do echo $i >> /app/data; sleep 0.1; done",
            "1\n2\n3\n",
        ),
        (
            "at once",
            &path,
            "/app/data",
            "printf end > /app/data",
            "end",
        ),
        (
            "deep",
            &path,
            "/app/a/b/data",
            "mkdir -p /app/a/b; echo deep > /app/a/b/data",
            "deep\n",
        ),
        (
            "tmpfs",
            &path,
            "/dev/shm/data",
            "echo shm > /dev/shm/data; sleep 1",
            "shm\n",
        ),
        (
            "closed",
            &nobody,
            "/closed/data",
            "echo closed >> /closed/data",
            "closed\n",
        ),
        ("never", &path, "/app/never", "true", ""),
        (
            "failing",
            &path,
            "/app/data",
            "echo some > /app/data; exit 3",
            "some\n",
        ),
    ];
    for (name, path, file, script, expected) in cases {
        let target = format!(
            "{path}?action=run&output=file_data&file_data={file}&id={}&bashc={}",
            encode(name),
            encode(script)
        );
        let answer = dogi.get(&target).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.text(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_starts_over_is_told_as_such() {
    let (_repos, path) = Repos::one("RUN mkdir /app\n").await;
    let dogi = Dogi::start().await;
    let cases = [
        (
            "truncated",
            "echo first line > /app/data; sleep 1; echo new > /app/data; sleep 1",
        ),
        (
            "replaced",
            "echo first line > /app/data; sleep 1; echo new > /app/x; mv /app/x /app/data; sleep 1",
        ),
    ];
    for (name, script) in cases {
        let target = format!(
            "{path}?action=run&output=file_data&file_data=/app/data&id={name}&bashc={}",
            encode(script)
        );
        let events = dogi
            .request("GET", &target)
            .header("accept", "text/event-stream");
        let text = dogi.ask(events).await.text();
        let first = text
            .find("data: first line")
            .unwrap_or_else(|| panic!("{name}: {text}"));
        let over = text
            .find("event: truncated")
            .unwrap_or_else(|| panic!("{name}: {text}"));
        let new = text
            .find("data: new")
            .unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(first < over && over < new, "{name}: {text}");
        let now = dogi
            .get(&format!("{path}?output=file_data&id={name}"))
            .await;
        assert_eq!(now.text(), "new\n", "{name}");
    }
}

#[tokio::test]
async fn a_line_comes_while_the_job_runs() {
    let (_repos, path) = Repos::one("RUN mkdir /app\n").await;
    let dogi = Dogi::start().await;
    let script = encode("echo first >> /app/data; sleep 600");
    let target = format!("{path}?action=run&output=file_data&file_data=/app/data&bashc={script}");
    let mut answer = dogi.open(&target).await;
    assert_eq!(answer.status(), 200);
    let first = tokio::time::timeout(Duration::from_secs(30), answer.chunk()).await;
    let first = first
        .expect("it comes soon")
        .expect("it streams")
        .expect("it is not over");
    assert_eq!(&first[..], b"first\n");
    dogi.get(&format!("{path}?action=abort")).await;
}

#[tokio::test]
async fn a_file_of_a_failed_build_is_a_real_500() {
    let (_repos, path) = Repos::one("RUN exit 9\n").await;
    let dogi = Dogi::start().await;
    let answer = dogi
        .get(&format!(
            "{path}?action=run&output=file_data&file_data=/app/data"
        ))
        .await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(
        answer.text().contains('9'),
        "the reason is in the answer: {}",
        answer.text()
    );
}

#[tokio::test]
async fn the_file_so_far_can_be_had_in_ranges() {
    let (_repos, path) = Repos::one("RUN mkdir /app\n").await;
    let dogi = Dogi::start().await;
    let script = encode("printf 0123456789 > /app/data");
    let target = format!("{path}?action=run&output=status&file_data=/app/data&bashc={script}");
    let status = dogi.get(&target).await.json();
    let url = format!(
        "/output/{}/file_data",
        status["instance"].as_str().expect("an instance")
    );
    let whole = dogi.get(&url).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    let etag = whole.header("etag").expect("an entity tag").to_owned();
    let part = dogi
        .ask(dogi.request("GET", &url).header("range", "bytes=3-5"))
        .await;
    assert_eq!((part.status, part.text().as_str()), (206, "345"));
    assert_eq!(part.header("content-range"), Some("bytes 3-5/10"));
    let same = dogi
        .ask(dogi.request("GET", &url).header("if-none-match", &etag))
        .await;
    assert_eq!(same.status, 304);
    let beyond = dogi
        .ask(dogi.request("GET", &url).header("range", "bytes=10-"))
        .await;
    assert_eq!(beyond.status, 416);
    let head = dogi.ask(dogi.request("HEAD", &url)).await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("10"))
    );
}
