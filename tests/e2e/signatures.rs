//! Signed URLs and the operator's token.

use ring::digest;

use crate::harness::{Dogi, Repos, cli};

const SECRET: &str = "correct horse";

async fn server() -> Dogi {
    Dogi::with(&[
        ("SIGNATURES_SECRET", SECRET),
        ("DOGI_TOKEN", "operator-token"),
    ])
    .await
}

fn legacy(target: &str) -> String {
    let text = format!("{SECRET}:{target}");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{target}&sig={hex}")
}

fn signed(dogi: &Dogi, target: &str, flags: &[&str]) -> String {
    let url = dogi.url(target);
    let mut args = vec!["sign", &url];
    args.extend(flags);
    let output = cli(&[("SIGNATURES_SECRET", SECRET)], &args);
    assert!(output.status.success(), "{output:?}");
    let url = String::from_utf8(output.stdout).expect("a URL");
    url.trim()
        .strip_prefix(&dogi.url(""))
        .expect("the same server")
        .to_owned()
}

#[tokio::test]
async fn only_what_was_signed_is_run() {
    let (_repos, path) = Repos::one("").await;
    let dogi = server().await;
    let target = format!("{path}?action=run&output=status&cmd=true");
    let good = signed(&dogi, &target, &["--no-expiry"]);
    let stretched = format!("{good}&bashc=evil");
    let doubled = format!("{path}?action=run&cmd=true&sig={}&sig=", "0".repeat(64));
    let cases = [
        (target.clone(), 401),
        (format!("{target}&sig={}", "0".repeat(64)), 401),
        (good.replace("cmd=true", "cmd=false"), 401),
        (stretched, 401),
        (doubled, 401),
    ];
    for (target, status) in cases {
        let answer = dogi.get(&target).await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        assert!(!answer.text().contains(SECRET));
    }
    assert_eq!(dogi.get(&good).await.status, 200);
}

#[tokio::test]
async fn the_sign_command_and_the_originals_formula_both_verify() {
    let (_repos, path) = Repos::one("").await;
    let dogi = server().await;
    let target = format!("{path}?action=run&output=status&cmd=true");
    assert_eq!(
        signed(&dogi, &target, &["--legacy", "--no-expiry"]),
        legacy(&target)
    );
    assert_eq!(dogi.get(&legacy(&target)).await.status, 200);
    assert_eq!(
        dogi.get(&signed(&dogi, &target, &["--expires", "1h"]))
            .await
            .status,
        200
    );
    let modern = Dogi::with(&[
        ("SIGNATURES_SECRET", SECRET),
        ("SIGNATURES_LEGACY", "false"),
    ])
    .await;
    assert_eq!(modern.get(&legacy(&target)).await.status, 401);
}

#[tokio::test]
async fn links_in_a_status_open_and_open_nothing_else() {
    let (_repos, path) = Repos::one("").await;
    let dogi = server().await;
    let target = format!("{path}?action=run&output=status&cmd=true");
    let status = dogi
        .get(&signed(&dogi, &target, &["--no-expiry"]))
        .await
        .json();
    let log = status["output"]["log"].as_str().expect("a link").to_owned();
    assert_eq!(dogi.get(&log).await.status, 200, "{log}");
    let (unsigned, _) = log.rsplit_once("sig=").expect("it is signed");
    let unsigned = unsigned.trim_end_matches(['?', '&']);
    assert_eq!(dogi.get(unsigned).await.status, 401);
}

#[tokio::test]
async fn everything_but_health_needs_a_signature_or_the_token() {
    let dogi = server().await;
    for target in ["/jobs", "/runs", "/outputs", "/collect?output=log"] {
        assert_eq!(dogi.get(target).await.status, 401, "{target}");
        let with_token = dogi.request("GET", target).bearer_auth("operator-token");
        assert_eq!(dogi.ask(with_token).await.status, 200, "{target}");
        let wrong = dogi.request("GET", target).bearer_auth("other");
        assert_eq!(dogi.ask(wrong).await.status, 401, "{target}");
    }
    assert_eq!(dogi.get("/healthz").await.status, 200);
    assert_eq!(dogi.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_signed_post_is_bound_to_its_body() {
    let (_repos, path) = Repos::one("").await;
    let dogi = server().await;
    let body = r#"{"action":"run","output":"status","cmd":"true"}"#;
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let post = |target: &str, body: &'static str| {
        dogi.ask(
            dogi.request("POST", target)
                .header("content-type", "application/json")
                .body(body),
        )
    };
    let bound = signed(
        &dogi,
        &format!("{path}?body_sha256={hex}"),
        &["--no-expiry"],
    );
    let answer = post(&bound, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let other = r#"{"action":"run","output":"status","cmd":"false"}"#;
    assert_eq!(post(&bound, other).await.status, 401);
    let unbound = signed(&dogi, &format!("{path}?action=run"), &["--no-expiry"]);
    assert!([400, 401].contains(&post(&unbound, body).await.status));
}
