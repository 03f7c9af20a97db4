use dogi_compose::parse_dotenv;
use proptest::prelude::*;

#[test]
fn lines() {
    let cases: [(&str, &[(&str, &str)]); 14] = [
        ("", &[]),
        ("# only this\n\n", &[]),
        ("A=1\nB=two words", &[("A", "1"), ("B", "two words")]),
        ("export A=1", &[("A", "1")]),
        ("  A = 1  ", &[("A", "1")]),
        ("A=", &[("A", "")]),
        ("A=x#y # z", &[("A", "x#y")]),
        ("A='x $y # \"z'  # c", &[("A", "x $y # \"z")]),
        (r#"A="x\n\"y\" \$z \w""#, &[("A", "x\n\"y\" $z \\w")]),
        ("A=$B", &[("A", "$B")]),
        ("A", &[]),
        ("A=1\nA=2", &[("A", "2")]),
        ("\u{feff}A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]),
        (
            "DOCKER_HOST=tcp://evil\nCOMPOSE_FILE=x\nPATH=.\nLD_PRELOAD=x\nPATHS=ok",
            &[("PATHS", "ok")],
        ),
    ];
    for (text, wanted) in cases {
        let found = parse_dotenv(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn mistakes_name_the_line_and_no_value() {
    for text in [
        "A=1\nA B=secret",
        "A=1\nX='secret",
        "\nX=\"secret",
        "\nX='a' secret",
        "\n=secret",
    ] {
        let error = parse_dotenv(text).unwrap_err();
        assert_eq!(error.line, 2, "{text}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(.|\n){0,80}") {
        let _ = parse_dotenv(&text);
    }

    #[test]
    fn nothing_reserved_comes_through(value in "[^\n\r]{0,20}", prefix in "[ \t]{0,2}(export )?") {
        let text = format!("{prefix}DOCKER_HOST={value}");
        let found = parse_dotenv(&text).unwrap_or_default();
        prop_assert!(found.is_empty());
    }
}
