use dogi_hooks::{Attempt, Callback, CallbackHeaders, Exchange, FailureKind, MessageId};

#[test]
fn ids_are_derived_from_all_parts_in_their_order() {
    let id = |parts: &[&str]| MessageId::derive(parts);
    assert_eq!(id(&["a", "b"]), id(&["a", "b"]));
    let others: [&[&str]; 5] = [&["b", "a"], &["ab"], &["a", "b", ""], &["", "ab"], &["a b"]];
    for other in others {
        assert_ne!(id(&["a", "b"]), id(other), "{other:?}");
    }
    let text = id(&["x"]).to_string();
    assert_eq!(text.parse::<MessageId>().unwrap(), id(&["x"]));
    assert_eq!(text.len(), "msg_".len() + 32);
}

#[test]
fn ids_are_safe_in_headers_and_signatures() {
    for bad in ["", "a.b", "a b", "a\r\nx: y", "ä", &"x".repeat(129)] {
        let error = bad.parse::<MessageId>().unwrap_err().to_string();
        assert!(error.contains("wanted are 1 to 128 letters"), "{error}");
    }
}

#[test]
fn urls_to_which_nothing_is_posted() {
    let cases = [
        (
            "app.example/done",
            "`app.example/done` is no URL, such as https://app.example/done",
        ),
        (
            "http://",
            "`http://` is no URL, such as https://app.example/done",
        ),
        (
            "file:///etc/passwd",
            "`file:///etc/passwd` is of file: callbacks go to http and https",
        ),
        (
            "ftp://x/",
            "`ftp://x/` is of ftp: callbacks go to http and https",
        ),
        (
            "javascript:x",
            "`javascript:x` is of javascript: callbacks go to http and https",
        ),
    ];
    for (url, wanted) in cases {
        let error = Callback::new(url, MessageId::derive(&[]), "{}").unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn what_was_sent_and_what_came_back() {
    let url = "https://user:secret@app.example/done?token=1";
    let headers: CallbackHeaders = r#"{"X-Token": "secret"}"#.parse().unwrap();
    let body = r#"{"id": "nightly", "n": 1.10}"#;
    let callback = Callback::new(url, MessageId::derive(&[]), body)
        .unwrap()
        .with_headers(headers);
    let exchange = Exchange::new(&callback, &Attempt::answered(204));
    let request = r#"{"url":"https://user:***@app.example/done?token=1","method":"POST","data":{"id":"nightly","n":1.10}}"#;
    let text = serde_json::to_string(&exchange).unwrap();
    assert_eq!(
        text,
        format!(r#"{{"request":{request},"response":{{"status":204,"data":""}}}}"#)
    );

    let exchange = Exchange::new(&callback, &Attempt::failed(FailureKind::Connect, "refused"));
    let text = serde_json::to_string(&exchange).unwrap();
    assert_eq!(
        text,
        format!(r#"{{"request":{request},"error":"refused"}}"#)
    );
    assert!(!format!("{:?}", callback.headers()).contains("secret"));
}
