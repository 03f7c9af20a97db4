use dogi_hooks::CallbackHeaders;

#[test]
fn good_ones() {
    let headers: CallbackHeaders = r#"{"Authorization": "Bearer x", "x-b": "ü"}"#.parse().unwrap();
    assert_eq!(headers.as_map()["authorization"], "Bearer x");
    assert_eq!(headers.as_map().len(), 2);
    assert!(
        headers
            .as_map()
            .values()
            .all(http::HeaderValue::is_sensitive)
    );
    assert_eq!(
        "{}".parse::<CallbackHeaders>().unwrap(),
        CallbackHeaders::default()
    );
}

#[test]
fn bad_ones_are_all_named_without_their_values() {
    let cases = [
        (
            "",
            "wanted is a JSON object of strings, such as {\"X-Token\": \"…\"}",
        ),
        (
            "[\"sesame\"]",
            "wanted is a JSON object of strings, such as {\"X-Token\": \"…\"}",
        ),
        (
            "{\"a b\": \"sesame\", \"X-N\": 1, \"X-L\": \"sesame\\nx: y\"}",
            "`X-L`: its value holds what no header field may hold; \
             `X-N`: its value is not a string; \
             `a b`: is no name of a header field",
        ),
        (
            "{\"Host\": \"sesame\", \"webhook-id\": \"1\", \"Content-Length\": \"0\"}",
            "`Content-Length`: belongs to the connection and can't be set; \
             `Host`: belongs to the connection and can't be set; \
             `webhook-id`: belongs to the signature and can't be set",
        ),
    ];
    for (text, wanted) in cases {
        let error = text.parse::<CallbackHeaders>().unwrap_err();
        assert_eq!(error.to_string(), wanted);
        assert!(!format!("{error:?}").contains("sesame"));
    }
}
