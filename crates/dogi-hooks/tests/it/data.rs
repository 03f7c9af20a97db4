use bytes::Bytes;
use dogi_hooks::Data;
use proptest::prelude::*;

fn shown(bytes: &[u8]) -> String {
    serde_json::to_string(&Data::new(&Bytes::copy_from_slice(bytes))).unwrap()
}

#[test]
fn json_survives_as_it_was_written() {
    let cases = [
        (r#"{"ok": true}"#, r#"{"ok":true}"#),
        ("{\n  \"a\" : [ 1 ,\t2 ]\r\n}\n", r#"{"a":[1,2]}"#),
        // Numbers that no machine number holds, repeated names, an order.
        (
            r#"{"n": 12345678901234567890123}"#,
            r#"{"n":12345678901234567890123}"#,
        ),
        (
            r#"{"n": 1.10, "z": 1e400}"#,
            r#""{\"n\": 1.10, \"z\": 1e400}""#,
        ),
        (
            r#"{"b": 1.10, "a": 0, "b": 2}"#,
            r#"{"b":1.10,"a":0,"b":2}"#,
        ),
        // Space, quotes and backslashes within strings.
        (
            r#"[" a  b ", "\" , ", "\\", " \\\" x"]"#,
            r#"[" a  b ","\" , ","\\"," \\\" x"]"#,
        ),
        ("null", "null"),
        ("7", "7"),
        // No JSON.
        ("", r#""""#),
        ("OK", r#""OK""#),
        ("{\"a\":", r#""{\"a\":""#),
        ("line\nline", r#""line\nline""#),
    ];
    for (body, wanted) in cases {
        assert_eq!(shown(body.as_bytes()), wanted, "{body}");
    }
    assert_eq!(shown(b"\xff\xfe{}"), "\"\u{fffd}\u{fffd}{}\"");
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(matches!(Data::new(&deep(100).into()), Data::Json(_)));
    assert!(matches!(Data::new(&deep(500_000).into()), Data::Text(_)));
}

proptest! {
    #[test]
    fn any_bytes_become_one_line_of_json(bytes: Vec<u8>) {
        let text = shown(&bytes);
        prop_assert!(!text.contains('\n'));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn spacing_does_not_matter(text in "[ a\\\\\"\t\n{}:,0-9]{0,30}") {
        let value = serde_json::json!({"k": text, "list": [text, 1, null]});
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(shown(pretty.as_bytes()), value.to_string());
    }
}
