//! What reports and debug output never quote.

use crate::config::{env, load, refused, with_file};

#[test]
fn secrets_are_never_shown() {
    let secrets = env(&[
        ("SIGNATURES_SECRET", "hunter2hunter2"),
        ("DOGI_TOKEN", "hunter2hunter2"),
        ("CB_SECRET", "whsec_hunter2hunter2"),
        ("CB_HEADERS", r#"{"Authorization": "hunter2 hunter2"}"#),
        ("GITHUB_TOKEN", "hunter2"),
        ("HTTP_PROXY", "ftp://u:hunter2@proxy"),
    ]);
    let report = refused(&secrets);
    assert!(report.contains("$CB_SECRET: expected") && report.contains("$HTTP_PROXY: "));
    assert!(!report.contains("hunter2"), "{report}");
    let good = env(&[
        ("GITHUB_TOKEN", "hunter2"),
        ("DOGI_TOKEN", "hunter2hunter2"),
    ]);
    let settings = format!("{:?}", load(&[], &good).expect("good settings"));
    assert!(
        !settings.contains("hunter2") && !settings.contains("very secret"),
        "{settings}"
    );
    assert!(!format!("{secrets:?}").contains("hunter2"));
}

#[test]
fn a_password_in_a_url_is_never_quoted() {
    let cases = [
        ("ADVERTISED_URL", "https://me:pa/s,s@w0rd@host/base"),
        ("GITHUB_URL", "http://me:pa/s,s@w0rd@host"),
        ("EGRESS_ALLOW", "external,https://me:pa/s,s@w0rd@host"),
        ("EGRESS_ALLOW", "me:pa/s,s@w0rd@host"),
        ("TRUSTED_PROXIES", "http://me:pa/s,s@w0rd@10.0.0.1"),
        ("LISTEN", "http://me:pa/s,s@w0rd@host:1"),
        ("HTTPS_PROXY", "gopher://me:pa/s,s@w0rd@host"),
    ];
    for (name, value) in cases {
        let report = refused(&env(&[(name, value)]));
        assert!(report.contains(&format!("${name}: ")), "{report}");
        for part in ["pa/s", "s@w", "w0rd"] {
            assert!(!report.contains(part), "{name}: {report}");
        }
    }
    let file = "forges: {git.lab: {api: 'https://me:pa/s,s@w0rd@host/api'}}\n";
    let report = with_file(file, &[]).expect_err("an API has no password");
    assert!(report.contains("\"https://***@host/api\""), "{report}");
    assert!(!report.contains("w0rd"), "{report}");
}
