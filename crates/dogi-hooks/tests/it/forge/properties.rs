use dogi_hooks::forge::{Delivery, Forge, Line, Secrets, Verified, Word};
use dogi_hooks::incoming::Secret;
use dogi_hooks::{MessageId, Signer};
use proptest::prelude::*;
use ring::hmac;

use super::{FIXTURES, read, text};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn signed(forge: Forge, body: &[u8]) -> Vec<(&'static str, String)> {
    let sha256 = || {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"sesame");
        hex::encode(hmac::sign(&key, body))
    };
    let event = (forge.event_header(), "push".to_owned());
    match forge {
        Forge::GitHub => vec![
            event,
            ("x-hub-signature-256", format!("sha256={}", sha256())),
        ],
        Forge::Gitea => vec![event, ("x-gitea-signature", sha256())],
        Forge::Forgejo => vec![event, ("x-forgejo-signature", sha256())],
        Forge::GitLab => {
            let id = MessageId::derive(&["x"]);
            let signer: Signer = KEY.parse().unwrap();
            vec![
                event,
                ("webhook-id", id.to_string()),
                ("webhook-timestamp", "1000".to_owned()),
                ("webhook-signature", signer.sign(&id, 1000, body)),
            ]
        }
    }
}

fn verify(fields: &[(&'static str, Vec<u8>)], body: &[u8]) -> Option<Verified> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in fields {
        headers.insert(*name, http::HeaderValue::from_bytes(value).ok()?);
    }
    let secrets = Secrets::none()
        .github([Secret::new("sesame")])
        .gitea([Secret::new("sesame")])
        .gitlab_keys([KEY.parse().unwrap()]);
    let delivery = Delivery {
        headers: &headers,
        query: "",
        body: body.to_vec().into(),
    };
    delivery.verify(&secrets, 1000).ok()
}

/// Each bit of each header that proves something, and of a body.
#[test]
fn a_flipped_bit_is_not_authentic() {
    let body = br#"{"ref": "refs/heads/main"}"#;
    for forge in Forge::ALL {
        let fields: Vec<_> = signed(forge, body)
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        assert!(verify(&fields, body).is_some(), "{forge}");
        for bit in 0..body.len() * 8 {
            let mut body = body.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&fields, &body).is_none(), "{forge} {bit}");
        }
        for field in 1..fields.len() {
            for bit in 0..fields[field].1.len() * 8 {
                let mut fields = fields.clone();
                fields[field].1[bit / 8] ^= 1 << (bit % 8);
                let taken = verify(&fields, body).is_some();
                assert!(!taken, "{forge} {} {bit}", fields[field].0);
            }
        }
    }
}

/// Of the long ones, some hundreds each.
#[test]
fn every_prefix_of_a_payload_is_an_error() {
    for (name, forge, kind) in FIXTURES {
        let whole = super::fixture(name).to_string();
        assert!(read(forge, kind, &whole).is_ok());
        let ends = (0..whole.len()).step_by(1 + whole.len() / 300);
        for end in ends.filter(|end| whole.is_char_boundary(*end)) {
            assert!(read(forge, kind, &whole[..end]).is_err(), "{name} {end}");
        }
    }
}

fn kinds() -> impl Strategy<Value = (Forge, String)> {
    let named = prop::sample::select(FIXTURES.map(|it| (it.1, it.2.to_owned())).to_vec());
    let any = (
        prop::sample::select(Forge::ALL.to_vec()),
        "[A-Za-z_ ]{1,20}",
    );
    prop_oneof![4 => named, 1 => any]
}

proptest! {
    #[test]
    fn whatever_body((forge, kind) in kinds(), body: Vec<u8>) {
        let Ok(kind) = Word::new(&kind) else { return Ok(()) };
        let verified = Verified::danger_unverified(Some((forge, kind)), None, body.into());
        let _ = verified.event().map_err(|error| error.to_string());
    }

    /// One byte of a real payload is another: nothing that comes out is fit for harm.
    #[test]
    fn a_changed_payload(at in 0..100_000_usize, byte: u8, which in 0..FIXTURES.len()) {
        let (name, forge, kind) = FIXTURES[which];
        let mut body = text(name).into_bytes();
        let length = body.len();
        body[at % length] = byte;
        let origin = Some((forge, Word::new(kind).unwrap()));
        if let Ok(event) = Verified::danger_unverified(origin, None, body.into()).event() {
            for line in [&event.subject, &event.sender].into_iter().flatten() {
                prop_assert!(!line.as_str().contains(char::is_control));
            }
            if let Some(reference) = &event.reference {
                prop_assert!(!reference.name().as_str().starts_with('-'));
            }
        }
    }

    #[test]
    fn lines(text in "\\PC*|[\\x00-\\x7f]*|.{150,250}") {
        let line = Line::first_of(&text);
        prop_assert!(!line.as_str().contains(char::is_control));
        prop_assert!(line.as_str().chars().count() <= 200);
        prop_assert_eq!(Line::first_of(line.as_str()), line);
    }

    #[test]
    fn whatever_headers(
        fields in prop::collection::vec((prop::sample::select(vec![
            "x-github-event", "x-gitea-event", "x-forgejo-event", "x-gitlab-event",
            "x-hub-signature", "x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature",
            "x-gitlab-token", "webhook-id", "webhook-timestamp", "webhook-signature",
        ]), "[ -~é]{0,80}|sha256=[0-9a-f]{64}|push"), 0..6),
        query in "(token=|&|[a-z%=;+]){0,5}",
    ) {
        let mut headers = http::HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let secrets = Secrets::none()
            .github([Secret::new("a long secret")])
            .gitea([Secret::new("a long secret")])
            .gitlab_tokens([Secret::new("a long secret of more than eighty bytes".repeat(3))])
            .gitlab_keys([KEY.parse().unwrap()])
            .query_tokens([Secret::new("a long secret")]);
        let delivery = Delivery { headers: &headers, query: &query, body: "{}".into() };
        let error = delivery.verify(&secrets, 1000).map(|it| it.proof()).unwrap_err();
        prop_assert!(!error.to_string().contains('\n'));
    }
}
