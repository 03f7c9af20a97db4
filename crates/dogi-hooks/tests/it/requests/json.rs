use super::{JSON, check, get, p, payload, read};
use dogi_hooks::incoming::{Value, parse_json};

#[test]
fn what_becomes_a_payload() {
    check(
        JSON,
        &[
            (b"{}", "{}"),
            (b"", "null"),
            (b" \r\n\t", "null"),
            (b"null", "null"),
            (
                br#"{"b":1,"a":[true,false,null]}"#,
                r#"{"a":[true,false,null],"b":1}"#,
            ),
            (b"[]", r#"{"root":[]}"#),
            (b" \n\t[7]", r#"{"root":[7]}"#),
            (
                br#"{"a":1,"a":2,"b":{"x":1,"x":2}}"#,
                r#"{"a":2,"b":{"x":2}}"#,
            ),
            // What follows the first value is not read.
            (br#"{"a":1}x"#, r#"{"a":1}"#),
            (br#"{"a":1}{"b":2}"#, r#"{"a":1}"#),
            (b"[1] ]", r#"{"root":[1]}"#),
        ],
    );
}

#[test]
fn numbers_stay_as_written() {
    let numbers = "0 -0 1.50 1e3 1E+05 -0.0e-7 12345678901234567890123";
    for number in numbers.split(' ') {
        let request = read(JSON, format!("{{\"n\":{number}}}")).unwrap();
        assert_eq!(get(&request, p("n")), number);
        assert_eq!(
            get(&request, dogi_hooks::incoming::Source::EntirePayload),
            format!("{{\"n\":{number}}}")
        );
    }
}

#[test]
fn texts() {
    let table: &[(&[u8], &str)] = &[
        (br#""\u00e9\ud83d\ude00""#, "é😀"),
        (br#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (br#""\ud800\u0041""#, "\u{fffd}A"),
        (br#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
        (br#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (b"\"\xff\"", "\u{fffd}"),
        (b"\"\xe2\x82x\"", "\u{fffd}\u{fffd}x"),
        (b"\"\xed\xa0\x80\"", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\"\x7f\"", "\u{7f}"),
    ];
    for (json, wanted) in table {
        assert_eq!(
            parse_json(json),
            Ok(Value::Text(wanted.as_bytes().to_vec())),
            "{}",
            json.escape_ascii()
        );
    }
    // Keys are texts too, and equal ones are the same key.
    assert_eq!(payload(JSON, br#"{"\u0061":1,"a":2}"#), r#"{"a":2}"#);
    assert_eq!(payload(JSON, b"{\"\xff\":1}"), "{\"\u{fffd}\":1}");
}

#[test]
fn malformed() {
    check(
        JSON,
        &[
            (
                br#"{"a":"1""#,
                "400: the body is no JSON: it ends too early at byte 8",
            ),
            (
                br#"{"a":"1"#,
                "400: the body is no JSON: it ends too early at byte 7",
            ),
            (
                b"{\"a\":\x0c1}",
                "400: the body is no JSON: a value was expected at byte 5",
            ),
            (
                b"{a:1}",
                "400: the body is no JSON: a key in double quotes was expected at byte 1",
            ),
            (
                br#"{"a" 1}"#,
                "400: the body is no JSON: `:` was expected at byte 5",
            ),
            (
                br#"{"a":1 "b":2}"#,
                "400: the body is no JSON: `,` or `}` was expected at byte 7",
            ),
            (
                br#"{"a":1,}"#,
                "400: the body is no JSON: a key in double quotes was expected at byte 7",
            ),
            (
                b"[1,]",
                "400: the body is no JSON: a value was expected at byte 3",
            ),
            (
                b"[1 2]",
                "400: the body is no JSON: `,` or `]` was expected at byte 3",
            ),
            (
                b"[01]",
                "400: the body is no JSON: `,` or `]` was expected at byte 2",
            ),
            (
                b"[-]",
                "400: the body is no JSON: a digit was expected at byte 2",
            ),
            (
                b"[1.]",
                "400: the body is no JSON: a digit was expected at byte 3",
            ),
            (
                b"[1e]",
                "400: the body is no JSON: a digit was expected at byte 3",
            ),
            (
                b"[nul]",
                "400: the body is no JSON: `true`, `false` or `null` was expected at byte 4",
            ),
            (
                b"[\"a\nb\"]",
                "400: the body is no JSON: an unescaped control character stands at byte 3",
            ),
            (
                b"[\"\\'\"]",
                "400: the body is no JSON: an unknown escape stands at byte 2",
            ),
            (
                b"[\"\\u00g0\"]",
                "400: the body is no JSON: an unknown escape stands at byte 2",
            ),
            (
                b"\xef\xbb\xbf{}",
                "400: the body is no JSON: a value was expected at byte 0",
            ),
            (
                b"5",
                "400: the body is JSON, but neither an object nor a list",
            ),
            (
                b"\"sesame\"",
                "400: the body is JSON, but neither an object nor a list",
            ),
            (
                b"true",
                "400: the body is JSON, but neither an object nor a list",
            ),
            (
                b"nothing",
                "400: the body is no JSON: `true`, `false` or `null` was expected at byte 1",
            ),
        ],
    );
}

#[test]
fn which_content_types() {
    let table = [
        ("application/json", "{\"a\":1}"),
        ("application/json; charset=utf-8", "{\"a\":1}"),
        ("application/vnd.github+json", "{\"a\":1}"),
        ("text/jsonish", "{\"a\":1}"),
        ("application/JSON", "null"),
        ("text/plain", "null"),
        ("", "null"),
    ];
    for (content_type, wanted) in table {
        assert_eq!(
            payload(content_type, b"{\"a\":1}"),
            wanted,
            "{content_type}"
        );
    }
}
