use std::time::Duration;

use dogi_testkit::{
    receiver::{Answer, Receiver},
    silent, wait,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn exchange(receiver: &Receiver, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(receiver.address()).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_are_recorded_and_answered_by_the_script() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver.answer(Answer::status(503).header("Retry-After", "7"));
    receiver.answer(Answer::status(200).body("hi"));
    receiver.always(Answer::status(204));
    let request =
        b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Y: z\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    let first = exchange(&receiver, request).await;
    assert!(first.starts_with("HTTP/1.1 503 "), "{first}");
    assert!(first.contains("\r\nRetry-After: 7\r\n"), "{first}");
    let chunked =
        b"PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert!(exchange(&receiver, chunked).await.ends_with("\r\n\r\nhi"));
    assert!(
        exchange(&receiver, b"GET / HTTP/1.1\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 204 ")
    );

    let first = receiver.next().await.unwrap();
    assert_eq!(
        (first.method.as_str(), first.target.as_str()),
        ("POST", "/a?b=c")
    );
    assert_eq!((first.path(), first.header("x-y")), ("/a", Some("z")));
    assert_eq!(first.json()["a"], 1);
    assert_eq!(receiver.next().await.unwrap().text(), "abcde");
    assert_eq!(receiver.drain().len(), 1);
}

#[tokio::test]
async fn answers_can_be_wrong() {
    let receiver = Receiver::start().await.unwrap();
    receiver
        .answer(Answer::close())
        .answer(Answer::raw("nonsense"));
    assert_eq!(exchange(&receiver, b"GET / HTTP/1.1\r\n\r\n").await, "");
    assert_eq!(
        exchange(&receiver, b"GET / HTTP/1.1\r\n\r\n").await,
        "nonsense"
    );
    receiver.always(Answer::hang());
    let hanging = exchange(&receiver, b"GET / HTTP/1.1\r\n\r\n");
    assert!(
        tokio::time::timeout(Duration::from_millis(50), hanging)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_silent_server_is_silent() {
    let server = silent::Server::start().await.unwrap();
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    server.wait_for_connections(1).await.unwrap();
    let reading = connection.read_u8();
    assert!(
        tokio::time::timeout(Duration::from_millis(50), reading)
            .await
            .is_err()
    );
    drop(server);
    assert!(connection.read_u8().await.is_err());
}

#[tokio::test]
async fn waiting_ends_with_the_reason() {
    let never = || async { None::<()> };
    let limit = Duration::from_millis(20);
    let error = wait::within(limit, "a miracle", never).await.unwrap_err();
    assert_eq!(error.to_string(), "waited 20ms for a miracle, in vain");
}
