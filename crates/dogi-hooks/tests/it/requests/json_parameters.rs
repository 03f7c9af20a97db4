use super::{FORM, JSON, get, p, received};
use dogi_hooks::incoming::{Argument, PayloadShape, Received, Request, Source};

fn read(received: Received, json: &[Source]) -> Request {
    let argument = |source: &Source| Argument {
        source: source.clone(),
    };
    let json = json.iter().map(argument).collect();
    let shape = PayloadShape {
        json,
        ..PayloadShape::default()
    };
    Request::read(received, &shape).unwrap()
}

#[test]
fn objects_in_fields_of_a_form() {
    let table = [
        (r#"payload={"a":{"b":1}} x"#, "payload.a.b", "1"),
        (r#"payload={"a":[1.50]}"#, "payload", r#"{"a":[1.50]}"#),
        ("payload={bad", "payload", "{bad"),
        ("payload=[1]", "payload", "[1]"),
        ("payload=7", "payload", "7"),
        ("payload=", "payload", ""),
        ("other={}", "payload", "-"),
    ];
    for (body, path, wanted) in table {
        let request = read(received(FORM, body), &[p("payload")]);
        assert_eq!(get(&request, p(path)), wanted, "{body}");
    }
}

#[test]
fn objects_in_headers_and_queries() {
    let mut with = received("", "");
    with.headers.insert(
        "x-data",
        r#"{"a":{"b":1},"C-Up":2,"c-low":3}"#.parse().unwrap(),
    );
    with.query = r#"q=%7B"a.b":"dot"%7D&r=%7B%7D"#.to_owned();
    let header = |name: &str| Source::Header(name.to_owned());
    let query = |name: &str| Source::Query(name.to_owned());
    let request = read(
        with,
        &[header("X-DATA"), query("q"), query("none"), header("none")],
    );
    for (source, wanted) in [
        (header("x-data.a.b"), "1"),
        (header("x-data.a"), r#"{"b":1}"#),
        // The path is part of a header's name, and written as one.
        (header("x-data.C-Up"), "-"),
        (header("x-data.c-Low"), "-"),
        (query("q.a.b"), "dot"),
        (query("r"), "{}"),
        (query("r.a"), "-"),
    ] {
        assert_eq!(get(&request, source.clone()), wanted, "{source}");
    }
    assert_eq!(
        get(&request, Source::EntireQuery),
        r#"{"q":{"a.b":"dot"},"r":"{}"}"#
    );
}

/// Dots reach into what was read as JSON, and only where no name has them.
#[test]
fn names_with_dots() {
    let mut with = received("", "");
    with.query = r#"q=%7B"a":1,"b":2%7D&q.a=whole&text=%7B"a":1%7D"#.to_owned();
    let query = |name: &str| Source::Query(name.to_owned());
    let request = read(with, &[query("q")]);
    for (name, wanted) in [("q.a", "whole"), ("q.b", "2"), ("text.a", "-")] {
        assert_eq!(get(&request, query(name)), wanted, "{name}");
    }
}

#[test]
fn deeper_in_a_payload() {
    let body = r#"{"a":{"b":["{\"c\":\"{\\\"d\\\":1}\"}"]},"x.y":"{\"z\":2}","n":5}"#;
    let json = [
        p("a.b.0"),
        p("a.b.0.c"),
        p("x.y"),
        p("n"),
        p("a.b.7"),
        p("n.x"),
    ];
    let request = read(received(JSON, body), &json);
    for (path, wanted) in [("a.b.0.c.d", "1"), ("x.y", r#"{"z":2}"#), ("n", "5")] {
        assert_eq!(get(&request, p(path)), wanted, "{path}");
    }
}

#[test]
fn other_sources_and_requests_without_a_payload() {
    let json = [
        Source::RawBody,
        Source::Method,
        Source::EntirePayload,
        Source::Literal("{}".to_owned()),
        p("a"),
    ];
    let request = read(received("text/plain", "{}"), &json);
    assert_eq!(get(&request, Source::RawBody), "{}");
    assert!(request.payload().is_none());
}
