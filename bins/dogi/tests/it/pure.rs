//! Parts without I/O: routes, ranges, negotiation, idempotency keys.

use std::time::Duration;

use dogi::http::{Claim, Claims, Part, Problem, Route, client, framing, logged, part};
use dogi_job::RunId;
use dogi_stream::Framing;
use http::Method;
use http::header::{ACCEPT, HeaderMap, HeaderValue};

const ID: &str = "0198c5e0a1b2c3d4e5f60718293a4b5c";
const INSTANCE: &str = "dogi_default_45d218fc28c14ec629065042c0de0ba6bc0c5a34";

#[test]
fn every_path_is_one_route_or_none() {
    let run: RunId = ID.parse().expect("a run");
    let log = || "log".parse().expect("an output");
    let cases = [
        ("GET", "/".to_owned(), Route::Home),
        ("GET", "/healthz".to_owned(), Route::Health),
        ("HEAD", "/readyz".to_owned(), Route::Ready),
        ("GET", "/metrics".to_owned(), Route::Metrics),
        ("GET", "/outputs".to_owned(), Route::Outputs),
        ("GET", "/collect".to_owned(), Route::Collect),
        ("GET", "/jobs".to_owned(), Route::Jobs),
        ("GET", "/runs".to_owned(), Route::Runs),
        (
            "HEAD",
            format!("/output/{INSTANCE}/log"),
            Route::Output(INSTANCE.parse().expect("an instance"), log()),
        ),
        ("GET", format!("/runs/{ID}"), Route::RunStatus(run.clone())),
        (
            "GET",
            format!("/runs/{ID}/log"),
            Route::RunOutput(run.clone(), log()),
        ),
        (
            "GET",
            format!("/runs/{ID}/files/app/data.jsonl"),
            Route::RunFile(run.clone(), "app/data.jsonl".to_owned()),
        ),
        (
            "POST",
            format!("/runs/{ID}/rerun"),
            Route::Rerun(run.clone()),
        ),
        ("POST", format!("/runs/{ID}/abort"), Route::AbortRun(run)),
        ("GET", "/https/github.com/o/r.git".to_owned(), Route::Run),
        ("POST", "/ssh/git@github.com:o/r.git".to_owned(), Route::Run),
        ("HEAD", "/http/x".to_owned(), Route::Run),
        ("GET", "/file/srv/r.git".to_owned(), Route::Run),
        ("GET", "/deliveries".to_owned(), Route::Deliveries),
        // Whatever follows is the id of a hook, and every method may be one of it.
        (
            "POST",
            "/hooks/deploy".to_owned(),
            Route::Hook("deploy".to_owned()),
        ),
        (
            "PUT",
            "/hooks/a%20b/c%2Fd/".to_owned(),
            Route::Hook("a b/c/d/".to_owned()),
        ),
        ("DELETE", "/hooks/".to_owned(), Route::Hook(String::new())),
        (
            "GET",
            "/hooks/%FF".to_owned(),
            Route::Hook("%FF".to_owned()),
        ),
    ];
    for (method, path, route) in cases {
        let found = Route::find(&method.parse::<Method>().expect("a method"), &path);
        assert_eq!(
            found.map_err(|problem| problem.detail().to_owned()),
            Ok(route),
            "{path}"
        );
    }
}

#[test]
fn what_is_no_route_is_told() {
    let cases = [
        ("GET", "/nope", 404),
        ("GET", "/https", 404),
        ("GET", "//", 404),
        ("GET", "/jobs/", 404),
        ("GET", "/ftp/host/r.git", 404),
        ("GET", "/runs/not-a-run", 404),
        ("GET", "/output/not-an-instance/log", 404),
        ("GET", &format!("/runs/{ID}/nothing"), 404),
        ("GET", &format!("/runs/{ID}/files"), 404),
        ("POST", "/jobs", 405),
        ("DELETE", "/https/github.com/o/r.git", 405),
        ("OPTIONS", "/", 405),
        ("GET", &format!("/runs/{ID}/abort"), 405),
    ];
    for (method, path, status) in cases {
        let method: Method = method.parse().expect("a method");
        let found = Route::find(&method, path).map_err(|problem| problem.status().as_u16());
        assert_eq!(found, Err(status), "{method} {path}");
    }
}

