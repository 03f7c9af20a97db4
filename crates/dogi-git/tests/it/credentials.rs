//! Who gets credentials, and what may be reached.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use dogi_egress::{EgressPolicy, Guard};
use dogi_git::{CheckoutError, Credential};
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;

use crate::support::Setup;

const TOKEN: &str = "s3cr3t-t0ken";

fn knowing(server: &HttpServer, token: &str, over_http: bool) -> Setup {
    let mut credential = Credential::token(token);
    credential.over_http = over_http;
    let known = HashMap::from([(server.address().to_string(), credential)]);
    Setup::with(|options| options.credentials = Arc::new(known))
}

fn authorizations(server: &HttpServer) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| request.headers.contains_key("authorization"))
        .count()
}

#[tokio::test]
async fn a_token_opens_a_private_repository_and_is_written_nowhere() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .token(TOKEN)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    let setup = knowing(&server, TOKEN, true);
    setup.checkout(&url, None).await.unwrap();
    // Only asked for, not offered: the first request has none.
    assert_eq!(authorizations(&server), server.requests().len() - 1);
    assert!(!holds(setup.dir.path(), TOKEN));
    assert!(!setup.lines().contains(TOKEN));
}

#[tokio::test]
async fn without_or_with_a_wrong_token_it_says_which() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .token(TOKEN)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    for (setup, part) in [
        (
            Setup::new(),
            "no credentials are configured for its host (401)",
        ),
        (knowing(&server, "wrong", true), "refuses the credentials"),
        (knowing(&server, TOKEN, false), "not sent over plain http"),
    ] {
        let error = setup.checkout(&url, None).await.unwrap_err();
        assert!(
            matches!(error, CheckoutError::Unauthorized { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_others() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let target = HttpServer::builder()
        .repo("n/r.git", &repo)
        .token(TOKEN)
        .start()
        .await
        .unwrap();
    let server = HttpServer::builder()
        .redirect("o/r.git", &target.url("n/r.git"))
        .redirect("away/r.git", "http://127.0.0.1:1/x?")
        .redirect("ftp/r.git", "ftp://127.0.0.1/r.git")
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    // The token belongs to the first server: the second does not see it.
    let setup = knowing(&server, TOKEN, true);
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(
        matches!(error, CheckoutError::Unauthorized { .. }),
        "{error:?}"
    );
    assert_eq!(authorizations(&target), 0);
    // Its own it gets.
    knowing(&target, TOKEN, true)
        .checkout(&url, None)
        .await
        .unwrap();
    for name in ["away/r.git", "ftp/r.git"] {
        let error = Setup::new()
            .checkout(&server.url(name), None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("redirect"), "{error}");
    }
}

#[tokio::test]
async fn the_egress_policy_holds_for_names_addresses_and_redirects() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let port = server.address().port();
    let setup = Setup::with(|options| {
        let policy = EgressPolicy::parse("external,private").unwrap();
        // A name that anybody may own, and that leads here.
        let lookup = |_: &str| Ok(vec!["127.0.0.1".parse().unwrap()]);
        options.guard = Guard::new(Arc::new(policy)).with_lookup(lookup);
    });
    for host in [
        "127.0.0.1",
        "localhost",
        "rebound.example",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        for scheme in ["http://", "git://", "ssh://git@"] {
            let url = format!("{scheme}{host}:{port}/o/r.git");
            let error = setup.checkout(&url, None).await.unwrap_err();
            assert!(
                matches!(error, CheckoutError::Denied { .. }),
                "{url}: {error:?}"
            );
        }
    }
    assert_eq!(server.requests().len(), 0);
    let metadata = "http://169.254.169.254/latest/meta-data";
    let redirecting = HttpServer::builder()
        .redirect("o/r.git", metadata)
        .start()
        .await
        .unwrap();
    let error = Setup::new()
        .checkout(&redirecting.url("o/r.git"), None)
        .await
        .unwrap_err();
    assert!(matches!(error, CheckoutError::Denied { .. }), "{error:?}");
}

/// Whether any file below `path` holds `text`.
fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_dir(path).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let content = std::fs::read(&path).unwrap();
        content
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}
