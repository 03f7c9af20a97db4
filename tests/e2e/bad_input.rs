//! Bad input gets a clear answer, and leaves nothing behind.

use crate::harness::{Dogi, Repos, encode, wait_until_gone};

#[tokio::test]
async fn every_mistake_is_named_with_its_value_and_what_is_allowed() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let cases = [
        ("actoin=run", vec!["actoin", "action"]),
        ("action=start", vec!["action", "start", "restart"]),
        ("action=run&action=abort", vec!["action"]),
        ("output=file", vec!["output"]),
        ("timeout=soon", vec!["timeout", "soon"]),
        ("memory=lots", vec!["memory", "lots"]),
        ("env_FOO=%zz", vec!["%zz"]),
        ("env_FOO=%00", vec!["env_FOO"]),
        (
            "file_data=../etc/passwd",
            vec!["file_data", "../etc/passwd"],
        ),
        ("cmd=a&bashc=b", vec!["cmd", "bashc"]),
        ("ref=-evil", vec!["ref", "-evil"]),
        ("ref=a..b", vec!["ref", "a..b"]),
        ("df=../Dockerfile", vec!["df"]),
        ("tty=maybe", vec!["tty", "maybe"]),
        ("cb=ftp://example.com", vec!["cb"]),
    ];
    for (params, words) in cases {
        let answer = dogi.get(&format!("{path}?{params}")).await;
        assert_eq!(answer.status, 400, "{params}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{params}"
        );
        for word in words {
            assert!(
                answer.text().contains(word),
                "{params}: {word}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(
        dogi.get("/jobs").await.status,
        200,
        "the server is unharmed"
    );
}

#[tokio::test]
async fn repositories_that_are_no_repositories_are_refused() {
    let dogi = Dogi::start().await;
    let cases = [
        ("/ssh/-oProxyCommand=touch%20x/o/r.git?action=run", 400),
        ("/https/user:password@example.com/o/r.git?action=run", 400),
        ("/file/etc?action=run", 403),
        ("/git/example.com/o/r.git?action=run", 403),
        ("/ftp/example.com/o/r.git?action=run", 404),
        ("/https/example.com/o/../../r.git?action=run", 400),
        ("/https/exa%0ample.com/o/r.git?action=run", 400),
    ];
    for (target, status) in cases {
        let answer = dogi.raw_get(target, &[]).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{target}: {text}");
        assert!(!text.contains("password"), "{text}");
    }
}

#[tokio::test]
async fn what_goes_wrong_on_the_way_is_told_in_status_and_log() {
    let mut repos = Repos::start().await;
    let good = repos.add("good.git", "");
    let syntax = repos.add("syntax.git", "NONSENSE here\n");
    let failing = repos.add("failing.git", "RUN echo about to fail && exit 42\n");
    let nowhere = repos.path("nowhere.git");
    let scratch = dogi_testkit::docker::Context::empty().file(
        "Dockerfile",
        "FROM scratch\nCOPY Dockerfile /\nCMD [\"/nothing\"]\n",
    );
    let scratch = repos.add_repo("scratch.git", scratch.repo().expect("git works"));
    let dogi = Dogi::start().await;
    let cases = [
        (&nowhere, "", "nowhere.git"),
        (&good, "&ref=no-such-branch", "no-such-branch"),
        (&good, "&df=Nowhere", "Nowhere"),
        (&good, "&context=nowhere", "nowhere"),
        (&good, "&target=nowhere", "nowhere"),
        (&syntax, "", "NONSENSE"),
        (&failing, "", "42"),
        (&scratch, "&bashc=true", "bash"),
        (&scratch, "", "/nothing"),
    ];
    for (index, (path, params, word)) in cases.into_iter().enumerate() {
        let answer = dogi
            .get(&format!(
                "{path}?action=run&output=status&id=x{index}{params}"
            ))
            .await;
        assert_eq!(answer.status, 500, "{path}{params}: {}", answer.text());
        let errors = answer.json()["errors"].to_string();
        assert!(errors.contains(word), "{path}{params}: {errors}");
        let data = dogi.data.path().display().to_string();
        assert!(
            !answer.text().contains(&data),
            "no paths of the host: {errors}"
        );
        let log = dogi.get(&format!("{path}?id=x{index}")).await.text();
        assert!(log.contains(word), "{path}{params}: {log}");
    }
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_what_is_large_is_not() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let long = format!("{path}?env_A={}", "a".repeat(10 << 20));
    let answer = dogi.raw_get(&long, &[]).await;
    assert!([414, 431].contains(&answer.status), "{}", answer.status);
    let body = dogi
        .request("POST", &path)
        .header("content-type", "application/json");
    let answer = dogi.ask(body.body(vec![b'a'; 10 << 20])).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    let many: String = (0..1000).map(|n| format!("&env_V{n}=x")).collect();
    let answer = dogi
        .get(&format!("{path}?action=run&tty=false{many}&bashc=env"))
        .await;
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    assert_eq!(dogi.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_told() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let answer = dogi.ask(dogi.request("DELETE", &path)).await;
    assert_eq!(answer.status, 405);
    assert!(
        answer
            .header("allow")
            .expect("an Allow field")
            .contains("POST")
    );
    assert_eq!(dogi.get("/nowhere/at/all").await.status, 404);
    assert_eq!(
        dogi.get(&format!("/runs/{}", encode("../../etc")))
            .await
            .status,
        404
    );
    assert_eq!(dogi.get("/output/dogi_x_0/log").await.status, 404);
}
