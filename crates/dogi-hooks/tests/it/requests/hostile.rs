//! Bodies that try to take the server down. Each is answered in time and memory in proportion to
//! its size, on a thread of an ordinary size: a test that overflows its stack or never ends has
//! failed.

use super::{FORM, JSON, XML, get, p, payload, read, received};
use dogi_hooks::incoming::{Argument, PayloadShape, Request, Source, parse_json};

const MILLION: usize = 1_000_000;

#[test]
fn deep_bodies() {
    let json = "413: the body has too many levels of lists and objects: at most 512 are read";
    let xml = "413: the body has too many levels of elements: at most 512 are read";
    assert_eq!(payload(JSON, "[".repeat(MILLION)), json);
    assert_eq!(payload(JSON, "{\"a\":".repeat(MILLION)), json);
    assert_eq!(payload(JSON, "[".repeat(513) + &"]".repeat(513)), json);
    assert_eq!(payload(XML, "<a>".repeat(MILLION)), xml);
    assert_eq!(payload(XML, "<a>".repeat(513)), xml);
}

#[test]
fn as_deep_as_allowed() {
    // Deep values are cloned, compared, printed, rendered and dropped on two megabytes of stack.
    let list = read(JSON, "[".repeat(512) + &"]".repeat(512)).unwrap();
    assert_eq!(
        get(&list, Source::EntirePayload),
        format!("{{\"root\":{}{}}}", "[".repeat(512), "]".repeat(512))
    );
    let map = read(JSON, "{\"a\":".repeat(512) + "7" + &"}".repeat(512)).unwrap();
    let deepest = vec!["a"; 512].join(".");
    assert_eq!(get(&map, p(&deepest)), "7");
    let xml = read(XML, "<a>".repeat(512) + "7" + &"</a>".repeat(512)).unwrap();
    assert_eq!(get(&xml, p(&deepest)), "7");
    for request in [list, map, xml] {
        assert_eq!(request.payload().cloned().as_ref(), request.payload());
        assert!(format!("{request:?}").len() > 512);
    }
}

#[test]
fn depth_in_a_text_counts_by_itself() {
    let inner = "{\"a\":".repeat(512) + "1" + &"}".repeat(512);
    let too_deep = "{\"a\":".repeat(MILLION);
    for (text, path, found) in [(inner, "p.a", true), (too_deep, "p.a", false)] {
        let shape = PayloadShape {
            json: vec![Argument { source: p("p") }],
            ..PayloadShape::default()
        };
        let request = Request::read(received(FORM, format!("p={text}")), &shape).unwrap();
        assert_eq!(get(&request, p(path)) != "-", found);
    }
}

#[test]
fn wide_bodies() {
    let values = "413: the body has too many values: at most 1000000 are read";
    let elements = "413: the body has too many elements: at most 1000000 are read";
    let list = |item: &str| format!("[{item}{}]", format!(",{item}").repeat(MILLION));
    for item in ["[]", "{\"\":0}"] {
        assert_eq!(payload(JSON, list(item)), values, "{item}");
    }
    assert_eq!(
        payload(XML, format!("<a>{}</a>", "<b/>".repeat(MILLION))),
        elements
    );
    assert_eq!(
        payload(XML, format!("<a{}/>", " b=''".repeat(MILLION))),
        elements
    );
    let text = "x".repeat(5 << 20);
    let request = read(JSON, format!("{{\"a\":\"{text}\"}}")).unwrap();
    assert_eq!(get(&request, p("a")).len(), text.len());
    let request = read(XML, format!("<a>{text}</a>")).unwrap();
    assert_eq!(get(&request, p("a")).len(), text.len());
}

