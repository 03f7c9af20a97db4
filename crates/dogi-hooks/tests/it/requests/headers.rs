use super::{get, received};
use dogi_hooks::incoming::{PayloadShape, Request, Source};
use http::HeaderValue;

fn with(headers: &[(&'static str, &'static str)]) -> Request {
    let mut received = received("", "");
    for (name, value) in headers {
        received
            .headers
            .append(*name, HeaderValue::from_static(value));
    }
    Request::read(received, &PayloadShape::default()).unwrap()
}

#[test]
fn all_headers() {
    let table: &[(&[_], &str)] = &[
        (&[], "{}"),
        (
            &[("x-b", "2"), ("x-a", "<1>"), ("x-b", "3")],
            r#"{"X-A":"\u003c1\u003e","X-B":"2"}"#,
        ),
        (
            &[("host", "h"), ("content-length", "0"), ("dnt", "1")],
            r#"{"Content-Length":"0","Dnt":"1"}"#,
        ),
        (
            &[
                ("transfer-encoding", "chunked"),
                ("trailer", "x"),
                ("content-length", "0"),
            ],
            "{}",
        ),
        (&[("trailer", "x")], r#"{"Trailer":"x"}"#),
        (
            &[("pragma", "no-cache")],
            r#"{"Cache-Control":"no-cache","Pragma":"no-cache"}"#,
        ),
        (
            &[("pragma", "no-cache"), ("cache-control", "x")],
            r#"{"Cache-Control":"x","Pragma":"no-cache"}"#,
        ),
        (
            &[("www-authenticate", "a"), ("x_y-1z", "b")],
            r#"{"Www-Authenticate":"a","X_y-1z":"b"}"#,
        ),
    ];
    for (headers, wanted) in table {
        assert_eq!(get(&with(headers), Source::EntireHeaders), *wanted);
    }
}

#[test]
fn one_header_in_any_case() {
    let request = with(&[
        ("x-gitlab-token", "one"),
        ("x-gitlab-token", "two"),
        ("x.y", "dot"),
        ("host", "h"),
    ]);
    for (name, wanted) in [
        ("X-Gitlab-Token", "one"),
        ("x-GITLAB-token", "one"),
        ("X.Y", "dot"),
        ("x.y", "dot"),
        ("X-Gitlab-Token ", "-"),
        ("X-Other", "-"),
        ("Host", "-"),
        ("", "-"),
    ] {
        assert_eq!(
            get(&request, Source::Header(name.to_owned())),
            wanted,
            "{name}"
        );
    }
}

#[test]
fn values_need_not_be_text() {
    let mut received = received("", "");
    received
        .headers
        .insert("x-a", HeaderValue::from_bytes(b"\xff").unwrap());
    let request = Request::read(received, &PayloadShape::default()).unwrap();
    let source = Source::Header("X-A".to_owned());
    assert_eq!(super::get_bytes(&request, source), Ok(b"\xff".to_vec()));
    assert_eq!(get(&request, Source::EntireHeaders), r#"{"X-A":"\ufffd"}"#);
}
