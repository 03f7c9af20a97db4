//! Which signatures are accepted. The fixed ones were computed with Python's hashlib and hmac.

use dogi_url::{
    Expiry, Keys, RawTarget, Scheme, Secret, SecretError, SignError, SignatureError, SignedBy,
    Unverified,
};

use crate::support::{PREVIOUS, REPO, SECRET, keys, secret};

const DEMO: &str = "/https/github.com/ovenator/dogi-scrapy-demo.git?id=all_pages&action=run&output=log&file_data=/app/data.jsonl&bashc=pipenv%20run%20scrapy";
const DEMO_SHA1: &str = "c878bea934101cfb8369cc10e6b63977132db120";
const DEMO_HMAC: &str = "4d35bdd83896f2e135a637894a715af3665fb8e7049f7fc43e3a21c5105b3cbd";
const REPO_SHA1: &str = "979720aabc222db13372506af78155e6f021dece";
const REPO_HMAC: &str = "0ae85132341300516d61199bbc0965eb3a4d158828d692536028129bf552ee4c";
const REPO_HMAC_PREVIOUS: &str = "0a7f377590c629fd5ad5bb6e99fde844910895568926682c6860d1ac2b7b0c76";
const EXP_2000_HMAC: &str = "cbb2af9653f324431dcde0ef323d75329da25812c6ee17ab0b3ebf9074ab68b5";

fn verify(keys: &Keys, target: &str, now: u64) -> Result<Option<SignedBy>, SignatureError> {
    let target = RawTarget::split(target).expect("a request target");
    Unverified::new(target)
        .verify(keys, now)
        .map(|verified| verified.signed_by())
}

#[test]
fn good_signatures() {
    let by = |scheme, previous| Some(SignedBy { scheme, previous });
    let cases = [
        (format!("{DEMO}&sig={DEMO_SHA1}"), by(Scheme::Legacy, false)),
        (format!("{DEMO}&sig={DEMO_HMAC}"), by(Scheme::Hmac, false)),
        (
            format!("{DEMO}&sig={}", DEMO_HMAC.to_uppercase()),
            by(Scheme::Hmac, false),
        ),
        (
            format!("{DEMO}&sig={}", DEMO_SHA1.to_uppercase()),
            by(Scheme::Legacy, false),
        ),
        (format!("{REPO}?sig={REPO_SHA1}"), by(Scheme::Legacy, false)),
        (format!("{REPO}?sig={REPO_HMAC}"), by(Scheme::Hmac, false)),
        (
            format!("{REPO}?sig={REPO_HMAC_PREVIOUS}"),
            by(Scheme::Hmac, true),
        ),
        (
            format!("{REPO}?exp=2000&sig={EXP_2000_HMAC}"),
            by(Scheme::Hmac, false),
        ),
    ];
    for (target, wanted) in cases {
        assert_eq!(verify(&keys(), &target, 2000), Ok(wanted), "{target}");
    }
}

#[test]
fn changed_targets() {
    let changed = [
        format!("{DEMO}0&sig={DEMO_HMAC}"),
        format!("{DEMO}0&sig={DEMO_SHA1}"),
        format!("{DEMO}&&sig={DEMO_HMAC}"),
        format!("{DEMO}&bashc=evil&sig={DEMO_HMAC}"),
        // the same meaning in other bytes
        format!("{}&sig={DEMO_HMAC}", DEMO.replace("%20", "+")),
        format!("{}&sig={DEMO_HMAC}", DEMO.replace("action", "%61ction")),
        format!(
            "{}&sig={DEMO_HMAC}",
            DEMO.replace("github.com", "GitHub.com")
        ),
        // another order
        format!(
            "{}&sig={DEMO_HMAC}",
            DEMO.replace("id=all_pages&action=run", "action=run&id=all_pages")
        ),
        // the end of the path moved
        format!("{REPO}?&sig={REPO_HMAC}"),
        format!("{REPO}/?sig={REPO_HMAC}"),
        // another URL's signature
        format!("{REPO}?sig={DEMO_HMAC}"),
        format!("{REPO}?sig={DEMO_SHA1}"),
        // one bit
        format!("{REPO}?sig=1{}", &REPO_HMAC[1..]),
        format!("{REPO}?sig={}d", &REPO_HMAC[..63]),
        format!("{REPO}?sig={}", "0".repeat(64)),
        format!("{REPO}?sig={}", "0".repeat(40)),
    ];
    for target in changed {
        assert_eq!(
            verify(&keys(), &target, 0),
            Err(SignatureError::Mismatch),
            "{target}"
        );
    }
}

