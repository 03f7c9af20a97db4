//! Requests to hooks that are made to do harm: the server answers clearly, and lives on.

use std::{net::SocketAddr, time::Duration};

use dogi_testkit::wait;
use futures::stream::{self, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Hooks, most_resident};

const MIB: usize = 1 << 20;

/// What one answer to something small may take, on a machine that does much else.
const SOON: Duration = Duration::from_secs(60);

/// A hook that reads everything there is in a request, and one with a signature.
const HOOKS: &str = r"
- id: h
  execute-command: /bin/echo
  include-command-output-in-response: true
  pass-arguments-to-command: [{source: payload, name: a}]
- id: slow-pattern
  execute-command: /bin/echo
  include-command-output-in-response: true
  trigger-rule: {match: {type: regex, regex: '(a|aa)+$|(a*)*b', parameter: {source: payload, name: a}}}
- id: signed
  execute-command: /bin/echo
  include-command-output-in-response: true
  trigger-rule: {match: {type: payload-hmac-sha256, secret: k, parameter: {source: header, name: X-Sig}}}
";

async fn post(hooks: &Hooks, hook: &str, content_type: &str, body: impl Into<Vec<u8>>) -> u16 {
    let request = hooks.dogi.request("POST", &format!("/hooks/{hook}"));
    let request = request.header("content-type", content_type);
    let answer = hooks.dogi.ask(request.body(body.into()));
    let answer = tokio::time::timeout(SOON, answer).await;
    answer.expect("it answers soon").status
}

