//! Against real receivers on loopback.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions};
use dogi_hooks::{
    Answer, Attempt, Callback, CallbackHeaders, Cancelled, Data, Failure, FailureKind, MessageId,
    Next, RetryPolicy, Sender, SenderOptions, Signer,
};
use dogi_testkit::{
    proc::free_port,
    receiver::{self, Receiver},
    silent,
};
use tokio_util::sync::CancellationToken;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A resolver with an attacker's zone in it.
fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    let address = match name {
        "receiver.example" | "rebound.example" => "127.0.0.1",
        "linklocal.example" => "169.254.7.7",
        "metadata.example" => "169.254.169.254",
        "mapped.example" => "::ffff:127.0.0.1",
        _ => return Err(io::Error::other("no such name")),
    };
    Ok(vec![address.parse().unwrap()])
}

fn sender_with(policy: &str, options: SenderOptions) -> Sender {
    let policy: EgressPolicy = policy.parse().unwrap();
    let guard = Guard::new(Arc::new(policy)).with_lookup(lookup);
    // The sender must not follow redirects, whatever the options of others are.
    let http = HttpOptions {
        redirects: 5,
        ..HttpOptions::default()
    };
    Sender::new(&Http::new(guard, http).unwrap(), options).unwrap()
}

fn sender() -> Sender {
    sender_with("loopback", SenderOptions::default())
}

fn impatient() -> Sender {
    let timeout = Duration::from_millis(300);
    sender_with(
        "loopback",
        SenderOptions {
            timeout,
            ..SenderOptions::default()
        },
    )
}

fn callback(url: &str) -> Callback {
    Callback::new(url, MessageId::derive(&["run", "1"]), r#"{"id":"nightly"}"#).unwrap()
}

/// As the default, in a hundredth of the time.
fn hasty() -> RetryPolicy {
    RetryPolicy {
        first_delay: Duration::from_millis(10),
        ..RetryPolicy::default()
    }
}

async fn attempt(sender: &Sender, url: &str) -> Attempt {
    sender
        .attempt(&callback(url), &CancellationToken::new())
        .await
        .unwrap()
}

fn answer(attempt: Attempt) -> Answer {
    match attempt {
        Attempt::Answered(answer) => answer,
        Attempt::Failed(failure) => panic!("no answer: {failure:?}"),
    }
}

fn failure(attempt: Attempt) -> Failure {
    match attempt {
        Attempt::Answered(answer) => panic!("an answer: {}", answer.status),
        Attempt::Failed(failure) => failure,
    }
}

#[tokio::test]
async fn a_message_arrives_signed_and_with_the_operators_headers() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver.answer(receiver::Answer::json(&serde_json::json!({"taken": true})));
    let signer: Signer = KEY.parse().unwrap();
    let options = SenderOptions {
        signer: Some(signer.clone()),
        ..SenderOptions::default()
    };
    let headers: CallbackHeaders = r#"{"Authorization": "Bearer x"}"#.parse().unwrap();
    let callback = callback(&receiver.url("/done?a=b%20c")).with_headers(headers);
    let sent = sender_with("loopback", options)
        .attempt(&callback, &CancellationToken::new())
        .await;

    let request = receiver.next().await.unwrap();
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/done?a=b%20c")
    );
    assert_eq!(request.body, callback.body().as_ref());
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer x"));
    assert_eq!(request.header("webhook-id"), Some(callback.id().as_str()));
    let timestamp: u64 = request
        .header("webhook-timestamp")
        .unwrap()
        .parse()
        .unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!((now - 60..=now).contains(&timestamp));
    let wanted = signer.sign(callback.id(), timestamp, &request.body);
    assert_eq!(request.header("webhook-signature"), Some(wanted.as_str()));

    let attempt = sent.unwrap();
    assert!(attempt.is_success());
    assert_eq!(
        serde_json::to_string(&answer(attempt).data).unwrap(),
        r#"{"taken":true}"#
    );
}

#[tokio::test]
async fn without_a_key_only_the_id_is_sent() {
    let mut receiver = Receiver::start().await.unwrap();
    let headers = r#"{"Content-Type": "application/vnd.acme+json"}"#.parse().unwrap();
    let callback = callback(&receiver.url("/")).with_headers(headers);
    sender()
        .attempt(&callback, &CancellationToken::new())
        .await
        .unwrap();
    let request = receiver.next().await.unwrap();
    assert_eq!(
        request.header("content-type"),
        Some("application/vnd.acme+json")
    );
    assert!(request.header("webhook-id").is_some());
    assert!(request.header("webhook-signature").is_none());
}