/// One budget for all that a request has of JSON and XML, wherever it stands.
#[test]
fn wide_bodies_in_pieces() {
    let object = |values: usize| format!("{{\"k\":[0{}]}}", ",0".repeat(values - 3));
    let half = object(MILLION / 2);
    let part = |headers: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n")
    };
    let file = |name: &str, content: &str| {
        let headers = format!("name={name}; filename=f\r\nContent-Type: application/json");
        part(&headers, content)
    };
    let multipart = "multipart/form-data; boundary=x";
    let in_json = format!("{{\"b\":\"{}\",\"c\":{half}}}", half.replace('"', "\\\""));
    let in_xml = format!("<a><b>{half}</b>{}</a>", "<c/>".repeat(MILLION / 2));
    let values = "the body has too many values: at most 1000000 are read";
    for (content_type, body, json, wanted) in [
        (multipart, file("a", &half) + &file("b", &half), "", None),
        (
            multipart,
            file("a", &half) + &file("b", &half) + &file("c", "{}"),
            "",
            Some(values),
        ),
        (
            multipart,
            file("a", &half) + &part("name=b", &object(MILLION / 2 + 1)),
            "b",
            Some(values),
        ),
        (
            multipart,
            file("a", &half) + &part("name=b", &half),
            "b",
            None,
        ),
        (FORM, format!("a={half}&b={half}&c={{}}"), "a b", None),
        (
            FORM,
            format!("a={half}&b={half}&c={{}}"),
            "a b c",
            Some(values),
        ),
        (JSON, in_json.clone(), "", None),
        (JSON, in_json, "b", Some(values)),
        (XML, in_xml, "a.b", Some(values)),
    ] {
        let shape = PayloadShape {
            json: json
                .split(' ')
                .map(|path| Argument { source: p(path) })
                .collect(),
            ..PayloadShape::default()
        };
        let body = body
            + if content_type == multipart {
                "--x--"
            } else {
                ""
            };
        let read = Request::read(received(content_type, &body), &shape);
        let error = read.err().map(|error| {
            assert!(error.is_too_much());
            error.to_string()
        });
        assert_eq!(error.as_deref(), wanted, "{:.40} {json}", body);
    }
}

#[test]
fn many_keys_take_no_square() {
    let keys: String = (0..60_000).map(|n| format!("\"{n}\":0,")).collect();
    let request = read(JSON, format!("{{{keys}\"x\":1}}")).unwrap();
    assert_eq!(get(&request, p("59999")), "0");
    let elements: String = (0..40_000).map(|n| format!("<e{n}/>")).collect();
    let request = read(XML, format!("<a>{elements}</a>")).unwrap();
    assert_eq!(get(&request, p("a.e39999")), "");
}

#[test]
fn long_paths_and_references() {
    let path = "a.".repeat(MILLION);
    assert_eq!(
        get(&read(JSON, "{\"a\":{\"a\":1}}").unwrap(), p(&path)),
        "-"
    );
    let references = "&amp;".repeat(MILLION / 10);
    let request = read(XML, format!("<a b=\"{references}\">{references}</a>")).unwrap();
    assert_eq!(get(&request, p("a.-b")).len(), MILLION / 10);
    assert_eq!(get(&request, p("a.#text")).len(), MILLION / 10);
}

#[test]
fn boundaries_that_nearly_match() {
    let near = "\r\n--xxxx".repeat(100_000);
    let body = format!("--xxx\r\nContent-Disposition: form-data; name=a\r\n\r\n{near}\r\n--xxx--");
    let request = read("multipart/form-data; boundary=xxx", body).unwrap();
    assert_eq!(get(&request, p("a")), near);
    let preamble = "\n--xx".repeat(100_000);
    let error = payload("multipart/form-data; boundary=xxx", preamble);
    assert!(error.starts_with("400"), "{error}");
}

#[test]
fn errors_are_short_and_quote_nothing() {
    let secret = "sesame".repeat(1000);
    for (content_type, body) in [
        (JSON, format!("{{\"{secret}\": {secret}")),
        (FORM, format!("{secret}=%zz{secret}")),
        (XML, format!("<{secret}>&{secret};</{secret}>")),
        (XML, format!("<{secret}></a{secret}>")),
        (XML, format!("<a {secret}/>")),
        (
            "multipart/form-data; boundary=x",
            format!("--x\r\n{secret}\r\n\r\n--x--"),
        ),
    ] {
        let error = read(content_type, body).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.len() < 250 && !text.contains("sesame"), "{text}");
    }
    assert!(parse_json(b"").is_err());
}
