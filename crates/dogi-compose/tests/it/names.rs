use dogi_compose::{ProjectName, WordsError, split_words};
use proptest::prelude::*;

#[test]
fn names_of_projects() {
    for good in ["a", "0", "dogi-run_7", &"x".repeat(128)] {
        assert_eq!(good.parse::<ProjectName>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "-a",
        "_a",
        "A",
        "a b",
        "a.b",
        "a/b",
        "é",
        &"x".repeat(129),
    ] {
        let error = bad.parse::<ProjectName>().unwrap_err();
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
fn words_of_a_command() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "docker-compose run tests",
            &["docker-compose", "run", "tests"],
        ),
        ("  a\t b\n", &["a", "b"]),
        ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
        ("a b\\ c", &["a", "b c"]),
        ("a ; rm -rf $HOME *", &["a", ";", "rm", "-rf", "$HOME", "*"]),
        ("a ''", &["a", ""]),
    ];
    for (text, words) in cases {
        assert_eq!(split_words(text).unwrap(), words, "{text}");
    }
    for text in ["a 'b", "a \"b", "a \\"] {
        assert!(
            matches!(split_words(text), Err(WordsError::Unbalanced { .. })),
            "{text}"
        );
    }
    for text in ["", "  ", "''"] {
        assert!(
            matches!(split_words(text), Err(WordsError::Empty { .. })),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn words_never_panic(text in ".*") {
        let _ = split_words(&text);
    }
}