#[tokio::test]
async fn a_receiver_that_was_down_gets_the_same_message_once_it_is_up() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver
        .answer(receiver::Answer::status(503))
        .answer(receiver::Answer::close());
    receiver.answer(receiver::Answer::status(200).body("thanks"));
    let callback = callback(&receiver.url("/"));
    let mut told = Vec::new();
    let note = |attempt: &Attempt, next| told.push((attempt.to_string(), next));
    let delivered = sender()
        .deliver(&callback, &hasty(), &CancellationToken::new(), note)
        .await
        .unwrap();
    assert_eq!(delivered.attempts, 3);
    assert_eq!(answer(delivered.last).data, Data::Text("thanks".into()));
    assert_eq!(told[0].0, "answered 503");
    assert!(told[1].0.starts_with("the connection broke: "), "{told:?}");
    assert!(matches!(told[1].1, Next::RetryAfter(_)));
    assert_eq!(told[2], ("answered 200".to_owned(), Next::Stop));
    let requests = receiver.drain();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(
            request.header("webhook-id"),
            requests[0].header("webhook-id")
        );
        assert_eq!(request.body, requests[0].body);
    }
}

#[tokio::test]
async fn five_repetitions_and_no_more() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver.always(receiver::Answer::status(504));
    let callback = callback(&receiver.url("/"));
    let token = CancellationToken::new();
    let delivered = sender()
        .deliver(&callback, &hasty(), &token, |_, _| ())
        .await
        .unwrap();
    assert_eq!(delivered.attempts, 6);
    assert_eq!(answer(delivered.last).status, 504);
    assert_eq!(receiver.drain().len(), 6);
}

#[tokio::test]
async fn answers_that_are_final_are_not_asked_for_again() {
    for status in [200, 204, 301, 307, 400, 404, 410, 500] {
        let mut receiver = Receiver::start().await.unwrap();
        receiver.always(receiver::Answer::status(status));
        let callback = callback(&receiver.url("/"));
        let token = CancellationToken::new();
        let delivered = sender()
            .deliver(&callback, &hasty(), &token, |_, _| ())
            .await
            .unwrap();
        assert_eq!(
            (delivered.attempts, answer(delivered.last).status),
            (1, status)
        );
        assert_eq!(receiver.drain().len(), 1);
    }
}

#[tokio::test]
async fn a_receiver_that_wants_to_be_left_alone_is() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver.answer(receiver::Answer::status(429).header("Retry-After", "1"));
    let callback = callback(&receiver.url("/"));
    let begin = Instant::now();
    let token = CancellationToken::new();
    let delivered = sender()
        .deliver(&callback, &hasty(), &token, |_, _| ())
        .await
        .unwrap();
    assert_eq!(delivered.attempts, 2);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(receiver.drain().len(), 2);
}

#[tokio::test]
async fn redirects_are_answers() {
    let mut other = Receiver::start().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    for status in [301, 302, 303, 307, 308] {
        receiver.answer(receiver::Answer::redirect(status, &other.url("/")).body("moved"));
        let answer = answer(attempt(&sender(), &receiver.url("/")).await);
        assert_eq!(
            (answer.status, answer.data),
            (status, Data::Text("moved".into()))
        );
    }
    assert!(other.try_next().is_none());
}

