use dogi_testkit::registry::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn status(registry: &Registry, authorization: &str) -> String {
    let mut connection = TcpStream::connect(registry.address()).await.unwrap();
    let request = format!(
        "GET /v2/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{authorization}\r\n",
        registry.host()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer[9..12].to_owned()
}

#[tokio::test]
async fn an_open_registry_answers() {
    let registry = Registry::start().await.unwrap();
    assert_eq!(status(&registry, "").await, "200");
    assert_eq!(
        registry.image("acme/tool:1"),
        format!("{}/acme/tool:1", registry.host())
    );
}

#[tokio::test]
async fn a_closed_one_asks_for_the_login() {
    let registry = Registry::with_login("ci", "s3cret").await.unwrap();
    assert_eq!(status(&registry, "").await, "401");
    // ci:s3cret
    assert_eq!(
        status(&registry, "Authorization: Basic Y2k6czNjcmV0\r\n").await,
        "200"
    );
    assert_eq!(
        status(&registry, "Authorization: Basic Y2k6d3Jvbmc=\r\n").await,
        "401"
    );
}
