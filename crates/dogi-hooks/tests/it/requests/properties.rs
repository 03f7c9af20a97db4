use super::{FORM, JSON, XML, get, get_bytes, p, read, received};
use dogi_hooks::incoming::{Argument, PayloadShape, Request, Source, parse_json};
use proptest::prelude::*;
use serde_json::json;

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".*".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|list| json!(list)),
            prop::collection::btree_map(".*", inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// JSON as people do not write it: keys that stand twice, that are escaped or have dots, and texts
/// that look like what is around them.
fn odd_json() -> impl Strategy<Value = String> {
    let leaves = [
        "1",
        "-0.5e3",
        "null",
        "true",
        r#""""#,
        r#""a longer text, with a word of \"quotes\"""#,
        r#""\\]},""#,
        r#""{\u0061:[é\ud800""#,
    ];
    let keys = ["a", "b", "a.b", "b.0", "", "0", r"\u0061", "é", "root"];
    let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let space = || prop::sample::select(vec!["", " ", "\n\t"]);
        let member = (prop::sample::select(keys.to_vec()), space(), inner.clone());
        let member = member.prop_map(|(key, space, value)| {
            format!("{space}\"{key}\"{space}:{space}{value}{space}")
        });
        let item = (space(), inner).prop_map(|(space, value)| format!("{space}{value}{space}"));
        prop_oneof![
            2 => prop::collection::vec(member, 0..5).prop_map(|all| format!("{{{}}}", all.join(","))),
            1 => prop::collection::vec(item, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
        ]
    })
}

/// Text of markup, so that parsers get further than the first byte.
fn markup() -> impl Strategy<Value = Vec<u8>> {
    let tokens = [
        "<a>",
        "</a>",
        "<b x='1'>",
        "<n:b y=\"&lt;\"/>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "&amp;",
        "&#65;",
        "<?p",
        "?>",
        "<!DOCTYPE a>",
        "{",
        "}",
        "[",
        "]",
        "\"a\"",
        ":",
        ",",
        "1",
        "-",
        "e",
        ".",
        "\\u",
        "d800",
        "null",
        "--xxx",
        "--xxx--",
        "\r\n",
        "\n",
        "Content-Disposition: form-data; name=a",
        "; filename=b",
        "Content-Type: application/json",
        "a=1",
        "&",
        "%",
        ";",
        "+",
        " ",
        "\u{0}",
        "é",
    ];
    let token = prop::sample::select(tokens.to_vec()).prop_map(|token| token.as_bytes().to_vec());
    let noise = any::<u8>().prop_map(|byte| vec![byte]);
    prop::collection::vec(prop_oneof![9 => token, 1 => noise], 0..60).prop_map(|all| all.concat())
}

fn content_types() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        JSON,
        FORM,
        XML,
        "multipart/form-data; boundary=xxx",
        "text/plain",
    ])
}

proptest! {
    /// Whatever comes: an answer, and what is understood can be asked for.
    #[test]
    fn nothing_panics(
        content_type in content_types(),
        body in prop_oneof![markup(), prop::collection::vec(any::<u8>(), 0..200)],
        query in "[ -~]{0,30}",
        path in "[a0.#-]{0,9}",
    ) {
        let mut received = received(content_type, &body);
        received.query = query;
        let shape = PayloadShape {
            content_type: None,
            json: [p("a"), p(&path), Source::Query("a".to_owned())].map(|source| Argument { source }).into(),
        };
        if let Ok(request) = Request::read(received, &shape) {
            let _ = get_bytes(&request, p(&path));
            for source in [Source::EntirePayload, Source::EntireQuery, Source::EntireHeaders] {
                let text = get(&request, source);
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
        }
    }

    #[test]
    fn json_means_what_it_says(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let ours = parse_json(text.as_bytes()).unwrap().to_json();
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&ours).unwrap(), theirs);
        // What was written is read as the same again.
        prop_assert_eq!(parse_json(&ours).unwrap().to_json(), ours);
    }

    /// What is taken for JSON is JSON, and the other way round.
    #[test]
    fn json_is_judged_as_elsewhere(text in r#"[\[{][\[\]{}",:0-9eE.+\\nu -]{0,14}"#) {
        let mut theirs = serde_json::Deserializer::from_str(&text).into_iter::<&serde_json::value::RawValue>();
        let theirs = matches!(theirs.next(), Some(Ok(_)));
        prop_assert_eq!(parse_json(text.as_bytes()).is_ok(), theirs);
    }

    /// The validating pass and the building pass agree: a body that was accepted has its payload.
    #[test]
    fn what_was_checked_is_there(body in markup()) {
        let body = [b"{\"a\":".as_slice(), &body].concat();
        if let Ok(request) = read(JSON, &body) {
            prop_assert!(request.payload().is_some());
        }
    }

    /// A single value is the same whether the others are built or passed over.
    #[test]
    fn one_value_is_found_as_among_all(
        text in odd_json(),
        behind in prop::sample::select(vec!["", " ", "]", r#","a":2}"#, r#" {"a":1}"#]),
        path in r"([ab01é]|root|a\.b|)(\.([ab01é]|b\.0|)){0,3}",
    ) {
        if let Ok(request) = read(JSON, format!("{text}{behind}")) {
            let alone = get_bytes(&request, p(&path)).ok();
            let payload = request.payload();
            let among_all = payload.and_then(|payload| payload.at(path.as_bytes()));
            let among_all = among_all.map(|value| value.to_text().into_owned());
            prop_assert_eq!(&alone, &among_all);
            prop_assert_eq!(get_bytes(&request, p(&path)).ok(), among_all);
        }
    }

    #[test]
    fn forms_are_read_as_they_were_written(pairs in prop::collection::vec((".*", ".*"), 0..8)) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let request = read(FORM, body).unwrap();
        let payload = request.payload().unwrap();
        for (key, _) in &pairs {
            let first = pairs.iter().find(|(other, _)| other == key).unwrap();
            prop_assert_eq!(payload.at(key.as_bytes()).unwrap().to_text(), first.1.as_bytes());
        }
    }

    #[test]
    fn multipart_forms_are_read_as_they_were_written(
        parts in prop::collection::vec(("[a-d]", prop::collection::vec(any::<u8>(), 0..40)), 1..6),
        newline in prop::sample::select(vec!["\r\n", "\n"]),
    ) {
        let mut body = Vec::new();
        for (name, content) in &parts {
            let head = format!("--bound{newline}Content-Disposition: form-data; name=\"{name}\"{newline}{newline}");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(newline.as_bytes());
        }
        body.extend_from_slice(b"--bound--");
        let request = read("multipart/form-data; boundary=bound", &body).unwrap();
        for (name, _) in &parts {
            let first = parts.iter().find(|(other, _)| other == name).unwrap();
            prop_assert_eq!(get_bytes(&request, p(name)).unwrap(), first.1.clone());
        }
        prop_assert_eq!(get_bytes(&request, Source::RawBody).unwrap(), body);
    }

    #[test]
    fn texts_in_xml_are_read_as_they_were_written(text in "[ -~é\u{2028}]{0,30}", value in "[ -~\n]{0,20}") {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let request = read(XML, format!("<a v=\"{}\">{}</a>", escape(&value), escape(&text))).unwrap();
        prop_assert_eq!(get(&request, p("a.-v")), value);
        let trimmed = text.trim_matches([' ', '\n']);
        let wanted = if trimmed.is_empty() { "-" } else { trimmed };
        prop_assert_eq!(get(&request, p("a.#text")), wanted);
    }
}
