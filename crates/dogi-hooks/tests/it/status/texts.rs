use dogi_hooks::status::{CommitState, CommitStatus, Description, StatusContext};
use proptest::prelude::*;

use super::status;

#[test]
fn descriptions_are_one_short_line() {
    let long = "ä".repeat(141);
    let cut = format!("{}…", "ä".repeat(139));
    let exact = "ä".repeat(140);
    let at_space = format!("{} {}", "a".repeat(138), "b".repeat(20));
    let cut_at_space = format!("{}…", "a".repeat(138));
    let cases = [
        ("Passed in 4 s", "Passed in 4 s"),
        ("", ""),
        ("  two \t words\r\nand more ", "two words and more"),
        ("a\0b\x1b[31mred\x07 \u{7f}", "ab[31mred"),
        ("\x01 \x02", ""),
        ("abc\u{202e}fed\u{2066}x", "abcfedx"),
        (&long, &cut),
        (&exact, &exact),
        (&at_space, &cut_at_space),
    ];
    for (text, wanted) in cases {
        assert_eq!(Description::new(text).as_str(), wanted, "{text:?}");
    }
}

#[test]
fn contexts_are_taken_as_they_are_or_not_at_all() {
    let longest = "ä".repeat(255);
    for good in ["dogi/tests", "dogi/a b", "ü", &longest] {
        assert_eq!(StatusContext::new(good).unwrap().as_str(), good);
    }
    let too_long = "x".repeat(256);
    for bad in ["", " a", "a ", "a\nb", "a\0", "a\u{202e}b", &too_long] {
        let error = StatusContext::new(bad).unwrap_err().to_string();
        assert!(error.contains("is not the context of a status"), "{error}");
    }
}

#[test]
fn statuses_are_kept_as_json() {
    for state in CommitState::ALL {
        let status = status("acme/app", state);
        let json = serde_json::to_string(&status).unwrap();
        assert!(json.contains(&format!("\"state\":\"{state}\"")), "{json}");
        assert_eq!(serde_json::from_str::<CommitStatus>(&json).unwrap(), status);
    }
    let sneaky = r#"{"repo":"../x","commit":"a","state":"error","context":"c","description":"","target_url":null}"#;
    assert!(serde_json::from_str::<CommitStatus>(sneaky).is_err());
}

proptest! {
    #[test]
    fn every_text_becomes_a_description_that_github_takes(text in any::<String>()) {
        let description = Description::new(&text);
        let shown = description.as_str();
        prop_assert!(shown.chars().count() <= 140);
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert_eq!(shown.trim(), shown);
        prop_assert_eq!(&Description::new(shown), &description);
    }

    #[test]
    fn long_texts_are_cut_between_characters(text in "[a-zä漢🦀 ]{141,300}") {
        let description = Description::new(&text);
        let shown = description.as_str();
        prop_assert!(shown.chars().count() <= 140);
        if let Some(kept) = shown.strip_suffix('…') {
            let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert!(whole.starts_with(kept));
        }
    }
}