#[test]
fn ranges_are_those_of_rfc_9110() {
    let cases = [
        ("bytes=0-4", 10, Part::Bytes(0..5)),
        ("bytes=5-", 10, Part::Bytes(5..10)),
        ("bytes=-3", 10, Part::Bytes(7..10)),
        ("bytes=-30", 10, Part::Bytes(0..10)),
        ("bytes=0-100", 10, Part::Bytes(0..10)),
        ("bytes=9-9", 10, Part::Bytes(9..10)),
        ("bytes=0-99999999999999999999999", 10, Part::Bytes(0..10)),
        ("bytes= 2 - 3 ", 10, Part::Bytes(2..4)),
        ("bytes=10-", 10, Part::Unsatisfiable),
        ("bytes=99999999999999999999999-", 10, Part::Unsatisfiable),
        ("bytes=-0", 10, Part::Unsatisfiable),
        ("bytes=0-", 0, Part::Unsatisfiable),
        ("bytes=-5", 0, Part::Unsatisfiable),
        ("bytes=4-2", 10, Part::Whole),
        ("bytes=0-1,5-6", 10, Part::Whole),
        ("bytes=-", 10, Part::Whole),
        ("bytes=a-b", 10, Part::Whole),
        ("bytes=+1-2", 10, Part::Whole),
        ("lines=0-1", 10, Part::Whole),
        ("", 10, Part::Whole),
    ];
    for (header, length, wanted) in cases {
        assert_eq!(part(header, length), wanted, "{header} of {length}");
    }
}