#[test]
fn misplaced_and_malformed_signatures() {
    let malformed = |length| SignatureError::Malformed { length };
    let escaped = |name: &str| SignatureError::Escaped {
        name: format!("{name:?}"),
    };
    let cases = [
        (REPO.to_owned(), SignatureError::Missing),
        (format!("{REPO}?"), SignatureError::Missing),
        (format!("{REPO}?action=run"), SignatureError::Missing),
        (format!("{REPO}?sig"), malformed(0)),
        (format!("{REPO}?sig="), malformed(0)),
        (format!("{REPO}?sig={}", &REPO_HMAC[1..]), malformed(63)),
        (format!("{REPO}?sig={REPO_HMAC}0"), malformed(65)),
        (format!("{REPO}?sig=g{}", &REPO_HMAC[1..]), malformed(64)),
        (format!("{REPO}?sig=%30{}", &REPO_HMAC[1..]), malformed(66)),
        (format!("{REPO}?sig=%30{}", &REPO_HMAC[3..]), malformed(64)),
        (format!("{REPO}?sig=sha256={REPO_HMAC}"), malformed(71)),
        (format!("{REPO}?sig={REPO_HMAC}?x"), malformed(66)),
        // text after it
        (format!("{REPO}?sig={REPO_HMAC}&"), SignatureError::NotLast),
        (
            format!("{REPO}?sig={REPO_HMAC}&bashc=evil"),
            SignatureError::NotLast,
        ),
        (format!("{REPO}?sig={REPO_HMAC}&&"), SignatureError::NotLast),
        // twice: the original takes this one
        (
            format!("{REPO}?sig={REPO_HMAC}&sig=&bashc=evil"),
            SignatureError::Repeated { count: 2 },
        ),
        (
            format!("{REPO}?sig={REPO_HMAC}&sig={REPO_HMAC}"),
            SignatureError::Repeated { count: 2 },
        ),
        (
            format!("{REPO}?sig&sig={REPO_HMAC}"),
            SignatureError::Repeated { count: 2 },
        ),
        // hidden
        (format!("{REPO}?%73ig={REPO_HMAC}"), escaped("%73ig")),
        (
            format!("{REPO}?s%69%67=x&sig={REPO_HMAC}"),
            escaped("s%69%67"),
        ),
        (format!("{REPO}?sig={REPO_HMAC}&%73ig=x"), escaped("%73ig")),
        // another name
        (format!("{REPO}?SIG={REPO_HMAC}"), SignatureError::Missing),
        (format!("{REPO}?xsig={REPO_HMAC}"), SignatureError::Missing),
        (
            format!("{REPO}?cb=http://x/?sig={REPO_HMAC}"),
            SignatureError::Missing,
        ),
        (format!("/sig={REPO_HMAC}"), SignatureError::Missing),
    ];
    for (target, wanted) in cases {
        assert_eq!(verify(&keys(), &target, 0), Err(wanted), "{target}");
    }
}

