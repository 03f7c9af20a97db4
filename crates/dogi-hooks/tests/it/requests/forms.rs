use super::{FORM, check, get, payload, received};
use dogi_hooks::incoming::{PayloadShape, Request, Source};

#[test]
fn fields() {
    check(
        FORM,
        &[
            (b"", "{}"),
            (b"a=1&a=2&b=x%2By+z", r#"{"a":"1","b":"x+y z"}"#),
            (b"a", r#"{"a":""}"#),
            (b"=x&&a=b=c", r#"{"":"x","a":"b=c"}"#),
            (b"a%3Db=%3b", r#"{"a=b":";"}"#),
            (b"a=%ff%00\xfe", r#"{"a":"\ufffd\u0000\ufffd"}"#),
            (b"a.b=1", r#"{"a.b":"1"}"#),
            (
                b"a=1&b=%zz",
                "400: the body is no URL-encoded form: a `%` without two hexadecimal digits stands in field 2",
            ),
            (
                b"a=%4",
                "400: the body is no URL-encoded form: a `%` without two hexadecimal digits stands in field 1",
            ),
            (
                b"a=%+1",
                "400: the body is no URL-encoded form: a `%` without two hexadecimal digits stands in field 1",
            ),
            (
                b"a=1;b=2",
                "400: the body is no URL-encoded form: an unescaped `;` stands in field 1",
            ),
        ],
    );
}

#[test]
fn queries_leave_out_what_is_malformed() {
    let table = [
        ("", "{}"),
        ("a=1&a=2", r#"{"a":"1"}"#),
        ("a=%zz&b=1;2&c=3&=x&d", r#"{"":"x","c":"3","d":""}"#),
        ("a=%ff", r#"{"a":"\ufffd"}"#),
        ("a+b=<&%41", r#"{"A":"","a b":"\u003c"}"#),
    ];
    for (query, wanted) in table {
        let mut received = received("", "");
        received.query = query.to_owned();
        let request = Request::read(received, &PayloadShape::default()).unwrap();
        assert_eq!(get(&request, Source::EntireQuery), wanted, "{query}");
    }
}

#[test]
fn many_fields_are_too_much() {
    let fields = |count: usize| vec!["a=1"; count].join("&");
    assert_eq!(payload(FORM, fields(10_000)), r#"{"a":"1"}"#);
    assert_eq!(
        payload(FORM, fields(100_000)),
        "413: the body has too many form fields: at most 10000 are read"
    );
}
