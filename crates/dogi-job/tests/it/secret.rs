//! Secrets are named in a spec, and specs without any are written as ever.

use dogi_job::{SecretName, Spec};
use dogi_url::EnvName;

use crate::events::spec;

#[test]
fn a_name_is_text_that_fits_a_line() {
    for name in [
        "a",
        "github.com/acme/*#NPM_TOKEN",
        "mit Umläuten",
        &"x".repeat(1024),
    ] {
        let parsed = SecretName::parse(name).expect("a name");
        assert_eq!(parsed.as_str(), name);
        assert_eq!(name.parse(), Ok(parsed));
    }
    let cases = [
        ("", r#""" is no name of a secret: it is empty"#),
        ("a\nb", r#""a\nb" is no name of a secret: it holds '\n'"#),
        (
            &"x".repeat(1025),
            "is no name of a secret: it has 1025 bytes",
        ),
    ];
    for (name, wanted) in cases {
        let error = SecretName::parse(name).expect_err("no name").to_string();
        assert!(error.contains(wanted), "{error}");
        let expected = "; 1 to 1024 bytes of text without control characters are expected";
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn a_spec_keeps_the_names_of_its_secrets() {
    let without = serde_json::to_value(spec()).expect("JSON");
    assert!(without.get("secrets").is_none(), "{without}");
    let mut spec = spec();
    let variable = EnvName::new("NPM_TOKEN").expect("a variable");
    let name = SecretName::parse("github.com/acme/*#NPM_TOKEN").expect("a name");
    spec.secrets.insert(variable, name);
    let written = serde_json::to_string(&spec).expect("JSON");
    let expected = r#""secrets":{"NPM_TOKEN":"github.com/acme/*#NPM_TOKEN"}"#;
    assert!(written.contains(expected), "{written}");
    let read: Spec = serde_json::from_str(&written).expect("a spec");
    assert_eq!(read, spec);
    let broken = written.replace("github.com/acme/*#NPM_TOKEN", "");
    assert!(serde_json::from_str::<Spec>(&broken).is_err());
}
