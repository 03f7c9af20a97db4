//! POST: parameters in the body, and whose body it is.

use dogi_url::{
    Action, Body, BodyError, Expiry, RawTarget, RequestError, RunRequest, Scheme, Unverified,
};
use ring::digest;

use crate::support::{REPO, in_time, keys, post, query};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn json_and_forms_say_the_same() {
    let wanted = query("action=run&env_A=1&attach=true&cpus=0.5&output=log,status&cmd=a+b");
    let wanted = wanted.expect("a request");
    let bodies = [
        (
            JSON,
            r#"{"action":"run","env_A":"1","attach":true,"cpus":0.5,"output":"log,status","cmd":"a b"}"#,
        ),
        (
            JSON,
            r#"{"action":"run","env_A":1,"attach":1,"cpus":"0.5","output":["log","status"],"cmd":["a","b"]}"#,
        ),
        (
            FORM,
            "action=run&env_A=1&attach=true&cpus=0.5&output=log,status&cmd=a+b",
        ),
        (
            FORM,
            "action=run&env_A=%31&attach=1&cpus=0.5&output=log%2Cstatus&cmd=a%20b",
        ),
    ];
    for (kind, body) in bodies {
        assert_eq!(
            post("", kind, body.as_bytes()).as_ref(),
            Ok(&wanted),
            "{body}"
        );
    }
    for kind in [
        "Application/JSON",
        "application/json; charset=utf-8",
        " application/json ;x",
    ] {
        assert_eq!(
            post("", kind, bodies[0].1.as_bytes()).as_ref(),
            Ok(&wanted),
            "{kind}"
        );
    }
}