#[test]
fn expiry_counts_only_when_the_signature_is_good() {
    let target = format!("{REPO}?exp=2000&sig={EXP_2000_HMAC}");
    assert!(verify(&keys(), &target, 1999).is_ok());
    assert!(verify(&keys(), &target, 2000).is_ok());
    let expired = SignatureError::Expired {
        exp: 2000,
        now: 2001,
    };
    assert_eq!(verify(&keys(), &target, 2001), Err(expired));
    let forged = target.replace("2000", "9000");
    assert_eq!(
        verify(&keys(), &forged, 2001),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn bad_expiries() {
    for bad in [
        "",
        "-1",
        "+1",
        "1.5",
        "soon",
        "99999999999999999999",
        "%31x",
        "0x10",
        "1e3",
    ] {
        let target = format!("{REPO}?exp={bad}");
        let raw = RawTarget::split(&target).expect("a request target");
        let error = Unverified::new(raw)
            .danger_accept_unsigned()
            .expect_err(bad);
        assert!(error.is_bad_input(), "{error}");
    }
    let twice = format!("{REPO}?exp=1&e%78p=2");
    let raw = RawTarget::split(&twice).expect("a request target");
    assert_eq!(
        Unverified::new(raw)
            .danger_accept_unsigned()
            .expect_err("twice"),
        SignatureError::ParameterRepeated {
            parameter: "exp",
            count: 2
        }
    );
}

#[test]
fn rotation() {
    let sign = |secret_text| {
        let keys = Keys::new(Some(secret(secret_text)), [], false);
        keys.sign(REPO, Expiry::Never, Scheme::Hmac)
            .expect("it can be signed")
    };
    let (old, new) = (sign(PREVIOUS), sign(SECRET));
    let during = Keys::new(Some(secret(SECRET)), [secret(PREVIOUS)], false);
    let after = Keys::new(Some(secret(SECRET)), [], false);
    assert!(verify(&during, &old, 0).is_ok());
    assert!(verify(&during, &new, 0).is_ok());
    assert_eq!(verify(&after, &old, 0), Err(SignatureError::Mismatch));
    assert!(verify(&after, &new, 0).is_ok());
    let only_previous = Keys::new(None, [secret(PREVIOUS)], false);
    assert!(verify(&only_previous, &old, 0).is_ok());
    assert_eq!(
        only_previous.sign(REPO, Expiry::Never, Scheme::Hmac),
        Err(SignError::NoSecret)
    );
}

#[test]
fn legacy_can_be_switched_off() {
    let strict = Keys::new(Some(secret(SECRET)), [], false);
    let legacy = format!("{REPO}?sig={REPO_SHA1}");
    assert_eq!(
        verify(&strict, &legacy, 0),
        Err(SignatureError::LegacyRefused)
    );
    // said whether or not the signature is good: it is no oracle
    let bad = format!("{REPO}?sig={}", "0".repeat(40));
    assert_eq!(verify(&strict, &bad, 0), Err(SignatureError::LegacyRefused));
    assert!(verify(&strict, &format!("{REPO}?sig={REPO_HMAC}"), 0).is_ok());
}

#[test]
fn without_a_secret_nothing_is_accepted() {
    let none = Keys::default();
    assert!(none.is_empty());
    assert_eq!(verify(&none, REPO, 0), Err(SignatureError::NoSecret));
    let signed = format!("{REPO}?sig={REPO_HMAC}");
    assert_eq!(verify(&none, &signed, 0), Err(SignatureError::NoSecret));
}

#[test]
fn secrets_are_long_enough_and_never_shown() {
    assert_eq!(
        Secret::new("five5").map(|_| ()),
        Err(SecretError::TooShort {
            length: 5,
            least: 6
        })
    );
    assert!(Secret::new("äöüäöü").is_ok(), "characters count, not bytes");
    let shown = format!("{:?} {:#?}", secret(SECRET), keys());
    assert!(!shown.contains("correct"), "{shown}");
}

#[test]
fn signing_equals_the_vectors() {
    let keys = keys();
    let sign =
        |target, expiry, scheme| keys.sign(target, expiry, scheme).expect("it can be signed");
    assert_eq!(
        sign(DEMO, Expiry::Never, Scheme::Legacy),
        format!("{DEMO}&sig={DEMO_SHA1}")
    );
    assert_eq!(
        sign(DEMO, Expiry::Never, Scheme::Hmac),
        format!("{DEMO}&sig={DEMO_HMAC}")
    );
    assert_eq!(
        sign(REPO, Expiry::Never, Scheme::Hmac),
        format!("{REPO}?sig={REPO_HMAC}")
    );
    assert_eq!(
        sign(REPO, Expiry::At(2000), Scheme::Hmac),
        format!("{REPO}?exp=2000&sig={EXP_2000_HMAC}")
    );
}

#[test]
fn signing_whole_urls() {
    let keys = keys();
    let sign = |url: &str| keys.sign_url(url, Expiry::Never, Scheme::Hmac);
    let signed = format!("{REPO}?sig={REPO_HMAC}");
    for base in [
        "",
        "http://localhost:3001",
        "https://dogi.ove.me",
        "HTTPS://[::1]:3001",
    ] {
        assert_eq!(
            sign(&format!("{base}{REPO}")),
            Ok(format!("{base}{signed}"))
        );
    }
    for bad in [
        "",
        "dogi.ove.me/https/x/y",
        "https://dogi.ove.me",
        "https://dogi.ove.me?/x",
        "ftp://x/y",
        "httpß",
    ] {
        assert!(matches!(sign(bad), Err(SignError::NotAUrl { .. })), "{bad}");
    }
}

#[test]
fn what_is_signed_already_is_not_signed_again() {
    let keys = keys();
    let sign = |target: &str, expiry| keys.sign(target, expiry, Scheme::Hmac);
    for target in ["/x?sig=1", "/x?sig", "/x?%73ig=1", "/x?sig=1&a=2"] {
        assert_eq!(
            sign(target, Expiry::Never),
            Err(SignError::AlreadySigned),
            "{target}"
        );
    }
    assert_eq!(
        sign("/x?exp=1", Expiry::At(2)),
        Err(SignError::AlreadyExpires)
    );
    assert!(sign("/x?exp=1", Expiry::Never).is_ok());
    for bad in ["/x?exp=soon", "/x?exp=1&exp=2", "/x?body_sha256=0"] {
        assert!(
            matches!(sign(bad, Expiry::Never), Err(SignError::Parameter(_))),
            "{bad}"
        );
    }
    for bad in ["x", "", "/x#y", "/x\ny", "/x\0"] {
        assert!(
            matches!(sign(bad, Expiry::Never), Err(SignError::Target(_))),
            "{bad:?}"
        );
    }
    let long = format!("/{}", "x".repeat(RawTarget::MAX_BYTES - 1));
    assert!(matches!(
        sign(&long, Expiry::Never),
        Err(SignError::Target(_))
    ));
}

/// What clients escape by themselves is escaped before it is signed, so that the signature is
/// about the bytes that will be sent.
#[test]
fn signing_escapes_what_clients_would() {
    let keys = keys();
    let signed = keys.sign(
        "/x y/ä?bashc=echo 'a' \"b\" <c>&d=%20",
        Expiry::Never,
        Scheme::Hmac,
    );
    let signed = signed.expect("it can be signed");
    let wanted = "/x%20y/%C3%A4?bashc=echo%20%27a%27%20%22b%22%20%3Cc%3E&d=%20&sig=";
    assert_eq!(&signed[..signed.len() - 64], wanted);
    assert!(verify(&keys, &signed, 0).is_ok());
}

#[test]
fn unsigned_targets_keep_their_shape() {
    let accept = |target: &str| {
        let raw = RawTarget::split(target).expect("a request target");
        Unverified::new(raw)
            .danger_accept_unsigned()
            .map(|v| v.query().to_owned())
    };
    assert_eq!(accept("/x?a=1&sig=nonsense"), Ok("a=1".to_owned()));
    assert_eq!(accept("/x?sig=nonsense"), Ok(String::new()));
    assert_eq!(accept("/x"), Ok(String::new()));
    assert_eq!(accept("/x?a=1"), Ok("a=1".to_owned()));
    assert_eq!(accept("/x?sig=1&a=1"), Err(SignatureError::NotLast));
    assert_eq!(
        accept("/x?sig=1&sig=1"),
        Err(SignatureError::Repeated { count: 2 })
    );
}
