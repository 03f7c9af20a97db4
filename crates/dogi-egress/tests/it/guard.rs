use std::{io, net::IpAddr, sync::Arc, time::Duration};

use dogi_egress::{EgressError, EgressPolicy, Guard, Looking, Lookup};

fn guard(policy: &str) -> Guard {
    Guard::new(Arc::new(policy.parse().unwrap())).with_lookup(answer)
}

/// A resolver with an attacker's zone in it.
pub(crate) fn answer(name: &str) -> io::Result<Vec<IpAddr>> {
    let addresses: &[&str] = match name {
        "mixed.example" => &["169.254.169.254", "10.0.0.1", "8.8.8.8", "::1", "fe80::1"],
        "metadata.example" => &["169.254.169.254"],
        "linklocal.example" => &["fe80::1", "169.254.1.1"],
        "loop.example" => &["127.0.0.1"],
        "mapped.example" => &["::ffff:127.0.0.1"],
        "nat64.example" => &["64:ff9b::a9fe:a9fe"],
        "empty.example" => &[],
        _ => return Err(io::Error::other("no such name")),
    };
    Ok(addresses.iter().map(|a| a.parse().unwrap()).collect())
}

async fn resolve(policy: &str, host: &str) -> Result<Vec<String>, EgressError> {
    let found = guard(policy).resolve(host, 80).await?;
    Ok(found.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn only_what_is_allowed_is_handed_on() {
    let cases: [(&str, &str, &[&str]); 6] = [
        ("external", "mixed.example", &["8.8.8.8:80"]),
        (
            "external,private",
            "mixed.example",
            &["10.0.0.1:80", "8.8.8.8:80"],
        ),
        ("loopback", "MIXED.example.", &["[::1]:80"]),
        ("external", "8.8.4.4", &["8.8.4.4:80"]),
        ("private", "[fd00::1]", &["[fd00::1]:80"]),
        ("loop.example", "loop.example", &["127.0.0.1:80"]),
    ];
    for (policy, host, wanted) in cases {
        assert_eq!(
            resolve(policy, host).await.unwrap(),
            wanted,
            "{policy}, {host}"
        );
    }
}

#[tokio::test]
async fn the_rest_is_denied() {
    let all = "external,private,loopback";
    let cases = [
        (all, "metadata.example"),
        (all, "linklocal.example"),
        (all, "nat64.example"),
        (all, "169.254.169.254"),
        (all, "0.0.0.0"),
        ("external,private", "loop.example"),
        ("external,private", "mapped.example"),
        ("external,private", "localhost"),
        ("external,private", "127.1"),
        (all, "127.0.0.1.denied-by-egress-policy.invalid"),
    ];
    for (policy, host) in cases {
        let error = resolve(policy, host).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Denied(_)),
            "{policy}, {host}: {error:?}"
        );
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let error = resolve("external", "nowhere.example").await.unwrap_err();
    assert!(matches!(error, EgressError::Lookup { .. }));
    assert_eq!(error.to_string(), "`nowhere.example` cannot be resolved");
    let error = resolve("external", "empty.example").await.unwrap_err();
    assert!(matches!(error, EgressError::NoAddress { .. }));

    struct Never;
    impl Lookup for Never {
        fn lookup(&self, _: &str) -> Looking {
            Box::pin(std::future::pending())
        }
    }
    let limit = Duration::from_millis(20);
    let slow = Guard::new(Arc::new(EgressPolicy::default()))
        .with_lookup(Never)
        .with_limit(limit);
    let error = slow.resolve("example.com", 80).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`example.com` was not resolved within 20ms"
    );
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    let guard = Guard::new(Arc::new("loopback".parse().unwrap()));
    let found = guard.resolve("localhost", 1).await.unwrap();
    assert!(found.iter().all(|address| address.ip().is_loopback()));
}