#[test]
fn the_query_wins() {
    let request = post(
        "action=peek&env_A=query",
        JSON,
        br#"{"action":"run","env_A":"body","env_B":"body"}"#,
    );
    let request = request.expect("a request");
    assert_eq!(request.action, Action::Peek);
    assert_eq!((&*request.env["A"], &*request.env["B"]), ("query", "body"));
    // but both may not say what to run
    assert!(matches!(
        post("cmd=a", JSON, br#"{"bashc":"b"}"#),
        Err(RequestError::Conflict { .. })
    ));
}

#[test]
fn lists_keep_spaces() {
    let request =
        post("", JSON, br#"{"cmd":["python","-c","print(1, 2)",""]}"#).expect("a request");
    assert_eq!(
        request.command.expect("a command").argv(),
        ["python", "-c", "print(1, 2)", ""]
    );
    let request = post("", JSON, br#"{"pipeline":["*"]}"#).expect("a request");
    assert_eq!(request.pipeline, Some(dogi_url::Pipeline::All));
}

#[test]
fn empty_bodies_are_none() {
    for kind in [JSON, FORM, "text/plain"] {
        assert_eq!(post("action=run", kind, b""), query("action=run"));
    }
    assert_eq!(post("", JSON, b"{}"), query(""));
}

#[test]
fn bad_bodies() {
    let kind = |parameter: &str, found, allowed| {
        let parameter = parameter.to_owned();
        RequestError::Body(BodyError::Kind {
            parameter,
            found,
            allowed,
        })
    };
    let scalar = "a string, a number, true or false";
    let list = "a string or a list of strings";
    let cases = [
        (r#"{"id":null}"#, kind("id", "null", scalar)),
        (r#"{"id":{}}"#, kind("id", "an object", scalar)),
        (r#"{"env":{"A":"1"}}"#, kind("env", "an object", scalar)),
        (r#"{"id":["a"]}"#, kind("id", "a list", scalar)),
        (
            r#"{"output":[1]}"#,
            kind("output", "a list of other things than strings", list),
        ),
        (r#"{"cmd":{"a":1}}"#, kind("cmd", "an object", list)),
        (
            r#"{"sig":"x"}"#,
            RequestError::NotInBody { parameter: "sig" },
        ),
        (r#"{"exp":1}"#, RequestError::NotInBody { parameter: "exp" }),
        (
            r#"{"body_sha256":"x"}"#,
            RequestError::NotInBody {
                parameter: "body_sha256",
            },
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(post("", JSON, body.as_bytes()), Err(wanted), "{body}");
    }
    for body in [
        "",
        " ",
        "[]",
        "1",
        "\"x\"",
        "null",
        "{",
        "{}x",
        "{\"a\":1,}",
        "{\"id\":\"\\ud800\"}",
    ]
    .into_iter()
    .skip(1)
    {
        let error = post("", JSON, body.as_bytes()).expect_err(body);
        assert!(
            matches!(error, RequestError::Body(BodyError::Json { .. })),
            "{body}: {error}"
        );
    }
    assert!(matches!(
        post("", JSON, b"{\"id\":\"\xff\"}"),
        Err(RequestError::Body(BodyError::Json { .. }))
    ));
    assert!(matches!(
        post("", FORM, b"id=\xff"),
        Err(RequestError::Body(BodyError::NotUtf8 { at: 3 }))
    ));
    assert!(matches!(
        post("", FORM, b"id=%ff"),
        Err(RequestError::Escape { .. })
    ));
    assert!(matches!(
        post("", FORM, b"a=1"),
        Err(RequestError::Unknown { .. })
    ));
    assert!(matches!(
        post("", FORM, b"id=1&id=1"),
        Err(RequestError::Repeated { .. })
    ));
    assert!(matches!(
        post("", JSON, br#"{"id":"1","id":"1"}"#),
        Err(RequestError::Repeated { .. })
    ));
    assert!(matches!(
        post("", JSON, br#"{"actoin":"run"}"#),
        Err(RequestError::Unknown { .. })
    ));
    // an empty list, a name that does not fit
    for body in [
        r#"{"output":[]}"#,
        r#"{"cmd":[]}"#,
        r#"{"pipeline":[]}"#,
        r#"{"output":["log,status"]}"#,
    ] {
        assert!(
            matches!(
                post("", JSON, body.as_bytes()),
                Err(RequestError::BadValue { .. })
            ),
            "{body}"
        );
    }
    for kind in [
        "text/plain",
        "",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ] {
        let error = post("", kind, b"{}").expect_err(kind);
        assert!(
            matches!(error, RequestError::Body(BodyError::ContentType { .. })),
            "{error}"
        );
    }
}

#[test]
fn large_bodies() {
    let large = vec![b'x'; Body::MAX_BYTES + 1];
    let error = post("", JSON, &large).expect_err("too long");
    assert!(
        matches!(error, RequestError::Body(BodyError::TooLong { .. })),
        "{error}"
    );
    // as much as may be sent, in shapes that could take long
    let fill = |start: &str, filler: &str, end: &str| {
        let room = Body::MAX_BYTES - start.len() - end.len();
        format!("{start}{}{end}", filler.repeat(room / filler.len()))
    };
    let bodies = [
        (JSON, fill("", "[", "")),
        (JSON, fill("{\"a\":", "[", "")),
        (JSON, fill("{\"pipeline\":[", "\"a\",", "\"a\"]}")),
        (JSON, fill("{\"output\":[", "\"log\",", "\"log\"]}")),
        (JSON, fill("{\"pipeline\":\"", "a,", "b\"}")),
        (JSON, fill("{\"id\":\"", "x", "\"}")),
        (JSON, fill("{\"env_A\":\"", "x", "\"}")),
        (JSON, fill("{\"bashc\":\"", "x", "\"}")),
        (JSON, fill("\"", "x", "\"")),
        (JSON, fill("{\"", "x", "\":1}")),
        (JSON, fill("{", "\"id\":1,", "\"id\":1}")),
        (FORM, fill("env_", "x", "=1")),
        (FORM, fill("", "id=1&", "")),
        (FORM, (0..50_000).map(|i| format!("env_A{i}=1&")).collect()),
    ];
    for (kind, body) in bodies {
        let error = in_time(|| post("", kind, body.as_bytes())).expect_err("too much");
        assert!(
            error.to_string().len() < 1500,
            "{}",
            error.to_string().len()
        );
    }
}

fn signed_post(url: &str, scheme: Scheme, body: &[u8]) -> Result<RunRequest, RequestError> {
    let signed = keys()
        .sign(url, Expiry::Never, scheme)
        .expect("it can be signed");
    let raw = RawTarget::split(&signed).expect("a request target");
    let verified = Unverified::new(raw)
        .verify(&keys(), 0)
        .expect("a good signature");
    RunRequest::parse(
        &verified,
        Some(Body {
            content_type: Some(JSON),
            bytes: body,
        }),
    )
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

#[test]
fn a_signed_url_announces_its_body() {
    let body = br#"{"action":"run"}"#;
    for scheme in [Scheme::Hmac, Scheme::Legacy] {
        let announced = format!("{REPO}?body_sha256={}", sha256(body));
        assert!(signed_post(&announced, scheme, body).is_ok());
        let upper = format!("{REPO}?body_sha256={}", sha256(body).to_uppercase());
        assert!(signed_post(&upper, scheme, body).is_ok());
        // not announced
        let error = signed_post(REPO, scheme, body).expect_err("not announced");
        assert_eq!(error, RequestError::Body(BodyError::NotSigned));
        assert_eq!(error.parameter(), Some("body_sha256"));
        // another body, and none
        for other in [&br#"{"action":"abort"}"#[..], b"{\"action\":\"run\"} ", b""] {
            let error = signed_post(&announced, scheme, other).expect_err("another body");
            assert!(
                matches!(error, RequestError::Body(BodyError::Digest { .. })),
                "{error}"
            );
        }
        // none announced, none sent
        assert!(signed_post(REPO, scheme, b"").is_ok());
        let empty = format!("{REPO}?body_sha256={}", sha256(b""));
        assert!(signed_post(&empty, scheme, b"").is_ok());
    }
}

#[test]
fn an_announced_body_is_compared_without_a_signature_too() {
    let good = format!("body_sha256={}", sha256(b"{}"));
    assert!(post(&good, JSON, b"{}").is_ok());
    assert!(matches!(
        post(&good, JSON, b"{ }"),
        Err(RequestError::Body(BodyError::Digest { .. }))
    ));
    assert!(matches!(
        query(&good),
        Err(RequestError::Body(BodyError::Digest { .. }))
    ));
    for bad in ["", "x", "00", &"0".repeat(63), &"g".repeat(64)] {
        let target = format!("{REPO}?body_sha256={bad}");
        let raw = RawTarget::split(&target).expect("a request target");
        let error = Unverified::new(raw)
            .danger_accept_unsigned()
            .expect_err(bad);
        assert!(error.is_bad_input(), "{error}");
    }
}
