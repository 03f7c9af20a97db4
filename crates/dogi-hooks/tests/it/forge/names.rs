use dogi_hooks::forge::{DeliveryId, FullName, Line, Ref, Word};

#[test]
fn full_names() {
    for good in ["o/r", "a/b/c", "o/.github", "O-1/r_2.x", "1/2"] {
        let name = FullName::new(good).unwrap();
        assert_eq!(format!("{}/{}", name.owner(), name.name()), good);
    }
    let long = format!("o/{}", "r".repeat(511));
    for bad in [
        "", "r", "/r", "o/", "o//r", "o/..", "./r", "-o/r", "o/-r", "o/r r", "o/ü", "o\\r/x", &long,
    ] {
        assert!(FullName::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn words_and_ids() {
    for good in ["push", "Merge Request Hook", "pull_request", "x.y-z"] {
        assert_eq!(Word::new(good).unwrap().as_str(), good);
    }
    let long = "x".repeat(65);
    for bad in [
        "", " x", "x ", "a  b", "-x", "_x", "a/b", "a\tb", "ä", &long,
    ] {
        assert!(Word::new(bad).is_err(), "{bad}");
    }
    assert!(DeliveryId::new("72d3162e-cc78-11e3-81ab-4c9367dc0958").is_ok());
    for bad in ["", "a b", ".x", "../x", "a/b", &"x".repeat(129)] {
        assert!(DeliveryId::new(bad).is_err(), "{bad}");
    }
    let error = serde_json::from_str::<FullName>("\"x\"")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("\"x\" is not the full name"), "{error}");
}

#[test]
fn refs() {
    let name = |text: &str| Ref::parse_full(text).unwrap().map(|it| it.to_string());
    for full in [
        "refs/heads/main",
        "refs/heads/a/b",
        "refs/tags/v1",
        "refs/heads/refs/tags/x",
    ] {
        assert_eq!(name(full).as_deref(), Some(full));
    }
    for other in ["", "main", "refs/pull/7/head", "refs/headsx", "heads/main"] {
        assert_eq!(name(other), None);
    }
    let tag = Ref::parse_full("refs/tags/v1").unwrap().unwrap();
    assert_eq!(tag.tag().unwrap().as_str(), "v1");
    assert_eq!(tag.branch(), None);
    assert!(Ref::parse_full("refs/heads/-x").is_err());
}

#[test]
fn long_lines_are_cut() {
    let line = Line::first_of(&"ä".repeat(201));
    assert_eq!(line.as_str().chars().count(), 200);
    assert!(line.as_str().ends_with("ä…"));
    assert_eq!(Line::first_of(&"ä".repeat(200)).as_str(), "ä".repeat(200));
}
