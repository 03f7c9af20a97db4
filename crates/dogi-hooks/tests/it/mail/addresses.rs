use dogi_hooks::mail::MailAddress;
use proptest::prelude::*;

#[test]
fn with_and_without_a_name() {
    let cases = [
        ("ci@acme.example", None, "ci@acme.example"),
        (" ci@acme.example ", None, "ci@acme.example"),
        ("<ci@acme.example>", None, "ci@acme.example"),
        (
            "dogi <ci+x@acme.example>",
            Some("dogi"),
            "ci+x@acme.example",
        ),
        (
            "\"Team, the\" <ci@acme.example>",
            Some("Team, the"),
            "ci@acme.example",
        ),
        (
            "Jürgen 🐶 <ci@xn--bcher-kva.example>",
            Some("Jürgen 🐶"),
            "ci@xn--bcher-kva.example",
        ),
        ("root@localhost", None, "root@localhost"),
        ("ci@[192.0.2.1]", None, "ci@[192.0.2.1]"),
    ];
    for (text, name, plain) in cases {
        let address: MailAddress = text.parse().unwrap();
        assert_eq!((address.name(), address.address()), (name, plain));
        assert_eq!(address.to_string().parse::<MailAddress>().unwrap(), address);
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(serde_json::from_str::<MailAddress>(&json).unwrap(), address);
    }
}

#[test]
fn what_is_no_address() {
    let long = format!("{} <a@b.example>", "x".repeat(201));
    let cases = [
        ("", "by the rules of RFC 5321"),
        ("acme.example", "by the rules of RFC 5321"),
        ("@acme.example", "by the rules of RFC 5321"),
        ("ci@", "by the rules of RFC 5321"),
        ("a@b@c", "by the rules of RFC 5321"),
        ("a b@acme.example", "by the rules of RFC 5321"),
        (
            "ci@acme.example, you@acme.example",
            "by the rules of RFC 5321",
        ),
        ("ci@acme.example>", "since it has a `>` and no `<`"),
        (
            "a <b> <ci@acme.example>",
            "since its Name holds one of `<>\"\\`",
        ),
        (
            "a\\ <ci@acme.example>",
            "since its Name holds one of `<>\"\\`",
        ),
        ("ci@bücher.example", "since its address is not ASCII"),
        (
            "ci@acme.example\r\nBcc: you@evil.example",
            "since it holds a control character",
        ),
        (
            "x\0 <ci@acme.example>",
            "since it holds a control character",
        ),
        (&long, "since its Name is longer than 200 characters"),
    ];
    for (text, problem) in cases {
        let error = text.parse::<MailAddress>().unwrap_err();
        assert_eq!(error.problem, problem, "{text:?}");
        let begin = format!("`{}` is no mail address", text.escape_debug());
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_breaks_no_header(text in "[ -~\\r\\n\\t\0ü🐶]{0,30}@?[ -~]{0,12}>?") {
        if let Ok(address) = text.parse::<MailAddress>() {
            prop_assert!(address.address().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
            prop_assert!(!address.to_string().chars().any(char::is_control));
        }
    }
}