#[tokio::test]
async fn nobody_there() {
    let url = format!("http://127.0.0.1:{}/?token=sesame", free_port().unwrap());
    let failed = failure(attempt(&sender(), &url).await);
    assert_eq!(failed.kind, FailureKind::Connect);
    assert!(
        failed.reason.contains("refused") && !failed.reason.contains("sesame"),
        "{failed:?}"
    );
    let failed = failure(attempt(&sender(), "http://nowhere.example/").await);
    assert_eq!(
        (failed.kind, failed.reason.as_str()),
        (FailureKind::Connect, "cannot connect: no such name")
    );
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up() {
    let silent = silent::Server::start().await.unwrap();
    let failed = failure(attempt(&impatient(), &silent.url("/")).await);
    assert_eq!(failed.kind, FailureKind::TimedOut);
    assert_eq!(failed.reason, "no whole answer within 300ms");

    // TLS that is never spoken, a header that never ends, a body that stalls.
    let failed = failure(attempt(&impatient(), &silent.url("/").replace("http", "https")).await);
    assert_eq!(failed.kind, FailureKind::TimedOut);
    let receiver = Receiver::start().await.unwrap();
    for head in [
        "HTTP/1.1 200 OK\r\nX-Slow: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    ] {
        receiver.answer(receiver::Answer::raw_then_hang(head));
        let failed = failure(attempt(&impatient(), &receiver.url("/")).await);
        assert_eq!(failed.kind, FailureKind::TimedOut, "{head}");
    }
}

#[tokio::test]
async fn long_answers_are_cut_off() {
    let receiver = Receiver::start().await.unwrap();
    receiver.answer(receiver::Answer::status(200).body(vec![b'1'; 3 * 1024 * 1024]));
    let long = answer(attempt(&sender(), &receiver.url("/")).await);
    let Data::Text(text) = &long.data else {
        panic!("a number of a million digits")
    };
    assert_eq!(
        (text.len(), long.truncated, long.status),
        (1024 * 1024, true, 200)
    );

    // Exactly as much as is read is whole.
    receiver.answer(receiver::Answer::status(200).body(vec![b' '; 1024 * 1024]));
    let whole = answer(attempt(&sender(), &receiver.url("/")).await);
    assert!(!whole.truncated);

    // Without end and without a length.
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(2 * 1024 * 1024);
    receiver.answer(receiver::Answer::raw_then_hang(endless));
    assert!(answer(attempt(&sender(), &receiver.url("/")).await).truncated);
}

#[tokio::test]
async fn nonsense_is_a_failure() {
    let cases = [
        "",
        "nonsense\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        "HTTP/1.1 9999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
    ];
    let receiver = Receiver::start().await.unwrap();
    for case in cases {
        receiver.answer(receiver::Answer::raw(case));
        let failed = failure(attempt(&sender(), &receiver.url("/")).await);
        assert_eq!(failed.kind, FailureKind::Broken, "{case}");
        assert!(
            failed.reason.starts_with("the connection broke: "),
            "{failed:?}"
        );
    }
    let headers = "HTTP/1.1 200 OK\r\n".to_owned() + &"X-Y: z\r\n".repeat(100_000) + "\r\n";
    receiver.answer(receiver::Answer::raw(headers));
    assert_eq!(
        failure(attempt(&sender(), &receiver.url("/")).await).kind,
        FailureKind::Broken
    );
}

#[tokio::test]
async fn where_callbacks_may_not_go_they_do_not_go() {
    let mut receiver = Receiver::start().await.unwrap();
    let port = receiver.address().port();
    let sender = sender_with("external,private", SenderOptions::default());
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "rebound.example",
        "mapped.example",
        "linklocal.example",
        "metadata.example",
        "169.254.169.254",
    ];
    for host in hosts {
        for scheme in ["http", "https"] {
            let callback = callback(&format!("{scheme}://{host}:{port}/"));
            let token = CancellationToken::new();
            let delivered = sender
                .deliver(&callback, &hasty(), &token, |_, _| ())
                .await
                .unwrap();
            assert_eq!(delivered.attempts, 1, "{host}");
            let failed = failure(delivered.last);
            assert_eq!(failed.kind, FailureKind::Denied, "{host}");
            assert!(
                failed.reason.contains("may not be reached"),
                "{}",
                failed.reason
            );
        }
    }
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn cancelling_ends_an_attempt_and_a_wait_at_once() {
    let silent = silent::Server::start().await.unwrap();
    let token = CancellationToken::new();
    let (sender, callback_to) = (sender(), callback(&silent.url("/")));
    let sending = sender.attempt(&callback_to, &token);
    let cancelling = async {
        silent.wait_for_connections(1).await.unwrap();
        token.cancel();
    };
    assert_eq!(tokio::join!(sending, cancelling).0, Err(Cancelled));

    let receiver = Receiver::start().await.unwrap();
    receiver.always(receiver::Answer::status(503).header("Retry-After", "300"));
    let token = CancellationToken::new();
    let callback = callback(&receiver.url("/"));
    // Cancelled as soon as it begins to wait.
    let cancel = |_: &Attempt, _| token.cancel();
    let ended = sender
        .deliver(&callback, &RetryPolicy::default(), &token, cancel)
        .await;
    assert_eq!(ended, Err(Cancelled));
    assert_eq!(sender.attempt(&callback, &token).await, Err(Cancelled));
}

#[tokio::test]
async fn a_receiver_may_come_up_late() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let callback = callback(&format!("http://{address}/"));
    let (begun, first) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let note = |_: &Attempt, _| {
        if let Some(begun) = begun.take() {
            begun.send(()).unwrap();
        }
    };
    let sender = sender();
    let policy = RetryPolicy {
        first_delay: Duration::from_millis(200),
        ..hasty()
    };
    let token = CancellationToken::new();
    let delivering = sender.deliver(&callback, &policy, &token, note);
    let starting = async {
        first.await.unwrap();
        Receiver::start_at(address).await.unwrap()
    };
    let (delivered, mut receiver) = tokio::join!(delivering, starting);
    assert!(delivered.unwrap().last.is_success());
    receiver.next().await.unwrap();
}
