use dogi_egress::{Denied, HttpOptions, Proxies, Reason};
use dogi_testkit::receiver::{Answer, Receiver};

use super::clients::http;

fn options(http: &str, no_proxy: Option<&str>) -> HttpOptions {
    let proxies = Proxies::new(Some(http), Some(http), no_proxy).unwrap();
    HttpOptions {
        proxies,
        ..HttpOptions::default()
    }
}

#[tokio::test]
async fn requests_go_through_the_proxy_wherever_it_stands() {
    let mut proxy = Receiver::start().await.unwrap();
    let port = proxy.address().port();
    for place in [
        format!("user:pw@127.0.0.1:{port}"),
        format!("http://receiver.example:{port}/"),
    ] {
        let client = http("external", options(&place, None))
            .client_builder()
            .build()
            .unwrap();
        // A name that only the proxy can resolve.
        let answer = client.get("http://far.example/x").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let request = proxy.next().await.unwrap();
        assert_eq!(request.target, "http://far.example/x");
        let login = request.header("proxy-authorization");
        assert_eq!(login.is_some(), place.starts_with("user:"));
    }
    proxy.answer(Answer::status(502));
    let client = http("external", options(&format!("127.0.0.1:{port}"), None));
    let client = client.client_builder().build().unwrap();
    assert!(client.get("https://far.example/").send().await.is_err());
    let request = proxy.next().await.unwrap();
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("CONNECT", "far.example:443")
    );
}

#[tokio::test]
async fn the_proxy_is_no_way_around_the_policy() {
    let mut proxy = Receiver::start().await.unwrap();
    let port = proxy.address().port();
    let place = format!("http://receiver.example:{port}");
    let client = http("external,private", options(&place, None))
        .client_builder()
        .build()
        .unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "[::1]",
        "metadata.google.internal",
    ] {
        let error = client
            .get(format!("http://{host}:{port}/"))
            .send()
            .await
            .unwrap_err();
        assert!(Denied::find(&error).is_some(), "{error:?}");
    }
    // Its own name is exempt for connecting through it, and only for that.
    let direct = options(&place, Some("receiver.example"));
    for options in [options(&place, None), direct] {
        let client = http("external,private", options)
            .client_builder()
            .build()
            .unwrap();
        let error = client.get(&place).send().await.unwrap_err();
        assert_eq!(Denied::find(&error).unwrap().reason, Reason::Proxy);
    }
    assert!(proxy.try_next().is_none());
}

#[tokio::test]
async fn some_hosts_are_reached_without_it() {
    let mut proxy = Receiver::start().await.unwrap();
    let mut target = Receiver::start().await.unwrap();
    let place = format!("http://{}", proxy.address());
    let client = http(
        "receiver.example",
        options(&place, Some("other.example, .example")),
    );
    let client = client.client_builder().build().unwrap();
    let url = format!("http://receiver.example:{}/", target.address().port());
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    target.next().await.unwrap();
    assert!(proxy.try_next().is_none());
}

#[test]
fn proxies_are_read_as_curl_reads_them() {
    assert!(Proxies::new(None, Some(""), Some(" ")).is_ok());
    assert!(Proxies::new(Some("proxy:3128"), Some("https://u:p@proxy"), Some("*")).is_ok());
    let errors = Proxies::new(Some("socks5://secret@x"), Some("http://"), None).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    let wanted = [
        "the proxy for http speaks neither http nor https; \
         wanted is, for example, http://proxy.example:3128",
        "the proxy for https is no URL; wanted is, for example, http://proxy.example:3128",
    ];
    assert_eq!(errors, wanted);
    let proxies = Proxies::new(Some("http://user:secret@proxy:3128"), None, None).unwrap();
    let shown = format!("{proxies:?}");
    assert!(shown.contains("proxy") && !shown.contains("secret") && !shown.contains("user"));
}
