//! Real clients against real receivers: whether a connection was made is what the
//! receivers say.

use std::{error::Error, net::IpAddr, sync::Arc};

use dogi_egress::{Denied, Guard, Http, HttpOptions, Reason};
use dogi_testkit::receiver::{Answer, Receiver};

pub(crate) fn http(policy: &str, options: HttpOptions) -> Http {
    let lookup = |name: &str| match name {
        "receiver.example" | "rebound.example" => Ok(vec![IpAddr::from([127, 0, 0, 1])]),
        _ => super::guard::answer(name),
    };
    let guard = Guard::new(Arc::new(policy.parse().unwrap())).with_lookup(lookup);
    Http::new(guard, options).unwrap()
}

fn denied<'a>(error: &'a (dyn Error + 'static)) -> &'a Denied {
    Denied::find(error).unwrap_or_else(|| panic!("not a denial: {error:?}"))
}

/// URLs of the receiver that do not lead to it with `external,private`.
fn denied_urls(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "localhost",
        "a.localhost",
        "rebound.example",
        "loop.example",
        "mapped.example",
        "metadata.example",
        "linklocal.example",
        "169.254.169.254",
        "[fe80::1]",
        "127.0.0.1.denied-by-egress-policy.invalid",
    ];
    hosts
        .iter()
        .map(|host| format!("http://{host}:{port}/secret"))
        .collect()
}

#[tokio::test]
async fn names_and_literals_are_denied_before_connecting() {
    let mut receiver = Receiver::start().await.unwrap();
    let client = http("external,private", HttpOptions::default())
        .client_builder()
        .build()
        .unwrap();
    for url in denied_urls(receiver.address().port()) {
        let error = client.get(&url).send().await.unwrap_err();
        denied(&error);
        let secure = client
            .get(url.replace("http:", "https:"))
            .send()
            .await
            .unwrap_err();
        denied(&secure);
    }
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn allowed_names_and_literals_work() {
    for policy in ["loopback", "127.0.0.0/8"] {
        let mut receiver = Receiver::start().await.unwrap();
        let client = http(policy, HttpOptions::default())
            .client_builder()
            .build()
            .unwrap();
        let named = format!(
            "http://receiver.example:{}/named",
            receiver.address().port()
        );
        for url in [receiver.url("/literal"), named] {
            assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
            let request = receiver.next().await.unwrap();
            assert!(url.ends_with(&request.target));
            assert!(request.header("user-agent").unwrap().starts_with("dogi/"));
        }
    }
}

#[tokio::test]
async fn the_denial_names_the_host() {
    let client = http("external", HttpOptions::default())
        .client_builder()
        .build()
        .unwrap();
    for (host, named) in [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("localhost", "localhost"),
    ] {
        let error = client
            .get(format!("http://{host}:9/"))
            .send()
            .await
            .unwrap_err();
        let denied = denied(&error);
        assert_eq!(denied.host, named);
        assert!(
            matches!(denied.reason, Reason::NotAllowed { .. }),
            "{denied}"
        );
    }
}

#[tokio::test]
async fn redirects_are_followed_only_as_told_and_only_to_what_is_allowed() {
    let mut inside = Receiver::start().await.unwrap();
    let gate = Receiver::start().await.unwrap();
    gate.always(Answer::redirect(302, &inside.url("/secret")));
    let from = format!("http://receiver.example:{}/", gate.address().port());
    // The name is free to be reached, the literal is not.
    let options = HttpOptions {
        redirects: 5,
        ..HttpOptions::default()
    };
    let client = http("receiver.example", options.clone())
        .client_builder()
        .build()
        .unwrap();
    denied(&client.get(&from).send().await.unwrap_err());

    for location in denied_urls(inside.address().port()) {
        gate.always(Answer::redirect(307, &location));
        denied(&client.get(&from).send().await.unwrap_err());
    }
    assert!(inside.try_next().is_none());

    let to = format!("http://receiver.example:{}/public", inside.address().port());
    gate.always(Answer::redirect(302, &to));
    assert_eq!(client.get(&from).send().await.unwrap().status(), 200);
    assert_eq!(inside.next().await.unwrap().target, "/public");

    let unfollowing = http("receiver.example", HttpOptions::default())
        .client_builder()
        .build()
        .unwrap();
    assert_eq!(unfollowing.get(&from).send().await.unwrap().status(), 302);

    gate.always(Answer::redirect(302, &from));
    let error = client.get(&from).send().await.unwrap_err();
    assert!(error.is_redirect(), "{error:?}");
}

#[tokio::test]
async fn another_redirect_policy_does_not_get_around_the_guard() {
    let mut inside = Receiver::start().await.unwrap();
    let gate = Receiver::start().await.unwrap();
    gate.always(Answer::redirect(302, &inside.url("/secret")));
    let builder = http("receiver.example", HttpOptions::default()).client_builder();
    let client = builder
        .redirect(reqwest::redirect::Policy::limited(10))
        .build()
        .unwrap();
    let from = format!("http://receiver.example:{}/", gate.address().port());
    denied(&client.get(&from).send().await.unwrap_err());
    assert!(inside.try_next().is_none());
}

#[cfg(feature = "blocking")]
#[tokio::test]
async fn blocking_clients_are_guarded_too() {
    let mut receiver = Receiver::start().await.unwrap();
    let (url, port) = (receiver.url("/"), receiver.address().port());
    tokio::task::spawn_blocking(move || {
        let builder = http("external,private", HttpOptions::default()).blocking_client_builder();
        // As gix does after its callers have had their say.
        let client = builder
            .redirect(reqwest::redirect::Policy::limited(50))
            .build()
            .unwrap();
        for url in denied_urls(port) {
            denied(&client.get(&url).send().unwrap_err());
        }
        let builder = http("loopback", HttpOptions::default()).blocking_client_builder();
        assert_eq!(
            builder.build().unwrap().get(url).send().unwrap().status(),
            200
        );
    })
    .await
    .unwrap();
    assert_eq!(receiver.next().await.unwrap().target, "/");
    assert!(receiver.try_next().is_none());
}