async fn lives_on(hooks: &Hooks) {
    assert_eq!(hooks.dogi.get("/healthz").await.status, 200);
    assert_eq!(
        post(hooks, "h", "application/json", r#"{"a":1}"#).await,
        200
    );
}

#[tokio::test]
async fn bodies_are_refused_for_what_they_are_made_of() {
    let hooks = Hooks::start(HOOKS).await;
    let (json, xml) = ("application/json", "text/xml");
    let form = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=x";
    let laughs =
        r#"<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>"#;
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    let header = format!("--x\r\n{}\r\n1\r\n--x--\r\n", "X-A: 1\r\n".repeat(100_000));
    let cases: [(&str, &str, String, u16); 14] = [
        ("deep XML", xml, "<a>".repeat(1_000_000), 413),
        (
            "closed deep XML",
            xml,
            "<a>".repeat(500_000) + &"</a>".repeat(500_000),
            413,
        ),
        ("billion laughs", xml, laughs.to_owned(), 400),
        (
            "outside entity",
            xml,
            r#"<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>"#.to_owned(),
            400,
        ),
        (
            "many elements",
            xml,
            format!("<a>{}</a>", "<b/>".repeat(2_000_000)),
            413,
        ),
        ("many fields", form, "a=1&".repeat(100_000), 413),
        ("many separators", form, "&".repeat(10_000_000), 413),
        ("deep lists", json, "[".repeat(100_000), 413),
        ("deep objects", json, r#"{"a":"#.repeat(100_000), 413),
        (
            "many values",
            json,
            format!("[{}1]", "1,".repeat(2_000_000)),
            413,
        ),
        (
            "many parts",
            multipart,
            part.repeat(10_000) + "--x--\r\n",
            413,
        ),
        ("many part headers", multipart, header, 413),
        (
            "a part without an end",
            multipart,
            part.to_owned() + "--x\r\nContent-Dis",
            400,
        ),
        ("no part", multipart, "--y--".to_owned(), 400),
    ];
    for (what, content_type, body, wanted) in cases {
        assert_eq!(
            post(&hooks, "h", content_type, body).await,
            wanted,
            "{what}"
        );
    }
    let boundary = format!("multipart/form-data; boundary={}", "x".repeat(5_000));
    assert_eq!(
        post(&hooks, "h", &boundary, part).await,
        400,
        "long boundary"
    );
    lives_on(&hooks).await;
}

#[tokio::test]
async fn a_pattern_takes_time_in_proportion_to_the_text() {
    let hooks = Hooks::start(HOOKS).await;
    let text = format!(r#"{{"a":"{}c"}}"#, "a".repeat(4 * MIB));
    assert_eq!(
        post(&hooks, "slow-pattern", "application/json", text).await,
        200
    );
    lives_on(&hooks).await;
}

#[tokio::test]
async fn signatures_of_any_form_are_refused() {
    let hooks = Hooks::start(HOOKS).await;
    let zeros = "0".repeat(64);
    let many = format!("sha256={zeros},").repeat(900);
    let values = [
        "",
        "=",
        ",",
        ",,,,",
        "sha256=",
        "sha256=,sha256=",
        "0",
        &zeros[1..],
        &zeros,
        &format!("{zeros}0"),
        &"f".repeat(30_000),
        &many,
        "sha256=\t",
        "sha1=00",
        "é",
    ];
    for value in values {
        let request = hooks.dogi.request("POST", "/hooks/signed");
        let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes());
        let request = request.header("x-sig", value.expect("a header's value"));
        let answer = hooks.dogi.ask(request.body("x")).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    // None at all is a mismatch and no wrong one.
    let none = hooks
        .dogi
        .ask(hooks.dogi.request("POST", "/hooks/signed"))
        .await;
    assert_eq!(none.text(), "Hook rules were not satisfied.");
    lives_on(&hooks).await;
}

/// Sends as much of a request as the server takes, and returns the status of the answer.
async fn flood(to: SocketAddr, head: &str, chunk: &[u8], times: usize) -> u16 {
    let connection = TcpStream::connect(to).await.expect("it accepts");
    let (mut answer, mut request) = connection.into_split();
    let head = format!("POST /hooks/h HTTP/1.1\r\nHost: dogi\r\n{head}\r\n\r\n");
    let sending = async {
        request.write_all(head.as_bytes()).await?;
        for _ in 0..times {
            request.write_all(chunk).await?;
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let receiving = async {
        let mut text = Vec::new();
        let mut buffer = [0; 1024];
        while !text.contains(&b'\n') {
            match answer.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(length) => text.extend_from_slice(&buffer[..length]),
            }
        }
        text
    };
    let mut sending = std::pin::pin!(sending);
    let mut receiving = std::pin::pin!(receiving);
    let answered = tokio::time::timeout(SOON, async {
        tokio::select! {
            text = &mut receiving => text,
            // It takes no more: what it says is on its way.
            _ = &mut sending => receiving.await,
        }
    });
    let text = answered.await.expect("it answers soon");
    let text = String::from_utf8_lossy(&text);
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.unwrap_or_else(|| panic!("an answer instead of {text:?}"))
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_sent() {
    let hooks = Hooks::start(HOOKS).await;
    let to = hooks.dogi.address;
    let before = most_resident(hooks.dogi.process.id());
    let length = format!("Content-Length: {}", 300 * MIB);
    assert_eq!(flood(to, &length, b"", 0).await, 413);
    let zeros = vec![b'0'; MIB];
    assert_eq!(flood(to, &length, &zeros, 300).await, 413);
    let chunk = [format!("{MIB:x}\r\n").as_bytes(), &zeros, b"\r\n"].concat();
    assert_eq!(
        flood(to, "Transfer-Encoding: chunked", &chunk, 300).await,
        413
    );
    lives_on(&hooks).await;
    // A body of the greatest length that there may be is held at most, with what it grows by.
    let grown = most_resident(hooks.dogi.process.id()) - before;
    assert!(grown < 128 << 10, "{grown} KiB");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let hooks = Hooks::start(HOOKS).await;
    for head in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: x",
        "X A: 1",
        "no colon",
    ] {
        let status = flood(hooks.dogi.address, head, b"zz\r\n", 1).await;
        assert!((400..500).contains(&status), "{head}: {status}");
    }
    lives_on(&hooks).await;
}

/// How many requests come at once.
const CROWD: usize = 10_000;
/// So many connections are open at once, which this machine's limits allow.
const CONNECTIONS: usize = 500;

#[tokio::test]
async fn a_crowd_of_requests_is_taken_or_refused_and_each_that_was_taken_runs_once() {
    let hooks = Hooks::start(
        "- id: crowd\n  execute-command: /bin/sh\n  max-concurrent: 4\n  max-queued: 300\n  \
         pass-arguments-to-command:\n  - {source: string, name: -c}\n  \
         - {source: string, name: 'echo $1 >> {TMP}/ran'}\n  - {source: string, name: sh}\n  \
         - {source: url, name: n}\n",
    )
    .await;
    let dogi = &hooks.dogi;
    let answers: Vec<(usize, u16)> = stream::iter(0..CROWD)
        .map(|number| async move {
            let answer = dogi.get(&format!("/hooks/crowd?n={number}")).await;
            (number, answer.status)
        })
        .buffer_unordered(CONNECTIONS)
        .collect()
        .await;
    let of = |wanted: u16| {
        let mut numbers: Vec<usize> = answers
            .iter()
            .filter(|(_, status)| *status == wanted)
            .map(|(number, _)| *number)
            .collect();
        numbers.sort_unstable();
        numbers
    };
    let taken = of(200);
    let refused = of(429).len() + of(503).len();
    assert_eq!(taken.len() + refused, CROWD, "something else was answered");
    assert!(taken.len() >= 300, "{} were taken", taken.len());
    let limit = Duration::from_secs(120);
    let all = wait::within(limit, "every command to have run", || async {
        (hooks.lines("ran").len() >= taken.len()).then_some(())
    });
    all.await.expect("they run");
    dogi.idle(limit).await;
    let mut ran: Vec<usize> = hooks
        .lines("ran")
        .iter()
        .map(|line| line.parse().expect("a number"))
        .collect();
    ran.sort_unstable();
    assert_eq!(ran, taken);
    let most = most_resident(dogi.process.id());
    assert!(most < 300 << 10, "{most} KiB");
    assert_eq!(dogi.get("/healthz").await.status, 200);
}
