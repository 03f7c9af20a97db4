use dogi_hooks::{MessageId, Signer, SigningKey, SigningKeyError};

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: u64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

/// Reckoned with Python's `hmac` and `base64`; the first is also the specification's.
const VECTORS: [(&str, &str); 2] = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "v1,/485aUtxlie+TIScVpHggMfqOB4so2KWb7+Gf727B44=",
    ),
];

fn id() -> MessageId {
    ID.parse().unwrap()
}

#[test]
fn signatures() {
    for (key, wanted) in VECTORS {
        let signer: Signer = key.parse().unwrap();
        assert_eq!(signer.sign(&id(), TIME, BODY), wanted);
    }
}

#[test]
fn every_key_signs_while_keys_change() {
    let [(first, one), (second, other)] = VECTORS;
    let signer = Signer::new(first.parse().unwrap()).and(second.parse().unwrap());
    assert_eq!(signer.sign(&id(), TIME, BODY), format!("{one} {other}"));
    assert!(!format!("{signer:?}").contains("MfKQ"));
}

#[test]
fn each_part_counts() {
    let signer: Signer = VECTORS[0].0.parse().unwrap();
    let all = [
        signer.sign(&id(), TIME, BODY),
        signer.sign(&id(), TIME + 1, BODY),
        signer.sign(&"other".parse().unwrap(), TIME, BODY),
        signer.sign(&id(), TIME, b"{}"),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn keys() {
    let cases = [
        (
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Err(SigningKeyError::Prefix),
        ),
        ("", Err(SigningKeyError::Prefix)),
        ("whsec_", Err(SigningKeyError::Length { length: 0 })),
        ("whsec_%%%", Err(SigningKeyError::Base64)),
        ("whsec_c2hvcnQ=", Err(SigningKeyError::Length { length: 5 })),
        // 25 bytes, with and without padding.
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==", Ok(())),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA", Ok(())),
    ];
    for (text, wanted) in cases {
        assert_eq!(text.parse::<SigningKey>().map(drop), wanted, "{text}");
    }
    let error = SigningKeyError::Length { length: 5 };
    assert_eq!(
        error.to_string(),
        "a signing key has 24 to 64 bytes, this one 5"
    );
}