#[test]
fn the_framing_is_the_one_that_is_preferred() {
    let cases = [
        (&[] as &[&'static str], Framing::Text),
        (&["*/*"], Framing::Text),
        (
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            Framing::Text,
        ),
        (&["text/event-stream"], Framing::Sse),
        (&["TEXT/Event-Stream; charset=utf-8"], Framing::Sse),
        (&["application/x-ndjson"], Framing::Ndjson),
        (&["application/ndjson"], Framing::Ndjson),
        (&["text/plain, text/event-stream;q=0.5"], Framing::Text),
        (&["text/plain;q=0.1, text/event-stream;q=0.5"], Framing::Sse),
        (
            &["text/plain;q=0.1", "application/x-ndjson"],
            Framing::Ndjson,
        ),
        (&["text/event-stream;q=0"], Framing::Text),
        (&["text/event-stream;q=nine"], Framing::Text),
    ];
    for (values, wanted) in cases {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        assert_eq!(framing(&headers), wanted, "{values:?}");
    }
}

fn claim(key: &str, request: &str) -> Claim {
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", key.parse().expect("a header's value"));
    let claim = Claim::of(&headers, || request.as_bytes().to_vec()).expect("a good key");
    claim.expect("there is a key")
}

fn run(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

async fn started(claims: &Claims, claim: Claim, number: u8) -> Result<RunId, u16> {
    let started = claims.run(claim, || async { Ok(run(number)) }).await;
    started.map_err(|problem| problem.status().as_u16())
}

#[tokio::test]
async fn the_same_key_is_the_same_run() {
    let claims = Claims::default();
    assert_eq!(started(&claims, claim("a", "x"), 1).await, Ok(run(1)));
    assert_eq!(
        started(&claims, claim("a", "x"), 2).await,
        Ok(run(1)),
        "not started again"
    );
    assert_eq!(started(&claims, claim("b", "x"), 3).await, Ok(run(3)));
    assert_eq!(started(&claims, claim("a", "y"), 4).await, Err(422));
}

#[tokio::test]
async fn a_start_that_fails_leaves_its_key_free() {
    let claims = Claims::default();
    let refused = claims
        .run(claim("a", "x"), || async {
            Err(Problem::bad_request("no"))
        })
        .await;
    assert_eq!(
        refused.map_err(|problem| problem.status().as_u16()),
        Err(400)
    );
    assert_eq!(started(&claims, claim("a", "x"), 1).await, Ok(run(1)));
}

#[tokio::test]
async fn requests_at_once_with_one_key_start_one_run() {
    let claims = Claims::default();
    let gate = tokio::sync::Barrier::new(2);
    let first = claims.run(claim("a", "x"), || async {
        gate.wait().await;
        Ok(run(1))
    });
    let second = async {
        gate.wait().await;
        started(&claims, claim("a", "x"), 2).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.ok(), second), (Some(run(1)), Ok(run(1))));
}

#[tokio::test(start_paused = true)]
async fn keys_are_forgotten_by_age_and_by_number() {
    let claims = Claims::new(2, Duration::from_secs(60));
    assert_eq!(started(&claims, claim("a", "x"), 1).await, Ok(run(1)));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(started(&claims, claim("b", "x"), 2).await, Ok(run(2)));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(
        started(&claims, claim("a", "x"), 3).await,
        Ok(run(3)),
        "a was too old"
    );
    assert_eq!(started(&claims, claim("c", "x"), 4).await, Ok(run(4)));
    assert_eq!(
        started(&claims, claim("b", "x"), 5).await,
        Ok(run(5)),
        "b had to make room"
    );
}

#[test]
fn keys_that_are_none_are_refused() {
    for key in ["", " ", &"k".repeat(256), "ä"] {
        let mut headers = HeaderMap::new();
        headers.insert(
            "idempotency-key",
            HeaderValue::from_bytes(key.as_bytes()).expect("bytes"),
        );
        let refused = Claim::of(&headers, Vec::new).map(|_| ());
        assert_eq!(
            refused.map_err(|problem| problem.status().as_u16()),
            Err(400),
            "{key:?}"
        );
    }
    assert!(Claim::of(&HeaderMap::new(), Vec::new).is_ok_and(|claim| claim.is_none()));
}

#[test]
fn only_trusted_proxies_are_believed() {
    let cases = [
        ("1.1.1.1", &["2.2.2.2"] as &[&str], "1.1.1.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
        ("::ffff:10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", &["9.9.9.9, 2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", &["9.9.9.9, 2.2.2.2, 10.0.0.2"], "2.2.2.2"),
        ("10.0.0.1", &["9.9.9.9", "2.2.2.2,10.0.0.2"], "2.2.2.2"),
        ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", &["2.2.2.2:4711"], "2.2.2.2"),
        ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
        // Not the proxy's address, which may be allowed more than its clients are.
        ("10.0.0.1", &["unknown"], "0.0.0.0"),
        ("10.0.0.1", &["2.2.2.2, "], "0.0.0.0"),
        ("10.0.0.1", &["\u{80}, 2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
    ];
    let trusted = ["10.0.0.0/8".parse().expect("a network")];
    for (peer, values, wanted) in cases {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.append("x-forwarded-for", value);
        }
        let found = client(peer.parse().expect("an address"), &headers, &trusted);
        assert_eq!(found.to_string(), wanted, "{peer} {values:?}");
    }
}

#[test]
fn a_path_is_logged_without_passwords_and_not_at_any_length() {
    let cases = [
        ("/runs/x/log", "/runs/x/log"),
        ("/ssh/git@github.com:o/r.git", "/ssh/git@github.com:o/r.git"),
        ("/https/token@github.com/o/r", "/https/***@github.com/o/r"),
        ("/https/u:pa/ss@github.com/o/r", "/https/***@github.com/o/r"),
        (
            "/https/u:pass%40github.com/o/r",
            "/https/***@github.com/o/r",
        ),
        ("/ssh/u:pass@github.com:o/r", "/ssh/***@github.com:o/r"),
        (
            "/https://u:pass@github.com/o/r",
            "/https:/***@github.com/o/r",
        ),
        ("/u:pass@github.com", "/***@github.com"),
        ("*", "*"),
        ("\u{e9}@x", "/***@x"),
        ("/a\u{9b}31m", "/a\\u{9b}31m"),
    ];
    for (path, wanted) in cases {
        assert_eq!(logged(path), wanted, "{path}");
    }
    let long = logged(&format!("/{}", "a".repeat(60_000)));
    assert!(
        long.len() < 600 && long.ends_with("… (60001 bytes)"),
        "{long}"
    );
}
