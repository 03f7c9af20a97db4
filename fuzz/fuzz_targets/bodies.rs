//! Whatever a webhook's body is and says that it is: a request or an error that is short and
//! says nothing of the body; and what was understood can be asked for and is JSON.
//!
//! The first byte of the input says which content type, the second how many bytes of a path
//! follow; the rest is the body.

#![no_main]

use dogi_hooks::incoming::{Argument, PayloadShape, Received, Request, Source, parse_json};
use libfuzzer_sys::fuzz_target;

const CONTENT_TYPES: [&str; 4] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/xml",
    "multipart/form-data; boundary=x",
];

fn get(source: Source, request: &Request) -> Option<Vec<u8>> {
    let argument = Argument { source };
    argument.get(request).ok().map(|value| value.into_owned())
}

fuzz_target!(|data: &[u8]| {
    let [kind, len, rest @ ..] = data else {
        return;
    };
    let (path, body) = rest.split_at(rest.len().min(usize::from(*len)));
    let path = String::from_utf8_lossy(path).into_owned();
    let content_type = CONTENT_TYPES[usize::from(kind & 3)];
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static(content_type));
    let received = Received {
        method: http::Method::POST,
        headers,
        query: path.clone(),
        peer: ([192, 0, 2, 1], 80).into(),
        client: [192, 0, 2, 1].into(),
        body: body.to_vec().into(),
        at: 0,
    };
    // The sources that may be JSON in a text.
    let json = [
        Source::Payload(path.clone()),
        Source::Query(path.clone()),
        Source::Header(path.clone()),
    ];
    let json = match kind & 4 {
        0 => Vec::new(),
        _ => json.map(|source| Argument { source }).into(),
    };
    let shape = PayloadShape {
        content_type: None,
        json,
    };
    let request = match Request::read(received, &shape) {
        Ok(request) => request,
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.len() < 200 && !text.contains(char::is_control),
                "{text:?}"
            );
            return;
        }
    };
    assert_eq!(
        get(Source::RawBody, &request).as_deref(),
        Some(body),
        "the body that was signed"
    );
    for source in [
        Source::EntirePayload,
        Source::EntireQuery,
        Source::EntireHeaders,
    ] {
        let text = get(source, &request).expect("always there");
        serde_json::from_slice::<serde::de::IgnoredAny>(&text).expect("JSON");
        let again = parse_json(&text).expect("what was written can be read");
        assert_eq!(again.to_json(), text);
    }
    let found = request.payload().and_then(|it| it.at(path.as_bytes()));
    assert_eq!(
        get(Source::Payload(path), &request),
        found.map(|value| value.to_text().into_owned())
    );
});
