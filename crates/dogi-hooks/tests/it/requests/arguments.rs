use super::{JSON, get, get_bytes, p, read, received};
use dogi_hooks::incoming::{Argument, Map, PayloadShape, Request, Source, Value};

const BODY: &str = r#"{"commits":[{"commit":{"id":1}},{"commit":{"id":2}}],"a.b":"raw",
    "a":{"b":"nested","c":{"1":"one"},"d.e":"x","d":{"e":"y","f":"z"}},"num":12345678901234567890,
    "t":true,"z":null,"s":"","":"empty","o":{"y":1,"x":"<&>"},"l":["p","q"],"none":[],"ll":[[7]]}"#;

#[test]
fn paths() {
    let request = read(JSON, BODY).unwrap();
    for (path, wanted) in [
        ("commits.0.commit.id", "1"),
        ("commits.1.commit.id", "2"),
        ("commits.0.commit", r#"{"id":1}"#),
        ("commits.01.commit.id", "2"),
        ("l.1", "q"),
        ("l.0001", "q"),
        ("l", r#"["p","q"]"#),
        ("ll.0.0", "7"),
        ("none", "[]"),
        ("a.b", "raw"),
        ("a.c.1", "one"),
        ("a.d.e", "x"),
        ("a.d.f", "z"),
        ("num", "12345678901234567890"),
        ("t", "true"),
        ("z", "<nil>"),
        ("s", ""),
        ("", "empty"),
        ("o", r#"{"x":"\u003c\u0026\u003e","y":1}"#),
    ] {
        assert_eq!(get(&request, p(path)), wanted, "{path}");
    }
    for path in [
        "l.2",
        "l.-1",
        "l.+1",
        "l.x",
        "l.",
        "l.1.x",
        "l.1_0",
        "l. 1",
        "none.0",
        "t.x",
        "z.x",
        "s.",
        "A",
        "commits.0.",
        ".",
        "a.",
        "l.18446744073709551616",
        "l.9223372036854775808",
        "missing.x",
    ] {
        assert_eq!(get(&request, p(path)), "-", "{path}");
    }
}

#[test]
fn a_list_is_the_root() {
    let request = read(JSON, "[{\"a\":7}]").unwrap();
    assert_eq!(get(&request, p("root.0.a")), "7");
    assert_eq!(get(&request, p("0.a")), "-");
}

#[test]
fn json_as_go_writes_it() {
    let body = "{\"b\":\"\\u0000\\u0008\\u000c\\n\\r\\t\\u001f\x7f\\\"\\\\/\",\"a\":\"<>&\u{2028}\u{2029}é\"}";
    let request = read(JSON, body).unwrap();
    let wanted = "{\"a\":\"\\u003c\\u003e\\u0026\\u2028\\u2029é\",\"b\":\"\\u0000\\u0008\\u000c\\n\\r\\t\\u001f\x7f\\\"\\\\/\"}";
    assert_eq!(get(&request, Source::EntirePayload), wanted);
}

#[test]
fn sources_besides_the_payload() {
    let mut received = received("text/plain", "# FOO\n\nblah\u{0}");
    received.method = http::Method::PUT;
    received.query = "a.b=1&c=&a=2".to_owned();
    let request = Request::read(received, &PayloadShape::default()).unwrap();
    let query = |name: &str| Source::Query(name.to_owned());
    for (source, wanted) in [
        (query("a.b"), "1"),
        (query("c"), ""),
        (query("a.c"), "-"),
        (query("A"), "-"),
        (Source::Literal("{{x}}".to_owned()), "{{x}}"),
        (Source::RawBody, "# FOO\n\nblah\u{0}"),
        (Source::Method, "PUT"),
        (Source::RemoteAddr, "192.0.2.1:4711"),
        (Source::EntirePayload, "null"),
        (Source::EntireHeaders, r#"{"Content-Type":"text/plain"}"#),
        (Source::EntireQuery, r#"{"a":"2","a.b":"1","c":""}"#),
        (p("a"), "-"),
    ] {
        assert_eq!(get(&request, source.clone()), wanted, "{source}");
    }
}

#[test]
fn remote_addresses() {
    for (peer, wanted) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
    ] {
        let mut received = received("", "");
        received.peer = peer.parse().unwrap();
        received.client = "203.0.113.9".parse().unwrap();
        let request = Request::read(received, &PayloadShape::default()).unwrap();
        assert_eq!(get(&request, Source::RemoteAddr), wanted);
    }
}

#[test]
fn what_is_missing_is_named() {
    let request = read(JSON, BODY).unwrap();
    for (source, wanted) in [
        (
            Source::Header("X-Hub-Signature".into()),
            "the request has no header `X-Hub-Signature`",
        ),
        (
            Source::Query("token".into()),
            "the request has no query parameter `token`",
        ),
        (
            p("head_commit.id"),
            "the request has no payload value `head_commit.id`",
        ),
        (p("a\nb"), "the request has no payload value `a\\nb`"),
    ] {
        let missing = get_bytes(&request, source.clone()).unwrap_err();
        assert_eq!(missing.to_string(), wanted);
        assert_eq!(missing.0, source);
    }
}

#[test]
fn a_text_of_the_payload_is_not_copied() {
    let request = read(JSON, BODY).unwrap();
    for path in ["a.b", "num", "t", "z"] {
        let argument = Argument { source: p(path) };
        assert!(
            matches!(argument.get(&request), Ok(std::borrow::Cow::Borrowed(_))),
            "{path}"
        );
    }
}

#[test]
fn requests_are_shared_between_threads() {
    let request = read(JSON, BODY).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(get(&request, p("l.0")), "p"));
        }
    });
    let again = request.clone();
    assert_eq!(again.payload(), request.payload());
    assert_eq!(again.received().body, request.received().body);
}

#[test]
fn maps() {
    let pairs = [("b", true), ("a", true), ("b", false)];
    let map: Map = pairs
        .map(|(key, value)| (key.as_bytes().to_vec(), Value::Bool(value)))
        .into_iter()
        .collect();
    let keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"a", b"b"]);
    assert_eq!((map.len(), map.is_empty()), (2, false));
    assert_eq!(map.get(b"b"), Some(&Value::Bool(false)));
    assert_eq!(map.get(b"c"), None);
    assert!(Map::default().is_empty());
}
