use super::{check, get, payload, received};
use dogi_hooks::incoming::{Argument, PayloadShape, Request, Source};

const MULTIPART: &str = "multipart/form-data; boundary=xxx";

/// A body of parts: (headers without `Content-Disposition: form-data; `, content).
fn body(parts: &[(&str, &str)]) -> Vec<u8> {
    let part = |(headers, content): &(&str, &str)| {
        format!("--xxx\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n")
    };
    (parts.iter().map(part).collect::<String>() + "--xxx--\r\n").into_bytes()
}

const JSON_FILE: &str = "name=\"f\"; filename=\"f.json\"\r\nContent-Type: application/json";

#[test]
fn values_and_files() {
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "null"),
        (
            &[("name=\"a\"", "1"), ("name=\"a\"", "2"), ("name=b", "x y")],
            r#"{"a":"1","b":"x y"}"#,
        ),
        (&[("name=\"a\"", "")], r#"{"a":""}"#),
        (
            &[("name=\"a\"", "1\r\n--xxxy\r\n")],
            r#"{"a":"1\r\n--xxxy\r\n"}"#,
        ),
        (&[("name=\"\"", "1")], "null"),
        (
            &[(
                "name=\"f\"; filename=\"f.jpg\"\r\nContent-Type: image/jpeg",
                "bin",
            )],
            "null",
        ),
        (
            &[(
                "name=\"f\"; filename=\"\"\r\nContent-Type: image/jpeg",
                "bin",
            )],
            r#"{"f":"bin"}"#,
        ),
        (
            &[("name=\"f\"\r\nContent-Type: application/json", "{}")],
            r#"{"f":"{}"}"#,
        ),
        (&[(JSON_FILE, r#"{"k":"v"}"#)], r#"{"f":{"k":"v"}}"#),
        (&[(JSON_FILE, "null")], r#"{"f":null}"#),
        (
            &[("name=\"f\"", "value"), (JSON_FILE, r#"{"k":"v"}"#)],
            r#"{"f":{"k":"v"}}"#,
        ),
        // Only the first file of a name.
        (
            &[("name=f; filename=g", "{}"), (JSON_FILE, r#"{"k":"v"}"#)],
            "null",
        ),
        (
            &[(
                "name=f; filename=g\r\nContent-Type: application/json; charset=utf-8",
                "{}",
            )],
            "null",
        ),
        (
            &[(
                "name=f; filename=g\r\ncontent-type: text/plain\r\nCONTENT-TYPE: application/json",
                "{}",
            )],
            r#"{"f":{}}"#,
        ),
        (
            &[(JSON_FILE, "[1]")],
            "400: part 1 of the multipart form is no JSON object",
        ),
        (
            &[("name=a", "1"), (JSON_FILE, "{")],
            "400: part 2 of the multipart form is no JSON object",
        ),
    ];
    for (parts, wanted) in table {
        assert_eq!(payload(MULTIPART, body(parts)), *wanted, "{parts:?}");
    }
}

#[test]
fn names() {
    let table = [
        (r#"name="a\"b""#, r#"{"a\"b":"1"}"#),
        (r#"name="a\b""#, r#"{"a\\b":"1"}"#),
        ("name*=utf-8''%e2%82%ac", r#"{"€":"1"}"#),
        ("name*0=a; name*1*=%62; name*2=c", r#"{"abc":"1"}"#),
        ("name*=latin1''a", "null"),
        ("NAME=a;", r#"{"a":"1"}"#),
        ("name=a; name=b", "null"),
        ("name=a x", "null"),
        ("filename=a", "null"),
        ("x=1;\r\n name=a", r#"{"a":"1"}"#),
    ];
    for (headers, wanted) in table {
        assert_eq!(
            payload(MULTIPART, body(&[(headers, "1")])),
            wanted,
            "{headers}"
        );
    }
}

#[test]
fn boundaries() {
    check(
        MULTIPART,
        &[
            (b"--xxx--", "null"),
            (b"before\r\n--xxx\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xxx-- \t\r\nafter", r#"{"a":"1"}"#),
            (b"--xxx\nContent-Disposition: form-data; name=a\n\n1\n--xxx--", r#"{"a":"1"}"#),
            (b"--xxx \t\r\nContent-Disposition: form-data; name=a\r\n\r\n--xxx--", r#"{"a":""}"#),
            (b"--xxx\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--xxx--", "null"),
            (b"--xxx\r\n\r\n1\r\n--xxx--", "null"),
            (b"", "400: the body is no multipart form: no closing boundary stands after 0 parts"),
            (b"nothing\r\n", "400: the body is no multipart form: no closing boundary stands after 0 parts"),
            (b"--xxx\r\nA: b\r\n\r\n1\r\n", "400: the body is no multipart form: a part without an end stands after 0 parts"),
            (b"--xxx\r\nA: b\r\n\r\n1\r\n--xxx", "400: the body is no multipart form: no closing boundary stands after 1 parts"),
            (b"--xxx\r\nA: b", "400: the body is no multipart form: headers of a part without an end stand after 0 parts"),
            (b"--xxx\r\nA\r\n\r\n1\r\n--xxx--", "400: the body is no multipart form: a header without a colon stands after 0 parts"),
            (b"--xxx\r\n A: b\r\n\r\n1\r\n--xxx--", "400: the body is no multipart form: a header without a name stands after 0 parts"),
            (b"--xxx\r\nA: b\r\n\r\n1\r\n--xxx y\r\n", "400: the body is no multipart form: something other than a boundary stands after 1 parts"),
        ],
    );
}

#[test]
fn content_types() {
    let good = body(&[("name=\"a\"", "1")]);
    let no_boundary = "400: the body is no multipart form: a content type without a boundary stands after 0 parts";
    let table = [
        (
            "multipart/form-data; charset=utf-8;boundary=\"xxx\"",
            r#"{"a":"1"}"#,
        ),
        ("multipart/form-data", "null"),
        ("Multipart/Form-Data; boundary=xxx", "null"),
        ("multipart/mixed; boundary=xxx", "null"),
        ("multipart/form-data;", no_boundary),
        ("multipart/form-data; boundary=\"\"", no_boundary),
        ("multipart/form-data; boundary=xxx; boundary=y", no_boundary),
    ];
    for (content_type, wanted) in table {
        assert_eq!(payload(content_type, &good), wanted, "{content_type}");
    }
    // A boundary is no content type.
    let body = "--jsonxml\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--jsonxml--";
    assert_eq!(
        payload("multipart/form-data; boundary=jsonxml", body),
        r#"{"a":"1"}"#
    );
}

#[test]
fn a_hook_may_say_that_it_is_one_and_which_files_are_json() {
    let body = body(&[("name=f; filename=g", "{\"k\":\"v\"}")]);
    let argument = |source| Argument { source };
    let mut shape = PayloadShape {
        content_type: Some("multipart/form-data; boundary=unused".to_owned()),
        json: vec![argument(Source::Payload("f".to_owned()))],
    };
    let request = Request::read(received(MULTIPART, &body), &shape).unwrap();
    assert_eq!(get(&request, Source::Payload("f.k".into())), "v");
    // As it was sent: whoever signed it signed this.
    assert_eq!(get(&request, Source::RawBody).as_bytes(), body);

    shape.content_type = Some("multipart/form-data; boundary=xxx".to_owned());
    let request = Request::read(received("text/plain", &body), &shape).unwrap();
    assert_eq!(get(&request, Source::Payload("f.k".into())), "v");
    shape.json.clear();
    let request = Request::read(received("text/plain", &body), &shape).unwrap();
    assert_eq!(get(&request, Source::EntirePayload), "null");
}

#[test]
fn many_parts_and_headers_are_too_much() {
    assert_eq!(
        payload(MULTIPART, body(&[("name=a", "1"); 1000])),
        r#"{"a":"1"}"#
    );
    assert_eq!(
        payload(MULTIPART, body(&[("name=a", "1"); 1001])),
        "413: the body has too many parts: at most 1000 are read"
    );
    let headers = format!("name=a{}", "\r\nX: y".repeat(10_000));
    assert_eq!(
        payload(MULTIPART, body(&[(&headers, "1")])),
        "413: the body has too many headers of parts: at most 10000 are read"
    );
}

#[test]
fn quoted_printable_parts() {
    let headers = "name=a\r\nContent-Transfer-Encoding: Quoted-Printable";
    let malformed = "400: the body is no multipart form: bad quoted-printable stands after 0 parts";
    for (content, wanted) in [
        ("a=3Db", r#"{"a":"a=b"}"#),
        ("=c3=A9 \t\r\nx=\r\ny", r#"{"a":"é\r\nxy"}"#),
        ("x=zy", r#"{"a":"x=zy"}"#),
        ("x =", r#"{"a":"x "}"#),
        ("", r#"{"a":""}"#),
        ("\u{1}", malformed),
        ("x=4", r#"{"a":"x=4"}"#),
        ("=", malformed),
    ] {
        assert_eq!(
            payload(MULTIPART, body(&[(headers, content)])),
            wanted,
            "{content}"
        );
    }
}
